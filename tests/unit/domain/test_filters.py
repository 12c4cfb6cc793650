"""Rules over merge fields: every operation, and what any two halves of a list have in common."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.contacts.model.filters import Filter, Match, Operation, Rule, compile_filter

Op = Operation
OPPOSITES = ((Op.IS, Op.NOT), (Op.CONTAINS, Op.NOT_CONTAIN))


def passes(operation: Operation, value: str, field: str) -> bool:
    rule = Rule(field="77", operation=operation, value=value)
    return compile_filter(Filter(match=Match.ALL, rules=(rule,)))({"77": field})


@pytest.mark.parametrize(
    ("operation", "value", "field", "expected"),
    [
        (Op.IS, "chuck", "Chuck", True),
        (Op.IS, "chuck", " CHUCK ", True),
        (Op.IS, "ærø", "ÆRØ", True),
        (Op.IS, "chuck", "chuckles", False),
        (Op.IS, "", "", True),
        (Op.NOT, "jack", "Jack", False),
        (Op.NOT, "jack", "", True),
        (Op.CONTAINS, "cool", "Very Cool!", True),
        (Op.CONTAINS, "cool", "", False),
        (Op.NOT_CONTAIN, "cool", "Uncool", False),
        (Op.NOT_CONTAIN, "cool", "", True),
        (Op.START, "ch", "Chuck", True),
        (Op.START, "ch", "Much", False),
        (Op.ENDS, "CK", "Chuck", True),
        (Op.ENDS, "ck", "Chucks", False),
        (Op.GREATER, "9", "10", True),
        (Op.GREATER, "9", "9", False),
        (Op.GREATER, "9", "9,5", True),
        (Op.GREATER, "-1", "0", True),
        (Op.GREATER, "9", "ten", False),
        (Op.GREATER, "9", "", False),
        (Op.LESS, "10", "9", True),
        (Op.LESS, "10", "+9.99", True),
        (Op.LESS, "10", "1e1", False),
        (Op.LESS, "10", "", False),
        (Op.LESS, "9007199254740993", "9007199254740992", True),
    ],
)
def test_operation(operation: Operation, value: str, field: str, expected: bool) -> None:
    assert passes(operation, value, field) is expected


@pytest.mark.parametrize(
    ("operation", "value"),
    [(Op.GREATER, "ten"), (Op.LESS, ""), (Op.CONTAINS, " "), (Op.START, ""), (Op.ENDS, "")],
)
def test_value_that_no_rule_can_have_is_refused(operation: Operation, value: str) -> None:
    with pytest.raises(ValueError, match=operation.value):
        passes(operation, value, "x")


@pytest.mark.parametrize(
    ("match", "town", "expected"),
    [(Match.ANY, "Odense", True), (Match.ALL, "Odense", False), (Match.ALL, "Aarhus", True)],
)
def test_any_or_all_of_the_rules_are_met(match: Match, town: str, expected: bool) -> None:
    rules = (
        Rule(field="1", operation=Op.IS, value="chuck"),
        Rule(field="2", operation=Op.IS, value="aarhus"),
    )
    assert compile_filter(Filter(match=match, rules=rules))({"1": "Chuck", "2": town}) is expected


numbers = st.integers(-(10**20), 10**20)
texts = st.text(alphabet="aAbB ÆæŞi1.,-", max_size=6)


@given(st.sampled_from(OPPOSITES), texts.filter(str.strip), st.lists(texts, max_size=20))
def test_a_filter_and_its_opposite_cover_a_list_once(
    operations: tuple[Operation, Operation], value: str, fields: list[str]
) -> None:
    one, other = ([passes(operation, value, f) for f in fields] for operation in operations)
    assert [a + b for a, b in zip(one, other, strict=True)] == [1] * len(fields)


@given(numbers, st.lists(numbers, max_size=20))
def test_greater_and_less_agree_with_numbers(bound: int, fields: list[int]) -> None:
    for field in fields:
        assert passes(Op.GREATER, str(bound), str(field)) is (field > bound)
        assert passes(Op.LESS, str(bound), str(field)) is (field < bound)
