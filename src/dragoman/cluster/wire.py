"""What nodes send each other about messages, as msgpack."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Self

import msgspec

from dragoman.core.messages.model.messages import InboundPartReport, Outgoing, ReceiptReport
from dragoman.core.messages.model.outcomes import Accepted, Deferred, Outcome, Rejected, Unknown

_OUTCOMES: Final[tuple[type[Any], ...]] = (Accepted, Rejected, Deferred, Unknown)
"""Their places are what stands on the wire."""
_DECODERS: Final = tuple(msgspec.msgpack.Decoder(kind) for kind in _OUTCOMES)

EXACT: Final = 2
"""How well a receipt fits that names an ID just as it was given (`Receipts.knows`)."""


class Sent(msgspec.Struct, frozen=True, array_like=True):
    """A message that a partition gives to the holder of a carrier."""

    partition: int
    epoch: int
    """Of the claim of the holder that is meant."""
    token: int
    """Of the attempt."""
    message: Outgoing


class Told(msgspec.Struct, frozen=True, array_like=True):
    """The outcome of a message, on its way to the partition."""

    carrier: str
    message_id: int
    token: int
    kind: int
    content: bytes

    @classmethod
    def of(cls, carrier: str, message_id: int, token: int, outcome: Outcome) -> Self:
        """What is told of an outcome."""
        content = msgspec.msgpack.encode(outcome)
        return cls(carrier, message_id, token, _OUTCOMES.index(type(outcome)), content)

    def outcome(self) -> Outcome:
        """The outcome as it was."""
        found: Outcome = _DECODERS[self.kind].decode(self.content)
        return found


class State(msgspec.Struct, frozen=True, array_like=True):
    """How a carrier is, as its holder says each second."""

    epoch: int
    up: bool
    capacity: int


class Text(msgspec.Struct, frozen=True, array_like=True):
    """A text that arrived; its characters apart, which may be half of one."""

    report: InboundPartReport
    characters: bytes

    @classmethod
    def of(cls, report: InboundPartReport) -> Self:
        """What is told of a text."""
        characters = report.text.encode("utf-16-le", "surrogatepass")
        return cls(msgspec.structs.replace(report, text=""), characters)

    def whole(self) -> InboundPartReport:
        """The text as it was."""
        text = self.characters.decode("utf-16-le", "surrogatepass")
        return msgspec.structs.replace(self.report, text=text)


class Receipt(msgspec.Struct, frozen=True, array_like=True):
    """A receipt that arrived."""

    report: ReceiptReport
    text: Text | None

    @classmethod
    def of(cls, report: ReceiptReport) -> Self:
        """What is told of a receipt."""
        text = None if report.text is None else Text.of(report.text)
        raw = report.raw.encode("utf-8", "replace").decode()
        return cls(msgspec.structs.replace(report, text=None, raw=raw), text)

    @classmethod
    def to_look_for(cls, report: ReceiptReport) -> Self:
        """What is told of a receipt to find its message."""
        return cls(msgspec.structs.replace(report, text=None, raw=""), None)

    def whole(self) -> ReceiptReport:
        """The receipt as it was."""
        text = None if self.text is None else self.text.whole()
        return msgspec.structs.replace(self.report, text=text)


class Counted(msgspec.Struct, frozen=True, array_like=True):
    """The parts that a partition gave to carriers on a day."""

    partition: int
    day: int
    """Since the epoch."""
    taken: list[tuple[str, str, int]]
    """Carrier, country or empty for all, parts."""


class Look(msgspec.Struct, frozen=True, array_like=True):
    """What partitions know of a receipt: the best that any of them has."""

    partitions: tuple[int, ...] = ()
    """Those that were looked in."""
    fit: int = 0
    """As `Receipts.knows` has it."""
    partition: int = 0
    """Which of them it fits, if any."""

    @property
    def is_exact(self) -> bool:
        """Whether a message has the ID just as the receipt names it."""
        return self.fit == EXACT

    def with_another(self, other: Look) -> Look:
        """What both know."""
        best = max(self, other, key=_fit_of)
        return Look((*self.partitions, *other.partitions), best.fit, best.partition)


def _fit_of(look: Look) -> int:
    return look.fit


encode: Final = msgspec.msgpack.Encoder().encode


def encode_joined(contents: Iterable[bytes]) -> bytes:
    """A list of what is encoded already."""
    return encode([msgspec.Raw(content) for content in contents])


read_sent: Final = msgspec.msgpack.Decoder(list[Sent]).decode
read_told: Final = msgspec.msgpack.Decoder(list[Told]).decode
read_state: Final = msgspec.msgpack.Decoder(tuple[str, State]).decode
read_tokens: Final = msgspec.msgpack.Decoder(list[int]).decode
read_text: Final = msgspec.msgpack.Decoder(Text).decode
read_receipt: Final = msgspec.msgpack.Decoder(Receipt).decode
read_receipts: Final = msgspec.msgpack.Decoder(list[Receipt]).decode
read_counted: Final = msgspec.msgpack.Decoder(list[Counted]).decode
read_look: Final = msgspec.msgpack.Decoder(Look).decode
read_looks: Final = msgspec.msgpack.Decoder(list[Look]).decode
