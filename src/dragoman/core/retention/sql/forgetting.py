"""Texts and numbers in rows that stay: ids, states, counts and sums are not touched."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    delete,
    not_,
    or_,
    select,
    update,
)

from dragoman.core.callbacks.sql.callbacks import CallbackState, Whole, load_whole
from dragoman.core.devices.sql.tables import device_assignments, device_texts
from dragoman.core.inbound.sql.tables import conversations, inbound_texts
from dragoman.core.messages.model.records import BatchOptions, StoredAudience
from dragoman.core.messages.sql.tables import (
    attachments,
    audiences,
    batches,
    callback_attempts,
    callbacks,
    message_events,
    messages,
    premium_messages,
)
from dragoman.core.model.phone_numbers import REMOVED, forms_of
from dragoman.core.submission.sql.tables import submission_keys
from dragoman.kit.ids import SEQUENCE_BITS

CALLBACKS_WITHIN: Final = 1_000 << SEQUENCE_BITS
"""Identifiers after that of a received text among which those of its callbacks are: all are made at
once."""

_IS_OVER: Final = callbacks.c.state != CallbackState.PENDING.value


def texts_of_messages(connection: Connection, message_ids: Sequence[int]) -> None:
    """Forgets texts that messages have of their own."""
    of_message = messages.c.message_id.in_(message_ids)
    own = update(messages).where(of_message, messages.c.text.is_not(None))
    connection.execute(own.values(text=""))
    _blank(connection, message_events.c.message_id, message_ids, detail="", raw="")
    _blank(connection, premium_messages.c.message_id, message_ids, invoice_text="")


def texts_of_batches(connection: Connection, batch_ids: Sequence[int]) -> None:
    """Forgets the texts, links and files that batches share among their messages."""
    _blank(connection, batches.c.batch_id, batch_ids, text="")
    connection.execute(delete(attachments).where(attachments.c.batch_id.in_(batch_ids)))

    def without_texts(options: BatchOptions) -> BatchOptions:
        sold = options.premium and replace(options.premium, invoice_text="")
        return replace(options, premium=sold, push=options.push and replace(options.push, url=""))

    _edit_options(connection, batch_ids, without_texts)


def numbers_of_messages(connection: Connection, message_ids: Sequence[int]) -> None:
    """Forgets recipients, and what carriers and customers' servers said, which may name them."""
    chosen = select(messages.c.message_id, messages.c.batch_id, messages.c.recipient)
    found = connection.execute(chosen.where(messages.c.message_id.in_(message_ids))).all()
    recipients = {row.message_id: row.recipient for row in found}
    _make_pending_whole(connection, message_ids)
    calls = and_(callbacks.c.message_id.in_(recipients), _IS_OVER)
    _edit_callbacks(connection, calls, lambda row: recipients[row.message_id])
    _blank(connection, messages.c.message_id, message_ids, recipient=REMOVED, detail=None)
    _blank(connection, message_events.c.message_id, message_ids, detail="", raw="")
    _blank(connection, device_assignments.c.message_id, message_ids, recipient=REMOVED)
    of_batches = {row.batch_id: row.recipient for row in found}
    _forget_in_own_words(connection, of_batches)
    _forget_in_keys(connection, of_batches)


def _make_pending_whole(connection: Connection, message_ids: Sequence[int]) -> None:
    """Has callbacks that are still to be made say themselves what their messages will not."""
    pending = select(callbacks.c.callback_id).where(
        callbacks.c.message_id.in_(message_ids), not_(_IS_OVER)
    )
    whole = load_whole(connection, list(connection.execute(pending).scalars()))
    rows = [{"id": key, **one._asdict()} for key, one in whole.items()]
    _rewrite(connection, callbacks.c.callback_id, rows, *Whole._fields)


def _forget_in_own_words(connection: Connection, recipients: dict[int, str]) -> None:
    """Forgets the recipient of a batch of one in its URL and return data."""
    query = select(batches.c.batch_id, batches.c.options).where(
        batches.c.batch_id.in_(recipients), batches.c.recipients == 1
    )
    changed = []
    for row in connection.execute(query):
        options = without_number(row.options, recipients[row.batch_id])
        if options != row.options:
            changed.append({"id": row.batch_id, "options": options})
    _rewrite(connection, batches.c.batch_id, changed, "options")


def _forget_in_keys(connection: Connection, recipients: dict[int, str]) -> None:
    """Forgets the recipient of a batch of one in its key, which may be used again then."""
    keys = submission_keys.c
    for row in connection.execute(_keys_of(recipients, batches.c.recipients == 1)).all():
        key = without_number(row.key, recipients[row.batch_id])
        if key != row.key:
            of_key = (keys.account_id == row.account_id, keys.dialect == row.dialect)
            this = update(submission_keys).where(*of_key, keys.key == row.key)
            # Others may be left with the same words.
            connection.execute(this.values(key=f"{key} {row.batch_id}"))


def numbers_of_batches(connection: Connection, batch_ids: Sequence[int]) -> None:
    """Forgets the recipients that batches were asked for."""
    keys = submission_keys.c
    for row in connection.execute(_keys_of(batch_ids, keys.recipients != "")).all():
        removed = ",".join([REMOVED] * (row.recipients.count(",") + 1))
        of_key = (keys.account_id == row.account_id, keys.dialect == row.dialect)
        same = update(submission_keys).where(*of_key, keys.batch_id == row.batch_id)
        connection.execute(same.values(recipients=removed))
    query = select(audiences.c.batch_id, audiences.c.content)
    for asked_for in connection.execute(query.where(audiences.c.batch_id.in_(batch_ids))).all():
        content = msgspec.json.decode(asked_for.content, type=StoredAudience)
        content = replace(content, numbers=(), audience=replace(content.audience, filter=None))
        this = update(audiences).where(audiences.c.batch_id == asked_for.batch_id)
        connection.execute(
            this.values(content=msgspec.json.encode(content).decode(), done_up_to="")
        )


def _keys_of(batch_ids: Collection[int], *conditions: ColumnElement[bool]) -> Select[Any]:
    keys = submission_keys.c
    of_batch = and_(
        keys.account_id == batches.c.account_id,
        keys.dialect == batches.c.dialect,
        keys.batch_id == batches.c.batch_id,
    )
    found = select(submission_keys).join(batches, of_batch)
    return found.where(batches.c.batch_id.in_(batch_ids), *conditions)


def texts_received(connection: Connection, inbound_ids: Sequence[int]) -> None:
    """Forgets what received texts said, also to customers' servers."""
    _edit_calls_of_texts(connection, inbound_ids, without_text)
    _blank(connection, inbound_texts.c.inbound_id, inbound_ids, text="", keyword="")
    _blank(connection, device_texts.c.inbound_id, inbound_ids, digest=None)


def numbers_received(connection: Connection, inbound_ids: Sequence[int]) -> None:
    """Forgets who sent texts."""
    query = select(inbound_texts.c.inbound_id, inbound_texts.c.sender)
    rows = connection.execute(query.where(inbound_texts.c.inbound_id.in_(inbound_ids)))
    senders = {row.inbound_id: row.sender for row in rows}

    def edit(payload: str, inbound_id: int) -> str:
        return without_number(payload, senders[inbound_id])

    _edit_calls_of_texts(connection, inbound_ids, edit)
    _blank(connection, inbound_texts.c.inbound_id, inbound_ids, sender=REMOVED)
    forget_conversations(connection, inbound_ids)
    _blank(connection, device_texts.c.inbound_id, inbound_ids, digest=None)


def forget_conversations(connection: Connection, inbound_ids: Sequence[int]) -> None:
    """Forgets that somebody wrote, where these texts are the last that are known of them."""
    connection.execute(delete(conversations).where(conversations.c.last_id.in_(inbound_ids)))


def without_number(text: str, number: str) -> str:
    """A text in which a number stands in neither form; longer numbers are others."""
    for form in forms_of(number):
        if form in text:
            text = re.sub(rf"(?<![0-9]){re.escape(form)}(?![0-9])", REMOVED, text)
    return text


def without_text(payload: str, _inbound_id: int = 0) -> str:
    """The payload of a callback about a received text, without the text."""
    facts = msgspec.json.decode(payload)
    return msgspec.json.encode({**facts, "text": ""}).decode()


def is_call_of_text(inbound_id: Any) -> ColumnElement[bool]:
    """Whether a callback may be about a received text."""
    table = callbacks.c
    within = table.callback_id.between(inbound_id, inbound_id + CALLBACKS_WITHIN)
    # A further call about the text has the text's own identifier for its message.
    return or_(and_(within, table.message_id == table.callback_id), table.message_id == inbound_id)


def _edit_calls_of_texts(
    connection: Connection, inbound_ids: Sequence[int], edit: Callable[[str, int], str]
) -> None:
    changed = []
    of_text = select(callbacks.c.callback_id, callbacks.c.payload, callbacks.c.origin).where(
        is_call_of_text(bindparam("inbound_id")), _IS_OVER
    )
    for inbound_id in inbound_ids:
        for row in connection.execute(of_text, {"inbound_id": inbound_id}):
            facts = msgspec.json.decode(row.payload)
            if str(inbound_id) in (str(facts.get("inbound_id")), facts.get("key")):
                payload = edit(row.payload, inbound_id)
                changed.append({"id": row.callback_id, "payload": payload, "url": row.origin})
    _store_callbacks(connection, changed)


def _edit_callbacks(
    connection: Connection, which: ColumnElement[bool], number_in: Callable[[Any], str]
) -> None:
    query = select(
        *(callbacks.c[name] for name in ("callback_id", "message_id", "payload", "origin"))
    )
    changed = [
        {
            "id": row.callback_id,
            "payload": without_number(row.payload, number_in(row)),
            "url": row.origin,
        }
        for row in connection.execute(query.where(which))
    ]
    _store_callbacks(connection, changed)


def _store_callbacks(connection: Connection, changed: list[dict[str, Any]]) -> None:
    """Customers may write a number into a URL, and their servers answer with it."""
    _rewrite(connection, callbacks.c.callback_id, changed, "payload", "url")
    identifiers = [row["id"] for row in changed]
    _blank(connection, callbacks.c.callback_id, identifiers, answer=None)
    _blank(connection, callback_attempts.c.callback_id, identifiers, answer="")


def _edit_options(
    connection: Connection, batch_ids: Sequence[int], edit: Callable[[BatchOptions], BatchOptions]
) -> None:
    query = select(batches.c.batch_id, batches.c.options)
    changed = []
    for row in connection.execute(query.where(batches.c.batch_id.in_(batch_ids))):
        options = msgspec.json.decode(row.options, type=BatchOptions)
        edited = edit(options)
        if edited != options:
            written = msgspec.json.encode(edited).decode()
            changed.append({"id": row.batch_id, "options": written})
    _rewrite(connection, batches.c.batch_id, changed, "options")


def _rewrite(
    connection: Connection, key: Column[int], rows: list[dict[str, Any]], *columns: str
) -> None:
    """Stores rows with new values of their own, by the key `id`."""
    if rows:
        of_row = update(key.table).where(key == bindparam("id"))
        connection.execute(of_row.values({name: bindparam(name) for name in columns}), rows)


def _blank(
    connection: Connection, key: Column[int], identifiers: Sequence[int], **values: str | None
) -> None:
    """Stores the same values in all rows with these identifiers."""
    if identifiers:
        connection.execute(update(key.table).where(key.in_(identifiers)).values(**values))
