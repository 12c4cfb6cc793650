"""The timeline of a message: request, route, attempts, receipts, callbacks and cost.

Times are milliseconds since the Unix epoch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from dragoman.core.callbacks.model.held_hosts import HeldHost
from dragoman.core.messages.model.events import EventKind
from dragoman.core.messages.model.routing import RouteReason
from dragoman.core.model.urls import origin_of
from dragoman.protocols.gsm.segmentation import whole_text


class RequestStep(msgspec.Struct, frozen=True, kw_only=True):
    """What was requested, and when it was accepted."""

    dialect: str
    protocol: str
    reference: str
    accepted_ms: int
    """When the submission was stored."""
    created_ms: int
    """When it became this message; the same but for scheduled and large submissions."""
    due_ms: int
    expires_ms: int
    sender: str
    recipient: str
    text: str
    """Hexadecimal where the format is binary."""
    format: str
    alphabet: str
    """`gsm7`, `ucs2` or `binary`; empty where the text cannot be cut any more."""
    parts: int
    lane: str
    recipients: int
    """Of the whole submission."""
    wants_receipt: bool
    return_data: str
    message_type: str
    resend_of: int | None
    ignored_sender: str = ""
    """What was given as sender of a type of messages that has none of its own."""
    replaced: dict[str, str] = {}
    """Characters that the GSM alphabet lacks, and what was sent in their place."""


class RouteStep(msgspec.Struct, frozen=True, kw_only=True):
    """The route of the message, and why, according to the current configuration."""

    route: str
    """Empty where it was not to be sent."""
    reason: RouteReason
    prefix: str
    """What decided, where a prefix of the number did."""
    carriers: tuple[str, ...]
    """The route's carriers now, first choice first."""
    today: str = ""
    """The route that today's configuration would choose, where that is another one."""


class AttemptStep(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt and its outcome."""

    at_ms: int
    """When the outcome was known."""
    carrier: str
    link: str
    """The connection; for phones the device and SIM. Empty once it is forgotten."""
    outcome: EventKind
    """Of `domain.journal.ATTEMPTS`."""
    code: str
    """A `RetryCode` or `FailureCode`; empty for one that was taken."""
    status: str
    """What the carrier answered, such as `ESME_RINVDSTADR (0x0000000B)`."""


class PartStep(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the message at a carrier."""

    number: int
    """From 1; 0 if one ID covers all parts."""
    carrier: str
    carrier_ids: tuple[str, ...]
    """Several where it was sent more than once."""
    state: str
    """What its report said; empty without one."""
    error: str
    reported_ms: int | None


class SeriesPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a text that its customer cut itself: a message of its own."""

    number: int
    message_id: int
    state: str
    text: str
    """Empty for octets."""
    credits: int


class SeriesStep(msgspec.Struct, frozen=True, kw_only=True):
    """The text that a message is a part of."""

    number: int
    total: int
    parts: tuple[SeriesPart, ...]
    """Those that are known, in order; this one among them."""

    @property
    def text(self) -> str:
        """The text, as far as its parts are known."""
        return whole_text(part.text for part in self.parts)

    @property
    def credits(self) -> int:
        """What all parts cost."""
        return sum(part.credits for part in self.parts)


class ReceiptStep(msgspec.Struct, frozen=True, kw_only=True):
    """A carrier's receipt."""

    at_ms: int
    carrier: str
    part: int
    """From 1; 0 for the whole message."""
    state: str
    """A `ReceiptState` in lower case."""
    error: str
    kind: EventKind
    """Of `domain.journal.RECEIPTS`."""
    raw: str
    """As it came; empty where it is not kept."""


class CallbackAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """A call to the customer's URL."""

    number: int
    at_ms: int
    status: int | None
    """None where there was no answer."""
    answer: str
    """The beginning of the answer, or why there was none."""


class CallbackStep(msgspec.Struct, frozen=True, kw_only=True):
    """A callback."""

    callback_id: int
    about: str
    """The reported state."""
    url: str
    created_ms: int
    state: str
    """`pending`, `delivered` or `given_up`."""
    next_attempt_ms: int | None
    attempts: tuple[CallbackAttempt, ...]
    """The last ones."""
    held: str = ""
    """How its host fails, where it is held for that."""


class LedgerStep(msgspec.Struct, frozen=True, kw_only=True):
    """A movement of credits."""

    entry_id: int
    at_ms: int
    account: str
    """The owner of the wallet; empty for accounts above the caller's."""
    wallet: str
    kind: str
    """`reserve`, `commit` or `refund`."""
    debit: str
    credit: str
    amount: int
    shared: bool
    """Whether it may be for more messages of the submission than this one."""


class CostStep(msgspec.Struct, frozen=True, kw_only=True):
    """The cost of the message."""

    credits: int
    price: str
    premium_price: int
    """What the recipient pays, in the smallest unit."""
    entries: tuple[LedgerStep, ...]


class FailureStep(msgspec.Struct, frozen=True, kw_only=True):
    """Why it was not delivered, and what to do."""

    code: str
    detail: str
    cause: str
    remedy: str


class PduStep(msgspec.Struct, frozen=True, kw_only=True):
    """A PDU exchanged with an SMSC, reconstructed with sequence number 0."""

    name: str
    """Of SMPP: `submit_sm`, `submit_sm_resp` or `deliver_sm`."""
    part: int
    """From 1; 0 for the whole message."""
    octets: str
    """In hexadecimal."""
    whole: bool = True
    """Whether it is all of the PDU; of a `deliver_sm` only the text was kept."""


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """The whole timeline; every list is in order of time."""

    message_id: int
    batch_id: int
    account_id: int
    account: str
    """User name."""
    state: str
    carrier: str
    """The last one it was given to."""
    possible_duplicate: bool
    attempts_made: int
    """As counted; `attempts` has those that are known one by one."""
    sent_ms: int | None
    final_ms: int | None
    request: RequestStep
    route: RouteStep
    attempts: tuple[AttemptStep, ...]
    parts: tuple[PartStep, ...]
    receipts: tuple[ReceiptStep, ...]
    callbacks: tuple[CallbackStep, ...]
    cost: CostStep
    failure: FailureStep | None
    resent_as: tuple[int, ...]
    """Batches."""
    pdus: tuple[PduStep, ...] = ()
    """For operators, where its carrier speaks SMPP."""
    feedback: str = ""
    """What its customer said of it, such as `confirmed`."""
    series: SeriesStep | None = None
    """Where its customer cut a text, and it is one of the parts."""
    can_cancel: bool = False
    can_resend: bool = False

    @property
    def waiting_origins(self) -> frozenset[str]:
        """Where its callbacks that are still to be made go."""
        return frozenset(origin_of(one.url) for one in self.callbacks if one.state == "pending")

    def with_held(self, hosts: Iterable[HeldHost]) -> Timeline:
        """With what is known of hosts that fail."""
        held = {host.origin: host for host in hosts if host.account_id == self.account_id}
        return msgspec.structs.replace(
            self, callbacks=tuple(_with_host(one, held) for one in self.callbacks)
        )


def _with_host(callback: CallbackStep, held: Mapping[str, HeldHost]) -> CallbackStep:
    host = held.get(origin_of(callback.url))
    if host is None or callback.state != "pending":
        return callback
    return msgspec.structs.replace(callback, held=host.reason, next_attempt_ms=host.next_try_ms)
