"""Everything that names a number: found, and erased a bounded number of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, delete, func, or_, select, update

from dragoman.core.callbacks.sql.callbacks import load_whole
from dragoman.core.contacts.sql import contact_values
from dragoman.core.contacts.sql.contact_blocks import Tally
from dragoman.core.contacts.sql.tables import contact_profiles, contacts, memberships
from dragoman.core.devices.sql.tables import device_assignments
from dragoman.core.inbound.sql.tables import conversations, inbound_parts, inbound_texts, opt_outs
from dragoman.core.messages.sql.tables import (
    audiences,
    batches,
    callback_attempts,
    callbacks,
    message_events,
    messages,
    parked_receipts,
    parts,
    premium_messages,
)
from dragoman.core.model.urls import hide_passwords
from dragoman.core.retention.model import Erasure
from dragoman.core.retention.sql import forgetting
from dragoman.core.retention.sql.sweeping import (
    MESSAGE_IS_OVER,
    SWATH,
    TEXT_IS_OVER,
    of_account,
)
from dragoman.core.submission.sql.tables import submission_keys, verifications
from dragoman.storage.work import one_by_one

Rows = Iterator[tuple[str, dict[str, Any]]]
"""Names of tables, and rows of theirs."""

_WITHOUT_ACCOUNT: Final = (inbound_parts.c.sender, parked_receipts.c.recipient)
"""Columns of what waits a few hours for something to go with it."""
_WITH_URLS: Final = frozenset({callbacks.c.url.name, batches.c.options.name})
"""Columns with URLs of customers, whose passwords are no business of who asks for an export."""
_OF_MESSAGE: Final = (messages, parts, premium_messages, device_assignments, message_events)


def _is_mine(columns: Any, item: Erasure) -> ColumnElement[bool]:
    return columns.account_id == item.account_id  # type: ignore[no-any-return]


def _named(column: Column[str], item: Erasure) -> tuple[ColumnElement[bool], ...]:
    """Whether a row of the account names the number, in either form, in a column."""
    return of_account(column, item.account_id), column.in_(item.numbers)


def _as_came(item: Erasure) -> list[str]:
    """The spellings of the number in what is stored as a carrier spelled it."""
    return [begin + number for number in item.numbers for begin in ("", "+", "00")]


def read(connection: Connection, item: Erasure, after: dict[str, int]) -> list[tuple[str, Any]]:
    """The next rows that name a number, each with its table; `after` says how far it came."""
    found = list(_read_linked(connection, item, after))
    if found or "others" in after:
        return found
    after["others"] = 1
    return list(_read_others(connection, item))


def _read_linked(connection: Connection, item: Erasure, after: dict[str, int]) -> Rows:
    """Messages and received texts, with what belongs to them."""
    message_ids = _next(connection, messages.c.message_id, messages.c.recipient, item, after)
    for table in _OF_MESSAGE:
        yield from _rows(connection, table, table.c.message_id.in_(message_ids))
    of_messages = messages.c.message_id.in_(message_ids)
    theirs = select(messages.c.batch_id).where(of_messages)
    yield from _rows(connection, batches, batches.c.batch_id.in_(theirs))
    yield from _calls(connection, callbacks.c.message_id.in_(message_ids))
    inbound_ids = _next(connection, inbound_texts.c.inbound_id, inbound_texts.c.sender, item, after)
    yield from _rows(connection, inbound_texts, inbound_texts.c.inbound_id.in_(inbound_ids))
    names_it = or_(*map(callbacks.c.payload.contains, item.numbers))
    for inbound_id in inbound_ids:
        of_text = forgetting.is_call_of_text(inbound_id)
        yield from _calls(connection, of_text, names_it)


def _next(
    connection: Connection,
    key: Column[int],
    column: Column[str],
    item: Erasure,
    after: dict[str, int],
) -> list[int]:
    query = select(key).where(*_named(column, item), key > after.get(key.name, 0)).order_by(key)
    identifiers = list(connection.execute(query.limit(SWATH)).scalars())
    if identifiers:
        after[key.name] = identifiers[-1]
    return identifiers


def _calls(connection: Connection, *conditions: ColumnElement[bool]) -> Rows:
    identifiers = []
    rows = list(_rows(connection, callbacks, *conditions))
    whole = load_whole(connection, [row["callback_id"] for _, row in rows])
    for name, row in rows:
        identifiers.append(row["callback_id"])
        said = whole[row["callback_id"]]._asdict()
        yield name, row | {column: _shown(column, value) for column, value in said.items()}
    attempts = callback_attempts.c.callback_id.in_(identifiers)
    yield from _rows(connection, callback_attempts, attempts)


def _read_others(connection: Connection, item: Erasure) -> Rows:
    if not item.account_id:
        for column in _WITHOUT_ACCOUNT:
            yield from _rows(connection, column.table, column.in_(_as_came(item)))
        return
    contact_ids = []
    for name, row in _rows(connection, contacts, *_named(contacts.c.mobile, item)):
        contact_ids.append(row["contact_id"])
        yield name, row
    for table in (contact_profiles, memberships):
        yield from _rows(connection, table, table.c.contact_id.in_(contact_ids))
    for column in (opt_outs.c.recipient, verifications.c.recipient, conversations.c.number):
        yield from _rows(connection, column.table, *_named(column, item))


def _rows(connection: Connection, table: Any, *conditions: ColumnElement[bool]) -> Rows:
    """Rows of a table as text and numbers, without digests, passwords and other recipients."""
    for row in connection.execute(select(table).where(*conditions).order_by(*table.primary_key)):
        values = {
            str(name): _shown(str(name), value)
            for name, value in row._mapping.items()
            if "digest" not in name and name != batches.c.waiting_recipients.name
        }
        yield str(table.name), values


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, bytes):
        # Octets are those of a part of a text, which may end within a character.
        return value.decode("utf-16-be", "replace")
    return hide_passwords(value) if name in _WITH_URLS and value else value


ERASED_FROM: Final = (
    *("messages", "inbound_texts", "contacts"),
    *("verifications", "inbound_parts", "parked_receipts"),
)
"""The tables whose rows an erasure counts."""


@one_by_one("erase_number")
def erase(connection: Connection, item: Erasure) -> list[int]:
    """How many rows of each table named the number, and the messages among them."""
    message_ids = _over(connection, messages.c.message_id, messages.c.recipient, item)
    inbound_ids = _over(connection, inbound_texts.c.inbound_id, inbound_texts.c.sender, item)
    if message_ids:
        _erase_messages(connection, message_ids, item)
    if inbound_ids:
        forgetting.texts_received(connection, inbound_ids)
        forgetting.numbers_received(connection, inbound_ids)
    others = [0, 0, 0, 0]
    if item.account_id:
        code = verifications.c.recipient
        others[:2] = (
            _erase_contacts(connection, item),
            _delete(connection, code, *_named(code, item)),
        )
    else:
        others[2:] = [_delete(connection, one, one.in_(_as_came(item))) for one in _WITHOUT_ACCOUNT]
    return [len(message_ids), len(inbound_ids), *others, *message_ids]


_IS_OVER: Final = {messages.name: MESSAGE_IS_OVER, inbound_texts.name: TEXT_IS_OVER}


def _over(
    connection: Connection, key: Column[int], column: Column[str], item: Erasure
) -> list[int]:
    """The next rows that name the number and are needed no more."""
    over = _IS_OVER[key.table.name]
    query = select(key).where(*_named(column, item), over).order_by(key).limit(SWATH)
    return list(connection.execute(query).scalars())


def count_needed(connection: Connection, item: Erasure) -> int:
    """How many messages to a number are on their way, or are to be made of a batch.

    And those, with the texts from it, that a customer is still to be told of.
    """
    needed = 0
    for column, over in (
        (messages.c.recipient, MESSAGE_IS_OVER),
        (inbound_texts.c.sender, TEXT_IS_OVER),
    ):
        query = select(func.count()).where(*_named(column, item), ~over)
        needed += connection.execute(query).scalar_one()
    waiting = select(batches.c.waiting_recipients).where(
        batches.c.account_id == item.account_id, batches.c.waiting_recipients.is_not(None)
    )
    for recipients in connection.execute(waiting).scalars():
        text = bytes(recipients).decode()
        needed += forgetting.without_number(text, item.numbers[0]) != text
    return needed


def _erase_messages(connection: Connection, message_ids: Sequence[int], item: Erasure) -> None:
    chosen = select(messages.c.batch_id).where(messages.c.message_id.in_(message_ids))
    batch_ids = list(connection.execute(chosen.distinct()).scalars())
    alone = select(batches.c.batch_id).where(
        batches.c.batch_id.in_(batch_ids), batches.c.recipients == 1
    )
    forgetting.texts_of_batches(connection, list(connection.execute(alone).scalars()))
    forgetting.texts_of_messages(connection, message_ids)
    forgetting.numbers_of_messages(connection, message_ids)
    _erase_requests(connection, batch_ids, item)


def _erase_requests(connection: Connection, batch_ids: Sequence[int], item: Erasure) -> None:
    """The number in what its batches were asked for: references, recipients, audiences."""
    dialects = select(batches.c.dialect).where(batches.c.batch_id.in_(batch_ids))
    keys = submission_keys.c
    for key, names, conditions in (
        (batches.c.batch_id, ("reference", "options"), ()),
        (keys.batch_id, ("recipients",), (_is_mine(keys, item), keys.dialect.in_(dialects))),
        (audiences.c.batch_id, ("content", "done_up_to"), ()),
    ):
        table = key.table
        columns = (*table.primary_key, *(table.c[name] for name in names))
        query = select(*columns).where(*conditions, key.in_(batch_ids))
        for row in connection.execute(query).all():
            before = {name: row._mapping[name] or "" for name in names}
            after = {
                name: forgetting.without_number(text, item.numbers[0])
                for name, text in before.items()
            }
            if after != before:
                this = (column == row._mapping[column] for column in table.primary_key)
                changed = {name: text for name, text in after.items() if text != before[name]}
                connection.execute(update(table).where(*this).values(**changed))


def _erase_contacts(connection: Connection, item: Erasure) -> int:
    """Deletes contacts as their accounts do, and then what is known of them."""
    columns = (contacts.c[name] for name in ("contact_id", "list_id", "fields", "deleted_ms"))
    rows = connection.execute(
        select(*columns).where(*_named(contacts.c.mobile, item)).limit(SWATH)
    ).all()
    tally = Tally()
    for row in rows:
        if row.deleted_ms is None:
            tally.add(item.account_id, row.list_id, (row.contact_id,), -1, 1)
        values = msgspec.json.decode(row.fields, type=dict[int, str], strict=False)
        contact_values.change(connection, row.contact_id, values, {})
    contact_ids = [row.contact_id for row in rows]
    gone = update(contacts).where(contacts.c.contact_id.in_(contact_ids))
    connection.execute(
        gone.values(mobile="", fields="{}", changed_ms=item.at_ms, deleted_ms=item.at_ms)
    )
    for table in (contact_profiles, memberships):
        connection.execute(delete(table).where(table.c.contact_id.in_(contact_ids)))
    tally.write(connection)
    return len(rows)


def _delete(connection: Connection, column: Column[Any], *conditions: ColumnElement[bool]) -> int:
    return connection.execute(delete(column.table).where(*conditions)).rowcount
