"""Acceptance: batches, their messages and the held credits, in one transaction."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, select, update

from dragoman.core.billing.model.reservations import Reservation
from dragoman.core.billing.sql import wallets
from dragoman.core.billing.sql.tables import wallets as wallet_table
from dragoman.core.messages.model.lifecycle import BatchState
from dragoman.core.messages.model.premium import Premium
from dragoman.core.messages.model.records import (
    AudienceProgress,
    NewBatch,
    StateChange,
    StoredMessage,
    row_of,
    row_of_batch,
)
from dragoman.core.messages.sql import attachments, changes, premium
from dragoman.core.messages.sql.statistics import IDS_PER_HOUR, Counters, start_of_hour
from dragoman.core.messages.sql.tables import audiences, batches, messages
from dragoman.core.model.errors import Refused
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.rows import is_any
from dragoman.storage.short_ids import short_ids
from dragoman.storage.work import Operation

_INSERT_BATCHES = BulkInsert(batches)
_INSERT_MESSAGES = BulkInsert(messages)
_INSERT_AUDIENCES = BulkInsert(audiences)
_INSERT_SHORT_IDS = BulkInsert(short_ids)


def _accept(connection: Connection, items: list[NewBatch]) -> list[Exception | None]:
    refusals: list[Exception | None] = list(
        wallets.reserve(connection, [(new.batch.batch_id, new.reservation) for new in items])
    )
    accepted = [new for new, refusal in zip(items, refusals, strict=True) if refusal is None]
    _INSERT_BATCHES.run(connection, [row_of_batch(new.batch) for new in accepted])
    attachments.add(connection, accepted)
    _INSERT_AUDIENCES.run(
        connection,
        [
            (
                new.batch.batch_id,
                msgspec.json.encode(new.audience).decode(),
                *row_of(AudienceProgress()),
            )
            for new in accepted
            if new.audience is not None
        ],
    )
    _INSERT_SHORT_IDS.run(
        connection,
        [(new.short_id, new.batch.batch_id) for new in accepted if new.short_id is not None],
    )
    _insert_messages(connection, [message for new in accepted for message in new.messages])
    for new in accepted:
        premium.insert(connection, new.messages, new.batch.options.premium)
    _reject(connection, [change for new in accepted for change in new.rejections])
    return refusals


def _insert_messages(connection: Connection, new: list[StoredMessage]) -> None:
    alike: dict[tuple[int, int, str], list[int]] = {}
    for message in new:
        key = (message.account_id, message.message_id // IDS_PER_HOUR, message.mcc)
        sums = alike.get(key)
        if sums is None:
            alike[key] = [1, message.parts, message.credits, message.price]
        else:
            sums[0] += 1
            sums[1] += message.parts
            sums[2] += message.credits
            sums[3] += message.price
    counters = Counters()
    for (account_id, hour, mcc), (count, parts, credits, price) in alike.items():
        hour_ms = start_of_hour(hour)
        counters.accepted(account_id, hour_ms, mcc, count, parts)
        counters.charged(account_id, hour_ms, mcc, credits, price)
    _INSERT_MESSAGES.run(connection, [row_of(message) for message in new])
    counters.write(connection)


def _reject(connection: Connection, rejections: list[StateChange]) -> None:
    if rejections:
        changes.record.run(connection, rejections)


class AudienceStep(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Further changes of a step of an audience."""

    progress: AudienceProgress
    unpaid: int
    """Recipients without credits: counted as failed, without a message."""
    reservation: Reservation | None


class Expansion(NamedTuple):
    """A step in which recipients of a batch become messages."""

    batch_id: int
    messages: tuple[StoredMessage, ...]
    begin: int
    """Recipients of the batch that were messages before."""
    finished: bool
    """Whether these are the last."""
    premium: Premium | None = None
    """What each recipient pays."""
    rejections: tuple[StateChange, ...] = ()
    """Messages among them that end at once."""
    step: AudienceStep | None = None
    """For a batch with an audience, whose recipients and credits are known only now."""


def _expand(connection: Connection, items: list[Expansion]) -> list[bool | Exception]:
    """False, with nothing stored, for a batch that was stopped meanwhile.

    `Refused` if the wallet cannot hold the credits; its subject is how many are available.
    """
    results: list[bool | Exception] = []
    for item in items:
        as_expected = (
            batches.c.batch_id == item.batch_id,
            batches.c.expanded == item.begin,
            batches.c.waiting_recipients.is_not(None),
        )
        step = item.step
        if step is not None and step.reservation is not None:
            if not is_any(connection, *as_expected):
                results.append(False)
                continue
            (refused,) = wallets.reserve(connection, [(item.batch_id, step.reservation)])
            if refused is not None:
                wanted = sum(message.credits for message in item.messages)
                affordable = _affordable(connection, step.reservation, wanted)
                results.append(Refused(refused.code, str(affordable)))
                continue
        expanded = item.begin + len(item.messages)
        values: dict[str, Any] = {"state": BatchState.RUNNING.value, "expanded": expanded}
        if item.finished:
            values["waiting_recipients"] = None
        if step is not None:
            values["recipients"] = batches.c.recipients + len(item.messages) + step.unpaid
            values["unsent"] = batches.c.unsent + len(item.messages)
            values["failed"] = batches.c.failed + step.unpaid
        moved = connection.execute(update(batches).where(*as_expected).values(**values)).rowcount
        if moved:
            _insert_messages(connection, list(item.messages))
            premium.insert(connection, item.messages, item.premium)
            _reject(connection, list(item.rejections))
            if step is not None:
                done = update(audiences).where(audiences.c.batch_id == item.batch_id)
                connection.execute(done.values(**msgspec.structs.asdict(step.progress)))
        results.append(bool(moved))
    return results


def _affordable(connection: Connection, reservation: Reservation, wanted: int) -> int:
    """How many credits of `wanted` ones all wallets of a reservation can pay together."""
    shares = {share.wallet_id: share.amount for share in (reservation, *reservation.also)}
    limited = select(wallet_table.c.wallet_id, wallet_table.c.available).where(
        wallet_table.c.wallet_id.in_(shares), ~wallet_table.c.unlimited
    )
    rows = connection.execute(limited)
    return min(int(row.available) * wanted // shares[row.wallet_id] for row in rows)


accept = Operation(_accept, "accept_batches", NewBatch, grows=True, overtakes=True)
expand = Operation(_expand, "expand_batches", Expansion, grows=True, overtakes=True)
