"""The four possible outcomes of an attempt, and the steps of delivery times."""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from dragoman.core.model.errors import FailureCode, RetryCode


class Accepted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The carrier accepted every part; one carrier ID per part, in order."""

    carrier_ids: tuple[str, ...]
    device_id: int | None = None
    """The phone that sent it, where it was one, and the slot of its SIM."""
    sim: int | None = None
    link: str = ""
    """The connection it went over; a note for people, nothing is decided by it."""


class Rejected(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The carrier rejected it permanently; `carrier_ids` has None for rejected parts."""

    code: FailureCode
    detail: str = ""
    carrier_ids: tuple[str | None, ...] = ()
    device_id: int | None = None
    sim: int | None = None
    link: str = ""


class Deferred(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Nothing was submitted, or the carrier asked to retry; no attempt is used up."""

    code: RetryCode
    retry_in_s: float
    detail: str = ""
    possible_duplicate: bool = False
    """Who had it may not send it any more, but never said that it had not."""
    link: str = ""


class Unknown(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """It was submitted and no response came: it may or may not arrive."""

    detail: str
    carrier_ids: tuple[str | None, ...] = ()
    link: str = ""


Outcome: TypeAlias = Accepted | Rejected | Deferred | Unknown


STEPS_S: Final = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600, 14_400, 86_400)
"""Delivery times are counted under the first of these that they do not exceed."""


LONGER: Final = "longer"
