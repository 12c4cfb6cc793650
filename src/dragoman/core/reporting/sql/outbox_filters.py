"""Filters of message searches, as SQL conditions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import eq, gt, lt
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    FromClause,
    Select,
    and_,
    any_,
    exists,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.sql.tables import IS_FAILED, batches, messages, premium_messages
from dragoman.core.reporting.model.outbox import OutboxFilter
from dragoman.storage.text_search import contains_pieces

Columns = ReadOnlyColumnCollection[str, Any]

_COMPARISONS: Final = MappingProxyType[str, Callable[[Any, Any], Any]]({"<": lt, ">": gt, "=": eq})
FAILED: Final = frozenset(
    {State.UNKNOWN, State.UNDELIVERED, State.EXPIRED, State.REJECTED, State.CANCELLED}
)


def text_of(columns: Columns) -> ColumnElement[str]:
    """The text of a message: its own, or that of its batch."""
    return func.coalesce(columns.text, batches.c.text)


def searched_columns(wanted: OutboxFilter) -> Iterator[Column[Any]]:
    """The columns that a search reads; fewer columns make more indexes covering."""
    looks_at = {
        "message_id": True,
        "parts": True,
        "batch_id": wanted.sender or wanted.text,
        "text": wanted.text,
        "state": wanted.states,
        "mcc": wanted.mccs,
        "price": wanted.price is not None,
    }
    return (messages.c[name] for name, wanted_too in looks_at.items() if wanted_too)


def index_of_failed(wanted: OutboxFilter) -> list[ColumnElement[bool]]:
    """The condition by which a database uses the partial index of failed messages."""
    return [IS_FAILED] if wanted.states and set(wanted.states) <= FAILED else []


def narrowing(driver: str, wanted: OutboxFilter) -> Callable[[FromClause], Select[Any]] | None:
    """A function that selects matching messages from a subquery; None without restrictions."""
    looks_into_batches = wanted.sender or wanted.text
    if not (looks_into_batches or conditions_of(wanted, messages.c)):
        return None

    def narrow(candidates: FromClause) -> Select[Any]:
        query = select(candidates).where(*conditions_of(wanted, candidates.c))
        if not looks_into_batches:
            return query
        if driver == "sqlite":
            query = query.join(batches, batches.c.batch_id == candidates.c.batch_id)
            return query.where(*_of_batch(driver, wanted, candidates))
        return query.where(*_of_batches_at_once(driver, wanted, candidates))

    return narrow


def _is_from(sender: str) -> ColumnElement[bool]:
    """Whether a batch has a sender; a number is the same with and without `+`."""
    digits = sender.removeprefix("+")
    if digits.isascii() and digits.isdigit():
        return batches.c.sender.in_((digits, f"+{digits}"))
    return batches.c.sender == sender


def _of_batch(
    driver: str, wanted: OutboxFilter, candidates: FromClause
) -> Iterator[ColumnElement[bool]]:
    """Conditions on a message's batch, and on its text."""
    if wanted.sender:
        yield _is_from(wanted.sender)
    if wanted.text:
        yield contains_pieces(driver, text_of(candidates.c), wanted.text)


def _of_batches_at_once(
    driver: str, wanted: OutboxFilter, candidates: FromClause
) -> Iterator[ColumnElement[bool]]:
    """The same for PostgreSQL, which reads an array of batches ten times as fast as one by one.

    A comparison with true keeps it from turning that into a join.
    """
    theirs = func.array(select(candidates.c.batch_id).scalar_subquery())
    known = select(batches.c.batch_id).where(batches.c.batch_id == any_(theirs))
    if wanted.sender:
        fits = known.where(_is_from(wanted.sender))
        yield candidates.c.batch_id.in_(fits).is_(true())
    if wanted.text:
        own = candidates.c.text
        fits = known.where(contains_pieces(driver, batches.c.text, wanted.text))
        yield or_(
            and_(own.is_(None), candidates.c.batch_id.in_(fits).is_(true())),
            contains_pieces(driver, own, wanted.text),
        )


def conditions_of(wanted: OutboxFilter, columns: Columns) -> list[ColumnElement[bool]]:
    """Conditions on a message's own columns, besides indexed ones."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.price is not None:
        compare = _COMPARISONS[wanted.price_comparison]
        conditions.append(compare(columns.price, wanted.price))
    if wanted.premium_price is not None:
        conditions.append(
            _fits_premium_price(columns.message_id, wanted.premium_price, wanted.price_comparison)
        )
    if wanted.states:
        conditions.append(columns.state.in_([state.value for state in wanted.states]))
    if wanted.mccs:
        conditions.append(columns.mcc.in_(wanted.mccs))
    return conditions


def _fits_premium_price(
    message_id: ColumnElement[Any], price: int, comparison: str
) -> ColumnElement[bool]:
    """Compares the premium price of a message; most have none, and no row for it."""
    compare = _COMPARISONS[comparison]
    charges = exists().where(premium_messages.c.message_id == message_id)
    fits = compare(premium_messages.c.price, literal(price, BigInteger))  # may be any number
    if compare(0, price):
        return ~charges.where(~fits)
    return charges.where(fits)
