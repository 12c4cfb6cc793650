"""Verifications: a code is sent to a number, and accepted once from whoever reads it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Final

import msgspec

from dragoman.core.accounts.credits import Credits
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.billing.model.message_types import MessageType
from dragoman.core.messages.model.messages import Submission
from dragoman.core.messages.sql import pending
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import normalise
from dragoman.core.model.texts import is_storable
from dragoman.core.model.use_case import use_case
from dragoman.core.submission.decisions import AcceptedBatch, Decision
from dragoman.core.submission.model.verifications import (
    CODE_DIGITS,
    ENDED,
    EXHAUSTED,
    MAX_LIFETIME_S,
    MIN_LIFETIME_S,
    NONE_ALIVE,
    digest_of_code,
    is_code,
    render_code,
)
from dragoman.core.submission.sql import verifications
from dragoman.core.submission.sql.verifications import (
    CodeTry,
    NewVerification,
    RepeatedCode,
    StoredVerification,
    VerificationEnd,
)
from dragoman.core.submission.submission import SubmissionService
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource
from dragoman.storage.engine import Storage

DEFAULT_LIFETIME_S: Final = 3600
MAX_CODE: Final = 64
"""Characters of a tried code; no code is longer."""

_CODE: Final = re.compile(r"[0-9]+")

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
    digits: int = CODE_DIGITS
    scope: str = ""
    """What the code is for; codes of different scopes for a number do not touch each other."""
    again: bool = False
    """Whether the code that is alive is sent once more, where there is one."""


class SentCode(msgspec.Struct, frozen=True, kw_only=True):
    """A code that is on its way."""

    verification_id: int
    batch: AcceptedBatch
    sends: int = 1
    """How often the code was sent."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a try."""

    right: bool
    tries_left: int = 0
    """0 also where no code is alive."""
    was_alive: bool = True
    """Whether there was a code; one without tries left is one too."""
    exhausted: bool = False
    """Whether no tries were left before this one."""


@use_case(kw_only=True)
class Verifications:
    """Sends codes and checks them; only the newest code for a number, of a scope, is valid."""

    storage: Storage
    submission: SubmissionService
    credits: Credits
    ids: IdSource
    clock: Clock
    draw: DrawNumber = secrets.randbelow

    async def send(self, account: Account, wanted: CodeRequest) -> SentCode:
        """Sends a new code to a number, which replaces the one before; raises `Refused`.

        With `again`, the one before is sent as long as it is valid, which does not prolong it.
        The message and the digest of the code are stored together. A recipient that opted out gets
        no code: that is a refusal.
        """
        if not MIN_LIFETIME_S <= wanted.lifetime_s <= MAX_LIFETIME_S:
            raise Refused(RefusalCode.INVALID_FIELD, "expiry", "one minute to one day")
        recipient = normalise(wanted.recipient)
        if wanted.again:
            sent = await self._send_again(account, wanted, recipient)
            if sent is not None:
                return sent
        code = render_code(self.draw(10**wanted.digits), wanted.digits)
        decision = await self._decide(account, wanted, recipient, code)
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
            scope=wanted.scope,
        )
        accepted = await self.submission.store(decision, verifications.send, item)
        return SentCode(verification_id=verification_id, batch=accepted)

    async def _send_again(
        self, account: Account, wanted: CodeRequest, recipient: str
    ) -> SentCode | None:
        """Sends the code that is alive once more; None where there is none, or none to be read."""
        known = await self.find_newest(account, recipient, wanted.scope)
        if known is None or not self.is_alive(known) or not known.tries_left:
            return None
        if known.batch_id is None:
            return None
        code = await self._read_code(known.verification_id, known.batch_id)
        if code is None:  # its text was forgotten
            return None
        decision = await self._decide(account, wanted, recipient, code)
        item = RepeatedCode(
            verification_id=known.verification_id,
            account_id=account.account_id,
            recipient=recipient,
            now_ms=self.clock.now_ms(),
            batch=decision.new,
        )
        try:
            accepted = await self.submission.store(decision, verifications.send_again, item)
        except Refused as refused:
            if refused.code is RefusalCode.NOT_FOUND:  # it was accepted or ended meanwhile
                return None
            raise
        return SentCode(
            verification_id=known.verification_id, batch=accepted, sends=known.sends + 1
        )

    async def _read_code(self, verification_id: int, batch_id: int) -> str | None:
        """The code in the text of the message that it was sent in."""
        batches = await self.storage.read(lambda c: pending.load_batches(c, [batch_id]))
        digest = await self.storage.read(lambda c: verifications.digest_of(c, verification_id))
        batch = batches.get(batch_id)
        if batch is None or digest is None:
            return None
        written = _CODE.findall(batch.text)
        return next((code for code in written if is_code(verification_id, code, digest)), None)

    async def _decide(
        self, account: Account, wanted: CodeRequest, recipient: str, code: str
    ) -> Decision:
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
        return decision

    async def find(self, account: Account, verification_id: int) -> StoredVerification | None:
        """One verification of the account, as long as it is known."""
        account_id = account.account_id
        return await self.storage.read(lambda c: verifications.find(c, account_id, verification_id))

    async def find_newest(
        self, account: Account, recipient: str, scope: str
    ) -> StoredVerification | None:
        """The newest verification of a number in a scope; raises `Refused`."""
        account_id, digits = account.account_id, normalise(recipient)
        return await self.storage.read(
            lambda c: verifications.find_newest(c, account_id, digits, scope)
        )

    def is_alive(self, found: StoredVerification) -> bool:
        """Whether the code of a verification can still be tried or ended."""
        return found.tries_left != ENDED and found.expires_ms > self.clock.now_ms()

    async def end(self, account: Account, verification_id: int) -> None:
        """Has a code count no more."""
        item = VerificationEnd(account_id=account.account_id, verification_id=verification_id)
        await self.storage.writer.write(verifications.end, item)

    async def verify(self, account: Account, recipient: str, code: str, scope: str = "") -> Verdict:
        """Whether a code is the valid one for a number, which it uses up; raises `Refused`."""
        digits, code = normalise(recipient), code.strip()
        item = CodeTry(
            account_id=account.account_id,
            recipient=digits,
            code=code if len(code) <= MAX_CODE and is_storable(code) else "",
            now_ms=self.clock.now_ms(),
            scope=scope,
        )
        left = await self.storage.writer.write(verifications.verify, item)
        if left is None:
            return Verdict(right=True)
        return Verdict(
            right=False,
            tries_left=max(left, 0),
            was_alive=left != NONE_ALIVE,
            exhausted=left == EXHAUSTED,
        )
