"""The log: one line an event on standard error, as JSON for programs or text for people.

Records of libraries that use the standard library's logging pass through the same processors.
Times are UTC; texts, keys and full numbers are taken out by `redaction`, and our own warnings that
were there a moment ago by `repetition`.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, Final, TextIO, cast

import msgspec

from dragoman.kit.redaction import redact_event

# structlog imports rich wherever that is installed, for tracebacks that we never print: a twentieth
# of what a gateway imports. A module that is None cannot be imported.
_without_rich = "structlog" not in sys.modules and "rich" not in sys.modules
if _without_rich:
    sys.modules["rich"] = None  # type: ignore[assignment]

import structlog  # noqa: E402
from structlog.typing import Processor  # noqa: E402

if _without_rich:
    del sys.modules["rich"]

from dragoman.kit.repetition import Repetitions  # noqa: E402

LEVELS: Final = MappingProxyType(
    {
        "debug": logging.DEBUG,
        "info": logging.INFO,
        "warning": logging.WARNING,
        "error": logging.ERROR,
    }
)

# At their default level these libraries repeat our own events, or log query strings.
_LIBRARY_LEVELS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "alembic": logging.WARNING,
        "asyncio": logging.WARNING,
        "mail.log": logging.CRITICAL,  # aiosmtpd; addresses carry keys
        "sqlalchemy": logging.WARNING,
        "uvicorn": logging.WARNING,
        "uvicorn.access": logging.CRITICAL,
    }
)


def configure(level: str, format: str, *, stream: TextIO | None = None) -> None:
    """Sets the log up: `level` one of `LEVELS`, `format` `json` or `console`.

    `stream` is standard error where it is not given. To be called once, before the first event;
    a later call reaches only loggers that have not been used.
    """
    stream = cast(TextIO, _Forgiving(sys.stderr if stream is None else stream))
    number = LEVELS[level]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
    ]
    ending = _ending(format, stream)
    structlog.configure(
        processors=[*shared, Repetitions(), *ending],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    _route_standard_logging(number, shared, ending, stream)


class _Forgiving:
    """A stream that drops what it cannot write.

    On a full disk the log often is too, and an event must not break what it tells about.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.isatty = stream.isatty

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def _ending(format: str, stream: TextIO) -> list[Processor]:
    """The processors after which an event is a line."""
    if format == "json":
        render: Processor = structlog.processors.JSONRenderer(serializer=_render_json)
    else:
        # The richer traceback of structlog prints local variables, and with them texts and keys.
        render = structlog.dev.ConsoleRenderer(
            colors=stream.isatty(),
            exception_formatter=structlog.dev.plain_traceback,
            timestamp_key="time",
        )
    return [structlog.processors.format_exc_info, redact_event, render]


def _route_standard_logging(
    level: int, shared: list[Processor], ending: list[Processor], stream: TextIO
) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[_forget_record, *ending],
        )
    )
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name, least in _LIBRARY_LEVELS.items():
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(max(level, least))


def _forget_record(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Drops what `ProcessorFormatter` adds to an event for its own use."""
    event.pop("_record", None)
    event.pop("_from_structlog", None)
    return event


def _render_json(event: Any, default: Any = None, **_: Any) -> str:
    return msgspec.json.encode(event, enc_hook=default).decode()
