"""Identifiers are unique, ordered, below 2**53 and readable back from their spellings."""

from __future__ import annotations

from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.kit.clock import FixedClock
from dragoman.kit.ids import (
    EPOCH_MS,
    LIMIT,
    MAX_PARTITIONS,
    SEQUENCE_BITS,
    IdSource,
    first_at,
    parse_base64,
    parse_dashed,
    parse_hex,
    parse_prefixed,
    partition_of,
    render_base64,
    render_dashed,
    render_hex,
    render_uuid,
    time_of,
)

NOW_MS = EPOCH_MS + 1_000_000
identifiers = st.integers(0, LIMIT - 1)


def test_identifiers_of_one_millisecond_count_up() -> None:
    ids = IdSource(FixedClock(NOW_MS))
    first = 1_000_000 << SEQUENCE_BITS
    assert [ids.next() for _ in range(3)] == [first, first + 1, first + 2]


def test_a_new_millisecond_starts_a_new_range() -> None:
    clock = FixedClock(NOW_MS)
    ids = IdSource(clock)
    ids.next()
    clock.advance(0.001)
    assert ids.next() == 1_000_001 << SEQUENCE_BITS


def test_time_is_read_back() -> None:
    assert time_of(IdSource(FixedClock(NOW_MS)).next()) == NOW_MS


def test_a_clock_that_goes_back_makes_no_identifier_twice() -> None:
    clock = FixedClock(NOW_MS)
    ids = IdSource(clock)
    before = ids.next()
    clock.jump(-86_400)
    assert ids.next() == before + 1


def test_identifiers_go_on_behind_the_last_one_of_an_earlier_process() -> None:
    last = 2_000_000 << SEQUENCE_BITS
    assert IdSource(FixedClock(NOW_MS), last=last).next() == last + 1


def test_continuing_after_an_earlier_run_never_goes_back() -> None:
    ids = IdSource(FixedClock(NOW_MS))
    first = ids.next()
    ids.continue_after(first - 10)
    assert ids.last == first
    ids.continue_after(first + 10)
    assert ids.next() == first + 11


def test_identifiers_of_partitions_never_meet() -> None:
    clock = FixedClock(NOW_MS)
    sources = [IdSource(clock, partition=partition) for partition in range(MAX_PARTITIONS)]
    taken = [number for ids in sources for number in (ids.next(), *ids.take(300), ids.next())]
    assert len(set(taken)) == len(taken)
    assert [partition_of(ids.last) for ids in sources] == list(range(MAX_PARTITIONS))


@pytest.mark.parametrize("last", [0, 1, 31, 32, 7_000_000_000_000_001, 7_000_000_000_000_031])
def test_a_partition_continues_after_an_identifier_of_any(last: int) -> None:
    ids = IdSource(FixedClock(0), partition=3)
    ids.continue_after(last)
    following = ids.next()
    assert last < following <= last + 2 * MAX_PARTITIONS
    assert partition_of(following) == 3


def test_a_clock_before_the_epoch_still_gives_identifiers_above_zero() -> None:
    ids = IdSource(FixedClock(0))
    assert [ids.next(), ids.next()] == [1, 2]


@given(
    st.lists(
        st.one_of(
            st.integers(0, 10_000),
            st.floats(-90_000, 90_000, allow_nan=False).map(lambda seconds: (seconds,)),
        )
    )
)
def test_identifiers_grow_whatever_the_clock_does(steps: list[int | tuple[float]]) -> None:
    clock = FixedClock(NOW_MS)
    ids = IdSource(clock)
    last = 0
    for step in steps:
        if isinstance(step, tuple):
            clock.jump(step[0])
            continue
        taken = ids.take(step)
        assert len(taken) == step
        if step:
            assert taken[0] > last
            last = taken[-1]
    assert ids.next() > last


@given(st.integers(EPOCH_MS, EPOCH_MS + (1 << 41) - 1))
def test_the_first_identifier_of_a_time_bounds_it(at_ms: int) -> None:
    made = IdSource(FixedClock(at_ms)).next()
    assert first_at(at_ms) <= made < first_at(at_ms + 1)
    assert made < LIMIT


def test_times_before_the_epoch_bound_everything() -> None:
    assert first_at(0) == 0


@given(identifiers)
def test_spellings_lead_back(identifier: int) -> None:
    spelled = render_hex(identifier)
    assert len(spelled) == 32
    assert parse_hex(spelled) == identifier
    assert parse_hex(spelled.upper()) == identifier
    assert parse_dashed(render_dashed(identifier)) == identifier


def test_neighbours_are_spelled_differently() -> None:
    spelled = [render_hex(identifier) for identifier in range(7 << 50, (7 << 50) + 100)]
    assert len({text[:8] for text in spelled}) == 100
    assert len({text[-8:] for text in spelled}) == 100


NOT_HEX = ["", "0", "g" * 32, "f" * 32, "0" * 31, "0" * 33, "٠" * 32, render_hex(LIMIT)]


@pytest.mark.parametrize("text", NOT_HEX)
def test_other_text_is_no_hex_spelling(text: str) -> None:
    assert parse_hex(text) is None


@pytest.mark.parametrize(
    "text", ["", "SM", "S1", "sm", "1234", "SMx", "SM" + "0" * 31, "SM" + "g" * 32]
)
def test_what_is_no_spelling_with_letters_is_none(text: str) -> None:
    assert parse_prefixed(text) is None
    assert parse_prefixed(f"SM{render_hex(1234567890123)}") == 1234567890123


@given(identifiers)
def test_base64_spelling_leads_back(identifier: int) -> None:
    text = render_base64(identifier)
    assert len(text) == 20
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert parse_base64(text) == identifier


def test_neighbours_are_spelled_differently_in_base64() -> None:
    spelled = [render_base64(identifier) for identifier in range(7 << 50, (7 << 50) + 100)]
    assert len({text[:5] for text in spelled}) == 100
    assert len({text[-5:] for text in spelled}) == 100


NOT_BASE64 = [
    "", "A", "A" * 19, "A" * 21, "A" * 16 + "====", "." * 20, "+" * 20, "/" * 20, " " * 20,
    "\0" * 20, "\u0660" * 20, "A" * 24, "AVvZEwZHHnl8wUZve6CT", render_base64(LIMIT),
    " " + render_base64(7)[1:], render_base64(7)[:19] + "\n",
]  # fmt: skip


@pytest.mark.parametrize("text", NOT_BASE64)
def test_other_text_is_no_base64_spelling(text: str) -> None:
    assert parse_base64(text) is None


def test_spellings_stay_what_they_are() -> None:
    """Programs keep them, so another release must read and write the same."""
    identifier = 869_020_467_200_004
    assert parse_hex(render_hex(identifier)) == parse_base64(render_base64(identifier))
    assert render_hex(identifier) == "2ed476c6d05f477d1800e6e82a6ebba1"
    assert render_base64(identifier) == "3_yfPNtn927BRnPSVuQU"


def test_a_dashed_spelling_shows_unix_seconds() -> None:
    identifier = first_at(1_790_000_000_123) + 5
    assert render_dashed(identifier) == f"1790000000-{123 << SEQUENCE_BITS | 5}"


NOT_DASHED = [
    "", "-", "1-", "-1", "a-1", "1-a", "1.5-1", "+1790000000-1", "1790000000--1", "1790000000",
    "1790000000-4096000", "1790000000-12345678", "999999999999-1", "1577836799-0", "99999999999-0",
    "１790000000-1", " 1790000000-1",
]  # fmt: skip


@pytest.mark.parametrize("text", NOT_DASHED)
def test_other_text_is_no_dashed_spelling(text: str) -> None:
    assert parse_dashed(text) is None


def test_uuid_is_of_version_7_and_sorts_as_identifiers_do() -> None:
    several = [0, 1, 4095, 4096, 869_020_467_200_009, LIMIT - 1]
    spelt = [render_uuid(identifier) for identifier in several]
    assert spelt == sorted(set(spelt))
    for identifier, text in zip(several, spelt, strict=True):
        made = UUID(text)
        assert (made.hex, made.version, made.variant) == (text, 7, RFC_4122)
        assert int(text[:12], 16) == time_of(identifier)
