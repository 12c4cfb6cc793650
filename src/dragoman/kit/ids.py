"""Time-ordered integer identifiers below 2**53, and their public spellings.

An identifier is 41 bits of milliseconds since `EPOCH_MS` and 12 bits of sequence: JSON readers in
JavaScript and PHP keep it exactly, sorting by it is sorting by time, and a range of times is a
range of identifiers.

In a cluster the low bits of the sequence are the partition the identifier was made in, so that no
two partitions make the same one. A single process has all the bits for its sequence.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode

from dragoman.kit.clock import Clock

EPOCH_MS = 1_577_836_800_000  # 2020-01-01T00:00:00Z; 41 bits last until 2089
SEQUENCE_BITS = 12
PARTITION_BITS = 5
MAX_PARTITIONS = 1 << PARTITION_BITS
LIMIT = 1 << 53
MAX_DIGITS = 16

_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_FACTOR = 0x9E3779B97F4A7C15F39CC0605CEDC835  # odd, so multiplying by it is reversible
_HEX_BITS = 128
_BASE64_BITS = 120  # 15 octets, so that there is no padding
_INVERSES = {bits: pow(_FACTOR, -1, 1 << bits) for bits in (_HEX_BITS, _BASE64_BITS)}


class IdSource:
    """Hands out identifiers in strictly increasing order, whatever the clock does.

    `last` is the highest identifier handed out before, so that a clock that went back while the
    process was down makes no identifier twice. With a `partition` its identifiers carry that, and
    differ by `MAX_PARTITIONS` where they follow each other.
    """

    def __init__(self, clock: Clock, last: int = 0, *, partition: int | None = None) -> None:
        self._now_ms = clock.now_ms
        self._last = last
        self._partition = partition or 0
        self._step = 1 if partition is None else MAX_PARTITIONS

    @property
    def last(self) -> int:
        """The highest identifier handed out so far."""
        return self._last

    def continue_after(self, last: int) -> None:
        """Issues only identifiers above one of an earlier run."""
        step = self._step
        following = last + (self._partition - last) % step  # an earlier one may be of no partition
        self._last = max(self._last, following)

    def next(self, now_ms: int | None = None) -> int:
        """The next identifier; `now_ms` is for callers that have just read the clock."""
        if now_ms is None:
            now_ms = self._now_ms()
        floor = ((now_ms - EPOCH_MS) << SEQUENCE_BITS) + self._partition
        self._last = last = floor if floor > self._last else self._last + self._step
        return last

    def take(self, count: int, now_ms: int | None = None) -> range:
        """`count` identifiers, each a `step` of the range after the one before."""
        first, step = self.next(now_ms), self._step
        self._last = first + (count - 1) * step
        return range(first, first + count * step, step)


def partition_of(identifier: int) -> int:
    """The partition of an identifier that was made in a cluster."""
    return identifier & (MAX_PARTITIONS - 1)


def time_of(identifier: int) -> int:
    """Milliseconds since the Unix epoch at which the identifier was made."""
    return (identifier >> SEQUENCE_BITS) + EPOCH_MS


def first_at(at_ms: int) -> int:
    """The lowest identifier that can have been made at `at_ms` or later."""
    return max(0, at_ms - EPOCH_MS) << SEQUENCE_BITS


def render_hex(identifier: int) -> str:
    """32 hexadecimal digits that look random and lead back to the identifier."""
    return f"{_scatter(identifier, _HEX_BITS):032x}"


def render_uuid(identifier: int) -> str:
    """The 32 digits of a UUID of version 7 (RFC 9562 s. 5.7); they sort as identifiers do."""
    sequence = identifier & ((1 << SEQUENCE_BITS) - 1)
    rest = 1 << 63 | _scatter(identifier, _HEX_BITS) >> _HEX_BITS - 62
    return f"{time_of(identifier):012x}7{sequence:03x}{rest:016x}"


def parse_hex(text: str) -> int | None:
    """The identifier of a `render_hex` spelling; None for any other text."""
    if len(text) != 32 or not text.isascii():
        return None
    try:
        return _gather(int(text, 16), _HEX_BITS)
    except ValueError:
        return None


def parse_prefixed(text: str) -> int | None:
    """The identifier of a `render_hex` spelling with the two letters of a kind before it."""
    return parse_hex(text[2:]) if text[:2].isalpha() and text[:2].isupper() else None


def render_base64(identifier: int) -> str:
    """20 letters, digits, `-` or `_` that look random, as in `AVvZEwZHHnl8wUZve6CT`."""
    octets = _scatter(identifier, _BASE64_BITS).to_bytes(_BASE64_BITS // 8)
    return urlsafe_b64encode(octets).decode()


def parse_base64(text: str) -> int | None:
    """The identifier of a `render_base64` spelling; None for any other text."""
    if len(text) != 20 or not text.isascii():
        return None
    try:
        octets = urlsafe_b64decode(text)
    except binascii.Error:
        return None
    # The decoder ignores unknown characters, and takes `+` for `-`.
    if urlsafe_b64encode(octets).decode() != text:
        return None
    return _gather(int.from_bytes(octets), _BASE64_BITS)


def render_dashed(identifier: int) -> str:
    """`<unix seconds>-<rest>`, as in `1424185035-66418`."""
    seconds, milliseconds = divmod(time_of(identifier), 1000)
    sequence = identifier & ((1 << SEQUENCE_BITS) - 1)
    return f"{seconds}-{milliseconds << SEQUENCE_BITS | sequence}"


def parse_dashed(text: str) -> int | None:
    """The identifier of a `render_dashed` spelling; None for any other text."""
    seconds, dash, rest = text.partition("-")
    if not (dash and seconds.isascii() and seconds.isdigit() and rest.isascii() and rest.isdigit()):
        return None
    if len(seconds) > 11 or len(rest) > 7 or int(rest) >= 1000 << SEQUENCE_BITS:
        return None
    identifier = ((int(seconds) * 1000 - EPOCH_MS) << SEQUENCE_BITS) + int(rest)
    return identifier if 0 <= identifier < LIMIT else None


def parse_number(text: str) -> int | None:
    """The identifier that decimal digits are; None for any other text."""
    if not (text.isascii() and text.isdigit()) or len(text) > MAX_DIGITS:
        return None
    number = int(text)
    return number if number < LIMIT else None


def render_base36(number: int) -> str:
    """A number in base 36, in lower case; `int(text, 36)` reads it."""
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = _BASE36[rest] + digits
    return digits or "0"


def _scatter(identifier: int, bits: int) -> int:
    """A number of `bits` bits, reversibly: each bit of the identifier changes half of them."""
    modulus = 1 << bits
    mixed = identifier * _FACTOR % modulus
    mixed ^= mixed >> bits // 2
    return mixed * _FACTOR % modulus


def _gather(scattered: int, bits: int) -> int | None:
    """The identifier of a scattered one; None where it comes from none."""
    modulus = 1 << bits
    mixed = scattered * _INVERSES[bits] % modulus
    mixed ^= mixed >> bits // 2
    identifier = mixed * _INVERSES[bits] % modulus
    return identifier if identifier < LIMIT else None
