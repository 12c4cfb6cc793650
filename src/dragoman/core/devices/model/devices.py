"""Devices: the phones that send for an account, their SIMs, limits and assignments."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Annotated, NewType

import msgspec
from msgspec import Meta

DeviceId = NewType("DeviceId", int)

MAX_SLOT = 3
"""The highest SIM slot a phone can be asked for; slots count from 1."""
DAY_MINUTES = 24 * 60

Count = Annotated[int, Meta(ge=0, le=1_000_000)]
MinuteOfDay = Annotated[int, Meta(ge=0, le=DAY_MINUTES)]


class Limits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How much may be sent; 0 is unlimited. Parts count, as networks and phones count them."""

    per_minute: Count = 0
    per_hour: Count = 0
    per_day: Count = 0
    gap_s: Annotated[float, Meta(ge=0, le=3600)] = 0.0
    """Time between two messages."""
    work_from: MinuteOfDay = 0
    work_to: MinuteOfDay = DAY_MINUTES
    """Minutes of the day, in `time_zone`, between which messages go; a later start ends after
    midnight."""
    time_zone: str = "UTC"


PHONE_LIMITS = Limits(per_minute=20, gap_s=3.0)
"""Below what Android lets an app send before it asks its user: 30 parts a minute, all SIMs."""


class DeviceSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an account sets for one of its phones."""

    limits: Limits = PHONE_LIMITS
    pushed: dict[str, dict[str, str | int | float | bool | None]] = {}
    """Settings of the phone's app, by group and key, that are set from here."""


class Sim(msgspec.Struct, frozen=True, kw_only=True):
    """A SIM of a device: what the phone reports, and what its account sets."""

    slot: int
    carrier: str = ""
    """Name of its network, as far as the phone shows it."""
    reported_number: str = ""
    """Its number as the phone reports it, usually with all but four digits hidden."""
    present: bool = True
    label: str = ""
    number: str = ""
    """Its number as its account knows it: digits without `+`."""
    limits: Limits = Limits()


class Health(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The last status report of a phone."""

    at_ms: int = 0
    status: str = ""
    checks: dict[str, float | int | str] = {}
    """Observed values by name, such as `battery:level`."""


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """A phone that has registered."""

    device_id: int
    account_id: int
    carrier: str
    """The carrier, in the configuration, that it is one of the phones of."""
    protocol: str
    name: str
    enabled: bool
    app_version: str
    push_token: str
    signing_key: str
    """Authenticates calls of the phone, which has the key."""
    settings: DeviceSettings
    health: Health
    created_ms: int
    seen_ms: int
    removed_ms: int | None = None
    sims: tuple[Sim, ...] = ()

    def sim(self, slot: int) -> Sim | None:
        """The SIM in a slot."""
        return next((sim for sim in self.sims if sim.slot == slot), None)


class RegistrationKind(StrEnum):
    """What a phone registers with."""

    CODE = "code"
    """Typed in once, within minutes."""
    TOKEN = "token"  # noqa: S105 - a kind, not a token
    """Entered into the phones of an account; good until it is revoked."""


class AssignmentState(IntEnum):
    """The stage of a message at a phone. The numbers are stored; they grow along the way."""

    ASSIGNED = 0
    """Meant for the phone, which has not fetched it: it can still be given to another."""
    FETCHED = 10
    """Sent to the phone, which has not confirmed it."""
    HELD = 20
    """The phone has it in its own queue."""
    PROCESSED = 30
    """The phone has given it to its radio: it is never sent again."""
    SENT = 40
    DELIVERED = 50
    FAILED = 51
    CANCELLED = 52
    """The phone has confirmed that it will not send it."""
    RETURNED = 53
    """Given back to the route: no phone sends it under this identifier any more."""
    LOST = 54
    """Processed, without any further report."""


class DeviceEvent(StrEnum):
    """What a phone is notified of."""

    MESSAGES = "messages"
    CANCELLED = "cancelled"
    WEBHOOKS = "webhooks"
    SETTINGS = "settings"
    INBOX = "inbox"
    """It is to export its received texts again."""


Groups = dict[str, dict[str, str | int | float | bool]]


class StoredAssignment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `device_assignments`."""

    assignment_id: int
    message_id: int
    device_id: int
    carrier: str
    slot: int
    parts: int
    state: AssignmentState
    cancelling: int
    """0, or why it is being cancelled."""
    recipient: str
    valid_until_ms: int
    assigned_ms: int
    changed_ms: int


class AssignmentStep(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The next step of an assignment; it never goes back."""

    assignment_id: int
    state: AssignmentState
    cancelling: int
    valid_until_ms: int
    changed_ms: int
