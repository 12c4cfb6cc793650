"""The PDUs of a message that is told about later, made again from what is stored of it.

Nothing is recorded as it passes. What went out is rendered again to the same octets; of an answer
its status and id are known, which is all there is in it; of a report only its text was kept.
Sequence numbers are 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from dragoman.core.reporting.model.timeline import PduStep, Timeline
from dragoman.protocols.smpp.codec import encode
from dragoman.protocols.smpp.errors import EncodeError
from dragoman.protocols.smpp.pdus import SubmitSm, SubmitSmResp

_STATUS: Final = re.compile(r"\(0x([0-9A-F]{8})\)$")
"""How `describe_status` ends."""


def reconstruct(story: Timeline, submits: Sequence[SubmitSm]) -> tuple[PduStep, ...]:
    """Each `submit_sm` with its answers, then what was reported; raises `EncodeError`."""
    steps: list[PduStep] = []
    for number, submit in enumerate(submits, 1):
        steps.append(PduStep(name="submit_sm", part=number, octets=encode(submit).hex()))
        steps += _answers(story, number, len(submits))
    return (*steps, *_reports(story))


def _answers(story: Timeline, number: int, parts: int) -> Iterator[PduStep]:
    if parts == 1:  # of several parts nobody knows any more which one an answer was for
        for attempt in story.attempts:
            status = _STATUS.search(attempt.status)
            if status is not None and attempt.carrier == story.carrier:
                yield _answer(number, SubmitSmResp(command_status=int(status[1], 16)))
    for part in story.parts:
        if part.number == number or parts == 1:
            for carrier_id in part.carrier_ids:
                yield from _acceptance(number, carrier_id)


def _acceptance(number: int, carrier_id: str) -> Iterator[PduStep]:
    try:
        yield _answer(number, SubmitSmResp(message_id=carrier_id))
    except EncodeError:
        return  # an id that another type of carrier gave, before its route changed


def _answer(number: int, answer: SubmitSmResp) -> PduStep:
    return PduStep(name="submit_sm_resp", part=number, octets=encode(answer).hex())


def _reports(story: Timeline) -> Iterator[PduStep]:
    for receipt in story.receipts:
        if receipt.raw:
            octets = receipt.raw.encode("latin-1", "replace").hex()
            yield PduStep(name="deliver_sm", part=receipt.part, octets=octets, whole=False)
