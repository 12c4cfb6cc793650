import pytest

from dragoman.protocols.smpp.tlvs import (
    Tlv,
    find_integer,
    find_tlv,
    integer_tlv,
    text_tlv,
)

TLVS = (Tlv(0x1E, b"7b\0"), Tlv(0x0427, b"\x02"), Tlv(0x0427, b"\x05"), Tlv(0x0424, b""))


def test_first_parameter_with_the_tag_is_found() -> None:
    assert find_tlv(TLVS, 0x0427) == b"\x02"
    assert find_tlv(TLVS, 0x0424) == b""
    assert find_tlv(TLVS, 0x1401) is None


@pytest.mark.parametrize(
    ("value", "number"), [(b"\x02", 2), (b"\x00\x02", 2), (b"\x01\x00", 256), (b"", None)]
)
def test_integer_of_any_length_is_read(value: bytes, number: int | None) -> None:
    assert find_integer((Tlv(0x0427, value),), 0x0427) == number


def test_absent_parameter_is_none() -> None:
    assert find_integer((), 0x0427) is None


def test_built_parameters_have_these_octets() -> None:
    assert integer_tlv(0x020C, 0x1234, 2) == Tlv(0x020C, b"\x12\x34")
    assert text_tlv(0x1E, "7b") == Tlv(0x1E, b"7b\0")
    with pytest.raises(OverflowError):
        integer_tlv(0x020E, 256, 1)
