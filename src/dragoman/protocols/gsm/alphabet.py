"""The GSM 7-bit default alphabet with its extension table (3GPP 23.038 s. 6.2.1), to the septet.

Encoded text is one septet an octet, as most SMSCs want it; `pack_septets` makes the dense form.
"""

import codecs
import re
from enum import StrEnum

import msgspec

ESCAPE = 0x1B
CARRIAGE_RETURN = 0x0D

# Row n holds the septets n * 16 to n * 16 + 15.
DEFAULT_ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
EXTENSION_TABLE = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}

_UNMAPPED = "\ufffe"  # what `codecs.charmap_build` leaves out
_AT_SIGN = b"\x80"

# CPython's fast encoding map wants NUL at 0 and one octet a character. So text is first encoded
# to a code page that has the extended characters at 0x80 | septet and the at sign, which owns
# septet 0, at 0x80; only text with octets above 0x7F pays for the second step.
_CODE_PAGE = codecs.charmap_build(
    "\0"
    + DEFAULT_ALPHABET[1:].replace("\x1b", _UNMAPPED)
    + "@"
    + "".join(EXTENSION_TABLE.get(septet, _UNMAPPED) for septet in range(1, 0x80))
)
_ESCAPE_PAIRS = tuple(
    (bytes([0x80 | septet]), bytes([ESCAPE, septet])) for septet in EXTENSION_TABLE
)

_DECODING_TABLE = DEFAULT_ALPHABET + "\ufffd" * 0x80
_ESCAPED = re.compile("\x1b(.?)", re.DOTALL)
_EXTENDED_BY_DEFAULT = {DEFAULT_ALPHABET[code]: char for code, char in EXTENSION_TABLE.items()} | {
    "\x1b": " ",
    "": " ",
}
_FOREIGN = re.compile(
    f"[^{re.escape(DEFAULT_ALPHABET.replace(chr(ESCAPE), '') + ''.join(EXTENSION_TABLE.values()))}]"
)

_FILLING = bytes([CARRIAGE_RETURN])
_SEPTET_BITS = tuple(f"{septet:07b}" for septet in range(0x80))


class Alphabet(StrEnum):
    """The three alphabets of a short message (3GPP 23.038 s. 4)."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"
    BINARY = "binary"


class Forced(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A character that the GSM alphabet lacks, and its position in the text."""

    index: int
    character: str


class NotEncodable(ValueError):
    """GSM 7-bit was requested, but `forced` lists characters that only UCS-2 has."""

    def __init__(self, forced: tuple[Forced, ...]) -> None:
        super().__init__(f"{len(forced)} characters are not in the GSM alphabet")
        self.forced = forced


def encode_gsm(text: str) -> bytes:
    """Encode `text` one septet an octet, escape pairs as two; raises `NotEncodable`."""
    septets = try_encode_gsm(text)
    if septets is None:
        raise NotEncodable(unencodable(text))
    return septets


def try_encode_gsm(text: str) -> bytes | None:
    """Encode as `encode_gsm` does, or answer None when a character is not in the alphabet."""
    try:
        octets: bytes = codecs.charmap_encode(text, "strict", _CODE_PAGE)[0]
    except UnicodeEncodeError:
        return None
    if b"\0" in octets:  # NUL maps to itself in the code page, but the alphabet has none
        return None
    if octets.isascii():
        return octets
    octets = octets.replace(_AT_SIGN, b"\0")
    if octets.isascii():
        return octets
    for octet, pair in _ESCAPE_PAIRS:
        octets = octets.replace(octet, pair)
    return octets


def decode_gsm(data: bytes) -> str:
    """Decode unpacked septets; never raises.

    An escape before a septet without extended meaning shows the default character, an escape
    before another or at the end shows a space (3GPP 23.038 s. 6.2.1.1), an octet above 0x7F
    shows U+FFFD.
    """
    text = codecs.charmap_decode(data, "strict", _DECODING_TABLE)[0]
    if "\x1b" in text:
        return _ESCAPED.sub(_extended_character, text)
    return text


def _extended_character(escaped: re.Match[str]) -> str:
    default = escaped[1]
    return _EXTENDED_BY_DEFAULT.get(default, default)


def unencodable(text: str) -> tuple[Forced, ...]:
    """List every character of `text` that forces UCS-2, in order."""
    return tuple(
        Forced(index=match.start(), character=match[0]) for match in _FOREIGN.finditer(text)
    )


def pack_septets(data: bytes, fill_bits: int = 0) -> bytes:
    """Pack septets densely, lowest bit first, after `fill_bits` zero bits (3GPP 23.038 s. 6.1.2).

    Raises ValueError for an octet above 0x7F.
    """
    if not data:
        return b""
    if not data.isascii():
        raise ValueError("a septet is at most 0x7F")
    bits = "".join([_SEPTET_BITS[septet] for septet in reversed(data)])
    size = (len(bits) + fill_bits + 7) // 8
    return (int(bits, 2) << fill_bits).to_bytes(size, "little")


def unpack_septets(data: bytes, count: int, fill_bits: int = 0) -> bytes:
    """Unpack up to `count` septets; data that ends early yields the whole septets it holds."""
    present = min(count, (len(data) * 8 - fill_bits) // 7)
    value = int.from_bytes(data, "little") >> fill_bits
    return bytes([value >> shift & 0x7F for shift in range(0, present * 7, 7)])


def fill_septets(data: bytes, fill_bits: int = 0, most_octets: int | None = None) -> bytes:
    """Add the CR that packed septets need at their end (3GPP 23.038 s. 6.1.2.3.1).

    Seven free bits would be read as a further septet, an at sign. A text that ends in CR on the
    border of an octet gets a second one unless `most_octets` has no room for it: the reader would
    drop the only one, and returning twice shows the same.
    """
    bits = fill_bits + 7 * len(data)
    if bits % 8 == 1:
        return data + _FILLING
    room = most_octets is None or bits // 8 < most_octets
    if room and data and bits % 8 == 0 and data[-1] == CARRIAGE_RETURN:
        return data + _FILLING
    return data


def drop_filling(data: bytes, fill_bits: int = 0) -> bytes:
    """Remove the last of unpacked septets if it is a CR that ends on the border of an octet."""
    if data and (fill_bits + 7 * len(data)) % 8 == 0 and data[-1] == CARRIAGE_RETURN:
        return data[:-1]
    return data
