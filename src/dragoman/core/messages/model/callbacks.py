"""What callbacks report; each dialect renders its own requests from it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import msgspec

from dragoman.core.messages.model.lifecycle import State
from dragoman.kit.ids import time_of

BINDS: Final = "smpp://"
"""Begins what stands in place of a URL for what goes to the binds of an account."""
SMPP: Final = "smpp"
"""The dialect whose callbacks may go there."""


def url_of_binds(account_id: int) -> str:
    """What stands in place of a URL for what goes to the binds of an account."""
    return f"{BINDS}{account_id}"


class CallbackFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """The state change of a message, as stored with its callback."""

    message_id: int
    batch_id: int
    state: State
    at_ms: int
    recipient: str
    sender: str
    failure: str = ""
    detail: str = ""
    return_data: str = ""
    mcc: str = "0"
    parts: int = 1
    price: int = 0
    premium_price: int = 0
    """What the recipient pays, in the smallest unit."""
    sent: bool = True
    """Whether a carrier took it."""


class CallbackSubject(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the rows of a message and its batch say for all of its callbacks."""

    batch_id: int
    recipient: str
    sender: str
    return_data: str
    mcc: str
    parts: int
    price: int
    premium_price: int


class _StoredFacts(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    gc=False,
    rename={"state": "s", "at_ms": "t", "failure": "x", "detail": "d", "sent": "o"},
):
    """`CallbackFacts` as a row has them: what other rows do not say, with names of a letter."""

    state: State
    at_ms: int = 0
    """After the time in the identifier of the callback, which nearly always is the same."""
    failure: str = ""
    detail: str = ""
    sent: bool = True


_IN_SHORT: Final = '{"s":'
"""Begins facts as `render_facts` writes them; earlier versions wrote them whole."""
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(_StoredFacts).decode


def render_facts(facts: CallbackFacts, callback_id: int) -> str:
    """The facts as the row of a callback about their message has them."""
    after_ms = facts.at_ms - time_of(callback_id)
    return _render(facts.state, after_ms, facts.failure, facts.detail, facts.sent)


@lru_cache(maxsize=1_000)
def _render(state: State, after_ms: int, failure: str, detail: str, sent: bool) -> str:
    """Cached, as the callbacks of most messages say the same."""
    stored = _StoredFacts(state=state, at_ms=after_ms, failure=failure, detail=detail, sent=sent)
    return _encode(stored).decode()


def are_in_short(payload: str) -> bool:
    """Whether the payload of a row has facts that take a `CallbackSubject` to be whole."""
    return payload.startswith(_IN_SHORT)


def read_facts(
    payload: str, callback_id: int, message_id: int, subject: CallbackSubject
) -> CallbackFacts:
    """The facts in the payload of a row that has them in short."""
    stored = _decode(payload)
    return CallbackFacts(
        message_id=message_id,
        batch_id=subject.batch_id,
        state=stored.state,
        at_ms=time_of(callback_id) + stored.at_ms,
        recipient=subject.recipient,
        sender=subject.sender,
        failure=stored.failure,
        detail=stored.detail,
        return_data=subject.return_data,
        mcc=subject.mcc,
        parts=subject.parts,
        price=subject.price,
        premium_price=subject.premium_price,
        sent=stored.sent,
    )


class TextFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An inbound text, as stored with the callback that forwards it."""

    inbound_id: int
    sender: str
    """Digits without `+`, or a name."""
    recipient: str
    text: str
    charset: str = ""
    """What the customer asked for; empty leaves it to the dialect."""
    carrier: str = ""
    alphabet: str = ""
    """`text` is in hexadecimal digits where it is binary."""
    header: str = ""
    """The user data header in hexadecimal digits, without the place of a part among others."""
    service: str = ""
    """The service that is called, where the configuration has any."""
    account_id: int = 0
    """Whose URL it is."""
    parts: int = 1
    note: str = ""
    """What the dialect remembers of a further call about the same text."""


def renderer_of_texts(dialect: str) -> str:
    """The key of a dialect's renderer of forwarded texts in stored callbacks."""
    return f"{dialect}:text"


class EventKind(StrEnum):
    """The kinds of events for webhooks."""

    TEXT_RECEIVED = "text_received"
    DATA_RECEIVED = "data_received"
    MULTIMEDIA_RECEIVED = "multimedia_received"
    MULTIMEDIA_FETCHED = "multimedia_fetched"
    MESSAGE_SENT = "message_sent"
    MESSAGE_DELIVERED = "message_delivered"
    MESSAGE_FAILED = "message_failed"
    MESSAGE_CANCELLED = "message_cancelled"
    MESSAGE_CHANGED = "message_changed"
    """Any of these, reported to the URL of its submission; that is where the webhook's URL goes."""
    TEXT_BATCH_RECEIVED = "text_batch_received"
    DATA_BATCH_RECEIVED = "data_batch_received"
    MULTIMEDIA_BATCH_RECEIVED = "multimedia_batch_received"
    MULTIMEDIA_BATCH_FETCHED = "multimedia_batch_fetched"
    DEVICE_PINGED = "device_pinged"
    DEVICE_STARTED = "device_started"


SINGLE_OF_BATCH: Final = MappingProxyType(
    {
        EventKind.TEXT_BATCH_RECEIVED: EventKind.TEXT_RECEIVED,
        EventKind.DATA_BATCH_RECEIVED: EventKind.DATA_RECEIVED,
        EventKind.MULTIMEDIA_BATCH_RECEIVED: EventKind.MULTIMEDIA_RECEIVED,
        EventKind.MULTIMEDIA_BATCH_FETCHED: EventKind.MULTIMEDIA_FETCHED,
    }
)
"""What a batch holds: every event is also a batch of one, for webhooks that want batches."""


class EventFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event, as stored with the callback for a webhook."""

    event_id: int
    account_id: int
    webhook: str
    """What the customer calls the webhook."""
    kind: EventKind
    at_ms: int
    device_id: int | None = None
    sim: int | None = None
    key: str = ""
    """What the customer calls the message, or our identifier of a text."""
    message_id: int = 0
    batch_id: int = 0
    return_data: str = ""
    """What was stored to be shown with the message."""
    sender: str = ""
    recipient: str = ""
    carrier: str = ""
    """The one that a text came over."""
    text: str = ""
    """Hexadecimal octets where they are data."""
    reason: str = ""
    parts: int = 1
    details: dict[str, float | int | str] = {}
    """What a device says of itself."""

    @property
    def is_data(self) -> bool:
        """Whether its text is octets."""
        return SINGLE_OF_BATCH.get(self.kind, self.kind) is EventKind.DATA_RECEIVED


def renderer_of_events(dialect: str) -> str:
    """The key of a dialect's renderer of webhook events in stored callbacks."""
    return f"{dialect}:event"


class CallbackAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """How a customer's server answered to the call about an inbound text."""

    callback_id: int
    account_id: int
    url: str
    facts: TextFacts | EventFacts
    status: int | None
    """None where it did not."""
    headers: Mapping[str, str]
    """By their names in lower case."""
    body: bytes
    """As much of it as the client reads (`web/outgoing.py`)."""

    @property
    def is_good(self) -> bool:
        """Whether it is a 2xx."""
        return self.status is not None and 200 <= self.status < 300


class OwnAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of a service that calls nobody, in place of a request."""

    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


class CallbackCall(msgspec.Struct, frozen=True, kw_only=True):
    """A request to make, as the dialect renders it."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
