"""Lints and renders the charts of `deploy/helm`; each object has to be one that Kubernetes knows.

Run by `script/check-deploy`, in the environment that it makes: helm-python-sdk is Helm's own code
as a library, kubernetes-validate has the schemas that Kubernetes publishes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import helm_python as helm
import kubernetes_validate
import yaml

ROOT = Path(__file__).resolve().parents[1]
OLDEST, NEWEST = "1.29", kubernetes_validate.latest_version()
"""Versions of Kubernetes: the first that the charts are for, and the last there is a schema of."""
WARNING = 2
CHARTS: dict[str, tuple[str, ...]] = {
    "dragoman": (
        "secrets.existingSecret=secrets",
        "storage.urlSecret.name=database",
        "smppServer.enabled=true",
        "ingress.enabled=true",
        "serviceMonitor.enabled=true",
    ),
    "dragoman-cluster": (
        "smppServer.enabled=true",
        "serviceMonitor.enabled=true",
        "nats.storageClass=fast",
        "postgresql.storageClass=fast",
        "postgresql.enabled=false",
    ),
}
"""Each chart, and values that switch its parts: the next is tried beside those before it."""
UNSCHEMED = frozenset({"ServiceMonitor"})
"""Kinds that are not Kubernetes' own."""


def objects(chart: helm.Chart, values: dict) -> list[dict]:
    """What Helm makes of a chart. Raises HelmError where it makes nothing."""
    files = chart.render(values, name="sms", namespace="default")
    texts = [text for name, text in files.items() if not name.endswith("NOTES.txt")]
    return [one for text in texts for one in yaml.safe_load_all(text) if one]


def check(name: str, switches: tuple[str, ...]) -> int:
    """How many objects the chart has with all its parts; exits where something is wrong."""
    path = str(ROOT / "deploy/helm" / name)
    found: list[dict] = []
    with helm.Chart.load(path) as chart:
        for count in range(len(switches) + 1):
            values = helm.parse_set_string(",".join(switches[:count])) if count else {}
            chart.validate_schema(values)
            report = helm.lint(path, values, strict=True, kube_version=f"v{OLDEST}.0")
            wrong = [one for one in report["messages"] if one["severity"] >= WARNING]
            if wrong or report["errors"]:
                sys.exit(f"{name} with {values}: {wrong} {report['errors']}")
            found = objects(chart, values)
            for one in found:
                if one["kind"] not in UNSCHEMED:
                    for version in (OLDEST, NEWEST):
                        kubernetes_validate.validate(one, version, strict=True)
    return len(found)


counts = [str(check(name, switches)) for name, switches in CHARTS.items()]
print(
    f"Helm {helm.helm_sdk_version()} lints both charts and renders {' and '.join(counts)} objects,"
)
print(f"which the schemas of Kubernetes {OLDEST} and {NEWEST} have as they are")
