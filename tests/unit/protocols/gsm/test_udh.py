"""User data headers, built, read and fuzzed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.protocols.gsm.udh import (
    Concatenation,
    InformationElement,
    Ports,
    UserDataHeader,
    append_element,
    build_udh,
    concatenation_element,
    fill_bits_after,
    parse_udh,
    ports_element,
    split_udh,
)


@pytest.mark.parametrize(
    ("header", "concatenation", "ports"),
    [
        (
            "050003CC0201",
            Concatenation(reference=0xCC, total=2, number=1, reference_bits=8),
            None,
        ),
        (
            "060804ABCD0302",
            Concatenation(reference=0xABCD, total=3, number=2, reference_bits=16),
            None,
        ),
        ("0605040B8423F0", None, Ports(destination=2948, source=9200)),
        ("040402F5F6", None, Ports(destination=0xF5, source=0xF6)),
        (
            "0B05040B8423F00003030201",
            Concatenation(reference=3, total=2, number=1, reference_bits=8),
            Ports(destination=2948, source=9200),
        ),
        # Of elements that repeat, the last counts.
        ("0C05040B8423F00504C34FC002", None, Ports(destination=0xC34F, source=0xC002)),
        # Numbers out of range and elements of the wrong length are ignored.
        ("050003CC0003", None, None),
        ("050003CC0200", None, None),
        ("050003CC0203", None, None),
        ("040002CC02", None, None),
        ("0504030B8423", None, None),
        (
            "0A0003CC02010003CC0205",
            Concatenation(reference=0xCC, total=2, number=1, reference_bits=8),
            None,
        ),
        ("00", None, None),
    ],
)
def test_parse_udh_reads_known_elements(
    header: str, concatenation: Concatenation | None, ports: Ports | None
) -> None:
    parsed = parse_udh(bytes.fromhex(header))
    assert parsed is not None
    assert parsed.concatenation == concatenation
    assert parsed.ports == ports


@pytest.mark.parametrize(
    "header", ["", "05", "050003CC02", "050003CC020100", "050004CC0201", "0100", "06000300020108"]
)
def test_parse_udh_ignores_a_header_whose_lengths_do_not_add_up(header: str) -> None:
    assert parse_udh(bytes.fromhex(header)) is None


def test_build_udh_of_both_kinds_of_concatenation() -> None:
    assert build_udh(concatenation_element(0xCC, 2, 1)).hex() == "050003cc0201"
    wide = concatenation_element(0xABCD, 3, 2, reference_bits=16)
    assert build_udh(wide).hex() == "060804abcd0302"


@pytest.mark.parametrize(("reference", "octet"), [(256, 0), (511, 255), (1_000_003, 67)])
def test_concatenation_element_takes_any_counter(reference: int, octet: int) -> None:
    assert concatenation_element(reference, 2, 1).data[0] == octet


def test_build_udh_of_nothing_is_empty() -> None:
    assert build_udh() == b""


def test_append_element_refuses_a_header_over_140_octets() -> None:
    full = build_udh(InformationElement(identifier=0x70, data=bytes(132)))
    assert len(append_element(full, concatenation_element(1, 2, 1))) == 140
    with pytest.raises(ValueError, match="139"):
        append_element(full, concatenation_element(1, 2, 1, reference_bits=16))


@pytest.mark.parametrize(("length", "fill_bits"), [(0, 0), (6, 1), (7, 0), (12, 2), (13, 1)])
def test_fill_bits_align_on_a_septet(length: int, fill_bits: int) -> None:
    assert fill_bits_after(bytes(length)) == fill_bits


def test_split_udh_leaves_the_content() -> None:
    header, rest = split_udh(bytes.fromhex("050003CC0201") + b"hello")
    assert (header.hex(), rest) == ("050003cc0201", b"hello")


def test_split_udh_of_an_impossible_length_keeps_everything() -> None:
    assert split_udh(b"\x05abc") == (b"", b"\x05abc")
    assert split_udh(b"") == (b"", b"")


@given(st.binary(max_size=160))
def test_split_udh_and_parse_udh_take_any_octets(data: bytes) -> None:
    header, rest = split_udh(data)
    assert header + rest == data
    parsed = parse_udh(header)
    if parsed is not None:
        assert build_udh(*parsed.elements) == (header if len(header) > 1 else b"")
        place = parsed.concatenation
        assert place is None or 1 <= place.number <= place.total


elements = st.builds(
    InformationElement,
    identifier=st.integers(0, 255),
    data=st.binary(max_size=12),
)


@given(st.lists(elements, min_size=1, max_size=9))
def test_parse_undoes_build(given_elements: list[InformationElement]) -> None:
    header = build_udh(*given_elements)
    assert parse_udh(header) == UserDataHeader(elements=tuple(given_elements))


@given(st.integers(0, 65535), st.integers(0, 65535))
def test_ports_round_trip(destination: int, source: int) -> None:
    parsed = parse_udh(build_udh(ports_element(destination, source)))
    assert parsed is not None
    assert parsed.ports == Ports(destination=destination, source=source)
