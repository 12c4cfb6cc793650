"""Premium messages: what may be sold, and giving back what was paid (LINK v2 s. 08, 14)."""

from __future__ import annotations

from collections import defaultdict
from types import MappingProxyType
from typing import Annotated, Final

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.model import premium
from dragoman.core.messages.model.premium import ContentKind, PremiumState
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.linkmobility.calls import OK, CallGroup
from dragoman.dialects.linkmobility.mapping import DIALECT, PROTOCOL
from dragoman.dialects.linkmobility.schemas import Text
from dragoman.kit.ids import parse_dashed
from dragoman.web.bodies import decode_body
from dragoman.web.operations import doc
from dragoman.web.requests import Request

STATES: Final = MappingProxyType(
    {
        PremiumState.AUTHORIZE_FORWARDED: "authorize-forwarded",
        PremiumState.AUTHORIZE_REJECTED: "authorize-rejected",
        PremiumState.CAPTURE_FAILED: "capture-failed",
        PremiumState.CAPTURE_FORWARDED: "capture-forwarded",
        PremiumState.CAPTURE_REJECTED: "capture-rejected",
        PremiumState.REFUND_FAILED: "refund-failed",
        PremiumState.SMS_FORWARDED: "sms-forwarded",
        PremiumState.SMS_RECEIVED: "sms-received",
        PremiumState.SMS_REJECTED: "sms-rejected",
        PremiumState.TRANSACTION_AUTHORIZED: "transaction-authorized",
        PremiumState.TRANSACTION_CAPTURED: "transaction-captured",
        PremiumState.TRANSACTION_FAILED: "transaction-failed",
        PremiumState.TRANSACTION_FORWARDED: "transaction-forwarded",
        PremiumState.TRANSACTION_REFUNDED: "transaction-refunded",
        PremiumState.TRANSACTION_REJECTED: "transaction-rejected",
    }
)
"""The `state` of a premium message, in the order of the manual (LINK v2 s. 09)."""

KINDS: Final = MappingProxyType(
    {
        ContentKind.DIGITAL: "digital",
        ContentKind.DONATION: "donation",
        ContentKind.PHYSICAL: "physical",
    }
)
"""The `type` of a content type."""

FLAGS: Final = MappingProxyType({False: "off", True: "on"})
NEVER: Final = "0000-00-00"
"""The `expires` of a content type without an end."""

QUEUED: Final = "Message is now in queue for refund."

_ABOUT_THE_MESSAGE: Final = frozenset({RefusalCode.NOT_FOUND, RefusalCode.NOT_REFUNDABLE})


class Refund(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes with a refund."""

    message: Annotated[Text, doc("A text to the recipient; nothing is sent without one.")] = None


class Refunded(msgspec.Struct, frozen=True, kw_only=True):
    """A refund was accepted."""

    status: int
    statusreason: str


class ContentType(msgspec.Struct, frozen=True, kw_only=True):
    """What a premium message may be for."""

    id: str
    description: str
    type: Annotated[str, doc("digital, donation or physical.")]
    vatexempt: Annotated[str, doc("on or off.")]
    expires: Annotated[str, doc("YYYY-mm-dd; 0000-00-00 for no end.")]


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """Content types, and the short codes they are for."""

    contenttypes: tuple[ContentType, ...]
    shortcodes: Annotated[tuple[str, ...], doc("With `+` and the country's calling code.")]


class Catalogues(msgspec.Struct, frozen=True, kw_only=True):
    """The content types of every short code that the account may use."""

    data: tuple[Catalogue, ...]
    status: int


class Charges(CallGroup):
    """Answers the calls on premium messages."""

    async def refund(self, account: Account, request: Request) -> Refunded:
        """Refunds a message, and sends its recipient the text that is given; raises `Refused`."""
        wanted = decode_body(request, Refund) if request.body.strip() else Refund()
        notice = "" if wanted.message is None else str(wanted.message)
        lookup_id = request.path_params["lookupid"]
        message_id = parse_dashed(lookup_id)
        if message_id is None:
            raise Refused(RefusalCode.NOT_FOUND, lookup_id, "lookup")
        try:
            await self._services.refunds.refund(
                account, message_id, notice=notice, dialect=DIALECT, protocol=PROTOCOL
            )
        except Refused as refused:
            if refused.code not in _ABOUT_THE_MESSAGE:
                raise
            missing = refused.code is RefusalCode.NOT_FOUND
            detail = "lookup" if missing else refused.detail
            raise Refused(refused.code, lookup_id, detail) from None
        return Refunded(status=OK, statusreason=QUEUED)

    async def content_types(self, account: Account, _request: Request) -> Catalogues:
        """The content types of the account's short codes; codes with the same ones together."""
        codes: dict[tuple[premium.ContentType, ...], list[str]] = defaultdict(list)
        for code in self._services.premium.short_codes_of(account):
            codes[code.content_types].append(code.international)
        data = tuple(
            Catalogue(
                contenttypes=tuple(map(_content_type, content_types)), shortcodes=tuple(numbers)
            )
            for content_types, numbers in codes.items()
        )
        return Catalogues(data=data, status=OK)


def _content_type(content_type: premium.ContentType) -> ContentType:
    expires = content_type.expires
    return ContentType(
        id=str(content_type.content_type_id),
        description=content_type.description,
        type=KINDS[content_type.kind],
        vatexempt=FLAGS[content_type.vat_exempt],
        expires=NEVER if expires is None else expires.isoformat(),
    )
