"""What must fit together in routes, and the CSV files that they and carriers' prices are in."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dragoman.config.errors import ConfigError, Mistake
from dragoman.config.reading import suggest
from dragoman.config.routing import preference_of
from dragoman.config.settings import Settings
from dragoman.config.tables import RouteTable
from dragoman.core.billing.model.costs import CostList, InvalidPriceList, parse_price_list
from dragoman.core.messages.model.conditions import Networks
from dragoman.core.messages.model.routing import Preference

MAX_FILE_BYTES: Final = 64 << 20
_NETWORK_ROW: Final = re.compile(r"(?:\+|00)?([1-9][0-9]{0,14})[,;\t]([0-9]{5,6})[\s,;]*")


def read_price_list(path: Path) -> CostList:
    """A carrier's price list; raises `InvalidPriceList`."""
    return CostList(parse_price_list(_read(path)))


def read_networks(path: Path) -> Networks:
    """The networks of numbers by prefix; raises `InvalidPriceList`."""
    found: dict[str, str] = {}
    rows = csv.reader(_read(path).splitlines())
    for number, line in enumerate(map(",".join, rows), 1):
        row = _NETWORK_ROW.fullmatch(line.strip())
        if row is not None:
            found[row[1]] = row[2]
        elif number > 1 and line.strip():
            raise InvalidPriceList(f"line {number}: expected a prefix and a network")
    return Networks(found)


def load_costs(settings: Settings) -> dict[str, CostList]:
    """The price lists of all carriers; raises `ConfigError`."""
    found: dict[str, CostList] = {}
    mistakes: list[Mistake] = []
    for table in settings.price_lists:
        try:
            found[table.carrier] = read_price_list(Path(table.file))
        except InvalidPriceList as error:
            mistakes.append(Mistake(f"price_lists.{table.carrier}.file", f"{table.file} {error}"))
    if mistakes:
        raise ConfigError("price lists", mistakes)
    return found


def load_networks(settings: Settings) -> Networks | None:
    """The networks of numbers, where routes ask for them; raises `ConfigError`."""
    path = settings.routing.networks_file
    if path is None:
        return None
    try:
        return read_networks(Path(path))
    except InvalidPriceList as error:
        raise ConfigError(path, [Mistake("routing.networks_file", str(error))]) from None


def find_route_mistakes(settings: Settings) -> Iterator[Mistake]:
    """What contradicts in routes, price lists and quotas, beyond the names of carriers."""
    for route in settings.routes:
        key = f"routes.{route.name}"
        if route.weights and len(route.weights) != len(route.carriers):
            yield Mistake(f"{key}.weights", "needs one weight for each carrier")
        elif route.weights and not any(route.weights):
            yield Mistake(f"{key}.weights", "needs one above 0")
        if route.weights and route.choose not in (Preference.ORDER, Preference.WEIGHTS):
            yield Mistake(f"{key}.weights", f'have no effect with choose = "{route.choose}"')
        if route.max_parts < route.min_parts:
            yield Mistake(f"{key}.max_parts", "less than min_parts")
        yield from _check_fallback(settings, route)
        phones = set(route.carriers).intersection(settings.carriers_of_phones)
        if phones and (
            preference_of(route) is not Preference.ORDER
            or route.sticky_s
            or route.min_delivery_rate
        ):
            yield Mistake(f"{key}.choose", "phones choose by themselves; leave it to the order")


def _check_fallback(settings: Settings, route: RouteTable) -> Iterator[Mistake]:
    if not route.fallback:
        return
    names = [one.name for one in settings.routes]
    key = f"routes.{route.name}.fallback"
    if route.fallback not in names:
        yield Mistake(key, f"unknown route `{route.fallback}`{suggest(route.fallback, names)}")
    seen, at = {route.name}, route.fallback
    following = {one.name: one.fallback for one in settings.routes}
    while at:
        if at in seen:
            yield Mistake(key, "leads back to a route before it")
            return
        seen.add(at)
        at = following.get(at, "")


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InvalidPriceList(f"cannot be read: {error.strerror}") from None
    if len(content) > MAX_FILE_BYTES:
        raise InvalidPriceList(f"is larger than {MAX_FILE_BYTES >> 20} MiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")
