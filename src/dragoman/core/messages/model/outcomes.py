"""What can come of handing a message to a carrier: four outcomes, as values."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from dragoman.core.model.errors import FailureCode, RetryCode


class Accepted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The carrier took every part; one carrier id a part, in order."""

    carrier_ids: tuple[str, ...]
    device_id: int | None = None
    """The phone that sent it, where it was one, and the slot of its SIM."""
    sim: int | None = None
    link: str = ""
    """The connection it went over; a note for people, nothing is decided by it."""


class Rejected(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The carrier refused for good; `carrier_ids` has None for the parts it never took."""

    code: FailureCode
    detail: str = ""
    carrier_ids: tuple[str | None, ...] = ()
    device_id: int | None = None
    sim: int | None = None
    link: str = ""


class Deferred(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Nothing left us, or the carrier asks to come later; no attempt is used up."""

    code: RetryCode
    retry_in_s: float
    detail: str = ""
    possible_duplicate: bool = False
    """Who had it may not send it any more, but never said that it had not."""
    link: str = ""


class Unknown(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """It left us and no answer came: it may or may not arrive."""

    detail: str
    carrier_ids: tuple[str | None, ...] = ()
    link: str = ""


Outcome: TypeAlias = Accepted | Rejected | Deferred | Unknown
