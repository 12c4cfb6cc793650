"""What the operations of the admin interface answer, as values."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from dragoman.core.delivery.running import BindView, CarrierView, WirePiece
from dragoman.core.devices.model.devices import Limits
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


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account and its wallet, without secrets."""

    account_id: int
    username: str
    enabled: bool
    permissions: tuple[str, ...]
    """What it really has: less where an account above it has less."""
    allowed_addresses: str
    default_sender: str
    parent: str
    """The user name of the account above it; empty for a root."""
    time_zone: str
    country: str
    """ISO 3166-1 alpha-2; empty for that of its time zone."""
    prefixes: str
    profile: str
    credits: int | None
    """What is left; None is unlimited."""
    held: int
    spent: int
    message_types: tuple[str, ...] | None = None
    """The only ones it may send; None for all."""
    texts_days: int | None = None
    """How long its texts are kept, 0 for ever; None as for the account above it."""
    numbers_days: int | None = None
    messages_days: int | None = None


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


class AccountList(msgspec.Struct, frozen=True, kw_only=True):
    """Every account, in the order of creation."""

    accounts: tuple[AccountView, ...]


class AccountSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """An account and its new secrets, which are shown this once; no password if it stays."""

    account: AccountView
    api_key: str
    password: str | None = None


class AccountPassword(msgspec.Struct, frozen=True, kw_only=True):
    """An account with a new password, which is shown this once; empty where it was given."""

    account: str
    password: str


class SentBatch(msgspec.Struct, frozen=True, kw_only=True):
    """What was accepted; `gateway` is whether one is there to send it now."""

    batch_id: int
    account: str
    recipients: int
    parts: int
    credits: int
    gateway: bool


class MessageStatus(msgspec.Struct, frozen=True, kw_only=True, tag="message", tag_field="kind"):
    """Where a message is; times are milliseconds since the Unix epoch."""

    message_id: int
    batch_id: int
    account: str
    recipient: str
    sender: str
    state: str
    failure: str
    detail: str
    parts: int
    credits: int
    price: str
    carrier: str
    attempts: int
    possible_duplicate: bool
    created_ms: int
    sent_ms: int | None
    final_ms: int | None
    callback_answer: str


class BatchStatus(msgspec.Struct, frozen=True, kw_only=True, tag="batch", tag_field="kind"):
    """How far a batch is, and its first messages."""

    batch_id: int
    account: str
    sender: str
    state: str
    due_ms: int
    recipients: int
    unsent: int
    buffered: int
    received: int
    failed: int
    messages: tuple[MessageStatus, ...]


class ScheduledStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What is due later."""

    batch_id: int
    account: str
    dialect: str
    reference: str
    sender: str
    text: str
    due_ms: int
    recipients: int
    """0 where contacts of lists are chosen when it is due."""
    recipient: str
    """The only one; empty for several."""


class MessageList(msgspec.Struct, frozen=True, kw_only=True):
    """Some messages, or what is scheduled; `next` leads to the page after it."""

    messages: tuple[MessageStatus, ...] = ()
    scheduled: tuple[ScheduledStatus, ...] = ()
    next: str = ""
    looked_to_ms: int | None = None
    """How far was looked, where the page is not full since that took enough."""


class Rescheduled(msgspec.Struct, frozen=True, kw_only=True):
    """The new time of a batch."""

    batch_id: int
    account: str
    due_ms: int


class Cancelled(msgspec.Struct, frozen=True, kw_only=True):
    """A message, or a batch that was scheduled, that will not be sent."""

    message_id: int
    account: str = ""


class FeedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A message came to be in a state."""

    at_ms: int
    message_id: int
    batch_id: int
    account: str
    dialect: str
    sender: str
    recipient: str
    parts: int
    route: str
    carrier: str
    state: str
    failure: str
    detail: str


class FeedLines(msgspec.Struct, frozen=True, kw_only=True):
    """What happened since the last ones; `dropped` is how much was too much to tell."""

    lines: tuple[FeedLine, ...]
    dropped: int = 0


class NumberView(msgspec.Struct, frozen=True, kw_only=True):
    """A number that texts come to, and whose it is."""

    number: str
    account: str
    shared: bool
    configured: bool
    """Whether it stands in the configuration only."""


class NumberList(msgspec.Struct, frozen=True, kw_only=True):
    """Every number, stored ones first."""

    numbers: tuple[NumberView, ...]


class KeywordView(msgspec.Struct, frozen=True, kw_only=True):
    """A keyword, and where its texts are forwarded to."""

    keyword_id: int
    account: str
    number: str
    keyword: str
    below: str
    """The main keyword; empty for a main keyword."""
    service_id: int | None
    url: str


class KeywordList(msgspec.Struct, frozen=True, kw_only=True):
    """Keywords in the order of reservation."""

    keywords: tuple[KeywordView, ...]


class SenderView(msgspec.Struct, frozen=True, kw_only=True):
    """A sender that an account asked for, and who stands behind it."""

    sender_id: int
    account: str
    sender: str
    state: str
    company: str | None
    contact: str | None
    since_ms: int


class SenderList(msgspec.Struct, frozen=True, kw_only=True):
    """Some senders in the order of asking; `total` is how many there are in all."""

    senders: tuple[SenderView, ...]
    total: int


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


class TypeBalances(msgspec.Struct, frozen=True, kw_only=True):
    """The credits of each message type that an account can use; None is without a limit."""

    account: str
    credits: dict[str, int | None]


class OptOutView(msgspec.Struct, frozen=True, kw_only=True):
    """Who wants nothing of an account, or of one of its senders."""

    account: str
    recipient: str
    sender: str
    """Empty for all of the account's."""
    since_ms: int
    by_text: int | None
    """The inbound text that said so."""
    origin: str
    """`stop`, `web` or `api`."""


class OptOutList(msgspec.Struct, frozen=True, kw_only=True):
    """Some opt-outs of an account, oldest first; `after` leads to the next ones."""

    opt_outs: tuple[OptOutView, ...]
    after: int | None


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


class EmailServiceView(msgspec.Struct, frozen=True, kw_only=True):
    """What an account bought of e-mail; dates are `yyyy-MM-dd`."""

    account: str
    enabled: bool
    bandwidth: float
    """Mails an hour; 0 for no bound of its own."""
    purchased: str
    billing: str
    expiry: str


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was looked at."""

    checks: tuple[Check, ...]


class SimView(msgspec.Struct, frozen=True, kw_only=True):
    """A SIM of a device."""

    slot: int
    present: bool
    label: str
    number: str
    carrier: str
    limits: Limits


class DeviceView(msgspec.Struct, frozen=True, kw_only=True):
    """A device as its operator sees it; only a running gateway knows whether it is online."""

    device_id: int
    account: str
    carrier: str
    protocol: str
    name: str
    enabled: bool
    online: bool
    stream: bool
    """Whether it hears at once of what there is to do."""
    app_version: str
    created_ms: int
    seen_ms: int
    limits: Limits
    health: dict[str, float | int | str]
    sims: tuple[SimView, ...]


class DeviceList(msgspec.Struct, frozen=True, kw_only=True):
    """Every device, oldest first."""

    devices: tuple[DeviceView, ...]


class DeviceCode(msgspec.Struct, frozen=True, kw_only=True):
    """A one-time code, and the address to type in beside it; empty where none is configured."""

    code: str
    expires_ms: int
    account: str
    api_url: str


class AuthTokenView(msgspec.Struct, frozen=True, kw_only=True):
    """What programs of Twilio sign in with, and know our calls by."""

    account: str
    account_sid: str
    auth_token: str


class SigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """What an account's webhooks are signed with."""

    account: str
    signing_key: str


class NewDevice(msgspec.Struct, frozen=True, kw_only=True):
    """A phone that was entered, and the address with its secret to type into it, shown this once.

    Where no public address is configured, `<this server>` stands in its place.
    """

    device_id: int
    name: str
    account: str
    url: str


class DeviceToken(msgspec.Struct, frozen=True, kw_only=True):
    """A private token for an account's phones."""

    token: str
    account: str
    api_url: str


class AdminTokenView(msgspec.Struct, frozen=True, kw_only=True):
    """A token for the admin interface; the token itself is shown once, when it is created."""

    name: str
    created_ms: int
    token: str = ""


class AdminTokenList(msgspec.Struct, frozen=True, kw_only=True):
    """Every token, oldest first; `remote` is whether the configuration lets any in."""

    tokens: tuple[AdminTokenView, ...]
    remote: bool
