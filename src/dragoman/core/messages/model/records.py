"""Rows as values, exchanged with storage; without SQL.

They contain values only, so they form no cycles and need no garbage collection.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import msgspec

from dragoman.core.billing.model.payments import Payment
from dragoman.core.billing.model.pricing import Price
from dragoman.core.billing.model.reservations import Reservation, Settlement
from dragoman.core.messages.model.attachments import Attachment
from dragoman.core.messages.model.audiences import Audience
from dragoman.core.messages.model.callbacks import CallbackFacts
from dragoman.core.messages.model.lifecycle import BatchState, State
from dragoman.core.messages.model.messages import Push
from dragoman.core.messages.model.premium import Premium, PremiumState
from dragoman.core.model.errors import FailureCode
from dragoman.core.model.phone_numbers import REMOVED
from dragoman.protocols.gsm.segmentation import PLAIN, Repertoire

ALL_REPORTED: Final = frozenset(state for state in State if state >= State.SENT)
"""All states that customers can be told of."""


class BatchOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Options of a batch for carriers and callbacks; stored as JSON."""

    udh: str = ""
    """Hexadecimal."""
    wants_receipt: bool = True
    message_class: int | None = None
    protocol_id: int = 0
    callback_url: str = ""
    return_data: str = ""
    callback_states: tuple[int, ...] = ()
    """States in which the URL is called; see `reported_states`."""
    reports_all: bool = msgspec.field(default=False, name="all")
    """Whether it is called in all of them, so that they need no list."""
    premium: Premium | None = None
    push: Push | None = None
    audience: bool = False
    """Whether the recipients are an audience; their number is known after expansion."""
    tariffs: tuple[Price, ...] = ()
    """What its recipients cost when credits were held for them, where they wait to be expanded."""
    device_id: int | None = None
    sim: int | None = None
    payments: tuple[Payment, ...] = ()
    """The wallets that pay; empty where it is the account's own for everything."""
    credits_per_part: int = 0
    """Of its message type; 0 where the list of prices says it."""
    route: str = ""
    """Of its message type; empty where the routes' rules say it."""
    message_type: str = ""
    resend_of: int | None = None
    """The message that it repeats."""
    ignored_sender: str = ""
    tag: str = ""
    repertoire: Repertoire = PLAIN
    """How its text is cut, as its carriers were when it was accepted."""
    ignores_opt_outs: bool = False

    @property
    def reported_states(self) -> Collection[int]:
        """States in which the URL is called; without any it is only remembered."""
        return ALL_REPORTED if self.reports_all else self.callback_states


class StoredBatch(msgspec.Struct, kw_only=True, array_like=True, gc=False):
    """A row of `batches`."""

    batch_id: int
    account_id: int
    dialect: str
    protocol: str
    reference: str | None
    sender: str
    text: str
    format: str
    options: BatchOptions
    lane: int
    due_ms: int
    expires_ms: int
    state: BatchState
    recipients: int
    waiting_recipients: bytes | None = None
    expanded: int = 0
    unsent: int = 0
    buffered: int = 0
    received: int = 0
    failed: int = 0


class StoredMessage(msgspec.Struct, kw_only=True, array_like=True, gc=False):
    """A row of `messages`."""

    message_id: int
    batch_id: int
    account_id: int
    recipient: str
    route: str
    mcc: str
    parts: int
    credits: int
    price: int
    state: State
    carrier: str | None = None
    failure: str | None = None
    detail: str | None = None
    attempts: int = 0
    possible_duplicate: bool = False
    sent_ms: int | None = None
    final_ms: int | None = None
    text: str | None = None
    """Its own text; None where it has the text of its batch."""


class StoredAudience(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The audience of a batch as it was requested; stored as JSON."""

    numbers: tuple[str, ...] = ()
    """Digits of the numbers that were named."""
    audience: Audience
    """With the keys of merge fields for their names."""
    fields: dict[str, str] = {}
    """The names of merge fields as the text spells them, and their keys."""
    max_parts: int
    country_code: str = ""
    """Digits that numbers must begin with, where the recipients are charged by a short code."""


class AudienceProgress(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The progress of expanding an audience; columns of `audiences`."""

    done_up_to: str = ""
    seen: int = 0
    taken: int = 0
    stopped: str = ""


class StoredPart(msgspec.Struct, kw_only=True, array_like=True, gc=False):
    """A row of `parts`."""

    message_id: int
    number: int
    carrier_message_id: str | None = None
    state: State | None = None
    error: str | None = None
    reported_ms: int | None = None


class NewBatch(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A submission to store whole or refuse whole."""

    batch: StoredBatch
    messages: tuple[StoredMessage, ...]
    reservation: Reservation
    rejections: tuple[StateChange, ...] = ()
    """Messages among them that end with their acceptance."""
    attachments: tuple[Attachment, ...] = ()
    audience: StoredAudience | None = None
    short_id: int | None = None


class NewCallback(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A callback to store and to make, or one read back to be made."""

    callback_id: int
    account_id: int
    message_id: int
    dialect: str
    origin: str
    url: str
    payload: str | CallbackFacts
    """JSON as its row has it, or the facts from which that is made."""
    due_ms: int
    attempts: int = 0
    """Calls that were made before."""


class StateChange(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A step of a message, with everything stored together with it."""

    message_id: int
    batch_id: int
    account_id: int
    mcc: str
    parts: int
    before: State
    after: State
    at_ms: int
    counted_in_batch: bool
    carrier: str | None = None
    failure: FailureCode = FailureCode.NONE
    detail: str = ""
    attempts: int = 0
    possible_duplicate: bool = False
    receipt_keys: tuple[tuple[str, int], ...] = ()
    """(key, part number) of the ids the carrier gave."""
    part_rows: tuple[StoredPart, ...] = ()
    settlement: Settlement | None = None
    callback: NewCallback | None = None
    events: tuple[NewCallback, ...] = ()
    """Callbacks of webhooks."""
    premium_state: PremiumState | None = None
    """Where the charge of a premium message is now; None for messages without one."""
    route: str = ""
    sent_ms: int | None = None
    """When a carrier took it, where that is known."""
    refunded_credits: int = 0
    """What it had been counted as charged, where it is not."""
    refunded_price: int = 0


class PartReport(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A receipt for a part that does not change its message's state yet.

    Without a part it only waits for earlier writes.
    """

    part: StoredPart | None


class ParkedReceipt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A row of `parked_receipts`."""

    receipt_id: int
    carrier: str
    carrier_message_id: str
    keys: str
    recipient: str
    state: int
    error: str
    raw: str


def is_forgotten(message: StoredMessage, batch: StoredBatch) -> bool:
    """Whether the number or the text of a message was deleted while its row stayed."""
    push = batch.options.push
    text = batch.text if message.text is None else message.text
    return message.recipient == REMOVED or not (text or (push is not None and push.url))


def row_of(record: msgspec.Struct) -> tuple[Any, ...]:
    """The fields of a record in order, as a row."""
    return msgspec.structs.astuple(record)


def row_of_batch(batch: StoredBatch) -> tuple[Any, ...]:
    """The fields of a batch in order, as a row; its options as JSON."""
    row = list(msgspec.structs.astuple(batch))
    row[_OPTIONS] = msgspec.json.encode(batch.options).decode()
    return tuple(row)


_OPTIONS = StoredBatch.__struct_fields__.index("options")
