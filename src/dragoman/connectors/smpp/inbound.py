"""Reads what an SMSC delivers: a receipt for a message, or a text from a phone."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dragoman.connectors.smpp.profiles import GsmCharset, Profile
from dragoman.core.messages.model.lifecycle import ReceiptState
from dragoman.core.messages.model.messages import InboundPartReport, ReceiptReport
from dragoman.protocols.gsm.alphabet import (
    Alphabet,
    decode_gsm,
    drop_filling,
    try_encode_gsm,
    unpack_septets,
)
from dragoman.protocols.gsm.national import DEFAULT, decode_national, shift_in
from dragoman.protocols.gsm.udh import fill_bits_after, parse_udh, split_udh
from dragoman.protocols.smpp.constants import ESM_UDHI, MessageState, Tag
from dragoman.protocols.smpp.content import octets_of
from dragoman.protocols.smpp.data_codings import CHARSETS, alphabet_of
from dragoman.protocols.smpp.pdus import DataSm, DeliverSm
from dragoman.protocols.smpp.receipts import Receipt, read_receipt
from dragoman.protocols.smpp.tlvs import find_integer

_UCS2: Final = 0x08


def read_delivery(
    pdu: DeliverSm | DataSm, carrier: str, profile: Profile
) -> ReceiptReport | InboundPartReport:
    """Reads an inbound PDU; never raises, unreadable content is kept as received."""
    receipt = read_receipt(pdu)
    # Marked as a receipt without the content of one: treated as a text rather than dropped.
    if receipt is not None and (receipt.message_id or receipt.state not in _VAGUE):
        return _receipt_report(receipt, pdu, carrier, profile)
    return _inbound_part(pdu, carrier, profile)


def _receipt_report(
    receipt: Receipt, pdu: DeliverSm | DataSm, carrier: str, profile: Profile
) -> ReceiptReport:
    return ReceiptReport(
        carrier=carrier,
        message_id=receipt.message_id,
        reading=profile.id_reading,
        state=_state(receipt),
        recipient=pdu.source_addr,
        error=receipt.error,
        raw=octets_of(pdu).decode("latin-1"),
        done_date=receipt.done_date,
        other_id=receipt.other_id,
        text=None if receipt.marked else _inbound_part(pdu, carrier, profile),
    )


def _state(receipt: Receipt) -> ReceiptState:
    state = _STATES.get(receipt.state) if receipt.state is not None else None
    if state is None:  # no word, or one that nobody knows: noted, and no reason to end a message
        return ReceiptState.ENROUTE
    # An intermediate notification reports an attempt, not the final state.
    return state if receipt.final or state in _NOT_FINAL else ReceiptState.ENROUTE


_STATES: Final = MappingProxyType(
    {
        state: ReceiptState(state.value)
        for state in MessageState
        if state.value in {known.value for known in ReceiptState}
    }
)
_VAGUE: Final = (None, MessageState.UNKNOWN)
_NOT_FINAL: Final = frozenset({ReceiptState.ENROUTE, ReceiptState.ACCEPTED, ReceiptState.UNKNOWN})


def _inbound_part(pdu: DeliverSm | DataSm, carrier: str, profile: Profile) -> InboundPartReport:
    octets = octets_of(pdu)
    udh, data = split_udh(octets) if pdu.esm_class & ESM_UDHI else (b"", octets)
    alphabet, text = _decode(pdu.data_coding, udh, data, profile)
    reference, total, number = _place(pdu, udh)
    return InboundPartReport(
        carrier=carrier,
        source=pdu.source_addr,
        destination=pdu.destination_addr,
        alphabet=alphabet,
        text=text,
        udh=udh,
        reference=reference,
        total=total,
        number=number,
    )


def _place(pdu: DeliverSm | DataSm, udh: bytes) -> tuple[int | None, int, int]:
    """Returns reference, total and number, from the header or else from the SAR TLVs."""
    header = parse_udh(udh) if udh else None
    place = header.concatenation if header is not None else None
    if place is not None:
        return place.reference, place.total, place.number
    if pdu.tlvs:
        reference = find_integer(pdu.tlvs, Tag.SAR_MSG_REF_NUM)
        total = find_integer(pdu.tlvs, Tag.SAR_TOTAL_SEGMENTS)
        number = find_integer(pdu.tlvs, Tag.SAR_SEGMENT_SEQNUM)
        if reference is not None and total and number and number <= total:
            return reference, total, number
    return None, 1, 1


def _decode(coding: int, udh: bytes, data: bytes, profile: Profile) -> tuple[Alphabet, str]:
    if coding == 0 and profile.inbound_0_is_ucs2:
        coding = _UCS2
    alphabet = alphabet_of(coding)
    if alphabet is Alphabet.BINARY:
        return alphabet, data.hex()
    if alphabet is Alphabet.UCS2:
        # A part may end in the middle of a character; reassembly handles that.
        whole = len(data) // 2 * 2
        text = data[:whole].decode("utf-16-be", "surrogatepass")
        return alphabet, text if whole == len(data) else text + "\N{REPLACEMENT CHARACTER}"
    charset = CHARSETS.get(coding)
    if coding == 1 and profile.inbound_1_is_gsm:
        charset = None
    shift = shift_in(parse_udh(udh)) if udh else DEFAULT
    if coding == 0 and shift == DEFAULT and profile.gsm_charset is GsmCharset.LATIN_1:
        charset = "latin-1"
    if charset is not None:
        text = data.decode(charset, "replace")
        return (Alphabet.UCS2 if try_encode_gsm(text) is None else Alphabet.GSM7), text
    if profile.gsm_charset is GsmCharset.PACKED:
        fill_bits = fill_bits_after(udh)
        data = unpack_septets(data, (len(data) * 8 - fill_bits) // 7, fill_bits)
        data = drop_filling(data, fill_bits)
    return Alphabet.GSM7, decode_gsm(data) if shift == DEFAULT else decode_national(data, shift)
