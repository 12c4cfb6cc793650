"""The calls to a `dlr-url` (Jasmin, HTTP API, "Receiving delivery receipts")."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from dragoman.core.messages.model.callbacks import CallbackCall, CallbackFacts
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode
from dragoman.kit.ids import render_hex, time_of

CONNECTOR: Final = "dragoman"
FORM: Final = "application/x-www-form-urlencoded"

WORDS: Final = MappingProxyType(
    {
        State.SCHEDULED: "ENROUTE",
        State.QUEUED: "ENROUTE",
        State.SENDING: "ENROUTE",
        State.SENT: "ACCEPTD",
        State.UNKNOWN: "UNKNOWN",
        State.DELIVERED: "DELIVRD",
        State.UNDELIVERED: "UNDELIV",
        State.EXPIRED: "EXPIRED",
        State.REJECTED: "REJECTD",
        State.CANCELLED: "DELETED",
    }
)
"""`message_status` at level 2 (SMPP 3.4 appendix B)."""

STATUSES: Final = MappingProxyType(
    {
        FailureCode.INVALID_DESTINATION: "ESME_RINVDSTADR",
        FailureCode.UNKNOWN_SUBSCRIBER: "ESME_RINVDSTADR",
        FailureCode.INVALID_SENDER: "ESME_RINVSRCADR",
        FailureCode.TEXT_TOO_LONG: "ESME_RINVMSGLEN",
        FailureCode.CONGESTION: "ESME_RTHROTTLED",
        FailureCode.EXPIRED: "ESME_RINVEXPIRY",
    }
)
"""`message_status` at level 1 for a message that was refused; the others are ESME_RSUBMITFAIL."""

_THREE_DIGITS: Final = re.compile(r"[0-9]{3}", re.ASCII)


def render_callback(url: str, facts: CallbackFacts) -> CallbackCall:
    """Renders the request: a POST of a form, or a GET with the same parameters."""
    method, _, level = facts.return_data.partition(" ")
    query = urlencode(_parameters(facts, terminal_only=level == "2"))
    if method == "GET":
        address, _, _ = url.partition("#")
        joint = "" if address.endswith(("?", "&")) else "&" if "?" in address else "?"
        return CallbackCall(method="GET", url=f"{address}{joint}{query}")
    return CallbackCall(
        method="POST", url=url, headers=(("Content-Type", FORM),), body=query.encode("ascii")
    )


def message_uuid(batch_id: int) -> str:
    """The identifier in answers and reports."""
    return str(UUID(hex=render_hex(batch_id)))


def _parameters(facts: CallbackFacts, *, terminal_only: bool) -> dict[str, str | int]:
    """What the carrier said at once is level 1, what became of the message level 2."""
    identifier = message_uuid(facts.batch_id)
    if facts.state is State.SENT or (facts.state is State.REJECTED and not terminal_only):
        status = "ESME_ROK"
        if facts.state is State.REJECTED:
            status = STATUSES.get(FailureCode(facts.failure), "ESME_RSUBMITFAIL")
        return {
            "message_status": status, "level": 1, "id": identifier, "connector": CONNECTOR,
        }  # fmt: skip
    error = "001" if facts.failure else "000"
    if _THREE_DIGITS.fullmatch(facts.detail):
        error = facts.detail
    return {
        "message_status": WORDS[facts.state],
        "level": 2,
        "id": identifier,
        "connector": CONNECTOR,
        "id_smsc": render_hex(facts.message_id),
        "sub": f"{facts.parts:03d}",
        "dlvrd": f"{facts.parts if facts.state is State.DELIVERED else 0:03d}",
        "subdate": _time(time_of(facts.message_id)),
        "donedate": _time(facts.at_ms),
        "err": error,
        "text": "",
    }


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%y%m%d%H%M")
