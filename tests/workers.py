"""Runs the tests in several processes, which begin as copies of the one that has collected them.

To collect twelve thousand tests takes a processor ten seconds. A copy has them already and costs
next to nothing, so there may be more workers than processors: many tests wait for something.

A worker is given a piece of a module at a time, what takes long first, and asks for the next one
before it runs its last test: only then does it know which fixtures are still wanted.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import groupby
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import pytest

FORKING: Final = multiprocessing.get_context("fork")
PER_CORE: Final = 2
AT_MOST: Final = 12
WEIGHTS: Final = {"process": 40, "postgresql": 3}
"""How long a test with a marker takes, more or less, where one without takes 1."""
PIECE: Final = 480
"""What a piece may weigh. Tests that share what their module starts are better kept together."""
ENDING_S: Final = 20.0
BROWSERS: Final = 2
"""How many workers start one, which costs as much as ten tests in it."""


def add_option(parser: pytest.Parser) -> None:
    """Adds `-n`, which means what it means to pytest-xdist."""
    parser.getgroup("workers")._addoption(
        *("-n", "--numprocesses"),
        metavar="N",
        default="0",
        help=f"number of processes that run tests; auto: {PER_CORE} for each processor",
    )


def number_of_workers(config: pytest.Config) -> int:
    """How many are to run the tests; 0 where this process runs them itself."""
    wanted: str = config.getoption("numprocesses")
    if config.option.usepdb or config.option.collectonly:
        return 0
    return min(PER_CORE * (os.cpu_count() or 1), AT_MOST) if wanted == "auto" else int(wanted)


class Workers:
    """Deals out the tests and reports what becomes of them, as if they ran here."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._workers: dict[Connection, _Worker] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        if session.testsfailed and not session.config.option.continue_on_collection_errors:
            return None  # pytest says so
        base = session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
        pieces = deque(_pieces(session.items))
        try:
            for number in range(min(self._number, len(pieces))):
                self._start(session, base / f"worker-{number}")
            self._deal(session, pieces)
        finally:
            for worker in self._workers.values():  # none, unless this process is interrupted
                assert worker.process.pid is not None
                os.kill(worker.process.pid, signal.SIGINT)
            for worker in self._workers.values():
                worker.process.join(ENDING_S)
                worker.process.kill()
        if stopped := session.shouldfail or session.shouldstop:
            raise (session.Failed if session.shouldfail else session.Interrupted)(stopped)
        return True

    def _deal(self, session: pytest.Session, pieces: deque[list[int]]) -> None:
        """Answers the workers until none is left."""
        while self._workers:
            for connection in wait(list(self._workers)):
                assert isinstance(connection, Connection)
                worker = self._workers[connection]
                try:
                    what, told = connection.recv()
                except (EOFError, ConnectionResetError):
                    self._end(session, worker, pieces)
                    continue
                if what == "more":
                    is_over = session.shouldstop or session.shouldfail
                    worker.give([] if is_over or not pieces else pieces.popleft())
                elif what == "test":
                    worker.index = told
                elif what == "over":
                    worker.given = []
                else:
                    _tell(session.config, what, told)

    def _start(self, session: pytest.Session, folder: Path) -> None:
        ours, theirs = FORKING.Pipe()
        held = (ours, *self._workers)  # a worker whose pipe others hold would outlive this process
        process = FORKING.Process(target=_work, args=(session, theirs, held, folder))
        process.start()
        theirs.close()
        self._workers[ours] = _Worker(process, ours, folder)

    def _end(self, session: pytest.Session, worker: _Worker, pieces: deque[list[int]]) -> None:
        """Takes leave of a worker; one that died in a test is told of, and replaced."""
        del self._workers[worker.connection]
        worker.process.join()
        if not worker.given:
            return
        if worker.index is None:
            raise RuntimeError(f"a worker ended before its first test: {worker.process.exitcode}")
        item = session.items[worker.index]
        report = pytest.TestReport(
            nodeid=item.nodeid,
            location=item.location,
            keywords={},
            outcome="failed",
            longrepr=f"its worker died: {worker.process.exitcode}",
            when="call",
        )
        session.config.hook.pytest_runtest_logreport(report=report)
        left = worker.given[worker.given.index(worker.index) + 1 :]
        if left:
            pieces.appendleft(left)
        self._start(session, worker.folder.with_name(f"{worker.folder.name}-again"))


class _Worker:
    """A process, and what it has to do."""

    def __init__(self, process: BaseProcess, connection: Connection, folder: Path) -> None:
        self.process = process
        self.connection = connection
        self.folder = folder
        self.given: list[int] = []
        """The tests of its last piece; nothing once it is done."""
        self.index: int | None = None
        """The test that it is at."""

    def give(self, piece: list[int]) -> None:
        """Answers a worker that asks for more."""
        self.given = [*self.given[-1:], *piece]  # the last one is still to be run
        self.connection.send(piece)


def _pieces(items: Sequence[pytest.Item]) -> Iterator[list[int]]:
    """The indices of tests in the order in which they are dealt out: parts of a module each.

    Those in a browser come first, as they take longest, and all of them in a few pieces; then those
    that start processes, which may be few and slow.
    """
    weights = [
        sum(weight for name, weight in WEIGHTS.items() if item.get_closest_marker(name)) or 1
        for item in items
    ]
    pieces: list[list[int]] = []
    in_browser: list[list[int]] = []
    for _, module in groupby(range(len(items)), lambda index: items[index].path):
        indices = list(module)
        if items[indices[0]].get_closest_marker("browser"):
            in_browser.append(indices)
            continue
        piece: list[int] = []
        for index in indices:
            if piece and sum(weights[one] for one in piece) + weights[index] > PIECE:
                pieces.append(piece)
                piece = []
            piece.append(index)
        pieces.append(piece)
    for first in range(BROWSERS):
        if some := in_browser[first::BROWSERS]:
            yield [index for indices in some for index in indices]
    yield from sorted(
        pieces,
        key=lambda piece: (
            items[piece[0]].get_closest_marker("process") is None,
            -sum(weights[index] for index in piece),
        ),
    )


def _tell(config: pytest.Config, what: str, told: dict[str, Any]) -> None:
    """Reports here what a worker has reported."""
    if what == "report":
        report = config.hook.pytest_report_from_serializable(config=config, data=told)
        config.hook.pytest_runtest_logreport(report=report)
    elif what == "warning":
        message = warnings.WarningMessage(**told.pop("message"))
        config.hook.pytest_warning_recorded.call_historic(
            kwargs={"warning_message": message, **told}
        )
    else:
        getattr(config.hook, what)(**told)


class _Reporting:
    """Sends what happens in a worker to the process that tells of it."""

    def __init__(self, config: pytest.Config, connection: Connection) -> None:
        self._config = config
        self._connection = connection
        self.begins = False
        """Until then it is only shown the warnings of the time before this process."""

    def pytest_runtest_logstart(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        told = {"nodeid": nodeid, "location": location}
        self._connection.send(("pytest_runtest_logstart", told))

    def pytest_runtest_logfinish(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        told = {"nodeid": nodeid, "location": location}
        self._connection.send(("pytest_runtest_logfinish", told))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._connection.send(("report", data))

    def pytest_warning_recorded(
        self,
        warning_message: warnings.WarningMessage,
        when: str,
        nodeid: str,
        location: tuple[str, int, str] | None,
    ) -> None:
        if not self.begins:
            return
        is_known = warning_message.category.__module__ == "builtins"
        message = {
            "message": str(warning_message.message),
            "category": warning_message.category if is_known else Warning,
            "filename": warning_message.filename,
            "lineno": warning_message.lineno,
        }
        told = {"message": message, "when": when, "nodeid": nodeid, "location": location}
        self._connection.send(("warning", told))


def _work(
    session: pytest.Session, connection: Connection, held: Sequence[Connection], folder: Path
) -> None:
    """What a worker does, from its beginning to its end."""
    for one in held:
        one.close()
    config = session.config
    plugins = config.pluginmanager
    plugins.unregister(name="terminalreporter")
    capturing = plugins.getplugin("capturemanager")
    capturing.stop_global_capturing()  # what is caught goes through a file, which copies share
    capturing.start_global_capturing()
    folders = config._tmp_path_factory  # type: ignore[attr-defined]
    folders._given_basetemp, folders._basetemp = folder, None
    reporting = _Reporting(config, connection)
    plugins.register(reporting)
    reporting.begins = True
    try:
        _run(session, connection)
    except (KeyboardInterrupt, BrokenPipeError):
        pass  # there is nobody to be told
    finally:
        session._setupstate.teardown_exact(None)  # what the tests of a session share ends, too


def _run(session: pytest.Session, connection: Connection) -> None:
    mine: deque[int] = deque(_more(connection))
    while mine and not (session.shouldstop or session.shouldfail):
        index = mine.popleft()
        if not mine:
            mine.extend(_more(connection))
        connection.send(("test", index))
        session.config.hook.pytest_runtest_protocol(
            item=session.items[index], nextitem=session.items[mine[0]] if mine else None
        )
    connection.send(("over", None))


def _more(connection: Connection) -> list[int]:
    """Asks for more tests; none when there are no more, or nobody that knows."""
    try:
        connection.send(("more", None))
        return list(connection.recv())
    except (EOFError, BrokenPipeError):
        return []
