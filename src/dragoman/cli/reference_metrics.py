"""The reference page of metrics: what `/metrics` answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import get_args

from dragoman.cli.reference_table import table
from dragoman.core.callbacks.schedule import Verdict
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.outcomes import Outcome
from dragoman.core.metrics import Metrics
from dragoman.ops.prometheus import GatewayCollector

PAIRS = frozenset({"refused", "outcomes", "finals", "receipts", "device_words"})
"""Counters with two labels."""


class _Example:
    """A gateway with one of everything, so that each metric shows its labels."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        for name, counter in vars(self.metrics).items():
            if isinstance(counter, Counter):
                counter[("x", "y") if name in PAIRS else "x"] = 1

    def waiting(self) -> dict[str, int]:
        return {"x": 1}

    def oldest_waiting_s(self) -> dict[str, float]:
        return {"x": 1.0}

    def window_use(self) -> dict[str, tuple[int, int]]:
        return {"x": (1, 1)}

    def callbacks_waiting(self) -> int:
        return 1


def list_metrics() -> Iterator[str]:
    """The lines of the page."""
    yield "What `/metrics` answers in Prometheus form. No label holds a number, a text or a key."
    yield ""
    rows: list[tuple[str, ...]] = []
    labels_of_all: set[str] = set()
    for family in GatewayCollector(_Example()).collect():
        suffix = "_total" if family.type == "counter" else ""
        labels = dict.fromkeys(label for sample in family.samples for label in sample.labels)
        labels_of_all.update(labels)
        shown = ", ".join(f"`{label}`" for label in labels if label != "le")
        rows.append((f"`{family.name}{suffix}`", family.type, shown, family.documentation))
    yield from table(("name", "type", "labels", "what it counts"), rows)
    yield "## Labels"
    yield ""
    words = _words_of_labels()
    missing = {label for label in labels_of_all - {"le"} if label not in words}
    if missing:
        raise LookupError(f"nothing is said of the labels {sorted(missing)}")
    yield from table(("label", "values"), [(f"`{name}`", text) for name, text in words.items()])


def _words_of_labels() -> dict[str, str]:
    def listed(names: Iterator[str]) -> str:
        return ", ".join(f"`{name}`" for name in names)

    return {
        "dialect": "the API by which it came; `cli` for the command line",
        "code": "the [code of the refusal](errors.md#refusals)",
        "carrier": "its name in the configuration; empty where none had the message",
        "outcome": listed(kind.__name__.lower() for kind in get_args(Outcome)),
        "state": listed(state.name.lower() for state in State if state >= State.UNKNOWN),
        "result": "of reports `matched`, `late`, `parked`, `on_its_way`, `unknown`; of what phones"
        " tell `taken`, `repeated`, `forged`, `unknown`; of callbacks "
        + listed(verdict.value for verdict in Verdict)
        + "; of mails the state it has then",
        "route": "its name in the configuration",
    }
