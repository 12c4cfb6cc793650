"""What `deploy/` ships names only what the gateway has: metrics, labels, settings."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .markdown import ROOT

DEPLOY = ROOT / "deploy"
ROW = re.compile(r"^\| `(dragoman_\w+)` \| (\w+) \| ([^|]*) \|", re.MULTILINE)
SELECTOR = re.compile(r"(dragoman_\w+)(?:\{([^}]*)\})?")
LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
SCRAPED = frozenset({"instance", "job"})
"""Labels that Prometheus itself adds."""


def known_metrics() -> dict[str, set[str]]:
    """The series that `/metrics` answers, as its reference lists them, with their labels."""
    known: dict[str, set[str]] = {}
    for name, kind, labels in ROW.findall((ROOT / "docs/reference/metrics.md").read_text()):
        own = set(re.findall(r"`(\w+)`", labels))
        known[name] = own
        if kind == "histogram":
            known |= {f"{name}_bucket": own | {"le"}, f"{name}_sum": own, f"{name}_count": own}
    return known


def mistakes(expression: str) -> list[str]:
    """Series and labels in a PromQL expression that no gateway has."""
    known, wrong = known_metrics(), []
    for name, selector in SELECTOR.findall(expression):
        if name not in known:
            wrong.append(name)
            continue
        wrong += [
            f"{name}: {label}"
            for label in LABEL.findall(selector)
            if label not in known[name] | SCRAPED
        ]
    return wrong


def dashboard() -> dict[str, Any]:
    board: dict[str, Any] = json.loads((DEPLOY / "grafana/dragoman.json").read_text())
    return board


def expressions(node: Any) -> Iterator[str]:
    """Every query of a dashboard, those of its variables included."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("expr", "definition") and isinstance(value, str):
                yield value
            else:
                yield from expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from expressions(value)


@pytest.mark.parametrize("file", ["prometheus/alerts.yml", "prometheus/alerts.test.yml"])
def test_rules_name_only_metrics_that_exist(file: str) -> None:
    text = (DEPLOY / file).read_text()
    assert SELECTOR.search(text)
    assert mistakes(text) == []


def test_the_dashboard_names_only_metrics_that_exist() -> None:
    found = list(expressions(dashboard()))
    assert len(found) > 20
    assert [m for expression in found for m in mistakes(expression)] == []


def test_a_metric_or_label_that_does_not_exist_is_noticed() -> None:
    assert mistakes("rate(dragoman_sent_total[5m])") == ["dragoman_sent_total"]
    assert mistakes('dragoman_carrier_up{route="x"}') == ["dragoman_carrier_up: route"]


def test_every_panel_of_the_dashboard_has_a_place_and_a_source_of_its_own() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        own = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not own & cells, f"{panel['title']} overlaps another panel"
        cells |= own
        for target in panel.get("targets", ()):
            assert target["datasource"]["uid"] == "${datasource}", panel["title"]


def test_every_alert_has_its_line_in_the_guide() -> None:
    names = re.findall(r"- alert: (\w+)", (DEPLOY / "prometheus/alerts.yml").read_text())
    guide = (ROOT / "docs/howto/monitoring.md").read_text()
    assert [name for name in names if not re.search(rf"\b{name}\b", guide)] == []


@pytest.mark.process
@pytest.mark.parametrize(
    "words", [("check", "rules", "alerts.yml"), ("test", "rules", "alerts.test.yml")], ids=" ".join
)
def test_prometheus_itself_takes_the_rules(words: tuple[str, ...]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt install prometheus)")
    done = subprocess.run(
        [promtool, *words],
        cwd=Path(DEPLOY / "prometheus"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
