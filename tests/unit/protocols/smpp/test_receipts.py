from datetime import datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.protocols.smpp.constants import MessageState, Tag
from dragoman.protocols.smpp.pdus import DataSm, DeliverSm
from dragoman.protocols.smpp.receipts import (
    FINAL_STATES,
    Receipt,
    parse_date,
    read_receipt,
    render_receipt,
)
from dragoman.protocols.smpp.tlvs import Tlv

USUAL = (
    b"id:0123456789 sub:001 dlvrd:001 submit date:2611212100 done date:2611212101 "
    b"stat:DELIVRD err:000 text:Hello"
)
USUAL_RECEIPT = Receipt(
    message_id="0123456789",
    state=MessageState.DELIVERED,
    final=True,
    error="000",
    submit_date="2611212100",
    done_date="2611212101",
    text="Hello",
)


def receipt_of(text: bytes, *tlvs: Tlv, esm_class: int = 0x04, data_coding: int = 0) -> Receipt:
    receipt = read_receipt(
        DeliverSm(esm_class=esm_class, data_coding=data_coding, short_message=text, tlvs=tlvs)
    )
    assert receipt is not None
    return receipt


SAME_SPELLINGS = {
    "usual": USUAL,
    "upper_case": USUAL.upper().replace(b"HELLO", b"Hello"),
    "title_case_text": USUAL.replace(b"text:", b"Text:"),
    "submitdate_without_blank": USUAL.replace(b"submit date", b"submitdate").replace(
        b"done date", b"donedate"
    ),
    "submit_date_with_underscore": USUAL.replace(b"t date", b"t_date").replace(
        b"e date", b"e_date"
    ),
    "any_order": (
        b"stat:DELIVRD err:000 id:0123456789 done date:2611212101 submit date:2611212100 text:Hello"
    ),
    "blanks_behind_colons": (
        b"id: 0123456789 sub: 001 dlvrd: 001 submit date: 2611212100 done date: 2611212101 "
        b"stat: DELIVRD err: 000 text:Hello"
    ),
    "without_counts": (
        b"id:0123456789 submit date:2611212100 done date:2611212101 stat:DELIVRD err:000 text:Hello"
    ),
    "commas": (
        b"id:0123456789, submit date:2611212100, done date:2611212101, stat:DELIVRD, err:000, "
        b"text:Hello"
    ),
    "status_for_stat": USUAL.replace(b"stat:", b"status:"),
    "state_for_stat": USUAL.replace(b"stat:", b"state: "),
    "msgid_for_id": b"msg" + USUAL,
    "lines": USUAL.replace(b" err", b"\r\nerr"),
}


@pytest.mark.parametrize("text", SAME_SPELLINGS.values(), ids=SAME_SPELLINGS)
def test_receipt_is_the_same_however_it_is_spelled(text: bytes) -> None:
    assert receipt_of(text) == USUAL_RECEIPT


def test_receipt_is_read_from_a_message_payload() -> None:
    payload = Tlv(Tag.MESSAGE_PAYLOAD, USUAL)
    assert receipt_of(b"", payload) == USUAL_RECEIPT
    assert read_receipt(DataSm(esm_class=0x04, tlvs=(payload,))) == USUAL_RECEIPT


# The payload was dropped where `short_message` had anything, if only the beginning of it.
@pytest.mark.parametrize(
    ("short", "payload"),
    [(USUAL[:40], USUAL), (b" ", USUAL), (USUAL, USUAL), (USUAL, b""), (USUAL, b"?")],
)
def test_receipt_in_both_places_is_read_from_the_longer(short: bytes, payload: bytes) -> None:
    assert receipt_of(short, Tlv(Tag.MESSAGE_PAYLOAD, payload)) == USUAL_RECEIPT


@pytest.mark.parametrize("charset", ["utf-16-be", "utf-16-le"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("data_coding", [8, 0])
def test_receipt_is_read_from_utf_16(data_coding: int, mark: str, charset: str) -> None:
    text = (mark + USUAL.decode()).encode(charset)
    assert receipt_of(text, data_coding=8 if mark else data_coding) == USUAL_RECEIPT


# A header of seven octets put every letter of UTF-16 out of place.
@pytest.mark.parametrize("header", ["050003420101", "06080400420101"])
@pytest.mark.parametrize("charset", ["latin-1", "utf-16-be"])
def test_receipt_is_read_behind_a_header(charset: str, header: str) -> None:
    text = bytes.fromhex(header) + USUAL.decode().encode(charset)
    assert receipt_of(text, esm_class=0x44) == USUAL_RECEIPT


# All before the end of the text counted as a header.
@pytest.mark.parametrize("charset", ["latin-1", "utf-16-be", "utf-16-le", "utf-16"])
def test_receipt_that_says_it_has_a_header_and_has_none_is_read(charset: str) -> None:
    long = USUAL.decode().replace("Hello", "Hello, this is longer")
    receipt = receipt_of(long.encode(charset), esm_class=0x44)
    assert receipt == msgspec.structs.replace(USUAL_RECEIPT, text="Hello, this is longer")


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("ENROUTE enroute BUFFRED buffered ACKED 1", MessageState.ENROUTE),
        ("DELIVRD Delivrd delivered DLVRD 2", MessageState.DELIVERED),
        ("EXPIRED expired EXPIRD 3", MessageState.EXPIRED),
        ("DELETED 4", MessageState.DELETED),
        ("UNDELIV undelivered UNDELIVERABLE FAILED 5", MessageState.UNDELIVERABLE),
        ("ACCEPTD accepted 6", MessageState.ACCEPTED),
        ("UNKNOWN 7", MessageState.UNKNOWN),
        ("WHATEVER PENDING 10", None),
        ("REJECTD rejected 8", MessageState.REJECTED),
        ("SKIPPED 9", MessageState.SKIPPED),
        ("SCHEDULED 0", MessageState.SCHEDULED),
    ],
)
def test_stat_words_name_their_state(words: str, state: MessageState | None) -> None:
    for word in words.split():
        receipt = receipt_of(f"id:7b stat:{word} err:000".encode())
        assert (receipt.state, receipt.final) == (state, state in FINAL_STATES)


@pytest.mark.parametrize("error", ["000", "0x1F", "ABSENT", "EC-27", "1027"])
def test_error_may_be_alphanumeric(error: str) -> None:
    text = USUAL.replace(b"err:000", f"err:{error}".encode())
    assert receipt_of(text).error == error


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"id:7b stat:DELIVRD", ("7b", MessageState.DELIVERED, "", "")),
        (b"id:7b,sub:001,stat:DELIVRD,err:000", ("7b", MessageState.DELIVERED, "000", "")),
        (b"id:7b;done date:0;stat:DELIVRD;text:a", ("7b", MessageState.DELIVERED, "", "a")),
        (b"id:7,b|stat:DELIVRD|err:1", ("7,b", MessageState.DELIVERED, "1", "")),
        (b"id:7b stat:DELIVRD err: text:", ("7b", MessageState.DELIVERED, "", "")),
        (b"id: stat:DELIVRD", ("", MessageState.DELIVERED, "", "")),
        (b"stat:EXPIRED", ("", MessageState.EXPIRED, "", "")),
        (b"id:7b", ("7b", None, "", "")),
        (b"no receipt at all", ("", None, "", "")),
        (b"", ("", None, "", "")),
    ],
)
def test_missing_fields_are_empty(
    text: bytes, expected: tuple[str, MessageState | None, str, str]
) -> None:
    receipt = receipt_of(text)
    assert (receipt.message_id, receipt.state, receipt.error, receipt.text) == expected


def test_customers_text_cannot_change_the_state() -> None:
    text = b"id:7b stat:UNDELIV err:27 text:id:99 stat:DELIVRD err:0"
    receipt = receipt_of(text)
    assert (receipt.message_id, receipt.state) == ("7b", MessageState.UNDELIVERABLE)
    assert receipt.text == "id:99 stat:DELIVRD err:0"


def test_fields_behind_the_text_are_found_when_none_come_before() -> None:
    receipt = receipt_of(b"text:hello id:7b stat:DELIVRD")
    assert (receipt.message_id, receipt.state) == ("7b", MessageState.DELIVERED)


ID_TLV = Tlv(Tag.RECEIPTED_MESSAGE_ID, b"7B\0")
STATE_TLV = Tlv(Tag.MESSAGE_STATE, b"\x05")
ERROR_TLV = Tlv(Tag.NETWORK_ERROR_CODE, b"\x03\x00\x1b")


def test_tlvs_alone_are_a_receipt() -> None:
    expected = Receipt(message_id="7B", state=MessageState.UNDELIVERABLE, final=True, error="027")
    assert receipt_of(b"", ID_TLV, STATE_TLV, ERROR_TLV) == expected
    assert receipt_of(b"", ID_TLV, STATE_TLV, ERROR_TLV, esm_class=0) == expected


def test_tlvs_win_over_the_text() -> None:
    receipt = receipt_of(USUAL, ID_TLV, STATE_TLV, ERROR_TLV)
    assert (receipt.message_id, receipt.other_id) == ("7B", "0123456789")
    assert receipt.state is MessageState.UNDELIVERABLE
    assert (receipt.error, receipt.text) == ("027", "Hello")


@pytest.mark.parametrize("value", [b"\x05", b"\0\0\0\x05", b"5", b"5\0", b"UNDELIV", b"undeliv\0"])
def test_state_of_a_tlv_counts_however_it_is_written(value: bytes) -> None:
    receipt = receipt_of(b"", ID_TLV, Tlv(Tag.MESSAGE_STATE, value))
    assert (receipt.message_id, receipt.state) == ("7B", MessageState.UNDELIVERABLE)


@pytest.mark.parametrize(
    "tlv",
    [
        Tlv(Tag.RECEIPTED_MESSAGE_ID, b""),
        Tlv(Tag.RECEIPTED_MESSAGE_ID, b"\0"),
        Tlv(Tag.MESSAGE_STATE, b""),
        Tlv(Tag.MESSAGE_STATE, b"\x00"),
        Tlv(Tag.MESSAGE_STATE, b"\x07"),
        Tlv(Tag.MESSAGE_STATE, b"\x63"),
        Tlv(Tag.NETWORK_ERROR_CODE, b""),
        Tlv(Tag.NETWORK_ERROR_CODE, b"\x03\x00\x00"),
        Tlv(Tag.NETWORK_ERROR_CODE, b"\x03\x00\x1b\x00"),
    ],
)
def test_tlv_that_says_nothing_leaves_the_text_its_word(tlv: Tlv) -> None:
    assert receipt_of(USUAL, tlv) == USUAL_RECEIPT


def test_intermediate_notification_is_never_final() -> None:
    for text in (USUAL, USUAL.replace(b"DELIVRD", b"UNDELIV")):
        assert not receipt_of(text, esm_class=0x20).final


# Servers that mark no receipt had theirs taken for texts of phones.
@pytest.mark.parametrize("esm_class", [0x00, 0x03, 0x08, 0x0C, 0x24])
def test_text_of_a_receipt_is_read_without_the_mark(esm_class: int) -> None:
    expected = msgspec.structs.replace(USUAL_RECEIPT, marked=False)
    assert receipt_of(USUAL, esm_class=esm_class) == expected


def test_text_of_a_receipt_with_a_word_beyond_the_standard_is_one_without_the_mark() -> None:
    receipt = receipt_of(USUAL.replace(b"DELIVRD", b"WHATEVER"), esm_class=0)
    assert (receipt.message_id, receipt.state, receipt.marked) == ("0123456789", None, False)


@pytest.mark.parametrize(
    ("esm_class", "text"),
    [
        (0x00, b"call me"),
        (0x00, b"what id: do you have"),
        (0x00, b"id:7b"),
        (0x00, b"stat:DELIVRD"),
        (0x00, b"id:7b stat:confused"),
        (0x40, USUAL),  # behind a header no receipt begins
    ],
)
def test_other_texts_are_no_receipts(esm_class: int, text: bytes) -> None:
    assert read_receipt(DeliverSm(esm_class=esm_class, short_message=text)) is None


@pytest.mark.parametrize(
    ("raw", "time"),
    [
        ("2611212100", (2026, 11, 21, 21, 0, 0)),
        ("261121210059", (2026, 11, 21, 21, 0, 59)),
        ("202611212100", (2026, 11, 21, 21, 0, 0)),
        ("20261121210059", (2026, 11, 21, 21, 0, 59)),
        ("261121210059012+", (2026, 11, 21, 21, 0, 59)),
        ("261121210059012-", (2026, 11, 21, 21, 0, 59)),
        ("261121210059012R", None),
        ("0000000000", None),
        ("000000000000", None),
        ("2613212100", None),
        ("2602302100", None),
        ("2611212460", None),
        ("26112121", None),
        ("", None),
        ("soon", None),
        ("²²²²²²²²²²", None),
    ],
)
def test_dates_of_every_length(raw: str, time: tuple[int, ...] | None) -> None:
    assert parse_date(raw) == time
    receipt = receipt_of(f"id:7b submit date:{raw} done date:{raw} stat:DELIVRD".encode("latin-1"))
    assert (receipt.submitted, receipt.done) == (time, time)


@pytest.mark.parametrize("state", MessageState)
def test_rendered_receipt_is_read_back(state: MessageState) -> None:
    text = render_receipt(
        message_id="7b",
        state=state,
        submitted=datetime(2026, 11, 21, 21, 0),
        done=datetime(2026, 11, 21, 21, 1),
        error="027",
        text=b"0123456789 0123456789",
    )
    assert receipt_of(text) == Receipt(
        message_id="7b",
        state=state,
        final=state in FINAL_STATES,
        error="027",
        submit_date="2611212100",
        done_date="2611212101",
        text="0123456789 012345678",
    )


def test_rendered_receipt_is_in_the_form_of_appendix_b() -> None:
    text = render_receipt(
        message_id="0123456789",
        state=MessageState.DELIVERED,
        submitted=datetime(2026, 11, 21, 21, 0),
        done=datetime(2026, 11, 21, 21, 1),
        text=b"Hello",
    )
    assert text == USUAL


pieces = st.sampled_from(
    [b"id:", b"stat:", b"err:", b"text:", b"submit date:", b"done date:", b" ", b"\0", b"DELIVRD"]
)
noise = st.lists(pieces | st.binary(max_size=8), max_size=20).map(b"".join)


@given(
    noise,
    st.sampled_from([0x00, 0x04, 0x20, 0x44, 0xFF]),
    st.sampled_from([0, 8, 0xFF]),
    st.lists(
        st.builds(Tlv, st.sampled_from([0x1E, 0x0427, 0x0423, 0x0424]), st.binary(max_size=9)),
        max_size=4,
    ).map(tuple),
)
@settings(max_examples=200)
def test_reading_never_raises(
    text: bytes, esm_class: int, data_coding: int, tlvs: tuple[Tlv, ...]
) -> None:
    receipt = read_receipt(
        DeliverSm(esm_class=esm_class, data_coding=data_coding, short_message=text, tlvs=tlvs)
    )
    if receipt is not None:
        assert receipt.state is None or isinstance(receipt.state, MessageState)
        for time in (receipt.submitted, receipt.done):
            assert time is None or len(time) == 6
