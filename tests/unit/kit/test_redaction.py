"""What is written for people holds no secret, no text and no full number."""

from __future__ import annotations

import ast
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

import dragoman
from dragoman.kit.logging import configure
from dragoman.kit.redaction import HIDDEN, redact_event, redact_number, redact_text, redact_url

NUMBERS = [
    ("4512345678", "4512****78"),
    ("+4512345678", "+4512****78"),
    ("451234567890123", "4512*********23"),
    ("12345678", "12****78"),
    ("1234567", "12****7"),
    ("12345", "1****"),
    ("1245", "****"),
    ("1", "****"),
    ("", "****"),
]


@pytest.mark.parametrize(("number", "expected"), NUMBERS)
def test_a_number_keeps_its_ends(number: str, expected: str) -> None:
    assert redact_number(number) == expected


@given(st.from_regex(r"\+?[0-9]{4,15}", fullmatch=True))
def test_at_least_four_digits_of_a_number_are_hidden(number: str) -> None:
    redacted = redact_number(number)
    assert len(redacted) == len(number)
    assert redacted.count("*") >= 4


URLS = [
    ("https://example.com/dlr?id=1&key=k#x", "https://example.com/dlr"),
    ("https://user:pw@example.com:8443/a/b", "https://example.com:8443/a/b"),
    ("https://us@er:p@w@example.com/", "https://example.com/"),
    ("http://[::1]:8080/x?y", "http://[::1]:8080/x"),
    ("http://[::1/x?y=secret", "***"),
    ("/v2/ping.json?apikey=k", "/v2/ping.json"),
    ("mailto:someone", "mailto:someone"),
    ("", ""),
]


@pytest.mark.parametrize(("url", "expected"), URLS)
def test_a_url_loses_user_and_query(url: str, expected: str) -> None:
    assert redact_url(url) == expected


TEXTS = [
    ("GET /v2/ping.json?apikey=abc HTTP/1.1", "GET /v2/ping.json?*** HTTP/1.1"),
    ("call of 'https://u:p@h/x?a=b' failed", "call of 'https://h/x?***' failed"),
    ("no route to +4512345678, why?", "no route to +4512****78, why?"),
    ("id 1234567890123456 at 10.20.30.40", "id 1234567890123456 at 10.20.30.40"),
    ("postgresql://u:hunter2@h/d", "postgresql://h/d"),
]


@pytest.mark.parametrize(("text", "expected"), TEXTS)
def test_free_text_loses_query_strings_and_numbers(text: str, expected: str) -> None:
    assert redact_text(text) == expected


EVENTS: list[tuple[dict[str, object], dict[str, object]]] = [
    ({"apikey": "k", "password": ""}, {"apikey": "***", "password": ""}),
    ({"token": None}, {"token": None}),
    ({"Authorization": "Basic x", "X": "y"}, {"Authorization": "***", "X": "y"}),
    ({"api-key": "k"}, {"api-key": "***"}),
    ({"text": "Hello", "message": b"abc"}, {"text": "<5>", "message": "<3>"}),
    ({"recipient": "4512345678"}, {"recipient": "4512****78"}),
    ({"to": 4512345678}, {"to": "4512****78"}),
    ({"recipients": ["4512345678"]}, {"recipients": ["4512****78"]}),
    ({"url": "http://h/x?k=1"}, {"url": "http://h/x"}),
    ({"credentials": {"a": 1}, "key": ["k"]}, {"credentials": "***", "key": "***"}),
    ({"request": {"headers": {"a": 1}, "n": 1}}, {"request": {"headers": "***", "n": 1}}),
    ({"rows": ({"text": "abc"},)}, {"rows": [{"text": "<3>"}]}),
    ({"event": "GET /a?key=1", "count": 12345678}, {"event": "GET /a?***", "count": 12345678}),
    ({"message_id": 1234567890123456}, {"message_id": 1234567890123456}),
]  # fmt: skip


@pytest.mark.parametrize(("event", "expected"), EVENTS)
def test_an_event_is_redacted_by_names(
    event: dict[str, object], expected: dict[str, object]
) -> None:
    assert redact_event(None, "info", dict(event)) == expected


def test_a_value_within_itself_ends() -> None:
    knot: dict[str, object] = {}
    knot["knot"] = knot
    assert "***" in str(redact_event(None, "info", {"knot": knot}))


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """A stream for the log; what `configure` changed is put back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    structlog.reset_defaults()
    yield io.StringIO()
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_json_lines_carry_utc_level_and_values(lines: io.StringIO) -> None:
    configure("info", "json", stream=lines)
    log = structlog.get_logger().bind(carrier="main")
    log.debug("not written")
    log.info("submitted", recipient="4512345678", parts=2)
    (line,) = lines.getvalue().splitlines()
    event = json.loads(line)
    assert event.pop("time").endswith("Z")
    assert event == {
        "event": "submitted", "level": "info", "carrier": "main", "recipient": "4512****78",
        "parts": 2,
    }  # fmt: skip


@pytest.mark.parametrize("format", ["json", "console"])
def test_no_secret_reaches_the_log(lines: io.StringIO, format: str) -> None:
    configure("debug", format, stream=lines)
    secret = "".join(("can", "ary"))  # whole only in memory: tracebacks show these lines
    try:
        raise ValueError(f"call of http://h/?key={secret}", len(secret))
    except ValueError:
        structlog.get_logger().exception("failed", apikey=secret, text=secret)
        logging.getLogger("uvicorn.error").exception("GET /x?key=%s", secret)
    logging.getLogger("uvicorn.access").info("GET /x?key=%s", secret)
    written = lines.getvalue()
    assert written.count("ValueError: ('call of http://h/?***', 6)") == 2
    assert "canary" not in written


def test_records_of_libraries_pass_through(lines: io.StringIO) -> None:
    configure("info", "json", stream=lines)
    logging.getLogger("uvicorn.error").warning("Invalid request: %s", "/x?apikey=abc")
    logging.getLogger("uvicorn.error").info("Started")
    logging.getLogger("uvicorn.access").error("GET /x")
    (line,) = lines.getvalue().splitlines()
    event = json.loads(line)
    assert (event["event"], event["logger"], event["level"]) == (
        "Invalid request: /x?***", "uvicorn.error", "warning",
    )  # fmt: skip


def test_a_value_json_does_not_know_is_written_as_text(lines: io.StringIO) -> None:
    configure("info", "json", stream=lines)
    structlog.get_logger().info("odd", value=object)
    assert json.loads(lines.getvalue())["value"] == "<class 'object'>"


def test_no_log_line_of_ours_hides_what_it_says() -> None:
    """A name such as `token` or `message` would leave nothing of a harmless value."""
    logged = [
        (path.name, keyword.arg)
        for path in Path(dragoman.__file__).parent.rglob("*.py")
        if "log." in (text := path.read_text())  # the rest need not be parsed
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith(("log.", "_log."))
        for keyword in node.keywords
        if keyword.arg
    ]
    assert len(logged) > 50
    assert [
        (file, name) for file, name in logged if redact_event(None, "", {name: 1})[name] == HIDDEN
    ] == []
