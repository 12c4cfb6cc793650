"""The group-commit writer: what arrives during one transaction goes into the next.

A caller gets its result only after its group is on disk. What nobody waits for is gathered for some
milliseconds while there is a lot of it; meanwhile joint work lets acceptances pass, which somebody
waits for. Work of the same kind in a group runs as one call, so that a hundred accepted messages
are one INSERT. The connection, with full sync, belongs to the runner (`storage/runners.py`), in
this process or in a child. Everything here happens on the event loop.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from time import perf_counter
from typing import Any, Protocol

import structlog
from sqlalchemy import Connection, text

from dragoman.core.model.errors import StorageUnavailable
from dragoman.storage.answers import InDoubt
from dragoman.storage.groups import Caller, Group, JointWork, Work
from dragoman.storage.outages import is_outage, reason_of
from dragoman.storage.probe import probe
from dragoman.storage.runners import Outcome, Runner, WriterGone
from dragoman.storage.work import Item, Operation, Result

__all__ = [
    "CommitObserver",
    "JointWork",
    "Operation",
    "StorageUnavailable",
    "Writer",
    "check_durable",
    "is_outage",
    "reason_of",
]

MAX_GROUP = 2_000
"""Units of work in one transaction; bounds the time a caller waits for its commit."""
PROBE_S = 1.0
"""Between empty writes, while the database cannot be written."""
SETTLE_S = 0.5
"""Between questions for a group in doubt, while the database is away."""
GATHER_S = 0.02
"""How long at most a group of work that can wait is gathered under load: a commit costs as much as
writing ten changes, so those of a hundred messages should share one."""
GATHER_STEP_S = 0.002
"""A group begins once nothing more came for so long: whoever sends a few at a time and waits for
their answers, as many SMSCs do with receipts, is not made to wait for others."""
TURNS = 3
"""Of the loop, in which it reads what came during a step, and that is handed in."""
PATIENCE_S = 0.01
"""How long at most joint work is overtaken by acceptances: of the changes that several groups
bring, the states of a message are one row, and all share the statements."""
GATHERED = 200
"""Units of work that need not wait for more."""
AGAIN_S = 2.0
"""How soon a group must be known not to be on disk to be written again: later its callers may have
gone, and asked elsewhere."""


log = structlog.get_logger(__name__)


class CommitObserver(Protocol):
    """Is notified of every group, for metrics."""

    def committed(self, units: int, seconds: float) -> None: ...


class Writer:
    """Sends work to its runner in groups.

    A full disk or a lost server refuses one group, and the next is tried; an empty one, if nobody
    has any work, so that `trouble` ends by itself. A group whose commit was not answered is settled
    before the next: its callers hear what its mark says, however long the database is away; one
    that is soon known not to be on disk is written again. After a failed sync, or without a writer
    process, the writer refuses everything from then on (`failed`).
    """

    def __init__(self, runner: Runner, observer: CommitObserver | None = None) -> None:
        self._runner = runner
        self._observer = observer
        self._waiting: deque[Group] = deque()
        self._open: Group | None = None
        """The last of those that wait, which takes what comes."""
        self._patient: Group | None = None
        """What can wait, gathered since `_patient_since`."""
        self._full: deque[Group] = deque()
        """What was gathered before that, and is as much as a group takes."""
        self._patient_since = 0.0
        self._overtaken = 0
        """Its size when it was overtaken last, and when that had grown."""
        self._grown_s = 0.0
        self._hurried = False
        self._alone: deque[Group] = deque()
        """Units of a group that failed: each gets a transaction of its own."""
        self._busy = False
        """A group is being written, or gathered, or will be at the end of this turn of the loop."""
        self._gathering: asyncio.Handle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Future[None] | None = None
        self._number = secrets.randbits(62)
        """Of the last group; starts anywhere, so that no earlier run's mark is taken for ours."""
        self._doubt: InDoubt | None = None
        """Why it is not known whether the group in progress is on disk."""
        self._probing: asyncio.TimerHandle | None = None
        self._began_s = 0.0
        self._written_s = 0.0
        self._gone = asyncio.Event()
        self.failed = False
        self.trouble = ""
        """Why the last group could not be written; empty after one that was."""
        self.low_space = ""
        """Why nothing is accepted that makes the database grow; empty while it is."""

    def start(self) -> None:
        """Starts the runner; called on the event loop."""
        self._loop = asyncio.get_running_loop()
        self._runner.start(self._lose_runner)

    async def gone(self) -> str:
        """Returns once nothing can be written any more until a new start, with the reason."""
        await self._gone.wait()
        return self.trouble

    @property
    def busy_s(self) -> float:
        """How long the group in progress has taken so far; 0 if there is none."""
        return perf_counter() - self._began_s if self._busy and self._began_s else 0.0

    @property
    def is_over(self) -> bool:
        """Whether nothing that is submitted from here on will ever be written."""
        return self.failed or self._stopped is not None

    def give_up(self, reason: str) -> None:
        """Refuses everything from here on: another process owns the database."""
        self.failed, self.trouble = True, reason

    async def check(self) -> None:
        """Makes an empty write unless there was one just now; raises `StorageUnavailable`."""
        if perf_counter() - self._written_s > PROBE_S:
            await self.write(probe, None)

    async def stop(self) -> None:
        """Writes what was submitted and ends; later work is refused."""
        if self._loop is None:
            return
        if self._stopped is None:
            self._stopped = self._loop.create_future()
            if not self._busy:
                self._stopped.set_result(None)
        try:
            await self._stopped
        finally:
            await self._runner.close()

    def write(self, operation: Operation[Item, Result], item: Item) -> asyncio.Future[Result]:
        """Submits an item; the future is done once its group is on disk.

        Raises what the operation returned for the item, or `StorageUnavailable`.
        """
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

        def settle(result: Result | Exception) -> None:
            if future.cancelled():
                return
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)

        self.submit(operation, item, settle)
        return future

    def submit(
        self,
        operation: Operation[Item, Result],
        item: Item,
        done: Callable[[Result | Exception], None],
        *,
        can_wait: bool = False,
    ) -> None:
        """Adds an item to the next group; `done` gets its result on the loop, after the commit.

        What `can_wait` is gathered for some milliseconds, while there is a lot of it.
        """
        if self._stopped is not None or (self.low_space and operation.grows):
            done(StorageUnavailable(self.low_space or "the gateway is stopping"))
        elif can_wait:
            self._put_off(operation, item, done)
        else:
            self._put(operation, item, done)

    def submit_joint(self, work: JointWork[Item, Caller], item: Item, caller: Caller) -> None:
        """Adds an item whose caller hears together with others what became of it."""
        if self._stopped is not None or (self.low_space and work.operation.grows):
            refusal = StorageUnavailable(self.low_space or "the gateway is stopping")
            work.tell([item], [caller], [refusal])
        elif work.can_wait:
            self._put_off(work, item, caller)
        else:
            self._put(work, item, caller)

    def submit_all(
        self, work: JointWork[Item, Caller], units: Sequence[tuple[Item, Caller]]
    ) -> None:
        """Adds several items at once, each as by `submit_joint`."""
        for number, (item, caller) in enumerate(units):
            if work.can_wait and self._has_room_for(len(units)):
                assert self._patient is not None
                self._patient.add_all(work, units[number:])
                return
            self.submit_joint(work, item, caller)

    def _has_room_for(self, units: int) -> bool:
        """Whether what is gathered takes so many units more, with nothing else to be done."""
        patient = self._patient
        return (
            patient is not None
            and patient.size + units < MAX_GROUP
            and self._busy
            and self._stopped is None
            and not self.low_space
        )

    def hurry(self) -> None:
        """Has what can wait overtaken no longer: something stands still until it is on disk."""
        self._hurried = True

    def _put(self, work: Work, item: Any, caller: Any) -> None:
        assert self._loop is not None, "the writer is not started"
        group = self._open
        if group is None or group.size >= MAX_GROUP:
            group = self._open = Group()
            self._waiting.append(group)
        group.add(work, item, caller)
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None
            self._loop.call_soon(self._begin)
        elif not self._busy:
            self._begin_soon()

    def _put_off(self, work: Work, item: Any, caller: Any) -> None:
        patient = self._patient
        if patient is None:
            patient = self._patient = Group()
            self._patient_since = perf_counter()
        patient.add(work, item, caller)
        if patient.size >= MAX_GROUP:
            self._full.append(patient)
            self._take_patient()
        if not self._busy:
            self._begin_soon()

    def _begin_soon(self) -> None:
        """Begins a group; not at once, as what else this turn of the loop gives belongs to it."""
        assert self._loop is not None, "the writer is not started"
        self._busy = True
        self._loop.call_soon(self._begin)

    def _gather(self, before: int, until_s: float) -> None:
        """Begins the next group, or waits for more of what can wait if there is nothing else."""
        self._gathering = None
        patient = self._patient
        if patient is not None and self._is_worth_gathering(before, until_s):
            assert self._loop is not None
            self._gathering = self._loop.call_later(
                GATHER_STEP_S, self._look_again, patient.size, until_s
            )
        else:
            self._begin()

    def _is_worth_gathering(self, before: int, until_s: float) -> bool:
        """Whether there is nothing but what can wait, and more of it than before."""
        patient = self._patient
        return (
            patient is not None
            and before < patient.size < GATHERED
            and not (self._full or self._waiting or self._alone or self._stopped)
            and perf_counter() < until_s
        )

    def _look_again(self, before: int, until_s: float, turns: int = TURNS) -> None:
        """Goes on to gather; where nothing came, once the loop has read what there was to read.

        A loop that was busy for the whole step has read nothing meanwhile.
        """
        patient = self._patient
        if turns and patient is not None and patient.size == before:
            assert self._loop is not None
            self._gathering = self._loop.call_soon(self._look_again, before, until_s, turns - 1)
        else:
            self._gather(before, until_s)

    def _begin(self) -> None:
        if self._alone:
            self._run(self._alone.popleft())
        elif self._full or self._waiting or self._patient is not None:
            self._run(self._next())
        else:
            self._busy = False
            if self._stopped is not None and not self._stopped.done():  # who waits may be gone
                self._stopped.set_result(None)

    def _next(self) -> Group:
        """What waits, behind what can wait unless it overtakes that."""
        if self._full:
            return self._full.popleft()
        patient = self._patient
        if not self._waiting:
            assert patient is not None
            self._take_patient()
            return patient
        group = self._waiting.popleft()
        if group is self._open:
            self._open = None
        if patient is None or (group.overtakes and not self._is_due(patient)):
            return group
        self._take_patient()
        patient.take(group)
        return patient

    def _take_patient(self) -> None:
        self._patient = None
        self._overtaken = 0
        self._hurried = False

    def _is_due(self, patient: Group) -> bool:
        """Whether what can wait need not be overtaken by one more group."""
        now_s = perf_counter()
        if patient.size != self._overtaken:
            self._overtaken, self._grown_s = patient.size, now_s
        return (
            self._hurried
            or not patient.is_joint
            or patient.size >= GATHERED
            or now_s - self._patient_since >= PATIENCE_S
            or now_s - self._grown_s >= GATHER_STEP_S
        )

    def _run(self, group: Group, first_s: float = 0.0) -> None:
        """Begins to write a group, which may have been tried before."""
        self._number += 1
        self._began_s = perf_counter()
        ended = partial(self._ended, group, first_s or self._began_s)
        try:
            if self.failed:
                raise StorageUnavailable(self.trouble)
            works = [(units.operation, units.items) for units in group.kinds.values()]
            self._runner.run(self._number, works, ended)
        except Exception as error:
            assert self._loop is not None
            self._loop.call_soon(ended, error)

    def _ended(self, group: Group, started: float, outcome: Outcome) -> None:
        if isinstance(outcome, InDoubt):
            self._settle_later(outcome, partial(self._ended, group, started))
            return
        doubt, self._doubt = self._doubt, None
        if outcome is None and perf_counter() - started < AGAIN_S:
            self._run(group, started)  # it is not on disk, and nobody has been told anything
            return
        if outcome is None:
            outcome = StorageUnavailable(str(doubt))
        elif not isinstance(outcome, Exception):
            self._written_s = perf_counter()
            if self.trouble:
                self._end_trouble()
            if [*map(len, outcome)] != [len(units.items) for units in group.kinds.values()]:
                outcome = StorageUnavailable("an operation did not answer for each of its items")
        elif doubt is not None:
            group = Group()  # nobody will ever know: no answer is better than a wrong one
        failure = self._after_failure(group, outcome) if isinstance(outcome, Exception) else None
        self._began_s = 0.0
        until_s = self._written_s + GATHER_S
        gathers = self._is_worth_gathering(0, until_s)
        if not gathers:  # first of all, for the runner to be at work while callers hear
            self._begin()
        if not isinstance(outcome, Exception):
            group.settle(outcome)
        elif failure is not None:
            group.fail(failure)
        if gathers:  # from now on, as what callers hear brings more
            self._gather(0, until_s)
        if self._observer is not None:
            self._observer.committed(group.size, perf_counter() - started)

    def _after_failure(self, group: Group, error: Exception) -> Exception | None:
        """What a failed group's callers hear; None while its items are retried one by one."""
        if isinstance(error, StorageUnavailable):
            self._note_trouble(error, group.size)
            return StorageUnavailable(str(error))
        if group.size <= 1:
            for units in group.kinds.values():
                log.error(
                    "write_failed", operation=units.operation.name, reason=type(error).__name__
                )
            return error
        # One item spoilt the group.
        self._alone.extend(group.apart())
        return None

    # Without a database

    def _note_trouble(self, error: StorageUnavailable, units: int) -> None:
        if self.failed:
            return
        if str(error) != self.trouble:
            log.error("storage_unavailable", reason=str(error), units=units)
        self.trouble = str(error) or "the database cannot be written"
        if error.sync_failed:
            self.failed = True
            self.trouble = "a write could not be made durable; restart after checking the disk"
        elif self._probing is None and self._loop is not None:
            self._probing = self._loop.call_later(PROBE_S, self._probe)

    def _end_trouble(self) -> None:
        # As loud as what it is the end of.
        log.warning("storage_available_again", before=self.trouble)
        self.trouble = ""

    def _probe(self) -> None:
        self._probing = None
        if self.trouble and self._stopped is None:
            self.submit(probe, None, lambda _: None)

    def _settle_later(self, doubt: InDoubt, ended: Callable[[Outcome], None]) -> None:
        """Asks what became of the group in progress; if that is not known yet, again later."""
        assert self._loop is not None
        again, self._doubt = self._doubt is not None, self._doubt or doubt
        self._note_trouble(doubt, 0)
        if again:  # the database is away, and those behind need not wait for it
            refused = self._full + self._waiting
            self._full, self._waiting, self._open = deque(), deque(), None
            if self._patient is not None:
                refused.append(self._patient)
                self._take_patient()
            for group in refused:
                group.fail(StorageUnavailable(str(doubt)))
        self._loop.call_later(SETTLE_S if again else 0, self._ask, ended)

    def _ask(self, ended: Callable[[Outcome], None]) -> None:
        if self.failed:  # whoever owns the database by now has its lock for as long as it lives
            ended(StorageUnavailable(self.trouble))
            return
        try:
            self._runner.settle(self._number, ended)
        except Exception as error:  # it is gone, or closed
            ended(error)

    def _lose_runner(self, error: WriterGone) -> None:
        self.failed = True
        self.trouble = str(error)
        self._gone.set()


def check_durable(connection: Connection) -> None:
    """Raises unless commits on this connection are on disk when they return."""
    if connection.dialect.name == "sqlite":
        durable = connection.execute(text("PRAGMA synchronous")).scalar_one() >= 2
    else:
        setting = connection.execute(text("SHOW synchronous_commit")).scalar_one()
        durable = setting in {"on", "remote_apply", "remote_write"}
    if not durable:
        raise StorageUnavailable("the database does not sync its commits")
