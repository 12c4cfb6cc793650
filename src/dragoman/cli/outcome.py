"""How a command ends: exit codes, and problems as one line instead of a stack trace."""

from __future__ import annotations

import os
import sys
from enum import IntEnum
from typing import Any, NoReturn

TRACE_VARIABLE = "DRAGOMAN_TRACE"


class ExitCode(IntEnum):
    """What the shell is told."""

    OK = 0
    FAILED = 1
    """It did not work, or `doctor` found a problem."""
    USAGE = 2
    """Wrong options, or a configuration that cannot be used."""
    REFUSED = 3
    """Nothing was found, or the gateway refused."""


class Stop(Exception):
    """Ends a command with a message for people and, where asked for, one for programs."""

    def __init__(self, exit_code: ExitCode, message: str, code: str = "") -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.message = message
        self.code = code or exit_code.name.lower()


def end(stop: Stop, *, as_json: bool = False) -> NoReturn:
    """Says why, and leaves."""
    if as_json:
        write_json({"error": {"code": stop.code, "message": stop.message}})
    else:
        for line in stop.message.splitlines():
            print(f"dragoman: {line}", file=sys.stderr)
    sys.exit(stop.exit_code)


def end_unexpected(error: BaseException) -> NoReturn:
    """Says what nobody foresaw in one line; with `DRAGOMAN_TRACE=1`, with its trace."""
    if os.environ.get(TRACE_VARIABLE):
        raise error
    first = str(error).strip().partition("\n")[0]
    end(Stop(ExitCode.FAILED, f"{type(error).__name__}: {first}" if first else repr(error)))


def write_json(value: Any) -> None:
    """Writes a value as indented JSON on standard output."""
    import msgspec

    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    print(text, flush=True)
