"""The GSM alphabet against published vectors and its own inverse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.protocols.gsm.alphabet import (
    DEFAULT_ALPHABET,
    EXTENSION_TABLE,
    Forced,
    NotEncodable,
    decode_gsm,
    encode_gsm,
    pack_septets,
    try_encode_gsm,
    unencodable,
    unpack_septets,
)

GSM_CHARACTERS = DEFAULT_ALPHABET.replace("\x1b", "") + "".join(EXTENSION_TABLE.values())
gsm_text = st.text(alphabet=GSM_CHARACTERS, max_size=400)


@pytest.mark.parametrize("code", [code for code in range(128) if code != 0x1B])
def test_default_character_round_trips_as_its_septet(code: int) -> None:
    character = DEFAULT_ALPHABET[code]
    assert encode_gsm(character) == bytes([code])
    assert decode_gsm(bytes([code])) == character


@pytest.mark.parametrize(
    ("character", "octets"),
    [
        ("\f", "1B0A"),
        ("^", "1B14"),
        ("{", "1B28"),
        ("}", "1B29"),
        ("\\", "1B2F"),
        ("[", "1B3C"),
        ("~", "1B3D"),
        ("]", "1B3E"),
        ("|", "1B40"),
        ("€", "1B65"),
    ],
)
def test_extended_character_round_trips_as_an_escape_pair(character: str, octets: str) -> None:
    assert encode_gsm(character).hex().upper() == octets
    assert decode_gsm(bytes.fromhex(octets)) == character


@pytest.mark.parametrize(
    ("character", "code"),
    # One of each block of 3GPP 23.038 s. 6.2.1, written down apart from the table in the code.
    [
        *(("@", 0x00), ("£", 0x01), ("$", 0x02), ("Ç", 0x09), ("\n", 0x0A), ("\r", 0x0D)),
        *(("Å", 0x0E), ("Δ", 0x10), ("_", 0x11), ("Ξ", 0x1A), ("Æ", 0x1C), ("É", 0x1F)),
        *((" ", 0x20), ("¤", 0x24), ("?", 0x3F), ("¡", 0x40), ("A", 0x41), ("Z", 0x5A)),
        *(("Ä", 0x5B), ("§", 0x5F), ("¿", 0x60), ("a", 0x61), ("z", 0x7A), ("ä", 0x7B)),
        *(("ö", 0x7C), ("ñ", 0x7D), ("ü", 0x7E), ("à", 0x7F)),
    ],
)
def test_septet_of_character_as_specified(character: str, code: int) -> None:
    assert encode_gsm(character) == bytes([code])


def test_encode_mixed_at_sign_and_extension() -> None:
    assert encode_gsm("a@€[@") == bytes.fromhex("61001B651B3C00")


@pytest.mark.parametrize("character", ["\0", "\x1b", "`", "ç", "\t", "\x80", "\xa0", "Ж", "\ufffe"])
def test_encode_foreign_character_raises_with_its_place(character: str) -> None:
    with pytest.raises(NotEncodable) as raised:
        encode_gsm(f"ab{character}c{character}")
    assert raised.value.forced == (
        Forced(index=2, character=character),
        Forced(index=4, character=character),
    )


def test_encode_emoji_and_lone_surrogate_answers_none() -> None:
    assert try_encode_gsm("👍") is None
    assert try_encode_gsm("\ud83d") is None


def test_unencodable_is_empty_for_the_whole_alphabet() -> None:
    assert unencodable(GSM_CHARACTERS) == ()


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        ("1B41", "A"),  # no extended meaning: the default character
        ("1B00", "@"),
        ("1B1B", " "),  # a second escape is reserved for another table
        ("1B1B28", " ("),
        ("41 1B", "A "),
        ("41FF80", "A\ufffd\ufffd"),
        ("1BFF", "\ufffd"),
        ("1B0D", "\r"),
        ("", ""),
    ],
)
def test_decode_of_damaged_or_unknown_septets(octets: str, text: str) -> None:
    assert decode_gsm(bytes.fromhex(octets)) == text


@given(st.binary(max_size=200))
def test_decode_never_raises(data: bytes) -> None:
    assert len(decode_gsm(data)) <= len(data)


@given(gsm_text)
def test_decode_undoes_encode(text: str) -> None:
    assert decode_gsm(encode_gsm(text)) == text


@given(st.text(max_size=60))
def test_encode_fails_exactly_when_a_character_is_foreign(text: str) -> None:
    foreign = tuple(
        Forced(index=index, character=character)
        for index, character in enumerate(text)
        if character not in GSM_CHARACTERS
    )
    assert unencodable(text) == foreign
    assert (try_encode_gsm(text) is None) == bool(foreign)


@pytest.mark.parametrize(
    ("text", "packed"),
    [
        ("hellohello", "E8329BFD4697D9EC37"),
        ("hello", "E8329BFD06"),
        ("1234567", "31D98C56B3DD00"),
        ("12345678", "31D98C56B3DD70"),
        ("How are you?", "C8F71D14969741F977FD07"),
        ("A", "41"),
        ("", ""),
    ],
)
def test_pack_septets_as_published(text: str, packed: str) -> None:
    assert pack_septets(encode_gsm(text)).hex().upper() == packed
    assert decode_gsm(unpack_septets(bytes.fromhex(packed), len(text))) == text


def test_pack_septets_behind_a_header_of_six_octets_shifts_by_one_bit() -> None:
    assert pack_septets(b"\x61", fill_bits=1) == b"\xc2"
    assert pack_septets(bytes(153), fill_bits=1) == bytes(134)


def test_pack_septets_refuses_an_octet() -> None:
    with pytest.raises(ValueError, match="0x7F"):
        pack_septets(b"\x80")


def test_unpack_septets_of_short_data_yields_what_is_there() -> None:
    assert unpack_septets(bytes.fromhex("E8329BFD06"), 100) == b"hello"
    assert unpack_septets(b"", 5) == b""
    assert unpack_septets(b"", 5, fill_bits=1) == b""


@given(st.binary(max_size=160).map(lambda data: bytes(octet & 0x7F for octet in data)))
def test_unpack_undoes_pack_for_all_fill_bits(septets: bytes) -> None:
    for fill_bits in range(7):
        packed = pack_septets(septets, fill_bits)
        assert unpack_septets(packed, len(septets), fill_bits) == septets
