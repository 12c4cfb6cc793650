"""Giving back what a recipient paid for a message.

SMPP has no word for it: what is refunded is recorded, and settled between the operator of the
gateway and its carrier.
"""

from __future__ import annotations

from collections.abc import Callable

from dragoman.domain.accounts import Account
from dragoman.domain.errors import RefusalCode, Refused
from dragoman.domain.messages import Submission
from dragoman.kit.clock import Clock
from dragoman.services.queries import Queries
from dragoman.services.submission import SubmissionService
from dragoman.storage.records import NewBatch
from dragoman.storage.repositories import refunds
from dragoman.storage.writer import Writer


class Refunds:
    """Refunds each message at most once."""

    def __init__(
        self, *, writer: Writer, queries: Queries, submission: SubmissionService, clock: Clock
    ) -> None:
        self._writer = writer
        self._queries = queries
        self._submission = submission
        self._clock = clock

    async def refund(
        self, account: Account, message_id: int, *, notice: str, dialect: str, protocol: str
    ) -> None:
        """Refunds a message of the account; raises `Refused`.

        A `notice` is a text to the recipient, from the number that charged it. It is accepted
        together with the refund, or neither is.
        """
        view = await self._queries.message(account, message_id)
        if view.options.premium is None:
            raise Refused(RefusalCode.NOT_REFUNDABLE, str(message_id), refunds.NOT_CHARGED)
        if not notice:
            await self._writer.write(refunds.refund, self._refund(account, message_id, None))
            return

        def store(new: NewBatch, stored: Callable[[Exception | None], None]) -> None:
            self._writer.submit(refunds.refund, self._refund(account, message_id, new), stored)

        submission = Submission(
            dialect=dialect,
            recipients=(f"+{view.recipient}",),
            text=notice,
            sender=view.sender,
            protocol=protocol,
        )
        await self._submission.submit(account, submission, store=store)

    def _refund(self, account: Account, message_id: int, notice: NewBatch | None) -> refunds.Refund:
        return refunds.Refund(
            message_id=message_id,
            account_id=account.account_id,
            at_ms=self._clock.now_ms(),
            notice=notice,
        )
