"""The gateway's metrics in Prometheus form, collected on request at no cost to the hot path."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from dragoman.core.delivery.running import Measured
from dragoman.core.metrics import Histogram


class GatewayCollector(Collector):
    """Reads a gateway each time Prometheus calls."""

    def __init__(self, gateway: Measured) -> None:
        self._gateway = gateway

    def collect(self) -> Iterable[Metric]:
        gateway, metrics = self._gateway, self._gateway.metrics
        yield _counter("messages_accepted", "Messages accepted.", ["dialect"], metrics.accepted)
        yield _counter(
            "requests_refused", "Requests refused.", ["dialect", "code"], metrics.refused
        )
        yield _counter(
            "submits", "Answers of carriers to messages.", ["carrier", "outcome"], metrics.outcomes
        )
        yield _counter(
            "messages_final", "Messages that ended.", ["carrier", "state"], metrics.finals
        )
        yield _counter("receipts", "Delivery reports.", ["carrier", "result"], metrics.receipts)
        yield _counter("inbound_texts", "Texts received.", ["carrier"], metrics.inbound)
        yield _counter(
            "device_words",
            "Events and states that phones reported.",
            ["carrier", "result"],
            metrics.device_words,
        )
        yield _counter("callback_attempts", "Calls to customers.", ["result"], metrics.callbacks)
        yield _counter(
            "binds_asked",
            "Answers to programs that wanted to bind.",
            ["command_status"],
            metrics.binds_asked,
        )
        yield _counter(
            "bind_requests",
            "Answers to requests of programs that are bound.",
            ["request", "command_status"],
            metrics.bind_answers,
        )
        binds = gateway.binds()
        kinds = Counter(bind.kind for bind in binds)
        yield _gauge("binds", "Programs that are bound.", ["kind"], kinds)
        yield GaugeMetricFamily(
            "dragoman_bind_deliveries_outstanding",
            "Receipts and texts that binds have not answered.",
            sum(bind.outstanding for bind in binds),
        )
        yield _counter("mail_attempts", "Mails of campaigns.", ["result"], metrics.mails)
        yield CounterMetricFamily(
            "dragoman_notes_left_out",
            "Notes on single messages that were too many, or could not be stored.",
            metrics.notes_left_out,
        )
        yield CounterMetricFamily(
            "dragoman_feed_dropped",
            "State changes that listeners of the live feed were too slow for.",
            metrics.feed_dropped,
        )
        yield _histogram("submit_duration_seconds", "Time to a carrier's answer.", metrics.submit_s)
        yield _histogram("commit_duration_seconds", "Time of a group commit.", metrics.commit_s)
        yield _histogram(
            "callback_delay_seconds",
            "Time from a state change to the customer's yes.",
            metrics.callback_delay_s,
        )
        yield _gauge("queue_messages", "Messages queued.", ["route"], gateway.waiting())
        yield _gauge(
            "queue_age_seconds",
            "Age of the oldest queued message.",
            ["route"],
            gateway.oldest_waiting_s(),
        )
        use = gateway.window_use()
        yield _gauge(
            "window_in_flight",
            "Parts handed to a carrier whose outcome is not stored.",
            ["carrier"],
            {name: in_flight for name, (in_flight, _) in use.items()},
        )
        yield _gauge(
            "window_size",
            "Parts a carrier's bound links may have in flight; 0 is down.",
            ["carrier"],
            {name: size for name, (_, size) in use.items()},
        )
        yield _gauge(
            "carrier_up", "Whether a carrier is up: 1 or 0.", ["carrier"], gateway.carriers_up()
        )
        yield GaugeMetricFamily(
            "dragoman_ready", "Whether messages are accepted: 1 or 0.", not gateway.problems()
        )
        free = gateway.free_bytes()
        if free is not None:
            yield GaugeMetricFamily(
                "dragoman_disk_free_bytes", "Free space on the disk of the database.", free
            )
        yield GaugeMetricFamily(
            "dragoman_callbacks_waiting", "Callbacks to be made.", gateway.callbacks_waiting()
        )
        yield GaugeMetricFamily(
            "dragoman_callback_hosts_held",
            "Customers' hosts that fail, counted for each account.",
            len(gateway.held_hosts()),
        )


def _counter(
    name: str,
    documentation: str,
    labels: list[str],
    counts: Counter[str] | Counter[tuple[str, str]],
) -> CounterMetricFamily:
    family = CounterMetricFamily(f"dragoman_{name}", documentation, labels=labels)
    for key, count in list(counts.items()):
        family.add_metric([key] if isinstance(key, str) else list(key), count)
    return family


def _gauge(
    name: str, documentation: str, labels: list[str], values: Mapping[str, float]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"dragoman_{name}", documentation, labels=labels)
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _histogram(name: str, documentation: str, histogram: Histogram) -> HistogramMetricFamily:
    family = HistogramMetricFamily(f"dragoman_{name}", documentation)
    counts = list(accumulate(histogram.counts))
    bounds = [*(str(float(bound)) for bound in histogram.bounds), "+Inf"]
    family.add_metric([], list(zip(bounds, counts, strict=True)), histogram.total)
    return family
