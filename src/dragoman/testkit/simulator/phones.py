"""Virtual phones: they reassemble parts and show the text as a phone would."""

from __future__ import annotations

import msgspec

from dragoman.protocols.gsm.alphabet import Alphabet
from dragoman.protocols.gsm.national import decode_national, shift_in
from dragoman.protocols.gsm.udh import parse_udh, split_udh
from dragoman.protocols.smpp.constants import ESM_UDHI, Tag
from dragoman.protocols.smpp.pdus import SubmitSm
from dragoman.protocols.smpp.tlvs import find_integer, find_tlv


class ReceivedText(msgspec.Struct, frozen=True, kw_only=True):
    """A whole text as a phone shows it; `text` is hexadecimal where the alphabet is BINARY."""

    sender: str
    text: str
    alphabet: Alphabet
    parts: int = 1
    udh: bytes = b""
    flash: bool = False


class SubmittedText(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The content of one submit_sm: text, header and place in a long message."""

    text: str
    alphabet: Alphabet
    udh: bytes
    reference: int | None
    total: int
    number: int
    flash: bool


class Phone:
    """One number: its received texts, and the parts of incomplete ones."""

    __slots__ = ("_open", "number", "received")

    def __init__(self, number: str) -> None:
        self.number = number
        self.received: list[ReceivedText] = []
        self._open: dict[tuple[str, int | None, int], dict[int, SubmittedText]] = {}

    def receive(self, sender: str, part: SubmittedText) -> ReceivedText | None:
        """Takes a part, in any order; the text that is shown once all its parts are there."""
        if part.total == 1:
            return self._show(sender, [part])
        key = (sender, part.reference, part.total)
        held = self._open.setdefault(key, {})
        held[part.number] = part
        if len(held) == part.total:
            del self._open[key]
            return self._show(sender, [held[number] for number in sorted(held)])
        return None

    def _show(self, sender: str, parts: list[SubmittedText]) -> ReceivedText:
        first = parts[0]
        shown = ReceivedText(
            sender=sender,
            text="".join(part.text for part in parts),
            alphabet=first.alphabet,
            parts=len(parts),
            udh=first.udh,
            flash=first.flash,
        )
        self.received.append(shown)
        return shown


def read_submit(pdu: SubmitSm) -> SubmittedText:
    """Reads what a submit_sm carries, as the SMSC of our default profile does."""
    octets = pdu.short_message
    if pdu.tlvs and not octets:
        octets = find_tlv(pdu.tlvs, Tag.MESSAGE_PAYLOAD) or b""
    udh, data = split_udh(octets) if pdu.esm_class & ESM_UDHI else (b"", octets)
    coding = pdu.data_coding
    alphabet, text = _decode(coding, udh, data)
    reference, total, number = None, 1, 1
    header = parse_udh(udh) if udh else None
    if header is not None and header.concatenation is not None:
        place = header.concatenation
        reference, total, number = place.reference, place.total, place.number
    elif pdu.tlvs:
        sar_total = find_integer(pdu.tlvs, Tag.SAR_TOTAL_SEGMENTS) or 1
        sar_number = find_integer(pdu.tlvs, Tag.SAR_SEGMENT_SEQNUM) or 1
        if 1 <= sar_number <= sar_total:
            reference = find_integer(pdu.tlvs, Tag.SAR_MSG_REF_NUM)
            total, number = sar_total, sar_number
    return SubmittedText(
        text=text,
        alphabet=alphabet,
        udh=udh,
        reference=reference,
        total=total,
        number=number,
        flash=coding & 0xF3 == 0x10 or coding & 0xF3 == 0xF0,
    )


def _decode(coding: int, udh: bytes, data: bytes) -> tuple[Alphabet, str]:
    # 0x10 to 0x1F carry a message class and the alphabet in bits 3 and 2 (3GPP 23.038 s. 4).
    plain = coding & 0x0C if 0x10 <= coding < 0x20 else coding
    if plain == 8:
        return Alphabet.UCS2, data.decode("utf-16-be", "replace")
    if plain in (2, 4) or coding & 0xF4 == 0xF4:
        return Alphabet.BINARY, data.hex()
    if plain in (1, 3):
        return Alphabet.GSM7, data.decode("latin-1")
    return Alphabet.GSM7, decode_national(data, shift_in(parse_udh(udh)))
