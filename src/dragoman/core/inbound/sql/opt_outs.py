"""Stored opt-outs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select, update

from dragoman.core.inbound.model.inbound import OptOut, OptOutFilter, OptOutKey
from dragoman.core.inbound.sql.tables import opt_outs, secrets
from dragoman.core.model.phone_numbers import forms_of
from dragoman.kit.ids import first_at
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.rows import are_empty, count, insert_new, read_all, read_one
from dragoman.storage.work import one_by_one, together


class OptOutErasure(msgspec.Struct, frozen=True, kw_only=True):
    """A number of an account, and what stands for it from now on."""

    account_id: int
    recipients: tuple[str, ...]
    """The forms of the number."""
    erased: tuple[str, ...]
    """What stands for each; for all of them from now on the first."""


class OptOutPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the results, and the total."""

    opt_outs: tuple[OptOut, ...]
    total: int


_INSERT = BulkInsert(opt_outs, suffix="ON CONFLICT (account_id, sender, recipient) DO NOTHING")
_AT_ONCE = 100
ERASED: Final = "#"
"""Before the HMAC that stands for an erased number."""
_HASH_KEY: Final = "opt_outs"
_IS_NUMBER: Final = ~opt_outs.c.recipient.startswith(ERASED)
"""Lists show numbers alone: an erased one says nothing to anybody."""


def write(connection: Connection, wanted: Mapping[OptOutKey, OptOut | None]) -> None:
    """Applies the last change of each key: stored, or removed.

    Of the two forms of a number the one that was stored first stays.
    """
    dropped = [key for key, opt_out in wanted.items() if opt_out is None]
    for start in range(0, len(dropped), _AT_ONCE):
        some = dropped[start : start + _AT_ONCE]
        connection.execute(delete(opt_outs).where(or_(*map(_is, some))))
    added = _without_other_forms(
        connection, [opt_out for opt_out in wanted.values() if opt_out is not None]
    )
    _INSERT.run(connection, [msgspec.structs.astuple(opt_out) for opt_out in added])


def _without_other_forms(connection: Connection, added: list[OptOut]) -> list[OptOut]:
    """Those whose number is not stored, or to be stored before, in its other form."""
    others = {
        opt_out.key: msgspec.structs.replace(opt_out.key, recipient=other)
        for opt_out in added
        for other in forms_of(opt_out.recipient)[1:]
    }
    if not others:
        return added
    known: set[OptOutKey] = set()
    wanted = list(others.values())
    columns = (opt_outs.c[name] for name in OptOutKey.__struct_fields__)
    query = select(*columns)
    for start in range(0, len(wanted), _AT_ONCE):
        some = query.where(or_(*map(_is, wanted[start : start + _AT_ONCE])))
        known.update(read_all(connection, some, OptOutKey))
    kept = []
    for opt_out in added:
        if others.get(opt_out.key) not in known:
            known.add(opt_out.key)
            kept.append(opt_out)
    return kept


def _is(key: OptOutKey) -> ColumnElement[bool]:
    return and_(
        opt_outs.c.account_id == key.account_id,
        opt_outs.c.sender == key.sender,
        opt_outs.c.recipient == key.recipient,
    )


@together("add_opt_outs")
def add(connection: Connection, items: list[tuple[OptOut, ...]]) -> None:
    """Inserts opt-outs together; existing ones are unchanged."""
    write(connection, {opt_out.key: opt_out for item in items for opt_out in item})


@one_by_one("remove_opt_outs")
def remove(connection: Connection, key: OptOutKey) -> bool:
    """Whether each existed."""
    return bool(connection.execute(delete(opt_outs).where(_is(key))).rowcount)


@one_by_one("keep_hash_key")
def keep_hash_key(connection: Connection, key: bytes) -> None:
    """Stores the key of erased opt-outs, unless there is one."""
    insert_new(connection, secrets, _SecretRow(name=_HASH_KEY, secret=key))


def load_hash_key(connection: Connection) -> bytes:
    """The key of erased opt-outs; empty before the first."""
    if are_empty(connection, secrets):
        return b""
    query = select(secrets.c.secret).where(secrets.c.name == _HASH_KEY)
    return bytes(connection.execute(query).scalar() or b"")


class _SecretRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of `secrets`."""

    name: str
    secret: bytes


@one_by_one("erase_opt_outs")
def erase(connection: Connection, item: OptOutErasure) -> int:
    """How many opt-outs were of the number."""
    mine = opt_outs.c.account_id == item.account_id
    of_number = (mine, opt_outs.c.recipient.in_(item.recipients))
    query = select(opt_outs.c.opt_out_id, opt_outs.c.sender).where(*of_number)
    oldest: dict[str, int] = {}
    for row in connection.execute(query.order_by(opt_outs.c.opt_out_id)):
        oldest.setdefault(row.sender, row.opt_out_id)
    if oldest:
        # One row stays for each sender: not those of an earlier erasure, nor of the other form.
        of_person = opt_outs.c.recipient.in_((*item.recipients, *item.erased))
        others = delete(opt_outs).where(mine, of_person, opt_outs.c.sender.in_(oldest))
        kept = opt_outs.c.opt_out_id.in_(oldest.values())
        connection.execute(others.where(~kept))
        connection.execute(update(opt_outs).where(kept).values(recipient=item.erased[0]))
    return len(oldest)


def load_keys(connection: Connection) -> Iterator[tuple[int, str, str]]:
    """(account, sender, recipient) of every opt-out."""
    if are_empty(connection, opt_outs):
        return
    query = select(opt_outs.c.account_id, opt_outs.c.sender, opt_outs.c.recipient)
    for row in connection.execute(query):
        yield row.account_id, row.sender, row.recipient


def find(connection: Connection, key: OptOutKey) -> OptOut | None:
    """One opt-out."""
    return read_one(connection, select(opt_outs).where(_is(key)), OptOut)


def load_page(connection: Connection, account_id: int, after: int, limit: int) -> list[OptOut]:
    """Opt-outs of an account after one, oldest first."""
    query = (
        select(opt_outs)
        .where(opt_outs.c.account_id == account_id, opt_outs.c.opt_out_id > after, _IS_NUMBER)
        .order_by(opt_outs.c.opt_out_id)
        .limit(limit)
    )
    return read_all(connection, query, OptOut)


def search(connection: Connection, wanted: OptOutFilter, offset: int, limit: int) -> OptOutPage:
    """A page of opt-outs, oldest first."""
    conditions = [opt_outs.c.account_id == wanted.account_id, _IS_NUMBER]
    if not wanted.with_senders:
        conditions.append(opt_outs.c.sender == "")
    if wanted.from_ms is not None:
        conditions.append(opt_outs.c.opt_out_id >= first_at(wanted.from_ms))
    if wanted.before_ms is not None:
        conditions.append(opt_outs.c.opt_out_id < first_at(wanted.before_ms))
    if wanted.digits:
        conditions.append(opt_outs.c.recipient.contains(wanted.digits, autoescape=True))
    if wanted.origins is not None:
        conditions.append(opt_outs.c.origin.in_(wanted.origins))
    total = count(connection, *conditions)
    query = select(opt_outs).where(*conditions).order_by(opt_outs.c.opt_out_id)
    page = query.offset(offset).limit(limit)
    found = read_all(connection, page, OptOut) if offset < total else ()
    return OptOutPage(opt_outs=tuple(found), total=total)
