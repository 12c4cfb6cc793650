"""G: how many PDUs a second the SMPP codec reads and writes, on one core, without sockets."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from dragoman.protocols.smpp.codec import decode, encode
from dragoman.protocols.smpp.pdus import DeliverSm, SubmitSm, SubmitSmResp
from dragoman.protocols.smpp.tlvs import Tlv

COUNT = 50_000
REPEATS = 5

SUBMIT = SubmitSm(
    sequence_number=1,
    source_addr_ton=5,
    source_addr="TEST",
    dest_addr_ton=1,
    dest_addr_npi=1,
    destination_addr="4512345678",
    registered_delivery=1,
    short_message=b"Hello world, this is a message of some sixty characters....",
)
RECEIPT = DeliverSm(
    sequence_number=1,
    source_addr_ton=1,
    source_addr_npi=1,
    source_addr="4512345678",
    destination_addr="TEST",
    esm_class=4,
    short_message=(
        b"id:0123456789 sub:001 dlvrd:001 submit date:2611212145 done date:2611212146"
        b" stat:DELIVRD err:000 text:Hello world"
    ),
    tlvs=(Tlv(0x001E, b"0123456789\0"), Tlv(0x0427, b"\x02")),
)
PDUS = {
    "submit_sm": SUBMIT,
    "submit_sm_resp": SubmitSmResp(sequence_number=1, message_id="0123456789"),
    "deliver_sm with a receipt": RECEIPT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One kind of PDU, the best of several repeats."""

    pdu: str
    encodes_per_s: int
    decodes_per_s: int


def run() -> list[Figure]:
    """Measures each kind of PDU."""
    figures = []
    for name, pdu in PDUS.items():
        frame = encode(pdu)
        figures.append(
            Figure(
                pdu=name,
                encodes_per_s=_rate(lambda pdu=pdu: encode(pdu)),  # type: ignore[misc]
                decodes_per_s=_rate(lambda frame=frame: decode(frame)),  # type: ignore[misc]
            )
        )
    return figures


def _rate(call: Callable[[], object]) -> int:
    best = float("inf")
    for _ in range(REPEATS):
        started = time.perf_counter()
        for _ in range(COUNT):
            call()
        best = min(best, time.perf_counter() - started)
    return round(COUNT / best)
