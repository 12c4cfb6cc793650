"""Verifications: a code is sent to a number, and accepted once from whoever reads it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final

import msgspec

from dragoman.core.accounts.credits import Credits
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.billing.model.message_types import MessageType
from dragoman.core.messages.model.messages import Submission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import normalise
from dragoman.core.model.texts import is_storable
from dragoman.core.model.use_case import use_case
from dragoman.core.submission.model.verifications import (
    CODE_DIGITS,
    MAX_LIFETIME_S,
    MIN_LIFETIME_S,
    digest_of_code,
    render_code,
)
from dragoman.core.submission.sql import verifications
from dragoman.core.submission.sql.verifications import CodeTry, NewVerification
from dragoman.core.submission.submission import AcceptedBatch, SubmissionService
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource
from dragoman.storage.engine import Storage

DEFAULT_LIFETIME_S: Final = 3600
MAX_CODE: Final = 64
"""Characters of a tried code; no code is longer."""

DrawNumber = Callable[[int], int]
"""An unpredictable number from 0 on, below the given one."""


class CodeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A code to send."""

    recipient: str
    text_of: Callable[[str], str]
    """Makes the text of the message that carries a code."""
    sender: str = ""
    allow_any_sender: bool = False
    ignored_sender: str = ""
    lifetime_s: int = DEFAULT_LIFETIME_S
    message_type: MessageType | None = None
    dialect: str
    protocol: str = ""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a try."""

    right: bool
    tries_left: int = 0
    """0 also where no code is alive."""


@use_case(kw_only=True)
class Verifications:
    """Sends codes and checks them; only the account's newest code for a number is valid."""

    storage: Storage
    submission: SubmissionService
    credits: Credits
    ids: IdSource
    clock: Clock
    draw: DrawNumber = secrets.randbelow

    async def send(self, account: Account, wanted: CodeRequest) -> AcceptedBatch:
        """Sends a new code to a number, which replaces the one before; raises `Refused`.

        The message and the digest of the code are stored together. A recipient that opted out gets
        no code: that is a refusal.
        """
        if not MIN_LIFETIME_S <= wanted.lifetime_s <= MAX_LIFETIME_S:
            raise Refused(RefusalCode.INVALID_FIELD, "expiry", "one minute to one day")
        code = render_code(self.draw(10**CODE_DIGITS))
        recipient = normalise(wanted.recipient)
        submission = Submission(
            dialect=wanted.dialect,
            protocol=wanted.protocol,
            recipients=(recipient,),
            text=wanted.text_of(code),
            sender=wanted.sender,
            validity_s=wanted.lifetime_s,
            urgent=True,
            payments=await self.credits.payments(account, wanted.message_type),
            message_type=wanted.message_type,
            allow_any_sender=wanted.allow_any_sender,
            ignored_sender=wanted.ignored_sender,
        )
        decision = await self.submission.decide(account, submission)
        if decision.new.rejections:
            raise Refused(RefusalCode.RECIPIENT_NOT_ALLOWED, recipient)
        # Made here, so that the order of codes is the one in which they are stored.
        verification_id, now_ms = self.ids.next(), self.clock.now_ms()
        item = NewVerification(
            verification_id=verification_id,
            account_id=account.account_id,
            recipient=recipient,
            digest=digest_of_code(verification_id, code),
            expires_ms=now_ms + wanted.lifetime_s * 1000,
            now_ms=now_ms,
            batch=decision.new,
        )
        return await self.submission.store(decision, verifications.send, item)

    async def verify(self, account: Account, recipient: str, code: str) -> Verdict:
        """Whether a code is the valid one for a number, which it uses up; raises `Refused`."""
        digits, code = normalise(recipient), code.strip()
        item = CodeTry(
            account_id=account.account_id,
            recipient=digits,
            code=code if len(code) <= MAX_CODE and is_storable(code) else "",
            now_ms=self.clock.now_ms(),
        )
        left = await self.storage.writer.write(verifications.verify, item)
        return Verdict(right=True) if left is None else Verdict(right=False, tries_left=left)
