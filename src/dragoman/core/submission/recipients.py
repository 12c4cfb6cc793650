"""The recipients of a batch: of its messages or, before it runs, expected ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dragoman.core.contacts.sql import merge_fields
from dragoman.core.messages.live import LiveBatch
from dragoman.core.messages.model.lifecycle import BatchState
from dragoman.core.messages.model.records import AudienceProgress
from dragoman.core.messages.sql import pending
from dragoman.core.messages.sql.pending import recipients_of_batch
from dragoman.core.submission.audiences import AudienceWalk, decode_fields
from dragoman.core.submission.sql import audiences, batches
from dragoman.core.submission.waiting import decode_waiting

_NO_WALLET = 0


class RecipientPage(NamedTuple):
    """Some recipients of a batch; of an audience with its current merge fields."""

    fields: tuple[str, ...]
    """The names of the merge fields."""
    rows: tuple[tuple[str, ...], ...]
    """Digits of the number, then a value for each field."""


def read_recipients(
    connection: Any, account_id: int, batch_id: int, after: str, limit: int
) -> RecipientPage | None:
    """At most `limit` recipients of a batch after a number; None for an unknown batch."""
    progress = batches.find(connection, account_id, batch_id)
    if progress is None:
        return None
    has_audience = audiences.load(connection, batch_id) is not None
    if progress.state is not BatchState.QUEUED:
        numbers = recipients_of_batch(connection, account_id, batch_id, after, limit)
    elif has_audience:
        numbers = _foreseen(connection, batch_id, after, limit)
    else:
        waiting = decode_waiting(pending.load_waiting(connection, batch_id))
        numbers = _beyond([number for number, _ in waiting], after)[:limit]
    if not has_audience:
        return RecipientPage((), tuple((number,) for number in numbers))
    names = merge_fields.load_names(connection, account_id)
    values = audiences.find_contacts_of_numbers(connection, account_id, numbers)
    keys = [str(field_id) for field_id in names]
    return RecipientPage(
        tuple(names.values()),
        tuple((number, *_values(values, number, keys)) for number in numbers),
    )


def _beyond(numbers: list[str], after: str) -> list[str]:
    if not after:
        return numbers
    return numbers[numbers.index(after) + 1 :] if after in numbers else []


def _foreseen(connection: Any, batch_id: int, after: str, limit: int) -> list[str]:
    """The recipients an audience would have now."""
    batch = LiveBatch(pending.load_batches(connection, [batch_id])[batch_id], _NO_WALLET)
    walk = AudienceWalk(connection, batch)
    segment = walk.audience.segment
    if segment is None or (segment.count is None and segment.percent is None):
        walk.advance(AudienceProgress(done_up_to=after))  # else those before are to be counted
    numbers: list[str] = []
    finished = False
    while not finished and len(numbers) < limit:
        chunk = walk.read(connection, limit)
        numbers.extend(one.number for one in chunk.recipients if one.number > after)
        finished = chunk.finished
        walk.advance(chunk.progress)
    return numbers[:limit]


def _values(found: Mapping[str, str], number: str, keys: Sequence[str]) -> list[str]:
    values = decode_fields(found.get(number, "{}"))
    return [values.get(key, "") for key in keys]
