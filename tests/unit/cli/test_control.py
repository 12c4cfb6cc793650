"""The control socket: requests and answers over a real socket, to a real house on SQLite."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from dragoman.assembly import opened_services
from dragoman.config import Settings
from dragoman.console.labels import describe_change
from dragoman.container import Services
from dragoman.control import requests, server
from dragoman.control.answers import AccountSecrets
from dragoman.control.client import CommandFailed, NotRunning, call
from dragoman.control.commands import HANDLERS, run_command
from dragoman.control.house import Controlled
from dragoman.control.messages import STREAMS
from dragoman.control.notes import NOTED, UNNOTED
from dragoman.control.server import ControlServer
from dragoman.control.socket_path import (
    MAX_BYTES,
    UnsafeFolder,
    check_folder,
    make_folder,
    socket_path,
)
from dragoman.core.accounts.model.accounts import CredentialKind, Permission
from dragoman.core.accounts.model.senders import SenderDetails
from dragoman.core.metrics import Metrics
from dragoman.core.model.errors import Refused


class IdleGateway:
    """A gateway without carriers."""

    def __init__(self) -> None:
        self.metrics = Metrics()
        self.connectors: dict[str, Any] = {}

    def problems(self) -> list[str]:
        return []

    def waiting(self) -> dict[str, int]:
        return {"default": 0}

    def oldest_waiting_s(self) -> dict[str, float]:
        return {}

    def window_use(self) -> dict[str, tuple[int, int]]:
        return {}

    def is_held(self, carrier: str) -> bool:
        return False

    def callbacks_waiting(self) -> int:
        return 0


@pytest.fixture
async def services(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Services]:
    settings = Settings.development(tmp_path, http="127.0.0.1:1", smsc="127.0.0.1:1")
    assert settings.database_url == sqlite_url  # its tables are there already
    async with opened_services(settings) as services:
        control = ControlServer(services, IdleGateway())
        await control.start()
        yield services
        await control.stop()
        assert not control.path.exists()


async def ask(services: Services, request: requests.Request[Any]) -> Any:
    return await asyncio.to_thread(call, services.settings.data_path, request, timeout_s=10)


async def exchange(services: Services, line: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(
        os.fspath(socket_path(services.settings.data_path))
    )
    writer.write(line)
    if not line.endswith(b"\n"):
        writer.write_eof()
    answer = await reader.read() if not line.endswith(b"\n") else await reader.readline()
    writer.close()
    return answer


async def test_an_account_lives_its_life_over_the_socket(services: Services) -> None:
    create = requests.CreateAccount(username="shop", credits=5, allowed_addresses="10.0.0.0/8")
    created = await ask(services, create)
    assert isinstance(created, AccountSecrets)
    assert created.account.credits == 5
    assert len(created.api_key) == 64
    account = await services.accounts.authenticate_key(created.api_key, "10.1.2.3")
    assert account.username == "shop"

    rotated = await ask(
        services, requests.RotateKey(username="shop", api_key="a-key-of-my-own-choice")
    )
    assert (rotated.api_key, rotated.password) == ("a-key-of-my-own-choice", None)

    disabled = await ask(services, requests.SetEnabled(username="shop", enabled=False))
    assert disabled.enabled is False
    listed = await ask(services, requests.ListAccounts())
    assert [account.username for account in listed.accounts] == ["shop"]


async def test_an_account_is_made_below_another_and_changed(services: Services) -> None:
    root = await ask(
        services,
        requests.CreateAccount(
            username="reseller", grant=("administer", "premium"), revoke=("inbox",)
        ),
    )
    assert root.account.permissions == ("administer", "any_sender", "premium", "receive", "send")
    made = await ask(
        services,
        requests.CreateAccount(
            username="shop",
            parent="reseller",
            time_zone="Europe/Oslo",
            prefixes="47",
            profile="zumosms",
            grant=("charity",),
        ),
    )
    shop = made.account
    assert shop.permissions == ("any_sender", "premium", "receive", "send")
    assert (shop.parent, shop.time_zone, shop.prefixes) == ("reseller", "Europe/Oslo", "47")
    change = requests.ChangeAccount(
        username="shop", new_username="store", credits=7, revoke=("premium",), profile="link"
    )
    store = await ask(services, change)
    assert (store.username, store.credits, store.profile) == ("store", 7, "link")
    assert store.permissions == ("any_sender", "receive", "send")


async def test_a_message_is_sent_from_the_only_account_and_found(services: Services) -> None:
    await services.accounts.create("shop", default_sender="Shop")
    sent = await ask(services, requests.Send(recipients=("+4512345678",), text="hello"))
    assert (sent.account, sent.parts, sent.gateway) == ("shop", 1, True)
    batch = await ask(services, requests.Find(identifier=str(sent.batch_id)))
    assert (batch.state, batch.recipients) == ("running", 1)
    [message] = batch.messages
    assert message.state == "queued"
    assert await ask(services, requests.Find(identifier=str(message.message_id))) == message


async def test_a_number_with_keywords_lives_its_life_over_the_socket(services: Services) -> None:
    for name in ("owner", "shop"):
        await services.accounts.create(name, password="x")
    added = await ask(services, requests.AddNumber(username="owner", number="+1272", shared=True))
    assert (added.number, added.account, added.shared, added.configured) == (
        "1272", "owner", True, False,
    )  # fmt: skip
    assert (await ask(services, requests.ListNumbers())).numbers == (added,)

    pizza = {"username": "shop", "number": "1272", "keyword": "pizza"}
    url = "https://shop.example/sms"
    reserved = await ask(services, requests.ReserveKeyword(**pizza, url=url))
    assert (reserved.keyword, reserved.url, reserved.below) == ("PIZZA", url, "")
    below = requests.ReserveKeyword(
        username="shop", number="1272", keyword="ja", below="pizza", url=url
    )
    assert (await ask(services, below)).service_id == reserved.service_id  # one URL, one service
    attached = await ask(services, requests.AttachKeyword(**pizza))
    assert (attached.service_id, attached.url) == (None, "")
    listed = (await ask(services, requests.ListKeywords(username="shop"))).keywords
    assert [(k.keyword, k.below, k.url) for k in listed] == [
        ("PIZZA", "", ""), ("JA", "PIZZA", url),
    ]  # fmt: skip
    assert (await ask(services, requests.ListKeywords())).keywords == listed
    with pytest.raises(CommandFailed):
        await ask(services, requests.RemoveNumber(number="1272"))
    assert await ask(services, requests.DeleteKeyword(**pizza)) == listed[0]
    assert (await ask(services, requests.ListKeywords())).keywords == ()
    assert await ask(services, requests.RemoveNumber(number="1272")) == added
    assert (await ask(services, requests.ListNumbers())).numbers == ()


async def test_opt_outs_are_entered_listed_in_pages_and_taken_back(services: Services) -> None:
    await services.accounts.create("shop", password="x", default_sender="Shop")
    for number in ("+4511111111", "+4522222222"):
        await ask(services, requests.AddOptOut(username="shop", recipient=number))
    only = requests.AddOptOut(username="shop", recipient="4511111111", sender="+4570101010")
    assert (await ask(services, only)).sender == "4570101010"
    first = await ask(services, requests.ListOptOuts(username="shop", limit=2))
    assert [opt_out.recipient for opt_out in first.opt_outs] == ["4511111111", "4522222222"]
    second = await ask(services, requests.ListOptOuts(username="shop", after=first.after))
    assert ([opt_out.sender for opt_out in second.opt_outs], second.after) == (["4570101010"], None)
    sent = await ask(services, requests.Send(recipients=("+4522222222",), text="hello"))
    [message] = (await ask(services, requests.Find(identifier=str(sent.batch_id)))).messages
    assert (message.state, message.failure) == ("rejected", "opted_out")
    remove = requests.RemoveOptOut(username="shop", recipient="+4522222222")
    assert (await ask(services, remove)).recipient == "4522222222"
    with pytest.raises(CommandFailed):
        await ask(services, remove)


async def test_senders_are_listed_approved_and_rejected(services: Services) -> None:
    account = (await services.accounts.create("shop", password="x")).account
    for sender in ("Shop", "Deli"):
        await services.senders.ask_for(account, sender, SenderDetails(company="Shop Ltd"))
    listed = await ask(services, requests.ListSenders(pending=True))
    assert [(one.account, one.sender, one.state) for one in listed.senders] == [
        ("shop", "Shop", "pending"),
        ("shop", "Deli", "pending"),
    ]
    decide = requests.DecideSender(username="shop", sender="Shop", approved=True)
    assert (await ask(services, decide)).state == "approved"
    assert await services.accounts.approved_senders(account) == {"Shop"}
    assert (await ask(services, requests.ListSenders(pending=True))).total == 1
    decide = requests.DecideSender(
        username="shop", sender="Shop", approved=False, by_authority=True
    )
    assert (await ask(services, decide)).state == "rejected_by_authority"
    assert await services.accounts.approved_senders(account) == frozenset()
    page = await ask(services, requests.ListSenders(username="shop", offset=1, limit=1))
    assert ([one.sender for one in page.senders], page.total) == (["Deli"], 2)


async def test_credits_of_types_are_added_and_taken(services: Services) -> None:
    await services.accounts.create("shop", password="x", credits=5)
    add = requests.AddCredits(username="shop", message_type="GP", credits=7)
    assert (await ask(services, add)).credits == {"N": 7, "L": 5, "LL": 5, "EE": 5}
    take = requests.AddCredits(username="shop", message_type="N", credits=-3)
    assert (await ask(services, take)).credits["N"] == 4
    assert (await ask(services, requests.AddCredits(username="shop"))).credits["N"] == 4


async def test_message_types_are_narrowed_by_name_and_freed_again(services: Services) -> None:
    await services.accounts.create("shop", password="x")
    narrow = requests.ChangeAccount(username="shop", message_types=("GP", "LL"))
    assert (await ask(services, narrow)).message_types == ("LL", "N")
    assert not (await services.accounts.find("shop")).may_send_type("EE")
    assert (await ask(services, requests.ChangeAccount(username="shop"))).message_types == (
        "LL",
        "N",
    )
    unknown = requests.ChangeAccount(username="shop", message_types=("N", "XX"))
    with pytest.raises(CommandFailed, match="XX"):
        await ask(services, unknown)
    free = requests.ChangeAccount(username="shop", message_types=())
    assert (await ask(services, free)).message_types is None


async def test_email_service_is_shown_and_changed_field_by_field(services: Services) -> None:
    account = (await services.accounts.create("shop", password="x")).account
    shown = await ask(services, requests.ChangeEmailService(username="shop"))
    assert (shown.account, shown.enabled, shown.bandwidth, shown.expiry) == ("shop", True, 0.0, "")
    assert await services.mailings.service_of(account) is None
    change = requests.ChangeEmailService(username="shop", bandwidth=500, expiry="2027-01-31")
    await ask(services, change)
    off = await ask(services, requests.ChangeEmailService(username="shop", enabled=False))
    assert (off.enabled, off.bandwidth, off.expiry) == (False, 500.0, "2027-01-31")
    for wrong in ({"expiry": "soon"}, {"bandwidth": -1.0}, {"billing": "x" * 65}):
        with pytest.raises(CommandFailed, match=next(iter(wrong))):
            await ask(services, requests.ChangeEmailService(username="shop", **wrong))
    stored = await services.mailings.service_of(account)
    assert stored is not None
    assert (stored.enabled, stored.bandwidth, stored.expiry) == (False, 500.0, "2027-01-31")


async def test_revoked_tokens_and_sessions_let_nobody_in(services: Services) -> None:
    account = (await services.accounts.create("shop", password="x")).account
    token = await services.access_tokens.issue(account)
    session = services.sessions.open(account.account_id)
    await services.accounts.authenticate_key(token, "", CredentialKind.ACCESS_TOKEN)
    await ask(services, requests.RevokeTokens(username="shop"))
    assert not services.sessions.is_alive(account.account_id, session)
    with pytest.raises(Refused):
        await services.accounts.authenticate_key(token, "", CredentialKind.ACCESS_TOKEN)


def test_every_request_has_somebody_who_carries_it_out() -> None:
    assert set(get_args(requests.AnyRequest)) == {*HANDLERS, *STREAMS}


def test_every_request_is_written_down_or_said_to_change_nothing() -> None:
    assert set(get_args(requests.AnyRequest)) == NOTED | UNNOTED
    assert not NOTED & UNNOTED


NUMBER = "+4512345678"
COMMANDS = {
    "create": (requests.CreateAccount(username="new"), "new", "created the account"),
    "set": (
        requests.ChangeAccount(username="shop", grant=("premium",), time_zone="Europe/Oslo"),
        "shop",
        "changed the account: may premium, time zone",
    ),
    "rename": (
        requests.ChangeAccount(username="shop", new_username="store"),
        "store",
        "changed the account: its name was shop",
    ),
    "nothing": (requests.ChangeAccount(username="shop"), "shop", None),
    "credits": (
        requests.ChangeAccount(username="shop", credits=-2),
        "shop",
        "changed the account: -2 credits",
    ),
    "shut": (requests.SetEnabled(username="shop", enabled=False), "shop", "disabled the account"),
    "key": (
        requests.RotateKey(username="shop"),
        "shop",
        "created a new API key and revoked the old ones",
    ),
    "typed credits": (
        requests.AddCredits(username="shop", message_type="N", credits=3),
        "shop",
        "changed the account: +3 credits of N",
    ),
    "credits shown": (requests.AddCredits(username="shop"), "shop", None),
    "tokens": (
        requests.RevokeTokens(username="shop"),
        "shop",
        "revoked all tokens and sessions",
    ),
    "mail": (
        requests.ChangeEmailService(username="shop", bandwidth=5),
        "shop",
        "changed the account: e-mail service: bandwidth",
    ),
    "mail shown": (requests.ChangeEmailService(username="shop"), "shop", None),
    "number": (
        requests.AddNumber(username="shop", number=NUMBER),
        "shop",
        "assigned the number …678 to the account",
    ),
    "opt-out": (
        requests.AddOptOut(username="shop", recipient=NUMBER),
        "shop",
        "added an opt-out for …678",
    ),
    "webhook": (
        requests.SetWebhook(username="shop", event="delivery", url="https://shop.example/"),
        "shop",
        "changed the webhook delivery",
    ),
    "read": (requests.ListAccounts(), "shop", None),
}


@pytest.mark.parametrize("case", COMMANDS)
async def test_what_a_command_changes_is_written_down(services: Services, case: str) -> None:
    request, username, words = COMMANDS[case]
    await services.accounts.create("shop", credits=10)
    await ask(services, request)
    account = await services.accounts.find(username)
    found = await services.audit_log.changes(account, account, None, 10)
    said = [describe_change(change.action, change.entry.subject) for change in found]
    assert said == ([words] if words else [])
    assert all(change.by_command for change in found)


async def test_carrier_is_held_and_let_go_over_the_socket(services: Services) -> None:
    owner = (await services.accounts.create("owner", permissions=frozenset(Permission))).account
    shop = (await services.accounts.create("shop")).account
    told: list[tuple[str, bool]] = []
    services.carrier_switches.changed.subscribe(lambda name, held: told.append((name, held)))
    for held in (True, True, False):
        switch = requests.SwitchCarrier(carrier="simulator", held=held)
        answer = await ask(services, switch)
        assert (answer.held, answer.in_flight, answer.gateway) == (held, 0, True)
        assert await services.carrier_switches.is_held("simulator") is held
    assert told == [("simulator", True), ("simulator", False)]
    changes = await services.audit_log.changes(owner, owner, None, 10)
    assert [(one.action, one.entry.subject) for one in changes] == [
        ("enable_carrier", "simulator"),
        ("drain_carrier", "simulator"),
    ]
    assert await services.audit_log.changes(shop, shop, None, 10) == []


async def test_doctor_names_a_held_carrier_where_no_gateway_runs(services: Services) -> None:
    await services.carrier_switches.switch("simulator", True)
    answer = await run_command(Controlled(services=services), requests.Diagnose())
    (check,) = [check for check in answer.checks if check.name == "carrier simulator"]
    assert check.finding == "warning"
    assert "dragoman carrier enable simulator" in check.remedy


REFUSED = {
    "no such permission": (
        requests.CreateAccount(username="x", grant=("fly",)),
        "invalid_field",
    ),
    "no such parent": (requests.CreateAccount(username="x", parent="nobody"), "not_found"),
    "no such zone": (requests.CreateAccount(username="x", time_zone="Mars"), "invalid_field"),
    "nobody to change": (requests.ChangeAccount(username="nobody", credits=1), "not_found"),
    "nobody to send": (requests.Send(recipients=("4512345678",), text="x"), "missing_field"),
    "nobody of that name": (requests.RotateKey(username="x"), "not_found"),
    "no such message": (requests.Find(identifier="1"), "not_found"),
    "no identifier at all": (requests.Find(identifier="x"), "not_found"),
    "a number above all identifiers": (requests.Find(identifier="9" * 16), "not_found"),
    "a key too short": (requests.CreateAccount(username="a", api_key="k"), "invalid_field"),
    "nobody to own a number": (requests.AddNumber(username="x", number="1272"), "not_found"),
    "no number to remove": (requests.RemoveNumber(number="1272"), "not_found"),
    "no digits to remove": (requests.RemoveNumber(number="x"), "invalid_field"),
    "nobody to opt out of": (
        requests.AddOptOut(username="x", recipient="4512345678"),
        "not_found",
    ),
    "no sender to approve": (
        requests.DecideSender(username="x", sender="Shop", approved=True),
        "not_found",
    ),
    "no carrier of that name": (
        requests.SwitchCarrier(carrier="x", held=True),
        "not_found",
    ),
    "no tokens to revoke": (requests.RevokeTokens(username="x"), "not_found"),
    "nobody to give credits": (
        requests.AddCredits(username="x", message_type="N", credits=1),
        "not_found",
    ),
    "an address that is none": (
        requests.CreateAccount(username="a", allowed_addresses="x"),
        "invalid_field",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_refusal_keeps_its_code(services: Services, case: str) -> None:
    request, code = REFUSED[case]
    with pytest.raises(CommandFailed) as caught:
        await ask(services, request)
    assert caught.value.failure.code == code
    assert str(caught.value)


MALFORMED = [
    b"\n",
    b"{\n",
    b"[]\n",
    b'{"command":"account.steal"}\n',
    b'{"command":"find"}\n',
    b'{"command":"find","identifier":1}\n',
    b'{"command":"find","identifier":"1","more":1}\n',
]


@pytest.mark.parametrize("line", MALFORMED)
async def test_a_malformed_line_is_refused_and_the_next_one_served(
    services: Services, line: bytes
) -> None:
    answer = msgspec.json.decode(await exchange(services, line))
    assert answer["failure"]["code"] == "malformed_request"
    assert (await ask(services, requests.ListAccounts())).accounts == ()


async def test_a_line_over_the_limit_ends_the_conversation(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "REQUEST_LIMIT_BYTES", 100)
    control = ControlServer(services, IdleGateway())
    await control.start()
    assert await exchange(services, b"x" * 1000) == b""
    await control.stop()


async def test_a_caller_that_leaves_in_the_middle_disturbs_nobody(services: Services) -> None:
    assert await exchange(services, b'{"command":') == b""
    assert (await ask(services, requests.ListAccounts())).accounts == ()


async def test_the_overview_and_the_diagnosis_are_answered(services: Services) -> None:
    overview = await ask(services, requests.ShowOverview())
    assert (overview.running, overview.pid, overview.accounts) == (True, os.getpid(), 0)
    diagnosis = await ask(services, requests.Diagnose())
    findings = {check.name: check.finding for check in diagnosis.checks}
    assert findings["database"] == "ok"
    assert findings["carriers"] == "problem"
    assert all(check.remedy for check in diagnosis.checks if check.finding != "ok")


async def test_only_the_user_may_open_the_socket(services: Services) -> None:
    mode = socket_path(services.settings.data_path).stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert mode & 0o777 == 0o600


def test_no_socket_and_a_dead_one_mean_that_nothing_runs(tmp_path: Path) -> None:
    with pytest.raises(NotRunning):
        call(tmp_path, requests.ListAccounts())
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(os.fspath(socket_path(tmp_path)))
    with pytest.raises(NotRunning):
        call(tmp_path, requests.ListAccounts())


def test_a_silent_gateway_is_a_failure_not_a_wait(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(os.fspath(socket_path(tmp_path)))
        silent.listen()
        with pytest.raises(CommandFailed) as caught:
            call(tmp_path, requests.ListAccounts(), timeout_s=0.05)
    assert caught.value.failure.code == "unavailable"


@pytest.fixture
def deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder whose path is too long for a socket."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = tmp_path / ("d" * MAX_BYTES)
    folder.mkdir()
    return folder


def test_a_long_path_gets_a_short_socket_in_a_private_folder(deep: Path, tmp_path: Path) -> None:
    path = socket_path(deep)
    assert path.parent.parent == tmp_path
    assert path == socket_path(deep / "x" / "..")
    make_folder(path, deep)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    check_folder(path, deep)


def test_a_folder_that_others_may_enter_is_not_trusted(deep: Path) -> None:
    path = socket_path(deep)
    path.parent.mkdir()
    path.parent.chmod(0o755)
    with pytest.raises(UnsafeFolder):
        make_folder(path, deep)
    with pytest.raises(CommandFailed) as caught:
        call(deep, requests.ListAccounts())
    assert caught.value.failure.code == "no_access"
