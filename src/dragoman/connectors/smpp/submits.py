"""Renders an outgoing message as the submit_sm PDUs that one SMSC understands."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import Final

from dragoman.connectors.smpp.profiles import GsmCharset, LongMessages, Profile
from dragoman.core.messages.model.messages import Outgoing
from dragoman.core.messages.model.premium import BillingTerms, Premium, ValueForm
from dragoman.protocols.gsm.alphabet import Alphabet, decode_gsm, fill_septets, pack_septets
from dragoman.protocols.gsm.national import DEFAULT, decode_national, shift_in
from dragoman.protocols.gsm.segmentation import MAX_OCTETS, UserData, segment_text
from dragoman.protocols.gsm.udh import (
    CONCATENATION_8,
    CONCATENATION_16,
    Concatenation,
    build_udh,
    fill_bits_after,
    parse_udh,
)
from dragoman.protocols.smpp.addresses import address_recipient, address_sender
from dragoman.protocols.smpp.constants import ESM_UDHI, MAX_SHORT_MESSAGE, Tag
from dragoman.protocols.smpp.pdus import SubmitSm
from dragoman.protocols.smpp.times import render_relative
from dragoman.protocols.smpp.tlvs import Tlv, integer_tlv, text_tlv

# SMPP 3.4 s. 5.2.19 takes group 1111 of 3GPP 23.038 s. 4 for a text or data with a class, and
# reserves 0x10; UCS-2 with a class is only in group 00xx.
_CODINGS_WITH_CLASS: Final = {Alphabet.GSM7: 0xF0, Alphabet.BINARY: 0xF4, Alphabet.UCS2: 0x18}
_CONCATENATIONS: Final = frozenset({CONCATENATION_8, CONCATENATION_16})
NO_BILLING: Final = BillingTerms()
_NOTHING: Final[tuple[Tlv, ...]] = ()
_AS_PAYLOAD: Final = (Tlv(Tag.MESSAGE_PAYLOAD, b""),)

# Members that every message asks for: looking one up in its class costs more than the rest.
_UCS2 = Alphabet.UCS2
_BINARY = Alphabet.BINARY
_GSM7 = Alphabet.GSM7
_SEPTETS = GsmCharset.SEPTETS
_LATIN_1 = GsmCharset.LATIN_1
_BY_UDH = LongMessages.UDH


class NotSendable(Exception):
    """The price cannot be transmitted."""


@lru_cache(maxsize=1_000)
def _relative(seconds: int) -> str:
    """A validity period as the PDU carries it; cached, as messages of one moment share it."""
    return render_relative(timedelta(seconds=seconds))


def render_submits(
    message: Outgoing, profile: Profile, now_ms: int, billing: BillingTerms = NO_BILLING
) -> list[SubmitSm]:
    """Renders a message: a PDU for each part, or a single one if the profile uses payloads.

    Raises NotSendable.
    """
    source = address_sender(message.sender, profile.addresses)
    destination = address_recipient(message.recipient, profile.addresses)
    validity = ""
    if message.validity_until_ms is not None:
        validity = _relative(max(1000, message.validity_until_ms - now_ms) // 1000)
    service_type, charge = profile.service_type, _NOTHING
    if message.premium is not None:
        service_type, charge = render_charge(message.premium, billing, service_type)
    alphabet, parts = _cut_for_latin_1(message, profile)
    submits = []
    for udh, data, tlvs in _carried(parts, profile.long_messages):
        coding, octets = _encode(alphabet, message.message_class, profile, udh, data)
        short_message = udh + octets
        if tlvs is _AS_PAYLOAD or len(short_message) > MAX_SHORT_MESSAGE:
            carried: tuple[Tlv, ...] = (Tlv(Tag.MESSAGE_PAYLOAD, short_message),)
            short_message = b""
        else:
            carried = tlvs
        submits.append(
            SubmitSm(
                service_type=service_type,
                source_addr_ton=source.ton,
                source_addr_npi=source.npi,
                source_addr=source.addr,
                dest_addr_ton=destination.ton,
                dest_addr_npi=destination.npi,
                destination_addr=destination.addr,
                esm_class=ESM_UDHI if udh else 0,
                protocol_id=message.protocol_id,
                validity_period=validity,
                registered_delivery=profile.registered_delivery if message.wants_receipt else 0,
                data_coding=coding,
                short_message=short_message,
                tlvs=carried + charge if charge else carried,
            )
        )
    return submits


def render_charge(
    premium: Premium, billing: BillingTerms, service_type: str
) -> tuple[str, tuple[Tlv, ...]]:
    """Renders what a recipient pays: the service type and the optional parameters of a submit.

    Raises NotSendable if the price cannot be transmitted: the SMSC would deliver without charging.
    """
    if not billing.can_bill(premium):
        raise NotSendable("the carrier cannot bill the price")
    tlvs = []
    for tag, number in (
        (billing.price_tag, premium.price),
        (billing.content_type_tag, premium.content_type),
    ):
        if tag and billing.form is ValueForm.INTEGER:
            tlvs.append(integer_tlv(tag, number, 4))
        elif tag:
            tlvs.append(_text_tlv(tag, str(number), billing.form))
    if billing.invoice_text_tag and premium.invoice_text:
        tlvs.append(_text_tlv(billing.invoice_text_tag, premium.invoice_text, billing.form))
    return billing.service_type_of(premium) or service_type, tuple(tlvs)


def _text_tlv(tag: int, text: str, form: ValueForm) -> Tlv:
    return Tlv(tag, text.encode("latin-1")) if form is ValueForm.OCTETS else text_tlv(tag, text)


def _carried(
    parts: tuple[UserData, ...], marking: LongMessages
) -> list[tuple[bytes, bytes, tuple[Tlv, ...]]]:
    """Returns header, data and TLVs of each PDU."""
    if marking is _BY_UDH or not parts[0].udh:
        return [(part.udh, part.data, ()) for part in parts]
    split = [_without_concatenation(part.udh) for part in parts]
    if marking is LongMessages.PAYLOAD:
        if any(place is None for _, place in split):
            return [(part.udh, part.data, ()) for part in parts]
        whole = b"".join(part.data for part in parts)
        return [(split[0][0], whole, _AS_PAYLOAD)]
    return [
        (part.udh, part.data, ()) if place is None else (header, part.data, _sar_tlvs(place))
        for part, (header, place) in zip(parts, split, strict=True)
    ]


def _without_concatenation(udh: bytes) -> tuple[bytes, Concatenation | None]:
    header = parse_udh(udh)
    if header is None:
        return udh, None
    others = [one for one in header.elements if one.identifier not in _CONCATENATIONS]
    return build_udh(*others), header.concatenation


def _sar_tlvs(place: Concatenation) -> tuple[Tlv, ...]:
    return (
        integer_tlv(Tag.SAR_MSG_REF_NUM, place.reference, 2),
        integer_tlv(Tag.SAR_TOTAL_SEGMENTS, place.total, 1),
        integer_tlv(Tag.SAR_SEGMENT_SEQNUM, place.number, 1),
    )


def _cut_for_latin_1(message: Outgoing, profile: Profile) -> tuple[Alphabet, tuple[UserData, ...]]:
    """The parts as they are, or cut again for UCS-2 if Latin-1 cannot carry the text.

    That is found when a text is accepted, unless its carrier took the GSM alphabet then.
    """
    alphabet, parts = message.alphabet, message.parts
    in_latin_1 = profile.gsm_charset is _LATIN_1 and message.message_class is None
    if not in_latin_1 or alphabet is not _GSM7:
        return alphabet, parts
    shift = shift_in(parse_udh(parts[0].udh))
    text = "".join([decode_national(part.data, shift) for part in parts])
    if shift == DEFAULT and max(text, default="") <= "\xff":
        return alphabet, parts
    return _UCS2, segment_text(text, alphabet=_UCS2).user_data(message.message_id)


def _encode(
    alphabet: Alphabet, message_class: int | None, profile: Profile, udh: bytes, data: bytes
) -> tuple[int, bytes]:
    """Returns data_coding and the octets of one part."""
    if message_class is not None:
        coding = _CODINGS_WITH_CLASS[alphabet] | message_class & 0x03
    elif alphabet is _UCS2:
        coding = profile.ucs2_data_coding
    elif alphabet is _BINARY:
        coding = profile.binary_data_coding
    else:
        coding = profile.gsm_data_coding
    if alphabet is not _GSM7 or profile.gsm_charset is _SEPTETS:
        return coding, data
    if profile.gsm_charset is GsmCharset.PACKED:
        fill_bits = fill_bits_after(udh)
        data = fill_septets(data, fill_bits, MAX_OCTETS - len(udh))
        return coding, pack_septets(data, fill_bits)
    if message_class is not None:
        # A data_coding with a class names the GSM alphabet; it has no value for Latin-1.
        return coding, data
    return coding, decode_gsm(data).encode("latin-1")
