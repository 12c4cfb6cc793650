"""Mail to SMS: `[<option>=<value>+…]<apikey>+sms4512345678@<host>`, options also in the subject.

The same fields, checks and refusals as `POST message`; the subject has its options as JSON.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import normalise
from dragoman.dialects.linkmobility.calls import CallGroup
from dragoman.dialects.linkmobility.errors import problem_of
from dragoman.dialects.linkmobility.mapping import DIALECT, MAIL_PROTOCOL
from dragoman.dialects.linkmobility.schemas import Message
from dragoman.dialects.linkmobility.submissions import read_message
from dragoman.mail.contract import Mail, MailRefused, Recipient, Reply

_NUMBER: Final = re.compile(r"sms([0-9]{1,15})", re.ASCII | re.IGNORECASE)
_GENERATED_KEY: Final = re.compile(r"[0-9a-f]{64}", re.ASCII | re.IGNORECASE)
_TAKEN: Final = ("recipients", "message")
"""Fields that the address and the body of a mail give."""
_AUTHENTICATION: Final = Reply(550, "5.7.1", "Access denied, authentication failed")
_REPLIES: Final = {
    400: (554, "5.6.0"),
    401: (550, "5.7.1"),
    403: (550, "5.7.1"),
    404: (554, "5.6.0"),
    503: (451, "4.3.0"),
}
"""What an HTTP status of this API is in SMTP: only what may pass by itself is worth another try."""


class MailAddress(msgspec.Struct, frozen=True, kw_only=True):
    """What an address says."""

    key: str
    number: str
    """As `POST message` takes it, with `+`."""
    options: tuple[tuple[str, str], ...] = ()
    """(field of a message, value), in the order written."""


def parse_address(local_part: str) -> MailAddress:
    """Reads what stands before `@`; ValueError says what is wrong, without repeating the key.

    A key as we make them is hexadecimal and read in either case, as some mail programs lower or
    raise what they send; a key that was chosen counts as it is written, and cannot hold a `+`.
    """
    head, _, target = local_part.rpartition("+")
    *options, key = head.split("+")
    number = _NUMBER.fullmatch(target)
    if number is None or not key:
        raise ValueError("expected [options+]<apikey>+sms4512345678")
    return MailAddress(
        key=key.lower() if _GENERATED_KEY.fullmatch(key) else key,
        number=f"+{number[1]}",
        options=tuple(map(_parse_option, options)),
    )


def _parse_option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise ValueError("expected options such as class=0")
    return name, unquote(value)


class ByMail:
    """Mail as a call that keys have scopes for."""

    def scope_names(self) -> tuple[str, ...]:
        """The scopes that mail is within."""
        return DIALECT, f"{DIALECT}_mail"


BY_MAIL: Final = ByMail()


class LinkMailbox(CallGroup):
    """Takes mail for the accounts whose keys are in its addresses."""

    async def admit(self, local_part: str, client: str) -> Recipient:
        """Knows a recipient by its key; raises `MailRefused`."""
        try:
            address = parse_address(local_part)
        except ValueError as error:
            raise MailRefused(Reply(550, "5.1.3", f"Address is not valid, {error}")) from None
        try:
            account = await self._services.accounts.authenticate_key(
                address.key, client, call=BY_MAIL
            )
            normalise(address.number)
        except Refused as refused:
            raise self._refusal(refused) from None
        return Recipient(
            account_id=account.account_id,
            key=address.key,
            options=address.options,
            number=address.number,
        )

    async def deliver(self, recipients: Sequence[Recipient], mail: Mail, client: str) -> int:
        """Stores a mail as one batch to all recipients; raises `MailRefused`."""
        first = recipients[0]
        try:
            # Once more: the key may have been revoked since the recipient was admitted.
            account = await self._services.accounts.authenticate_key(
                first.key, client, call=BY_MAIL
            )
            message = self._read(first, [recipient.number for recipient in recipients], mail)
            return await self._submit(account, message)
        except Refused as refused:
            raise self._refusal(refused) from None

    async def _submit(self, account: Account, message: Message) -> int:
        zone = self._zone_of(account)
        report_url = self._services.webhooks.report_url(account.account_id, DIALECT)
        submission = read_message(message, account, zone, self._settings, report_url)
        submission = msgspec.structs.replace(submission, protocol=MAIL_PROTOCOL)
        accepted = await self._services.submission.submit(account, submission)
        return accepted.batch_id

    def _read(self, recipient: Recipient, numbers: list[str], mail: Mail) -> Message:
        """The message of a mail; options in the subject win over those in the address."""
        fields: dict[str, Any] = dict(recipient.options) | _read_subject(mail.subject)
        for name in _TAKEN:
            if name in fields:
                raise Refused(RefusalCode.INVALID_FIELD, name, "not an option of a mail")
        try:
            return msgspec.convert({**fields, "recipients": numbers, "message": mail.text}, Message)
        except msgspec.ValidationError as error:
            raise Refused(RefusalCode.MALFORMED_REQUEST, detail=str(error)) from None

    def _refusal(self, refused: Refused) -> MailRefused:
        self._services.metrics.refused[DIALECT, refused.code.value] += 1
        if refused.code is RefusalCode.AUTHENTICATION_FAILED:
            return MailRefused(_AUTHENTICATION)  # without the key: mail servers log replies
        problem = problem_of(refused)
        code, status = _REPLIES.get(problem.status, _REPLIES[400])
        return MailRefused(Reply(code, status, problem.message))


def _read_subject(subject: str) -> dict[str, Any]:
    """The options in a subject; a subject that does not begin as a JSON object has none."""
    if not subject.lstrip().startswith("{"):
        return {}
    try:
        options = msgspec.json.decode(subject, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeEncodeError):
        # A broken option must not send now what was to be sent later.
        raise Refused(RefusalCode.INVALID_FIELD, "subject", "not JSON") from None
    return options
