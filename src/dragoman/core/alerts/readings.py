"""What rules of alerts look at, read off the running gateway and the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.alerts.model.rules import AlertKind, AlertRule, Finding, read_out_limit
from dragoman.core.alerts.sql import alerts
from dragoman.core.callbacks.model.held_hosts import names_of
from dragoman.core.delivery.running import Measured
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.kit.figures import group_thousands
from dragoman.kit.ids import time_of
from dragoman.kit.zones import HOUR_MS
from dragoman.storage.engine import Storage

OF_ALL: Final = frozenset({AlertKind.CARRIER_DOWN, AlertKind.DISK})
"""Kinds that find the same in every partition of a cluster."""
_FAILED: Final = ("undelivered", "expired", "rejected", "unknown")


@use_case(kw_only=True)
class Readings:
    """Finds what is too bad now, by rule."""

    storage: Storage
    accounts: Accounts
    clock: Clock

    async def look(
        self, rule: AlertRule, account: Account | None, machine: Measured
    ) -> list[Finding]:
        """What a rule of an account finds; raises `Refused` where the database is away.

        Only what is about the machine is found without an account.
        """
        by_machine = _OF_MACHINE.get(rule.kind)
        if by_machine is not None:
            return by_machine(rule, machine)
        if account is None:
            return []
        match rule.kind:
            case AlertKind.DELIVERY_RATE:
                return await self._delivery_rate(rule, account)
            case AlertKind.CREDITS:
                return await self._credits(rule, account)
            case AlertKind.CALLBACK_HOST:
                return self._hosts(rule, account, machine)
            case _:
                return await self._silence(rule, account)

    async def _delivery_rate(self, rule: AlertRule, account: Account) -> list[Finding]:
        since_ms = self.clock.now_ms() - rule.over_h * HOUR_MS
        since_ms -= since_ms % HOUR_MS
        states = await self.storage.read(
            lambda c: alerts.count_states(c, account.account_id, since_ms)
        )
        delivered = states.get("delivered", 0)
        ended = delivered + sum(states.get(name, 0) for name in _FAILED)
        if ended < rule.fewest or delivered * 100 >= rule.limit * ended:
            return []
        detail = (
            f"{delivered * 100 / ended:.1f} % of {group_thousands(ended)} messages of"
            f" {account.username} were delivered in the last {rule.over_h} h;"
            f" the limit is {read_out_limit(rule.limit)} %"
        )
        return [Finding("", detail)]

    async def _credits(self, rule: AlertRule, account: Account) -> list[Finding]:
        balance = await self.accounts.balance(account)
        if balance.unlimited or balance.available >= rule.limit:
            return []
        left, limit = group_thousands(balance.available), read_out_limit(rule.limit)
        detail = f"{account.username} has {left} credits; the limit is {limit}"
        return [Finding("", detail)]

    def _hosts(self, rule: AlertRule, account: Account, machine: Measured) -> list[Finding]:
        everybody = account.may(Permission.OPERATE)
        return [
            Finding(host.origin, f"callbacks to {host.origin} fail: {host.reason}")
            for host in machine.held_hosts()
            if (everybody or host.account_id == account.account_id)
            and rule.about.lower() in ("", host.origin, *names_of(host.origin))
        ]

    async def _silence(self, rule: AlertRule, account: Account) -> list[Finding]:
        newest = await self.storage.read(lambda c: alerts.newest_text(c, account.account_id))
        if not newest:
            return []  # it never received any
        hours = (self.clock.now_ms() - time_of(newest)) / HOUR_MS
        if hours < rule.limit:
            return []
        detail = f"{account.username} has received no text for {group_thousands(hours, ',.0f')} h"
        return [Finding("", detail)]


def _carriers(rule: AlertRule, machine: Measured) -> list[Finding]:
    return [
        Finding(name, f"carrier {name} is down")
        for name, up in machine.carriers_up().items()
        if not up and rule.about in ("", name)
    ]


def _queues(rule: AlertRule, machine: Measured) -> list[Finding]:
    return [
        Finding(
            name,
            f"a message on route {name} has waited for {group_thousands(age_s, ',.0f')} s;"
            f" the limit is {read_out_limit(rule.limit)} s",
        )
        for name, age_s in machine.oldest_waiting_s().items()
        if age_s > rule.limit and rule.about in ("", name)
    ]


def _disk(rule: AlertRule, machine: Measured) -> list[Finding]:
    free = machine.free_bytes()
    if free is None or free >= rule.limit * 1_000_000:
        return []
    left = group_thousands(free / 1_000_000, ",.0f")
    detail = f"{left} MB are free; the limit is {read_out_limit(rule.limit)} MB"
    return [Finding("", detail)]


_OF_MACHINE: Final[Mapping[AlertKind, Callable[[AlertRule, Measured], list[Finding]]]] = (
    MappingProxyType(
        {
            AlertKind.CARRIER_DOWN: _carriers,
            AlertKind.QUEUE_AGE: _queues,
            AlertKind.DISK: _disk,
        }
    )
)
