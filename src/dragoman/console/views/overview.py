"""The overview: recent traffic, the queue and the remaining credits."""

from __future__ import annotations

from typing import Final

from dragoman.console.charts import Column, draw_columns, draw_share
from dragoman.console.labels import FAILURES
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.rendering import render_span
from dragoman.console.tables import render_csv
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.messages.model.outcomes import LONGER, STEPS_S
from dragoman.core.model.countries import country_name
from dragoman.core.model.errors import FailureCode
from dragoman.core.reporting.traffic import Lately, Period, Share, TrafficReport
from dragoman.web.responses import Response

TITLES: Final = {Lately.DAY: "24 hours", Lately.WEEK: "7 days", Lately.MONTH: "30 days"}
SERIES: Final = ("delivered", "waiting", "failed")
"""The classes that colour the columns; `_SERIES_LABELS` are their names."""
_SERIES_LABELS: Final = ("delivered", "in progress", "failed")
MOST_SHARES: Final = 12
"""Countries and routes on the page; the file has them all."""
_FEWEST: Final = 6
"""Steps of delivery time that a chart has at least."""
_FORMS: Final = {Lately.DAY: "%H:%M", Lately.WEEK: "%a %d", Lately.MONTH: "%b %d"}


async def show_overview(request: PageRequest) -> Response:
    """Figures, charts and tables of a time."""
    services, lately = request.services, _lately(request)
    report = await _report(request, lately)
    form = _FORMS[lately]
    columns = [_column(period, form) for period in report.periods]
    times = _delivery_times(report.whole)
    machine = request.context.machine if request.account.may(Permission.OPERATE) else None
    return request.show(
        "overview.html",
        lately=lately,
        spans=TITLES,
        report=report,
        columns=columns,
        balance=await services.accounts.balance(request.account),
        problems_of_gateway=machine.problems() if machine is not None else [],
        warnings=machine.warnings() if machine is not None else [],
        waiting=machine.waiting() if machine is not None else {},
        oldest=machine.oldest_waiting_s() if machine is not None else {},
        chart=draw_columns(f"Messages sent in {TITLES[lately]}", SERIES, columns),
        delivery_times=times,
        time_chart=draw_columns("Delivered messages by delivery time", SERIES[:1], times),
        groups=(
            ("Countries", "Country", _named(report.countries, is_country=True)),
            ("Routes", "Route", _named(report.routes, is_country=False)),
        ),
        most=MOST_SHARES,
        failures=_failures(report.whole),
        draw_share=draw_share,
    )


async def give_figures(request: PageRequest) -> Response:
    """The same figures as a file."""
    lately = _lately(request)
    report = await _report(request, lately)
    head = (
        "group", "name", "total", "delivered", "in progress", "failed", "received", "delivery rate",
        "median delivery time (s)", "p95 delivery time (s)",
    )  # fmt: skip
    rows = [_figures("all", "", report.whole, report.received)]
    for period in report.periods:
        start = period.start.isoformat(timespec="minutes")
        rows.append(_figures("time", start, period.sent, period.received))
    for group, shares in (("country", report.countries), ("route", report.routes)):
        rows += (_figures(group, share.name, share) for share in shares)
        rows += (
            (f"failure by {group}", f"{share.name} {failure}", counted)
            for share in shares
            for failure, counted in sorted(share.failures.items())
        )
    return request.give_file(f"dragoman-{lately.value}.csv", render_csv(head, rows))


def _lately(request: PageRequest) -> Lately:
    wanted = request.query.get("time", "")
    return Lately(wanted) if wanted in Lately._value2member_map_ else Lately.DAY


async def _report(request: PageRequest, lately: Lately) -> TrafficReport:
    return await request.services.traffic.report(await request.tree(), lately, str(request.zone))


def _waiting(share: Share) -> int:
    return share.states.get("queued", 0) + share.states.get("sent", 0)


def _column(period: Period, form: str) -> Column:
    sent = period.sent
    label = period.start.strftime(form)
    values = (sent.delivered, _waiting(sent), sent.failed)
    counts = ", ".join(
        f"{value} {name}" for name, value in zip(_SERIES_LABELS, values, strict=True)
    )
    return Column(label=label, title=f"{label}: {counts}", values=values)


def _delivery_times(whole: Share) -> list[Column]:
    """How many messages arrived within each step, up to the last that has any; none for none."""
    steps = [(str(step_s), render_span(step_s)) for step_s in STEPS_S]
    steps.append((LONGER, f"over {steps[-1][1]}"))
    counts = [whole.times.get(name, 0) for name, _ in steps]
    last = max((index for index, count in enumerate(counts) if count), default=-1)
    if last < 0:
        return []
    return [
        Column(label=label, title=f"{label}: {count} delivered", values=(count,))
        for (_, label), count in list(zip(steps, counts, strict=True))[: max(last + 1, _FEWEST)]
    ]


def _named(
    shares: tuple[Share, ...], *, is_country: bool
) -> list[tuple[str, Share, list[tuple[str, int]]]]:
    return [
        (country_name(share.name) if is_country else share.name, share, _failures(share)[:2])
        for share in shares
    ]


def _failures(share: Share) -> list[tuple[str, int]]:
    """Why messages failed, the most frequent cause first."""
    ordered = sorted(share.failures.items(), key=lambda item: -item[1])
    known = FailureCode._value2member_map_
    return [
        (FAILURES[FailureCode(name)] if name in known else name, counted)
        for name, counted in ordered
    ]


def _figures(
    group: str, name: str, share: Share, received: int | None = None
) -> tuple[object, ...]:
    rate = share.delivery_rate
    return (
        group,
        name,
        share.total,
        share.delivered,
        _waiting(share),
        share.failed,
        received,
        None if rate is None else f"{rate:.4f}",
        share.delivered_within_s(0.5),
        share.delivered_within_s(0.95),
    )


PAGES: Final = (
    Page("", "Overview", menu="Overview", show=show_overview),
    Page("/figures.csv", "Overview", section="Overview", show=give_figures),
)
