"""National tables: what each septet shows, the headers that name them, and the parts they need."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.protocols.gsm.alphabet import Alphabet, NotEncodable, decode_gsm
from dragoman.protocols.gsm.national import (
    DEFAULT,
    Language,
    Shift,
    decode_national,
    encode_national,
    shift_in,
    shifts_of,
)
from dragoman.protocols.gsm.segmentation import (
    PLAIN,
    Repertoire,
    TooManyParts,
    in_common,
    segment_text,
)
from dragoman.protocols.gsm.udh import parse_udh

ALL_SHIFTS = [shift for language in Language for shift in shifts_of(language)]
INDIC = list(Language)[3:]

# Rows 0 to 7 of locking tables of 3GPP 23.038 s. A.3, a blank where they have none.
LOCKING = {
    "tr": "@£$¥€éùıòÇ\nĞğ\rÅå Δ_ΦΓΛΩΠΨΣΘΞ\x1bŞşßÉ",
    "pt": "@£$¥êéúíóç\nÔô\rÁá Δ_ªÇÀ∞^\\€Ó|\x1bÂâÊÉ",
    "hi": "ँंःअआइईउऊऋ\nऌऍ\rऎए ऐऑऒओऔकखगघङच\x1bछजझञ",
    "bn": "ঁংঃঅআইঈউঊঋ\nঌ \r এ ঐ  ওঔকখগঘঙচ\x1bছজঝঞ",
    "ta": " ஂஃஅஆஇஈஉஊ \n  \rஎஏ ஐ ஒஓஔக   ஙச\x1b ஜ ஞ",
    "ur": "اآبٻڀپڦتۂٿ\nٹٽ\rٺټ ثجځڄڃڅچڇحخد\x1bڌڈډڊ",
}


@pytest.mark.parametrize("code", LOCKING)
def test_locking_tables_begin_as_annex_a_has_them(code: str) -> None:
    identifier = list(Language).index(Language(code)) + 1
    first, second = LOCKING[code][:16], LOCKING[code][17:]
    shown = decode_national(bytes(range(0x10)), Shift(locking=identifier))
    assert shown == first
    shown = "".join(decode_national(bytes([one]), Shift(identifier)) for one in range(0x10, 0x20))
    assert shown == second.replace("\x1b", " ")


@pytest.mark.parametrize(
    ("code", "septet", "character"),
    [
        ("tr", 0x40, "İ"),
        ("tr", 0x60, "ç"),
        ("pt", 0x24, "º"),
        ("pt", 0x5D, "Ú"),
        ("pt", 0x7D, "`"),
        ("bn", 0x60, "\u09ce"),
        ("bn", 0x7F, "\u09f1"),
        ("gu", 0x45, " "),
        ("gu", 0x5B, "\u0ac9"),
        ("gu", 0x7F, "\u0af1"),
        ("hi", 0x3C, "\u0929"),
        ("hi", 0x7B, "\u0972"),
        ("hi", 0x7F, "\u097f"),
        ("kn", 0x24, "\u0ca1"),  # Annex A prints the letter of 0x3D here, too
        ("kn", 0x3D, "\u0caa"),
        ("kn", 0x60, "\u0cd5"),
        ("ml", 0x48, "\u0d34"),
        ("ml", 0x7F, "\u0d79"),
        ("or", 0x4E, "\u0b3c"),
        ("or", 0x60, "\u0b56"),
        ("pa", 0x4C, "\u0a38"),
        ("pa", 0x60, "\u0a51"),
        ("pa", 0x7F, "\u0a74"),
        ("ta", 0x3C, "\u0ba9"),
        ("ta", 0x60, "\u0bd0"),
        ("ta", 0x7F, "\u0bf9"),
        ("te", 0x00, "\u0c01"),
        ("te", 0x4F, "\u0c3d"),
        ("te", 0x7F, "\u0c63"),
        ("ur", 0x2D, "\u0696"),
        ("ur", 0x3F, "?"),
        ("ur", 0x5F, "\u0657"),
        ("ur", 0x7F, "\u0670"),
    ],
)
def test_letters_of_locking_tables(code: str, septet: int, character: str) -> None:
    identifier = list(Language).index(Language(code)) + 1
    assert decode_national(bytes([septet]), Shift(locking=identifier)) == character


@pytest.mark.parametrize("language", INDIC)
def test_locking_tables_of_india_share_their_frame(language: Language) -> None:
    shift = shifts_of(language)[1]
    septets = b" !)(,.0123456789:;?abcdefghijklmnopqrstuvwxyz"
    places = bytes(
        [0x20, 0x21, 0x28, 0x29, 0x2C, 0x2E, *range(0x30, 0x3C), 0x3F, *range(0x61, 0x7B)]
    )
    assert decode_national(places, shift) == septets.decode()


@pytest.mark.parametrize(
    ("code", "septet", "character"),
    [
        ("tr", 0x47, "Ğ"),
        ("tr", 0x73, "ş"),
        ("es", 0x09, "ç"),
        ("es", 0x6F, "ó"),
        ("pt", 0x05, "ê"),
        ("pt", 0x12, "Φ"),
        ("pt", 0x7F, "â"),
        ("bn", 0x19, "\u09e6"),
        ("bn", 0x24, "\u09df"),
        ("bn", 0x34, "\u09fa"),
        ("gu", 0x19, "\u0964"),
        ("gu", 0x25, "\u0aef"),
        ("hi", 0x1C, "\u0966"),
        ("hi", 0x3A, "\u0971"),
        ("kn", 0x26, "\u0cde"),
        ("kn", 0x2A, "\u0cf2"),
        ("ml", 0x2E, "\u0d7a"),
        ("ml", 0x34, "\u0d7f"),
        ("or", 0x20, "\u0b6a"),
        ("or", 0x2C, "\u0b71"),
        ("pa", 0x2C, "\u0a5e"),
        ("pa", 0x2D, "\u0a75"),
        ("ta", 0x24, "\u0bee"),  # Annex A prints the digit of 0x25 here, too
        ("ta", 0x2E, "\u0bfa"),
        ("te", 0x1C, "\u0c66"),
        ("te", 0x22, "\u0c6c"),
        ("te", 0x32, "\u0c7f"),
        ("ur", 0x1C, "\u06f0"),
        ("ur", 0x2E, "\u0612"),
        ("ur", 0x3B, "\u06cd"),
        ("ur", 0x3F, "\u06d4"),
    ],
)
def test_letters_of_single_shift_tables(code: str, septet: int, character: str) -> None:
    shift = shifts_of(Language(code))[0]
    assert decode_national(bytes([0x1B, septet]), shift) == character


@pytest.mark.parametrize("language", Language)
def test_single_shift_tables_keep_the_signs_of_the_default_one(language: Language) -> None:
    septets = bytes.fromhex("1b0a1b141b281b291b2f1b3c1b3d1b3e1b401b65")
    assert decode_national(septets, shifts_of(language)[0]) == decode_gsm(septets)


def test_what_no_table_has_is_read_as_in_the_default_alphabet() -> None:
    turkish = Shift(1, 1)
    assert decode_national(b"\x1ba\x1b\x1b\x1b", turkish) == "a  "
    assert decode_national(b"\x1b\x04\xff", turkish) == "€\N{REPLACEMENT CHARACTER}"


@given(st.data(), st.sampled_from(ALL_SHIFTS))
def test_what_is_encoded_is_read_back(data: st.DataObject, shift: Shift) -> None:
    shown = "".join(
        decode_national(octets, shift)
        for code in range(0x80)
        for octets in (bytes([code]), bytes([0x1B, code]))
    )
    text = data.draw(st.text(sorted(set(shown) - {"\N{REPLACEMENT CHARACTER}"})))
    septets = encode_national(text, shift)
    assert septets is not None
    assert septets.isascii()
    assert decode_national(septets, shift) == text


@given(st.binary(), st.sampled_from([DEFAULT, *ALL_SHIFTS]))
def test_reading_never_raises_and_agrees_with_the_default(data: bytes, shift: Shift) -> None:
    shown = decode_national(data, shift)
    assert shift != DEFAULT or shown == decode_gsm(data)


@pytest.mark.parametrize(
    ("header", "shift"),
    [
        ("03240101", Shift(single=1)),
        ("03250101", Shift(locking=1)),
        ("0625010d24010d", Shift(13, 13)),
        ("080003420201240106", Shift(single=6)),
        ("0724010608044201" + "01", None),  # lengths that do not add up
        ("03250102", DEFAULT),  # Spanish has no locking table
        ("0324010e", DEFAULT),
        ("03240100", DEFAULT),
        ("0424020101", DEFAULT),
        ("050003420201", DEFAULT),
    ],
)
def test_headers_name_the_tables(header: str, shift: Shift | None) -> None:
    parsed = parse_udh(bytes.fromhex(header))
    assert (parsed is None) == (shift is None)
    assert shift_in(parsed) == (shift or DEFAULT)


@pytest.mark.parametrize("shift", [DEFAULT, *ALL_SHIFTS])
def test_a_header_is_read_back(shift: Shift) -> None:
    assert shift_in(parse_udh(shift.header)) == shift


def cut(text: str, *codes: str, **more: int) -> tuple[str, list[int]]:
    repertoire = Repertoire(national=tuple(map(Language, codes)))
    segmentation = segment_text(text, repertoire=repertoire, **more)  # type: ignore[arg-type]
    assert "".join(segmentation.texts) == text
    for text_of_part, data in zip(segmentation.texts, segmentation.user_data(7), strict=True):
        assert len(data.udh) + (len(data.data) * 7 + 7) // 8 <= 140 or not data.udh
        if segmentation.alphabet is Alphabet.GSM7:
            header = parse_udh(data.udh)
            assert decode_national(data.data, shift_in(header)) == text_of_part
    return segmentation.header.hex(), [len(part) for part in segmentation.texts]


@pytest.mark.parametrize(
    ("text", "codes", "header", "parts"),
    [
        ("hej €", ["tr"], "", [5]),
        ("ğ", ["tr"], "03240101", [1]),
        ("ğ", [], "", [1]),
        ("ğ" + "a" * 153, ["tr"], "03240101", [154]),  # 155 septets
        ("ğ" + "a" * 154, ["tr"], "03250101", [155]),  # one letter more, and escapes cost a part
        ("ğ" + "a" * 155, ["tr"], "03240101", [148, 8]),
        ("ğ" * 77, ["tr"], "03240101", [77]),
        ("ğ" * 78, ["tr"], "03250101", [78]),
        ("ñóñó" + "a" * 145, ["es"], "03240102", [149]),
        ("ção", ["tr", "pt"], "03240103", [3]),
        ("नमस्ते", ["hi"], "03250106", [6]),
        ("नमस्ते ABC", ["hi"], "06250106240106", [10]),
        ("ت" * 155, ["ur"], "0325010d", [155]),
        ("ت" * 156, ["ur"], "0325010d", [149, 7]),
        ("ت" * 150 + "ABCD", ["ur"], "0625010d24010d", [146, 8]),
        ("日", ["tr", "ur"], "", [1]),
    ],
)
def test_the_cheapest_tables_are_taken(
    text: str, codes: list[str], header: str, parts: list[int]
) -> None:
    assert cut(text, *codes) == (header, parts)


def test_a_letter_and_its_vowel_sign_stay_together() -> None:
    text = "क" * 148 + "कि" + "क" * 10
    header, parts = cut(text, "hi")
    assert (header, parts) == ("03250106", [148, 12])


def test_wide_references_leave_a_septet_less() -> None:
    assert cut("ت" * 156, "ur", reference_bits=16) == ("0325010d", [148, 8])


def test_too_many_parts_are_counted_with_the_tables() -> None:
    with pytest.raises(TooManyParts) as raised:
        cut("ت" * 450, "ur", max_parts=3)
    assert raised.value.count == 4


@given(st.lists(st.sampled_from(sorted({*"aA€ğşıİ çığ[]{}\r\n"}))).map("".join))
def test_tables_never_need_more_parts_than_ucs_2(text: str) -> None:
    _, parts = cut(text, "tr")
    assert len(parts) <= segment_text(text, alphabet=Alphabet.UCS2).count


@pytest.mark.parametrize(
    ("text", "alphabet"),
    [
        ("æøå @[]", Alphabet.GSM7),
        ("€", Alphabet.UCS2),
        ("ΔΣ", Alphabet.UCS2),
        ("", Alphabet.GSM7),
    ],
)
def test_latin_1_lacks_some_of_the_alphabet(text: str, alphabet: Alphabet) -> None:
    repertoire = Repertoire(latin_1=True)
    assert segment_text(text, repertoire=repertoire).alphabet is alphabet
    if alphabet is Alphabet.UCS2:
        with pytest.raises(NotEncodable):
            segment_text(text, alphabet=Alphabet.GSM7, repertoire=repertoire)


def test_a_route_takes_what_all_of_its_carriers_take() -> None:
    turkish, both = (
        Repertoire(national=(Language.TURKISH,)),
        Repertoire(national=(Language.URDU, Language.TURKISH)),
    )
    assert in_common([both, turkish]) == turkish
    assert in_common([both, PLAIN]) == PLAIN
    assert in_common([PLAIN, Repertoire(latin_1=True)]) == Repertoire(latin_1=True)
