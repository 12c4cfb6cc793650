"""Rows to test with, made as the services make them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, Table, select

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.sql import accounts
from dragoman.core.billing.model.reservations import Reservation, Settlement
from dragoman.core.billing.sql import wallets
from dragoman.core.messages.model.lifecycle import BatchState, State
from dragoman.core.messages.model.records import (
    BatchOptions,
    NewBatch,
    StateChange,
    StoredBatch,
    StoredMessage,
)
from dragoman.core.messages.sql import changes
from dragoman.core.submission.sql import submissions
from dragoman.kit.clock import FixedClock
from dragoman.kit.ids import IdSource
from dragoman.storage.engine import Storage
from dragoman.work_queue.port import Lane


class Rows:
    """Makes rows in a storage; identifiers and times come from a clock that is set by hand."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.write = storage.writer.write
        self.clock = FixedClock()
        self.ids = IdSource(self.clock)

    async def account(
        self, username: str = "acme", *, credits: int | None = None, **more: Any
    ) -> Account:
        """Stores an account; `credits` None is unlimited."""
        account = Account(
            account_id=self.ids.next(), username=username, wallet_id=self.ids.next(), **more
        )
        new = accounts.NewAccount(
            account=account,
            unlimited=credits is None,
            credentials=(),
            created_ms=self.clock.now_ms(),
        )
        await self.write(accounts.create, new)
        if credits:
            await self.write(
                wallets.top_up, wallets.TopUp(account.wallet_id, self.ids.next(), credits, "")
            )
        return account

    def batch(
        self, account: Account, recipients: Sequence[str] = ("4511111111",), **more: Any
    ) -> NewBatch:
        """A batch and its messages, not stored yet; `waiting` leaves the recipients to expand."""
        waiting = more.pop("waiting", False)
        message = {
            "route": "default",
            "mcc": "238",
            "parts": 1,
            "credits": 1,
            "price": 100,
            "state": State.QUEUED,
            **more.pop("message", {}),
        }
        now_ms = self.clock.now_ms()
        stored = StoredBatch(
            **{
                "batch_id": self.ids.next(),
                "account_id": account.account_id,
                "dialect": "test",
                "protocol": "REST",
                "reference": None,
                "sender": "Dragoman",
                "text": "hello",
                "format": "auto",
                "options": BatchOptions(),
                "lane": Lane.SINGLE.value,
                "due_ms": now_ms,
                "expires_ms": now_ms + 3_600_000,
                "state": BatchState.QUEUED if waiting else BatchState.RUNNING,
                "recipients": len(recipients),
                "waiting_recipients": ",".join(recipients).encode() if waiting else None,
                "expanded": 0 if waiting else len(recipients),
                "unsent": len(recipients),
                **more,
            }
        )
        messages = () if waiting else self.messages(stored, recipients, **message)
        return NewBatch(
            batch=stored,
            messages=messages,
            reservation=Reservation(
                wallet_id=account.wallet_id,
                entry_id=self.ids.next(),
                amount=len(recipients) * message["credits"],
            ),
        )

    def messages(
        self, batch: StoredBatch, recipients: Sequence[str], **more: Any
    ) -> tuple[StoredMessage, ...]:
        """The messages of a batch, not stored yet."""
        fields = {
            "route": "default",
            "mcc": "238",
            "parts": 1,
            "credits": 1,
            "price": 100,
            "state": State.QUEUED,
            **more,
        }
        return tuple(
            StoredMessage(
                message_id=self.ids.next(),
                batch_id=batch.batch_id,
                account_id=batch.account_id,
                recipient=recipient,
                **fields,
            )
            for recipient in recipients
        )

    async def accepted(
        self, account: Account, recipients: Sequence[str] = ("4511111111",), **more: Any
    ) -> NewBatch:
        """A stored batch with its messages."""
        new = self.batch(account, recipients, **more)
        await self.write(submissions.accept, new)
        return new

    def change(
        self,
        account: Account,
        new: NewBatch,
        message: StoredMessage,
        before: State,
        after: State,
        **more: Any,
    ) -> StateChange:
        """A step of a message, with the settlement that belongs to it."""
        settlement = None
        if before < State.SENT and message.credits:
            settlement = Settlement(
                wallet_id=account.wallet_id,
                entry_id=self.ids.next(),
                amount=message.credits,
                refund=after in (State.EXPIRED, State.REJECTED, State.CANCELLED),
            )
        return StateChange(
            **{
                "message_id": message.message_id,
                "batch_id": new.batch.batch_id,
                "account_id": account.account_id,
                "mcc": message.mcc,
                "parts": message.parts,
                "before": before,
                "after": after,
                "at_ms": self.clock.now_ms(),
                "counted_in_batch": new.batch.recipients > 1,
                "carrier": "smsc",
                "settlement": settlement,
                **more,
            }
        )

    async def move(self, account: Account, new: NewBatch, *states: State) -> None:
        """Takes the first message of a batch through states, each in a transaction."""
        for before, after in itertools.pairwise(states):
            await self.write(
                changes.record, self.change(account, new, new.messages[0], before, after)
            )

    async def all(self, table: Table) -> list[dict[str, Any]]:
        """Every row of a table, by its primary key."""

        def query(connection: Connection) -> list[dict[str, Any]]:
            rows = connection.execute(select(table).order_by(*table.primary_key.columns))
            return [dict(row._mapping) for row in rows]

        return await self.storage.read(query)


@pytest.fixture
def rows(storage: Storage) -> Rows:
    return Rows(storage)


@pytest.fixture
def make_rows() -> type[Rows]:
    """Makes rows in a storage of the test's own."""
    return Rows
