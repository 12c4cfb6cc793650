"""Cuts a message into parts: alphabet, limits and concatenation headers.

A cut never falls inside an escape pair, a surrogate pair or a grapheme cluster (unless one
cluster is larger than a part).
"""

import re
from collections.abc import Iterable, Iterator

import msgspec
import regex

from dragoman.protocols.gsm.alphabet import (
    ESCAPE,
    Alphabet,
    Forced,
    NotEncodable,
    try_encode_gsm,
    unencodable,
)
from dragoman.protocols.gsm.national import (
    DEFAULT,
    Language,
    Shift,
    encode_national,
    shift_in,
    shifts_of,
)
from dragoman.protocols.gsm.udh import (
    ReferenceBits,
    append_element,
    concatenation_element,
    parse_udh,
)

MAX_PARTS = 255  # the total is one octet
MAX_OCTETS = 140
MAX_SEPTETS = 160
MAX_UCS2_UNITS = 70

# Capacity of a part behind a concatenation header of 6 octets (8-bit) or 7 (16-bit reference).
SEPTETS_IN_PART: dict[ReferenceBits, int] = {8: 153, 16: 152}
UCS2_UNITS_IN_PART: dict[ReferenceBits, int] = {8: 67, 16: 66}

_CARRIAGE_RETURN, _LINE_FEED = 0x0D, 0x0A
_CLUSTER = regex.compile(r"\X")
# No cluster spans two characters of which neither is of these classes (UAX #29 s. 3.1.1).
_MAY_JOIN = regex.compile(
    r"[\r"
    r"\p{GCB=Extend}\p{GCB=ZWJ}\p{GCB=SpacingMark}\p{GCB=Prepend}"
    r"\p{GCB=RI}\p{GCB=L}\p{GCB=V}\p{GCB=T}"
    r"\p{InSC=Consonant_With_Stacker}]"
)

# Members that every message asks for: looking one up in its class costs more than the rest.
_UCS2 = Alphabet.UCS2
_OCTETS = Alphabet.BINARY
_GSM7 = Alphabet.GSM7


class Repertoire(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The characters that a text's carriers take in 7 bits; by default the GSM alphabet."""

    national: tuple[Language, ...] = ()
    """The languages whose tables may be used, the preferred one first."""
    latin_1: bool = False
    """Whether the 7-bit text travels as Latin-1, which lacks some of the alphabet."""


PLAIN = Repertoire()


def in_common(repertoires: Iterable[Repertoire]) -> Repertoire:
    """What all carriers take, whichever a text goes to."""
    first, *others = repertoires
    return Repertoire(
        national=tuple(one for one in first.national if all(one in r.national for r in others)),
        latin_1=any(repertoire.latin_1 for repertoire in (first, *others)),
    )


class TooManyParts(ValueError):
    """The content needs `count` parts, more than allowed."""

    def __init__(self, count: int) -> None:
        super().__init__(f"the message needs {count} parts")
        self.count = count


class InvalidHeader(ValueError):
    """A user supplied header is malformed, or leaves no way to send the content with it."""


class UserData(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one part carries: raw header and unpacked septets, UTF-16-BE or octets."""

    udh: bytes
    data: bytes


class Segmentation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Content cut into parts.

    `texts` has the text of each part and is empty for binary content; `bodies` has the encoded
    parts; `units` counts septets, UTF-16 code units or octets over all parts, headers apart;
    `header` is what every part carries: the user's header, or the names of national tables.
    """

    alphabet: Alphabet
    texts: tuple[str, ...]
    bodies: tuple[bytes, ...]
    units: int
    header: bytes = b""
    reference_bits: ReferenceBits = 8

    @property
    def count(self) -> int:
        """How many parts there are."""
        return len(self.bodies)

    @property
    def units_left(self) -> int:
        """How many units the last part still has room for."""
        octets = MAX_OCTETS - len(self.header)
        if self.count > 1:
            octets = _octets_in_part(self.header, self.reference_bits)
        room = {_GSM7: octets * 8 // 7, _UCS2: octets // 2}
        taken = len(self.bodies[-1]) // (2 if self.alphabet is _UCS2 else 1)
        return room.get(self.alphabet, octets) - taken

    @property
    def forced_by(self) -> tuple[Forced, ...]:
        """The characters that forced UCS-2; found on demand, as sending does not need them."""
        if self.alphabet is not _UCS2:
            return ()
        return unencodable("".join(self.texts))

    def user_data(self, reference: int) -> tuple[UserData, ...]:
        """Render the parts; several carry a concatenation element with `reference`.

        Any counter will do as the reference: it is taken modulo 256 or 65536.
        """
        total = len(self.bodies)
        if total == 1:
            return (UserData(udh=self.header, data=self.bodies[0]),)
        return tuple(
            UserData(
                udh=append_element(
                    self.header,
                    concatenation_element(
                        reference, total, number, reference_bits=self.reference_bits
                    ),
                ),
                data=body,
            )
            for number, body in enumerate(self.bodies, start=1)
        )


def segment_text(
    text: str,
    *,
    alphabet: Alphabet | None = None,
    reference_bits: ReferenceBits = 8,
    max_parts: int = MAX_PARTS,
    repertoire: Repertoire = PLAIN,
) -> Segmentation:
    """Encode and cut `text` in the requested alphabet, or in GSM 7-bit where that can encode it.

    A lone surrogate becomes U+FFFD. Raises `NotEncodable` if GSM 7-bit is requested in vain,
    and `TooManyParts`.
    """
    if alphabet is not _UCS2:
        if alphabet is _OCTETS:
            raise ValueError("text has no binary form: use segment_binary")
        septets = try_encode_gsm(text)
        if septets is not None and not (repertoire.latin_1 and max(text, default="") > "\xff"):
            if len(septets) <= MAX_SEPTETS:
                return Segmentation(
                    alphabet=_GSM7, texts=(text,), bodies=(septets,), units=len(septets)
                )
            parts = list(_cut_septets(text, septets, SEPTETS_IN_PART[reference_bits]))
            return _joined(_GSM7, parts, len(septets), reference_bits, max_parts)
        if repertoire.national:
            shifted = _segment_shifted(text, repertoire.national, reference_bits, max_parts)
            if shifted is not None:
                return shifted
        if alphabet is _GSM7:
            raise NotEncodable(unencodable(text))

    try:
        octets = text.encode("utf-16-be")
    except UnicodeEncodeError:
        text = text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")
        octets = text.encode("utf-16-be")
    units = len(octets) // 2
    if units <= MAX_UCS2_UNITS:
        return Segmentation(alphabet=_UCS2, texts=(text,), bodies=(octets,), units=units)
    parts = list(_cut_ucs2(text, octets, UCS2_UNITS_IN_PART[reference_bits]))
    return _joined(_UCS2, parts, units, reference_bits, max_parts)


def segment_binary(
    data: bytes, *, udh: bytes = b"", reference_bits: ReferenceBits = 8, max_parts: int = MAX_PARTS
) -> Segmentation:
    """Cut octets behind an optional raw header, which every part then carries.

    Raises `InvalidHeader` for a header whose lengths do not add up, that leaves no room, or that
    is already concatenated although the data does not fit one part; and `TooManyParts`.
    """
    concatenated = _check_header(udh)
    if len(udh) + len(data) <= MAX_OCTETS:
        bodies: tuple[bytes, ...] = (data,)
    elif concatenated:
        raise InvalidHeader("data beyond one part behind a header that is already concatenated")
    else:
        capacity = _octets_in_part(udh, reference_bits)
        if capacity < 1:
            raise InvalidHeader("the header leaves no room for data and concatenation")
        bodies = tuple(data[start : start + capacity] for start in range(0, len(data), capacity))
    if len(bodies) > min(max_parts, MAX_PARTS):
        raise TooManyParts(len(bodies))
    return Segmentation(
        alphabet=_OCTETS,
        texts=(),
        bodies=bodies,
        units=len(data),
        header=udh,
        reference_bits=reference_bits,
    )


def segment_headed(text: str, *, udh: bytes, alphabet: Alphabet) -> Segmentation:
    """Encode a text that is one part behind its sender's own header, of a longer text perhaps.

    The header says which national tables GSM 7-bit uses. Raises `InvalidHeader` for a header whose
    lengths do not add up or that leaves too little room, and `NotEncodable`.
    """
    _check_header(udh)
    octets = MAX_OCTETS - len(udh)
    if alphabet is _UCS2:
        body = restore_halves(text).encode("utf-16-be", "surrogatepass")
        units, room = len(body) // 2, octets // 2
    else:
        encoded = encode_national(text, shift_in(parse_udh(udh)))
        if encoded is None:
            raise NotEncodable(unencodable(text))
        body, units, room = encoded, len(encoded), octets * 8 // 7
    if units > room:
        raise InvalidHeader(f"the header leaves room for {room} of {units}")
    return Segmentation(alphabet=alphabet, texts=(text,), bodies=(body,), units=units, header=udh)


def keep_halves(text: str) -> str:
    """The text of a part, storable although it may begin or end with half a character.

    Whoever cuts a text every 67 code units cuts surrogate pairs too. The halves become characters
    of the last private plane, which `segment_headed` makes halves again.
    """
    return _LONE_SURROGATE.sub(lambda half: chr(_HALVES + ord(half[0])), text)


def restore_halves(text: str) -> str:
    """The text that `keep_halves` made storable."""
    return _KEPT_HALF.sub(lambda kept: chr(ord(kept[0]) - _HALVES), text)


def whole_text(parts: Iterable[str]) -> str:
    """The text of parts with kept halves, of which those that belong together become characters."""
    octets = restore_halves("".join(parts)).encode("utf-16-be", "surrogatepass")
    return octets.decode("utf-16-be", "replace")


_HALVES = 0x100000
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_KEPT_HALF = re.compile("[\U0010d800-\U0010dfff]")


def _segment_shifted(
    text: str, languages: tuple[Language, ...], reference_bits: ReferenceBits, max_parts: int
) -> Segmentation | None:
    """Cut `text` with the national tables that need the fewest parts.

    Of those that need as many, the first: a phone that does not know a single shift table shows
    letters without their marks, one that does not know a locking table shows others. None if no
    tables encode it. UCS-2 never needs fewer parts: a character takes two septets at
    most, and a part has room for more pairs of them than for UTF-16 code units.
    """
    coded = [
        (shift, septets)
        for language in languages
        for shift in shifts_of(language)
        if (septets := encode_national(text, shift)) is not None
    ]
    best: Segmentation | None = None
    for shift, septets in coded:
        cut = _cut_shifted(text, shift, septets, reference_bits)
        if best is None or cut.count < best.count:
            best = cut
    if best is not None and best.count > min(max_parts, MAX_PARTS):
        raise TooManyParts(best.count)
    return best


def _cut_shifted(
    text: str, shift: Shift, septets: bytes, reference_bits: ReferenceBits
) -> Segmentation:
    header = shift.header
    parts = [(text, septets)]
    if len(septets) > (MAX_OCTETS - len(header)) * 8 // 7:
        limit = _octets_in_part(header, reference_bits) * 8 // 7
        parts = list(_cut_septets(text, septets, limit, shift))
    texts, bodies = zip(*parts, strict=True)
    return Segmentation(
        alphabet=_GSM7,
        texts=texts,
        bodies=bodies,
        units=len(septets),
        header=header,
        reference_bits=reference_bits,
    )


def _octets_in_part(header: bytes, reference_bits: ReferenceBits) -> int:
    """Count the octets behind a header, perhaps none, once concatenation is added to it."""
    return MAX_OCTETS - (len(header) or 1) - (5 if reference_bits == 8 else 6)


def _joined(
    alphabet: Alphabet,
    parts: list[tuple[str, bytes]],
    units: int,
    reference_bits: ReferenceBits,
    max_parts: int,
) -> Segmentation:
    if len(parts) > min(max_parts, MAX_PARTS):
        raise TooManyParts(len(parts))
    texts, bodies = zip(*parts, strict=True)
    return Segmentation(
        alphabet=alphabet, texts=texts, bodies=bodies, units=units, reference_bits=reference_bits
    )


def _cut_septets(
    text: str, septets: bytes, limit: int, shift: Shift = DEFAULT
) -> Iterator[tuple[str, bytes]]:
    start = position = 0
    while start < len(septets):
        end = start + limit
        if end < len(septets):
            last = septets[end - 1]
            # In the default alphabet CR LF is the only cluster of two characters.
            if last == ESCAPE or (last == _CARRIAGE_RETURN and septets[end] == _LINE_FEED):
                end -= 1
        body = septets[start:end]
        next_position = position + len(body) - body.count(ESCAPE)
        if shift != DEFAULT and end < len(septets):
            next_position = _cluster_boundary(text, position, next_position)
            body = encode_national(text[position:next_position], shift) or b""
            end = start + len(body)
        yield text[position:next_position], body
        start, position = end, next_position


def _cut_ucs2(text: str, octets: bytes, limit: int) -> Iterator[tuple[str, bytes]]:
    start = position = 0
    while start < len(octets):
        end = start + 2 * limit
        if end < len(octets) and _is_high_surrogate(octets[end - 2]):
            end -= 2
        part = octets[start:end].decode("utf-16-be")
        if end < len(octets):
            boundary = _cluster_boundary(text, position, position + len(part))
            if boundary < position + len(part):
                part = text[position:boundary]
                end = start + len(part.encode("utf-16-be"))
        yield part, octets[start:end]
        start, position = end, position + len(part)


def _is_high_surrogate(high_octet: int) -> bool:
    return high_octet & 0xFC == 0xD8


def _cluster_boundary(text: str, start: int, end: int) -> int:
    """Find the last place in `start`..`end` to cut; `end` itself if one cluster fills it all."""
    if not _MAY_JOIN.search(text, end - 1, end + 1):
        return end
    # Whether a cluster ends at `end` depends on nothing behind the character there.
    boundary = start
    for cluster in _CLUSTER.finditer(text, start, end + 1):
        boundary = cluster.start()
    return boundary if boundary > start else end


def _check_header(udh: bytes) -> bool:
    """Whether a user supplied header is concatenated; raises `InvalidHeader`."""
    if not udh:
        return False
    if len(udh) > MAX_OCTETS:
        raise InvalidHeader(f"the header has {len(udh)} octets, {MAX_OCTETS} are allowed")
    if len(udh) != udh[0] + 1:
        raise InvalidHeader(f"the header says {udh[0]} octets follow, but {len(udh) - 1} do")
    header = parse_udh(udh)
    if header is None:
        raise InvalidHeader("an element of the header is longer than the header")
    return header.concatenation is not None
