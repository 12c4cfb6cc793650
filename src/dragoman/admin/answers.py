"""What the operations of the admin interface answer, as values."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from dragoman.core.delivery.running import BindView, CarrierView, WirePiece
from dragoman.core.retention.model import ExportCursor

Shape = TypeVar("Shape", bound=msgspec.Struct)


def view(shape: type[Shape], source: object, **given: Any) -> Shape:
    """An answer: what is given, and for other fields those of the same name of a value."""
    names = [name for name in shape.__struct_fields__ if name not in given]
    return shape(**given, **{name: getattr(source, name) for name in names})


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why an operation was not carried out: a stable code, and a sentence for people."""

    code: str
    detail: str
    title: str = ""
    status: int = 0


class ExportedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a table that names a number, or belongs to one that does."""

    account: str
    table: str
    row: dict[str, Any]


class ExportView(msgspec.Struct, frozen=True, kw_only=True):
    """Some of what is known of a number."""

    rows: tuple[ExportedRow, ...]
    cursor: ExportCursor | None
    """Asks for the next rows; None after the last."""


class ErasedView(msgspec.Struct, frozen=True, kw_only=True):
    """What was erased of a number."""

    rows: dict[str, int]
    """How many rows named it, by table."""
    opt_outs: int
    """How many of them are opt-outs that are kept as a hash."""
    needed: int
    """Messages that are still on their way, or that a customer is still to be told of; erase again
    when they are over."""


class WebhookView(msgspec.Struct, frozen=True, kw_only=True):
    """Who is called about something; without a device, about all that have none of their own."""

    account: str
    dialect: str
    device_id: int | None
    event: str
    url: str


class WebhookList(msgspec.Struct, frozen=True, kw_only=True):
    """Webhooks by account."""

    webhooks: tuple[WebhookView, ...]


class HeldHostView(msgspec.Struct, frozen=True, kw_only=True):
    """A host that fails an account's callbacks, and when it is tried next."""

    account: str
    host: str
    """Scheme, host and port."""
    reason: str
    waiting: int
    since_ms: int
    next_try_ms: int


class HeldHosts(msgspec.Struct, frozen=True, kw_only=True):
    """What waits for customers' servers."""

    waiting: int
    """Callbacks to be made, those to other hosts included."""
    held: tuple[HeldHostView, ...]


class RetriedHost(msgspec.Struct, frozen=True, kw_only=True):
    """A host that is called now."""

    account: str
    host: str
    waiting: int


class RetriedHosts(msgspec.Struct, frozen=True, kw_only=True):
    """The hosts that are called now."""

    retried: tuple[RetriedHost, ...]


class SmppLoginView(msgspec.Struct, frozen=True, kw_only=True):
    """What an account binds with over SMPP, and how."""

    account: str
    system_id: str
    password: str
    """A new one, which is shown this once; empty otherwise."""
    max_binds: int | None
    """None as the configuration has it; the same for the next one."""
    rate_per_s: float | None
    """Parts a second over all binds; 0 for no limit."""
    latin_1: bool
    """Whether data_coding 0 is Latin-1, not the GSM alphabet."""
    payload: bool
    """Whether long inbound texts go whole into a message_payload."""
    no_credit_status: int
    """The command_status of a submit without credits."""


class BindList(msgspec.Struct, frozen=True, kw_only=True):
    """Who is bound to the SMPP server, oldest first."""

    binds: tuple[BindView, ...]


class WireLogView(msgspec.Struct, frozen=True, kw_only=True):
    """What a bind read and wrote, oldest first."""

    pieces: tuple[WirePiece, ...]


class CarrierSwitched(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a carrier is held, and what it still has in flight; `gateway` is whether one runs."""

    carrier: str
    held: bool
    in_flight: int
    gateway: bool


class CarrierTested(msgspec.Struct, frozen=True, kw_only=True):
    """What a carrier answered to a message that was sent past all queues, for a test."""

    carrier: str
    preset: str
    request: str
    """Method and address, without its query."""
    http_status: int
    """Of the answer; 0 without one."""
    meaning: str
    """`accepted`, a failure, or what else the answer means; empty without one."""
    detail: str
    carrier_ids: tuple[str, ...]
    callback_url: str
    """What the provider calls for reports and texts; empty without a `public_url`."""


class RouteView(msgspec.Struct, frozen=True, kw_only=True):
    """A route and what waits on it."""

    name: str
    waiting: int
    oldest_s: float | None


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway is doing; without one running, only what its rows say."""

    running: bool
    version: str
    accounts: int
    pid: int | None = None
    started_ms: int | None = None
    address: str = ""
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    """What needs attention although it takes traffic."""
    carriers: tuple[CarrierView, ...] = ()
    routes: tuple[RouteView, ...] = ()
    in_flight: int = 0
    callbacks_waiting: int = 0
    accepted: int = 0
    """Messages since the start."""
    refused: int = 0
    """Requests since the start."""
    finals: dict[str, int] = {}
    """Messages that ended since the start, by state."""


class Finding(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at, and what to do about it."""

    name: str
    finding: Finding
    detail: str
    remedy: str = ""
    amount: float = 0.0
    """Of what: in a cluster, where partitions find the same, the one with most of it is shown."""


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was looked at."""

    checks: tuple[Check, ...]
