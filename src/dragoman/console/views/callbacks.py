"""The callbacks workbench: hosts, callbacks and their calls, and what can be done about them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from dragoman.console.labels import STATES, describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.paging import PER_PAGE, address_of, read_before
from dragoman.console.reading import read_count
from dragoman.console.translation import gettext, lazy
from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.accounts.model.people import Role
from dragoman.core.callbacks.model.callback_lists import (
    CALLBACK_STATES,
    CallbackFilter,
    CallbackPage,
    CallbackView,
)
from dragoman.core.callbacks.model.held_hosts import names_of
from dragoman.core.callbacks.model.hosts import CallbackHost, Tested
from dragoman.core.messages.model.callbacks import CallbackFacts
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.urls import is_http_address, origin_of
from dragoman.kit.ids import time_of
from dragoman.web.responses import Response

FIELDS: Final = ("state", "host", "account")
MAX_URL: Final = 2_000
MAX_CHOSEN: Final = PER_PAGE
STATE_LABELS: Final = MappingProxyType(
    {
        "waiting": lazy("waiting"),
        "delivered": lazy("delivered"),
        "given_up": lazy("given up"),
    }
)
CHOICES: Final = (("", lazy("any")), *STATE_LABELS.items())
TEST_NUMBER: Final = "4512345678"


async def list_callbacks(request: PageRequest) -> Response:
    """Hosts with what waits there, and callbacks by state, host and account, newest first."""
    return await _show_list(request)


async def _show_list(request: PageRequest, status: int = 200, **more: Any) -> Response:
    typed = {name: request.query.get(name, "").strip()[:MAX_URL] for name in FIELDS}
    tree = await request.tree()
    account_ids = await _read_account(request, typed["account"], tree)
    if typed["state"] not in ("", *CALLBACK_STATES):
        known = ", ".join(CALLBACK_STATES)
        request.problems["state"] = gettext("No such state. There are {known}.").format(known=known)
    before = read_before(request.query)
    page = CallbackPage(callbacks=())
    if not request.problems or more:
        wanted = CallbackFilter(
            account_ids=account_ids,
            state=CALLBACK_STATES.get(typed["state"]),
            origin=_read_origin(request, typed["host"]),
        )
        page = await request.services.callback_lists.page(wanted, before, PER_PAGE)
    hosts = [one for one in request.context.machine.callback_hosts() if one.account_id in tree]
    accounts = {one.account_id for one in page.callbacks} | {one.account_id for one in hosts}
    others = accounts - {request.account.account_id}
    values: dict[str, Any] = {"tested": None, "test": {"url": "", "dialect": ""}}
    return request.show(
        "callbacks.html",
        400 if request.problems and status == 200 else status,
        typed=typed,
        choices=CHOICES,
        hosts=hosts,
        host_of=_host_of,
        hosts_query={one: _query_of(one) for one in hosts},
        callbacks=page.callbacks,
        given_up_to=_given_up_to(typed, page.callbacks),
        looked_to_ms=page.looked_to_ms,
        further="" if page.before is None else address_of(request.query, before=page.before),
        first=address_of(request.query) if before is not None else "",
        state_names={value: STATE_LABELS[name] for name, value in CALLBACK_STATES.items()},
        names=await request.services.account_tree.names(request.account, others),
        now_ms=request.services.clock.now_ms(),
        next_try=partial(_next_try, request, {(h.account_id, h.origin): h for h in hosts}),
        paused={(h.account_id, h.origin) for h in hosts if h.is_paused},
        time_of=time_of,
        is_filtered=any(typed.values()),
        has_others=len(tree) > 1,
        may_send=request.manages and request.account.may(Permission.SEND),
        is_operator=request.account.may(Permission.OPERATE),
        dialects=[(name, name) for name in request.services.settings.dialects.enabled],
        pending=CALLBACK_STATES["waiting"],
        **values | more,
    )


def _given_up_to(typed: Mapping[str, str], shown: Sequence[CallbackView]) -> CallbackView | None:
    """One of those shown, where all of a list were given up to one host of one account."""
    hosts = {(one.account_id, one.origin) for one in shown}
    is_asked = typed["state"] == "given_up" and bool(typed["host"])
    return shown[0] if is_asked and len(hosts) == 1 else None


def _query_of(host: CallbackHost) -> str:
    return "?" + urlencode({"state": "waiting", "host": host.origin})


def _next_try(
    request: PageRequest,
    hosts: dict[tuple[int, str], CallbackHost],
    account_id: int,
    origin: str,
    planned_ms: int,
) -> int | None:
    """When a callback is tried next; None where it is now, or its host is paused."""
    host = hosts.get((account_id, origin))
    now_ms = request.services.clock.now_ms()
    at_ms = max(planned_ms, (host.next_try_ms if host is not None else None) or 0)
    return at_ms if at_ms > now_ms and not (host is not None and host.is_paused) else None


async def show_callback(request: PageRequest) -> Response:
    """A callback: what it says, and every call."""
    tree = await request.tree()
    found = await request.services.callback_lists.find(tree, request.identifier("callback_id"))
    callback = found.callback
    hosts = {(h.account_id, h.origin): h for h in request.context.machine.callback_hosts()}
    host = hosts.get((callback.account_id, callback.origin))
    names = await request.services.account_tree.names(request.account, {callback.account_id})
    state = next(name for name, value in CALLBACK_STATES.items() if value == callback.state)
    return request.show(
        "callback.html",
        callback=callback,
        details=found,
        payload=_pretty(found.payload),
        state=state,
        label=STATE_LABELS[state],
        waits=callback.state == CALLBACK_STATES["waiting"],
        host=host,
        host_name=_host_of(callback.origin),
        next_ms=_next_try(
            request, hosts, callback.account_id, callback.origin, callback.next_attempt_ms
        ),
        account=names.get(callback.account_id, ""),
        time_of=time_of,
        may_send=request.manages and request.account.may(Permission.SEND),
    )


async def replay_callbacks(request: PageRequest) -> Response:
    """Makes callbacks that ended once more: some, or all of a host that were given up."""
    lists, tree = request.services.callback_lists, await request.tree()
    chosen = [read_count(value) for value in request.form.all("callback")[:MAX_CHOSEN]]
    if chosen:
        number = await lists.replay(tree, tuple(one for one in chosen if one is not None))
        account: Account | None = None
        subject = f"{number} callbacks"
    elif not request.form.get("origin"):
        return request.go(_back(request), "none-selected")
    else:
        account, origin = await _read_host(request, tree)
        number = await lists.replay_host(account.account_id, origin)
        subject = f"{number} callbacks to {origin}"
    if number:
        await request.note("replay_callbacks", subject, account)
    return request.go(_back(request), "replayed" if number else "not-replayed")


async def retry_host(request: PageRequest) -> Response:
    """Has what waits for a host tried at once."""
    account, origin = await _read_host(request, await request.tree())
    request.context.machine.retry_callbacks(account.account_id, origin)
    await request.note("retry_callbacks", origin, account)
    return request.go(_back(request), "retrying")


async def pause_host(request: PageRequest) -> Response:
    """Has callbacks to a host wait, or lets them go on."""
    account, origin = await _read_host(request, await request.tree())
    lists = request.services.callback_lists
    if request.form.get("do") == "resume":
        await lists.unpause(account.account_id, origin)
        await request.note("resume_host", origin, account)
        return request.go(_back(request), "resumed")
    await lists.pause(account.account_id, origin)
    await request.note("pause_host", origin, account)
    return request.go(_back(request), "paused")


async def test_url(request: PageRequest) -> Response:
    """Makes a call to a URL as a delivered message would, and shows what is answered."""
    typed = {
        "url": request.form.get("url", "").strip()[:MAX_URL],
        "dialect": request.form.get("dialect", "").strip(),
    }
    tested: Tested | None = None
    if not is_http_address(typed["url"]):
        request.problems["url"] = gettext("Enter an http or https address.")
    else:
        try:
            tested = await request.context.machine.test_callback(
                request.account.account_id, typed["dialect"], typed["url"], _facts(request)
            )
            await request.note("test_callback", origin_of(typed["url"]))
        except Refused as refused:
            if refused.code is not RefusalCode.INVALID_FIELD:
                raise
            request.problems["dialect"] = describe_refusal(refused)
    status = 400 if request.problems else 200
    return await _show_list(request, status, tested=tested, test=typed)


def _facts(request: PageRequest) -> CallbackFacts:
    """Of a message that was never sent."""
    message_id = request.services.ids.next()
    return CallbackFacts(
        message_id=message_id,
        batch_id=message_id,
        state=State.DELIVERED,
        at_ms=request.services.clock.now_ms(),
        recipient=TEST_NUMBER,
        sender="Test",
        return_data="test",
        mcc="238",
    )


async def list_unmatched(request: PageRequest) -> Response:
    """Receipts that match no message, newest first."""
    carrier = request.query.get("carrier", "").strip()
    before = read_before(request.query)
    page = await request.context.machine.unmatched(carrier[:64], before, PER_PAGE)
    names = [one.name for one in request.context.machine.carriers()]
    return request.show(
        "receipts.html",
        receipts=page.receipts,
        carrier=carrier,
        carriers=[("", gettext("any")), *((name, name) for name in names)],
        park_h=round(request.services.settings.receipts.park_s / 3600),
        further="" if page.before is None else address_of(request.query, before=page.before),
        first=address_of(request.query) if before is not None else "",
        time_of=time_of,
    )


def _read_origin(request: PageRequest, host: str) -> str:
    """The origin of a host: as it is, or one that is known by this name."""
    if not host or "://" in host:
        return host
    known = (one.origin for one in request.context.machine.callback_hosts())
    fitting = (origin for origin in known if host.lower() in names_of(origin))
    return next(fitting, f"https://{host.lower()}")


async def _read_account(request: PageRequest, name: str, tree: tuple[int, ...]) -> tuple[int, ...]:
    if not name:
        return tree
    try:
        account = await request.services.accounts.find(name)
    except Refused:
        account = None
    if account is None or account.account_id not in tree:
        request.problems["account"] = gettext("You have no account with this username.")
        return tree
    return (account.account_id,)


async def _read_host(request: PageRequest, tree: tuple[int, ...]) -> tuple[Account, str]:
    """The account and the origin that a form names; raises `Refused`."""
    account_id = read_count(request.form.get("account_id", "")) or 0
    origin = request.form.get("origin", "")[:MAX_URL]
    account = await request.services.accounts.find_by_id(account_id)
    if account is None or account_id not in tree or not origin:
        raise Refused(RefusalCode.NOT_FOUND, str(account_id), "host")
    return account, origin


def _back(request: PageRequest) -> str:
    """The page that a form was on: a list with its filters, or one callback."""
    callback_id = read_count(request.form.get("from", ""))
    if callback_id is not None:
        return f"/callbacks/{callback_id}"
    kept = {name: request.form.get(name, "") for name in FIELDS}
    query = urlencode({name: value for name, value in kept.items() if value})
    return "/callbacks" + (f"?{query}" if query else "")


def _host_of(origin: str) -> str:
    """Host and port of an origin; the binds of an account have none."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return origin
    return parts.netloc if parts.scheme in ("http", "https") else gettext("SMPP binds")


def _pretty(payload: str) -> str:
    """The facts of a callback, one a line, with states by their names."""
    try:
        facts = json.loads(payload)
    except ValueError:
        return payload
    if isinstance(facts, dict) and isinstance(facts.get("state"), int):
        facts["state"] = next((STATES[s] for s in State if s == facts["state"]), facts["state"])
    return json.dumps(facts, indent=2, ensure_ascii=False)


_change: Final = partial(Page, section="Callbacks", needs=Permission.SEND, acts=Role.MANAGER)
PAGES: Final = (
    Page("/callbacks", lazy("Callbacks"), menu=lazy("Callbacks"), show=list_callbacks),
    _change("/callbacks/replay", lazy("Callbacks"), act=replay_callbacks),
    _change("/callbacks/retry", lazy("Callbacks"), act=retry_host),
    _change("/callbacks/pause", lazy("Callbacks"), act=pause_host),
    _change("/callbacks/test", lazy("Callbacks"), act=test_url),
    Page("/callbacks/{callback_id:int}", lazy("Callback"), section="Callbacks", show=show_callback),
    Page(
        "/callbacks/receipts",
        lazy("Unmatched receipts"),
        section="Callbacks",
        show=list_unmatched,
        needs=Permission.OPERATE,
    ),
)
