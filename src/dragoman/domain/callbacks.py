"""The facts a customer is told; each dialect makes its own request of them."""

from __future__ import annotations

import msgspec

from dragoman.domain.lifecycle import State


class CallbackFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happened to a message, as stored with its callback."""

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


class TextFacts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A text that a phone sent, as stored with the callback that forwards it."""

    inbound_id: int
    sender: str
    """Digits without `+`, or a name."""
    recipient: str
    text: str
    charset: str = ""
    """What the customer asked for; empty leaves it to the dialect."""
    device_id: int | None = None
    """The phone it came to, where it came to one."""
    slot: int = 0
    """The SIM of that phone, from 1; 0 where it is not known."""


def renderer_of_texts(dialect: str) -> str:
    """The name under which stored callbacks know how a dialect forwards texts."""
    return f"{dialect}:text"


class CallbackCall(msgspec.Struct, frozen=True, kw_only=True):
    """A request to make, as the dialect renders it."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
