"""Lists and their contacts, in the order of their numbers, for audiences."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, TypeAlias

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, select, update

from dragoman.core.contacts.sql import contact_lists as lists
from dragoman.core.contacts.sql.tables import contact_lists, contacts, memberships
from dragoman.core.messages.model.lifecycle import BatchState, State
from dragoman.core.messages.model.records import AudienceProgress, StoredAudience
from dragoman.core.messages.sql.tables import audiences, batches, messages
from dragoman.storage.rows import converter, is_any, is_one_of
from dragoman.storage.work import one_by_one

MAX_READ_ALONE = 8
"""Up to so many lists are read each by its own index; more are found among all contacts."""

Candidate: TypeAlias = Any
"""A row with `mobile`, `contact_id` and `fields` (JSON)."""


class Candidates(NamedTuple):
    """Contacts of lists, in the order of number and identifier."""

    rows: Sequence[Candidate]
    up_to: str | None
    """The number up to which these are all there are; None where there are none beyond."""


class AudienceStop(msgspec.Struct, frozen=True, kw_only=True):
    """Ends an audience before its end."""

    batch_id: int
    reason: str


@one_by_one("stop_audiences")
def stop(connection: Connection, item: AudienceStop) -> None:
    """Lets nobody else get a message; who would have is only counted."""
    of_batch = audiences.c.batch_id == item.batch_id
    connection.execute(update(audiences).where(of_batch).values(stopped=item.reason))


def read_candidates(
    connection: Connection,
    account_id: int,
    list_ids: Sequence[int],
    after: str,
    limit: int,
    group_ids: Sequence[int] = (),
) -> Candidates:
    """The next contacts of lists and groups after a number; all of one number together.

    About `limit` rows for each list.
    """
    if not list_ids and not group_ids:
        return Candidates((), None)
    sources: list[ColumnElement[bool]]
    if len(list_ids) <= MAX_READ_ALONE:
        sources = [contacts.c.list_id == list_id for list_id in list_ids]
    else:
        sources = [and_(contacts.c.account_id == account_id, contacts.c.list_id.in_(list_ids))]
    if group_ids:
        members = select(memberships.c.contact_id).where(memberships.c.list_id.in_(group_ids))
        sources.append(
            and_(contacts.c.account_id == account_id, contacts.c.contact_id.in_(members))
        )
    while True:
        rows: list[Candidate] = []
        cut: str | None = None
        for source in sources:
            query = (
                select(contacts.c.mobile, contacts.c.contact_id, contacts.c.fields)
                .where(source, contacts.c.mobile > after, contacts.c.deleted_ms.is_(None))
                .order_by(contacts.c.mobile, contacts.c.contact_id)
                .limit(limit)
            )
            found = connection.execute(query).all()
            if len(found) == limit and (cut is None or found[-1].mobile < cut):
                cut = found[-1].mobile
            rows.extend(found)
        if len(sources) > 1:
            rows.sort(key=attrgetter("mobile", "contact_id"))
        if cut is None:
            return Candidates(rows, None)
        # More contacts of the last number may follow, so it is left to the next page.
        complete = [row for row in rows if row.mobile < cut]
        if complete:
            return Candidates(complete, complete[-1].mobile)
        limit *= 4


def load_contacts(
    connection: Connection, account_id: int, contact_ids: Collection[int]
) -> list[Candidate]:
    """The account's contacts by identifier; deleted and unknown ones are left out."""
    query = select(contacts.c.mobile, contacts.c.contact_id, contacts.c.fields).where(
        is_one_of(connection.dialect.name, contacts.c.contact_id, contact_ids),
        contacts.c.account_id == account_id,
        contacts.c.mobile != "",  # some have an e-mail address only
        contacts.c.deleted_ms.is_(None),
    )
    return list(connection.execute(query))


def find_contacts_of_numbers(
    connection: Connection, account_id: int, numbers: Collection[str]
) -> dict[str, str]:
    """The fields (JSON) of the oldest contact of each number, as they are now."""
    query = (
        select(contacts.c.mobile, contacts.c.fields)
        .where(
            contacts.c.account_id == account_id,
            contacts.c.mobile.in_(numbers),
            contacts.c.deleted_ms.is_(None),
        )
        .order_by(contacts.c.contact_id.desc())
    )
    return {row.mobile: row.fields for row in connection.execute(query)}


def load_lists(connection: Connection, account_id: int) -> dict[int, int | None]:
    """The account's lists and the parent of each, without deleted ones."""
    return {one.list_id: one.parent_id for one in lists.load(connection, account_id)}


def load_groups(
    connection: Connection, account_id: int, group_ids: Collection[int]
) -> tuple[int, ...]:
    """Those of some groups and tags that the account has."""
    if not group_ids:
        return ()
    query = select(contact_lists.c.list_id).where(
        contact_lists.c.account_id == account_id,
        contact_lists.c.list_id.in_(group_ids),
        contact_lists.c.kind != "list",
        contact_lists.c.deleted_ms.is_(None),
    )
    return tuple(connection.execute(query).scalars())


def load_due_times(
    connection: Connection, account_id: int, batch_ids: Collection[int]
) -> dict[int, int]:
    """The due times of batches of an account; unknown ones are left out."""
    query = select(batches.c.batch_id, batches.c.due_ms).where(
        batches.c.account_id == account_id, batches.c.batch_id.in_(batch_ids)
    )
    return {row.batch_id: row.due_ms for row in connection.execute(query)}


def any_unexpanded(connection: Connection, batch_ids: Collection[int]) -> bool:
    """Whether any of these batches has recipients that are not expanded."""
    return is_any(
        connection,
        batches.c.batch_id.in_(batch_ids),
        batches.c.waiting_recipients.is_not(None),
        batches.c.state != BatchState.CANCELLED.value,
    )


def find_recipients(
    connection: Connection, account_id: int, batch_ids: Collection[int], numbers: Sequence[str]
) -> set[str]:
    """Those of these numbers that are recipients of one of these batches."""
    query = select(messages.c.recipient).where(
        messages.c.account_id == account_id,
        is_one_of(connection.dialect.name, messages.c.recipient, numbers),
        messages.c.batch_id.in_(batch_ids),
        messages.c.state != State.CANCELLED.value,
    )
    return set(connection.execute(query).scalars())


def load(connection: Connection, batch_id: int) -> tuple[StoredAudience, AudienceProgress] | None:
    """The audience of a batch, and the progress of its expansion."""
    row = connection.execute(select(audiences).where(audiences.c.batch_id == batch_id)).first()
    if row is None:
        return None
    progress = converter(AudienceProgress, audiences.c.keys())(row)
    return msgspec.json.decode(row.content, type=StoredAudience), progress
