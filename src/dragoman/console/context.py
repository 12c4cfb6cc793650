"""What views may use: the services, and what can be read off the running gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from dragoman.console.repeats import Repeats
from dragoman.core.accounts.account_tree import AccountTree
from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.audit_log import AuditLog
from dragoman.core.accounts.console_sessions import ConsoleSessions
from dragoman.core.accounts.credits import Credits
from dragoman.core.accounts.one_time_links import OneTimeLinks
from dragoman.core.accounts.senders import Senders
from dragoman.core.delivery.carrier_switches import CarrierSwitches
from dragoman.core.devices.device_registration import DeviceRegistration
from dragoman.core.devices.devices import Devices
from dragoman.core.inbound.keywords import Keywords
from dragoman.core.inbound.opt_outs import OptOuts
from dragoman.core.messages.feed import Feed
from dragoman.core.reporting.queries import Queries
from dragoman.core.reporting.timeline import Timelines
from dragoman.core.reporting.traffic import Traffic
from dragoman.core.submission.batches import Batches
from dragoman.core.submission.message_actions import MessageActions
from dragoman.core.submission.quotes import Quotes
from dragoman.core.submission.submission import SubmissionService
from dragoman.kit.clock import Clock


class LinkState(Protocol):
    """A link of a carrier."""

    @property
    def name(self) -> str: ...
    @property
    def bound(self) -> bool: ...
    @property
    def outstanding(self) -> int: ...
    @property
    def waiting(self) -> int: ...
    @property
    def reconnects(self) -> int: ...
    @property
    def throttled(self) -> int: ...
    @property
    def last_error(self) -> str: ...
    @property
    def window(self) -> int:
        """Parts that may wait for their answer at a time; 0 for as many as there are."""
        ...

    @property
    def rate_per_s(self) -> float | None:
        """How fast it sends at most now; None for no limit."""
        ...


class CarrierState(Protocol):
    """A carrier: whether it is up, and how fast it can be."""

    @property
    def name(self) -> str: ...
    @property
    def up(self) -> bool: ...
    @property
    def held(self) -> bool:
        """Whether it is given nothing new."""
        ...

    @property
    def in_flight(self) -> int: ...
    @property
    def capacity(self) -> int: ...
    @property
    def round_trip_ms(self) -> float | None: ...
    @property
    def rate_per_s(self) -> float | None: ...
    @property
    def kind(self) -> str:
        """What it speaks."""
        ...

    @property
    def outcomes(self) -> Mapping[str, int]:
        """Answers to messages since the start, by outcome."""
        ...

    @property
    def links(self) -> Sequence[LinkState]: ...


class Machine(Protocol):
    """The running gateway, to look at."""

    def carriers(self) -> Sequence[CarrierState]:
        """Every carrier as it is now."""
        ...

    def problems(self) -> list[str]:
        """Why it cannot take traffic now, in plain words; empty when it can."""
        ...

    def waiting(self) -> Mapping[str, int]:
        """Messages queued in memory, by route."""
        ...

    def oldest_waiting_s(self) -> Mapping[str, float]:
        """Age of the oldest message in the queue, by route."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleContext:
    """The services that views call."""

    accounts: Accounts
    account_tree: AccountTree
    sessions: ConsoleSessions
    one_time_links: OneTimeLinks
    credits: Credits
    queries: Queries
    timelines: Timelines
    message_actions: MessageActions
    traffic: Traffic
    submission: SubmissionService
    batches: Batches
    quotes: Quotes
    repeats: Repeats
    opt_outs: OptOuts
    machine: Machine
    audit_log: AuditLog
    senders: Senders
    devices: Devices
    device_registration: DeviceRegistration
    carrier_switches: CarrierSwitches
    feed: Feed
    keywords: Keywords
    api_url: str
    """What a user types into the app of a phone; empty where nobody has said."""
    clock: Clock
    time_zone: str
    """For accounts without one of their own."""
    editing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by who looks whether something is still as its editor read it, and changes it."""
