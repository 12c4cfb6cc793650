"""The calls on TPOA aliases (smSend v1.0, "TPOA API")."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.model.senders import (
    APPROVED_STATES,
    SenderDetails,
    SenderState,
    StoredSender,
)
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.smsend.aliases import schemas
from dragoman.dialects.smsend.mapping import read_flag, read_identifier, render_time, zone_of
from dragoman.dialects.smsend.paging import read_page
from dragoman.dialects.smsend.reading import read_body
from dragoman.dialects.smsend.rendering import Located
from dragoman.dialects.smsend.schemas import Done
from dragoman.web.requests import Request

STATES: Final = MappingProxyType(
    {
        SenderState.PENDING: 0,
        SenderState.APPROVED: 1,
        SenderState.APPROVED_BY_AUTHORITY: 2,
        SenderState.REJECTED: 3,
        SenderState.REJECTED_BY_AUTHORITY: 4,
        SenderState.PREAPPROVED: 9,
    }
)
"""The `alias-state` of each state; the manual's authority is AGCOM."""

CONTACT_TYPES: Final = frozenset({"SERVICE_PHONE", "MAIN_PHONE", "FAX", "EMAIL", "PEC", "WEB"})

DETAILS: Final = MappingProxyType(
    {
        "company": "company_name",
        "first_name": "contact_name",
        "last_name": "contact_surname",
        "tax_code": "cod_fiscale",
        "vat_number": "vat_number",
        "address": "contact_address",
        "city": "contact_city",
        "postal_code": "contact_pcode",
        "contact_type": "contact_type",
        "contact": "contact_info",
    }
)
"""This API's name of each of our details."""

_EVERY_STATE: Final = frozenset(SenderState)


class Aliases:
    """Answers the calls on aliases."""

    def __init__(self, services: Services) -> None:
        self._senders = services.senders
        self._default_zone = services.settings.dialects.smsend.time_zone

    async def enter(self, account: Account, request: Request) -> Located:
        """Enters an alias, which an operator is to approve; raises `Refused`."""
        shown = read_flag(request.query, "getAlias")
        data = read_body(request, schemas.NewAlias).alias
        if not data.alias:
            raise Refused(RefusalCode.MISSING_FIELD, "alias")
        if data.contact_type and data.contact_type not in CONTACT_TYPES:
            known = ", ".join(sorted(CONTACT_TYPES))
            raise Refused(RefusalCode.INVALID_FIELD, "contact-type", known)
        try:
            entered = await self._senders.ask_for(account, data.alias, _details(data))
        except Refused as refused:
            raise _renamed(refused) from None
        body = schemas.EnteredAlias(string=entered.sender) if shown else Done()
        return Located(f"/alias/{entered.sender_id}", body)

    async def list_page(self, account: Account, request: Request) -> schemas.ManyAliases:
        """A page of the account's aliases; raises `Refused`."""
        page = read_page(request.query)
        hidden = read_flag(request.query, "hide-not-approved")
        states = APPROVED_STATES if hidden else _EVERY_STATE
        found, total = await self._senders.list_page(account, states, page.offset, page.size)
        return schemas.ManyAliases(
            alias=tuple(schemas.ListedAlias(**self._fields(account, one)) for one in found),
            total=total,
            page_number=page.number,
            page_size=page.size,
        )

    async def find(self, account: Account, request: Request) -> schemas.OneAlias:
        """An alias; raises `Refused`."""
        found = await self._senders.find(account, _identifier(request))
        return schemas.OneAlias(alias=schemas.Alias(**self._fields(account, found)))

    async def remove(self, account: Account, request: Request) -> Done:
        """Gives an alias up; raises `Refused`."""
        await self._senders.remove(account, _identifier(request))
        return Done()

    def _fields(self, account: Account, sender: StoredSender) -> dict[str, Any]:
        details = sender.details
        return {
            "id_alias": sender.sender_id,
            "alias": sender.sender,
            "notification_time": render_time(
                sender.created_ms, zone_of(account, self._default_zone)
            ),
            "alias_state": STATES[sender.state],
            "is_numeric": sender.sender.removeprefix("+").isdigit(),
            **{name: getattr(details, detail) for detail, name in DETAILS.items()},
        }


def _details(data: schemas.AliasData) -> SenderDetails:
    return SenderDetails(**{detail: getattr(data, name) for detail, name in DETAILS.items()})


def _renamed(refused: Refused) -> Refused:
    """A refusal of a detail, under the manual's name of it."""
    name = DETAILS.get(refused.subject)
    if refused.code is not RefusalCode.INVALID_FIELD or name is None:
        return refused
    return Refused(refused.code, name.replace("_", "-"), refused.detail)


def _identifier(request: Request) -> int:
    return read_identifier(request.path_params["alias_id"], "alias")
