"""Alerts: rules are looked at every few seconds, and people are told of what they find.

An alert is a row before anybody is told, so a restart tells nobody twice. Each channel is tried
three times; that it could not be reached stands beside the alert. What is found in quiet times is
told after them if it is still so, and what was told before them and ended in them, that it is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import field
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
import structlog

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.alerts.model.rules import (
    KINDS,
    Alert,
    AlertRule,
    Finding,
    Notice,
    StoredRule,
    Told,
    check_rule,
    is_quiet,
)
from dragoman.core.alerts.readings import OF_ALL, Readings
from dragoman.core.alerts.sql import alerts
from dragoman.core.delivery.running import Measured
from dragoman.core.messages.model.messages import Submission
from dragoman.core.model.errors import RefusalCode, Refused, existing
from dragoman.core.model.use_case import use_case
from dragoman.core.placement.placement import Placement
from dragoman.core.submission.submission import SubmissionService
from dragoman.kit.clock import Clock
from dragoman.kit.elsewhere import Elsewhere
from dragoman.kit.figures import NARROW_BLANK
from dragoman.kit.ids import IdSource, time_of
from dragoman.kit.periodic import repeat
from dragoman.storage.engine import Storage

LOOK_EVERY_S: Final = 10.0
TEST_EVERY_S: Final = 20.0
TRIES: Final = 3
RETRY_S: Final = 5.0
MAX_TEXT: Final = 300
"""Characters of a text message."""
MAX_TOLD: Final = 50
"""Of one alert, the last."""
FIRST: Final = 0
"""The partition that tells of what concerns all; a single gateway is it."""
RAISED, LASTING, ENDED = "raised", "lasting", "ended"

log = structlog.get_logger(__name__)

Tell = Callable[[str, Notice], Awaitable[str]]
"""Tells an address; returns why it could not, empty where it did."""


class Channels(msgspec.Struct, frozen=True, kw_only=True):
    """How mail and webhooks are reached; the gateway knows."""

    mail: Tell
    webhook: Tell


class _Pending(msgspec.Struct):
    """Something that a rule finds, and for how long."""

    since: float
    alert: Alert | None = None
    told_at: float | None = None
    """When it was said last; None where nobody was told yet."""


@use_case(kw_only=True)
class Alerts:
    """Keeps rules, looks at them, and tells of what they find."""

    storage: Storage
    accounts: Accounts
    placement: Placement
    submission: SubmissionService
    readings: Readings
    ids: IdSource
    clock: Clock
    configured: Sequence[tuple[str, AlertRule]]
    """User name of the account, empty for the operator's own, and rule."""
    _rules: dict[int, StoredRule] = field(default_factory=dict, init=False)
    _found: dict[tuple[str, str], _Pending] = field(default_factory=dict, init=False)
    """By key of the rule and subject."""
    _over: dict[str, list[_Pending]] = field(default_factory=dict, init=False)
    """By key of the rule: what ended in quiet times, and was told before them."""
    _telling: set[asyncio.Task[None]] = field(default_factory=set, init=False)
    _channels: Channels | None = field(default=None, init=False)
    _tested: dict[int, float] = field(default_factory=dict, init=False)
    """When each account tried a rule last."""

    async def restore(self) -> None:
        """Loads rules, and alerts that an earlier run raised."""
        rules, raised = await self.storage.read(
            lambda connection: (alerts.load_rules(connection), alerts.load_open(connection))
        )
        self._rules = {one.rule_id: one for one in rules}
        now = self.clock.monotonic()
        for alert in raised:
            told_at = now if alert.told else None
            key = (alert.rule, alert.subject)
            self._found[key] = _Pending(since=now, alert=alert, told_at=told_at)

    async def run(self, machine: Measured, channels: Channels) -> None:
        """Looks at the rules; runs until cancelled."""
        self._channels = channels
        await repeat(LOOK_EVERY_S, lambda: self.look(machine), "alerts_not_looked_at")

    # Rules

    def of_account(self, account: Account) -> list[StoredRule]:
        """The account's rules, oldest first."""
        mine = (one for one in self._rules.values() if one.account_id == account.account_id)
        return sorted(mine, key=lambda one: one.rule_id)

    def find(self, account: Account, rule_id: int) -> StoredRule:
        """One of the account's rules; raises `Refused`."""
        found = self._rules.get(rule_id)
        if found is not None and found.account_id != account.account_id:
            found = None
        return existing(found, Refused(RefusalCode.NOT_FOUND, str(rule_id), "rule"))

    async def create(self, account: Account, rule: AlertRule) -> StoredRule:
        """Stores a rule; raises `Refused`."""
        stored = StoredRule(
            rule_id=await self.storage.short_ids.next(),
            account_id=account.account_id,
            rule=_checked(account, rule),
            changed_ms=self.clock.now_ms(),
        )
        await self.storage.writer.write(alerts.create, stored)
        self._rules[stored.rule_id] = stored
        return stored

    async def change(self, account: Account, known: StoredRule, rule: AlertRule) -> StoredRule:
        """Replaces a rule that was read; raises `Refused`.

        The code is `ALREADY_EXISTS` with the subject `version` where someone else changed it.
        """
        self.find(account, known.rule_id)
        at_ms = max(self.clock.now_ms(), known.changed_ms + 1)
        new = msgspec.structs.replace(known, rule=_checked(account, rule), changed_ms=at_ms)
        change = alerts.RuleChange(stored=new, known_ms=known.changed_ms)
        if not await self.storage.writer.write(alerts.change, change):
            raise Refused(RefusalCode.ALREADY_EXISTS, "version", "someone else changed it")
        self._rules[new.rule_id] = new
        return new

    async def remove(self, account: Account, rule_id: int) -> None:
        """Deletes a rule; what it had raised ends. Raises `Refused`."""
        self.find(account, rule_id)
        key = alerts.RuleKey(account_id=account.account_id, rule_id=rule_id)
        await self.storage.writer.write(alerts.remove, key)
        self._rules.pop(rule_id, None)
        await self._end_others(str(rule_id), set(), None)

    async def page(self, account: Account, before: int | None, limit: int) -> list[Alert]:
        """Alerts of an account, for operators those of the configuration too, newest first."""
        ids: tuple[int, ...] = (account.account_id,)
        if account.may(Permission.OPERATE):
            ids += (0,)
        return await self.storage.read(lambda c: alerts.find_page(c, ids, before, limit))

    async def test(self, account: Account, rule_id: int) -> tuple[Told, ...]:
        """Tells everybody of a rule that this is a test; raises `Refused`.

        An account can do so once in `TEST_EVERY_S`: tests go to addresses that anybody may name.
        """
        stored = self.find(account, rule_id)
        now, last = self.clock.monotonic(), self._tested.get(account.account_id)
        if last is not None and now - last < TEST_EVERY_S:
            detail = f"wait {TEST_EVERY_S:.0f} seconds between two tests"
            raise Refused(RefusalCode.INVALID_FIELD, "test", detail)
        self._tested[account.account_id] = now
        now_ms = self.clock.now_ms()
        notice = Notice(
            alert_id=0,
            rule=stored.rule.name,
            kind=stored.rule.kind.value,
            state=RAISED,
            subject="test",
            detail="this is a test, nothing is wrong",
            since_ms=now_ms,
            at_ms=now_ms,
        )
        return await self._tell_all(account, stored.rule, notice, tries=1)

    # Looking

    async def look(self, machine: Measured) -> None:
        """Looks at every rule once."""
        for name, rule in self.configured:
            if rule.kind in OF_ALL and self.placement.partition != FIRST:
                continue  # one partition of a cluster tells of what is the same for all
            account = await self._account_of(name)
            if account is not None or (not name and rule.kind in OF_ALL):
                await self._look(StoredRule(rule_id=0, account_id=0, rule=rule), account, machine)
        for stored in list(self._rules.values()):
            account = await self.accounts.find_by_id(stored.account_id)
            # What an account may not any more, its rules may not either.
            if account is not None and account.enabled and _may(account, stored.rule):
                await self._look(stored, account, machine)
            else:
                await self._end_others(stored.key, set(), None)

    async def settled(self) -> None:
        """Waits until everybody is told."""
        while self._telling:
            await asyncio.wait(set(self._telling))

    async def _look(self, stored: StoredRule, account: Account | None, machine: Measured) -> None:
        rule = stored.rule
        found: list[Finding] = []
        if rule.enabled:
            found = await self.readings.look(rule, account, machine)
        if not self._is_quiet(rule):
            for pending in self._over.pop(stored.key, ()):
                self._tell(account, rule, pending, ENDED)
        for finding in found:
            await self._note(stored, account, finding)
        subjects = {finding.subject for finding in found}
        await self._end_others(stored.key, subjects, (account, rule))

    async def _note(self, stored: StoredRule, account: Account | None, finding: Finding) -> None:
        rule, now = stored.rule, self.clock.monotonic()
        key = (stored.key, finding.subject)
        pending = self._found.setdefault(key, _Pending(since=now))
        if pending.alert is None:
            if now - pending.since < rule.for_s:
                return
            pending.alert = Alert(
                alert_id=self.ids.next(),
                account_id=stored.account_id,
                rule=stored.key,
                subject=finding.subject,
                detail=finding.detail[:500],
            )
            await self.storage.writer.write(alerts.begin, pending.alert)
            log.warning("alert_raised", rule=rule.name, kind=rule.kind.value)
        if self._is_quiet(rule):
            return
        if pending.told_at is None:
            pending.told_at = now
            self._tell(account, rule, pending, RAISED, finding.detail)
        elif rule.repeat_s and now - pending.told_at >= rule.repeat_s:
            pending.told_at = now
            self._tell(account, rule, pending, LASTING, finding.detail)

    async def _end_others(
        self, key: str, subjects: set[str], told_by: tuple[Account | None, AlertRule] | None
    ) -> None:
        """Ends what a rule finds no more."""
        for found in [one for one in self._found if one[0] == key and one[1] not in subjects]:
            pending = self._found.pop(found)
            alert = pending.alert
            if alert is None:
                continue
            ended_ms = self.clock.now_ms()
            ended = alerts.AlertNote(alert_id=alert.alert_id, told=alert.told, ended_ms=ended_ms)
            await self.storage.writer.write(alerts.note, ended)
            if told_by is None or pending.told_at is None:
                continue
            account, rule = told_by
            if self._is_quiet(rule):
                self._over.setdefault(key, []).append(pending)
            else:
                self._tell(account, rule, pending, ENDED)
        if told_by is None:
            self._over.pop(key, None)

    def _tell(
        self,
        account: Account | None,
        rule: AlertRule,
        pending: _Pending,
        state: str,
        detail: str = "",
    ) -> None:
        """Tells of an alert, by default in the words in which it began."""
        alert = pending.alert
        assert alert is not None, "only what is stored is told"
        notice = Notice(
            alert_id=alert.alert_id,
            rule=rule.name,
            kind=rule.kind.value,
            state=state,
            subject=alert.subject,
            detail=detail or alert.detail,
            since_ms=time_of(alert.alert_id),
            at_ms=self.clock.now_ms(),
        )

        async def work() -> None:
            told = await self._tell_all(account, rule, notice, tries=TRIES)
            known = pending.alert or alert
            pending.alert = msgspec.structs.replace(known, told=(*known.told, *told)[-MAX_TOLD:])
            note = alerts.AlertNote(alert_id=alert.alert_id, told=pending.alert.told)
            await self.storage.writer.write(alerts.note, note)

        task = asyncio.ensure_future(work())
        self._telling.add(task)
        task.add_done_callback(self._told)

    def _told(self, task: asyncio.Task[None]) -> None:
        self._telling.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("alert_not_told", reason=type(error).__name__)

    async def _tell_all(
        self, account: Account | None, rule: AlertRule, notice: Notice, *, tries: int
    ) -> tuple[Told, ...]:
        channels = self._channels

        async def by_text(number: str, notice: Notice) -> str:
            if account is None:
                return "no account here sends it"
            return await self._send_text(account, number, notice)

        ways: list[tuple[str, Tell | None, tuple[str, ...]]] = [
            ("mail", channels.mail if channels else None, rule.mails),
            ("webhook", channels.webhook if channels else None, rule.webhooks),
            ("SMS", by_text, rule.numbers),
        ]
        jobs = [
            self._tell_one(way, tell, address, notice, tries)
            for way, tell, addresses in ways
            for address in addresses
        ]
        return tuple(await asyncio.gather(*jobs))

    async def _tell_one(
        self, way: str, tell: Tell | None, address: str, notice: Notice, tries: int
    ) -> Told:
        problem = "no gateway is running"
        for attempt in range(tries if tell is not None else 0):
            if attempt:
                await asyncio.sleep(RETRY_S * 2 ** (attempt - 1))
            assert tell is not None
            try:
                problem = await tell(address, notice)
            except Exception as error:
                problem = type(error).__name__
            if not problem:
                break
        if problem:
            log.warning("alert_not_delivered", channel=way, rule=notice.rule)
        return Told(channel=way, at_ms=self.clock.now_ms(), problem=problem[:200])

    async def _send_text(self, account: Account, number: str, notice: Notice) -> str:
        # In the GSM alphabet, as nearly all of it is: other signs halve what fits into a part.
        text = notice.sentence.replace(NARROW_BLANK, " ")
        try:
            await self.submission.submit(
                account,
                Submission(
                    dialect="console",
                    recipients=(f"+{number}",),
                    text=text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 3]}...",
                    sender=account.default_sender or "Dragoman",
                    allow_any_sender=True,
                    urgent=True,
                    reference=f"alert {notice.alert_id}",
                ),
            )
        except Refused as refused:
            return refused.code.value.replace("_", " ")
        return ""

    def _is_quiet(self, rule: AlertRule) -> bool:
        local = datetime.fromtimestamp(self.clock.now_ms() / 1000, ZoneInfo(rule.time_zone))
        return is_quiet(rule, local.hour * 60 + local.minute)

    async def _account_of(self, username: str) -> Account | None:
        """The account of a configured rule; for the operator's own the first that operates.

        None where it is in another partition, which looks at the rule.
        """
        try:
            if username:
                return await self.accounts.find(username)
            everybody = await self.accounts.list_all()
        except Refused as refused:
            if refused.code is RefusalCode.UNAVAILABLE:
                raise
            return None
        except Elsewhere:
            return None
        operators = (one for one in everybody if one.may(Permission.OPERATE))
        return next(operators, everybody[0] if everybody else None)


def _may(account: Account, rule: AlertRule) -> bool:
    return not KINDS[rule.kind].for_operators or account.may(Permission.OPERATE)


def _checked(account: Account, rule: AlertRule) -> AlertRule:
    if not account.may(Permission.SEND):
        raise Refused(RefusalCode.PERMISSION_DENIED, Permission.SEND)
    if not _may(account, rule):
        raise Refused(RefusalCode.PERMISSION_DENIED, Permission.OPERATE)
    return check_rule(rule)
