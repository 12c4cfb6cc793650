"""Providers with sessions, and those that have to be asked what became of a message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.passing_time import MovableClock, until

from dragoman.config.http import PollTable, RequestTable, StatusTable
from dragoman.connectors.http import polling
from dragoman.connectors.http.carrier import HttpCarrier
from dragoman.core.delivery.model.ports import SentMessage
from dragoman.core.messages.model.lifecycle import ReceiptState
from dragoman.core.messages.model.outcomes import Accepted, Deferred

from .peers import Peer, RecordedEvents, answer, build, outgoing, table

LOGIN = answer(200, b"USER;SESSION-1")
LOGIN_AGAIN = answer(200, b"USER;SESSION-2")
TAKEN = answer(201, b'{"result":"OK","order_id":"dabc","total_sent":1}')
ENDED = answer(401, b"Unauthorized")
CREDENTIALS = {"username": "user", "password": "pass"}
WAITING = answer(200, b'{"result":"OK","recipients":[{"status":"WAIT4DLVR","destination":"+45"}]}')
DELIVERED = answer(200, b'{"result":"OK","recipients":[{"status":"DLVRD","destination":"+45"}]}')


@pytest.fixture
def events() -> RecordedEvents:
    return RecordedEvents()


@pytest.fixture
async def start(events: RecordedEvents) -> AsyncIterator[Any]:
    """Starts a smSend carrier before a provider that answers in this order."""
    started: list[tuple[Peer, HttpCarrier]] = []

    async def make(
        *answers: bytes | None,
        sent: tuple[SentMessage, ...] = (),
        every_s: float = 1000.0,
        **more: Any,
    ) -> tuple[Peer, HttpCarrier, MovableClock]:
        peer, clock = Peer(*answers), MovableClock()
        await peer.start()
        settings = table(
            "smsend",
            base_url=peer.url,
            credentials=CREDENTIALS,
            window=1,
            retry_s=0.02,
            poll=PollTable(every_s=every_s),
            **more,
        )
        carrier = build(settings, events, clock, *sent)
        await carrier.start()
        for _ in range(3):  # it takes up what an earlier run left
            await asyncio.sleep(0)
        started.append((peer, carrier))
        return peer, carrier, clock

    yield make
    for peer, carrier in started:
        await carrier.stop(1)
        await peer.stop()


def message(number: int = 0xABC) -> Any:
    return outgoing(number, validity_until_ms=None)


def lines(peer: Peer) -> list[str]:
    """Each request: its method and path, and its session."""
    found = []
    for request in peer.requests:
        head = request.decode().split("\r\n")
        session = next((one for one in head if one.lower().startswith("session_key")), "")
        found.append(f"{head[0].removesuffix(' HTTP/1.1')} {session}".strip())
    return found


SEND = "POST /API/v1.0/REST/sms Session_key: SESSION-"
LOG_IN = "GET /API/v1.0/REST/login"


async def test_a_session_is_opened_once_and_used(start: Any, events: RecordedEvents) -> None:
    peer, carrier, _ = await start(LOGIN, TAKEN)
    for _ in range(2):
        carrier.send(message())
        assert await events.next_outcome() == Accepted(carrier_ids=("dabc",))
    assert lines(peer) == [LOG_IN, f"{SEND}1", f"{SEND}1"]


async def test_a_session_that_ended_is_opened_again(start: Any, events: RecordedEvents) -> None:
    peer, carrier, _ = await start(LOGIN, TAKEN, ENDED, LOGIN_AGAIN, TAKEN)
    for _ in range(2):
        carrier.send(message())
        assert await events.next_outcome() == Accepted(carrier_ids=("dabc",))
    assert lines(peer) == [LOG_IN, f"{SEND}1", f"{SEND}1", LOG_IN, f"{SEND}2"]
    assert carrier.up


async def test_a_session_that_never_works_is_not_opened_for_ever(
    start: Any, events: RecordedEvents
) -> None:
    peer, carrier, _ = await start(LOGIN, ENDED)
    carrier.send(message())
    assert isinstance(await events.next_outcome(), Deferred)
    assert not carrier.up
    assert carrier.why_down == "refused us: HTTP 401"
    assert lines(peer) == [LOG_IN, f"{SEND}1"]


@pytest.mark.parametrize("said", [answer(404, b"no"), answer(200, b"<html>"), None])
async def test_a_login_that_fails_gives_the_messages_back(
    start: Any, events: RecordedEvents, said: bytes | None
) -> None:
    peer, carrier, _ = await start(said)
    carrier.send(message(1))
    carrier.send(message(2))
    await events.until(lambda: len(events.outcomes) == 2)
    assert all(isinstance(one, Deferred) for _, one in events.outcomes)
    assert not carrier.up
    peer.answers = [LOGIN, TAKEN]
    await events.until(lambda: carrier.up)
    carrier.send(message(3))
    await events.until(lambda: len(events.outcomes) == 3)
    assert isinstance(events.outcomes[2][1], Accepted)


async def test_a_state_is_asked_for_until_it_is_final(start: Any, events: RecordedEvents) -> None:
    peer, carrier, clock = await start(LOGIN, TAKEN, WAITING, None, answer(500), DELIVERED)
    carrier.send(message())
    await events.next_outcome()
    asked = len(peer.requests)
    for more in range(1, 5):
        clock.advance_with_timers(40_000)
        await until(lambda more=more: len(peer.requests) == asked + more)
    await until(lambda: events.reports)
    (report,) = events.reports
    assert (report.message_id, report.recipient, report.state) == (
        "dabc",
        "4512345678",
        ReceiptState.DELIVERED,
    )
    clock.advance_with_timers(400_000)
    assert len(peer.requests) == asked + 4
    assert lines(peer)[-1].startswith("GET /API/v1.0/REST/sms/dabc Session_key: SESSION-1")


async def test_messages_of_an_earlier_run_are_asked_about(
    start: Any, events: RecordedEvents
) -> None:
    sent = tuple(
        SentMessage(message_id=n, carrier_id=f"d{n:x}", recipient="4512345678") for n in (1, 2)
    )
    _, _, clock = await start(LOGIN, DELIVERED, sent=sent)
    clock.advance_with_timers(300)
    await until(lambda: len(events.reports) == 2)
    assert {one.message_id for one in events.reports} == {"d1", "d2"}


async def test_states_of_several_messages_are_asked_for_together(events: RecordedEvents) -> None:
    states = [("m0", "done"), ("m1", "sent"), ("m9", "done"), ("m3", "lost")]
    listed = ",".join(f'{{"id":"{id_}","state":"{state}"}}' for id_, state in states)
    first, then = answer(200, f'{{"results":[{listed}]}}'.encode()), answer(200, b'{"results":[]}')
    peer, clock = Peer(first, then), MovableClock()
    await peer.start()
    poll = PollTable(
        every_s=100,
        messages=4,
        request=RequestTable(path="/states", fields={"ids": "{ids:list}", "plain": "{ids}"}),
        status=StatusTable(
            list="results[*]", id="id", state="state",
            states={"done": "delivered", "sent": "accepted", "lost": "undeliverable"},
        ),
    )  # fmt: skip
    request = RequestTable(path="/send", fields={"to": "{to}"})
    sent = tuple(
        SentMessage(message_id=n, carrier_id=f"m{n}", recipient=f"451234567{n}") for n in range(5)
    )
    settings = table("generic", base_url=peer.url, request=request, poll=poll, callback_token="")
    carrier = build(settings, events, clock, *sent)
    await carrier.start()
    for _ in range(3):
        await asyncio.sleep(0)
    clock.advance_with_timers(26)
    await until(lambda: len(peer.requests) == 2)
    bodies = [request.partition(b"\r\n\r\n")[2] for request in peer.requests]
    assert sorted(bodies) == [
        b'{"ids":["m0","m1","m2","m3"],"plain":"m0,m1,m2,m3"}',
        b'{"ids":["m4"],"plain":"m4"}',
    ]
    await until(lambda: len(events.reports) == 2)
    assert [(one.message_id, one.recipient, one.state.name) for one in events.reports] == [
        ("m0", "4512345670", "DELIVERED"),
        ("m3", "4512345673", "UNDELIVERABLE"),
    ]
    clock.advance_with_timers(60)
    await until(lambda: len(peer.requests) == 3)
    assert peer.requests[2].endswith(b'{"ids":["m1","m2","m4"],"plain":"m1,m2,m4"}')
    await carrier.stop(1)
    await peer.stop()


async def test_a_report_that_is_not_stored_is_asked_for_again(
    start: Any, events: RecordedEvents
) -> None:
    _, carrier, clock = await start(LOGIN, TAKEN, DELIVERED)
    events.stores = False
    carrier.send(message())
    await events.next_outcome()
    for count in (1, 2):
        clock.advance_with_timers(40_000)
        await until(lambda count=count: len(events.reports) >= count)
    events.stores = True


async def test_questions_are_bounded(
    start: Any, events: RecordedEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "MOST", 3)
    sent = tuple(
        SentMessage(message_id=n, carrier_id=f"d{n:x}", recipient="4512345678") for n in range(9)
    )
    peer, carrier, clock = await start(LOGIN, WAITING, sent=sent)
    clock.advance_with_timers(300)
    await until(lambda: len(peer.requests) == 1 + 3)
    assert sorted(lines(peer)[1:]) == [
        f"GET /API/v1.0/REST/sms/d{n} Session_key: SESSION-1" for n in range(3)
    ]
    await until(lambda: len(carrier._poller._due) == 3)  # or the answers come after the end
    clock.advance_with_timers(polling.GIVE_UP_S + 1)
    await until(lambda: len(peer.requests) == 1 + 6)  # once more, and never again
    clock.advance_with_timers(400_000)
    carrier.send(message())
    await until(lambda: events.outcomes)
    assert len(peer.requests) == 1 + 6 + 1
