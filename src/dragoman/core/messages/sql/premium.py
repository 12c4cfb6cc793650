"""Charges of premium messages: stored and updated with their messages."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, select

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.premium import PREMIUM_STATES, Charge, Premium, PremiumState
from dragoman.core.messages.model.records import StoredMessage
from dragoman.core.messages.sql.tables import premium_messages
from dragoman.storage.bulk import BulkInsert, BulkUpdate
from dragoman.storage.rows import columns_of, read_all

_INSERT = BulkInsert(premium_messages)
_MOVE = BulkUpdate(
    premium_messages,
    ("message_id", "state"),
    {"state": "{new}"},
    # As with messages, a change retried after an outage may come after later ones.
    where=f"t.state < {PremiumState.TRANSACTION_CAPTURED.value} AND t.state < v.column2",
)


def insert(
    connection: Connection, messages: Iterable[StoredMessage], premium: Premium | None
) -> None:
    """Inserts the charges of a batch's new messages, if they have any."""
    if premium is None:
        return
    state = PREMIUM_STATES[State.QUEUED].value
    _INSERT.run(
        connection,
        [
            (
                *(message.message_id, message.account_id),
                *(state, premium.price, premium.content_type, premium.charity),
                *(premium.invoice_text, premium.revenue_text, None, None),
            )
            for message in messages
        ],
    )


def move(connection: Connection, moves: Iterable[tuple[int, PremiumState]]) -> None:
    """Updates the states of charges; of several for a message the farthest counts."""
    farthest: dict[int, int] = {}
    for message_id, state in moves:
        farthest[message_id] = max(state.value, farthest.get(message_id, 0))
    _MOVE.run(connection, list(farthest.items()))


def find_charges(connection: Connection, message_ids: Collection[int]) -> dict[int, Charge]:
    """The charges of messages, by message."""
    query = select(*columns_of(premium_messages, Charge)).where(
        premium_messages.c.message_id.in_(message_ids)
    )
    return {charge.message_id: charge for charge in read_all(connection, query, Charge)}
