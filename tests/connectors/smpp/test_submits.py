"""What goes on the wire for each alphabet and each habit of an SMSC."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.connectors.smpp.inbound import read_delivery
from dragoman.connectors.smpp.profiles import PROFILES, LongMessages, Profile
from dragoman.connectors.smpp.submits import NotSendable, render_submits
from dragoman.core.messages.model.messages import InboundPartReport, Outgoing
from dragoman.core.messages.model.premium import BillingTerms, Premium, ValueForm
from dragoman.protocols.gsm.alphabet import Alphabet, encode_gsm
from dragoman.protocols.gsm.national import Language
from dragoman.protocols.gsm.segmentation import (
    MAX_OCTETS,
    Repertoire,
    UserData,
    segment_binary,
    segment_text,
)
from dragoman.protocols.smpp.constants import Tag
from dragoman.protocols.smpp.pdus import DeliverSm, SubmitSm
from dragoman.protocols.smpp.tlvs import Tlv

NOW_MS = 1_800_000_000_000
LONG = "0123456789" * 20


def message(text: str = "hi", **more: Any) -> Outgoing:
    segmentation = segment_text(text)
    fields: dict[str, Any] = {
        "message_id": 1,
        "sender": "Dragoman",
        "recipient": "4511111111",
        "parts": segmentation.user_data(0x42),
        "alphabet": segmentation.alphabet,
    }
    return Outgoing(**(fields | more))


def render(text: str = "hi", profile: str = "default", **more: Any) -> list[SubmitSm]:
    return render_submits(message(text, **more), PROFILES[profile], NOW_MS)


def test_plain_text_to_a_number() -> None:
    assert render() == [
        SubmitSm(
            source_addr_ton=5,
            source_addr="Dragoman",
            dest_addr_ton=1,
            dest_addr_npi=1,
            destination_addr="4511111111",
            registered_delivery=1,
            short_message=b"hi",
        )
    ]


@pytest.mark.parametrize(
    ("sender", "profile", "expected"),
    [
        ("Dragoman", "default", (5, 0, "Dragoman")),
        ("4512345678", "default", (1, 1, "4512345678")),
        ("+4512345678", "default", (1, 1, "4512345678")),
        ("1245", "default", (3, 0, "1245")),
        ("Dragoman", "untyped", (0, 0, "Dragoman")),
        ("4512345678", "untyped", (0, 0, "4512345678")),
    ],
)
def test_sender_has_the_type_the_smsc_wants(
    sender: str, profile: str, expected: tuple[int, int, str]
) -> None:
    (pdu,) = render(sender=sender, profile=profile)
    assert (pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr) == expected


@pytest.mark.parametrize(
    ("text", "profile", "coding", "octets"),
    [
        ("@æ€", "default", 0, b"\x00\x1d\x1b\x65"),
        ("@æ", "latin1", 3, b"@\xe6"),
        ("€", "latin1", 8, b"\x20\xac"),
        ("hellohello", "packed", 0, bytes.fromhex("e8329bfd4697d9ec37")),
        ("日", "default", 8, b"\x65\xe5"),
        ("日", "latin1", 8, b"\x65\xe5"),
    ],
)
def test_text_is_coded_as_the_profile_says(
    text: str, profile: str, coding: int, octets: bytes
) -> None:
    (pdu,) = render(text, profile)
    assert (pdu.data_coding, pdu.short_message) == (coding, octets)


# Texts of 7, 15, 23 … septets arrived with an at sign at their end.
@pytest.mark.parametrize("end", ["", "\r", "@"])
@pytest.mark.parametrize("udh", [b"", bytes.fromhex("0605040b8423f0"), bytes.fromhex("0401020304")])
def test_packed_text_of_any_length_is_read_back(end: str, udh: bytes) -> None:
    for length in range(1, 140):
        text = "x" * (length - len(end)) + end
        part = UserData(udh=udh, data=encode_gsm(text))
        (pdu,) = render(parts=(part,), profile="packed")
        report = read_delivery(
            DeliverSm(esm_class=pdu.esm_class, short_message=pdu.short_message),
            "test",
            PROFILES["packed"],
        )
        assert isinstance(report, InboundPartReport)
        # Returning once or twice is the same (3GPP 23.038 s. 6.1.1).
        shown = report.text if end != "\r" else report.text.replace("\r\r", "\r")
        assert shown == text


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("1234567", "31d98c56b3dd1a"),  # the last septet is CR, not an at sign
        ("12345678", "31d98c56b3dd70"),
        ("1234567\r", "31d98c56b3dd1a0d"),  # a single one would be dropped
        ("\r", "0d"),
    ],
)
def test_packed_text_is_filled_with_cr_where_septets_end_on_a_border(
    text: str, octets: str
) -> None:
    (pdu,) = render(text, "packed")
    assert pdu.short_message == bytes.fromhex(octets)


def test_packed_text_that_fills_a_message_gets_no_octet_too_many() -> None:
    (pdu,) = render("x" * 159 + "\r", "packed")
    assert len(pdu.short_message) == MAX_OCTETS


@pytest.mark.parametrize("text", ["€" * 75, "€" + "a" * 200, "a" * 200 + "€", "Ω" * 160])
def test_long_text_with_characters_outside_latin_1_is_ucs_2_as_a_whole(text: str) -> None:
    pdus = render(text, "latin1")
    assert {pdu.data_coding for pdu in pdus} == {8}
    assert all(len(pdu.short_message) <= MAX_OCTETS for pdu in pdus)
    assert [pdu.short_message[:6].hex()[:6] for pdu in pdus] == ["050003"] * len(pdus)
    assert b"".join(pdu.short_message[6:] for pdu in pdus).decode("utf-16-be") == text


@pytest.mark.parametrize("text", ["ğ", "á" * 100])
def test_text_with_national_tables_is_ucs_2_for_latin_1(text: str) -> None:
    repertoire = Repertoire(national=(Language.TURKISH, Language.SPANISH))
    parts = segment_text(text, repertoire=repertoire).user_data(1)
    pdus = render(parts=parts, profile="latin1")
    assert {pdu.data_coding for pdu in pdus} == {8}
    body = slice(6, None) if len(pdus) > 1 else slice(None)
    assert b"".join(pdu.short_message[body] for pdu in pdus).decode("utf-16-be") == text


@pytest.mark.parametrize(
    ("text", "message_class", "coding"),
    # SMSCs refused 0x10, which SMPP 3.4 reserves.
    [("hi", 0, 0xF0), ("hi", 2, 0xF2), ("日", 0, 0x18), ("日", 1, 0x19)],
)
def test_message_class_is_in_the_data_coding(text: str, message_class: int, coding: int) -> None:
    assert render(text, message_class=message_class)[0].data_coding == coding


@pytest.mark.parametrize("profile", ["default", "packed", "latin1"])
def test_message_class_of_data_is_in_the_data_coding(profile: str) -> None:
    parts = segment_binary(b"\x01\x02").user_data(1)
    (pdu,) = render(parts=parts, alphabet=Alphabet.BINARY, message_class=1, profile=profile)
    assert (pdu.data_coding, pdu.short_message) == (0xF5, b"\x01\x02")


def test_binary_keeps_its_header() -> None:
    segmentation = segment_binary(b"\x01\x02", udh=bytes.fromhex("0605040b8423f0"))
    (pdu,) = render(parts=segmentation.user_data(1), alphabet=Alphabet.BINARY, protocol_id=0x7F)
    assert pdu.data_coding == 4
    assert pdu.esm_class == 0x40
    assert pdu.protocol_id == 0x7F
    assert pdu.short_message == bytes.fromhex("0605040b8423f0 0102")


def test_receipt_and_validity_are_asked_for() -> None:
    (pdu,) = render(wants_receipt=False, validity_until_ms=NOW_MS + 26 * 3600 * 1000)
    assert pdu.registered_delivery == 0
    assert pdu.validity_period == "000001020000000R"
    assert render()[0].validity_period == ""


def test_long_text_by_header() -> None:
    first, second = render(LONG)
    assert first.short_message == bytes.fromhex("050003420201") + LONG[:153].encode()
    assert second.short_message == bytes.fromhex("050003420202") + LONG[153:].encode()
    assert (first.esm_class, second.esm_class) == (0x40, 0x40)


def test_long_text_by_sar_tlvs() -> None:
    first, second = render(LONG, "sar")
    assert first.short_message + second.short_message == LONG.encode()
    assert first.esm_class == 0
    assert first.tlvs == (
        Tlv(Tag.SAR_MSG_REF_NUM, b"\x00\x42"),
        Tlv(Tag.SAR_TOTAL_SEGMENTS, b"\x02"),
        Tlv(Tag.SAR_SEGMENT_SEQNUM, b"\x01"),
    )


def test_long_text_as_one_payload() -> None:
    (pdu,) = render(LONG, "payload")
    assert pdu.short_message == b""
    assert pdu.esm_class == 0
    assert pdu.tlvs == (Tlv(Tag.MESSAGE_PAYLOAD, LONG.encode()),)


@pytest.mark.parametrize("marking", LongMessages)
def test_one_part_looks_the_same_however_long_ones_are_marked(marking: LongMessages) -> None:
    (pdu,) = render_submits(message(), Profile(long_messages=marking), NOW_MS)
    assert (pdu.short_message, pdu.tlvs, pdu.esm_class) == (b"hi", (), 0)


def test_header_of_other_elements_stays_when_the_parts_are_marked_by_tlvs() -> None:
    ports = bytes.fromhex("0605040b8423f0")
    segmentation = segment_binary(b"x" * 200, udh=ports)
    first, _ = render(profile="sar", parts=segmentation.user_data(7), alphabet=Alphabet.BINARY)
    assert first.short_message.startswith(ports)
    assert first.esm_class == 0x40
    assert len(first.tlvs) == 3


TICKET = Premium(price=1000, content_type=9, invoice_text="Færge")


@pytest.mark.parametrize(
    ("terms", "service_type", "tlvs"),
    [
        (BillingTerms(price_tag=0x1400), "", [(0x1400, b"1000\0")]),
        (
            BillingTerms(price_tag=0x1400, content_type_tag=0x1401, form=ValueForm.OCTETS),
            "",
            [(0x1400, b"1000"), (0x1401, b"9")],
        ),
        (
            BillingTerms(
                price_tag=0x1400,
                content_type_tag=0x1401,
                invoice_text_tag=0x3FFF,
                form=ValueForm.INTEGER,
            ),
            "",
            [(0x1400, b"\0\0\x03\xe8"), (0x1401, b"\0\0\0\x09"), (0x3FFF, b"F\xe6rge\0")],
        ),
        (
            BillingTerms(
                price_tag=0x1400,
                invoice_text_tag=0x1402,
                form=ValueForm.OCTETS,
                service_type="PREM",
            ),
            "PREM",
            [(0x1400, b"1000"), (0x1402, b"F\xe6rge")],
        ),
        (BillingTerms(service_type="{price}"), "1000", []),
        (BillingTerms(service_type="{price}{content_type}"), "10009", []),
    ],
)
def test_price_is_told_as_the_carrier_wants(
    terms: BillingTerms, service_type: str, tlvs: list[tuple[int, bytes]]
) -> None:
    (pdu,) = render_submits(message(premium=TICKET), PROFILES["default"], NOW_MS, terms)
    assert pdu.service_type == service_type
    assert pdu.tlvs == tuple(Tlv(tag, value) for tag, value in tlvs)


def test_message_without_a_price_is_told_none() -> None:
    terms = BillingTerms(price_tag=0x1400, service_type="PREM")
    assert render_submits(message(), PROFILES["default"], NOW_MS, terms) == render()


@pytest.mark.parametrize("terms", [BillingTerms(), BillingTerms(service_type="PP{price}")])
def test_price_that_the_carrier_cannot_be_told_is_never_sent(terms: BillingTerms) -> None:
    with pytest.raises(NotSendable):
        render_submits(message(premium=TICKET), PROFILES["default"], NOW_MS, terms)
