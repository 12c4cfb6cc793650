"""The webhooks: what is called, with which bytes, and that it is stored before it is called."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from dragoman.admin.context import Admin
from dragoman.admin.inbound import OfAccount
from dragoman.admin.webhooks import NewWebhook, list_webhooks, set_webhook
from dragoman.core.callbacks.sql import callbacks as stored
from dragoman.core.callbacks.webhooks import Webhooks
from dragoman.core.devices.model.devices import Device
from dragoman.core.messages.model.callbacks import (
    CallbackCall,
    CallbackFacts,
    EventFacts,
    EventKind,
)
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import Holder, InboundPartReport, Submission
from dragoman.core.messages.sql.tables import callbacks
from dragoman.core.model.errors import FailureCode, Refused
from dragoman.dialects import DIALECTS
from dragoman.dialects.contract import ProviderDialect
from dragoman.dialects.smsgate import build_smsgate
from dragoman.dialects.smsgate.mapping import DIALECT as SMSGATE
from dragoman.dialects.smsgateway24.mapping import NAME
from dragoman.dialects.smsgateway24.webhooks import Event, find_delivery, put_webhook
from dragoman.kit.ids import first_at, time_of
from dragoman.protocols.gsm.alphabet import Alphabet

from .conftest import DEFAULT_SENDER, OTHER_TOKEN, Gate
from .test_ask import receive

DELIVERY, INCOMING = Event.DELIVERY, Event.INCOMING
URL = "https://shop.example/sms?key=1"
OWN_URL = "https://shop.example/own"


async def put(gate: Gate, event: Event, url: str = URL, device: Device | None = None) -> None:
    device_id = None if device is None else device.device_id
    await put_webhook(gate.services.webhooks, gate.account, event, url, device_id)


async def calls(gate: Gate) -> list[Any]:
    """The calls that are stored, in order, as (URL, renderer, facts)."""
    rows = await gate.services.storage.read(
        lambda c: c.execute(stored.select_new().order_by(callbacks.c.callback_id)).all()
    )
    return [(one.url, one.dialect, one.payload) for one in map(stored.read_new, rows)]


async def rendered(gate: Gate, url: str, facts: CallbackFacts | EventFacts) -> CallbackCall:
    dialect = gate.dialect
    render = dialect.render_event if isinstance(facts, EventFacts) else dialect.render_callback
    return await render(url, facts)  # type: ignore[misc, operator, arg-type]


async def delivery_events(gate: Gate) -> list[dict[str, Any]]:
    found = []
    for url, dialect, payload in await calls(gate):
        assert dialect == NAME
        call = await rendered(gate, url, payload)
        assert (call.method, call.url) == ("POST", url)
        assert call.headers == (("Content-Type", "application/json"),)
        found.append(msgspec.json.decode(call.body))
    return found


async def test_each_step_of_a_text_is_told_once(gate: Gate) -> None:
    device = await gate.phone(sims=2)
    await put(gate, DELIVERY)
    sms_id = await gate.send(device_id=device.device_id, sim=1)
    message = await gate.message(sms_id)
    await gate.move(message, State.SENDING, State.SENT, State.DELIVERED)
    sent, delivered = await delivery_events(gate)
    assert delivered == {
        "sms_id": sms_id,
        "status_id": 7,
        "status_message": "delivered",
        "sendto": "+4915752982212",
        "senttime": delivered["senttime"],
        "channel_id": 1,
        "sim": 1,
        "device_id": device.device_id,
    }
    assert list(delivered) == [
        *("sms_id", "status_id", "status_message", "sendto"),
        *("senttime", "channel_id", "sim", "device_id"),
    ]
    assert (sent["status_id"], sent["status_message"]) == (6, "sent")


async def test_a_delivery_is_rendered_to_the_byte_in_the_zone_of_the_account(gate: Gate) -> None:
    facts = CallbackFacts(
        message_id=first_at(1_627_812_000_000) + 1,
        batch_id=first_at(1_627_812_000_000),
        state=State.REJECTED,
        at_ms=1_627_812_000_000,
        recipient="4915752982212",
        sender="",
        failure=FailureCode.NETWORK,
        detail="RESULT_ERROR_NO_SERVICE",
        return_data='{"device_id":260,"slot":1,"zone":"Europe/Berlin"}',
    )
    call = await rendered(gate, URL, facts)
    short_ids = await gate.services.short_ids.of([facts.batch_id, facts.message_id])
    assert call.body == (
        b'{"sms_id":%d,"status_id":10,"status_message":"not sent: no service",'
        b'"sendto":"+4915752982212","senttime":"2021-08-01 12:00:00","channel_id":0,"sim":0,'
        b'"device_id":260}' % short_ids[facts.batch_id]
    )
    in_newsletter = msgspec.structs.replace(facts, return_data='{"newsletter":true}')
    event = msgspec.json.decode((await rendered(gate, URL, in_newsletter)).body)
    sms_id = short_ids[facts.message_id]
    assert (event["sms_id"], event["device_id"], event["channel_id"]) == (sms_id, None, None)


async def test_the_address_of_a_phone_comes_before_that_of_its_account(gate: Gate) -> None:
    first, second = [await gate.phone() for _ in range(2)]
    await put(gate, DELIVERY)
    await put(gate, DELIVERY, OWN_URL, first)
    for device_id in (first.device_id, second.device_id, ""):
        sms_id = await gate.send(device_id=device_id)
        await gate.move(await gate.message(sms_id), State.SENDING, State.SENT)
    assert [url for url, _, _ in await calls(gate)] == [OWN_URL, URL, URL]


async def test_nobody_is_called_where_nobody_wants_it(gate: Gate) -> None:
    sms_id = await gate.send()
    await put(gate, DELIVERY)  # too late for that one
    await put(gate, INCOMING)
    await gate.move(await gate.message(sms_id), State.SENDING, State.SENT, State.DELIVERED)
    assert await calls(gate) == []


async def test_a_received_text_is_forwarded_to_the_byte(gate: Gate) -> None:
    device = await gate.phone(sims=2, name='My "phone"')
    await put(gate, INCOMING)
    await put(gate, INCOMING, OWN_URL, device)
    await receive(gate, device, "+4917642111111", "Grüße\n", slot=2)
    [(url, dialect, payload)] = await calls(gate)
    assert (url, dialect) == (OWN_URL, f"{NAME}:event")
    facts = msgspec.json.decode(payload, type=EventFacts)
    call = await rendered(gate, url, facts)
    [sms_id] = (await gate.services.short_ids.of([int(facts.key)])).values()
    assert call.headers == (("Content-Type", "application/json"),)
    at_ms = time_of(int(facts.key))
    assert call.body.decode() == (
        f'{{"address":"+4917642111111","date":{at_ms},"date_sent":{at_ms},"body":"Grüße\\n",'
        f'"internal_id":{sms_id},"channel_id":1,"sim":1,"sms_id":{sms_id},'
        f'"device_id":{device.device_id},"device_name":"My \\"phone\\""}}'
    )


async def test_a_text_to_another_accounts_number_is_told_to_its_owner_alone(gate: Gate) -> None:
    """The operator gave the number of the SIM to `other`; the phone is `acme`'s."""
    other = await gate.services.accounts.find("other")
    await gate.services.keywords.add_number(other, "4587654321", shared=False)
    device = await gate.phone()
    await put(gate, INCOMING)
    await put_webhook(gate.services.webhooks, other, INCOMING, OWN_URL, None)
    report = InboundPartReport(
        carrier=device.carrier,
        source="+4917642111111",
        destination="4587654321",
        alphabet=Alphabet.GSM7,
        text="for whom",
        holder=Holder(
            account_id=device.account_id,
            device_id=device.device_id,
            event_id="1",
            sim=1,
            vouched=True,
        ),
    )
    stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    gate.services.inbound.receive(report, stored.set_result)
    assert await stored
    [(url, _, payload)] = await calls(gate)
    assert url == OWN_URL
    assert msgspec.json.decode(payload, type=EventFacts).device_id is None
    [listed] = (await gate.ok("getallsms", token=OTHER_TOKEN))["smss"].values()
    assert (listed["body"], listed["deviceid"], listed["sim"]) == ("for whom", None, None)


async def test_webhooks_survive_a_restart_and_can_be_removed(gate: Gate) -> None:
    device = await gate.phone()
    await put(gate, DELIVERY)
    await put(gate, DELIVERY, OWN_URL, device)
    await put(gate, INCOMING)
    await put(gate, INCOMING, "")
    services = gate.services
    again = Webhooks(
        storage=services.storage,
        devices=services.devices,
        ids=services.ids,
        clock=services.clock,
        announce=lambda _: None,
        by_event=frozenset(),
        ensure_signing_key=services.phone_settings.ensure_signing_key,
    )
    await again.restore()
    found = find_delivery(again, gate.account.account_id, device.device_id)
    assert found is not None
    assert found.url == OWN_URL
    assert [(one.device_id, one.url) for one in again.of_account(gate.account, NAME)] == [
        (None, URL),
        (device.device_id, OWN_URL),
    ]


@pytest.mark.parametrize("url", ["ftp://x.example", "x", "http://"])
async def test_what_cannot_be_called_is_no_webhook(gate: Gate, url: str) -> None:
    with pytest.raises(Refused):
        await put(gate, DELIVERY, url)


async def test_the_command_hides_passwords(gate: Gate) -> None:
    admin = Admin(services=gate.services)
    url = "https://me:pw@x.example/"
    shown = await set_webhook(admin, NewWebhook(account="acme", event="delivery", url=url))
    [listed] = (await list_webhooks(admin, OfAccount())).webhooks
    assert shown.url == listed.url == "https://me:***@x.example/"
    [stored] = gate.services.webhooks.of_account(gate.account, NAME)
    assert stored.url == url


async def test_the_command_sets_lists_and_removes(gate: Gate) -> None:
    device = await gate.phone()
    admin = Admin(services=gate.services)
    set_own = NewWebhook(account="acme", event="delivery", url=OWN_URL, device_id=device.device_id)
    assert (await set_webhook(admin, set_own)).device_id == device.device_id
    await set_webhook(admin, NewWebhook(account="acme", event="incoming", url=URL))
    listed = await list_webhooks(admin, OfAccount())
    assert [(one.account, one.device_id, one.event, one.url) for one in listed.webhooks] == [
        ("acme", None, "incoming", URL),
        ("acme", device.device_id, "delivery", OWN_URL),
    ]
    await set_webhook(admin, NewWebhook(account="acme", event="incoming", url=""))
    assert len((await list_webhooks(admin, OfAccount(account="acme"))).webhooks) == 1
    for bad in (
        NewWebhook(account="acme", event="other", url=URL),
        NewWebhook(account="nobody", event="delivery", url=URL),
        NewWebhook(account="other", event="delivery", url=URL, device_id=device.device_id),
        NewWebhook(account="acme", event="delivery", url=URL, dialect="telegraph"),
        NewWebhook(account="acme", event="incoming", url=URL, dialect="smsend"),
        NewWebhook(account="acme", event="delivery", url=URL, dialect="smsend", device_id=1),
    ):
        with pytest.raises(Refused):
            await set_webhook(admin, bad)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_the_command_sets_the_url_for_reports_of_every_dialect(
    gate: Gate, dialect: str
) -> None:
    admin = Admin(services=gate.services)
    given = NewWebhook(account="acme", event="delivery", url=URL, dialect=dialect)
    answer = await set_webhook(admin, given)
    assert (answer.dialect, answer.url) == (dialect, URL)
    account_id = gate.account.account_id
    assert gate.services.webhooks.report_url(account_id, dialect) == URL
    listed = (await list_webhooks(admin, OfAccount())).webhooks
    assert {(one.dialect, one.url) for one in listed} == {(dialect, URL)}
    await set_webhook(admin, msgspec.structs.replace(given, url=""))
    assert (await list_webhooks(admin, OfAccount())).webhooks == ()


def smsgate_of(gate: Gate) -> ProviderDialect:
    """The other dialect that has webhooks, over the same house."""
    return build_smsgate(gate.services)


async def put_of_smsgate(gate: Gate, key: str, event: EventKind, **more: Any) -> None:
    account, services = gate.account, gate.services
    await services.phone_settings.ensure_signing_key(account)
    fields = {"url": f"https://app.example/{key}", "device_id": None} | more
    await services.webhooks.put(account, SMSGATE, key=key, event=event, **fields)


async def test_a_text_is_told_once_to_each_dialect_in_its_own_shape(gate: Gate) -> None:
    """In SMSGate every webhook is told; here a phone's own takes the place of the account's."""
    own, other = [await gate.phone(name=name) for name in ("own", "other")]
    await put(gate, INCOMING)
    await put(gate, INCOMING, OWN_URL, own)
    await put_of_smsgate(gate, "all", EventKind.TEXT_RECEIVED)
    await put_of_smsgate(gate, "one", EventKind.TEXT_RECEIVED, device_id=own.device_id)
    await receive(gate, own, "+4917642111111", "to own")
    await receive(gate, other, "+4917642111111", "to other")
    renderers = {f"{one.name}:event": one.render_event for one in (gate.dialect, smsgate_of(gate))}
    told = []
    for url, dialect, payload in await calls(gate):
        render = renderers[dialect]
        assert render is not None
        call = render(url, msgspec.json.decode(payload, type=EventFacts))
        body = msgspec.json.decode((call if isinstance(call, CallbackCall) else await call).body)
        told.append((url, body.get("body") or body["payload"]["message"]))
        is_smsgate = dialect.startswith(f"{SMSGATE}:")
        assert ("webhookId" in body, "sms_id" in body) == (is_smsgate, not is_smsgate)
    assert sorted(told) == [
        ("https://app.example/all", "to other"),
        ("https://app.example/all", "to own"),
        ("https://app.example/one", "to own"),
        (OWN_URL, "to own"),
        (URL, "to other"),
    ]


async def test_what_becomes_of_a_text_is_told_in_the_dialect_it_was_sent_with(gate: Gate) -> None:
    await put(gate, DELIVERY)
    for kind in (EventKind.MESSAGE_SENT, EventKind.MESSAGE_DELIVERED):
        await put_of_smsgate(gate, kind.value, kind)
    ours = await gate.send()
    accepted = await gate.services.submission.submit(
        gate.account,
        Submission(dialect=SMSGATE, recipients=("+4512345678",), text="x", sender=DEFAULT_SENDER),
    )
    for text_id in (ours, accepted.batch_id):
        await gate.move(await gate.message(text_id), State.SENDING, State.SENT, State.DELIVERED)
    assert [(url, dialect) for url, dialect, _ in await calls(gate)] == [
        (URL, NAME),
        (URL, NAME),
        ("https://app.example/message_sent", f"{SMSGATE}:event"),
        ("https://app.example/message_delivered", f"{SMSGATE}:event"),
    ]


async def test_data_is_told_to_no_webhook_of_texts(gate: Gate) -> None:
    device = await gate.phone()
    await put(gate, INCOMING)
    await put_of_smsgate(gate, "data", EventKind.DATA_RECEIVED)
    await receive(gate, device, "+4917642111111", "0102", alphabet=Alphabet.BINARY)
    assert [url for url, _, _ in await calls(gate)] == ["https://app.example/data"]


async def test_webhooks_of_one_dialect_are_none_of_the_others(gate: Gate) -> None:
    """A program of SMSGate can neither see nor replace nor remove what the operator set."""
    await put(gate, INCOMING)
    await put_of_smsgate(gate, INCOMING.value, EventKind.TEXT_RECEIVED)
    webhooks, account = gate.services.webhooks, gate.account
    assert [one.url for one in webhooks.of_account(account, NAME)] == [URL]
    listed = await list_webhooks(Admin(services=gate.services), OfAccount())
    assert [one.url for one in listed.webhooks] == [URL]
    await webhooks.remove(account, SMSGATE, INCOMING.value)
    assert [one.url for one in webhooks.of_account(account, NAME)] == [URL]
    await put(gate, INCOMING, "")
    assert not webhooks._webhooks  # its messages are not looked at any more
