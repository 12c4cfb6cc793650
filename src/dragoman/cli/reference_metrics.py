"""The reference page of metrics: what `/metrics` answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final, get_args

from dragoman.cli.reference_table import table
from dragoman.core.callbacks.schedule import Verdict
from dragoman.core.delivery.running import BindView
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.outcomes import Outcome
from dragoman.core.metrics import Metrics
from dragoman.ops.prometheus import GatewayCollector

PAIRS = frozenset({"refused", "outcomes", "finals", "receipts", "device_words", "bind_answers"})
"""Counters with two labels."""


_BIND: Final = BindView(
    bind_id=1,
    account_id=1,
    account="x",
    system_id="x",
    kind="transceiver",
    version="3.4",
    address="",
    tls=False,
    since_ms=0,
    idle_s=0.0,
    received=0,
    per_s=0.0,
    pending=0,
    delivered=0,
    outstanding=0,
    window=10,
    last_error="",
    logged=False,
)


class _Example:
    """A gateway with one of everything, so that each metric shows its labels."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        for name, counter in vars(self.metrics).items():
            if isinstance(counter, Counter):
                counter[("x", "y") if name in PAIRS else "x"] = 1

    def waiting(self) -> dict[str, Any]:
        return {"x": 1}

    oldest_waiting_s = carriers_up = waiting

    def window_use(self) -> dict[str, tuple[int, int]]:
        return {"x": (1, 1)}

    def callbacks_waiting(self) -> int:
        return 1

    def held_hosts(self) -> tuple[()]:
        return ()

    def binds(self) -> tuple[BindView, ...]:
        return (_BIND,)

    free_bytes = callbacks_waiting

    def problems(self) -> list[str]:
        return []


def list_metrics() -> Iterator[str]:
    """The lines of the page."""
    yield "What `/metrics` answers in Prometheus form. No label holds a number, a text or a key.\n"
    rows: list[tuple[str, ...]] = []
    found: set[str] = set()
    for family in GatewayCollector(_Example()).collect():
        suffix = "_total" if family.type == "counter" else ""
        labels = dict.fromkeys(label for sample in family.samples for label in sample.labels)
        labels.pop("le", None)
        found.update(labels)
        shown = ", ".join(f"`{label}`" for label in labels)
        rows.append((f"`{family.name}{suffix}`", family.type, shown, family.documentation))
    yield from table(("name", "type", "labels", "what it counts"), rows)
    yield "## Labels\n"
    meanings = _meanings()
    if missing := sorted(found - meanings.keys()):
        raise LookupError(f"nothing is said of the labels {missing}")
    yield from table(("label", "values"), [(f"`{name}`", text) for name, text in meanings.items()])


def _meanings() -> dict[str, str]:
    def listed(names: Iterable[str]) -> str:
        return ", ".join(f"`{name}`" for name in names)

    return {
        "dialect": "the API that a request came by; `cli` for the command line",
        "code": "the [code of the refusal](errors.md#refusals)",
        "carrier": "its name in the configuration; empty where none had the message",
        "outcome": listed(kind.__name__.lower() for kind in get_args(Outcome)),
        "state": listed(state.name.lower() for state in State if state >= State.UNKNOWN),
        "result": "of reports `matched`, `late`, `parked`, `on_its_way`, `unknown`; of reports from"
        " phones `taken`, `repeated`, `forged`, `unknown`; of callbacks "
        + listed(verdict.value for verdict in Verdict)
        + "; of e-mails their new state",
        "command_status": "of the answer (SMPP 3.4 s. 5.1.3); `0x00000000` is accepted",
        "request": listed(
            ("submit_sm", "submit_multi", "data_sm", "query_sm", "cancel_sm", "replace_sm")
        ),
        "kind": "`transmitter`, `receiver`, `transceiver`; `closing` while it is being unbound",
        "route": "its name in the configuration",
    }
