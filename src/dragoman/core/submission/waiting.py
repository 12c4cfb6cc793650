"""Recipients that are not messages yet, as the row of their batch keeps them.

Digits with commas between them; or, where each recipient has a text of its own, a JSON array
`[digits, text]` a line. Either is read some records at a time: a list may be long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

import msgspec

from dragoman.core.submission.audiences import Recipient

Waiting: TypeAlias = list[tuple[str, str | None]]
"""Digits of each number, and its own text if it has one."""

_AT_ONCE: Final = 500
"""Records that are looked through without a pause."""

_decoder = msgspec.json.Decoder(tuple[str, str | None])


def encode_waiting(recipients: Sequence[str], own: Sequence[Recipient] | None) -> bytes:
    """The recipients of a waiting batch, as its row stores them."""
    if own is None:
        return ",".join(recipients).encode()
    encode = msgspec.json.encode
    return b"\n".join(encode((recipient.number, recipient.text)) for recipient in own)


def decode_waiting(stored: bytes) -> Waiting:
    """All recipients that wait in the row of a batch."""
    return WaitingRecipients(stored).read(len(stored))


class WaitingRecipients:
    """Recipients of a batch from some place on."""

    __slots__ = ("_has_texts", "_separator", "_stored", "offset")

    def __init__(self, stored: bytes, offset: int = 0) -> None:
        """`offset` is where the first of them stands, in octets."""
        self._stored = stored
        self._has_texts = stored.startswith(b"[")
        self._separator = b"\n" if self._has_texts else b","
        self.offset = offset

    def are_all(self, count: int) -> bool:
        """Whether no more than so many are left."""
        return self._behind(self.offset, count) > len(self._stored)

    def read(self, limit: int) -> Waiting:
        """The next ones, at most `limit`."""
        records = self._records(self.offset, self._behind(self.offset, limit))
        if self._has_texts:
            return [_decoder.decode(record) for record in records]
        return [(number, None) for number in records]

    def skip(self, count: int) -> None:
        """Goes on behind so many."""
        self.offset = self._behind(self.offset, count)

    def numbers(self) -> Iterator[list[str]]:
        """The digits of all that are left, some at a time."""
        at = self.offset
        while at < len(self._stored):
            behind = self._behind(at, _AT_ONCE)
            records = self._records(at, behind)
            if self._has_texts:
                yield [_decoder.decode(record)[0] for record in records]
            else:
                yield records
            at = behind

    def _records(self, at: int, behind: int) -> list[str]:
        if at >= len(self._stored):
            return []
        return self._stored[at : behind - 1].decode().split(self._separator.decode())

    def _behind(self, at: int, count: int) -> int:
        """Where the record stands that comes so many behind the one at a place."""
        find, separator = self._stored.find, self._separator
        for _ in range(count):
            at = find(separator, at) + 1
            if not at:
                return len(self._stored) + 1
        return at
