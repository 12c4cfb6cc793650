"""Refunds to recipients of premium messages.

SMPP has no such operation: refunds are recorded, and settled between the operator of the gateway
and its carrier.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.model.messages import Submission
from dragoman.core.messages.model.records import NewBatch
from dragoman.core.messages.model.views import MessageView
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.use_case import use_case
from dragoman.core.submission.sql import refunds
from dragoman.core.submission.submission import SubmissionService
from dragoman.kit.clock import Clock
from dragoman.storage.writer import Writer


@use_case(kw_only=True)
class Refunds:
    """Refunds each message at most once."""

    writer: Writer
    find_message: Callable[[Account, int], Awaitable[MessageView]]
    submission: SubmissionService
    clock: Clock

    async def refund(
        self, account: Account, message_id: int, *, notice: str, dialect: str, protocol: str
    ) -> None:
        """Refunds a message of the account; raises `Refused`.

        A `notice` is a text to the recipient, from the number that charged it, accepted together
        with the refund or not at all.
        """
        view = await self.find_message(account, message_id)
        if view.options.premium is None:
            raise Refused(RefusalCode.NOT_REFUNDABLE, str(message_id), refunds.NOT_CHARGED)
        if not notice:
            await self.writer.write(refunds.refund, self._refund(account, message_id, None))
            return

        submission = Submission(
            dialect=dialect,
            recipients=(f"+{view.recipient}",),
            text=notice,
            sender=view.sender,
            protocol=protocol,
        )
        decision = await self.submission.decide(account, submission)
        refund = self._refund(account, message_id, decision.new)
        await self.submission.store(decision, refunds.refund, refund)

    def _refund(self, account: Account, message_id: int, notice: NewBatch | None) -> refunds.Refund:
        return refunds.Refund(
            message_id=message_id,
            account_id=account.account_id,
            at_ms=self.clock.now_ms(),
            notice=notice,
        )
