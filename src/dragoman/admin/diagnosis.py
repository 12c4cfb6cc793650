"""What the gateway is doing, and what is wrong with it, each problem with a remedy."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Final

import msgspec

from dragoman import __version__
from dragoman.admin.answers import Check, Diagnosis, Finding, Overview, RouteView
from dragoman.admin.calls import Call
from dragoman.admin.carriers import limit_of, merge_carriers
from dragoman.admin.context import Admin
from dragoman.admin.merging import by, greatest, merge, once
from dragoman.admin.whole import Gathered, Whole
from dragoman.config.values import SQLITE
from dragoman.core.callbacks.model.held_hosts import HeldHost
from dragoman.core.callbacks.model.hosts import CallbackHost
from dragoman.core.delivery.running import CarrierView, Running
from dragoman.core.model.errors import StorageUnavailable
from dragoman.kit.clock import datetime_of
from dragoman.kit.ids import time_of

LOW_SPACE_BYTES: Final = 1 << 30
NO_SPACE_BYTES: Final = 100 << 20
SLOW_COMMIT_S: Final = 0.1
CLOCK_BEHIND_S: Final = 2.0
MANY_CALLBACKS: Final = 1_000
MAX_HOSTS_NAMED: Final = 10
OLD_MESSAGE_S: Final = 60.0


async def show_overview(admin: Admin) -> Overview:
    """Show what the gateway is doing."""
    running = admin.running
    accounts = await admin.services.accounts.count()
    if running is None:
        return Overview(running=False, version=__version__, accounts=accounts)
    oldest, carriers = running.oldest_waiting_s(), tuple(running.carriers())
    finals: dict[str, int] = {}
    for (_, state), count in running.metrics.finals.items():
        finals[state] = finals.get(state, 0) + count
    return Overview(
        running=True,
        version=__version__,
        accounts=accounts,
        pid=os.getpid(),
        started_ms=admin.started_ms,
        address=admin.services.settings.http.listen,
        problems=tuple(running.problems()),
        warnings=tuple(running.warnings()),
        carriers=carriers,
        routes=tuple(
            RouteView(name=name, waiting=waiting, oldest_s=oldest.get(name))
            for name, waiting in running.waiting().items()
        ),
        in_flight=sum(carrier.in_flight for carrier in carriers),
        callbacks_waiting=running.callbacks_waiting(),
        accepted=running.metrics.accepted.total(),
        refused=running.metrics.refused.total(),
        finals=finals,
    )


async def diagnose(admin: Admin) -> Diagnosis:
    """Check the database, the disk and the clock, and the gateway where one runs."""
    checks = [await _check_database(admin), _check_disk(admin), _check_clock(admin)]
    if admin.running is not None:
        checks += _check_gateway(admin.running)
        checks += _check_callbacks(admin.running, await admin.usernames())
    else:
        for name in sorted(await admin.services.carrier_switches.held()):
            checks.append(_held(name, "nothing goes out over it when a gateway starts"))
    return Diagnosis(checks=tuple(checks))


async def _check_database(admin: Admin) -> Check:
    started = perf_counter()
    try:
        await admin.services.queries.probe()
    except StorageUnavailable as error:
        return Check(
            name="database",
            finding=Finding.PROBLEM,
            detail=f"nothing can be stored: {error}",
            remedy="start the database, or make room on its disk; else restart the gateway",
        )
    took_s = perf_counter() - started
    sqlite = str(admin.services.settings.database_url).startswith(SQLITE)
    kind = "SQLite" if sqlite else "PostgreSQL"
    slow = took_s > SLOW_COMMIT_S
    return Check(
        name="database",
        finding=Finding.WARNING if slow else Finding.OK,
        detail=f"{kind}, tables current, every commit synced; a write waits {took_s * 1000:.1f} ms",
        amount=took_s,
        remedy="the disk is slow or busy: a faster one accepts more messages" if slow else "",
    )


def _check_disk(admin: Admin) -> Check:
    folder = admin.services.settings.data_path
    refused_below = max(NO_SPACE_BYTES, admin.services.settings.storage.min_free_mb << 20)
    try:
        # A gateway that starts makes the folder.
        there = next(one for one in (folder, *folder.parents) if one.exists())
        free = shutil.disk_usage(there).free
    except OSError as error:
        return Check(
            name="disk",
            finding=Finding.PROBLEM,
            detail=f"{folder}: {error.strerror}",
            remedy="correct `data_dir`, or who may read it",
        )
    finding = Finding.OK
    if free < max(LOW_SPACE_BYTES, refused_below):
        finding = Finding.PROBLEM if free < refused_below else Finding.WARNING
    return Check(
        name="disk",
        finding=finding,
        detail=f"{free / (1 << 30):.1f} GiB free at {folder}",
        remedy="make room: with less than `storage.min_free_mb` every message is refused"
        if finding != "ok"
        else "",
    )


def _check_clock(admin: Admin) -> Check:
    last, now_ms = admin.services.ids.last, admin.services.clock.now_ms()
    behind_s = (time_of(last) - now_ms) / 1000 if last else 0.0
    if behind_s <= CLOCK_BEHIND_S:
        return Check(name="clock", finding=Finding.OK, detail="later than everything stored")
    return Check(
        name="clock",
        finding=Finding.PROBLEM,
        detail=f"{behind_s:.0f} s earlier than what was stored last",
        remedy="set the clock and let NTP keep it: schedules and validity go by it",
    )


def _check_gateway(gateway: Running) -> list[Check]:
    carriers = gateway.carriers()
    looked_at = [one for one in carriers if not (one.elsewhere and one.up)]  # there it is seen
    checks = [check_carrier(carrier) for carrier in looked_at]
    checks += [check_speed(carrier) for carrier in looked_at if carrier.up]
    if not carriers:
        checks.append(
            Check(
                name="carriers",
                finding=Finding.PROBLEM,
                detail="none is configured, so nothing can be sent",
                remedy="add a [[carriers]] table to the configuration",
            )
        )
    return [*checks, _check_queue(gateway)]


def check_carrier(carrier: CarrierView) -> Check:
    """Whether it is in service and its links are bound, and why not."""
    name = f"carrier {carrier.name}"
    if carrier.held:
        left = f"{carrier.in_flight} parts in flight" if carrier.in_flight else "nothing in flight"
        return _held(carrier.name, f"it is given nothing new; {left}")
    if carrier.elsewhere:
        detail = "no node holds it, or the one that does cannot be reached"
        remedy = "`dragoman cluster status` shows the nodes and who holds what"
        return Check(name=name, finding=Finding.PROBLEM, detail=detail, remedy=remedy)
    if not carrier.links and not carrier.up:
        remedy = "`dragoman device list` shows which phones are online; an MMSC is tried again"
        detail = "it takes no messages now"
        return Check(name=name, finding=Finding.PROBLEM, detail=detail, remedy=remedy)
    bound = [link for link in carrier.links if link.bound]
    detail = f"{len(bound)} of {len(carrier.links)} links bound"
    errors = sorted({link.last_error for link in carrier.links if link.last_error})
    if carrier.up and len(bound) == len(carrier.links):
        return Check(name=name, finding=Finding.OK, detail=detail)
    return Check(
        name=name,
        amount=1.0,
        finding=Finding.WARNING if carrier.up else Finding.PROBLEM,
        detail="; ".join([detail, *errors]),
        remedy=_remedy_for_link(errors),
    )


def _held(carrier: str, what: str) -> Check:
    return Check(
        name=f"carrier {carrier}",
        finding=Finding.WARNING,
        detail=f"taken out of service by hand: {what}",
        remedy=f"when it may send again: `dragoman carrier enable {carrier}`",
    )


def _remedy_for_link(errors: list[str]) -> str:
    if any("connect" in error for error in errors):
        return "check host, port and firewall, and whether the carrier lets your address in"
    if any("bind" in error for error in errors):
        return "check system_id, password, system_type and bind, and how many links are allowed"
    return "wait a moment; if it stays so, ask the carrier whether its SMSC is up"


def check_speed(carrier: CarrierView) -> Check:
    """How fast it can be, and what it is limited by."""
    name = f"speed of {carrier.name}"
    limit = limit_of(carrier)
    if limit is None:
        return Check(name=name, finding=Finding.OK, detail="nothing sent yet, so nothing measured")
    throttled = any(link.throttled for link in carrier.links)
    return Check(
        name=name,
        finding=Finding.WARNING if throttled else Finding.OK,
        detail=f"at most about {limit.per_s:,.0f} parts a second: {limit.reason}",
        remedy=f"for more: {limit.remedy}" if not throttled else limit.remedy,
    )


def _check_queue(gateway: Running) -> Check:
    waiting = sum(gateway.waiting().values())
    oldest_s = max(gateway.oldest_waiting_s().values(), default=0.0)
    old = oldest_s > OLD_MESSAGE_S
    detail = f"{waiting} messages waiting" + (
        f", the oldest for {oldest_s:.0f} s" if waiting else ""
    )
    return Check(
        name="queue",
        finding=Finding.WARNING if old else Finding.OK,
        detail=detail,
        remedy="see the carriers above: they are down, or slower than what comes in" if old else "",
        amount=waiting,
    )


def _check_callbacks(gateway: Running, names: Mapping[int, str]) -> list[Check]:
    waiting, held = gateway.callbacks_waiting(), gateway.held_hosts()
    many = waiting > MANY_CALLBACKS
    further = len(held) - MAX_HOSTS_NAMED
    check = Check(
        name="callbacks",
        finding=Finding.WARNING if many else Finding.OK,
        detail=f"{waiting} waiting"
        + (f"; besides the hosts below, {further} more are held" if further > 0 else ""),
        remedy="a customer's server is down or slow; they are tried again for days" if many else "",
        amount=waiting,
    )
    hosts = held[:MAX_HOSTS_NAMED]
    paused = [host for host in gateway.callback_hosts() if host.is_paused][:MAX_HOSTS_NAMED]
    return [
        check,
        *(check_host(host, names.get(host.account_id, "")) for host in hosts),
        *(_check_paused(host, names.get(host.account_id, "")) for host in paused),
    ]


def _check_paused(host: CallbackHost, account: str) -> Check:
    """What waits for a host that somebody paused, and perhaps forgot."""
    since = datetime_of(host.since_ms or 0)
    return Check(
        name=f"callbacks of {account}",
        finding=Finding.WARNING,
        detail=f"{host.waiting} to {host.origin} wait: paused since {since:%Y-%m-%d %H:%M} UTC",
        remedy="resume it on the console's page of callbacks",
    )


def check_host(host: HeldHost, account: str) -> Check:
    """What is wrong with a customer's host, and when it is tried again."""
    next_try = datetime_of(host.next_try_ms)
    return Check(
        name=f"callbacks of {account}",
        finding=Finding.WARNING,
        detail=(
            f"{host.waiting} to {host.origin} are held: host failing,"
            f" next try at {next_try:%H:%M:%S} UTC ({host.reason})"
        ),
        remedy=f"once it is repaired: `dragoman callback retry --account {account}`",
    )


def _merge_overview(gathered: Gathered) -> Overview:
    own: Overview = gathered.own
    answers: tuple[Overview, ...] = gathered.answers
    merged = merge(
        answers,
        problems=once,
        warnings=once,
        carriers=by(lambda one: one.name, merge_carriers),
        routes=by(lambda one: one.name, _merge_routes),
        pid=lambda _: own.pid,
        started_ms=lambda _: own.started_ms,
    )
    missing = (f"partition {number} has no owner" for number in gathered.missing)
    return msgspec.structs.replace(
        merged, address=own.address, problems=(*merged.problems, *missing)
    )


def _merge_routes(views: Sequence[RouteView]) -> RouteView:
    return merge(views, oldest_s=greatest)


def _merge_checks(gathered: Gathered) -> Diagnosis:
    """Of each name the worst that a partition found, and of which, where they differ."""
    found: dict[str, list[tuple[int, list[Check]]]] = {}
    for number, diagnosis in zip(gathered.numbers, gathered.answers, strict=True):
        for check in diagnosis.checks:
            of_name = found.setdefault(check.name, [])
            if not of_name or of_name[-1][0] != number:
                of_name.append((number, []))
            of_name[-1][1].append(check)
    merged = [
        Check(
            name="partitions",
            finding=Finding.PROBLEM,
            detail=f"partition {number} has no owner: its accounts are refused",
            remedy="`dragoman cluster status` shows the nodes; start one more",
        )
        for number in gathered.missing
    ]
    for of_name in found.values():
        number, worst = max(of_name, key=lambda one: max(map(_badness, one[1])))
        differ = len({tuple(map(_said, checks)) for _, checks in of_name}) > 1
        where = f"partition {number}: " if differ else ""
        merged += (
            msgspec.structs.replace(check, detail=f"{where}{check.detail}") for check in worst
        )
    return Diagnosis(checks=tuple(merged))


def _badness(check: Check) -> tuple[int, float]:
    return [Finding.OK, Finding.WARNING, Finding.PROBLEM].index(check.finding), check.amount


def _said(check: Check) -> tuple[str, str]:
    return check.finding, check.detail


CALLS: Final = (
    Call("GET", "/status", show_overview, whole=Whole(_merge_overview, is_partial=True)),
    Call("GET", "/diagnosis", diagnose, whole=Whole(_merge_checks, is_partial=True)),
)
