"""Alerts: what each rule finds, who is told and when, and the rules in the console."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from dragoman.console.views.alerts import LIMITS, UNITS
from dragoman.core.alerts.alerts import Channels
from dragoman.core.alerts.model.rules import (
    KINDS,
    AlertKind,
    AlertRule,
    Notice,
    check_rule,
    is_quiet,
)
from dragoman.core.callbacks.model.held_hosts import HeldHost
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import Submission
from dragoman.core.model.errors import FailureCode, Refused
from dragoman.protocols.gsm.alphabet import unencodable

from .conftest import NOW_MS, Browser

NEW = "/console/alerts/new"


class Machine:
    """What rules look at in a gateway."""

    def __init__(self) -> None:
        self.up = {"main": True, "other": True}
        self.ages: dict[str, float] = {}
        self.free: int | None = 10_000_000_000
        self.hosts: list[HeldHost] = []

    def carriers_up(self) -> dict[str, bool]:
        return self.up

    def oldest_waiting_s(self) -> dict[str, float]:
        return self.ages

    def free_bytes(self) -> int | None:
        return self.free

    def held_hosts(self) -> list[HeldHost]:
        return self.hosts


class Watch(msgspec.Struct):
    """An account whose rules are looked at, and what was told."""

    browser: Browser
    account: Any
    machine: Machine
    told: list[tuple[str, str, str, str]]
    """Channel, address, state and detail."""
    problems: dict[str, str]

    @property
    def alerts(self) -> Any:
        return self.browser.services.alerts

    async def add(self, kind: AlertKind, **more: Any) -> Any:
        usual = {"name": kind.value, "for_s": 0, "webhooks": ("https://chat.example/1",)}
        return await self.alerts.create(self.account, AlertRule(kind=kind, **usual | more))

    async def look(self, after_s: float = 0.0) -> list[str]:
        """What is told by looking once more."""
        self.browser.clock.advance(after_s)
        before = len(self.told)
        await self.alerts.look(self.machine)
        await self.alerts.settled()
        return [one[2] for one in self.told[before:]]


@pytest.fixture
async def watch(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> Watch:
    from dragoman.core.alerts import alerts as module

    monkeypatch.setattr(module, "RETRY_S", 0.0)
    account = await browser.services.accounts.find("olga")
    told: list[tuple[str, str, str, str]] = []
    problems: dict[str, str] = {}

    def tell(channel: str) -> Any:
        async def work(address: str, notice: Notice) -> str:
            told.append((channel, address, notice.state, notice.detail))
            return problems.get(channel, "")

        return work

    browser.services.alerts._channels = Channels(mail=tell("mail"), webhook=tell("webhook"))
    return Watch(browser, account, Machine(), told, problems)


async def _silence(watch: Watch) -> None:
    services = watch.browser.services
    await services.keywords.add_number(watch.account, "4590000001", shared=False)
    from .test_conversations import Talk

    await Talk(watch.browser, watch.account, []).receive("Hello")
    watch.browser.clock.advance(25 * 3600)


async def _undelivered(watch: Watch) -> None:
    services = watch.browser.services
    for number in range(10):
        await services.submission.submit(
            watch.account,
            Submission(dialect="x", recipients=(f"+453012345{number}",), text="Hi", sender="Shop"),
        )
    waiting = []
    for message in list(services.live):
        stored = asyncio.get_running_loop().create_future()
        waiting.append(stored)
        services.delivery.change(
            message, State.REJECTED, stored.set_result, failure=FailureCode.NETWORK
        )
    assert all(await asyncio.gather(*waiting))


def _down(watch: Watch) -> None:
    watch.machine.up["main"] = False


def _old(watch: Watch) -> None:
    watch.machine.ages["default"] = 400.0


def _full(watch: Watch) -> None:
    watch.machine.free = 1_000_000


def _held(watch: Watch) -> None:
    watch.machine.hosts.append(
        HeldHost(
            account_id=1,
            origin="https://shop.example",
            reason="it answered 500",
            waiting=3,
            since_ms=NOW_MS,
            next_try_ms=NOW_MS,
        )
    )


@pytest.mark.parametrize(
    ("kind", "more", "spoil", "words"),
    [
        (AlertKind.CARRIER_DOWN, {}, _down, "carrier main is down"),
        (AlertKind.QUEUE_AGE, {"limit": 300}, _old, "route default has waited for 400 s"),
        (AlertKind.DISK, {"limit": 2000}, _full, "1 MB are free; the limit is 2\u202f000 MB"),
        (AlertKind.CALLBACK_HOST, {}, _held, "https://shop.example fail: it answered 500"),
        (AlertKind.INBOUND_SILENCE, {"limit": 24}, _silence, "no text for 25 h"),
        (AlertKind.DELIVERY_RATE, {"limit": 80, "fewest": 5}, _undelivered, "0.0 % of 10"),
        (
            AlertKind.CREDITS,
            {"limit": 5000},
            None,
            "olga has 1\u202f000 credits; the limit is 5\u202f000",
        ),
    ],
)
async def test_each_kind_finds_what_it_looks_at(
    watch: Watch, kind: AlertKind, more: dict[str, Any], spoil: Any, words: str
) -> None:
    await watch.add(kind, **more)
    if spoil is not None:
        assert await watch.look() == []
        if (waiting := spoil(watch)) is not None:
            await waiting
    assert await watch.look() == ["raised"]
    assert words in watch.told[-1][3]
    assert await watch.look(60) == []
    [alert] = await watch.alerts.page(watch.account, None, 5)
    assert alert.ended_ms is None
    assert alert.told[0].channel == "webhook"


async def test_it_has_to_last_and_its_end_is_told(watch: Watch) -> None:
    await watch.add(AlertKind.CARRIER_DOWN, for_s=60, about="main")
    watch.machine.up |= {"main": False, "other": False}
    assert await watch.look() == []
    watch.machine.up["main"] = True
    assert await watch.look(30) == []
    watch.machine.up["main"] = False
    assert await watch.look(30) == []
    assert await watch.look(59) == []
    assert await watch.look(2) == ["raised"]
    watch.machine.up["main"] = True
    assert await watch.look(10) == ["ended"]
    [alert] = await watch.alerts.page(watch.account, None, 5)
    assert alert.ended_ms is not None


async def test_quiet_times_put_off_what_lasts_and_drop_what_does_not(watch: Watch) -> None:
    # It is 14:13 UTC.
    await watch.add(AlertKind.DISK, limit=2000, quiet_from=14 * 60, quiet_to=15 * 60)
    watch.machine.free = 1
    assert await watch.look() == []
    watch.machine.free = 10**12
    assert await watch.look(60) == []
    watch.machine.free = 1
    assert await watch.look(60) == []
    assert await watch.look(3600) == ["raised"]


async def test_what_ends_in_quiet_times_is_said_to_be_over_after_them(watch: Watch) -> None:
    """Who was told before them would go on believing that it is wrong."""
    # It is 14:13 UTC.
    await watch.add(AlertKind.DISK, limit=2000, quiet_from=15 * 60, quiet_to=16 * 60)
    watch.machine.free = 1
    assert await watch.look() == ["raised"]
    assert await watch.look(3600) == []
    watch.machine.free = 10**12
    assert await watch.look(60) == []
    assert await watch.look(3600) == ["ended"]
    assert "0 MB are free" in watch.told[-1][3]
    assert await watch.look(60) == []


async def test_it_is_repeated_only_as_often_as_wanted(watch: Watch) -> None:
    await watch.add(AlertKind.DISK, limit=2000, repeat_s=600)
    watch.machine.free = 1
    assert await watch.look() == ["raised"]
    assert await watch.look(599) == []
    assert await watch.look(2) == ["lasting"]


async def test_restart_tells_nobody_twice(watch: Watch) -> None:
    await watch.add(AlertKind.DISK, limit=2000)
    watch.machine.free = 1
    assert await watch.look() == ["raised"]
    watch.alerts._found.clear()
    watch.alerts._rules.clear()
    await watch.alerts.restore()
    assert await watch.look() == []
    watch.machine.free = 10**12
    assert await watch.look() == ["ended"]


async def test_every_channel_is_tried_and_what_fails_is_shown(watch: Watch) -> None:
    watch.problems["mail"] = "550 no such user"
    await watch.add(
        AlertKind.DISK, limit=2000, mails=("ops@example.org",), numbers=("+4530123456",)
    )
    watch.machine.free = 1
    await watch.look()
    assert sorted(one[0] for one in watch.told) == ["mail", "mail", "mail", "webhook"]
    [alert] = await watch.alerts.page(watch.account, None, 5)
    told = {one.channel: one.problem for one in alert.told}
    assert told == {"mail": "550 no such user", "webhook": "", "SMS": ""}
    [sent] = watch.browser.services.live
    assert "1 MB" not in sent.batch.stored.text
    assert "0 MB are free" in sent.batch.stored.text
    await watch.browser.sign_in("olga")
    assert "not reached: 550 no such user" in (await watch.browser.get("/console/alerts")).text


async def test_a_texted_alert_stays_in_the_gsm_alphabet(watch: Watch) -> None:
    """A narrow blank between thousands, or an ellipsis, would take 70 characters a part of 160."""
    name = "the disk of the database, " * 3
    await watch.add(AlertKind.DISK, name=name, limit=2000, numbers=("+4530123456",))
    watch.machine.free = 1
    await watch.look()
    [sent] = watch.browser.services.live
    assert "the limit is 2 000 MB" in sent.batch.stored.text
    assert not unencodable(sent.batch.stored.text)


async def test_rules_of_accounts_see_only_their_own(watch: Watch) -> None:
    sena = await watch.browser.services.accounts.find("sena")
    rule = AlertRule(
        name="hosts", kind=AlertKind.CALLBACK_HOST, for_s=0, webhooks=("https://x.example/",)
    )
    await watch.alerts.create(sena, rule)
    _held(watch)
    assert await watch.look() == []
    with pytest.raises(Refused):
        await watch.alerts.create(sena, msgspec.structs.replace(rule, kind=AlertKind.DISK))
    with pytest.raises(Refused):
        watch.alerts.find(sena, (await watch.add(AlertKind.DISK)).rule_id)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"mails": ""}, "Name somebody to tell."),
        ({"mails": "nobody"}, "Not an e-mail address."),
        ({"webhooks": "ftp://x.example/"}, "Not an http or https address."),
        ({"numbers": "12"}, "Not a phone number."),
        ({"limit": "many"}, "Enter a number."),
        ({"quiet_from": "22:00"}, "Both ends are needed, or none."),
        ({"name": ""}, "This field is required."),
    ],
)
async def test_what_is_wrong_with_a_rule_is_said_at_its_field(
    watch: Watch, fields: dict[str, str], sentence: str
) -> None:
    browser = watch.browser
    await browser.sign_in("sena")
    page = await browser.get(NEW)
    page = await browser.post(NEW, **page.fields(NEW) | {"mails": "a@example.org"} | fields)
    assert page.status == 400
    assert sentence in page.text
    assert watch.alerts.of_account(await browser.services.accounts.find("sena")) == []


async def test_second_editor_of_a_rule_is_told_only_of_what_changed(watch: Watch) -> None:
    """Fields that are not in the form of a kind, and line breaks, were named as changed too."""
    browser = watch.browser
    await browser.sign_in("sena")
    hooks = "https://chat.example.org/1\r\nhttps://chat.example.org/2"
    page = await browser.send(
        await browser.get(f"{NEW}?kind=callback_host"), NEW, name="Hosts", webhooks=hooks
    )
    assert "Saved." in page.text
    [stored] = watch.alerts.of_account(await browser.services.accounts.find("sena"))
    at = f"/console/alerts/{stored.rule_id}"
    mine = (await browser.get(at)).fields(at) | {"webhooks": hooks}
    await browser.post(at, **mine | {"name": "Theirs"})
    page = await browser.post(at, **mine | {"name": "Mine"})
    assert page.status == 409
    (summary,) = page.tree.xpath("//*[@class='summary']")
    assert [a.text for a in summary.iter("a")] == ["Name"]
    assert "Current value: Theirs" in page.text


async def test_passwords_of_webhooks_are_hidden_and_stay(watch: Watch) -> None:
    browser = watch.browser
    await browser.sign_in("sena")
    sena = await browser.services.accounts.find("sena")
    hooks = ("https://me:one@chat.example.org/1", "https://me:two@chat.example.org/2")
    page = await browser.send(await browser.get(NEW), NEW, name="A", webhooks="\n".join(hooks))
    assert "Saved." in page.text
    [stored] = watch.alerts.of_account(sena)
    assert stored.rule.webhooks == hooks
    at = f"/console/alerts/{stored.rule_id}"
    shown = (await browser.get(at)).fields(at)
    assert shown["webhooks"].split() == [
        "https://me:***@chat.example.org/1",
        "https://me:***@chat.example.org/2",
    ]
    edited = shown["webhooks"].replace("/1", "/3")
    assert (await browser.post(at, **shown | {"webhooks": edited})).status == 303
    [stored] = watch.alerts.of_account(sena)
    assert stored.rule.webhooks == ("https://me:one@chat.example.org/3", hooks[1])
    shown = (await browser.get(at)).fields(at)
    moved = shown["webhooks"].replace("chat.", "evil.")
    page = await browser.post(at, **shown | {"webhooks": moved})
    assert page.status == 400
    assert "Not an http or https address." in page.text


async def test_rule_is_made_changed_by_two_tested_and_deleted(watch: Watch) -> None:
    browser = watch.browser
    await browser.sign_in("sena")
    page = await browser.get(f"{NEW}?kind=credits")
    page = await browser.send(page, NEW, mails="ops@example.org", limit="10")
    assert "Saved." in page.text
    sena = await browser.services.accounts.find("sena")
    [stored] = watch.alerts.of_account(sena)
    at = f"/console/alerts/{stored.rule_id}"
    mine, theirs = await browser.get(at), await browser.get(at)
    assert (await browser.post(at, **theirs.fields(at) | {"limit": "20"})).status == 303
    page = await browser.post(at, **mine.fields(at) | {"limit": "30"})
    assert page.status == 409
    assert "Current value: 20" in page.text
    assert page.fields(at)["limit"] == "30"
    page = await browser.post(at, **page.fields(at) | {"do": "test"})
    assert "The test was sent" in page.text
    assert watch.told[-1][:2] == ("mail", "ops@example.org")
    page = await browser.post(at, **page.fields(at) | {"do": "test"})
    assert page.status == 400
    assert "between two tests" in page.text
    other = browser.another()
    await other.sign_in("stranger")
    assert (await other.get(at)).status == 404
    page = await browser.get(at)
    page = await browser.follow(await browser.post(at, **page.fields(at) | {"do": "delete"}))
    assert "Rule deleted." in page.text


@pytest.mark.parametrize(
    ("begin", "end", "minute", "quiet"),
    [
        (1320, 420, 1380, True),
        (1320, 420, 60, True),
        (1320, 420, 420, False),
        (540, 600, 560, True),
        (540, 600, 600, False),
        (0, 0, 5, False),
    ],
)
def test_quiet_times_may_span_midnight(begin: int, end: int, minute: int, quiet: bool) -> None:
    rule = AlertRule(
        name="x", kind=AlertKind.DISK, mails=("a@b.example",), quiet_from=begin, quiet_to=end
    )
    assert is_quiet(check_rule(rule), minute) is quiet


def test_each_kind_with_a_limit_says_it() -> None:
    bounded = {kind for kind, facts in KINDS.items() if facts.bound}
    assert set(LIMITS) == set(UNITS) == bounded
    for kind in bounded:
        facts = KINDS[kind]
        assert LIMITS[kind] == f"{facts.bound} {{limit}} {facts.unit}"
