"""Search in sent messages: one box, filters, and what was found as a file."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec

from dragoman.console.exports import Download
from dragoman.console.labels import FAILURES, STATES, choose_state
from dragoman.console.message_filter import FIELDS, MAX_FIELD, Search, choices_of, read_search
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.paging import PER_PAGE, address_of, read_before
from dragoman.console.regions import region_of
from dragoman.console.tables import render_rows
from dragoman.console.translation import gettext, lazy
from dragoman.console.views.messages import names_of
from dragoman.console.views.scheduled import find_page, next_address
from dragoman.console.views.scheduled import names_of as names_of_scheduled
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.billing.model.pricing import render_price
from dragoman.core.messages.model.lifecycle import BatchState
from dragoman.core.model.countries import country_name
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.reporting.model.finding import Named
from dragoman.core.reporting.model.message_search import ExportedMessage, FoundMessages
from dragoman.core.submission.model.progress import BatchProgress
from dragoman.kit.ids import time_of
from dragoman.web.forms import parse_form
from dragoman.web.responses import Response

_CANCELLABLE: Final = frozenset({BatchState.QUEUED, BatchState.RUNNING})
_SHORT: Final = ("q", "number", "id", "text")
"""What stands in the search box; the other fields are filters."""
_MARK_LENGTH: Final = 22
MAX_KEPT: Final = 2_000
"""Characters of the query of a search that is kept."""
DIGITS: Final = 6
"""From so many on, digits may be a number."""


class Preset(NamedTuple):
    """A search that many make."""

    label: str
    query: dict[str, str]


PRESETS: Final = (
    Preset(lazy("All"), {}),
    Preset(lazy("Last 24 hours"), {"period": "24h"}),
    Preset(lazy("Failed"), {"state": "failed", "period": "7d"}),
    Preset(lazy("No receipt"), {"state": "unknown", "period": "7d"}),
    Preset(lazy("Waiting"), {"state": "waiting"}),
    Preset(lazy("Scheduled"), {"state": "scheduled"}),
)


async def search_messages(request: PageRequest) -> Response:
    """The messages that fit, newest first; one that is named by its identifier opens at once."""
    search = await read_search(request)
    if request.problems:
        return await _show(request, search, 400)
    if (named := search.named) is not None:
        if named.named is Named.CALLBACK:
            return request.go(f"/callbacks/{named.identifiers[0]}")
        if named.named in (Named.MESSAGE, Named.CARRIER_ID) and len(named.identifiers) == 1:
            return request.go(f"/messages/{named.identifiers[0]}")
    if search.is_scheduled:
        scheduled = await find_page(request, search.of_scheduled())
        names = await names_of_scheduled(request, scheduled.batches)
        return await _show(
            request,
            search,
            scheduled=scheduled.batches,
            further=next_address(request, scheduled),
            names=names,
        )
    before = read_before(request.query)
    found = await request.services.message_search.page(search.of_messages(), before, PER_PAGE)
    return await _show(
        request,
        search,
        found=found,
        further="" if found.before is None else address_of(request.query, before=found.before),
        first=address_of(request.query) if before is not None else "",
        names=await names_of(request, found.messages),
        batch=await _batch(request, search),
    )


async def _show(request: PageRequest, search: Search, status: int = 200, **more: Any) -> Response:
    typed = search.typed
    for name in _SHORT[1:]:  # what stands in the search box
        if name in request.problems:
            request.problems["q"] = request.problems.pop(name)
    query = {name: value for name, value in typed.items() if value}
    values: dict[str, Any] = {
        "found": FoundMessages(messages=()),
        "scheduled": (),
        "further": "",
        "first": "",
        "names": {},
        "batch": None,
    }
    return request.show(
        "messages.html",
        status,
        typed=typed,
        box=next((typed[name] for name in _SHORT if typed[name]), ""),
        named=search.named,
        choices={**choices_of(request, typed), "state": choose_state(typed["state"])},
        has_others=len(await request.tree()) > 1,
        is_filtered=bool(query),
        has_filters=any(typed[name] for name in FIELDS if name not in _SHORT),
        filters_used=sum(bool(typed[name]) for name in FIELDS if name not in _SHORT),
        presets=[
            (one.label, "?" + urlencode(one.query) if one.query else "", one.query == query)
            for one in PRESETS
        ],
        saved=[
            (one.search_id, one.name, f"?{one.query}", one.query == urlencode(query))
            for one in await request.services.saved_searches.of(request.reader)
        ],
        query=urlencode(query),
        may_save=bool(query) and not request.problems and not _names_number(typed),
        reads_without_country=not region_of(request)
        and not (typed["q"] or typed["number"]).startswith(("+", "00")),
        manages=request.manages,
        texts_address="?" + urlencode({"text": typed["q"]}),
        export_address="/messages/export" + ("?" + urlencode(query) if query else ""),
        failures=FAILURES,
        may_send=request.account.may(Permission.SEND),
        can_cancel=_CANCELLABLE,
        **values | more,
    )


async def keep_search(request: PageRequest) -> Response:
    """Keeps a search under a name, or keeps one no longer."""
    searches, query = request.services.saved_searches, request.form.get("query", "")
    if request.form.get("do") == "remove":
        number = request.form.get("search", "")
        if number.isascii() and number.isdigit() and len(number) <= 16:
            await searches.remove(request.reader, int(number))
        return request.go("/messages", "search-removed")
    pairs = parse_form(query[:MAX_KEPT].encode(), max_fields=len(FIELDS)).pairs
    kept = {name: value[:MAX_FIELD] for name, value in pairs if name in FIELDS and value}
    again = f"/messages?{urlencode(kept)}" if kept else "/messages"
    if not kept or _names_number(kept):
        return request.go(again, "search-not-kept")
    try:
        await searches.save(request.reader, request.form.get("name", ""), urlencode(kept))
    except Refused as refused:
        if refused.code is not RefusalCode.INVALID_FIELD:
            raise
        return request.go(again, "search-not-kept")
    return request.go(again, "search-kept")


def _names_number(typed: Mapping[str, str]) -> bool:
    """Whether a search may be for one number, which is not kept: it may have to be forgotten."""
    return any(sum(map(str.isdecimal, typed.get(name, ""))) >= DIGITS for name in _SHORT)


async def _batch(request: PageRequest, search: Search) -> BatchProgress | None:
    """How far the one batch is that was asked for, where it is of the reader's own account."""
    batch_ids = search.filter.get("batch_ids", ())
    if len(batch_ids) != 1:
        return None
    try:
        return await request.services.queries.batch(request.account, batch_ids[0])
    except Refused as refused:
        if refused.code is not RefusalCode.NOT_FOUND:
            raise
        return None


# Files


async def show_export(request: PageRequest) -> Response:
    """The link to the file of a search, and how far its download is."""
    search = await read_search(request)
    if request.problems or search.is_scheduled:
        return await _show(request, search, 400 if request.problems else 200)
    query = {name: value for name, value in search.typed.items() if value}
    mark = request.query.get("mark", "")[:_MARK_LENGTH] or secrets.token_urlsafe(16)
    return request.show(
        "export.html",
        filters=_describe(request, search),
        back="/messages" + ("?" + urlencode(query) if query else ""),
        file="/messages/export.csv?" + urlencode({**query, "mark": mark}),
        again="/messages/export?" + urlencode({**query, "mark": mark}),
        progress="/messages/export/progress?" + urlencode({"mark": mark}),
        download=request.context.exports.find(request.account.account_id, mark),
    )


def _describe(request: PageRequest, search: Search) -> list[tuple[str, str]]:
    """The filters by the names of their fields."""
    shown = []
    for name, value in search.typed.items():
        if value:
            options = dict(choices_of(request, search.typed).get(name, ()))
            label = {"q": "search", "dialect": "API"}.get(name, name)
            shown.append((label, options.get(value, value)))
    return shown


async def show_progress(request: PageRequest) -> Response:
    """How far a download is, for a script."""
    mark = request.query.get("mark", "")[:_MARK_LENGTH]
    found = request.context.exports.find(request.account.account_id, mark)
    rows, ended = (found.rows, found.ended) if found is not None else (None, "")
    return request.give_json(msgspec.json.encode({"rows": rows, "ended": ended}))


async def give_messages(request: PageRequest) -> Response:
    """Every message that fits as a file, newest first, made while it is read."""
    search = await read_search(request)
    if request.problems:
        return await _show(request, search, 400)
    mark = request.query.get("mark", "")[:_MARK_LENGTH]
    if request.http.method == "HEAD":
        return request.give_file("messages.csv", b"")
    download = request.context.exports.begin(request.account.account_id, mark)
    if download is None:
        detail = gettext("two files are being made for this account; wait for one of them")
        raise Refused(RefusalCode.UNAVAILABLE, "export", detail)
    return request.give_stream("messages.csv", _render_file(request, search, download))


async def _render_file(
    request: PageRequest, search: Search, download: Download
) -> AsyncGenerator[bytes, None]:
    with_carrier = request.account.may(Permission.OPERATE)
    names: dict[int, str] = {request.account.account_id: request.account.username}
    head = [name for name in _HEAD if with_carrier or name != "carrier"]
    try:
        yield render_rows([head])
        async for rows in request.services.message_search.export(search.of_messages()):
            if new := {row.account_id for row in rows} - names.keys():
                names |= dict.fromkeys(new, "")
                names |= await request.services.account_tree.names(request.account, new)
            download.rows += len(rows)
            if rows:
                yield render_rows(_lines(rows, request.zone, names, with_carrier=with_carrier))
        download.ended = "done"
    finally:
        download.ended = download.ended or "stopped"


_HEAD: Final = (
    *("accepted", "message ID", "batch ID", "account", "API", "reference", "from", "to", "country"),
    *("state", "cause", "detail", "route", "carrier", "parts", "credits", "price", "sent"),
    *("final", "text"),
)


def _lines(
    rows: Iterable[ExportedMessage], zone: ZoneInfo, names: dict[int, str], *, with_carrier: bool
) -> Iterable[tuple[object, ...]]:
    def at(at_ms: int | None) -> str:
        if at_ms is None:
            return ""
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).isoformat(" ", "seconds")

    for row in rows:
        yield (
            at(time_of(row.message_id)),
            row.message_id,
            row.batch_id,
            names[row.account_id],
            row.dialect,
            row.reference,
            row.sender,
            row.recipient,
            country_name(row.mcc),
            STATES[row.state],
            row.failure,
            row.detail,
            row.route,
            *((row.carrier,) if with_carrier else ()),
            row.parts,
            row.credits,
            render_price(row.price),
            at(row.sent_ms),
            at(row.final_ms),
            row.text,
        )


PAGES: Final = (
    Page("/messages", lazy("Messages"), menu=lazy("Messages"), show=search_messages),
    Page("/messages/searches", lazy("Messages"), section="Messages", act=keep_search),
    Page("/messages/export", lazy("Download messages"), section="Messages", show=show_export),
    Page("/messages/export.csv", lazy("Messages"), section="Messages", show=give_messages),
    Page(
        "/messages/export/progress",
        lazy("Download messages"),
        section="Messages",
        show=show_progress,
        background=True,
    ),
)
