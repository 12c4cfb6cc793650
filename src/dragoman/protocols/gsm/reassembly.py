"""Reassembles inbound parts, in whatever order and over whatever link they come.

Time is passed in and nothing is acknowledged here: each part carries an opaque handle, and the
outcomes hand the handles back.
"""

import msgspec

MAX_OPEN = 10_000


class InboundPart(msgspec.Struct, frozen=True, kw_only=True):
    """One received part, whether its numbers came in a header or in SAR TLVs.

    Undecoded octets as content survive a sender who cuts characters at part boundaries. The
    handle is whatever the caller needs to acknowledge the part; None says there is nothing to
    acknowledge any more.
    """

    source: str
    destination: str
    reference: int
    total: int
    number: int
    content: str | bytes
    received_ms: int
    handle: object


class Assembled(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of one message in order."""

    parts: tuple[InboundPart, ...]

    @property
    def content(self) -> str | bytes:
        """The contents of the parts, joined."""
        if isinstance(self.parts[0].content, str):
            return "".join([part.content for part in self.parts if isinstance(part.content, str)])
        return b"".join([part.content for part in self.parts if isinstance(part.content, bytes)])

    @property
    def handles(self) -> tuple[object, ...]:
        """What to acknowledge once the message is stored."""
        return tuple(part.handle for part in self.parts if part.handle is not None)


class Partial(Assembled, frozen=True, kw_only=True):
    """The parts that came in time; `missing` has the numbers of those that did not."""

    missing: tuple[int, ...]


class Complete(Assembled, frozen=True, kw_only=True):
    """A message of which every part has come; an older one may have been displaced."""

    displaced: Partial | None = None


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """The part is kept until the others come; an older message may have been displaced.

    That happens when too many are open, or when a sender uses a reference again before its
    first message is whole.
    """

    received: int
    total: int
    displaced: Partial | None = None


class Duplicate(msgspec.Struct, frozen=True, kw_only=True):
    """The part came before; `released` is the handle that no other outcome will carry.

    While the message is open that is the first copy's, since the newer delivery is the likelier
    one to be still waited for; once the message is complete it is this copy's. None if released
    before.
    """

    released: object


# Text and octets never belong to one message.
_Key = tuple[str, str, int, int, type]


class _Delivered(msgspec.Struct, frozen=True, kw_only=True):
    completed_ms: int
    hashes: tuple[int, ...]
    again: dict[int, InboundPart]


class Reassembler:
    """The open messages, and the complete ones that may yet be delivered again.

    A message is known by source, destination, reference and total. Complete ones are remembered,
    by a hash of each part, until `expire` or `max_open` forgets them: a part that comes again
    because its acknowledgement was lost begins no new message, another text under the same
    reference does, even if its first part reads the same.
    """

    def __init__(self, *, max_open: int = MAX_OPEN) -> None:
        self._max_open = max_open
        self._open: dict[_Key, dict[int, InboundPart]] = {}
        self._complete: dict[_Key, _Delivered] = {}

    def __len__(self) -> int:
        """Count the open messages."""
        return len(self._open)

    def add(self, part: InboundPart) -> Complete | Waiting | Duplicate:
        """Take in a part.

        Numbers that make no sense are ignored (3GPP 23.040 s. 9.2.3.24.1): such a part, like the
        only part of one, is complete by itself.
        """
        if part.total == 1 or not 1 <= part.number <= part.total:
            return Complete(parts=(part,))
        key = _key(part)
        held = self._open.get(key)
        if held is None and self._came_again(key, part):
            return Duplicate(released=part.handle)

        displaced = None
        if held is None:
            displaced = self._make_room()
        elif part.number in held:
            first = held[part.number]
            if first.content == part.content:
                held[part.number] = msgspec.structs.replace(first, handle=part.handle)
                return Duplicate(released=first.handle)
            displaced = self._close(key)
            held = None
        if held is None:
            held = self._open[key] = self._take_again(key)

        held[part.number] = part
        if len(held) < part.total:
            return Waiting(received=len(held), total=part.total, displaced=displaced)
        del self._open[key]
        complete = Complete(parts=_in_order(held), displaced=displaced)
        self._remember(key, complete)
        return complete

    def expire(self, older_than_ms: int) -> list[Partial]:
        """Close the messages whose first part came before `older_than_ms`, oldest first.

        The argument is an instant on the scale of `received_ms`, not an age.
        """
        for key in [k for k, seen in self._complete.items() if seen.completed_ms < older_than_ms]:
            del self._complete[key]
        stale = [key for key, held in self._open.items() if _opened_ms(held) < older_than_ms]
        return [self._close(key) for key in stale]

    def _came_again(self, key: _Key, part: InboundPart) -> bool:
        delivered = self._complete.get(key)
        if delivered is None or delivered.hashes[part.number - 1] != hash(part.content):
            return False
        delivered.again[part.number] = msgspec.structs.replace(part, handle=None)
        if len(delivered.again) == part.total:
            delivered.again.clear()
        return True

    def _take_again(self, key: _Key) -> dict[int, InboundPart]:
        """Begin a message with the parts it seems to share with the last one of its key."""
        delivered = self._complete.pop(key, None)
        return delivered.again if delivered else {}

    def _make_room(self) -> Partial | None:
        if len(self._open) < self._max_open:
            return None
        return self._close(next(iter(self._open)))

    def _close(self, key: _Key) -> Partial:
        held = self._open.pop(key)
        total = key[3]
        missing = tuple(number for number in range(1, total + 1) if number not in held)
        return Partial(parts=_in_order(held), missing=missing)

    def _remember(self, key: _Key, complete: Complete) -> None:
        self._complete.pop(key, None)
        if len(self._complete) >= self._max_open:
            del self._complete[next(iter(self._complete))]
        self._complete[key] = _Delivered(
            completed_ms=max(part.received_ms for part in complete.parts),
            hashes=tuple(hash(part.content) for part in complete.parts),
            again={},
        )


def _key(part: InboundPart) -> _Key:
    return part.source, part.destination, part.reference, part.total, type(part.content)


def _in_order(held: dict[int, InboundPart]) -> tuple[InboundPart, ...]:
    return tuple(held[number] for number in sorted(held))


def _opened_ms(held: dict[int, InboundPart]) -> int:
    # A part delivered again keeps its first time, so redelivery does not keep a message open.
    return min(part.received_ms for part in held.values())
