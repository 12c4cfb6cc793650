"""The overview: recent traffic, the queue and the remaining credits."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final, NamedTuple
from urllib.parse import urlencode

from dragoman.console.charts import Column, draw_columns, draw_share
from dragoman.console.labels import FAILURES
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.place import PREFIX
from dragoman.console.rendering import render_count, render_span
from dragoman.console.tables import render_csv, render_rows
from dragoman.console.translation import gettext, lazy
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.billing.model.pricing import render_price
from dragoman.core.messages.model.outcomes import LONGER, STEPS_S
from dragoman.core.model.countries import country_name
from dragoman.core.model.errors import FailureCode
from dragoman.core.reporting.monthly import MonthOfAccount
from dragoman.core.reporting.traffic import Lately, Period, Share, TrafficReport
from dragoman.kit.zones import DAY_MS
from dragoman.web.responses import Response

TITLES: Final = {
    Lately.DAY: lazy("24 hours"),
    Lately.WEEK: lazy("7 days"),
    Lately.MONTH: lazy("30 days"),
}
SERIES: Final = ("delivered", "waiting", "failed")
"""The classes that colour the columns; `_SERIES_LABELS` are their names."""
_SERIES_LABELS: Final = (lazy("delivered"), lazy("in progress"), lazy("failed"))
MOST_SHARES: Final = 12
"""Countries and routes on the page; the file has them all."""
_FEWEST: Final = 6
"""Steps of delivery time that a chart has at least."""
_FEW_DAYS: Final = 7
MAX_DAYS: Final = 366
"""Days of a time that anyone may choose."""
MONTHS: Final = 24
"""Months of the report by account, this one included."""
EARLIEST_YEAR: Final = 2000
LATEST_YEAR: Final = 2100
STATES_OF: Final = {
    "delivered": "delivered",
    "waiting": "queued,sending,sent",
    "failed": "failed,unknown",
}
"""The states behind each figure, as a search takes them."""


class Chosen(NamedTuple):
    """The time that was asked for."""

    lately: Lately | None
    """None for days that were chosen."""
    first: date | None = None
    last: date | None = None
    is_compared: bool = False

    @property
    def title(self) -> str:
        """The time in words."""
        if self.lately is not None:
            return TITLES[self.lately]
        return gettext("{first} to {last}").format(first=self.first, last=self.last)

    @property
    def query(self) -> str:
        """The address of the same time."""
        given: dict[str, str] = {"compare": "1"} if self.is_compared else {}
        if self.lately is not None:
            given["time"] = self.lately.value
        else:
            given |= {"from": str(self.first), "to": str(self.last)}
        return "?" + urlencode(given)


async def show_overview(request: PageRequest) -> Response:
    """Figures, charts and tables of a time, each of which leads to its messages."""
    services, chosen = request.services, _read_time(request)
    report, before = await _report(request, chosen)
    columns = [_column(period, report) for period in report.periods]
    times = _delivery_times(report.whole)
    operates = request.account.may(Permission.OPERATE)
    seen = await request.context.machine.situation() if operates else None
    link = partial(_address, **_span_of(report))
    return request.show(
        "overview.html",
        400 if request.problems else 200,
        chosen=chosen,
        typed={name: request.query.get(name, "") for name in ("from", "to")},
        spans=TITLES,
        report=report,
        before=before,
        compare=_compare,
        columns=columns,
        rows=[(period, _span(period.start, report.unit_ms)) for period in report.periods],
        link=link,
        link_of=_address,
        states=STATES_OF,
        balance=await services.accounts.balance(request.account),
        problems_of_gateway=seen.problems if seen is not None else (),
        warnings=seen.warnings if seen is not None else (),
        waiting=seen.waiting if seen is not None else {},
        oldest=seen.oldest_s if seen is not None else {},
        chart=draw_columns(
            gettext("Messages sent in {title}").format(title=chosen.title), SERIES, columns
        ),
        delivery_times=times,
        time_chart=draw_columns(gettext("Delivered messages by delivery time"), SERIES[:1], times),
        groups=(
            (
                gettext("Countries"),
                gettext("Country"),
                "country",
                _named(report.countries, is_country=True),
            ),
            (gettext("Routes"), gettext("Route"), "route", _named(report.routes, is_country=False)),
        ),
        most=MOST_SHARES,
        failures=_failures(report.whole),
        draw_share=draw_share,
        render_price=render_price,
        may_send=request.account.may(Permission.SEND),
        inbox=f"{PREFIX}/inbox?" + urlencode(_span_of(report)),
    )


async def give_figures(request: PageRequest) -> Response:
    """The same figures as a file."""
    chosen = _read_time(request)
    report, _ = await _report(request, chosen._replace(is_compared=False))
    head = (
        "group", "name", "total", "delivered", "in progress", "failed", "received", "delivery rate",
        "median delivery time (s)", "p95 delivery time (s)", "credits", "price",
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
    name = chosen.lately.value if chosen.lately is not None else f"{chosen.first}-{chosen.last}"
    return request.give_file(f"dragoman-{name}.csv", render_csv(head, rows))


def _read_time(request: PageRequest) -> Chosen:
    """The time that the query asks for; the last day for none, or what cannot be read."""
    is_compared = request.query.get("compare", "") == "1"
    days = {name: request.query.get(name, "").strip() for name in ("from", "to")}
    if any(days.values()):
        today = datetime.fromtimestamp(request.services.clock.now_ms() / 1000, request.zone).date()
        read: dict[str, date] = {}
        for name, text in days.items():
            try:
                read[name] = date.fromisoformat(text[:10]) if text else today
            except ValueError:
                request.problems[name] = gettext("Invalid date. Use the form 2026-11-22.")
        if not request.problems:
            if not days["from"]:
                read["from"] = read["to"]
            length = (read["to"] - read["from"]).days + 1
            if length < 1:
                request.problems["to"] = gettext("The last day is before the first.")
            elif length > MAX_DAYS:
                request.problems["from"] = gettext("At most {max_days} days.").format(
                    max_days=MAX_DAYS
                )
            elif read["from"].year < EARLIEST_YEAR or read["to"].year > LATEST_YEAR:
                request.problems["from"] = gettext(
                    "Years from {earliest_year} to {latest_year}."
                ).format(earliest_year=EARLIEST_YEAR, latest_year=LATEST_YEAR)
            else:
                return Chosen(None, read["from"], read["to"], is_compared)
    wanted = request.query.get("time", "")
    lately = Lately(wanted) if wanted in Lately._value2member_map_ else Lately.DAY
    return Chosen(lately, is_compared=is_compared)


async def _report(
    request: PageRequest, chosen: Chosen
) -> tuple[TrafficReport, TrafficReport | None]:
    """The traffic of a time, and of the time before it where that is asked for."""
    traffic, tree, zone = request.services.traffic, await request.tree(), str(request.zone)
    if chosen.lately is not None:
        report = await traffic.report(tree, chosen.lately, zone)
    else:
        first, last = chosen.first or date.min, chosen.last or date.min
        report = await traffic.report_days(tree, first, last, zone)
    before = await traffic.report_before(tree, report, zone) if chosen.is_compared else None
    return report, before


def _span(start: datetime, length_ms: int) -> dict[str, str]:
    """The fields of a search for what was accepted in a time."""
    end = start + timedelta(milliseconds=length_ms, minutes=-1)
    return {"from": start.isoformat(timespec="minutes"), "to": end.isoformat(timespec="minutes")}


def _span_of(report: TrafficReport) -> dict[str, str]:
    return _span(report.periods[0].start, report.unit_ms * len(report.periods))


def _address(**filters: str) -> str:
    """The search for the messages that a figure counts."""
    return f"{PREFIX}/messages?" + urlencode(filters)


def _compare(now: int, before: int) -> str:
    """A count beside that of the time before."""
    if not before:
        return gettext("none before") if not now else gettext("0 before")
    change = 100 * (now - before) / before
    return gettext("{change}, {count} before").format(
        change=f"{change:+.0f}%", count=render_count(before)
    )


def _waiting(share: Share) -> int:
    return share.states.get("queued", 0) + share.states.get("sent", 0)


def _column(period: Period, report: TrafficReport) -> Column:
    sent = period.sent
    by_hour, long = report.unit_ms < DAY_MS, len(report.periods) > _FEW_DAYS
    form = "%H:%M" if by_hour else "%b %d" if long else "%a %d"
    label = period.start.strftime(form)
    values = (sent.delivered, _waiting(sent), sent.failed)
    counts = ", ".join(
        f"{value} {name}" for name, value in zip(_SERIES_LABELS, values, strict=True)
    )
    address = _address(**_span(period.start, report.unit_ms))
    return Column(label=label, title=f"{label}: {counts}", values=values, address=address)


def _delivery_times(whole: Share) -> list[Column]:
    """How many messages arrived within each step, up to the last that has any; none for none."""
    steps = [(str(step_s), render_span(step_s)) for step_s in STEPS_S]
    steps.append((LONGER, gettext("over {time}").format(time=steps[-1][1])))
    counts = [whole.times.get(name, 0) for name, _ in steps]
    last = max((index for index, count in enumerate(counts) if count), default=-1)
    if last < 0:
        return []
    return [
        Column(
            label=label,
            title=gettext("{label}: {count} delivered").format(label=label, count=count),
            values=(count,),
        )
        for (_, label), count in list(zip(steps, counts, strict=True))[: max(last + 1, _FEWEST)]
    ]


def _named(
    shares: tuple[Share, ...], *, is_country: bool
) -> list[tuple[str, Share, list[tuple[str, str, int]]]]:
    return [
        (country_name(share.name) if is_country else share.name, share, _failures(share)[:2])
        for share in shares
    ]


def _failures(share: Share) -> list[tuple[str, str, int]]:
    """Why messages failed, the most frequent cause first: code, label and count."""
    ordered = sorted(share.failures.items(), key=lambda item: -item[1])
    known = FailureCode._value2member_map_
    return [
        (name, FAILURES[FailureCode(name)] if name in known else name, counted)
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
        *((share.credits, render_price(share.price)) if group in ("all", "country") else ()),
    )


async def give_report(request: PageRequest) -> Response:
    """Every account's traffic and charges by month, made while it is read."""
    tree = await request.tree()
    names = {request.account.account_id: request.account.username}
    names |= await request.services.account_tree.names(request.account, tree)
    if request.http.method == "HEAD":
        return request.give_file("report.csv", b"")
    months = request.services.monthly_report.by_account(tree, str(request.zone), MONTHS)
    return request.give_stream("report.csv", _render_report(months, names))


async def _render_report(
    months: AsyncGenerator[MonthOfAccount, None], names: Mapping[int, str]
) -> AsyncGenerator[bytes, None]:
    head = ("account", "month", "sent", "delivered", "in progress", "failed", "cancelled")
    yield render_rows([(*head, "received", "credits", "price")])
    async for month in months:
        share = month.sent
        row = (
            names.get(month.account_id, str(month.account_id)),
            month.month,
            share.total,
            share.delivered,
            _waiting(share),
            share.failed,
            share.states.get("cancelled", 0),
            month.received,
            share.credits,
            render_price(share.price),
        )
        yield render_rows([row])


PAGES: Final = (
    Page("", lazy("Overview"), menu=lazy("Overview"), show=show_overview),
    Page("/figures.csv", lazy("Overview"), section="Overview", show=give_figures),
    Page("/report.csv", lazy("Report"), section="Overview", show=give_report),
)
