"""The smSend manual as a reseller and its customer live it: real processes, HTTP, SMPP and SMTP."""

from __future__ import annotations

import asyncio
import email
import json
import re
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from email.policy import default
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from aiosmtpd.smtp import SMTP, Envelope
from tests.passing_time import PATIENCE_S, until

from dragoman.testkit.simulator import Behaviour, Simulator

from .command_line import run_beside

DRAGOMAN = str(Path(sys.executable).parent / "dragoman")
PASSWORD, CUSTOMERS_PASSWORD = "reseller password", "password2"
SIM, PHONE, OTHER_PHONE = "393400000001", "393356242290", "393356242291"
ANN = "ann@one.example"
CONFIG = """
data_dir = "{folder}/data"

[http]
listen = "127.0.0.1:{http}"

[dialects]
enabled = ["smsend"]

[mailings]
enabled = true
relay = "127.0.0.1:{relay}"
security = "none"
sender = "bounces@relay.example"
base_url = "http://127.0.0.1:{http}"
rate_per_s = 1000

[[carriers]]
name = "sim"
host = "127.0.0.1"
port = {smsc}
system_id = "test"
password = "test"
reconnect_min_s = 0.1

[log]
level = "error"
"""
CUSTOMER = {
    "address": "via xxx",
    "cell": "+393393939393",
    "city": "myCity",
    "company": False,
    "email": "em@a.il",
    "name": "myNome",
    "password": CUSTOMERS_PASSWORD,
    "province": "TN",
    "surname": "mySurname",
    "zip-code": "38010",
}
ALIAS = {
    "alias": "MyShop",
    "company-name": "My Shop",
    "contact-name": "Ann",
    "contact-surname": "Bell",
    "cod-fiscale": "02367940224",
    "vat-number": "02367940224",
    "contact-address": "via xxx",
    "contact-city": "Trento",
    "contact-pcode": "38010",
    "contact-type": "WEB",
    "contact-info": "www.myshop.com",
}
LIST = {
    "title": "MyNewList",
    "id_language": "eng",
    "email_sender": "ema@il.com",
    "reply_to": "ema@il.com",
    "company_name": "MyCompany",
    "company_address": "My Company Address",
    "company_url": "www.mycompany.com",
    "company_phone": "+34123456789",
    "company_fax": "+341234567810",
}
ISSUE = {
    "title": "New title",
    "subject": "Hello world!",
    "text_content": "Test email",
    "html_content": "<body>Hello world!</body>",
    "attachments": [],
}


class Program:
    """A program of somebody who has an account: it logs in, and again where it must."""

    def __init__(
        self, session: aiohttp.ClientSession, host: str, username: str, password: str
    ) -> None:
        self._session = session
        self._host = host
        self._login = {"username": username, "password": password}
        self._keys: dict[str, str] = {}
        self.logins = 0

    async def ask(self, method: str, target: str, body: Any = None) -> tuple[int, str, Any]:
        """The status, the path in Location and the body of an answer."""
        status, location, said = await self._ask(method, target, body)
        if status == 401:
            url = f"{self._host}/API/v1.0/REST/login"
            async with self._session.get(url, params=self._login) as answer:
                assert answer.status == 200
                keys = (await answer.text()).split(";")
            self._keys = dict(zip(("user_key", "Session_key"), keys, strict=True))
            self.logins += 1
            status, location, said = await self._ask(method, target, body)
        return status, location.removeprefix("/"), said

    async def _ask(self, method: str, target: str, body: Any) -> tuple[int, str, Any]:
        url = f"{self._host}/API/v1.0/REST/{target}"
        async with self._session.request(method, url, json=body, headers=self._keys) as answer:
            return answer.status, answer.headers.get("Location", ""), await answer.json()

    async def get(self, target: str) -> Any:
        status, _, said = await self.ask("GET", target)
        assert status == 200, said
        return said

    async def post(self, target: str, body: Any = None, status: int = 200) -> Any:
        got, _, said = await self.ask("POST", target, body)
        assert got == status, said
        return said

    async def make(self, target: str, body: Any = None, status: int = 201) -> str:
        """Makes something; where it is."""
        got, location, said = await self.ask("POST", target, body)
        assert got == status, said
        assert said in ("", {"result": "OK"})
        return location

    async def credits(self) -> dict[str, int]:
        return {
            one["type"]: one["quantity"]
            for one in (await self.get("status?typeAliases=true"))["sms"]
        }

    async def new_texts(self) -> list[str]:
        return [one["message"] for one in (await self.get("newsrsmsmessage"))["srsmshistory"]]


class World:
    """The operator's commands, the gateway, the SMSC and the relay behind it."""

    def __init__(self, folder: Path, http: int, simulator: Simulator) -> None:
        self.simulator = simulator
        self.host = f"http://127.0.0.1:{http}"
        self.config = folder / "dragoman.toml"
        self.mails: asyncio.Queue[Any] = asyncio.Queue()
        self._folder = folder
        self._http = http
        self._gateway: Process | None = None

    async def handle_DATA(self, _server: SMTP, _session: Any, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        self.mails.put_nowait(email.message_from_bytes(content, policy=default))
        return "250 OK"

    async def mail(self) -> Any:
        return await asyncio.wait_for(self.mails.get(), PATIENCE_S)

    async def open(self) -> None:
        self._relay = await asyncio.get_running_loop().create_server(
            lambda: SMTP(self, hostname="relay.test"), "127.0.0.1", 0
        )
        relay = self._relay.sockets[0].getsockname()[1]
        self.config.write_text(
            CONFIG.format(
                folder=self._folder, http=self._http, smsc=self.simulator.port, relay=relay
            )
        )
        await self.run("migrate")

    async def run(self, *arguments: str) -> Any:
        """Runs a command of the operator's; what it says in JSON, if it does."""
        said = await run_beside(self.config.parent, *arguments, "--config", str(self.config))
        return json.loads(said) if "--json" in arguments else None

    async def start(self, session: aiohttp.ClientSession) -> None:
        self._gateway = gateway = await asyncio.create_subprocess_exec(
            DRAGOMAN, "serve", "--config", str(self.config), stdout=DEVNULL
        )

        async def ready() -> bool:
            assert gateway.returncode is None, "the gateway ended by itself"
            with suppress(aiohttp.ClientError):
                async with session.get(f"{self.host}/health/ready") as answer:
                    return answer.status == 200
            return False

        await until(ready, "ready")

    async def stop(self) -> None:
        if self._gateway is not None:
            with suppress(ProcessLookupError):
                self._gateway.send_signal(signal.SIGTERM)
            assert await self._gateway.wait() == 0
            self._gateway = None

    async def close(self) -> None:
        await self.stop()
        self._relay.close()

    async def text_to(self, number: str) -> str:
        """The next text that a phone got."""
        phone = self.simulator.phone(number)

        async def received() -> bool:
            return bool(phone.received)

        await until(received, f"a text to {number}")
        return phone.received.pop(0).text


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def world(
    tmp_path: Path,
    session: aiohttp.ClientSession,
    unused_tcp_port_factory: Callable[[], int],
) -> AsyncIterator[World]:
    simulator = Simulator()
    simulator.default = Behaviour(receipt_delay_s=0.01)
    await simulator.start()
    world = World(tmp_path, unused_tcp_port_factory(), simulator)
    await world.open()
    try:
        yield world
    finally:
        await world.close()
        await simulator.stop()


@pytest.fixture
async def reseller(world: World, session: aiohttp.ClientSession) -> Program:
    """A superaccount, which may send only from approved senders, as the operator makes it."""
    who = ("reseller", "--password", PASSWORD)
    rights = ("--may", "administer", "--may-not", "any_sender", "--credits", "500")
    await world.run("account", "create", *who, *rights)
    await world.start(session)
    return Program(session, world.host, "reseller", PASSWORD)


@pytest.fixture
async def customer(world: World, session: aiohttp.ClientSession, reseller: Program) -> Program:
    """A subaccount with credits and an alias of its own, and a number that texts come to."""
    login = {"login": "customer", "credit-eat-mode": 0}
    await reseller.make("subaccount", CUSTOMER | login, 200)
    given = [
        {"message-type": "GP", "amount": 100, "super-to-sub": True},
        {"message-type": "GP", "amount": 20, "super-to-sub": False},
    ]
    await reseller.make("subaccount/customer/credit", {"credits": given})
    customer = Program(session, world.host, "customer", CUSTOMERS_PASSWORD)
    alias = await customer.make("alias", {"alias": ALIAS}, 200)
    assert (await customer.get(alias))["alias"]["alias-state"] == 0
    await world.run("sender", "approve", "customer", "MyShop")
    assert (await customer.get(alias))["alias"]["alias-state"] == 1
    await world.run("account", "set", "customer", "--sender", "MyShop")
    await world.run("number", "add", SIM, "customer")
    return customer


@pytest.mark.slow
async def test_a_reseller_and_its_customer_live_through_the_manual(
    world: World, reseller: Program, customer: Program, session: aiohttp.ClientSession
) -> None:
    # Subaccount API: whose credits are whose
    assert await customer.credits() == {"N": 80, "L": 0, "LL": 0, "EE": 0}
    assert (await reseller.credits())["N"] == 420

    # Contacts and groups API
    group = await customer.make("group", {"name": "friends", "description": "mine"})
    group_id = group.removeprefix("group/")
    ann = await customer.make(
        "contact", {"email": ANN, "phoneNumber": f"+{PHONE}", "groupIds": [group_id]}
    )
    bob = await customer.make("contact", {"phoneNumber": f"+{OTHER_PHONE}"})
    await customer.make(f"{group}/{bob}", status=200)
    (listed,) = (await customer.get("groups"))["groups"]
    assert listed["group_name"] == "friends"
    assert (await customer.get(ann))["email"] == ANN

    # Two factors: a code leaves by SMPP and comes back by HTTP
    await customer.post("2fa/request", {"recipient": f"+{PHONE}", "messageBody": "PIN %PIN%"})
    pin = re.fullmatch(r"PIN (\d{6})", await world.text_to(PHONE))
    assert pin is not None
    wrong = {"recipient": f"+{PHONE}", "pin": f"{(int(pin[1]) + 1) % 10**6:06}"}
    assert (await customer.post("2fa/verify", wrong)) == {"status": "ERROR", "triesRemaining": 4}
    assert (await customer.post("2fa/verify", wrong | {"pin": pin[1]})) == {"status": "OK"}
    assert (await customer.credits())["N"] == 79

    # Received SMS API: each text once, also when the gateway starts again in between
    for text in ("one", "two", "three"):
        await world.simulator.send_text(PHONE, SIM, text)
    newest = (await customer.get(f"newsrsmsmessage/+{SIM}?limit=2"))["srsmshistory"]
    assert [one["message"] for one in newest] == ["two", "one"]
    assert (newest[0]["id_sim"], newest[0]["sender"]) == (f"+{SIM}", f"+{PHONE}")
    before = customer.logins
    await world.stop()
    await world.start(session)
    assert await customer.new_texts() == ["three"]
    assert customer.logins == before + 1  # sessions end with the process; the program logs in
    assert await customer.new_texts() == []
    page = await customer.get("srsmshistory?from=20200101000000&to=now&pageSize=2&pageNumber=2")
    assert ([one["message"] for one in page["srsmshistory"]], page["total"]) == (["one"], 3)
    after = f"srsmshistory/+{SIM}/{page['srsmshistory'][0]['id_message']}"
    assert [one["message"] for one in (await customer.get(after))["srsmshistory"]] == [
        "two",
        "three",
    ]
    assert (await reseller.get("newsrsmsmessage"))["srsmshistory"] == []

    # Who sends STOP is on the blacklist, and gets nothing more
    await world.simulator.send_text(OTHER_PHONE, SIM, "STOP")
    (entry,) = (await customer.get("blacklist/sms"))["blacklist"]
    assert (entry["phoneNumber"], entry["origin"]) == (f"+{OTHER_PHONE}", "STOPSMS")
    (stop,) = (await customer.get("mosmshistory?type=STOP"))["mosmshistory"]
    assert stop["message"] == "STOP"
    status, _, said = await customer.ask("POST", "2fa/request", {"recipient": f"+{OTHER_PHONE}"})
    assert (status, said["result"]) == (400, f"Recipient [{OTHER_PHONE}] is not allowed")
    assert (await customer.credits())["N"] == 79

    await _campaign(world, customer, ann, session)
    await _purchases(reseller, session, world)


async def _campaign(
    world: World, customer: Program, ann: str, session: aiohttp.ClientSession
) -> None:
    """Email Campaign API: a list, an issue, and the button that leaves it."""
    shown = await world.run("account", "email", "customer", "--bandwidth", "5000", "--json")
    assert shown["bandwidth"] == 5000
    assert (await customer.get("status"))["email"]["bandwidth"] == 5000
    path = await customer.make("list", LIST)
    sending = {
        "contactIds": [ann.removeprefix("contact/")],
        "scheduleTime": "2017-08-17 12:30:00",
    }
    template = await customer.make(
        "template", {"name": "T", "text_content": "text", "html_content": "<p>html</p>"}
    )
    patch = [{"op": "replace", "path": "/text_content", "value": "patched"}]
    assert (await customer.ask("PATCH", template, patch))[0] == 200
    fields = {"name": "New title", "subject": "Hello world!"}
    issue = await customer.make(f"{path}/issue/{template}", fields)
    await customer.make(issue, sending)
    mail = await world.mail()
    assert mail["To"] == ANN
    assert "patched" in mail.get_body(("plain",)).get_content()
    link = str(mail["List-Unsubscribe"]).strip("<>")
    async with session.post(link, data="List-Unsubscribe=One-Click") as answer:
        assert answer.status == 200
    again = await customer.make(f"{path}/issue", ISSUE)
    await customer.make(again, sending)
    bob = await customer.make(f"{path}/contact", {"email": "bob@two.example"})
    await customer.make(again, sending | {"contactIds": [bob.removeprefix("contact/")]})
    assert (await world.mail())["To"] == "bob@two.example"
    assert world.mails.empty()


async def _purchases(reseller: Program, session: aiohttp.ClientSession, world: World) -> None:
    """Purchases: a partner whose own books the reseller keeps."""
    login = {"login": "partner", "credit-eat-mode": 2}
    await reseller.make("subaccount", CUSTOMER | login, 200)
    prices = [{"message-type": "GP", "unit-price": 2.5}]
    bought = [{"super-to-sub": True, "price": 25.0, "message-types": prices}]
    await reseller.make("subaccount/partner/purchase", {"purchases": bought}, 200)
    partner = Program(session, world.host, "partner", CUSTOMERS_PASSWORD)
    assert (await partner.credits())["N"] == 10
    assert (await partner.get("status?getMoney=true"))["money"] == 25.0
    (purchase,) = (await reseller.get("subaccount/partner/purchase"))["purchases"]
    assert (purchase["amount"], purchase["available"]) == (25, 25)
    gone = f"subaccount/partner/purchase/{purchase['id_purchase']}"
    assert (await reseller.ask("DELETE", gone))[0] == 200
    assert (await partner.get("status?getMoney=true"))["money"] == 0


@pytest.mark.slow
async def test_a_customer_sends_and_asks_what_became_of_it(world: World, customer: Program) -> None:
    group = await customer.make("group", {"name": "friends", "description": "mine"})
    for number in (PHONE, OTHER_PHONE):
        contact = {
            "phoneNumber": f"+{number}",
            "email": f"{number}@one.example",
            "groupIds": [group.removeprefix("group/")],
        }
        await customer.make("contact", contact)
    await world.simulator.send_text(OTHER_PHONE, SIM, "STOP")

    # SMS Send API: to numbers, under a name of the customer's own
    text = {"message_type": "GP", "message": "Hello world!", "order_id": "first"}
    sent = await customer.post("sms", text | {"recipient": [f"+{PHONE}"]}, 201)
    assert (sent["order_id"], sent["total_sent"]) == ("first", 1)
    assert await world.text_to(PHONE) == "Hello world!"
    assert await _outcome(customer, "first") == {f"+{PHONE}": "DLVRD"}
    assert (await customer.ask("POST", "sms", text | {"recipient": [f"+{PHONE}"]}))[0] == 400

    # To each its own text; who said STOP gets none, and it costs nothing
    recipients = {
        "0": {"recipient": f"+{PHONE}", "name": "Ann"},
        "1": {"recipient": f"+{OTHER_PHONE}", "name": "Bob"},
    }
    own = {"message_type": "GP", "message": "Hello ${name}", "order_id": "second"}
    await customer.post("paramsms", own | {"recipients": recipients, "sender": "MyShop"}, 201)
    assert await world.text_to(PHONE) == "Hello Ann"
    assert await _outcome(customer, "second") == {
        f"+{PHONE}": "DLVRD",
        f"+{OTHER_PHONE}": "BLACKLISTED",
    }

    # To groups by name
    grouped = {"message_type": "GP", "message": "Hello group", "order_id": "third"}
    await customer.post("smstogroups", grouped | {"recipient": ["friends"]}, 201)
    assert await world.text_to(PHONE) == "Hello group"
    assert (await _outcome(customer, "third"))[f"+{PHONE}"] == "DLVRD"
    assert (await customer.credits())["N"] == 77

    # Later, and then not at all: its credits come back
    due = datetime.now(ZoneInfo("Europe/Rome")) + timedelta(days=1)
    later = {"message": "Later", "order_id": "fourth", "recipient": [f"+{PHONE}"]}
    when = {"message_type": "GP", "scheduled_delivery_time": due.strftime("%Y%m%d%H%M%S")}
    await customer.post("sms", later | when, 201)
    assert (await customer.credits())["N"] == 76
    assert await _statuses(customer, "fourth") == {f"+{PHONE}": "SCHEDULED"}
    assert await customer.ask("DELETE", "sms/fourth") == (200, "", {"result": "OK"})
    assert (await customer.ask("DELETE", "sms/fourth"))[0] == 404
    assert (await customer.credits())["N"] == 77

    # Only what the operator approved may be sent from, and only what is paid for goes out
    unapproved = {"message_type": "GP", "message": "x", "sender": "Nobody"}
    assert (await customer.ask("POST", "sms", unapproved | {"recipient": [f"+{PHONE}"]}))[0] == 400
    unpaid = {"message_type": "SI", "message": "x", "recipient": [f"+{PHONE}"]}
    assert (await customer.ask("POST", "sms", unpaid))[0] == 400
    history = (await customer.get("smshistory?from=20200101000000&to=now"))["smshistory"]
    assert [one["order_id"] for one in history][-3:] == ["third", "second", "first"]
    assert not world.simulator.phone(OTHER_PHONE).received


async def _outcome(customer: Program, order_id: str) -> dict[str, str]:
    """What became of an order, once nothing of it is on its way."""
    found: dict[str, str] = {}

    async def ended() -> bool:
        found.clear()
        found.update(await _statuses(customer, order_id))
        return not {"WAITING", "SENT", "WAIT4DLVR", "SCHEDULED"} & set(found.values())

    await until(ended, order_id)
    return found


async def _statuses(customer: Program, order_id: str) -> dict[str, str]:
    said = await customer.get(f"sms/{order_id}")
    return {one["destination"]: one["status"] for one in said["recipients"]}
