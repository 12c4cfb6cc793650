"""The command line in this process, without the half second that a process of its own takes."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess

import pytest
import structlog

from dragoman.cli import root
from dragoman.kit import logging


def run(folder: Path, *arguments: str) -> CompletedProcess[str]:
    """Runs `dragoman` in a folder: what it printed, and the exit code.

    For commands that ask or change something; what it is like to be a process, such as `serve`, is
    tested with one.
    """
    printed, errors, code = io.StringIO(), io.StringIO(), 0
    with (
        pytest.MonkeyPatch.context() as patch,
        chdir(folder),
        redirect_stdout(printed),
        redirect_stderr(errors),
    ):
        for name in filter(lambda name: name.startswith("DRAGOMAN_"), list(os.environ)):
            patch.delenv(name)
        patch.setattr(sys, "argv", ["dragoman", *arguments])
        patch.setattr(logging, "configure", _configure_logging)
        mask = os.umask(0o022)
        try:
            root.run()
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            os.umask(mask)
            structlog.reset_defaults()
    return CompletedProcess(arguments, code, printed.getvalue(), errors.getvalue())


async def run_beside(folder: Path, *arguments: str) -> str:
    """Runs a command in a thread, while the loop goes on here; what it printed once it worked."""
    ended = await asyncio.to_thread(run, folder, *arguments)
    assert ended.returncode == 0, (arguments, ended.stdout, ended.stderr)
    return ended.stdout


def _configure_logging(*_: str) -> None:
    """Logs nothing, and nothing that loggers of this process would remember."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
