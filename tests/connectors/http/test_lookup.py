"""A message whose answer never came is looked for at the provider before it is sent again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from tests.passing_time import until

from dragoman.config.http import LookupTable, PollTable
from dragoman.connectors.http.carrier import HttpCarrier
from dragoman.connectors.http.presets import PRESETS
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.outcomes import Accepted, Unknown

from .cases import httpsms, infobip, sinch, twilio
from .conftest import KEY, Provider
from .peers import NOW_MS, Broken, Peer, RecordedEvents, answer, build, outgoing, table

LOST = None
"""The provider hangs up."""
AT_ONCE = LookupTable(after_s=(0.0, 0.0))
CREDENTIALS = {
    "twilio": twilio.CASE.credentials,
    "infobip": infobip.CASE.credentials,
    "sinch": sinch.CASE.credentials,
    "httpsms": httpsms.CASE.credentials,
}
QUESTIONS = {
    "twilio": "GET /2010-04-01/Accounts/AC1/Messages.json?To=%2B4512345678&PageSize=50",
    "infobip": "GET /sms/3/logs?messageId=dabc",
    "sinch": "GET /xms/v1/plan/batches?client_reference=dabc",
    "httpsms": f"GET /api/sms/dlr.php?key={httpsms.CASE.credentials['key']}"
    "&full_number=4512345678&ref=dabc",
}


def said(body: Any, status: int = 200) -> bytes:
    return answer(status, json.dumps(body).encode())


def written(ago_s: float = 0.0) -> str:
    """A time as Twilio writes it."""
    return format_datetime(datetime.fromtimestamp(NOW_MS / 1000 - ago_s, UTC))


def listed(sid: str = "SM1", *, ago_s: float = 0.0, **more: Any) -> dict[str, Any]:
    """A message in Twilio's list."""
    return {
        "sid": sid,
        "to": "+4512345678",
        "body": "hello",
        "direction": "outbound-api",
        "date_created": written(ago_s),
        **more,
    }


def of_twilio(*messages: dict[str, Any]) -> bytes:
    return said({"messages": list(messages), "page": 0, "page_size": 50})


FOUND = {
    "twilio": (of_twilio(listed("SM9", body="other"), listed("SM1")), "SM1"),
    "infobip": (said({"results": [{"messageId": "dabc", "status": {"groupId": 1}}]}), "dabc"),
    "sinch": (said({"count": 1, "batches": [{"id": "b1", "client_reference": "dabc"}]}), "b1"),
    "httpsms": (said({"status": True, "queue_status": "pending", "queue_error": 0}), "dabc"),
}
MISSING = {
    "twilio": of_twilio(listed("SM9", body="other")),
    "infobip": said({"results": []}),
    "sinch": said({"count": 0, "batches": []}),
    "httpsms": said({"status": False, "queue_status": "notfound"}),
}
PRESETS_WITH_LOOKUP = sorted(FOUND)


@pytest.fixture
def events() -> RecordedEvents:
    return RecordedEvents()


@pytest.fixture
async def start(events: RecordedEvents) -> AsyncIterator[Any]:
    """Starts a carrier before a provider that answers in this order."""
    started: list[tuple[Peer, HttpCarrier]] = []

    async def make(preset: str, *answers: bytes | None, **more: Any) -> tuple[Peer, HttpCarrier]:
        peer = Peer(*answers)
        await peer.start()
        settings = table(
            preset,
            base_url=peer.url,
            credentials=CREDENTIALS[preset],
            **{"lookup": AT_ONCE, **more},
        )
        carrier = build(settings, events)
        await carrier.start()
        started.append((peer, carrier))
        return peer, carrier

    yield make
    for peer, carrier in started:
        await carrier.stop(1)
        await peer.stop()


def lines(peer: Peer) -> list[str]:
    return [one.decode().partition(" HTTP/1.1")[0] for one in peer.requests]


def test_these_presets_have_a_lookup() -> None:
    found = [name for name, preset in PRESETS.items() if preset.lookup.after_s]
    assert sorted(found) == PRESETS_WITH_LOOKUP


@pytest.mark.parametrize("preset", PRESETS_WITH_LOOKUP)
async def test_a_message_that_is_there_is_accepted(
    preset: str, start: Any, events: RecordedEvents
) -> None:
    body, id_ = FOUND[preset]
    peer, carrier = await start(preset, LOST, body)
    carrier.send(outgoing())
    assert await events.next_outcome() == Accepted(carrier_ids=(id_,))
    assert lines(peer)[1:] == [QUESTIONS[preset]]


@pytest.mark.parametrize("preset", PRESETS_WITH_LOOKUP)
async def test_a_message_that_is_not_there_stays_unknown(
    preset: str, start: Any, events: RecordedEvents
) -> None:
    peer, carrier = await start(preset, LOST, MISSING[preset])
    carrier.send(outgoing())
    outcome = await events.next_outcome()
    assert isinstance(outcome, Unknown)
    assert outcome.carrier_ids == ("dabc",)
    assert outcome.detail.endswith("; the provider has no such message")
    assert lines(peer)[1:] == [QUESTIONS[preset]] * 2


@pytest.mark.parametrize(
    "said_to_it", [None, answer(500), answer(200, b"<html>"), answer(401), Broken(b"HTTP/1.1 2")]
)
@pytest.mark.parametrize("preset", PRESETS_WITH_LOOKUP)
async def test_a_search_that_fails_leaves_it_unknown(
    preset: str, said_to_it: bytes | None, start: Any, events: RecordedEvents
) -> None:
    _, carrier = await start(preset, LOST, said_to_it)
    carrier.send(outgoing())
    outcome = await events.next_outcome()
    assert isinstance(outcome, Unknown)
    assert outcome.carrier_ids == ("dabc",)
    assert outcome.detail.endswith("; it could not be looked up")
    assert carrier.in_flight == 0


async def test_a_list_that_is_behind_is_looked_at_again(start: Any, events: RecordedEvents) -> None:
    _, carrier = await start("sinch", LOST, MISSING["sinch"], FOUND["sinch"][0])
    carrier.send(outgoing())
    assert await events.next_outcome() == Accepted(carrier_ids=("b1",))


@pytest.mark.parametrize("lost", [None, answer(500, b"{}"), answer(200, b"<html>")])
async def test_whatever_makes_it_unknown_it_is_looked_for(
    lost: bytes | None, start: Any, events: RecordedEvents
) -> None:
    _, carrier = await start("sinch", lost, FOUND["sinch"][0])
    carrier.send(outgoing())
    assert await events.next_outcome() == Accepted(carrier_ids=("b1",))


async def test_what_is_refused_is_not_looked_for(start: Any, events: RecordedEvents) -> None:
    peer, carrier = await start("twilio", said({"code": 21211}, 400), FOUND["twilio"][0])
    carrier.send(outgoing())
    await events.next_outcome()
    assert len(peer.requests) == 1


@pytest.mark.parametrize(
    "other",
    [
        listed(ago_s=60),
        listed(to="+4587654321"),
        listed(direction="inbound"),
        listed(body="hello!"),
        listed(date_created="yesterday"),
        listed(date_created=None),
        listed(date_created="Mon, 01 Jan 99999999999999999999 00:00:00 +0000"),
    ],
)
async def test_another_message_is_not_taken_for_it(
    other: dict[str, Any], start: Any, events: RecordedEvents
) -> None:
    _, carrier = await start("twilio", LOST, of_twilio(other))
    carrier.send(outgoing())
    assert isinstance(await events.next_outcome(), Unknown)


async def test_a_message_whose_answer_came_is_not_taken_for_it(
    start: Any, events: RecordedEvents
) -> None:
    taken = said({"sid": "SM1"}, 201)
    _, carrier = await start("twilio", taken, LOST, of_twilio(listed("SM1")))
    carrier.send(outgoing(1))
    assert await events.next_outcome() == Accepted(carrier_ids=("SM1",))
    carrier.send(outgoing(2))
    assert isinstance(await events.next_outcome(), Unknown)


async def test_one_message_settles_only_one(start: Any, events: RecordedEvents) -> None:
    _, carrier = await start("twilio", LOST, of_twilio(listed()), LOST, of_twilio(listed()))
    carrier.send(outgoing(1))
    assert await events.next_outcome() == Accepted(carrier_ids=("SM1",))
    carrier.send(outgoing(2))
    assert isinstance(await events.next_outcome(), Unknown)


async def test_the_same_text_twice_is_left_unknown(start: Any, events: RecordedEvents) -> None:
    _, carrier = await start("twilio", LOST, of_twilio(listed("SM1"), listed("SM2")))
    carrier.send(outgoing())
    outcome = await events.next_outcome()
    assert isinstance(outcome, Unknown)
    assert outcome.detail.endswith("; the provider has several such messages")


async def test_while_its_twin_is_unanswered_it_is_left_unknown(
    start: Any, events: RecordedEvents
) -> None:
    peer, carrier = await start("twilio", LOST, of_twilio(listed()), window=2)
    peer.silent = True
    carrier.send(outgoing(1))
    await peer.asked.wait()
    peer.silent = False
    carrier.send(outgoing(2))
    outcome = await events.next_outcome()
    assert isinstance(outcome, Unknown)
    assert len(peer.requests) == 2


async def test_a_twin_that_is_sent_while_it_is_asked_for_is_not_taken_for_it(
    start: Any, events: RecordedEvents
) -> None:
    peer, carrier = await start("twilio", of_twilio(listed("SM2")), window=2)
    peer.silent = True
    carrier.send(outgoing(1))
    await until(lambda: len(peer.requests) == 1)
    peer.hang_up()
    await until(lambda: len(peer.requests) == 2)
    carrier.send(outgoing(2))
    await until(lambda: len(peer.requests) == 3)
    peer.answer_now()
    assert isinstance(await events.next_outcome(), Unknown)


async def test_a_stop_leaves_what_is_looked_for_unknown(start: Any, events: RecordedEvents) -> None:
    _, carrier = await start("sinch", LOST, lookup=LookupTable(after_s=(500.0,)))
    carrier.send(outgoing())
    await until(lambda: not carrier._open and carrier.in_flight == 1)
    await carrier.stop(1)
    assert isinstance(await events.next_outcome(), Unknown)
    assert events.outcomes == []


async def test_nobody_is_asked_where_it_is_off(start: Any, events: RecordedEvents) -> None:
    peer, carrier = await start("sinch", LOST, FOUND["sinch"][0], lookup=LookupTable(off=True))
    carrier.send(outgoing())
    assert isinstance(await events.next_outcome(), Unknown)
    assert len(peer.requests) == 1


# Two gateways: the second one takes the message, and the first never hears of it.


@asynccontextmanager
async def losing_the_first(port: int, starts: bytes) -> AsyncIterator[Callable[[], str]]:
    """Stands before a server, and hangs up in place of its first answer to such a request."""
    lost: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                outer.write(head + await reader.readexactly(length_of(head)))
                answered = await inner.readuntil(b"\r\n\r\n")
                answered += await inner.readexactly(length_of(answered))
                if head.startswith(starts) and not lost:
                    lost.append(answered)
                    break
                writer.write(answered)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            outer.close()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield lambda: f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    assert len(lost) == 1
    server.close()


def length_of(head: bytes) -> int:
    found = (line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return int(next(found, b":0").partition(b":")[2])


@pytest.mark.parametrize("preset", ["httpsms", "twilio"])
async def test_a_message_whose_answer_is_lost_is_sent_once(
    preset: str, provider: Provider, make_ours: Any
) -> None:
    if preset == "twilio":
        token = await provider.gateway.services.auth_tokens.ensure(provider.account)
        credentials = {"account_sid": token.public_id, "auth_token": token.token}
        starts = b"POST /2010-04-01/Accounts/"
    else:
        credentials, starts = {"key": KEY}, b"POST /api/sms/send_sms.php"
    async with losing_the_first(provider.port, starts) as url:
        ours = await make_ours(
            preset,
            url(),
            credentials=credentials,
            lookup=AT_ONCE,
            poll=PollTable(every_s=0.1) if preset == "httpsms" else PollTable(),
        )
        await ours.send("4511111111", text="only once")
        (message,) = await ours.until_states(State.DELIVERED)
    assert message.attempts == 1
    received = provider.smsc.phone("4511111111").received
    assert [one.text for one in received] == ["only once"]
