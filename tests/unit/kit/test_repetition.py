"""What the log says again, and what not."""

from __future__ import annotations

from typing import Any

import pytest
import structlog

from dragoman.kit.repetition import EVERY_S, MOST, Repetitions


class Log:
    """Lines with a level, a second after the other unless told."""

    def __init__(self) -> None:
        self.now = 0.0
        self._process = Repetitions(lambda: self.now)

    def say(self, event: str, level: str = "error", **fields: Any) -> dict[str, Any] | None:
        """The line that is written, if one is."""
        self.now += 1.0
        try:
            return dict(self._process(None, level, {"event": event, "level": level, **fields}))
        except structlog.DropEvent:
            return None


def test_a_trouble_that_goes_on_is_a_line_a_minute() -> None:
    log = Log()
    written = [log.say("not_read", reason="away", units=n, time=str(n)) for n in range(121)]
    said = [(line["units"], line.get("repeated")) for line in written if line]
    assert said == [(0, None), (60, 59), (120, 59)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"event": "not_read", "reason": "away"}, {"event": "not_read", "reason": "full"}),
        ({"event": "not_read", "reason": "away"}, {"event": "not_sent", "reason": "away"}),
        ({"event": "failed", "message_id": 1}, {"event": "failed", "message_id": 2}),
        ({"event": "failed", "level": "warning"}, {"event": "failed", "level": "error"}),
        ({"event": "bound", "level": "info"}, {"event": "bound", "level": "info"}),
        ({"event": "broke", "exc_info": True}, {"event": "broke", "exc_info": True}),
    ],
)
def test_what_says_something_else_is_written(first: dict[str, Any], second: dict[str, Any]) -> None:
    log = Log()
    assert log.say(**first)
    assert log.say(**second)


def test_what_comes_again_after_a_minute_of_peace_is_written() -> None:
    log = Log()
    assert log.say("not_read")
    log.now += EVERY_S
    assert log.say("not_read") == {"event": "not_read", "level": "error"}


def test_many_different_lines_are_not_remembered_for_good() -> None:
    log = Log()
    for message_id in range(3 * MOST):
        assert log.say("failed", message_id=message_id)
    assert len(log._process._known) <= MOST


def test_the_next_outage_is_told() -> None:
    log = Log()
    assert log.say("storage_unavailable")
    assert log.say("storage_available_again", "warning")
    assert log.say("storage_unavailable")


@pytest.mark.parametrize("event", ["partition_lost", "messages_lost_by_stream", "alert_raised"])
def test_what_happens_twice_is_told_twice(event: str) -> None:
    """Bug: of two losses within a minute the log had one, and the number of messages of that."""
    log = Log()
    assert log.say(event, "warning", carrier="smsc", count=1)
    assert log.say(event, "warning", carrier="smsc", count=500)
