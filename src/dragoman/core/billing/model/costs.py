"""What carriers charge us: a price list by prefix, with dates, read from CSV.

A list has one column for the prefix and one for the price of a part, and may have two for the first
and the last day that a price holds (UTC). Prices are integers of a millionth of the operator's
currency: carriers' have more decimals than those shown to customers.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from itertools import chain
from types import MappingProxyType
from typing import Final

import msgspec

from dragoman.core.billing.model.pricing import UNITS_PER_CURRENCY_UNIT
from dragoman.core.model.prefix_map import HEAD, PrefixMap, lengths_of

COSTS_PER_CURRENCY_UNIT: Final = 1_000_000
COSTS_PER_PRICE_UNIT: Final = COSTS_PER_CURRENCY_UNIT // UNITS_PER_CURRENCY_UNIT
MAX_ROWS: Final = 1_000_000
MAX_COMPLAINTS: Final = 20

_COLUMNS: Final = MappingProxyType(
    {
        "prefix": "prefix", "code": "prefix", "dial_code": "prefix", "destination": "prefix",
        "price": "price", "rate": "price", "cost": "price", "price_per_part": "price",
        "from": "from", "valid_from": "from", "effective_date": "from", "start": "from",
        "until": "until", "valid_until": "until", "end_date": "until", "end": "until",
    }
)  # fmt: skip
"""What carriers call the columns."""
_DELIMITERS: Final = ",;\t"
_AMOUNT: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,10})?")
_PREFIX: Final = re.compile(r"(?:\+|00)?([1-9][0-9]{0,14})")
_EPOCH: Final = date(1970, 1, 1)
_DAY_MS: Final = 24 * 3600 * 1000


class RowError(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a row."""

    line: int
    """From 1, the header's; 0 for the list as a whole."""
    problem: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.problem}" if self.line else self.problem


class InvalidPriceList(ValueError):
    """A list that cannot be used; its text says which rows and why."""

    def __init__(self, *errors: RowError | str) -> None:
        rows = [RowError(line=0, problem=one) if isinstance(one, str) else one for one in errors]
        super().__init__("; ".join(map(str, rows)))
        self.errors = tuple(rows)


class Cost(msgspec.Struct, frozen=True, gc=False):
    """A row: what a part to numbers with a prefix costs from one day to another, both included."""

    prefix: str
    amount: int
    """In millionths."""
    first_day: date = date.min
    last_day: date = date.max


class CostList:
    """A carrier's price list."""

    def __init__(self, costs: Iterable[Cost] = ()) -> None:
        self._by_head: dict[str, list[Cost]] = defaultdict(list)
        self._size = 0
        for cost in costs:
            self._by_head[cost.prefix[:HEAD]].append(cost)
            self._size += 1

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Cost]:
        return chain.from_iterable(self._by_head.values())

    def prices_for(self, head: str, day: int) -> dict[str, int]:
        """The amounts by prefix that numbers with these first digits can have on a day.

        Of periods that overlap, the one that began last counts.
        """
        today, found = _EPOCH + timedelta(days=day), dict[str, Cost]()
        for length in range(len(head) + 1):
            for cost in self._by_head.get(head[:length], ()):
                if cost.first_day <= today <= cost.last_day:
                    other = found.get(cost.prefix)
                    if other is None or other.first_day < cost.first_day:
                        found[cost.prefix] = cost
        return {prefix: cost.amount for prefix, cost in found.items()}


Amounts = tuple[int | None, ...]
"""What some carriers charge for a part, in their order; None where a list does not say."""


class CostTable:
    """The price lists of some carriers side by side: one look-up finds the prices of all.

    It is made of the lists as numbers ask for it, by their first digits, and anew each day.
    """

    def __init__(self, lists: Sequence[CostList | None]) -> None:
        self._lists = lists
        self._day = -1
        self._heads: dict[str, tuple[tuple[int, ...], dict[str, Amounts], Amounts]] = {}

    def find(self, digits: str, day: int) -> Amounts:
        """What each carrier charges for a number on a day since 1970."""
        if day != self._day:
            self._day = day
            self._heads = {}
        head = digits[:HEAD]
        found = self._heads.get(head)
        if found is None:
            found = self._heads[head] = self._read(head)
        lengths, amounts, otherwise = found
        for length in lengths:
            if (known := amounts.get(digits[:length])) is not None:
                return known
        return otherwise

    def _read(self, head: str) -> tuple[tuple[int, ...], dict[str, Amounts], Amounts]:
        lists = [
            PrefixMap(one.prices_for(head, self._day)) if one is not None else _NONE
            for one in self._lists
        ]
        prefixes = {prefix for one in lists for prefix in one if len(prefix) > len(head)}
        amounts = {prefix: tuple(one.find(prefix) for one in lists) for prefix in prefixes}
        otherwise = tuple(one.find(head) for one in lists)
        return lengths_of(prefixes), amounts, otherwise


class Costs:
    """The price lists of all carriers."""

    def __init__(self, lists: Mapping[str, CostList] = MappingProxyType({})) -> None:
        self.replace(lists)

    def replace(self, lists: Mapping[str, CostList]) -> None:
        """Takes other lists from here on."""
        self._lists = dict(lists)
        self._tables: dict[tuple[str, ...], CostTable] = {}

    def costs_of(self, carriers: tuple[str, ...], digits: str, at_ms: int) -> Amounts:
        """What carriers charge for a part to a number, in millionths."""
        table = self._tables.get(carriers)
        if table is None:
            table = CostTable([self._lists.get(name) for name in carriers])
            self._tables[carriers] = table
        return table.find(digits, at_ms // _DAY_MS)

    def cost_of(self, carrier: str, digits: str, at_ms: int) -> int | None:
        """What one charges; None if not known."""
        return self.costs_of((carrier,), digits, at_ms)[0]


_NONE: Final = PrefixMap[int]({})


def parse_price_list(text: str) -> tuple[Cost, ...]:
    """The rows of a CSV; raises `InvalidPriceList` with the first wrong ones."""
    lines = text.removeprefix("\ufeff").splitlines()
    if not lines:
        raise InvalidPriceList("is empty")
    delimiter = max(_DELIMITERS, key=lines[0].count)
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    costs: list[Cost] = []
    complaints: list[RowError] = []
    first_lines: dict[tuple[str, date], int] = {}
    try:
        columns = _columns_of(next(rows))
        for number, row in enumerate(rows, 2):
            if not any(cell.strip() for cell in row):
                continue
            try:
                cost = _parse_row(row, columns)
                first = first_lines.setdefault((cost.prefix, cost.first_day), number)
                if first != number:
                    detail = f"prefix {cost.prefix} has another price from the same day"
                    raise ValueError(f"{detail} in line {first}")
                costs.append(cost)
            except ValueError as error:
                complaints.append(RowError(line=number, problem=str(error)))
            if len(complaints) >= MAX_COMPLAINTS or len(costs) > MAX_ROWS:
                break
    except csv.Error as error:
        raise InvalidPriceList(f"is not CSV: {error}") from None
    if len(costs) > MAX_ROWS:
        raise InvalidPriceList(f"has more than {MAX_ROWS} rows")
    if complaints:
        raise InvalidPriceList(*complaints)
    return tuple(costs)


def render_price_list(costs: Iterable[Cost]) -> str:
    """Rows as the CSV that `parse_price_list` reads, in the order of prefixes and days."""
    lines = ["prefix,price,from,until"]
    for cost in sorted(costs, key=_place_of):
        first = "" if cost.first_day == date.min else cost.first_day.isoformat()
        last = "" if cost.last_day == date.max else cost.last_day.isoformat()
        lines.append(f"{cost.prefix},{render_cost(cost.amount)},{first},{last}")
    return "\n".join(lines) + "\n"


class CostChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between two price lists: rows by prefix and first day."""

    new: tuple[Cost, ...] = ()
    changed: tuple[tuple[Cost, Cost], ...] = ()
    """Before and after."""
    removed: tuple[Cost, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.removed)

    @property
    def summary(self) -> str:
        """`3 new, 2 changed, 1 removed`."""
        counted = {"new": self.new, "changed": self.changed, "removed": self.removed}
        parts = [f"{len(rows):,} {word}" for word, rows in counted.items() if rows]
        return ", ".join(parts) or "no changes"

    def lines(self) -> Iterator[str]:
        """Each difference for people, in the order of prefixes."""
        rows = [(_place_of(cost), f"+ {_describe(cost)}") for cost in self.new]
        rows += [
            (_place_of(after), f"~ {_describe(after)}, was {_describe_value(before)}")
            for before, after in self.changed
        ]
        rows += [(_place_of(cost), f"- {_describe(cost)}") for cost in self.removed]
        return (line for _, line in sorted(rows))


def compare_costs(old: Iterable[Cost], new: Iterable[Cost]) -> CostChanges:
    """What a new list changes."""
    before, after = ({_place_of(cost): cost for cost in one} for one in (old, new))
    return CostChanges(
        new=tuple(cost for place, cost in after.items() if place not in before),
        changed=tuple(
            (before[place], cost)
            for place, cost in after.items()
            if place in before and before[place] != cost
        ),
        removed=tuple(cost for place, cost in before.items() if place not in after),
    )


def with_costs(old: Iterable[Cost], more: Iterable[Cost]) -> tuple[Cost, ...]:
    """A list with more rows, which replace those of the same prefix and first day."""
    rows = {_place_of(cost): cost for cost in old}
    rows.update((_place_of(cost), cost) for cost in more)
    return tuple(rows.values())


def _place_of(cost: Cost) -> tuple[str, date]:
    return cost.prefix, cost.first_day


def _describe(cost: Cost) -> str:
    first = "" if cost.first_day == date.min else f" from {cost.first_day.isoformat()}"
    return f"{cost.prefix}{first}: {_describe_value(cost)}"


def _describe_value(cost: Cost) -> str:
    last = "" if cost.last_day == date.max else f" until {cost.last_day.isoformat()}"
    return f"{render_cost(cost.amount)}{last}"


def render_cost(amount: int) -> str:
    """An amount as a decimal, at least two decimals: `0.0345`."""
    sign, amount = "-" if amount < 0 else "", abs(amount)
    whole, rest = divmod(amount, COSTS_PER_CURRENCY_UNIT)
    decimals = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{decimals}"


def _columns_of(header: Sequence[str]) -> dict[str, int]:
    columns: dict[str, int] = {}
    for index, name in enumerate(header):
        column = _COLUMNS.get(re.sub(r"[ _-]+", "_", name.strip().lower()))
        if column is not None:
            if column in columns:
                raise InvalidPriceList(RowError(line=1, problem=f"two columns for {column}"))
            columns[column] = index
    missing = [column for column in ("prefix", "price") if column not in columns]
    if missing:
        problem = f"no column {' and none '.join(missing)}"
        raise InvalidPriceList(RowError(line=1, problem=problem))
    return columns


def _parse_row(row: Sequence[str], columns: Mapping[str, int]) -> Cost:
    cells = {name: row[index].strip() for name, index in columns.items() if index < len(row)}
    prefix = _PREFIX.fullmatch(cells.get("prefix", ""))
    if prefix is None:
        raise ValueError(f"{cells.get('prefix', '')[:32]!r} is not a prefix")
    first, last = _parse_day(cells, "from", date.min), _parse_day(cells, "until", date.max)
    if last < first:
        raise ValueError("ends before it begins")
    return Cost(prefix[1], parse_cost(cells.get("price", "")), first, last)


def parse_cost(text: str) -> int:
    """A decimal amount in millionths, rounded up: a cost is never less than it says."""
    amount = text.replace(",", ".") if text.count(",") == 1 and "." not in text else text
    if _AMOUNT.fullmatch(amount) is None:
        raise ValueError(f"{text[:32]!r} is not a price")
    exact = Decimal(amount) * COSTS_PER_CURRENCY_UNIT
    return int(exact.to_integral_value(ROUND_CEILING))


def _parse_day(cells: Mapping[str, str], name: str, otherwise: date) -> date:
    text = cells.get(name, "")
    if not text:
        return otherwise
    try:
        return datetime.strptime(text[:10], "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise ValueError(f"{text[:32]!r} is not a day such as 2026-12-31") from None
