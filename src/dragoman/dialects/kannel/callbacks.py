"""The call to a `dlr-url` (Kannel user guide, "Delivery Reports")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote_plus
from uuid import UUID

from dragoman.core.messages.model.callbacks import CallbackCall, CallbackFacts
from dragoman.core.messages.model.lifecycle import State
from dragoman.dialects.kannel.escapes import fill, quoted
from dragoman.kit.ids import render_hex, time_of
from dragoman.protocols.smpp.constants import MessageState
from dragoman.protocols.smpp.receipts import render_receipt

_THREE_DIGITS: Final = re.compile(r"[0-9]{3}", re.ASCII)

BITS: Final = MappingProxyType(
    {
        State.SCHEDULED: 4,
        State.QUEUED: 4,
        State.SENDING: 4,
        State.SENT: 8,
        State.UNKNOWN: 2,
        State.DELIVERED: 1,
        State.UNDELIVERED: 2,
        State.EXPIRED: 2,
        State.REJECTED: 16,
        State.CANCELLED: 2,
    }
)
"""`%d`: the bit of what happened."""

RECEIPTS: Final = MappingProxyType(
    {
        State.UNKNOWN: MessageState.UNKNOWN,
        State.DELIVERED: MessageState.DELIVERED,
        State.UNDELIVERED: MessageState.UNDELIVERABLE,
        State.EXPIRED: MessageState.EXPIRED,
        State.CANCELLED: MessageState.DELETED,
    }
)
"""The states that a receipt tells; the others are told by the carrier's answer, or not at all."""


def render_callback(url: str, facts: CallbackFacts) -> CallbackCall:
    """Renders the request: the customer's URL with what became of the message."""
    reply = quoted(_reply(facts))
    values = {
        "d": str(BITS[facts.state]),
        "A": reply,
        "a": reply,
        "b": reply,
        "p": facts.recipient,
        "q": facts.recipient,
        "t": _time(facts.at_ms).strftime("%Y-%m-%d+%H:%M:%S"),
        "T": str(facts.at_ms // 1000),
        "F": render_hex(facts.message_id),
        "I": str(UUID(hex=render_hex(facts.message_id))),
        "i": "dragoman",
        "B": _error(facts),
    }
    return CallbackCall(method="GET", url=fill(url, _Values(values, reply), last=True))


class _Values:
    """What escapes stand for; each `%s` or `%S` is the next word of the reply, `%r` the others."""

    def __init__(self, values: Mapping[str, str], reply: str) -> None:
        self._values = values
        self._first, *self._words = reply.split("+")

    def get(self, escape: str, /) -> str | None:
        """The value of an escape; None for one that stays as it is."""
        if escape == "k":
            return self._first
        if escape == "r":
            return "+".join(self._words)
        if escape in {"s", "S"}:
            word = self._words.pop(0) if self._words else ""
            return word if escape == "s" else unquote_plus(word).replace("*", "~")
        return self._values.get(escape)


def _reply(facts: CallbackFacts) -> str:
    """`%A`: `ACK/` or `NACK/` and the carrier's words, or the text of a receipt."""
    state = RECEIPTS.get(facts.state)
    if state is None:
        refused = facts.state is State.REJECTED
        return f"NACK/{facts.detail or facts.failure}" if refused else "ACK/"
    return render_receipt(
        message_id=render_hex(facts.message_id),
        state=state,
        submitted=_time(time_of(facts.message_id)),
        done=_time(facts.at_ms),
        error=_error(facts),
        parts=facts.parts,
    ).decode()


def _error(facts: CallbackFacts) -> str:
    """`err` of a receipt: the carrier's where it has three digits, else whether it failed."""
    if _THREE_DIGITS.fullmatch(facts.detail):
        return facts.detail
    return "001" if facts.failure else "000"


def _time(at_ms: int) -> datetime:
    return datetime.fromtimestamp(at_ms / 1000, UTC)
