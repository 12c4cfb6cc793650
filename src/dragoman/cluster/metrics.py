"""Metrics of a cluster: every partition's, told apart by the label `partition`.

So what a partition counts begins anew where it changes hands, as counters do at a restart, and
whoever reads them can add up over partitions without losing anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from prometheus_client.core import Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from dragoman.core.delivery.running import Measured
from dragoman.core.placement.model.views import Overview
from dragoman.ops.prometheus import GatewayCollector


class Family(msgspec.Struct, frozen=True, array_like=True):
    """A metric with its values, as nodes tell each other."""

    name: str
    documentation: str
    kind: str
    samples: list[tuple[str, dict[str, str], float]]


def measure(gateways: Mapping[int, Measured]) -> list[Family]:
    """The metrics of some partitions."""
    families: dict[str, Family] = {}
    for partition, gateway in sorted(gateways.items()):
        label = {"partition": str(partition)}
        for metric in GatewayCollector(gateway).collect():
            family = families.setdefault(
                metric.name, Family(metric.name, metric.documentation, metric.type, [])
            )
            family.samples.extend(
                (sample.name, {**sample.labels, **label}, float(sample.value))
                for sample in metric.samples
            )
    return [*families.values()]


def measure_cluster(overview: Overview, heard: Mapping[str, bool]) -> list[Family]:
    """Metrics of the cluster itself; `heard` is whether each node told its own."""
    owned = [overview.node(claim.node) is not None for claim in overview.partitions]
    held = {claim.name: overview.node(claim.node) is not None for claim in overview.carriers}
    gauges = (
        ("node_up", "Whether a node told its metrics: 1 or 0.", "node", heard),
        (
            "partition_owned",
            "Whether a living node owns a partition: 1 or 0.",
            "partition",
            {str(number): is_owned for number, is_owned in enumerate(owned)},
        ),
        ("carrier_held", "Whether a living node holds a carrier: 1 or 0.", "carrier", held),
    )
    return [_family(*gauge) for gauge in gauges]


def _family(name: str, documentation: str, label: str, values: Mapping[str, bool]) -> Family:
    samples = [(f"dragoman_{name}", {label: of}, float(value)) for of, value in values.items()]
    return Family(f"dragoman_{name}", documentation, "gauge", samples)


def render(told: Iterable[Sequence[Family]]) -> bytes:
    """What several told, as Prometheus reads it: each metric once."""
    metrics: dict[str, Metric] = {}
    for family in (family for families in told for family in families):
        metric = metrics.setdefault(
            family.name, Metric(family.name, family.documentation, family.kind)
        )
        metric.samples.extend(Sample(*sample) for sample in family.samples)
    return generate_latest(_Told([*metrics.values()]))


class _Told(Collector):
    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics
