"""The log costs what it is about nothing."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from dragoman.kit.logging import configure


@pytest.fixture(autouse=True)
def usual_log() -> Iterator[None]:
    """Puts the configuration back that the other tests have."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("format", ["json", "console"])
def test_an_event_that_cannot_be_written_is_dropped(format: str) -> None:
    """Bug: with the log on the full disk, telling about it ended the writer's work for good."""
    full = open("/dev/full", "w", buffering=1)  # noqa: SIM115 - closing it fails too
    configure("info", format, stream=full)
    for _ in range(2_000):  # more than its buffer holds
        structlog.get_logger().error("storage_unavailable")
        logging.getLogger("library").error("storage_unavailable")
    with pytest.raises(OSError, match="No space left"):
        full.close()


def test_a_trouble_that_goes_on_is_told_once() -> None:
    stream = io.StringIO()
    configure("info", "json", stream=stream)
    log = structlog.get_logger()
    for _ in range(3):
        log.error("not_read", reason="away")
    log.info("read")
    events = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert events == ["not_read", "read"]
