"""The LINK manual from section 03 to 14, as one program lives it: over real HTTP and real SMPP."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from aiohttp import web
from tests.passing_time import until

from dragoman.testkit.simulator import Behaviour, Simulator

from .command_line import run_beside

DRAGOMAN = str(Path(sys.executable).parent / "dragoman")
KEY = "story-key-story-key-story-key"
ADVANCED = "advanced-key-advanced-key"
ZONE = ZoneInfo("Europe/Copenhagen")
CONFIG = """
data_dir = "{folder}/data"

[http]
listen = "127.0.0.1:{http}"

[dialects.linkmobility]
advanced_key = "{advanced}"

[callbacks]
allow_private = ["127.0.0.0/8"]

[[carriers]]
name = "sim"
host = "127.0.0.1"
port = {smsc}
system_id = "test"
password = "test"
reconnect_min_s = 0.1
[carriers.premium]
price_tag = 0x1400

[[short_codes]]
number = "1272"
country_code = "45"
accounts = ["hn"]
catalogue = "danish"

[log]
level = "error"
"""
CONTACTS = 200


class Program:
    """A customer's program: it knows a host and a key, and speaks JSON or XML."""

    def __init__(self, session: aiohttp.ClientSession, host: str) -> None:
        self._session = session
        self._host = host

    async def call(self, method: str, resource: str, body: Any = None, **query: str) -> Any:
        """A JSON call; the HTTP status must be the body's."""
        url = f"{self._host}/v2/{resource}.json"
        async with self._session.request(
            method, url, params={"apikey": KEY, **query}, json=body
        ) as answer:
            said = json.loads(await answer.read())
            assert said["status"] == answer.status or method == "DELETE", said
            return said

    async def get(self, resource: str, **query: str) -> Any:
        said = await self.call("GET", resource, **query)
        assert said["status"] == 200, said
        return said

    async def post(self, resource: str, body: Any, status: int = 201) -> Any:
        said = await self.call("POST", resource, body)
        assert said["status"] == status, said
        return said

    async def put(self, resource: str, body: Any, status: int = 200) -> Any:
        said = await self.call("PUT", resource, body)
        assert said["status"] == status, said
        return said

    async def send(self, **fields: Any) -> str:
        """Sends a message; its batch id."""
        said = await self.post("message", {"message": {"sender": "Story", **fields}})
        batch_id: str = said["details"]["batchid"]
        return batch_id

    async def batch(self, batch_id: str) -> Any:
        return await self.get(f"message/{batch_id}/0")

    async def until_done(self, batch_id: str, received: int) -> None:
        """Waits until a batch is done and so many of its messages were received."""

        async def done() -> bool:
            said = await self.batch(batch_id)
            return said["details"]["state"] == "DONE" and said["stat"]["received"] >= received

        await until(done, batch_id)
        assert (await self.batch(batch_id))["stat"]["received"] == received


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    simulator = Simulator()
    simulator.default = Behaviour(receipt_delay_s=0.01)
    await simulator.start()
    yield simulator
    await simulator.stop()


class Customer:
    """The customer's own web server."""

    def __init__(self) -> None:
        self.reports: list[dict[str, str]] = []
        self.texts: list[tuple[dict[str, str], dict[str, str]]] = []
        self.url = ""

    async def report(self, request: web.Request) -> web.Response:
        self.reports.append(dict(request.query))
        return web.Response(text="thanks")

    async def incoming(self, request: web.Request) -> web.Response:
        headers = {name: request.headers.get(name, "") for name in ("SMS", "FROM", "NUMBER")}
        self.texts.append((headers, {k: str(v) for k, v in (await request.post()).items()}))
        return web.Response()


@pytest.fixture
async def customer(unused_tcp_port_factory: Callable[[], int]) -> AsyncIterator[Customer]:
    customer = Customer()
    app = web.Application()
    app.router.add_get("/dlr", customer.report)
    app.router.add_post("/incoming", customer.incoming)
    runner = web.AppRunner(app)
    await runner.setup()
    port = unused_tcp_port_factory()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    customer.url = f"http://127.0.0.1:{port}"
    yield customer
    await runner.cleanup()


@pytest.fixture
async def program(
    tmp_path: Path, simulator: Simulator, unused_tcp_port_factory: Callable[[], int]
) -> AsyncIterator[Program]:
    http = unused_tcp_port_factory()
    config = tmp_path / "dragoman.toml"
    config.write_text(
        CONFIG.format(folder=tmp_path, http=http, smsc=simulator.port, advanced=ADVANCED)
    )

    async def run(*arguments: str) -> None:
        await run_beside(tmp_path, *arguments, "--config", str(config))

    await run("migrate")
    may = ("--may", "administer", "--may", "premium")
    await run("account", "create", "hn", "--api-key", KEY, *may)
    await run("number", "add", "1272", "hn")
    gateway = await asyncio.create_subprocess_exec(DRAGOMAN, "serve", "--config", str(config))
    host = f"http://127.0.0.1:{http}"
    try:
        async with aiohttp.ClientSession() as session:

            async def ready() -> bool:
                assert gateway.returncode is None, "the gateway ended by itself"
                with suppress(aiohttp.ClientError):
                    async with session.get(f"{host}/health/ready") as answer:
                        return answer.status == 200
                return False

            await until(ready, "ready")
            yield Program(session, host)
    finally:
        with suppress(ProcessLookupError):
            gateway.send_signal(signal.SIGTERM)
        assert await gateway.wait() == 0


@pytest.mark.slow
async def test_a_program_lives_through_the_manual(
    program: Program, simulator: Simulator, customer: Customer
) -> None:
    # 03 Authentication
    ping = await program.get("ping")
    assert (ping["username"], ping["apikey"]) == ("hn", KEY)

    # 04 Lists, 07 Merge fields
    parent = (await program.post("list", {"list": {"parent": 0, "name": "Kunder"}}))["list"]["id"]
    child = await program.post("list", {"list": {"parent": parent, "name": "Danmark"}})
    child_id = child["list"]["id"]
    field = (await program.post("mergefield", {"field": {"name": "Fornavn"}}))["field"]
    assert field["key"] == f"felt{field['id']}"

    # 05 Contacts
    jack = await program.post(
        "contact",
        {
            "contact": {
                "listid": parent,
                "mobile": "+4520000000",
                "fields": {"Fornavn": "Jack"},
            }
        },
    )
    assert jack["contact"]["fields"]["Fornavn"] == "Jack"

    # 06 Import: two PUTs into the child list, one row of them without a country code
    job = await program.post("import", {"import": {"listid": int(child_id), "duplicate": 1}})
    hash_ = job["import"]["hash"]
    rows = [[f"+452000{n:04}", f"Kunde {n}", str(n)] for n in range(1, CONTACTS)]
    keys = ["Mobile", "Fornavn", "Point"]
    half = len(rows) // 2
    first = [*rows[:half], ["20009999", "Uden landekode", "1"]]
    said = await program.put(f"import/{hash_}", {"import": {"keys": keys, "values": first}})
    assert said["errors"][0]["errors"] == {str(half): "20009999"}
    rest = rows[half:] + rows[:3]  # three come a second time
    await program.put(f"import/{hash_}", {"import": {"keys": keys, "values": rest}})

    async def imported() -> bool:
        job = (await program.get(f"import/{hash_}"))["import"]
        return int(job["processed"]) == int(job["total"]) == len(first) + len(rest)

    await until(imported, "import")
    page = await program.get("contacts/1", listid=child_id)
    assert int(page["stats"]["total"]) == CONTACTS - 1

    # 08 Messages: a tenth of the list and its sublist, then the rest; all of them exactly once
    tenth = await program.send(
        recipients=parent,
        message="Hej [Fornavn]",
        segmentation={"percent": 10},
    )
    await program.until_done(tenth, CONTACTS // 10)
    remainder = await program.send(
        recipients=parent,
        message="Hej [Fornavn]",
        segmentation={"percent": 100, "exclude": [int(tenth)]},
    )

    async def all_reached() -> bool:
        return len(simulator.submits) >= CONTACTS

    await until(all_reached, "the rest of the list")
    await asyncio.sleep(0.3)
    reached = [submit.pdu.destination_addr.removeprefix("+") for submit in simulator.submits]
    assert len(reached) == CONTACTS
    assert set(reached) == {"4520000000", *(row[0][1:] for row in rows)}
    assert {s.content.text for s in simulator.submits} == {
        "Hej Jack",
        *(f"Hej {row[1]}" for row in rows),
    }
    await program.until_done(remainder, CONTACTS - CONTACTS // 10)

    # A filter compares numbers as numbers, and a number given twice is sent to once
    filtered = await program.send(
        recipients=f"{child_id},{parent},+4530000001",
        message="Mange point",
        filter={
            "match": "all",
            "rules": [{"field": "Point", "operation": "greater", "value": "189"}],
        },
    )
    await program.until_done(filtered, CONTACTS - 190 + 1)

    # A scheduled batch waits for its time; the report calls the customer's URL
    at = datetime.now(ZONE) + timedelta(seconds=3)
    scheduled = await program.send(
        recipients="+4530000002",
        message="Senere",
        sendtime=at.strftime("%d-%m-%Y %H:%M:%S"),
        status=True,
        statusurl=f"{customer.url}/dlr?mine=1",
        returndata="ordre 7",
    )
    assert (await program.batch(scheduled))["details"]["state"] == "QUEUED"
    assert (await program.get("messages/1"))["messages"][0]["batchid"] == scheduled
    await program.until_done(scheduled, 1)

    async def reported() -> bool:
        return [report["status"] for report in customer.reports] == ["buffered", "received"]

    await until(reported, "delivery reports")
    assert customer.reports[1]["mine"] == "1"
    assert customer.reports[1]["returndata"] == "ordre 7"
    assert customer.reports[1]["batchid"] == scheduled

    # Premium, charged when it is received, refunded once, with a word to the user
    premium = await program.send(
        sender="1272", recipients="+4530000003", message="Tak for købet", price=500, contenttype=9
    )
    await program.until_done(premium, 1)

    async def charged() -> Any:
        return (await program.get("outbox/1", batchid=premium))["query"][0]

    one = await charged()
    assert (one["push_price"], one["contenttype"], one["state"]) == (
        500,
        "9",
        "transaction-captured",
    )
    refund = {"refund": {"message": "Du får pengene tilbage"}}
    said = await program.put(f"message/refund/{one['lookupid']}", refund)
    assert said["statusreason"] == "Message is now in queue for refund."

    async def refunded() -> bool:
        return bool((await charged())["state"] == "transaction-refunded")

    await until(refunded, "refund")
    await until(lambda: _heard(simulator, "4530000003", "Du får pengene tilbage"), "notice")
    again = await program.call("PUT", f"message/refund/{one['lookupid']}", refund)
    assert 400 <= again["status"] < 500

    # 09 Query interface
    outbox = await program.get("outbox/1", recipient="4530000002")
    assert (outbox["stats"]["total"], outbox["query"][0]["message"]) == (1, "Senere")
    lookup = await program.get(f"outbox/lookup/{outbox['query'][0]['lookupid']}")
    assert lookup["query"]["returndata"] == "ordre 7"

    # 12 Keywords and 13 Services: a text to the keyword comes to the customer's URL
    service = await program.post("services/http", {"url": f"{customer.url}/incoming"})
    keyword = await program.post(
        "keywords",
        {"number": "1272", "keyword": "papirhat", "serviceid": service["service"]["id"]},
    )
    assert keyword["keyword"]["keyword"] == "PAPIRHAT"
    taken = await program.call("POST", "keywords", {"number": "1272", "keyword": "Papirhat"})
    assert taken == {"message": "Keyword [PAPIRHAT] is already taken on [1272]", "status": 400}
    await simulator.send_text("4530000004", "1272", "papirhat æøå ja tak")

    async def forwarded() -> bool:
        return len(customer.texts) == 1

    await until(forwarded, "forwarding")
    headers, parameters = customer.texts[0]
    assert parameters == {"SMS": "papirhat æøå ja tak", "FROM": "4530000004", "NUMBER": "1272"}
    assert (headers["FROM"], headers["NUMBER"]) == ("4530000004", "1272")
    inbox = await program.get("inbox/1", keyword="PAPIRHAT")
    assert inbox["query"][0]["message"] == "papirhat æøå ja tak"

    # A recipient who says STOP gets nothing more
    await simulator.send_text("4530000002", "1272", "STOP")

    async def stopped() -> bool:
        return bool((await program.get("inbox/1", sender="4530000002"))["stats"]["total"])

    await until(stopped, "opt-out")
    before = len(simulator.submits)
    await program.call(
        "POST",
        "message",
        {"message": {"sender": "Story", "recipients": "+4530000002", "message": "Reklame"}},
    )
    await asyncio.sleep(0.3)
    assert len(simulator.submits) == before

    # 10 Stats: the counters know every message and the text
    today = datetime.now(ZONE)
    interval = {
        "starttime": (today - timedelta(days=1)).strftime("%d-%m-%Y 00:00"),
        "endtime": (today + timedelta(days=1)).strftime("%d-%m-%Y 00:00"),
    }
    stats = (await program.get("stats/outbox/daily", group="sum", **interval))["stats"]
    sent = int((await program.get("outbox/1"))["stats"]["total"])
    assert sum(int(row["counter"]) for row in stats) == sent
    stats = (await program.get("stats/inbox/monthly", group="keyword:number", **interval))["stats"]
    assert {row["value_2"]: row["counter"] for row in stats}["PAPIRHAT:1272"] == "1"

    # 11 Users: a user below has its own key and rows
    user = await program.post(
        "user", {"user": {"username": "datter", "password": "hemmelig", "credits": 5}}
    )
    assert user["user"]["parent"] == int(ping["userid"])
    users = (await program.get("users"))["users"]
    assert [one["username"] for one in users] == ["hn", "datter"]

    # 14 Content types
    kinds = (await program.get("premium/contenttypes"))["data"]
    assert {"id": "9", "type": "physical"}.items() <= {
        key: value
        for one in kinds[0]["contenttypes"]
        if one["id"] == "9"
        for key, value in one.items()
    }.items()


async def _heard(simulator: Simulator, number: str, text: str) -> bool:
    return any(
        submit.pdu.destination_addr == number and submit.content.text == text
        for submit in simulator.submits
    )
