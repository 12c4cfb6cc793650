"""The calls on two-factor codes (newer than the manual, "Two Factor Authentication API")."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.billing.model.message_types import MessageType
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.submission.model.verifications import CODE_DIGITS, MAX_LIFETIME_S
from dragoman.core.submission.verifications import DEFAULT_LIFETIME_S, CodeRequest
from dragoman.dialects.smsend.calls import CallGroup
from dragoman.dialects.smsend.mapping import DIALECT, read_body, read_count, read_text
from dragoman.dialects.smsend.schemas import Done, Value
from dragoman.dialects.smsend.sending.reading import read_sender
from dragoman.web.operations import doc
from dragoman.web.requests import Request

PLACE: Final = "%PIN%"
DEFAULT_BODY: Final = f"PIN: {PLACE}"
MAX_EXPIRY: Final = MAX_LIFETIME_S // 60
"""Minutes."""


class PinRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A code to send."""

    recipient: Value = None
    senderName: Value = None
    sender: Value = None
    expiry: Annotated[Value, doc("Minutes.")] = None
    messageBody: Annotated[
        Value, doc("The text; the code stands for `%PIN%`, else at its end.")
    ] = None
    message_type: Value = None
    message_type_kebab: Value = msgspec.field(default=None, name="message-type")


class PinTry(msgspec.Struct, frozen=True, kw_only=True):
    """A code that a user has entered."""

    recipient: Value = None
    pin: Value = None


class PinVerdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether the code was the right one; `triesRemaining` where it was not."""

    status: str
    triesRemaining: int | None = None


class Pins(CallGroup):
    """Answers the calls on codes."""

    async def send(self, account: Account, request: Request) -> Done:
        """Sends a code; raises `Refused`."""
        given = read_body(request, PinRequest)
        recipient = read_text(given.recipient)
        if not recipient:
            raise Refused(RefusalCode.MISSING_FIELD, "recipient")
        message_type = self._read_type(account, given)
        sender = read_sender(
            read_text(given.senderName) or given.sender,
            message_type,
            refuse=self._settings.refuse_sender,
        )
        has_own = message_type.custom_sender
        body = read_text(given.messageBody) or DEFAULT_BODY
        if PLACE not in body:
            body = f"{body} {PLACE}"

        def text_of(code: str) -> str:
            return body.replace(PLACE, code)

        wanted = CodeRequest(
            recipient=recipient,
            text_of=text_of,
            sender=sender if has_own else self._settings.default_sender,
            allow_any_sender=not has_own,
            ignored_sender="" if has_own else sender,
            lifetime_s=60
            * read_count(given.expiry, "expiry", DEFAULT_LIFETIME_S // 60, MAX_EXPIRY, " minutes"),
            message_type=message_type,
            dialect=DIALECT,
            protocol="REST",
        )
        length = len(text_of("0" * CODE_DIGITS))
        if length > message_type.max_length:
            detail = f"at most {message_type.max_length} characters"
            raise Refused(RefusalCode.TEXT_TOO_LONG, str(length), detail)
        await self._services.verifications.send(account, wanted)
        return Done()

    async def verify(self, account: Account, request: Request) -> PinVerdict:
        """Whether a code is right, which it is once; raises `Refused`."""
        given = read_body(request, PinTry)
        recipient, pin = read_text(given.recipient), _read_pin(given.pin)
        for name, value in (("recipient", recipient), ("pin", pin)):
            if not value:
                raise Refused(RefusalCode.MISSING_FIELD, name)
        verdict = await self._services.verifications.verify(account, recipient, pin)
        if verdict.right:
            return PinVerdict(status="OK")
        return PinVerdict(status="ERROR", triesRemaining=verdict.tries_left)

    def _read_type(self, account: Account, given: PinRequest) -> MessageType:
        """The type that is named, else the first that the account may send; raises `Refused`."""
        name = read_text(given.message_type_kebab) or read_text(given.message_type)
        if name:
            found = self._services.credits.types.find(name)
        else:
            found = next(
                (one for one in self._services.credits.types if account.may_send_type(one.name)),
                None,
            )
        if found is None or not account.may_send_type(found.name):
            raise Refused(RefusalCode.INVALID_FIELD, "message-type", "no such type")
        return found


def _read_pin(value: Value) -> str:
    """A code; one without quotes has lost the zeros it begins with."""
    return f"{value:0{CODE_DIGITS}}" if isinstance(value, int) else read_text(value)
