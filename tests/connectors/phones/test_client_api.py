"""Programs of the SMSGate server, over real HTTP, with phones behind them."""

from __future__ import annotations

import asyncio
import hmac
from typing import Any

import msgspec
import pytest
from aiohttp import web
from sqlalchemy import select
from tests.passing_time import PATIENCE_S, until

from dragoman.admin.devices import Period, export_inbox
from dragoman.config.dialects import Dialects, SmsGate
from dragoman.config.sections import Callbacks
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.devices.sql.tables import device_texts
from dragoman.testkit.fake_phone import FakePhone, wire

from .conftest import PhoneGateway

DIALECTS = Dialects(enabled=("smsgate",), smsgate=SmsGate(plain_webhooks=True))
LOCAL = Callbacks(allow_private=("127.0.0.0/8",), first_retry_s=0.05)
NUMBER = "+4512345678"


class Client:
    """A program with a token for everything."""

    def __init__(self, phone_gateway: PhoneGateway, token: str) -> None:
        self.url = f"http://{phone_gateway.settings.http.listen}/api/3rdparty/v1"
        self.headers = {"authorization": f"Bearer {token}"}

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        octets = None if body is None else msgspec.json.encode(body)
        answer = await wire.call(method, f"{self.url}/{path}", self.headers, octets)
        assert answer.status < 300, (answer.status, answer.body)
        return answer.json if answer.body else None

    async def send(self, key: str, *numbers: str, text: str = "hello", **more: Any) -> Any:
        body = {"id": key, "message": text, "phoneNumbers": numbers or (NUMBER,)} | more
        return await self.ask("POST", "messages", body)

    async def until(self, key: str, state: str) -> Any:
        found: Any = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                while found is None or found["state"] != state:
                    await asyncio.sleep(0.01)
                    found = await self.ask("GET", f"messages/{key}")
        except TimeoutError:
            raise AssertionError(f"{found} never became {state}") from None
        return found


class Sink:
    """A program's own server: takes calls, and may fail the first ones."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, bytes, dict[str, str]]] = []
        self.arrived = asyncio.Condition()
        self.failures = 0
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        if self.failures:
            self.failures -= 1
            return web.Response(status=503)
        headers = {name.lower(): value for name, value in request.headers.items()}
        async with self.arrived:
            self.calls.append((request.path, await request.read(), headers))
            self.arrived.notify_all()
        return web.Response()

    async def wait(self, count: int) -> list[Any]:
        async with asyncio.timeout(PATIENCE_S), self.arrived:
            await self.arrived.wait_for(lambda: len(self.calls) >= count)
        return [msgspec.json.decode(body) for _, body, _ in self.calls]


@pytest.fixture
async def sink() -> Any:
    sink = Sink()
    app = web.Application()
    app.router.add_post("/{tail:.*}", sink.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sink.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield sink
    await runner.cleanup()


async def begin(
    make_phone_gateway: Any, url: str | None = None, **phones: Any
) -> tuple[PhoneGateway, Account, Client]:
    more = {} if url is None else {"url": url}
    phone_gateway = await make_phone_gateway(dialects=DIALECTS, callbacks=LOCAL, **more, **phones)
    account = await phone_gateway.account()
    issued = await phone_gateway.gateway.services.scoped_tokens.issue(account, ("all:any",))
    return phone_gateway, account, Client(phone_gateway, issued.access_token)


async def test_a_message_goes_over_the_phone_and_tells_webhooks(
    make_phone_gateway: Any, sink: Sink
) -> None:
    phone_gateway, account, client = await begin(make_phone_gateway)
    phone = await phone_gateway.phone(account)
    for event in ("sms:sent", "sms:delivered"):
        body = {"url": f"{sink.url}/{event}", "event": event, "deviceId": phone.device_id}
        await client.ask("POST", "webhooks", body)
    sink.failures = 1
    assert (await client.send("one"))["state"] == "Pending"
    found = await client.until("one", "Delivered")
    assert found["deviceId"] == phone.device_id
    assert list(found["states"]) == ["Delivered", "Pending", "Processed", "Sent"]
    assert [(text.number, text.text) for text in phone.sent] == [(NUMBER, "hello")]
    told = await sink.wait(2)
    assert [one["event"] for one in told] == ["sms:sent", "sms:delivered"]
    assert {one["deviceId"] for one in told} == {phone.device_id}
    assert [one["payload"]["simNumber"] for one in told] == [1, 1]
    key = phone_gateway.gateway.services.phone_settings.signing_key(account.account_id).encode()
    for _, body, headers in sink.calls:
        signed = body + headers["x-timestamp"].encode()
        assert headers["x-signature"] == hmac.digest(key, signed, "sha256").hex()
        assert headers["content-type"] == "application/json"


@pytest.mark.parametrize("named", [False, True])
async def test_a_data_message_goes_over_the_phone(make_phone_gateway: Any, named: bool) -> None:
    phone_gateway, account, client = await begin(make_phone_gateway)
    phone = await phone_gateway.phone(account)
    body: dict[str, Any] = {
        "id": "data",
        "dataMessage": {"data": "AAECAw==", "port": 53739},
        "phoneNumbers": [NUMBER],
    }
    if named:
        body["deviceId"] = phone.device_id
    await client.ask("POST", "messages", body)
    found = await client.until("data", "Delivered")
    assert found["dataMessage"] == body["dataMessage"]
    assert [(text.data, text.port) for text in phone.sent] == [(bytes(range(4)), 53739)]


async def test_what_a_phone_could_not_send_is_told_with_its_reason(
    make_phone_gateway: Any, sink: Sink
) -> None:
    phone_gateway, account, client = await begin(make_phone_gateway)
    phone = await phone_gateway.phone(account)
    phone.steps = lambda _: ("Processed", "Failed:Send result: RESULT_ERROR_NO_SERVICE")
    await client.ask("POST", "webhooks", {"url": sink.url, "event": "sms:failed"})
    await client.send("one", deviceId=phone.device_id, simNumber=1)
    found = await client.until("one", "Failed")
    assert "RESULT_ERROR_NO_SERVICE" in found["recipients"][0]["error"]
    (told,) = await sink.wait(1)
    assert told["deviceId"] == phone.device_id
    assert "RESULT_ERROR_NO_SERVICE" in told["payload"]["reason"]


async def test_a_message_that_a_phone_holds_is_cancelled_once_it_confirms(
    make_phone_gateway: Any,
) -> None:
    phone_gateway, account, client = await begin(make_phone_gateway)
    phone = await phone_gateway.phone(account)
    phone.sending.clear()
    await client.send("held")
    await until(lambda: phone._messages)
    answer = await client.ask("DELETE", "messages/held")
    assert answer["state"] in {"Cancelling", "Cancelled"}
    await client.until("held", "Cancelled")
    assert "MessageCancelled" in phone.events
    phone.sending.set()
    await client.send("next")
    await client.until("next", "Delivered")
    assert len(phone.sent) == 1


async def test_the_rest_of_a_message_to_many_is_cancelled(make_phone_gateway: Any) -> None:
    phone_gateway, account, client = await begin(make_phone_gateway, in_flight=2)
    phone = await phone_gateway.phone(account)
    phone.sending.clear()
    numbers = [f"+45123456{number:02d}" for number in range(10)]
    await client.send("many", *numbers)
    await until(lambda: phone._messages)
    await client.ask("DELETE", "messages/many")
    found = await client.until("many", "Cancelled")
    assert {one["state"] for one in found["recipients"]} == {"Cancelled"}
    phone.sending.set()
    assert phone.sent == []


async def test_no_message_and_no_webhook_is_lost_with_the_gateway(
    make_phone_gateway: Any, sqlite_url: str, sink: Sink
) -> None:
    phone_gateway, account, client = await begin(make_phone_gateway, sqlite_url)
    await client.ask("POST", "webhooks", {"url": sink.url, "event": "sms:sent"})
    await client.send("one")
    await phone_gateway.stop()
    again = await make_phone_gateway(url=sqlite_url, dialects=DIALECTS, callbacks=LOCAL)
    issued = await again.gateway.services.scoped_tokens.issue(account, ("all:any",))
    client = Client(again, issued.access_token)
    await again.phone(account)
    await client.until("one", "Delivered")
    (told,) = await sink.wait(1)
    assert told["payload"]["messageId"] == "one"
    answer = await wire.call(
        "POST",
        f"{client.url}/messages",
        client.headers,
        b'{"id":"one","message":"x","phoneNumbers":["+4512345678"]}',
    )
    assert answer.status == 409


async def test_an_inbox_is_handed_in_again_and_stored_once(
    make_phone_gateway: Any, sink: Sink
) -> None:
    phone_gateway, account, client = await begin(make_phone_gateway)
    phone = await phone_gateway.phone(account, sims=2)
    await client.ask("POST", "webhooks", {"url": sink.url, "event": "sms:received"})
    assert (await phone.receive("+4587654321", "first", sim=2)).status == 200
    assert (await phone.receive("+4587654321", "second")).status == 200
    phone.inbox.append({**phone.inbox[0], "message": "missed"})
    when = {"since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}
    await client.ask("POST", "inbox/refresh", when)
    told = await sink.wait(3)
    assert [one["payload"]["message"] for one in told] == ["first", "second", "missed"]
    await client.ask("POST", "messages/inbox/export", when | {"deviceId": phone.device_id})
    await client.send("after")  # the phone looks after one event at a time
    await client.until("after", "Delivered")
    texts = [text for _, _, text in await phone_gateway.inbox(account)]
    assert texts == ["first", "second", "missed"]
    assert phone.events.count("MessagesExportRequested") == 2
    assert len(sink.calls) == 3
    rows = await phone_gateway.gateway.services.storage.read(
        lambda c: c.execute(select(device_texts).order_by(device_texts.c.inbound_id)).all()
    )
    assert [(str(row.device_id), row.slot) for row in rows] == [
        (phone.device_id, slot) for slot in (2, 1, 2)
    ]
    assert len({row.digest for row in rows}) == 3


async def test_a_phone_that_does_not_listen_is_asked_when_it_does(make_phone_gateway: Any) -> None:
    phone_gateway, account, _ = await begin(make_phone_gateway)
    phone = await phone_gateway.phone(account, start=False)
    period = Period(since_ms=0, until_ms=1)
    answer = await export_inbox(phone_gateway.gateway.admin, phone.device_id, period)
    assert not answer.stream
    await phone.start()
    await until(lambda: "MessagesExportRequested" in phone.events)


async def test_settings_of_the_account_reach_every_phone(make_phone_gateway: Any) -> None:
    phone_gateway, account, client = await begin(make_phone_gateway)
    phone = await phone_gateway.phone(account)
    await client.ask("PATCH", "settings", {"messages": {"limit_value": 7}})
    await until(lambda: phone.settings["messages"].get("limit_value") == 7)
    assert phone.settings["messages"]["processing_order"] == "FIFO"
    assert phone.settings["webhooks"] == {"signing_key": phone.signing_key}
    new = FakePhone(phone_gateway.base_url)
    phone_gateway.phones.append(new)
    code = await phone_gateway.gateway.services.device_registration.create_code(account)
    await new.register(code=code.code)
    await new.fetch_settings()
    assert new.settings["messages"]["limit_value"] == 7


async def test_what_a_phone_says_of_itself_is_told(make_phone_gateway: Any, sink: Sink) -> None:
    phone_gateway, account, client = await begin(make_phone_gateway)
    phone = await phone_gateway.phone(account)
    await client.ask("POST", "webhooks", {"url": sink.url, "event": "system:ping"})
    assert (await phone.ping(77)).status == 200
    (told,) = await sink.wait(1)
    assert told["deviceId"] == phone.device_id
    checks = told["payload"]["health"]["checks"]
    assert checks == {"battery:level": {"status": "pass", "observedValue": 77}}
