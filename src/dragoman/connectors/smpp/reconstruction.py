"""Reconstructs the PDUs of a message from what is stored of it.

PDUs are not recorded. A submit is rendered again to the same octets; a response consists of the
status and ID that are stored; of a receipt only the text is. Sequence numbers are 0.
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


def reconstruct(timeline: Timeline, submits: Sequence[SubmitSm]) -> tuple[PduStep, ...]:
    """Each `submit_sm` with its responses, then the receipts; raises `EncodeError`."""
    steps: list[PduStep] = []
    for number, submit in enumerate(submits, 1):
        steps.append(PduStep(name="submit_sm", part=number, octets=encode(submit).hex()))
        steps += _answers(timeline, number, len(submits))
    return (*steps, *_receipts(timeline))


def _answers(timeline: Timeline, number: int, parts: int) -> Iterator[PduStep]:
    if parts == 1:  # of several, it is not stored which part a response was for
        for attempt in timeline.attempts:
            status = _STATUS.search(attempt.status)
            if status is not None and attempt.carrier == timeline.carrier:
                yield _answer(number, SubmitSmResp(command_status=int(status[1], 16)))
    for part in timeline.parts:
        if part.number == number or parts == 1:
            for carrier_id in part.carrier_ids:
                yield from _acceptance(number, carrier_id)


def _acceptance(number: int, carrier_id: str) -> Iterator[PduStep]:
    try:
        yield _answer(number, SubmitSmResp(message_id=carrier_id))
    except EncodeError:
        return  # the ID of a carrier of another type, before the route changed


def _answer(number: int, answer: SubmitSmResp) -> PduStep:
    return PduStep(name="submit_sm_resp", part=number, octets=encode(answer).hex())


def _receipts(timeline: Timeline) -> Iterator[PduStep]:
    for receipt in timeline.receipts:
        if receipt.raw:
            octets = receipt.raw.encode("latin-1", "replace").hex()
            yield PduStep(name="deliver_sm", part=receipt.part, octets=octets, whole=False)
