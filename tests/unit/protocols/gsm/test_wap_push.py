"""Service Indications against published octets and an independent decoder."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.protocols.gsm.segmentation import segment_binary
from dragoman.protocols.gsm.udh import build_udh, parse_udh, ports_element
from dragoman.protocols.gsm.wap_push import (
    PUSH_PORT,
    PUSH_SOURCE_PORT,
    PUSH_UDH,
    Action,
    encode_service_indication,
)

_ATTRIBUTES = {
    0x05: ("action", "signal-none"),
    0x06: ("action", "signal-low"),
    0x07: ("action", "signal-medium"),
    0x08: ("action", "signal-high"),
    0x09: ("action", "delete"),
    0x0A: ("created", ""),
    0x0B: ("href", ""),
    0x0C: ("href", "http://"),
    0x0D: ("href", "http://www."),
    0x0E: ("href", "https://"),
    0x0F: ("href", "https://www."),
    0x10: ("si-expires", ""),
    0x11: ("si-id", ""),
}
_VALUES = {0x85: ".com/", 0x86: ".edu/", 0x87: ".net/", 0x88: ".org/"}


def decode_service_indication(pdu: bytes) -> dict[str, str]:
    """Read a push PDU token by token; the text is under "text"."""
    assert pdu[1:4] == b"\x06\x01\xae"
    assert pdu[4:10] == b"\x02\x05\x6a\x00\x45\xc6"
    found: dict[str, str] = {}
    position = 10
    name = ""
    while pdu[position] != 0x01:
        token = pdu[position]
        position += 1
        if token == 0x03:
            end = pdu.index(0, position)
            found[name] += pdu[position:end].decode()
            position = end + 1
        elif token == 0xC3:
            end = position + 1 + pdu[position]
            found[name] += pdu[position + 1 : end].hex()
            position = end
        elif token in _VALUES:
            found[name] += _VALUES[token]
        else:
            name, start = _ATTRIBUTES[token]
            assert name not in found
            found[name] = start
    position += 1
    found["text"] = ""
    if pdu[position] == 0x03:
        end = pdu.index(0, position)
        found["text"] = pdu[position + 1 : end].decode()
        position = end + 1
    assert pdu[position:] == b"\x01\x01"
    return found


def test_document_of_wap_167_as_printed_there() -> None:
    pdu = encode_service_indication(
        "http://www.xyz.com/email/123/abc.wml",
        "You have 4 new e-mails",
        created=datetime(1999, 6, 25, 15, 23, 15, tzinfo=UTC),
        expires=datetime(2099, 6, 30, tzinfo=UTC),
    )
    assert pdu[4:].hex().upper() == (
        "02056A0045C60D0378797A008503656D61696C2F3132332F6162632E776D6C00"
        "0AC307199906251523151"
        "0C304209906300103596F7520686176652034206E657720652D6D61696C73000101"
    )


@pytest.mark.parametrize(
    ("href", "text", "published"),
    [
        (
            "http://wap.smsc.ru/",
            "wap.smsc.ru",
            "0605040B8423F0DC0601AE02056A0045C60C037761702E736D73632E72752F0001"
            "037761702E736D73632E7275000101",
        ),
        (
            "http://www.bulksms.com",
            "Visit BulkSMS.com homepage",
            "0605040B8423F0DC0601AE02056A0045C60D0362756C6B736D732E636F6D0001"
            "0356697369742042756C6B534D532E636F6D20686F6D6570616765000101",
        ),
    ],
)
def test_push_as_providers_publish_it(href: str, text: str, published: str) -> None:
    pdu = encode_service_indication(href, text, transaction_id=0xDC)
    (user_data,) = segment_binary(pdu, udh=PUSH_UDH).user_data(1)
    assert (user_data.udh + user_data.data).hex().upper() == published


def test_push_header_is_the_ports_of_wap_push() -> None:
    assert build_udh(ports_element(PUSH_PORT, PUSH_SOURCE_PORT)) == PUSH_UDH


def test_long_push_keeps_its_ports_in_every_part() -> None:
    pdu = encode_service_indication("https://example.net/" + "x" * 200, "text")
    parts = segment_binary(pdu, udh=PUSH_UDH).user_data(0x42)
    assert b"".join(part.data for part in parts) == pdu
    assert [part.udh.hex() for part in parts] == [
        "0b05040b8423f00003420201",
        "0b05040b8423f00003420202",
    ]
    header = parse_udh(parts[0].udh)
    assert header is not None
    assert header.ports is not None
    assert header.ports.destination == 2948


@pytest.mark.parametrize(
    ("moment", "octets"),
    [
        (datetime(2026, 11, 21, 13, 45, 9, tzinfo=UTC), "07 20261121134509"),
        (datetime(2026, 11, 21, 13, 0, 0, tzinfo=UTC), "05 2026112113"),
        (datetime(2026, 11, 20, 0, 0, 0, tzinfo=UTC), "04 20261120"),
        (datetime(2026, 11, 21, 1, tzinfo=timezone(timedelta(hours=1))), "04 20261121"),
        (datetime(2026, 11, 21, 0, 0, 7, tzinfo=UTC), "07 20261121000007"),
    ],
)
def test_expiry_is_utc_digits_without_trailing_zero_octets(moment: datetime, octets: str) -> None:
    pdu = encode_service_indication("x", "y", expires=moment)
    assert b"\x10\xc3" + bytes.fromhex(octets) + b"\x01" in pdu


@pytest.mark.parametrize("action", list(Action))
def test_action_token(action: Action) -> None:
    found = decode_service_indication(encode_service_indication("u", "t", action=action, si_id="7"))
    assert found.get("action", "signal-medium") == action
    assert found["si-id"] == "7"


@pytest.mark.parametrize(
    ("href", "token"),
    [
        ("ftp://a", 0x0B),
        ("http://a", 0x0C),
        ("http://www.a", 0x0D),
        ("https://a", 0x0E),
        ("https://www.a", 0x0F),
        ("HTTP://a", 0x0B),
    ],
)
def test_href_takes_the_longest_prefix(href: str, token: int) -> None:
    assert encode_service_indication(href, "")[10] == token


def test_naive_time_nul_and_deletion_without_id_are_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        encode_service_indication("u", "t", expires=datetime(2026, 1, 1))
    with pytest.raises(ValueError, match="NUL"):
        encode_service_indication("u", "a\0b")
    with pytest.raises(ValueError, match="NUL"):
        encode_service_indication("u\0", "t")
    with pytest.raises(ValueError, match="si_id"):
        encode_service_indication("u", "t", action=Action.DELETE)


urls = st.lists(
    st.sampled_from(
        ["http://", "https://", "www.", "example", ".com/", ".edu/", ".net/", ".org/", ".com", "ø"]
    ),
    max_size=8,
).map("".join)
words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
moments = st.none() | st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC))


@given(href=urls, text=words, expires=moments, created=moments, si_id=words)
def test_decoding_gives_back_what_was_encoded(
    href: str, text: str, expires: datetime | None, created: datetime | None, si_id: str
) -> None:
    pdu = encode_service_indication(
        href, text, expires=expires, created=created, si_id=si_id, transaction_id=0x1FF
    )
    assert pdu[0] == 0xFF
    found = decode_service_indication(pdu)
    assert found["href"] == href
    assert found["text"] == text
    assert found.get("si-id", "") == si_id
    for name, moment in (("si-expires", expires), ("created", created)):
        digits = f"{moment.year:04}{moment:%m%d%H%M%S}" if moment else ""
        assert found.get(name, "").ljust(len(digits), "0") == digits
