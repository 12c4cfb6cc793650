"""What is read from a deliver_sm, whatever the SMSC calls it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.config.tables import SmppTable
from dragoman.connectors.smpp.build import settings_of
from dragoman.connectors.smpp.inbound import read_delivery
from dragoman.connectors.smpp.profiles import PROFILES
from dragoman.core.messages.model.lifecycle import ReceiptState, state_of_receipt
from dragoman.core.messages.model.messages import InboundPartReport, ReceiptReport
from dragoman.protocols.gsm.alphabet import Alphabet
from dragoman.protocols.smpp.constants import Tag
from dragoman.protocols.smpp.pdus import DataSm, DeliverSm
from dragoman.protocols.smpp.tlvs import Tlv, integer_tlv, text_tlv

RECEIPT_TEXT = (
    b"id:0A1B sub:001 dlvrd:001 submit date:2611212100 done date:2611212101 "
    b"stat:DELIVRD err:000 text:hi"
)


def read(pdu: DeliverSm | DataSm, profile: str = "default") -> Any:
    return read_delivery(pdu, "test", PROFILES[profile])


def test_receipt_is_read_with_its_spellings() -> None:
    report = read(DeliverSm(esm_class=4, short_message=RECEIPT_TEXT))
    assert isinstance(report, ReceiptReport)
    assert report.carrier == "test"
    assert report.message_id == "0A1B"
    assert report.state is ReceiptState.DELIVERED
    assert report.error == "000"
    assert report.done_date == "2611212101"
    assert report.keys[0] == "0A1B"
    assert {"a1b", str(0xA1B)} <= set(report.keys)
    assert report.raw == RECEIPT_TEXT.decode()


def test_receipt_of_tlvs_alone_is_read() -> None:
    report = read(
        DataSm(
            esm_class=4,
            tlvs=(
                text_tlv(Tag.RECEIPTED_MESSAGE_ID, "77"),
                integer_tlv(Tag.MESSAGE_STATE, 5, 1),
                Tlv(Tag.NETWORK_ERROR_CODE, b"\x03\x00\x1b"),
            ),
        )
    )
    assert (report.message_id, report.state, report.error) == (
        "77",
        ReceiptState.UNDELIVERABLE,
        "027",
    )


# A word nobody knew, and SKIPPED, ended the message as expired.
@pytest.mark.parametrize("word", [b"ACKED", b"BUFFRED", b"SKIPPED", b"WHATEVER", b"9", b"42", b""])
def test_receipt_with_a_word_beyond_the_standard_changes_no_state(word: bytes) -> None:
    text = RECEIPT_TEXT.replace(b"DELIVRD", word)
    report = read(DeliverSm(esm_class=4, short_message=text))
    assert isinstance(report, ReceiptReport)
    assert (report.message_id, state_of_receipt(report.state)) == ("0A1B", None)
    assert report.raw == text.decode()


@pytest.mark.parametrize("number", [9, 10, 255])
def test_message_state_beyond_smpp_3_4_changes_no_state(number: int) -> None:
    tlvs = (text_tlv(Tag.RECEIPTED_MESSAGE_ID, "77"), integer_tlv(Tag.MESSAGE_STATE, number, 1))
    report = read(DeliverSm(esm_class=4, tlvs=tlvs))
    assert state_of_receipt(report.state) is None


def test_intermediate_notification_ends_nothing() -> None:
    report = read(
        DeliverSm(esm_class=0x20, short_message=RECEIPT_TEXT.replace(b"DELIVRD", b"UNDELIV"))
    )
    assert report.state is ReceiptState.ENROUTE


@pytest.mark.parametrize(
    ("coding", "octets", "profile", "alphabet", "text"),
    [
        (0, b"\x00\x1d\x1b\x65", "default", Alphabet.GSM7, "@æ€"),
        (0, b"@\xe6", "latin1", Alphabet.GSM7, "@æ"),
        (1, b"plain", "default", Alphabet.GSM7, "plain"),
        (3, b"\xe6\xfd", "default", Alphabet.UCS2, "æý"),
        (8, b"\x65\xe5", "default", Alphabet.UCS2, "日"),
        (8, b"\x65", "default", Alphabet.UCS2, "\ufffd"),
        (0x18, b"\x65\xe5", "default", Alphabet.UCS2, "日"),
        (0x10, b"hi", "default", Alphabet.GSM7, "hi"),
        (0xF0, b"hi", "default", Alphabet.GSM7, "hi"),
        (0xF5, b"\x01\xff", "default", Alphabet.BINARY, "01ff"),
        # The groups of 3GPP 23.038 s. 4; 0x48 was read as GSM.
        (0x14, b"\x01\xff", "default", Alphabet.BINARY, "01ff"),
        (0x19, b"\x65\xe5", "default", Alphabet.UCS2, "日"),
        (0x1B, b"\x65\xe5", "default", Alphabet.UCS2, "日"),
        (0x28, b"\x01\xff", "default", Alphabet.BINARY, "01ff"),
        (0x40, b"hi", "default", Alphabet.GSM7, "hi"),
        (0x44, b"\x01\xff", "default", Alphabet.BINARY, "01ff"),
        (0x48, b"\x65\xe5", "default", Alphabet.UCS2, "日"),
        (0x58, b"\x65\xe5", "default", Alphabet.UCS2, "日"),
        (0x60, b"\x01\xff", "default", Alphabet.BINARY, "01ff"),
        (0x80, b"hi", "default", Alphabet.GSM7, "hi"),
        (0xC0, b"hi", "default", Alphabet.GSM7, "hi"),
        (0xC8, b"hi", "default", Alphabet.GSM7, "hi"),
        (0xD0, b"hi", "default", Alphabet.GSM7, "hi"),
        (0xE0, b"\x65\xe5", "default", Alphabet.UCS2, "日"),
        (0xF2, b"hi", "default", Alphabet.GSM7, "hi"),
        (4, b"\x01\xff", "default", Alphabet.BINARY, "01ff"),
        (6, "Привет".encode("iso8859-5"), "default", Alphabet.UCS2, "Привет"),
        (0, bytes.fromhex("e8329bfd4697d9ec37"), "packed", Alphabet.GSM7, "hellohello"),
    ],
)
def test_text_is_decoded_by_its_coding(
    coding: int, octets: bytes, profile: str, alphabet: Alphabet, text: str
) -> None:
    report = read(
        DeliverSm(
            source_addr="4511111111",
            destination_addr="1245",
            data_coding=coding,
            short_message=octets,
        ),
        profile,
    )
    assert isinstance(report, InboundPartReport)
    assert (report.source, report.destination) == ("4511111111", "1245")
    assert (report.alphabet, report.text) == (alphabet, text)
    assert (report.reference, report.total, report.number) == (None, 1, 1)


@pytest.mark.parametrize(
    ("coding", "octets", "setting", "alphabet", "text"),
    [
        (0, b"\x65\xe5", "inbound_0_is_ucs2", Alphabet.UCS2, "日"),
        (8, b"\x65\xe5", "inbound_0_is_ucs2", Alphabet.UCS2, "日"),
        (0xF0, b"hi", "inbound_0_is_ucs2", Alphabet.GSM7, "hi"),
        (1, b"\x00\x1d\x1b\x65", "inbound_1_is_gsm", Alphabet.GSM7, "@æ€"),
        (3, b"@\xe6", "inbound_1_is_gsm", Alphabet.GSM7, "@æ"),
    ],
)
def test_text_is_decoded_as_the_carrier_is_known_to_code_it(
    coding: int, octets: bytes, setting: str, alphabet: Alphabet, text: str
) -> None:
    table = {"name": "test", "host": "h", "system_id": "s", setting: True}
    report = read_delivery(
        DeliverSm(data_coding=coding, short_message=octets),
        "test",
        settings_of(SmppTable(**table)).profile,
    )
    assert isinstance(report, InboundPartReport)
    assert (report.alphabet, report.text) == (alphabet, text)


@pytest.mark.parametrize(
    ("octets", "profile", "place", "text"),
    [
        ("03250101 0b0c1c1d07 40", "default", (None, 1, 1), "ĞğŞşıİ"),
        ("03240101 4c1b67 1b69", "default", (None, 1, 1), "Lğı"),
        ("06250106 240106 03 1b44 1b1c", "default", (None, 1, 1), "अD०"),
        ("0b0003420302 240101 250101 1b67 07", "default", (0x42, 3, 2), "ğı"),
        ("0800034203022 50101 07", "default", (0x42, 3, 2), "ı"),
        ("0325010f 07", "default", (None, 1, 1), "ì"),  # a language of tomorrow
        ("03250101 0c07", "latin1", (None, 1, 1), "ğı"),  # a table is of the 7-bit alphabet
        # Septets 0c 07 behind a header of four octets: three bits fill up.
        ("03250101 601c1a", "packed", (None, 1, 1), "ğı"),
    ],
)
def test_national_tables_are_read_alone_and_beside_concatenation(
    octets: str, profile: str, place: tuple[int | None, int, int], text: str
) -> None:
    pdu = DeliverSm(esm_class=0x40, short_message=bytes.fromhex(octets.replace(" ", "")))
    report = read(pdu, profile)
    assert (report.reference, report.total, report.number) == place
    assert (report.alphabet, report.text) == (Alphabet.GSM7, text)


@pytest.mark.parametrize(
    "pdu",
    [
        DeliverSm(esm_class=0x40, short_message=bytes.fromhex("050003420302") + b"two"),
        DeliverSm(esm_class=0x40, short_message=bytes.fromhex("06080400420302") + b"two"),
        DeliverSm(
            short_message=b"two",
            tlvs=(
                integer_tlv(Tag.SAR_MSG_REF_NUM, 0x42, 2),
                integer_tlv(Tag.SAR_TOTAL_SEGMENTS, 3, 1),
                integer_tlv(Tag.SAR_SEGMENT_SEQNUM, 2, 1),
            ),
        ),
    ],
)
def test_place_of_a_part_is_read_from_header_or_tlvs(pdu: DeliverSm) -> None:
    report = read(pdu)
    assert (report.reference, report.total, report.number, report.text) == (0x42, 3, 2, "two")


def test_payload_is_the_text_where_short_message_is_empty() -> None:
    pdu = DeliverSm(tlvs=(Tlv(Tag.MESSAGE_PAYLOAD, b"long text"),))
    assert read(pdu).text == "long text"


# The payload was dropped.
@pytest.mark.parametrize("short", [b"long", b"", b"long text"])
def test_the_longer_of_short_message_and_payload_is_the_text(short: bytes) -> None:
    pdu = DeliverSm(short_message=short, tlvs=(Tlv(Tag.MESSAGE_PAYLOAD, b"long text"),))
    assert read(pdu).text == "long text"
    pdu = DeliverSm(short_message=b"long text", tlvs=(Tlv(Tag.MESSAGE_PAYLOAD, short),))
    assert read(pdu).text == "long text"


def test_receipt_without_an_id_stays_a_receipt() -> None:
    report = read(DeliverSm(esm_class=4, short_message=b"stat:DELIVRD err:000"))
    assert isinstance(report, ReceiptReport)
    assert (report.message_id, report.keys, report.state) == ("", (), ReceiptState.DELIVERED)


def test_text_that_only_looks_like_a_receipt_is_kept_beside_it() -> None:
    report = read(DeliverSm(source_addr="4511111111", short_message=RECEIPT_TEXT))
    assert isinstance(report, ReceiptReport)
    assert (report.message_id, report.recipient) == ("0A1B", "4511111111")
    assert report.text == InboundPartReport(
        carrier="test",
        source="4511111111",
        destination="",
        alphabet=Alphabet.GSM7,
        text=RECEIPT_TEXT.decode(),
    )


def test_second_id_of_a_receipt_is_looked_up_behind_the_first() -> None:
    tlv = text_tlv(Tag.RECEIPTED_MESSAGE_ID, "77")
    report = read(DeliverSm(esm_class=4, short_message=RECEIPT_TEXT, tlvs=(tlv,)))
    assert report.keys[0] == "77"
    assert report.keys.index("~77") < report.keys.index("0A1B")


def test_text_marked_as_a_receipt_by_mistake_is_kept_as_a_text() -> None:
    report = read(DeliverSm(esm_class=4, short_message=b"call me"))
    assert isinstance(report, InboundPartReport)
    assert report.text == "call me"


@given(
    esm_class=st.integers(0, 255),
    coding=st.integers(0, 255),
    octets=st.binary(max_size=60),
    tags=st.lists(st.sampled_from([int(tag) for tag in Tag]), max_size=3),
    profile=st.sampled_from(sorted(PROFILES)),
)
def test_nothing_delivered_raises(
    esm_class: int, coding: int, octets: bytes, tags: list[int], profile: str
) -> None:
    pdu = DeliverSm(
        esm_class=esm_class,
        data_coding=coding,
        short_message=octets,
        tlvs=tuple(Tlv(tag, octets[:5]) for tag in tags),
    )
    report = read(pdu, profile)
    assert isinstance(report, ReceiptReport | InboundPartReport)
    if isinstance(report, InboundPartReport):
        report.text.encode("utf-16-be", "surrogatepass")
