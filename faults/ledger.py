"""Who accepted what, and what became of it: the ledger, and the verdict over it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


class Ledger:
    """The messages that were accepted, by their texts; each is on disk before it counts."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self.accepted: set[str] = set()

    def accept(self, text: str) -> None:
        self._file.write(text.encode() + b"\n")
        os.fsync(self._file.fileno())
        self.accepted.add(text)

    def close(self) -> None:
        self._file.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a ledger and an SMSC that do not know each other say together."""

    accepted: int
    lost: int
    """Accepted, and never seen by the SMSC."""
    doubled: int
    """Seen by the SMSC once more than needed, each time."""
    marked: int
    """Of those, the ones whose message says that it may be a duplicate."""
    most_at_once: int
    """Doubles of what had been sent in the same life; at most the window of the links."""
    worst_life: int
    """The number of faults before that life."""


def judge(
    accepted: Collection[str], submits: Iterable[tuple[int, str]], marked: Collection[str]
) -> Verdict:
    """Compares the accepted texts with the (number of faults so far, text) that arrived.

    `marked` are the texts of the messages that are marked as possible duplicates. A double is put
    down to the fault that ended the life in which the copy before it was sent, since what was in
    doubt after one fault may still wait for its turn at the next.
    """
    arrived: dict[str, int] = {}
    doubles: list[str] = []
    by_fault: Counter[int] = Counter()
    for faults, text in submits:
        if text in arrived:
            doubles.append(text)
            by_fault[arrived[text]] += 1
        arrived[text] = faults
    worst_life, most_at_once = max(by_fault.items(), key=lambda item: item[1], default=(0, 0))
    return Verdict(
        accepted=len(accepted),
        lost=len(set(accepted) - arrived.keys()),
        doubled=len(doubles),
        marked=sum(text in marked for text in doubles),
        most_at_once=most_at_once,
        worst_life=worst_life,
    )


@dataclass(kw_only=True)
class Row:
    """A line of the table: one fault, or its negative control."""

    fault: str
    done: str
    """What was done."""
    times: str
    """How often."""
    seed: int = 0
    accepted: int = 0
    lost: int = 0
    doubled: int = 0
    marked: int = 0
    seen: Sequence[str] = ()
    """Further figures."""
    flaws: Sequence[str] = ()
    """What did not hold; of a control, why it proves nothing."""
    seconds: float = 0.0
    is_control: bool = False

    def count(self, verdict: Verdict) -> None:
        """Adds what a verdict found."""
        self.accepted += verdict.accepted
        self.lost += verdict.lost
        self.doubled += verdict.doubled
        self.marked += verdict.marked

    def check(self, holds: bool, flaw: str) -> None:
        """Notes a flaw unless something holds."""
        if not holds:
            self.flaws = (*self.flaws, flaw)

    def note(self, figure: str) -> None:
        self.seen = (*self.seen, figure)

    def check_verdict(self, verdict: Verdict, window: int | None) -> None:
        """Counts and checks: nothing lost, every double marked, at most a window after a fault.

        A control must lose. Without a window nothing may be doubled.
        """
        self.count(verdict)
        if self.is_control:
            self.check(verdict.lost > 0, "nothing was lost: the check proves nothing")
            return
        self.check(not verdict.lost, f"{verdict.lost} lost")
        unmarked = verdict.doubled - verdict.marked
        self.check(not unmarked, f"{unmarked} doubles are not marked")
        most = verdict.most_at_once
        self.check(most <= (window or 0), f"{most} doubled at once, more than {window or 0}")
