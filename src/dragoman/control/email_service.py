"""The command on what an account bought of e-mail."""

from __future__ import annotations

import msgspec

from dragoman.control.answers import EmailServiceView
from dragoman.control.house import Controlled
from dragoman.control.requests import ChangeEmailService
from dragoman.core.campaigns.model.mailings import EmailService
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.texts import is_storable

MAX_BILLING = 64
"""Characters."""


async def change_email_service(
    controlled: Controlled, request: ChangeEmailService
) -> EmailServiceView:
    """Writes down what is given, and shows what there is now; raises `Refused`."""
    services = controlled.services
    account = await services.accounts.find(request.username)
    service = await services.mailings.service_of(account) or EmailService()
    given = {
        name: value
        for name in service.__struct_fields__
        if (value := getattr(request, name)) is not None
    }
    if given:
        service = msgspec.structs.replace(service, **given)
        if len(service.billing) > MAX_BILLING or not is_storable(service.billing):
            raise Refused(RefusalCode.INVALID_FIELD, "billing", f"at most {MAX_BILLING} characters")
        await services.mailings.put_service(account, service)
    return EmailServiceView(account=account.username, **msgspec.structs.asdict(service))
