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
from types import MappingProxyType
from typing import Final

import msgspec

from dragoman.core.billing.model.pricing import UNITS_PER_CURRENCY_UNIT

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
_ALWAYS: Final = (date.min, date.max)
_EPOCH: Final = date(1970, 1, 1)
_DAY_MS: Final = 24 * 3600 * 1000


class InvalidPriceList(ValueError):
    """A list that cannot be used; its text says which rows and why."""


class Cost(msgspec.Struct, frozen=True, gc=False):
    """A row: what a part to numbers with a prefix costs from one day to another, both included."""

    prefix: str
    amount: int
    """In millionths."""
    first_day: date = date.min
    last_day: date = date.max


class CostList:
    """A carrier's price list; finds the longest prefix that has a price on a day."""

    def __init__(self, costs: Iterable[Cost] = ()) -> None:
        periods: dict[str, list[Cost]] = defaultdict(list)
        for cost in costs:
            periods[cost.prefix].append(cost)
        self._rows = sum(map(len, periods.values()))
        self._always: dict[str, int] = {}
        self._dated: dict[str, tuple[Cost, ...]] = {}
        for prefix, rows in periods.items():
            if len(rows) == 1 and (rows[0].first_day, rows[0].last_day) == _ALWAYS:
                self._always[prefix] = rows[0].amount
            else:  # of periods that overlap, the one that began last
                self._dated[prefix] = tuple(sorted(rows, key=_latest_first))
        self._day = 0
        self._lengths: tuple[int, ...] = ()
        self._today: dict[str, int] = {}
        self._take_day(0)

    def __len__(self) -> int:
        return self._rows

    def cost_of(self, digits: str, day: int) -> int | None:
        """The cost of a part to a number on a day since 1970; None where the list has none."""
        if day != self._day:
            self._take_day(day)
        today = self._today
        for length in self._lengths:
            if (amount := today.get(digits[:length])) is not None:
                return amount
        return None

    def _take_day(self, day: int) -> None:
        """Prepares look-ups for a day: nearly all are for the same one."""
        self._day = day
        if not self._dated and self._lengths:
            return
        self._today = dict(self._always) if self._dated else self._always
        today = _EPOCH + timedelta(days=day)
        for prefix, rows in self._dated.items():
            for row in rows:
                if row.first_day <= today <= row.last_day:
                    self._today[prefix] = row.amount
                    break
        self._lengths = tuple(sorted({len(prefix) for prefix in self._today}, reverse=True))


class Costs:
    """The price lists of all carriers."""

    def __init__(self, lists: Mapping[str, CostList] = MappingProxyType({})) -> None:
        self._lists = dict(lists)

    def replace(self, lists: Mapping[str, CostList]) -> None:
        """Takes other lists from here on."""
        self._lists = dict(lists)

    def sizes(self) -> dict[str, int]:
        """Rows by carrier."""
        return {carrier: len(prices) for carrier, prices in self._lists.items()}

    def cost_of(self, carrier: str, digits: str, at_ms: int) -> int | None:
        """What a carrier charges for a part to a number, in millionths; None if not known."""
        prices = self._lists.get(carrier)
        return prices.cost_of(digits, at_ms // _DAY_MS) if prices is not None else None


def parse_price_list(text: str) -> tuple[Cost, ...]:
    """The rows of a CSV; raises `InvalidPriceList` with the first wrong ones."""
    lines = text.removeprefix("\ufeff").splitlines()
    if not lines:
        raise InvalidPriceList("is empty")
    delimiter = max(_DELIMITERS, key=lines[0].count)
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    costs: list[Cost] = []
    complaints: list[str] = []
    try:
        columns = _columns_of(next(rows))
        for number, row in enumerate(rows, 2):
            if not any(cell.strip() for cell in row):
                continue
            try:
                costs.append(_parse_row(row, columns))
            except ValueError as error:
                complaints.append(f"line {number}: {error}")
            if len(complaints) >= MAX_COMPLAINTS or len(costs) > MAX_ROWS:
                break
    except csv.Error as error:
        raise InvalidPriceList(f"is not CSV: {error}") from None
    if len(costs) > MAX_ROWS:
        raise InvalidPriceList(f"has more than {MAX_ROWS} rows")
    complaints += _doubles(costs)
    if complaints:
        raise InvalidPriceList("; ".join(complaints))
    return tuple(costs)


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
                raise InvalidPriceList(f"line 1: two columns for {column}")
            columns[column] = index
    missing = [column for column in ("prefix", "price") if column not in columns]
    if missing:
        raise InvalidPriceList(f"line 1: no column {' and none '.join(missing)}")
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


def _doubles(costs: Iterable[Cost]) -> Iterator[str]:
    seen: set[tuple[str, date]] = set()
    shown = 0
    for cost in costs:
        key = cost.prefix, cost.first_day
        if key in seen:
            yield f"prefix {cost.prefix} has two prices from the same day"
            shown += 1
            if shown >= MAX_COMPLAINTS:
                return
        seen.add(key)


def _latest_first(cost: Cost) -> int:
    return -cost.first_day.toordinal()
