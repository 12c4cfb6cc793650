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


class CallbackCall(msgspec.Struct, frozen=True, kw_only=True):
    """A request to make, as the dialect renders it."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
