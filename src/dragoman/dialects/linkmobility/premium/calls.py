"""The calls on premium messages: giving back what was paid, and what may be sold."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.model import premium
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.linkmobility.mapping import DIALECT, PROTOCOL
from dragoman.dialects.linkmobility.premium import schemas
from dragoman.dialects.linkmobility.premium.mapping import FLAGS, KINDS, NEVER
from dragoman.kit.ids import parse_dashed
from dragoman.web.bodies import decode_body
from dragoman.web.requests import Request

OK: Final = 200
QUEUED: Final = "Message is now in queue for refund."

_ABOUT_THE_MESSAGE: Final = frozenset({RefusalCode.NOT_FOUND, RefusalCode.NOT_REFUNDABLE})


class Charges:
    """Answers the calls on premium messages."""

    def __init__(self, services: Services) -> None:
        self._rules = services.premium
        self._refunds = services.refunds

    async def refund(self, account: Account, request: Request) -> schemas.Refunded:
        """Refunds a message, and sends its recipient the text that is given; raises `Refused`."""
        wanted = decode_body(request, schemas.Refund) if request.body.strip() else schemas.Refund()
        notice = "" if wanted.message is None else str(wanted.message)
        lookup_id = request.path_params["lookupid"]
        message_id = parse_dashed(lookup_id)
        if message_id is None:
            raise Refused(RefusalCode.NOT_FOUND, lookup_id, "lookup")
        try:
            await self._refunds.refund(
                account, message_id, notice=notice, dialect=DIALECT, protocol=PROTOCOL
            )
        except Refused as refused:
            if refused.code not in _ABOUT_THE_MESSAGE:
                raise
            missing = refused.code is RefusalCode.NOT_FOUND
            detail = "lookup" if missing else refused.detail
            raise Refused(refused.code, lookup_id, detail) from None
        return schemas.Refunded(status=OK, statusreason=QUEUED)

    async def content_types(self, account: Account, _request: Request) -> schemas.Catalogues:
        """The content types of the account's short codes; codes with the same ones together."""
        codes: dict[tuple[premium.ContentType, ...], list[str]] = defaultdict(list)
        for code in self._rules.short_codes_of(account):
            codes[code.content_types].append(code.international)
        data = tuple(
            schemas.Catalogue(
                contenttypes=tuple(map(_content_type, content_types)), shortcodes=tuple(numbers)
            )
            for content_types, numbers in codes.items()
        )
        return schemas.Catalogues(data=data, status=OK)


def _content_type(content_type: premium.ContentType) -> schemas.ContentType:
    expires = content_type.expires
    return schemas.ContentType(
        id=str(content_type.content_type_id),
        description=content_type.description,
        type=KINDS[content_type.kind],
        vatexempt=FLAGS[content_type.vat_exempt],
        expires=NEVER if expires is None else expires.isoformat(),
    )
