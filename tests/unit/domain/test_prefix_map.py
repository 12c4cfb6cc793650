"""The longest prefix decides, in small maps and in large ones, which are divided."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.billing.model.costs import Cost, CostList, Costs
from dragoman.core.model import prefix_map
from dragoman.core.model.prefix_map import PrefixMap

prefixes = st.text("123", max_size=6)
numbers = st.text("123", min_size=1, max_size=8)


def longest(values: dict[str, int], digits: str) -> int | None:
    fitting = [prefix for prefix in values if digits.startswith(prefix)]
    return values[max(fitting, key=len)] if fitting else None


@given(st.dictionaries(prefixes, st.integers(0, 9)), st.lists(numbers), st.booleans())
def test_the_longest_prefix_decides(
    values: dict[str, int], digits: list[str], is_large: bool
) -> None:
    before, prefix_map.LARGE = prefix_map.LARGE, 1 if is_large else 1_000
    try:
        found = PrefixMap(values)
    finally:
        prefix_map.LARGE = before
    assert len(found) == len(values)
    assert sorted(found) == sorted(values)
    for number in digits:
        assert found.find(number) == longest(values, number)


@given(
    st.dictionaries(prefixes.filter(bool), st.integers(0, 9)),
    st.dictionaries(prefixes.filter(bool), st.integers(0, 9)),
    st.lists(numbers),
)
def test_prices_of_several_carriers_are_those_of_each(
    one: dict[str, int], two: dict[str, int], digits: list[str]
) -> None:
    lists = {"one": one, "two": two}
    costs = Costs(
        {name: CostList(Cost(*row) for row in values.items()) for name, values in lists.items()}
    )
    for number in digits:
        found = costs.costs_of(("one", "two", "three"), number, 0)
        assert found == (longest(one, number), longest(two, number), None)
