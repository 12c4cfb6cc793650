"""A gateway that runs, to look at: its carriers, and what waits in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from dragoman.core.callbacks.model.callback_lists import UnmatchedPage
from dragoman.core.callbacks.model.held_hosts import HeldHost
from dragoman.core.callbacks.model.hosts import CallbackHost, Tested
from dragoman.core.messages.model.callbacks import CallbackFacts

if TYPE_CHECKING:  # the command line reads the values alone, and starts without asyncio
    from dragoman.core.messages.feed import Feed
    from dragoman.core.metrics import Metrics


class LinkView(msgspec.Struct, frozen=True, kw_only=True):
    """One connection to an SMSC."""

    name: str
    bound: bool
    outstanding: int
    waiting: int
    reconnects: int
    throttled: int
    last_error: str
    window: int = 0
    """Parts that may wait for their answer at a time; 0 where nothing bounds them."""
    rate_per_s: float | None = None
    """How fast it sends at most now, less while the SMSC throttles; None for no limit."""


class CarrierView(msgspec.Struct, frozen=True, kw_only=True):
    """A carrier: whether it is up, and how fast it can be."""

    name: str
    up: bool
    in_flight: int
    capacity: int
    round_trip_ms: float | None
    """None until a message has been answered."""
    rate_per_s: float | None
    """The configured limit; None for none."""
    links: tuple[LinkView, ...]
    held: bool = False
    """Whether somebody took it out of service: it is given nothing new."""
    kind: str = ""
    """What it speaks, for people."""
    elsewhere: bool = False
    """Whether another node of the cluster has its links, if any has."""
    outcomes: dict[str, int] = {}
    """Answers to messages since the start: accepted, deferred, rejected, unknown (none came)."""


class BindView(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's program that is bound to the SMPP server."""

    bind_id: int
    """Of this run of the gateway."""
    account_id: int
    account: str
    """User name."""
    system_id: str
    kind: str
    """`transmitter`, `receiver` or `transceiver`; `closing` once it is being ended."""
    version: str
    address: str
    """Where it is bound from, as its proxy says where there is one."""
    tls: bool
    since_ms: int
    idle_s: float
    """How long nothing has been heard of it."""
    received: int
    """Requests since it was bound."""
    per_s: float
    """Requests a second in the last ten seconds."""
    pending: int
    """Requests that are not answered yet."""
    delivered: int
    """Receipts and texts that it took."""
    outstanding: int
    """Receipts and texts that it has not answered."""
    window: int
    """How many of those there may be."""
    last_error: str
    logged: bool
    """Whether what it reads and writes is kept for an operator."""


class WirePiece(msgspec.Struct, frozen=True, kw_only=True):
    """What a bind read or wrote at once."""

    at_ms: int
    direction: str
    """`<` from the customer, `>` to it."""
    octets: str
    """Hexadecimal; with numbers and texts."""


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """What operators look at: of the whole cluster, where the gateway is a part of one."""

    carriers: tuple[CarrierView, ...]
    waiting: dict[str, int]
    """Messages queued in memory, by route."""
    oldest_s: dict[str, float]
    """Age of the oldest message in the queue, by route."""
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    binds: tuple[BindView, ...]


class Reloaded(msgspec.Struct, frozen=True, kw_only=True):
    """What a configuration changes in a running gateway."""

    changes: tuple[str, ...]
    """What is new, gone or different, a line each; without secrets."""
    at_restart: tuple[str, ...] = ()
    """Tables that differ too, and are taken at the next start."""
    applied: bool = False
    moved: int = 0
    """Messages that waited on a route that is gone, and wait on another now."""


class Measured(Protocol):
    """What can be counted in a gateway at this moment."""

    @property
    def metrics(self) -> Metrics: ...

    def waiting(self) -> Mapping[str, int]:
        """Messages queued in memory, by route."""
        ...

    def oldest_waiting_s(self) -> Mapping[str, float]:
        """Age of the oldest message in the queue, by route."""
        ...

    def window_use(self) -> Mapping[str, tuple[int, int]]:
        """(parts in flight, parts it may have in flight), by carrier."""
        ...

    def carriers_up(self) -> Mapping[str, bool]:
        """Whether each carrier is up."""
        ...

    def callbacks_waiting(self) -> int:
        """Callbacks to be made."""
        ...

    def held_hosts(self) -> Sequence[HeldHost]:
        """Customers' hosts that fail, and what waits for them, by account."""
        ...

    def binds(self) -> Sequence[BindView]:
        """Every bind of the SMPP server, oldest first."""
        ...

    def free_bytes(self) -> int | None:
        """Free space on the disk of the database; None for a server."""
        ...

    def problems(self) -> list[str]:
        """Why it cannot take traffic now, in plain words; empty when it can."""
        ...


class Running(Measured, Protocol):
    """What else can be read off a gateway that runs."""

    @property
    def feed(self) -> Feed: ...

    def carriers(self) -> Sequence[CarrierView]:
        """Every carrier as it is now."""
        ...

    def warnings(self) -> list[str]:
        """What needs attention although it takes traffic."""
        ...

    async def situation(self) -> Situation:
        """How everything is that operators look at; raises `Refused`."""
        ...

    async def unmatched(self, carrier: str, before: int | None, limit: int) -> UnmatchedPage:
        """Receipts that match no message, newest first; raises `Refused`."""
        ...

    async def end_bind(self, bind_id: int) -> BindView:
        """Ends a bind, in whichever partition of a cluster; raises `Refused`."""
        ...

    async def tell_others(self, method: str, path: str, body: object = None) -> None:
        """Has the other partitions of a cluster do what was done here, by an admin operation.

        Raises `Refused` where one did not; elsewhere it stands.
        """
        ...

    def unbind(self, bind_id: int) -> BindView:
        """Ends a bind; raises `Refused`."""
        ...

    def start_wire_log(self, bind_id: int) -> BindView:
        """Keeps what a bind reads and writes for an hour; raises `Refused`."""
        ...

    def wire_log(self, bind_id: int) -> Sequence[WirePiece]:
        """What was kept of a bind, oldest first; raises `Refused`."""
        ...

    async def reload(self, *, check: bool) -> Reloaded:
        """Reads the configuration again and takes what changed; raises `Refused`."""
        ...

    def callback_hosts(self) -> Sequence[CallbackHost]:
        """Where callbacks wait, or where they fail or are paused, by account."""
        ...

    async def test_callback(
        self, account_id: int, dialect: str, url: str, facts: CallbackFacts
    ) -> Tested:
        """Makes one call to a customer's URL that is not stored; raises `Refused`."""
        ...

    def retry_callbacks(
        self, account_id: int | None, host: str = "", message_id: int | None = None
    ) -> Sequence[tuple[int, str, int]]:
        """Has callbacks that wait made without a wait: all, or an account's, or to one host.

        That of the message, if one is given, goes first. Returns account, origin and number.
        """
        ...
