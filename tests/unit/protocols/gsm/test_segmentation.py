"""Parts: their limits, their headers, and what a cut never divides."""

import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from dragoman.protocols.gsm.alphabet import (
    DEFAULT_ALPHABET,
    EXTENSION_TABLE,
    Alphabet,
    Forced,
    NotEncodable,
    decode_gsm,
)
from dragoman.protocols.gsm.segmentation import (
    InvalidHeader,
    TooManyParts,
    UserData,
    segment_binary,
    segment_text,
)
from dragoman.protocols.gsm.udh import Concatenation, ReferenceBits, parse_udh

FAMILY = "👨‍👩‍👧‍👦"  # 11 UTF-16 code units, one cluster
FLAG = "🇩🇰"  # 4 code units, one cluster
USER_UDH = bytes.fromhex("0C05040B8423F00504C34FC002")


def lengths(text: str, reference_bits: ReferenceBits = 8) -> list[int]:
    return [len(part) for part in segment_text(text, reference_bits=reference_bits).texts]


@pytest.mark.parametrize(
    ("text", "alphabet", "units", "parts"),
    [
        ("", Alphabet.GSM7, 0, [0]),
        ("a" * 160, Alphabet.GSM7, 160, [160]),
        ("a" * 161, Alphabet.GSM7, 161, [153, 8]),
        ("a" * 306, Alphabet.GSM7, 306, [153, 153]),
        ("a" * 307, Alphabet.GSM7, 307, [153, 153, 1]),
        ("@" * 161, Alphabet.GSM7, 161, [153, 8]),
        ("a" * 158 + "€", Alphabet.GSM7, 160, [159]),
        ("a" * 159 + "€", Alphabet.GSM7, 161, [153, 7]),
        ("€" * 80, Alphabet.GSM7, 160, [80]),
        ("€" * 81, Alphabet.GSM7, 162, [76, 5]),
        # The escape would be the 153rd septet, so the pair begins the second part.
        ("a" * 152 + "€" + "b" * 7, Alphabet.GSM7, 161, [152, 8]),
        ("a" * 151 + "€" + "b" * 8, Alphabet.GSM7, 161, [152, 8]),
        ("a" * 152 + "\r\n" + "b" * 7, Alphabet.GSM7, 161, [152, 9]),
        ("a" * 151 + "\r\n" + "b" * 8, Alphabet.GSM7, 161, [153, 8]),
        ("a" * 153 + "\r\n" + "b" * 7, Alphabet.GSM7, 162, [153, 9]),
        ("ж" * 70, Alphabet.UCS2, 70, [70]),
        ("ж" * 71, Alphabet.UCS2, 71, [67, 4]),
        ("ж" * 134, Alphabet.UCS2, 134, [67, 67]),
        ("ж" * 135, Alphabet.UCS2, 135, [67, 67, 1]),
        ("😀" * 35, Alphabet.UCS2, 70, [35]),
        ("😀" * 36, Alphabet.UCS2, 72, [33, 3]),
        ("ж" * 66 + "😀" + "ж" * 3, Alphabet.UCS2, 71, [66, 4]),
        ("ж" * 65 + "😀" + "ж" * 4, Alphabet.UCS2, 71, [66, 4]),
        ("ж" * 66 + "\r\n" + "ж" * 5, Alphabet.UCS2, 73, [66, 7]),
        ("ж" * 66 + "e\u0301" + "ж" * 5, Alphabet.UCS2, 73, [66, 7]),
        ("ж" * 67 + "e\u0301" + "ж" * 5, Alphabet.UCS2, 74, [67, 7]),
    ],
)
def test_segment_text_at_its_boundaries(
    text: str, alphabet: Alphabet, units: int, parts: list[int]
) -> None:
    segmentation = segment_text(text)
    assert segmentation.alphabet is alphabet
    assert segmentation.units == units
    assert segmentation.count == len(parts)
    assert [len(part) for part in segmentation.texts] == parts
    assert "".join(segmentation.texts) == text


@pytest.mark.parametrize(
    ("character", "parts"), [("a", [152, 152, 1]), ("ж", [66, 66, 66, 66, 41])]
)
def test_wide_reference_takes_an_octet_more(character: str, parts: list[int]) -> None:
    assert lengths(character * 305, reference_bits=16) == parts


@pytest.mark.parametrize("cluster", [FAMILY, FLAG, "👍🏽", "क्षि", "한", "e\u0301\u0327", "\u1cf5क"])
@pytest.mark.parametrize("lead", range(55, 71))
def test_cluster_across_the_boundary_moves_to_the_next_part(cluster: str, lead: int) -> None:
    text = "ж" * lead + cluster * 9
    parts = segment_text(text).texts
    assert "".join(parts) == text
    for part in parts:
        assert set(regex.findall(r"\X", part)) <= {"ж", cluster}


def test_flags_in_a_row_stay_whole() -> None:
    assert lengths(FLAG * 40) == [32, 32, 16]


def test_cluster_longer_than_a_part_is_cut_between_code_points() -> None:
    zalgo = "e" + "\u0301" * 200
    segmentation = segment_text(zalgo)
    assert [len(part) for part in segmentation.texts] == [67, 67, 67]
    joined_emoji = "\u200d".join(["👨"] * 60)
    for part in segment_text(joined_emoji).user_data(1):
        assert part.data.decode("utf-16-be")


def test_lone_surrogate_becomes_the_replacement_character() -> None:
    segmentation = segment_text("a\ud83d")
    assert segmentation.texts == ("a\ufffd",)
    assert segment_text("\ud83d\ude00").texts == ("😀",)


def test_forced_by_names_the_characters_of_any_part() -> None:
    segmentation = segment_text("a" * 100 + "ę" + "`")
    assert segmentation.count == 2
    assert segmentation.forced_by == (
        Forced(index=100, character="ę"),
        Forced(index=101, character="`"),
    )
    assert segment_text("plain").forced_by == ()


def test_alphabet_asked_for_is_kept_or_refused() -> None:
    ucs2 = segment_text("plain", alphabet=Alphabet.UCS2)
    assert (ucs2.alphabet, ucs2.units, ucs2.forced_by) == (Alphabet.UCS2, 5, ())
    assert segment_text("plain", alphabet=Alphabet.GSM7).alphabet is Alphabet.GSM7
    with pytest.raises(NotEncodable) as raised:
        segment_text("na ç", alphabet=Alphabet.GSM7)
    assert raised.value.forced == (Forced(index=3, character="ç"),)
    with pytest.raises(ValueError, match="segment_binary"):
        segment_text("plain", alphabet=Alphabet.BINARY)


def test_max_parts_is_told_with_the_count() -> None:
    assert segment_text("a" * 459, max_parts=3).count == 3
    with pytest.raises(TooManyParts) as raised:
        segment_text("a" * 460, max_parts=3)
    assert raised.value.count == 4
    with pytest.raises(TooManyParts):
        segment_text("a" * (153 * 255 + 1), max_parts=1000)
    with pytest.raises(TooManyParts):
        segment_binary(bytes(135 * 2), max_parts=2)


def test_user_data_of_a_single_part_has_no_header() -> None:
    assert segment_text("hi@").user_data(9) == (UserData(udh=b"", data=b"hi\x00"),)
    assert segment_text("Ж").user_data(9) == (UserData(udh=b"", data=b"\x04\x16"),)


def test_user_data_of_several_parts_is_numbered() -> None:
    first, second = segment_text("a" * 152 + "€" + "b" * 7).user_data(0x1CC)
    assert first == UserData(udh=bytes.fromhex("050003CC0201"), data=b"a" * 152)
    assert second == UserData(udh=bytes.fromhex("050003CC0202"), data=b"\x1b\x65" + b"b" * 7)
    wide = segment_text("ж" * 71, reference_bits=16).user_data(0x1ABCD)
    assert [part.udh.hex() for part in wide] == ["060804abcd0201", "060804abcd0202"]


@pytest.mark.parametrize(
    ("size", "udh", "bits", "sizes"),
    [
        (0, b"", 8, [0]),
        (140, b"", 8, [140]),
        (141, b"", 8, [134, 7]),
        (268, b"", 8, [134, 134]),
        (269, b"", 8, [134, 134, 1]),
        (141, b"", 16, [133, 8]),
        (127, USER_UDH, 8, [127]),
        (128, USER_UDH, 8, [122, 6]),
        (128, USER_UDH, 16, [121, 7]),
    ],
)
def test_segment_binary_at_its_boundaries(
    size: int, udh: bytes, bits: ReferenceBits, sizes: list[int]
) -> None:
    segmentation = segment_binary(bytes(size), udh=udh, reference_bits=bits)
    parts = segmentation.user_data(3)
    assert (segmentation.alphabet, segmentation.texts) == (Alphabet.BINARY, ())
    assert (segmentation.units, segmentation.count) == (size, len(sizes))
    assert [len(part.data) for part in parts] == sizes
    assert max(len(part.udh) + len(part.data) for part in parts) <= 140


def test_user_header_gains_a_concatenation_element() -> None:
    first, second = segment_binary(bytes(200), udh=USER_UDH).user_data(5)
    assert first.udh.hex().upper() == "1105040B8423F00504C34FC0020003050201"
    assert second.udh.hex().upper() == "1105040B8423F00504C34FC0020003050202"
    assert segment_binary(b"x", udh=USER_UDH).user_data(5) == (UserData(udh=USER_UDH, data=b"x"),)


def test_user_header_that_is_concatenated_already_passes_in_one_part() -> None:
    udh = bytes.fromhex("050003CC0201")
    assert segment_binary(bytes(134), udh=udh).user_data(1)[0].udh == udh
    with pytest.raises(InvalidHeader, match="already concatenated"):
        segment_binary(bytes(135), udh=udh)


@pytest.mark.parametrize(
    ("udh", "size", "reason"),
    [
        ("0D05040B8423F00504C34FC002", 1, "says 13 octets follow, but 12 do"),
        ("0B05040B8423F00504C34FC002", 1, "says 11 octets follow, but 12 do"),
        ("0605050B8423F0", 1, "longer than the header"),
        ("0100", 1, "longer than the header"),
        ("8B7089" + "00" * 137, 5, "no room"),
        ("8C708A" + "00" * 138, 0, "141 octets"),
    ],
)
def test_malformed_user_header_is_refused(udh: str, size: int, reason: str) -> None:
    with pytest.raises(InvalidHeader, match=reason):
        segment_binary(bytes(size), udh=bytes.fromhex(udh))


GSM_CHARACTERS = DEFAULT_ALPHABET.replace("\x1b", "") + "".join(EXTENSION_TABLE.values())
gsm_texts = st.lists(
    st.sampled_from(["€", "[", "\r\n", "\r", "\n", "@", "word " * 20, "x" * 37])
    | st.sampled_from(GSM_CHARACTERS),
    max_size=60,
).map("".join)
tricky = st.sampled_from(
    [
        *(FAMILY, FLAG, "🇩", "👍🏽", "😀", "☺️", "©", "\u200d", "\U000e0067"),
        *("\r", "\n", "\u0301", "\u0600", "a", "€", "ж" * 30),
        *("क्ष", "क", "\u094d", "กำ", "ᄒ", "ᅡ", "ᆫ", "한", "하"),
    ]
)
any_texts = st.lists(tricky | st.characters(exclude_categories=["Cs"]), max_size=120).map("".join)
bits = st.sampled_from([8, 16])


@given(gsm_texts, bits)
def test_gsm_parts_fit_and_join_to_the_text(text: str, reference_bits: ReferenceBits) -> None:
    segmentation = segment_text(text, alphabet=Alphabet.GSM7, reference_bits=reference_bits)
    parts = segmentation.user_data(1)
    assert "".join(segmentation.texts) == text
    assert tuple(decode_gsm(part.data) for part in parts) == segmentation.texts
    assert sum(len(part.data) for part in parts) == segmentation.units
    limit = 160 if len(parts) == 1 else {8: 153, 16: 152}[reference_bits]
    for part in parts:
        assert len(part.data) <= limit
    clusters = regex.findall(r"\X", text)
    assert [c for part in segmentation.texts for c in regex.findall(r"\X", part)] == clusters


@given(any_texts, bits)
@example("ж" * 66 + "\u0600ж" + "ж" * 9, 8)
def test_ucs2_parts_fit_and_divide_no_cluster(text: str, reference_bits: ReferenceBits) -> None:
    segmentation = segment_text(text, alphabet=Alphabet.UCS2, reference_bits=reference_bits)
    parts = segmentation.user_data(1)
    assert "".join(segmentation.texts) == text
    assert tuple(part.data.decode("utf-16-be") for part in parts) == segmentation.texts
    assert sum(len(part.data) for part in parts) == 2 * segmentation.units
    limit = 70 if len(parts) == 1 else {8: 67, 16: 66}[reference_bits]
    for part in parts:
        assert len(part.data) // 2 <= limit
    assert list(segmentation.texts) == expected_parts(text, limit)
    for number, part in enumerate(parts, start=1):
        if len(parts) > 1:
            header = parse_udh(part.udh)
            assert header is not None
            assert header.concatenation == Concatenation(
                reference=1, total=len(parts), number=number, reference_bits=reference_bits
            )


def expected_parts(text: str, limit: int) -> list[str]:
    """Fill parts cluster by cluster over the whole text, slowly and plainly."""

    def units(piece: str) -> int:
        return len(piece.encode("utf-16-be")) // 2

    parts = [""]
    for cluster in regex.findall(r"\X", text):
        if units(parts[-1] + cluster) <= limit:
            parts[-1] += cluster
            continue
        if parts[-1]:
            parts.append("")
        for character in cluster:  # more than one round only for a giant cluster
            if units(parts[-1] + character) > limit:
                parts.append("")
            parts[-1] += character
    return parts


@given(st.binary(max_size=600), st.sampled_from([b"", USER_UDH]), bits)
def test_binary_parts_fit_and_join(data: bytes, udh: bytes, reference_bits: ReferenceBits) -> None:
    parts = segment_binary(data, udh=udh, reference_bits=reference_bits).user_data(77)
    assert b"".join(part.data for part in parts) == data
    for part in parts:
        assert len(part.udh) + len(part.data) <= 140
        assert not part.udh or parse_udh(part.udh) is not None
