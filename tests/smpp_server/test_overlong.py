"""Which parts are of a text without room for places: parts in order, and whether each is."""

from __future__ import annotations

import pytest

from dragoman.smpp_server import overlong
from dragoman.smpp_server.overlong import LASTS_S, OverlongTexts, Place

FULL, ROOM = False, True
IN_TIME_MS, LATE_MS = LASTS_S * 1000 - 1, LASTS_S * 1000


def place(number: int, total: int = 2, reference: int = 7) -> Place:
    return Place(reference, total, number)


# Each part: its place, whether it has room for that, how long after the one before it comes.
TEXTS = {
    "in_order": (((place(1), FULL, 0), True), ((place(2), ROOM, 0), True)),
    "last_again": (
        ((place(1), FULL, 0), True),
        ((place(2), ROOM, 0), True),
        ((place(2), ROOM, IN_TIME_MS), True),
        ((place(2), ROOM, LATE_MS), False),
    ),
    "first_again": (
        ((place(1), FULL, 0), True),
        ((place(2), ROOM, 0), True),
        ((place(1), FULL, 0), True),
        ((place(2), ROOM, 0), True),
    ),
    "another_text": (
        ((place(1), FULL, 0), True),
        ((place(2), ROOM, 0), True),
        ((place(1), ROOM, 0), False),
        ((place(2), ROOM, 0), False),
    ),
    "first_behind_others": (
        ((place(2, 3), FULL, 0), True),
        ((place(1, 3), ROOM, 0), True),
        ((place(3, 3), ROOM, 0), True),
    ),
    "late": (((place(1), FULL, 0), True), ((place(2), ROOM, LATE_MS), False)),
    "other_total": (((place(1), FULL, 0), True), ((place(2, 3), ROOM, 0), False)),
    "other_reference": (((place(1), FULL, 0), True), ((place(2, 2, 8), ROOM, 0), False)),
}


@pytest.mark.parametrize("text", TEXTS)
def test_parts_of_a_text_without_room_for_places(text: str) -> None:
    texts, now_ms = OverlongTexts(), 0
    for (at, fits, after_ms), expected in TEXTS[text]:
        now_ms += after_ms
        assert texts.has(1, ("me", "45"), at, fits=fits, now_ms=now_ms) is expected


@pytest.mark.parametrize(
    ("account_id", "addresses"), [(2, ("me", "45")), (1, ("you", "45")), (1, ("me", "46"))]
)
def test_a_text_is_that_of_its_account_sender_and_recipient(
    account_id: int, addresses: tuple[str, str]
) -> None:
    texts = OverlongTexts()
    texts.has(1, ("me", "45"), place(1), fits=FULL, now_ms=0)
    assert not texts.has(account_id, addresses, place(2), fits=ROOM, now_ms=0)
    assert texts.has(1, ("me", "45"), place(2), fits=ROOM, now_ms=0)


def test_the_text_that_had_no_part_for_longest_is_forgotten_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(overlong, "MOST", 2)
    texts = OverlongTexts()
    for reference in (1, 2, 1, 3):
        texts.has(1, ("me", "45"), place(1, 2, reference), fits=FULL, now_ms=0)
    found = [
        texts.has(1, ("me", "45"), place(2, 2, reference), fits=ROOM, now_ms=0)
        for reference in (1, 2, 3)
    ]
    assert found == [True, False, True]
