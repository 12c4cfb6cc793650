"""The status page of Kannel's admin port, with the figures of this gateway.

Monitoring scripts read `status.xml`; people read the other three. Answers have status 200 whatever
happens, as there.
"""

from __future__ import annotations

import hmac
from collections import deque
from collections.abc import Iterable, Sequence
from html import escape
from ipaddress import ip_address
from types import MappingProxyType
from typing import Final, NamedTuple

from dragoman import __version__
from dragoman.container import Services
from dragoman.kit.token_bucket import TokenBucket
from dragoman.web.operations import Operation
from dragoman.web.requests import Request
from dragoman.web.responses import Response

PATHS: Final = tuple(
    f"{folder}/status{suffix}"
    for folder in ("", "/cgi-bin")
    for suffix in ("", ".xml", ".html", ".txt", ".wml")
)
TYPES: Final = MappingProxyType(
    {
        "wml": b"text/vnd.wap.wml",
        "html": b"text/html",
        "xml": b"text/xml",
        "txt": b"text/plain",
    }
)
"""The forms, in the order in which a caller that takes several gets one."""
WINDOWS_S: Final = (60, 300, 900)
SAMPLE_S: Final = 5.0
GUESSES: Final = 10
GUESSES_PER_S: Final = 0.2
FINISHED: Final = ("delivered", "undelivered", "expired", "unknown")
"""What ends the wait for a receipt."""


class Counts(NamedTuple):
    """What passed since the start: texts in and out, receipts in."""

    received: int = 0
    sent: int = 0
    receipts: int = 0

    def per_s(self, earlier: Counts, seconds: float) -> tuple[float, ...]:
        """How many of each a second since earlier counts."""
        return tuple((now - then) / seconds for now, then in zip(self, earlier, strict=True))


class Carrier(NamedTuple):
    """A carrier, as an SMSC is shown."""

    name: str
    state: str
    counts: Counts
    rates: Sequence[tuple[float, ...]]
    failed: int
    queued: int


class Status(NamedTuple):
    """Everything that the page shows."""

    state: str
    uptime_s: int
    total: Counts
    rates: Sequence[tuple[float, ...]]
    queued: int
    stored: int
    awaited: int
    carriers: Sequence[Carrier]


class StatusPage:
    """Answers `/status`; it keeps the counts of the last quarter of an hour for its rates."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._settings = services.settings.dialects.kannel
        self._began = services.clock.monotonic()
        self._samples: deque[tuple[float, dict[str, Counts]]] = deque([(self._began, {})])
        self._guesses = TokenBucket(rate_per_s=GUESSES_PER_S, burst=GUESSES, now=self._began)

    def operations(self) -> Iterable[Operation]:
        """Its paths; none without a password."""
        for path in PATHS if self._settings.status_password else ():
            yield Operation(
                methods=("GET",),
                path=path,
                handler=self.show,
                summary="Show the state of the gateway",
                source="Kannel user guide, HTTP administration",
                answers={200: None},
                answer_formats=("xml",) if path.endswith(".xml") else ("text",),
            )

    async def show(self, request: Request) -> Response:
        """The page, or `Denied`."""
        form = _form_of(request)
        if not self._is_allowed(request):
            return _respond(form, "Denied")
        return _respond(form, RENDERERS[form](self.read()))

    def read(self) -> Status:
        """The figures as they are now."""
        services, now = self._services, self._services.clock.monotonic()
        counts = {name: self._counts_of(name) for name in services.connectors}
        rates = self._rates(now, counts)
        in_flight = services.dispatcher.in_flight()
        outcomes, finals = services.metrics.outcomes, services.metrics.finals
        carriers = tuple(
            Carrier(
                name=name,
                state=self._state_of(name),
                counts=counts[name],
                rates=rates[name],
                failed=outcomes[name, "rejected"],
                queued=in_flight.get(name, 0),
            )
            for name in services.connectors
        )
        queued = sum(
            services.queue.depth(route) + services.dispatcher.waiting(route)
            for route in services.router.routes
        )
        awaited = sum(
            max(
                0,
                outcomes[name, "accepted"] - sum(finals[name, state] for state in FINISHED),
            )
            for name in services.connectors
        )
        return Status(
            state="running" if services.health.is_running else "going down",
            uptime_s=round(now - self._began),
            total=_sum(counts.values()),
            rates=tuple(tuple(map(sum, zip(*each, strict=True))) for each in _by_window(rates)),
            queued=queued,
            stored=queued + sum(in_flight.values()),
            awaited=awaited,
            carriers=carriers,
        )

    def _counts_of(self, carrier: str) -> Counts:
        metrics = self._services.metrics
        receipts = sum(count for (name, _), count in metrics.receipts.items() if name == carrier)
        return Counts(metrics.inbound[carrier], metrics.outcomes[carrier, "accepted"], receipts)

    def _state_of(self, carrier: str) -> str:
        services = self._services
        if not services.connectors[carrier].up:
            return "re-connecting"
        since = services.dispatcher.up_since.get(carrier, self._began)
        return f"online {max(0, round(services.clock.monotonic() - since))}s"

    def _rates(
        self, now: float, counts: dict[str, Counts]
    ) -> dict[str, tuple[tuple[float, ...], ...]]:
        """A carrier's counts a second over 1, 5 and 15 minutes.

        Counts are taken when the page is asked for, so with fewer calls the times are longer.
        """
        if now - self._samples[-1][0] >= SAMPLE_S:
            self._samples.append((now, counts))
        while len(self._samples) > 1 and self._samples[1][0] <= now - WINDOWS_S[-1]:
            self._samples.popleft()
        rates = {}
        for name, current in counts.items():
            each = []
            for window_s in WINDOWS_S:
                older = [one for one in self._samples if one[0] <= now - window_s]
                at, then = older[-1] if older else self._samples[0]
                each.append(current.per_s(then.get(name, Counts()), max(now - at, 1.0)))
            rates[name] = tuple(each)
        return rates

    def _is_allowed(self, request: Request) -> bool:
        try:
            caller = ip_address(request.client)
        except ValueError:
            return False
        if not any(caller in network for network in self._settings.status_networks):
            return False
        now = self._services.clock.monotonic()
        if self._guesses.wait_s(now) > 0:
            return False
        given = request.query.get("password", "").encode("latin-1", "replace")
        if hmac.compare_digest(given, self._settings.status_password.encode()):
            return True
        self._guesses.take(now)
        return False


def _sum(counts: Iterable[Counts]) -> Counts:
    columns = zip(*counts, strict=True)
    return Counts(*map(sum, columns))


def _by_window(
    rates: dict[str, tuple[tuple[float, ...], ...]],
) -> list[list[tuple[float, ...]]]:
    return [
        [each[at] for each in rates.values()] or [(0.0, 0.0, 0.0)] for at in range(len(WINDOWS_S))
    ]


def _form_of(request: Request) -> str:
    _, dot, suffix = request.path.rpartition(".")
    if dot:
        return suffix
    accepted = request.header(b"accept").decode("latin-1").lower()
    for form, media in TYPES.items():
        # curl takes anything, so it gets the first, as from Kannel.
        if not accepted or "*/*" in accepted or media.decode() in accepted:
            return form
    return "txt"


def _respond(form: str, body: str) -> Response:
    head, foot = FRAMES[form]
    return Response(200, f"{head}{body}{foot}".encode(), TYPES[form])


FRAMES: Final = MappingProxyType(
    {
        "wml": (
            '<?xml version="1.0"?>\n<!DOCTYPE wml PUBLIC "-//WAPFORUM//DTD WML 1.1//EN"'
            ' "http://www.wapforum.org/DTD/wml_1.1.xml">\n\n<wml>\n <card>\n  <p>',
            "</p>\n </card>\n</wml>\n",
        ),
        "html": (
            "<!DOCTYPE html>\n<html>\n<title>Dragoman</title>\n<body>\n<p>",
            "</p>\n</body></html>\n",
        ),
        "xml": ('<?xml version="1.0"?>\n<gateway>\n', "</gateway>\n"),
        "txt": ("", ""),
    }
)
"""What stands around the page in each form."""


def _lines(status: Status) -> list[str]:
    """The page as paragraphs of lines."""
    total, carriers = status.total, status.carriers
    shown = [
        f"Dragoman version `{__version__}'.",
        "",
        f"Status: {status.state}, uptime {_age(status.uptime_s)}",
        "",
        "WDP: received 0 (0 queued), sent 0 (0 queued)",
        "",
        f"SMS: received {total.received} (0 queued), sent {total.sent} ({status.queued} queued),"
        f" store size {status.stored}",
        f"SMS: inbound ({_three(status.rates, 0)}) msg/sec,"
        f" outbound ({_three(status.rates, 1)}) msg/sec",
        "",
        f"DLR: received {total.receipts}, sent 0",
        f"DLR: inbound ({_three(status.rates, 2)}) msg/sec, outbound (0.00,0.00,0.00) msg/sec",
        f"DLR: {status.awaited} queued, using internal storage",
        "",
        "Box connections:",
        f"    smsbox:dragoman, IP 127.0.0.1 (0 queued), (on-line {_age(status.uptime_s)})",
        "",
        "SMSC connections:" if carriers else "No SMSC connections",
    ]
    for one in carriers:
        counts = one.counts
        shown.append(
            f"    {one.name}[{one.name}]    {one.name} ({one.state},"
            f" rcvd: sms {counts.received} ({_three(one.rates, 0)})"
            f" / dlr {counts.receipts} ({_three(one.rates, 2)}),"
            f" sent: sms {counts.sent} ({_three(one.rates, 1)}) / dlr 0 (0.00,0.00,0.00),"
            f" failed {one.failed}, queued {one.queued} msgs)"
        )
    return [*shown, "", ""]


def _render_text(status: Status) -> str:
    return "\n".join(_lines(status))


def _render_html(status: Status) -> str:
    return _paragraphs(status, "<br>\n")


def _render_wml(status: Status) -> str:
    return _paragraphs(status, "<br/>\n")


def _paragraphs(status: Status, line_break: str) -> str:
    text = "\n".join(map(escape, _lines(status))).strip()
    blocks = (block.replace("\n", line_break) for block in text.split("\n\n"))
    return "</p>\n\n<p>".join(blocks)


def _render_xml(status: Status) -> str:
    total = status.total
    boxes = _element(
        "box",
        _element("type", "smsbox"),
        _element("id", "dragoman"),
        _element("IP", "127.0.0.1"),
        _element("queue", 0),
        _element("status", f"on-line {_age(status.uptime_s)}"),
        _element("ssl", "no"),
    )
    return "\n".join(
        (
            _element("version", f"Dragoman version `{__version__}'."),
            _element("status", f"{status.state}, uptime {_age(status.uptime_s)}"),
            _element("wdp", _counted("received", 0, 0), _counted("sent", 0, 0)),
            _element(
                "sms",
                _counted("received", total.received, 0),
                _counted("sent", total.sent, status.queued),
                _element("storesize", status.stored),
                _element("inbound", _three(status.rates, 0)),
                _element("outbound", _three(status.rates, 1)),
            ),
            _element(
                "dlr",
                _element("received", _element("total", total.receipts)),
                _element("sent", _element("total", 0)),
                _element("inbound", _three(status.rates, 2)),
                _element("outbound", "0.00,0.00,0.00"),
                _element("queued", status.awaited),
                _element("storage", "internal"),
            ),
            _element("boxes", boxes),
            _element(
                "smscs",
                _element("count", len(status.carriers)),
                *map(_render_carrier, status.carriers),
            ),
            "",
        )
    )


def _render_carrier(one: Carrier) -> str:
    return _element(
        "smsc",
        _element("name", escape(one.name)),
        _element("admin-id", escape(one.name)),
        _element("id", escape(one.name)),
        _element("status", one.state),
        _element("failed", one.failed),
        _element("queued", one.queued),
        _element(
            "sms",
            _element("received", one.counts.received),
            _element("sent", one.counts.sent),
            _element("inbound", _three(one.rates, 0)),
            _element("outbound", _three(one.rates, 1)),
        ),
        _element(
            "dlr",
            _element("received", one.counts.receipts),
            _element("sent", 0),
            _element("inbound", _three(one.rates, 2)),
            _element("outbound", "0.00,0.00,0.00"),
        ),
    )


RENDERERS: Final = MappingProxyType(
    {"wml": _render_wml, "html": _render_html, "xml": _render_xml, "txt": _render_text}
)


def _counted(name: str, total: int, queued: int) -> str:
    return _element(name, _element("total", total), _element("queued", queued))


def _element(name: str, *content: str | int) -> str:
    """An element; several of what is in it, or other elements, stand on lines of their own."""
    inside = "\n".join(map(str, content))
    if len(content) == 1 and not inside.startswith("<"):
        return f"<{name}>{inside}</{name}>"
    indented = inside.replace("\n", "\n\t")
    return f"<{name}>\n\t{indented}\n</{name}>"


def _three(rates: Sequence[tuple[float, ...]], which: int) -> str:
    return ",".join(f"{each[which]:.2f}" for each in rates)


def _age(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days}d {hours}h {minutes}m {seconds}s"
