"""What a message costs: credits from the account's wallet, and a price shown to the customer.

Prices are set in `[[prices]]` (`config/tables.py`); here is what they mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import msgspec

from dragoman.core.model.prefix_map import PrefixMap

UNITS_PER_CURRENCY_UNIT = 10_000
"""Prices are integers of a ten-thousandth of the operator's currency."""

_AMOUNT = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,4})?")


class Price(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The tariff of numbers with a prefix, per part."""

    prefix: str = ""
    credits: int = 1
    price: int = 0


WITHOUT_A_PRICE: Final = Price(prefix="", credits=1, price=0)
"""What a part costs where no entry of `[[prices]]` fits."""


class PriceList:
    """Finds the tariff of a number by its longest prefix."""

    def __init__(self, prices: Iterable[Price]) -> None:
        self.replace(prices)

    def replace(self, prices: Iterable[Price]) -> None:
        """Takes other tariffs from here on."""
        by_prefix = {price.prefix: price for price in prices}
        self._rest = by_prefix.setdefault("", WITHOUT_A_PRICE)
        self._by_prefix = PrefixMap(by_prefix)

    def price_of(self, digits: str) -> Price:
        return self._by_prefix.find(digits) or self._rest


def parse_price(text: str) -> int:
    """A decimal amount such as `0.05` as an integer of ten-thousandths."""
    if _AMOUNT.fullmatch(text) is None:
        raise ValueError(f"{text!r} is not an amount with at most four decimals")
    return int(Decimal(text) * UNITS_PER_CURRENCY_UNIT)


def render_price(units: int) -> str:
    """An amount as a decimal without trailing zeros, at least two decimals: `0.05`."""
    whole, rest = divmod(units, UNITS_PER_CURRENCY_UNIT)
    return f"{whole}.{rest:04d}"[: -2 if rest % 100 == 0 else None]
