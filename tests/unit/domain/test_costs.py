"""Price lists of carriers: rows with dates, and every way a file can be wrong."""

from __future__ import annotations

from datetime import date

import pytest

from dragoman.core.billing.model.costs import (
    Cost,
    CostList,
    Costs,
    InvalidPriceList,
    compare_costs,
    parse_cost,
    parse_price_list,
    render_cost,
    render_price_list,
    with_costs,
)

DAY_MS = 24 * 3600 * 1000


def at(year: int, month: int, day: int) -> int:
    return (date(year, month, day) - date(1970, 1, 1)).days * DAY_MS


READ = [
    ("prefix,price\n45,0.0345\n", [Cost("45", 34_500)]),
    ("Prefix;Price\n+45;0,0345\n0046;1\n", [Cost("45", 34_500), Cost("46", 1_000_000)]),
    (
        "country\tdial code\trate\teffective date\nDenmark\t45\t0.03\t2026-12-01\n",
        [Cost("45", 30_000, date(2026, 12, 1))],
    ),
    (
        "\ufeffprefix,price,from,until\r\n45,0.00000001,2026-01-01,2026-01-31\r\n\r\n",
        [Cost("45", 1, date(2026, 1, 1), date(2026, 1, 31))],
    ),
]


@pytest.mark.parametrize(("text", "expected"), READ)
def test_lists_are_read_as_carriers_write_them(text: str, expected: list[Cost]) -> None:
    assert list(parse_price_list(text)) == expected


WRONG = [
    ("", "is empty"),
    ("prefix\n45\n", "line 1: no column price"),
    ("a,b\n45,1\n", "line 1: no column prefix and none price"),
    ("prefix,price,rate\n45,1,1\n", "line 1: two columns for price"),
    ("prefix,price\nDK,0.1\n", "line 2: 'DK' is not a prefix"),
    ("prefix,price\n45,free\n46,-1\n", "line 2: 'free' is not a price; line 3: '-1' is not"),
    ("prefix,price\n45\n", "line 2: '' is not a price"),
    ("prefix,price,from\n45,1,1.2.2026\n", "line 2: '1.2.2026' is not a day"),
    ("prefix,price,from,until\n45,1,2026-02-01,2026-01-01\n", "ends before it begins"),
    (
        "prefix,price\n45,1\n45,2\n",
        "line 3: prefix 45 has another price from the same day",
    ),
    ('prefix,price\n"45,1\n', "is not CSV"),
]


@pytest.mark.parametrize(("text", "expected"), WRONG)
def test_wrong_lists_are_refused_with_their_lines(text: str, expected: str) -> None:
    with pytest.raises(InvalidPriceList) as raised:
        parse_price_list(text)
    assert expected in str(raised.value)


def test_a_list_with_nothing_but_mistakes_names_the_first_ones() -> None:
    with pytest.raises(InvalidPriceList) as raised:
        parse_price_list("prefix,price\n" + "x,1\n" * 10_000)
    assert str(raised.value).count("line ") == 20


def test_the_longest_prefix_with_a_price_of_the_day_decides() -> None:
    costs = Costs(
        {
            "main": CostList(
                [
                    Cost("45", 10),
                    Cost("452", 20, date(2026, 1, 1), date(2026, 1, 31)),
                    Cost("452", 30, date(2026, 1, 15)),
                    Cost("46", 40, date(2026, 6, 1)),
                ]
            )
        }
    )
    for day, digits, expected in (
        (at(2025, 12, 31), "4521000000", 10),
        (at(2026, 1, 1), "4521000000", 20),
        (at(2026, 1, 15), "4521000000", 30),
        (at(2026, 2, 1), "4521000000", 30),
        (at(2026, 2, 1), "4531000000", 10),
        (at(2026, 5, 31), "4670000000", None),
        (at(2026, 6, 1), "4670000000", 40),
        (at(2026, 1, 1) + DAY_MS - 1, "4521000000", 20),
    ):
        assert costs.cost_of("main", digits, day) == expected
    assert costs.cost_of("other", "4521000000", 0) is None


@pytest.mark.parametrize(
    ("amount", "text"), [(34_500, "0.0345"), (0, "0.00"), (1_000_000, "1.00"), (-1, "-0.000001")]
)
def test_costs_are_shown_as_decimals(amount: int, text: str) -> None:
    assert render_cost(amount) == text


def test_a_cost_is_never_rounded_down() -> None:
    assert parse_cost("0.0000001") == 1


def test_a_list_is_written_as_it_is_read() -> None:
    text = "prefix,price,from,until\n45,0.0345,,\n45,0.04,2027-01-01,\n452,1.00,,2026-12-31\n"
    assert render_price_list(reversed(parse_price_list(text))) == text


def test_lists_are_compared_by_prefix_and_first_day() -> None:
    old = parse_price_list(
        "prefix,price,from,until\n45,0.03,,\n46,0.04,,\n47,0.05,2026-01-01,\n48,0.06,,\n"
    )
    new = parse_price_list(
        "prefix,price,from,until\n45,0.03,,\n46,0.05,,2026-12-31\n47,0.05,2026-02-01,\n"
    )
    changes = compare_costs(old, new)
    assert changes.summary == "1 new, 1 changed, 2 removed"
    assert list(changes.lines()) == [
        "~ 46: 0.05 until 2026-12-31, was 0.04",
        "- 47 from 2026-01-01: 0.05",
        "+ 47 from 2026-02-01: 0.05",
        "- 48: 0.06",
    ]
    assert not compare_costs(old, old)
    assert compare_costs(old, old).summary == "no changes"
    added = compare_costs(old, with_costs(old, new))
    assert added.summary == "1 new, 1 changed"


def test_wrong_rows_have_their_lines() -> None:
    with pytest.raises(InvalidPriceList) as raised:
        parse_price_list("prefix,price\n45,1\n\nx,1\n45,2\n")
    assert [error.line for error in raised.value.errors] == [4, 5]
