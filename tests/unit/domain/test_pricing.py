"""Prices are exact, and the longest prefix decides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.billing.model.pricing import Price, PriceList, parse_price, render_price

AMOUNTS = [
    ("0", 0, "0.00"), ("0.05", 500, "0.05"), ("0.5", 5000, "0.50"), ("1", 10_000, "1.00"),
    ("0.0525", 525, "0.0525"), ("0.0001", 1, "0.0001"), ("12.3400", 123_400, "12.34"),
    ("007.10", 71_000, "7.10"), ("999999999.9999", 9_999_999_999_999, "999999999.9999"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "units", "rendered"), AMOUNTS)
def test_an_amount_is_read_and_written(text: str, units: int, rendered: str) -> None:
    assert parse_price(text) == units
    assert render_price(units) == rendered


@given(st.integers(0, 10**13 - 1))
def test_a_written_amount_is_read_back(units: int) -> None:
    assert parse_price(render_price(units)) == units


NO_AMOUNTS = [
    "", " ", "x", "-1", "+1", "0.00001", "1e3", "1E1000000", "1,5", "NaN", "sNaN", "Infinity", ".5",
    "1.", "1_000", "０.５", " 1", "1\n", "1.00000000000000000000000000000000001", "1" * 10,
]  # fmt: skip


@pytest.mark.parametrize("text", NO_AMOUNTS)
def test_what_is_no_amount_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="at most four decimals"):
        parse_price(text)


PRICES = PriceList(
    [
        Price(prefix="45", credits=2, price=500),
        Price(prefix="4590", credits=5),
        Price(prefix="1", credits=3),
    ]
)

TARIFFS = [("4512345678", 2), ("4590123456", 5), ("12125550100", 3), ("4930123456", 1), ("4", 1)]


@pytest.mark.parametrize(("digits", "expected"), TARIFFS)
def test_the_longest_prefix_prices_a_number(digits: str, expected: int) -> None:
    assert PRICES.price_of(digits).credits == expected


def test_the_empty_prefix_prices_all_others() -> None:
    prices = PriceList([Price(credits=7), Price(prefix="45")])
    assert prices.price_of("4930123456").credits == 7
    assert prices.price_of("4512345678").credits == 1


def test_an_empty_list_charges_one_credit() -> None:
    assert PriceList([]).price_of("4512345678") == Price(credits=1, price=0)
