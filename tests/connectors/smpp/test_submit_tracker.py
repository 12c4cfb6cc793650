"""The answers to the parts of a message become one outcome."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dragoman.connectors.smpp.submit_tracker import RETRY_IN_S, SubmitTracker
from dragoman.core.messages.model.outcomes import Accepted, Deferred, Rejected, Unknown
from dragoman.core.model.errors import FailureCode, RetryCode
from dragoman.protocols.smpp.constants import CommandStatus

Step = Callable[[SubmitTracker], None]


def accept(index: int) -> Step:
    return lambda tracker: tracker.accept(index, f"id{index}")


def refuse(status: int) -> Step:
    return lambda tracker: tracker.refuse(status)


def lose(tracker: SubmitTracker) -> None:
    tracker.lose("gone")


def give_back(tracker: SubmitTracker) -> None:
    tracker.defer(RetryCode.LINK_DOWN, 1.0)


def skip(tracker: SubmitTracker) -> None:
    tracker.skip()


@pytest.mark.parametrize(
    ("steps", "outcome"),
    [
        ([accept(0)], Accepted(carrier_ids=("id0",))),
        ([accept(1), accept(0)], Accepted(carrier_ids=("id0", "id1"))),
        (
            [refuse(0x0B)],
            Rejected(
                code=FailureCode.INVALID_DESTINATION,
                detail="ESME_RINVDSTADR (0x0000000B)",
                carrier_ids=(None,),
            ),
        ),
        (
            [refuse(0x0A)],
            Rejected(
                code=FailureCode.INVALID_SENDER,
                detail="ESME_RINVSRCADR (0x0000000A)",
                carrier_ids=(None,),
            ),
        ),
        (
            [refuse(0x450)],
            Rejected(
                code=FailureCode.REFUSED_BY_CARRIER,
                detail="vendor status (0x00000450)",
                carrier_ids=(None,),
            ),
        ),
        (
            [accept(0), refuse(0x0B), skip],
            Rejected(
                code=FailureCode.INVALID_DESTINATION,
                detail="ESME_RINVDSTADR (0x0000000B)",
                carrier_ids=("id0", None, None),
            ),
        ),
        (
            [refuse(0x0B), refuse(0x0A)],
            Rejected(
                code=FailureCode.INVALID_DESTINATION,
                detail="ESME_RINVDSTADR (0x0000000B)",
                carrier_ids=(None, None),
            ),
        ),
        (
            [refuse(CommandStatus.ESME_RSYSERR)],
            Deferred(
                code=RetryCode.CARRIER_BUSY,
                retry_in_s=RETRY_IN_S,
                detail="ESME_RSYSERR (0x00000008)",
            ),
        ),
        ([give_back], Deferred(code=RetryCode.LINK_DOWN, retry_in_s=1.0)),
        ([lose, give_back], Unknown(detail="gone", carrier_ids=(None, None))),
        ([accept(0), lose], Unknown(detail="gone", carrier_ids=("id0", None))),
        (
            [accept(0), give_back],
            Unknown(detail="some parts were taken, then ", carrier_ids=("id0", None)),
        ),
    ],
)
def test_parts_become_one_outcome(steps: list[Step], outcome: Any) -> None:
    tracker = SubmitTracker(None, len(steps))  # type: ignore[arg-type]
    for step in steps:
        assert not tracker.done
        step(tracker)
    assert tracker.done
    assert tracker.outcome() == outcome
