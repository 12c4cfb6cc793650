"""The package twilio from PyPI, unmodified but for where it calls, against a gateway."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
import pytest_asyncio
from tests.passing_time import PATIENCE_S
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.twiml.messaging_response import MessagingResponse

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import InboundPartReport
from dragoman.protocols.gsm.alphabet import Alphabet

from .conftest import OFFERED, USERNAME, Running, call
from .customer import Customer, HeardCall

pytestmark = pytest.mark.asyncio(loop_scope="module")

NUMBER = "+4512345678"
SENDER = "+4587654321"


def client_for(url: str, name: str, secret: str, account_sid: str | None = None) -> Client:
    client = Client(name, secret, account_sid)
    for domain in (client.api, client.messaging, client.lookups, client.verify):
        domain.base_url = url
    return client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(running: Running) -> Client:
    services = running.gateway.services
    token = await services.auth_tokens.ensure(await services.accounts.find(USERNAME))
    return client_for(running.url, token.public_id, token.token)


async def test_it_sends_and_follows_a_message(client: Client, running: Running) -> None:
    sent = await call(client.messages.create, to=NUMBER, from_=SENDER, body="Hello")
    assert (sent.status, sent.to, sent.from_, sent.num_segments) == ("queued", NUMBER, SENDER, "1")
    assert abs((datetime.now(UTC) - sent.date_created).total_seconds()) < 60
    await running.until(State.DELIVERED)
    found = await call(client.messages(sent.sid).fetch)
    assert (found.status, found.error_code, found.direction) == (
        "delivered", None, "outbound-api",
    )  # fmt: skip
    assert isinstance(found.date_sent, datetime)


async def test_it_lists_pages(client: Client) -> None:
    sids = [
        (await call(client.messages.create, to=NUMBER, from_=SENDER, body=f"Hello {n}")).sid
        for n in range(5)
    ]
    listed = await call(client.messages.list, to=NUMBER, page_size=2, limit=5)
    assert [message.sid for message in listed] == sids[::-1]
    assert await call(client.messages.list, to="+4599999999") == []
    page: Any = await call(client.messages.page, page_size=2)
    behind = await call(page.next_page)
    assert [message.sid for message in behind] == sids[1:3][::-1]
    assert [m.sid for m in await call(behind.previous_page)] == sids[3:][::-1]


async def test_it_learns_why_a_call_is_refused(client: Client, running: Running) -> None:
    with pytest.raises(TwilioRestException) as refused:
        await call(client.messages.create, to="+1", from_=SENDER, body="Hello")
    assert (refused.value.status, refused.value.code) == (400, 21211)
    with pytest.raises(TwilioRestException) as refused:
        await call(client.messages("SM" + "0" * 32).fetch)
    assert (refused.value.status, refused.value.code) == (404, 20404)
    stranger = client_for(running.url, client.username, "wrong")
    with pytest.raises(TwilioRestException) as refused:
        await call(stranger.messages("SM" + "0" * 32).fetch)
    assert (refused.value.status, refused.value.code) == (401, 20003)


async def test_it_signs_in_with_a_key(client: Client, running: Running) -> None:
    key = await call(client.new_keys.create, friendly_name="robot")
    robot = client_for(running.url, key.sid, key.secret, client.username)
    sent = await call(robot.messages.create, to=NUMBER, from_=SENDER, body="Hello")
    assert sent.account_sid == client.username
    assert [one.friendly_name for one in await call(client.keys.list)] == ["robot"]
    renamed = await call(client.keys(key.sid).update, friendly_name="old robot")
    assert renamed.friendly_name == "old robot"
    assert await call(client.keys(key.sid).delete)
    with pytest.raises(TwilioRestException) as refused:
        await call(robot.messages(sent.sid).fetch)
    assert refused.value.status == 401


async def test_it_redacts_and_deletes(client: Client, running: Running) -> None:
    sent = await call(client.messages.create, to=NUMBER, from_=SENDER, body="secret")
    await running.until(State.DELIVERED)
    redacted = await call(client.messages(sent.sid).update, body="")
    assert redacted.body == ""
    assert await call(client.messages(sent.sid).delete)
    with pytest.raises(TwilioRestException) as refused:
        await call(client.messages(sent.sid).fetch)
    assert refused.value.code == 20404


async def test_it_asks_for_account_and_balance(client: Client) -> None:
    account = await call(client.api.accounts(client.username).fetch)
    assert (account.status, account.friendly_name) == ("active", USERNAME)
    assert (await call(client.balance.fetch)).currency == "USD"


async def test_it_has_subaccounts(client: Client, running: Running) -> None:
    made = await call(client.api.accounts.create, friendly_name="Branch")
    assert (made.friendly_name, made.owner_account_sid) == ("Branch", client.username)
    branch = client_for(running.url, made.sid, made.auth_token)
    acting = client_for(running.url, client.username, client.password, made.sid)
    for one in (branch, acting):
        sent = await call(one.messages.create, to=NUMBER, from_=SENDER, body="Hello")
        assert sent.account_sid == made.sid
    listed = await call(client.api.accounts.list, friendly_name="Branch")
    assert [account.sid for account in listed] == [made.sid]
    closed = await call(client.api.accounts(made.sid).update, status="closed")
    assert closed.status == "closed"
    with pytest.raises(TwilioRestException) as refused:
        await call(acting.messages.create, to=NUMBER, from_=SENDER, body="Hello")
    assert (refused.value.status, refused.value.code) == (403, 20005)


async def test_it_takes_a_number_and_gives_it_back(client: Client) -> None:
    free = await call(client.available_phone_numbers("DK").mobile.list, limit=5)
    assert [one.phone_number for one in free] == [OFFERED]
    taken = await call(client.incoming_phone_numbers.create, phone_number=OFFERED)
    assert await call(client.available_phone_numbers("DK").mobile.list) == []
    assert await call(client.incoming_phone_numbers(taken.sid).delete)
    assert len(await call(client.available_phone_numbers("DK").mobile.list)) == 1


async def test_it_says_that_a_message_arrived(client: Client) -> None:
    sent = await call(client.messages.create, to=NUMBER, from_=SENDER, body="Hello")
    said = await call(client.messages(sent.sid).feedback.create, outcome="confirmed")
    assert (said.outcome, said.message_sid) == ("confirmed", sent.sid)


def is_valid(heard: HeardCall, token: str) -> bool:
    given = heard.body if heard.is_json else heard.form
    return bool(RequestValidator(token).validate(heard.url, given, heard.signature))


@pytest_asyncio.fixture(loop_scope="module")
async def customer() -> AsyncIterator[Customer]:
    customer = Customer()
    await customer.start()
    yield customer
    await customer.stop()


@pytest.mark.parametrize("url", ["/status", "/status?shop=1&x=%C3%A5#rc=3", "/s?x=1#body=json"])
async def test_its_validator_accepts_status_callbacks(
    client: Client, customer: Customer, url: str
) -> None:
    sent = await call(
        client.messages.create,
        to=NUMBER,
        from_=SENDER,
        body="Hello",
        status_callback=customer.url + url,
    )
    told = []
    for _ in range(2):
        heard = await customer.next()
        assert is_valid(heard, client.password)
        assert not is_valid(heard, "another token")
        told.append(json.loads(heard.body) if heard.is_json else heard.form)
    assert [one["MessageStatus"] for one in told] == ["sent", "delivered"]
    assert {(one["MessageSid"], one["SmsSid"], one["To"], one["From"]) for one in told} == {
        (sent.sid, sent.sid, NUMBER, SENDER)
    }


async def receive(running: Running, text: str, to: str) -> None:
    done = asyncio.get_running_loop().create_future()
    report = InboundPartReport(
        carrier="simulator",
        source=NUMBER[1:],
        destination=to[1:],
        alphabet=Alphabet.GSM7,
        text=text,
    )
    running.gateway.services.inbound.receive(report, done.set_result)
    assert await done


async def own_number(client: Client, running: Running, number: str, **settings: str) -> Any:
    """A number of the account, with settings."""
    services = running.gateway.services
    if services.inbound_routing.number(number[1:]) is None:
        account = await services.accounts.find(USERNAME)
        await services.keywords.add_number(account, number[1:], shared=False)
    [found] = await call(client.incoming_phone_numbers.list, phone_number=number)
    return await call(client.incoming_phone_numbers(found.sid).update, **settings)


async def test_it_answers_texts_with_twiml(
    client: Client, running: Running, customer: Customer
) -> None:
    number = await own_number(client, running, "+4511110001", sms_url=f"{customer.url}/sms?a=1")
    assert number.sms_url == f"{customer.url}/sms?a=1"
    first, second = MessagingResponse(), MessagingResponse()
    first.message("Thank you & welcome", action="/replied")
    first.redirect("/more", method="GET")
    first.message("never")
    second.message("One more")
    customer.answers = {"/sms": str(first), "/more": str(second)}
    await receive(running, "Hi there", "+4511110001")
    heard = await customer.next()
    assert is_valid(heard, client.password)
    assert (heard.method, heard.form["Body"], heard.form["From"], heard.form["To"]) == (
        "POST", "Hi there", NUMBER, "+4511110001",
    )  # fmt: skip
    assert heard.form["FromCountry"] == "DK"
    texts: dict[str, Any] = {}
    paths = []
    for _ in range(3):  # the redirect, and the two statuses of the first reply
        heard = await customer.next()
        assert is_valid(heard, client.password)
        paths.append((heard.method, heard.path))
    assert sorted(paths) == [("GET", "/more"), ("POST", "/replied"), ("POST", "/replied")]
    async with asyncio.timeout(PATIENCE_S):
        while len(texts) < 2:
            sent = await call(client.messages.list, from_="+4511110001")
            texts = {message.body: message.direction for message in sent}
    assert texts == {"Thank you & welcome": "outbound-reply", "One more": "outbound-reply"}
    [received] = await call(client.messages.list, to="+4511110001")
    assert (received.direction, received.status, received.body) == (
        "inbound", "received", "Hi there",
    )  # fmt: skip


async def test_it_asks_the_fallback_where_the_answer_is_none(
    client: Client, running: Running, customer: Customer
) -> None:
    customer.answers = {"/sms": "<Response><Message>", "/fallback": str(MessagingResponse())}
    await own_number(
        client,
        running,
        "+4511110002",
        sms_url=f"{customer.url}/sms",
        sms_fallback_url=f"{customer.url}/fallback",
        sms_fallback_method="GET",
    )
    await receive(running, "Hi", "+4511110002")
    assert (await customer.next()).path == "/sms"
    heard = await customer.next()
    assert (heard.method, heard.path) == ("GET", "/fallback")
    assert is_valid(heard, client.password)
    query = dict(parse_qsl(heard.url.partition("?")[2]))
    assert (query["ErrorCode"], query["ErrorUrl"]) == ("12300", f"{customer.url}/sms")


async def test_it_sends_over_a_service(
    client: Client, running: Running, customer: Customer
) -> None:
    numbers = ["+4511110003", "+4511110004"]
    services = client.messaging.v1.services
    service = await call(
        services.create, friendly_name="Shop", status_callback=f"{customer.url}/service"
    )
    for number in numbers:
        found = await own_number(client, running, number)
        added = await call(services(service.sid).phone_numbers.create, phone_number_sid=found.sid)
        assert (added.phone_number, added.country_code) == (number, "DK")
    sent = await call(
        client.messages.create, to=NUMBER, messaging_service_sid=service.sid, body="Hello"
    )
    assert (sent.status, sent.from_, sent.num_segments) == ("accepted", None, "0")
    heard = await customer.next()
    assert is_valid(heard, client.password)
    assert heard.form["MessagingServiceSid"] == service.sid
    first = (await call(client.messages(sent.sid).fetch)).from_
    assert first in numbers
    again = await call(
        client.messages.create, to=NUMBER, messaging_service_sid=service.sid, body="Hello again"
    )
    assert (await call(client.messages(again.sid).fetch)).from_ == first
    listed = await call(services(service.sid).phone_numbers.list)
    assert sorted(one.phone_number for one in listed) == numbers
    name = await call(services(service.sid).alpha_senders.create, alpha_sender="My Shop")
    assert [n.alpha_sender for n in await call(services(service.sid).alpha_senders.list)] == [
        "My Shop"
    ]
    assert await call(services(service.sid).alpha_senders(name.sid).delete)
    changed = await call(services(service.sid).update, sticky_sender=False, validity_period=60)
    assert (changed.sticky_sender, changed.validity_period) == (False, 60)
    assert service.sid in [one.sid for one in await call(services.list, page_size=1)]
    assert await call(services(service.sid).phone_numbers(found.sid).delete)
    assert await call(services(service.sid).delete)
    with pytest.raises(TwilioRestException) as refused:
        await call(services(service.sid).fetch)
    assert refused.value.code == 20404


async def test_it_schedules_and_cancels(client: Client) -> None:
    services = client.messaging.v1.services
    service = await call(services.create, friendly_name="Later")
    await call(services(service.sid).alpha_senders.create, alpha_sender="Later")
    at = datetime.now(UTC) + timedelta(hours=1)
    sent = await call(
        client.messages.create,
        to=NUMBER,
        messaging_service_sid=service.sid,
        body="Later",
        schedule_type="fixed",
        send_at=at,
    )
    assert (sent.status, sent.from_) == ("scheduled", None)
    assert (await call(client.messages(sent.sid).fetch)).status == "scheduled"
    cancelled = await call(client.messages(sent.sid).update, status="canceled")
    assert (cancelled.status, cancelled.to) == ("canceled", NUMBER)
    with pytest.raises(TwilioRestException) as refused:
        await call(client.messages(sent.sid).update, status="canceled")
    assert refused.value.code == 30409


async def test_a_service_hears_of_texts_to_its_numbers(
    client: Client, running: Running, customer: Customer
) -> None:
    services = client.messaging.v1.services
    service = await call(
        services.create, friendly_name="In", inbound_request_url=f"{customer.url}/in"
    )
    number = await own_number(client, running, "+4511110005", sms_url=f"{customer.url}/number")
    await call(services(service.sid).phone_numbers.create, phone_number_sid=number.sid)
    await receive(running, "Hi", "+4511110005")
    heard = await customer.next()
    assert (heard.path, heard.form["MessagingServiceSid"]) == ("/in", service.sid)
    await call(services(service.sid).delete)
    await receive(running, "Hi", "+4511110005")
    assert (await customer.next()).path == "/number"


async def test_it_looks_numbers_up(client: Client) -> None:
    found = await call(client.lookups.v2.phone_numbers("+4532123456").fetch)
    assert (found.valid, found.country_code, found.calling_country_code) == (True, "DK", "45")
    assert found.national_format == "32 12 34 56"
    short = await call(client.lookups.v2.phone_numbers("+4512").fetch)
    assert (short.valid, short.validation_errors) == (False, ["TOO_SHORT"])
    national = await call(
        client.lookups.v2.phone_numbers("07400 123456").fetch,
        country_code="GB",
        fields="line_type_intelligence",
    )
    assert national.phone_number == "+447400123456"
    assert national.line_type_intelligence["type"] == "mobile"


async def test_it_verifies_a_number(client: Client, running: Running) -> None:
    services = client.verify.v2.services
    service = await call(services.create, friendly_name="Shop", code_length=4)
    one = services(service.sid)
    started = await call(one.verifications.create, to="+4512340000", channel="sms")
    assert (started.status, started.valid, started.channel) == ("pending", False, "sms")
    text = (await running.messages())[-1].text
    assert text.startswith("Your Shop verification code is: ")
    code = text[-4:]
    assert code.isdigit()
    assert (await call(one.verifications(started.sid).fetch)).status == "pending"
    wrong = f"{(int(code) + 1) % 10_000:04}"
    checked = await call(one.verification_checks.create, to="+4512340000", code=wrong)
    assert (checked.status, checked.valid, checked.sid) == ("pending", False, started.sid)
    checked = await call(one.verification_checks.create, to="+4512340000", code=code)
    assert (checked.status, checked.valid) == ("approved", True)
    with pytest.raises(TwilioRestException) as refused:
        await call(one.verification_checks.create, to="+4512340000", code=code)
    assert (refused.value.status, refused.value.code) == (404, 20404)
    started = await call(one.verifications.create, to="+4512340000", channel="sms")
    for _ in range(5):
        await call(one.verification_checks.create, to="+4512340000", code="0")
    with pytest.raises(TwilioRestException) as refused:
        await call(one.verification_checks.create, to="+4512340000", code="0")
    assert refused.value.code == 60202
    started = await call(one.verifications.create, to="+4512340000", channel="sms")
    ended = await call(one.verifications(started.sid).update, status="canceled")
    assert ended.status == "canceled"
    assert [s.sid for s in await call(services.list)] == [service.sid]
    assert (await call(one.update, friendly_name="Store")).friendly_name == "Store"
    assert await call(one.delete)
