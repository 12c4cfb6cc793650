"""The national language tables of 3GPP 23.038 Annex A, and texts coded with them.

A single shift table replaces the extension table of the default alphabet, a locking shift table the
alphabet itself; a header names them (3GPP 23.040 s. 9.2.3.24.15 and 16). The tables of scripts of
India share two frames, in which each has its letters in the order of Unicode. Where Annex A prints
a letter of another script, or one twice, the table has the letter that its place calls for.
"""

from enum import StrEnum
from functools import cache
from typing import Final, NamedTuple

from dragoman.protocols.gsm.alphabet import DEFAULT_ALPHABET, ESCAPE, EXTENSION_TABLE
from dragoman.protocols.gsm.udh import InformationElement, UserDataHeader, build_udh

SINGLE_SHIFT: Final = 0x24
LOCKING_SHIFT: Final = 0x25


class Language(StrEnum):
    """A language with tables, by its code of ISO 639-1, in the order of its identifier from 1."""

    TURKISH = "tr"
    SPANISH = "es"
    PORTUGUESE = "pt"
    BENGALI = "bn"
    GUJARATI = "gu"
    HINDI = "hi"
    KANNADA = "kn"
    MALAYALAM = "ml"
    ORIYA = "or"
    PUNJABI = "pa"
    TAMIL = "ta"
    TELUGU = "te"
    URDU = "ur"


class Shift(NamedTuple):
    """The tables of a text, by the identifier of their language; 0 is the default."""

    locking: int = 0
    single: int = 0

    @property
    def header(self) -> bytes:
        """The user data header that names the tables; empty for the defaults."""
        named = ((LOCKING_SHIFT, self.locking), (SINGLE_SHIFT, self.single))
        return build_udh(
            *(InformationElement(identifier=ie, data=bytes([id_])) for ie, id_ in named if id_)
        )


DEFAULT: Final = Shift()

_BLANK: Final = " "
_DANDAS: Final = "\u0964\u0965"


def _letters(block: int, offsets: str) -> str:
    """The characters of a Unicode block at offsets and ranges of them; a dot is a blank."""
    letters = ""
    for span in offsets.split():
        first, _, last = span.partition("-")
        if span == ".":
            letters += _BLANK
        else:
            letters += "".join(
                map(chr, range(block + int(first, 16), block + int(last or first, 16) + 1))
            )
    return letters


def _fill(frame: str, letters: str) -> str:
    """A frame with letters in place of its dots."""
    waiting = iter(letters)
    return "".join(next(waiting, _BLANK) if place == "·" else place for place in frame)


# Row n holds the septets n * 16 to n * 16 + 15; a middle dot is a place for a letter.
_LOCKING_FRAME: Final = (
    "··········\n··\r··"
    "···········\x1b····"
    " !······)(··,·.·"
    "0123456789:;···?"
    "················"
    "················"
    "·abcdefghijklmno"
    "pqrstuvwxyz·····"
)
_SINGLE_FRAME: Final = (
    "@£$¥¿\"¤%&'\f*+ -/"
    "<=>¡^¡_#*··\x1b····"
    "········{}·····\\"
    "············[~]·"
    "|ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZ     "
    "     €          "
    "                "
)
_TURKISH: Final = str.maketrans("èìØøÆæ¡¿", "€ıĞğŞşİç")
_PORTUGUESE: Final = str.maketrans(
    "èùìòÇØøÅåΦΓΛΩΠΨΣΘΞÆæß¤¡ÄÖÑ¿äöñ", "êúíóçÔôÁáªÇÀ∞^\\€Ó|ÂâÊºÍÃÕÚ~ãõ`"
)

_LOCKING: Final = {
    Language.TURKISH: DEFAULT_ALPHABET.translate(_TURKISH),
    Language.PORTUGUESE: DEFAULT_ALPHABET.translate(_PORTUGUESE),
} | {
    language: _fill(_LOCKING_FRAME, _letters(block, offsets))
    for language, block, offsets in (
        (
            Language.BENGALI,
            0x0980,
            "01-03 05-0C . . 0F 10 . . 13-28 . 2A-30 . 32 . . . 36-39 3C-44 . . 47 48 . . 4B-4D"
            " 4E 57 5C 5D 70 71",
        ),
        (
            Language.GUJARATI,
            0x0A80,
            "01-03 05-0D . 0F-11 . 13-28 . 2A-30 . 32 33 . 35-39 3C-45 . 47-49 . 4B-4D 50 60-63 71",
        ),
        (Language.HINDI, 0x0900, "01-03 05-39 3C-4D 50 72 7B 7C 7E 7F"),
        (
            Language.KANNADA,
            0x0C80,
            ". 02 03 05-0C . 0E-10 . 12-28 . 2A-33 . 35-39 3C-44 . 46-48 . 4A-4D 55 56 60-63",
        ),
        (
            Language.MALAYALAM,
            0x0D00,
            ". 02 03 05-0C . 0E-10 . 12-28 . 2A-39 . 3D-44 . 46-48 . 4A-4D 57 60-63 79",
        ),
        (
            Language.ORIYA,
            0x0B00,
            "01-03 05-0C . . 0F 10 . . 13-28 . 2A-30 . 32 33 . 35-39 3C-44 . . 47 48 . . 4B-4D"
            " 56 57 60-63",
        ),
        (
            Language.PUNJABI,
            0x0A00,
            "01-03 05-0A . . . . 0F 10 . . 13-28 . 2A-30 . 32 33 . 35 36 . 38 39 3C . 3E-42"
            " . . . . 47 48 . . 4B-4D 51 70-74",
        ),
        (
            Language.TAMIL,
            0x0B80,
            ". 02 03 05-0A . . . 0E-10 . 12-15 . . . 19 1A . 1C . 1E 1F . . . 23 24 . . . 28-2A"
            " . . . 2E-39 . . 3E-42 . . . 46-48 . 4A-4D 50 57 70-72 79",
        ),
        (
            Language.TELUGU,
            0x0C00,
            "01-03 05-0C . 0E-10 . 12-28 . 2A-33 . 35-39 . 3D-44 . 46-48 . 4A-4D 55 56 60-63",
        ),
        (
            Language.URDU,
            0x0600,
            "27 22 28 7B 80 7E A6 2A C2 7F 79 7D 7A 7C 2B 2C 81 84 83 85-87 2D-2F 8C 88-8A 8F 8D"
            " 30 31 91 93 99 32 96 98 9A 33-39 41 42 A9-AB AF B3 B1 44-46 BA-BC 48 C4 D5 C1 BE 21"
            " CC D0 D2 4D 50 4F 57 54 55 51 53 56 70",
        ),
    )
}

_SINGLE: Final = {
    Language.TURKISH: EXTENSION_TABLE
    | {0x47: "Ğ", 0x49: "İ", 0x53: "Ş", 0x63: "ç", 0x67: "ğ", 0x69: "ı", 0x73: "ş"},
    Language.SPANISH: EXTENSION_TABLE
    | {0x09: "ç", 0x41: "Á", 0x49: "Í", 0x4F: "Ó", 0x55: "Ú"}
    | {0x61: "á", 0x69: "í", 0x6F: "ó", 0x75: "ú"},
    Language.PORTUGUESE: EXTENSION_TABLE
    | {0x05: "ê", 0x09: "ç", 0x0B: "Ô", 0x0C: "ô", 0x0E: "Á", 0x0F: "á", 0x12: "Φ", 0x13: "Γ"}
    | {0x15: "Ω", 0x16: "Π", 0x17: "Ψ", 0x18: "Σ", 0x19: "Θ", 0x1F: "Ê", 0x41: "À", 0x49: "Í"}
    | {0x4F: "Ó", 0x55: "Ú", 0x5B: "Ã", 0x5C: "Õ", 0x61: "Â", 0x69: "í", 0x6F: "ó", 0x75: "ú"}
    | {0x7B: "ã", 0x7C: "õ", 0x7F: "â"},
} | {
    language: {
        septet: char
        for septet, char in enumerate(_fill(_SINGLE_FRAME, letters))
        if char not in (_BLANK, chr(ESCAPE))
    }
    for language, letters in (
        (Language.BENGALI, _letters(0x0980, "66-6F 5F-63 72-7A")),
        (Language.GUJARATI, _DANDAS + _letters(0x0A80, "66-6F")),
        (Language.HINDI, _letters(0x0900, "64-6F 51-54 58-63 70 71")),
        (Language.KANNADA, _DANDAS + _letters(0x0C80, "66-6F 5E 71 72")),
        (Language.MALAYALAM, _DANDAS + _letters(0x0D00, "66-75 7A-7F")),
        (Language.ORIYA, _DANDAS + _letters(0x0B00, "66-6F 5C 5D 5F 70 71")),
        (Language.PUNJABI, _DANDAS + _letters(0x0A00, "66-6F 59-5C 5E 75")),
        (Language.TAMIL, _DANDAS + _letters(0x0B80, "66-6F 73-78 7A")),
        (Language.TELUGU, _letters(0x0C00, ". . 66-6F 58 59 78-7F")),
        (
            Language.URDU,
            _letters(0x0600, "00 01 F0-F9 0C-14 1B 1F 40 52 58 6B 6C 72 73 CD D4"),
        ),
    )
}

_LOCKING_TABLES: Final = {0: DEFAULT_ALPHABET} | {
    identifier: _LOCKING[language]
    for identifier, language in enumerate(Language, 1)
    if language in _LOCKING  # Spanish has none
}
_SINGLE_TABLES: Final = {0: EXTENSION_TABLE} | {
    identifier: _SINGLE[language] for identifier, language in enumerate(Language, 1)
}


@cache
def shifts_of(language: Language) -> tuple[Shift, ...]:
    """The ways to code a text in a language, the one that phones know best first."""
    identifier = tuple(Language).index(language) + 1
    single = Shift(single=identifier)
    if identifier not in _LOCKING_TABLES:
        return (single,)
    return single, Shift(locking=identifier), Shift(identifier, identifier)


def shift_in(header: UserDataHeader | None) -> Shift:
    """The tables that a header names, those of unknown languages left out (23.038 s. 6.2.1.2.1)."""
    locking = single = 0
    for element in header.elements if header is not None else ():
        identifier = element.data[0] if len(element.data) == 1 else -1
        if element.identifier == LOCKING_SHIFT and identifier in _LOCKING_TABLES:
            locking = identifier
        elif element.identifier == SINGLE_SHIFT and identifier in _SINGLE_TABLES:
            single = identifier
    return Shift(locking, single)


def encode_national(text: str, shift: Shift) -> bytes | None:
    """Encodes one septet an octet; None if the tables lack a character."""
    codes = _codes(shift)
    try:
        return b"".join([codes[character] for character in text])
    except KeyError:
        return None


def decode_national(data: bytes, shift: Shift) -> str:
    """Decodes unpacked septets as `decode_gsm` does, with other tables; never raises."""
    table, extension = _LOCKING_TABLES[shift.locking], _SINGLE_TABLES[shift.single]
    text = []
    septets = iter(data)
    for septet in septets:
        if septet == ESCAPE:
            escaped = next(septets, ESCAPE)
            text.append(extension.get(escaped) or _shown(table, escaped))
        else:
            text.append(_shown(table, septet))
    return "".join(text)


def _shown(table: str, septet: int) -> str:
    if septet == ESCAPE:
        return _BLANK
    return table[septet] if septet < len(table) else "\N{REPLACEMENT CHARACTER}"


@cache
def _codes(shift: Shift) -> dict[str, bytes]:
    extension = _SINGLE_TABLES[shift.single]
    codes = {
        extension[septet]: bytes([ESCAPE, septet]) for septet in sorted(extension, reverse=True)
    }
    # A blank in a locking table is no space, which all have at 0x20.
    for septet, character in enumerate(_LOCKING_TABLES[shift.locking]):
        if septet != ESCAPE and (character != _BLANK or septet == ord(_BLANK)):
            codes[character] = bytes([septet])
    return codes
