"""Orders: submissions with a name, unique in the account."""

from __future__ import annotations

from typing import NamedTuple

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.model.lifecycle import BatchState, State
from dragoman.core.messages.model.messages import Submission
from dragoman.core.model.errors import FailureCode, RefusalCode, Refused, existing
from dragoman.core.model.use_case import use_case
from dragoman.core.submission.batches import Batches
from dragoman.core.submission.decisions import AcceptedBatch
from dragoman.core.submission.model.orders import OrderMessage
from dragoman.core.submission.sql import orders
from dragoman.core.submission.sql.orders import NewOrder, OrderPage, RecipientPage, StoredOrder
from dragoman.core.submission.submission import SubmissionService
from dragoman.core.submission.waiting import decode_waiting
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource, render_uuid
from dragoman.storage.engine import Storage


class OrderProgress(NamedTuple):
    """The state of each recipient of an order."""

    messages: tuple[OrderMessage, ...]
    wants_receipt: bool


@use_case(kw_only=True)
class Orders:
    """Places, finds and cancels the orders of accounts."""

    storage: Storage
    submission: SubmissionService
    batches: Batches
    ids: IdSource
    clock: Clock

    def new_order_id(self) -> str:
        """A unique name for an order without one."""
        return render_uuid(self.ids.next())

    async def place(
        self,
        account: Account,
        submission: Submission,
        order_id: str,
        message_type: str,
        *,
        is_new: bool = False,
    ) -> AcceptedBatch:
        """Stores a submission under a name; raises `Refused`.

        `message_type` is the customer's name of the type. The writer checks that the name is free,
        so of two concurrent calls one is refused; `is_new` marks a generated name, which always is.
        """
        decision = await self.submission.decide(account, submission)
        order = NewOrder(
            order_id=order_id, message_type=message_type, batch=decision.new, is_new=is_new
        )
        return await self.submission.store(decision, orders.accept, order)

    async def progress(self, account: Account, order_id: str) -> OrderProgress:
        """The state of the recipients of an order, in its order; raises `Refused`.

        An order that was cancelled before it had messages is not found.
        """
        now_ms = self.clock.now_ms()
        progress = await self.storage.read(
            lambda c: _progress(orders.find(c, account.account_id, order_id), now_ms)
        )
        return existing(progress, _missing(order_id))

    async def cancel(self, account: Account, order_id: str) -> None:
        """Cancels an order that is due later; raises `Refused`."""
        order = await self._find(account, order_id)
        if order.state is not BatchState.QUEUED or order.due_ms <= self.clock.now_ms():
            raise Refused(RefusalCode.NOT_CANCELLABLE, order_id)
        await self.batches.cancel(account, order.batch_id)

    async def cancel_all(self, account: Account) -> int:
        """Cancels every order that is due later; returns their number."""
        now_ms = self.clock.now_ms()
        scheduled = await self.storage.read(
            lambda c: orders.load_scheduled(c, account.account_id, now_ms)
        )
        return await self.batches.cancel_unexpanded(account, scheduled)

    async def page(
        self, account: Account, from_ms: int, to_ms: int | None, offset: int, limit: int
    ) -> OrderPage:
        """A page of the orders placed from one time to another; newest first."""
        return await self.storage.read(
            lambda c: orders.load_page(c, account.account_id, from_ms, to_ms, offset, limit)
        )

    async def page_of_recipient(
        self,
        account: Account,
        recipient: str,
        from_ms: int,
        to_ms: int | None,
        offset: int,
        limit: int,
    ) -> RecipientPage:
        """A page of the order messages to a number (digits) in some time; newest first."""
        return await self.storage.read(
            lambda c: orders.load_page_of_recipient(
                c, account.account_id, recipient, from_ms, to_ms, offset, limit
            )
        )

    async def _find(self, account: Account, order_id: str) -> StoredOrder:
        found = await self.storage.read(lambda c: orders.find(c, account.account_id, order_id))
        return existing(found, _missing(order_id))


def _progress(order: StoredOrder | None, now_ms: int) -> OrderProgress | None:
    if order is None or (order.state is BatchState.CANCELLED and not order.messages):
        return None
    known = {message.recipient for message in order.messages}
    state = State.SCHEDULED if order.due_ms > now_ms else State.QUEUED
    waiting = decode_waiting(order.waiting)[order.expanded :] if order.waiting else ()
    to_come = tuple(
        OrderMessage(recipient=number, state=state, failure=FailureCode.NONE, final_ms=None)
        for number, _ in waiting
        if number not in known
    )
    return OrderProgress(messages=order.messages + to_come, wants_receipt=order.wants_receipt)


def _missing(order_id: str) -> Refused:
    return Refused(RefusalCode.NOT_FOUND, order_id, "order")
