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
import yaml

from dragoman.config import load

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


CHARTS = sorted(path for path in (DEPLOY / "helm").iterdir() if path.is_dir())
TEMPLATES = sorted(path for chart in CHARTS for path in (chart / "templates").iterdir())
each_chart = pytest.mark.parametrize("chart", CHARTS, ids=lambda path: path.name)
ACTION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
OPENS = ("if ", "with ", "range ", "define ")


def leaves(node: Any, path: str = "") -> Iterator[str]:
    """The paths of a chart's values; an empty table is a value."""
    if isinstance(node, dict) and node and path not in ("resources",):
        for key, value in node.items():
            yield from leaves(value, f"{path}.{key}" if path else key)
    else:
        yield path


@each_chart
def test_the_chart_uses_exactly_the_values_it_has(chart: Path) -> None:
    """Helm itself checks more: `script/check-deploy`."""
    values = yaml.safe_load((chart / "values.yaml").read_text())
    text = "".join(path.read_text() for path in (chart / "templates").iterdir())
    assert set(re.findall(r"\.Values\.([\w.]+)", text)) == set(leaves(values))


@each_chart
def test_the_schema_of_the_chart_has_every_value(chart: Path) -> None:
    values = yaml.safe_load((chart / "values.yaml").read_text())
    schema = json.loads((chart / "values.schema.json").read_text())

    def unknown(value: Any, kind: dict[str, Any], path: str) -> Iterator[str]:
        for key, inner in value.items() if "properties" in kind else ():
            if key not in kind["properties"]:
                yield f"{path}{key}"
            elif isinstance(inner, dict):
                yield from unknown(inner, kind["properties"][key], f"{path}{key}.")

    assert list(unknown(values, schema, "")) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parts[-3]}/{path.name}")
def test_every_block_of_a_template_is_closed(path: Path) -> None:
    depth = 0
    for action in ACTION.findall(path.read_text()):
        depth += action.startswith(OPENS)
        depth -= action == "end"
        assert depth >= 0, path.name
    assert depth == 0


SECRETS = {
    "carrier-password": "secret",
    "cluster-secret": "shown by nodes to each other",
    "database-url": "postgresql://dragoman:secret@postgresql/dragoman",
    "dragoman.key": "",
}


def write_configuration(chart: Path, folder: Path) -> Path:
    """The configuration of a chart, with secrets in a folder of the test's."""
    for name, content in SECRETS.items():
        (folder / name).write_text(content)
    config = yaml.safe_load((chart / "values.yaml").read_text())["config"]
    file = folder / "dragoman.toml"
    file.write_text(config.replace("/run/secrets/dragoman/", f"{folder}/"))
    return file


@each_chart
def test_the_configuration_in_the_chart_is_valid(chart: Path, tmp_path: Path) -> None:
    settings = load(write_configuration(chart, tmp_path), {})
    assert [carrier.name for carrier in settings.carriers] == ["main"]


def check_node(environment: dict[str, str], folder: Path) -> None:
    """Fails unless a node can start with the chart's configuration and an environment."""
    file = write_configuration(DEPLOY / "helm/dragoman-cluster", folder)
    here = re.compile(r"/run/secrets(/dragoman)?/")
    given = {name: here.sub(f"{folder}/", value) for name, value in environment.items()}
    cluster = load(file, given).cluster
    assert (cluster.partitions, cluster.listen) == (16, "0.0.0.0:8090")
    assert cluster.secret == SECRETS["cluster-secret"]
    assert cluster.public_address == f"{cluster.node}:8090".replace("sms-0:", "sms-0.sms-nodes:")
    assert len(cluster.nats.split(",")) == 3


def test_the_nodes_of_the_chart_are_configured(tmp_path: Path) -> None:
    text = (DEPLOY / "helm/dragoman-cluster/templates/_helpers.tpl").read_text()
    pairs = re.findall(r"- \{name: (DRAGOMAN_(?!METRICS|CONFIG)\w+), value: (.+)\}\n", text)
    rendered = {
        "{{ .Values.partitions | quote }}": "16",
        '{{ include "cluster.name" . }}': "sms",
        "$(POD_NAME)": "sms-0",
    }
    environment = {}
    for name, value in pairs:
        for template, plain in rendered.items():
            value = value.replace(template, plain)
        environment[name] = "nats://a,nats://b,nats://c" if "NATS" in name else value.strip('"')
    check_node(environment, tmp_path)


def test_the_compose_file_of_a_cluster_has_all_it_needs(tmp_path: Path) -> None:
    services = yaml.safe_load((DEPLOY / "compose.cluster.yaml").read_text())["services"]
    assert [name for name in services if name.startswith("nats-")] == ["nats-1", "nats-2", "nats-3"]
    nodes = {name: one for name, one in services.items() if name.startswith("node-")}
    assert list(nodes) == ["node-a", "node-b", "node-c"]
    ports = set()
    for name, node in nodes.items():
        environment = dict(node["environment"])
        environment.pop("DRAGOMAN_CONFIG")
        assert environment["DRAGOMAN_CLUSTER__PUBLIC_ADDRESS"] == f"{name}:8090"
        environment["DRAGOMAN_CLUSTER__NODE"] = name
        check_node(environment, tmp_path)
        assert node["depends_on"].keys() <= services.keys()
        ports |= set(node["ports"])
    assert len(ports) == len(nodes)


@each_chart
def test_the_versions_of_the_chart_are_those_of_the_program(chart: Path) -> None:
    said = yaml.safe_load((chart / "Chart.yaml").read_text())
    program = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert program is not None
    assert str(said["appVersion"]) == program[1]


def test_the_builder_is_sent_all_that_the_image_copies() -> None:
    kept = re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    copies = re.findall(
        r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE
    )
    assert sorted(kept) == sorted(name for line in copies for name in line.split())
