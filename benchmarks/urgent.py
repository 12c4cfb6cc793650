"""U: how long one-time codes and small batches take to the SMSC beside a batch of 100,000.

All of them go over one link. Three callers go on asking while the batch is sent: for messages that
are `urgent`, for single ones, and for batches of ten. Milliseconds count from before a request to
the message's arrival at the SMSC. Twice: over a link that takes whatever comes, and over one whose
carrier allows so many a second that the batch waits for it all the time.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from benchmarks import book
from benchmarks.batch import call
from benchmarks.builds import HERE, Build
from benchmarks.processes import KEY, SINK, Gateway, Instrument, make_site

RECIPIENTS = 100_000
LIMIT_PER_S = 2_000
LIMITED = 20_000
"""Recipients of the batch over the link that is limited."""
PATIENCE_S = 180.0
MARK = "code"
"""Begins the texts whose arrival is noted."""
TARGET_MS = 50.0
"""Of the 99th percentile of what is urgent."""
ASKED_UNTIL = 0.95
"""Of the batch: what is asked for later would have the link for itself."""
POLL_S = 0.25
QUIET_S = 1.0
ACCEPTED = (201, 202)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What one caller asks for."""

    name: str
    per_s: float
    """Requests a second, if they are answered in time."""
    recipients: int = 1
    urgent: bool = False


KINDS = (
    Kind(name="urgent", per_s=40.0, urgent=True),
    Kind(name="single", per_s=20.0),
    Kind(name="batches of ten", per_s=5.0, recipients=10),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What became of the messages of one kind."""

    name: str
    messages: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    accepted_p99_ms: float
    """Until the request was answered."""
    passed_p50: int
    passed_p99: int
    """Messages that the SMSC took between the answer and the message: on a busy machine this says
    more than times do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One batch, and what was sent beside it."""

    link: str
    batch_per_s: int
    """Messages of the batch a second, to the last receipt."""
    figures: tuple[Figure, ...]
    flaws: tuple[str, ...]


def run(
    folder: Path, recipients: int = RECIPIENTS, limited: int = LIMITED, build: Build = HERE
) -> list[Turn]:
    """Measures both links."""
    return [
        _measure(folder / "free", build, "takes all", recipients, SINK),
        _measure(
            folder / "limited",
            build,
            f"takes {LIMIT_PER_S:,}/s",
            limited,
            f"{SINK}rate_per_s = {LIMIT_PER_S}\n",
        ),
    ]


def _measure(folder: Path, build: Build, link: str, recipients: int, carriers: str) -> Turn:
    smsc = Instrument("smsc_sink.py", "--receipts", "--watch", MARK)
    site = make_site(
        folder,
        smsc.port,
        lambda database: build.fill_book(database, recipients),
        carriers,
        dialects=("linkmobility", "native"),
        build=build,
    )
    with site.serving() as gateway:
        callers = [Caller(gateway, kind, number) for number, kind in enumerate(KINDS)]
        for caller in callers:
            caller.warm_up()
        message = {
            "recipients": str(book.LIST_ID),
            "sender": "TEST",
            "message": book.TEXT,
            "filter": book.FILTER,
        }
        answer = call(gateway, "POST", "/v2/message.json", {"message": message})
        started = time.perf_counter()
        target = f"/v2/message/{answer['details']['batchid']}/0.json"
        for caller in callers:
            caller.start()
        received = 0
        while received < recipients and time.perf_counter() < started + PATIENCE_S:
            time.sleep(POLL_S)
            received = call(gateway, "GET", target)["stat"]["received"]
            if received > ASKED_UNTIL * recipients:
                for caller in callers:
                    caller.stop()
        took_s = time.perf_counter() - started
        for caller in callers:
            caller.stop()
        time.sleep(QUIET_S)
        arrived = smsc.stop()
    lost = recipients - received
    flaws = [f"{lost} of the batch not received"] if lost else []
    if arrived["doubled"]:
        flaws.append(f"{arrived['doubled']} doubled")
    came: dict[str, list[float]] = {}
    for text, at in arrived["watched"]:
        came.setdefault(text, []).append(at)
    figures = []
    for caller in callers:
        missing = sum(caller.kind.recipients - len(came.get(text, ())) for text in caller.asked)
        if missing:
            flaws.append(f"{missing} {caller.kind.name} lost")
        if caller.refused:
            flaws.append(f"{caller.refused} {caller.kind.name} refused")
        figures.append(_figure(caller, came, arrived["times"]))
    return Turn(
        link=link,
        batch_per_s=round(received / took_s),
        figures=tuple(figures),
        flaws=tuple(flaws),
    )


def _figure(caller: Caller, came: dict[str, list[float]], times: list[float]) -> Figure:
    took = sorted(
        (at - asked) * 1000 for text, asked in caller.asked.items() for at in came.get(text, ())
    )
    accepted = sorted((caller.answered[text] - at) * 1000 for text, at in caller.asked.items())
    passed = sorted(
        max(0, bisect_left(times, at) - bisect_left(times, answered))
        for text, answered in caller.answered.items()
        for at in came.get(text, ())
    )
    return Figure(
        name=caller.kind.name,
        accepted_p99_ms=_percentile(accepted, 0.99),
        passed_p50=round(_percentile(passed, 0.50)),
        passed_p99=round(_percentile(passed, 0.99)),
        messages=len(took),
        p50_ms=_percentile(took, 0.50),
        p99_ms=_percentile(took, 0.99),
        max_ms=_percentile(took, 1.0),
    )


def _percentile(values: Sequence[float], share: float) -> float:
    return round(values[max(0, ceil(share * len(values)) - 1)], 1) if values else 0.0


class Caller:
    """A program that asks for messages of a kind over one connection, at an even pace."""

    def __init__(self, gateway: Gateway, kind: Kind, number: int) -> None:
        self.kind = kind
        self.asked: dict[str, float] = {}
        """When the request of each text was begun, by the machine's clock."""
        self.answered: dict[str, float] = {}
        self.refused = 0
        self._number = number
        self._connection = http.client.HTTPConnection("127.0.0.1", gateway.http, timeout=PATIENCE_S)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._go_on)

    def warm_up(self) -> None:
        """Asks once, for what nobody looks at."""
        self._ask("warm up")

    def start(self) -> None:
        """Goes on asking, beside the caller."""
        self._thread.start()

    def stop(self) -> None:
        """Ends that."""
        self._stopped.set()
        self._thread.join()

    def _go_on(self) -> None:
        begin = time.perf_counter()
        while not self._stopped.wait(
            max(0.0, begin + len(self.asked) / self.kind.per_s - time.perf_counter())
        ):
            text = f"{MARK} {self.kind.name} {len(self.asked)}"
            self.asked[text] = time.time()
            self._ask(text)
            self.answered[text] = time.time()

    def _ask(self, text: str) -> None:
        numbers = [f"+4512{self._number}{n:05}" for n in range(self.kind.recipients)]
        options = {"from": "TEST", "text": text, "urgent": self.kind.urgent}
        if self.kind.recipients == 1:
            target, body = "/api/v1/messages", {"to": numbers[0], **options}
        else:
            target, body = "/api/v1/batches", {"to": numbers, **options}
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        self._connection.request("POST", target, json.dumps(body), headers)
        answer = self._connection.getresponse()
        answer.read()
        self.refused += answer.status not in ACCEPTED
