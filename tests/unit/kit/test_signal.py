"""Whoever subscribed is called, in order, before the caller goes on."""

from __future__ import annotations

from dragoman.kit.signal import Signal


def test_listeners_are_called_in_the_order_of_their_subscription() -> None:
    heard: list[tuple[str, int]] = []
    changed = Signal[[int]]()
    changed(1)
    changed.subscribe(lambda number: heard.append(("first", number)))
    changed.subscribe(lambda number: heard.append(("second", number)))
    changed(2)
    assert heard == [("first", 2), ("second", 2)]
