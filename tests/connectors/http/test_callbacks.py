"""Calls of providers: answered when it is stored, harmless twice, early and late."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs
from tests.passing_time import advance_timers, until

from dragoman.config.http import AnswerTable, InboundTable, RequestTable, StatusTable
from dragoman.connectors.http import callbacks
from dragoman.connectors.http.carrier import HttpCarrier
from dragoman.core.messages.model.lifecycle import State

from .cases.shape import FORM, Call
from .conftest import TOKEN, Ours
from .peers import Peer, RecordedEvents, answer, build, call, table

STATUS = StatusTable(
    when={"state": ()},
    id="id",
    recipient="to",
    state="state",
    states={"sent": "accepted", "done": "delivered", "lost": "undeliverable"},
)
INBOUND = InboundTable(
    when={"text": ()},
    list="",
    id="id",
    source="from",
    destination="to",
    text="text",
    reference="ref_no",
    total="parts",
    number="part",
)
REPORT = Call(headers={"content-type": FORM}, body=b"id=m-1&to=4512345678&state=done")
TEXT = Call(headers={"content-type": FORM}, body=b"id=t-1&from=4599999999&to=4512720000&text=hello")


def carrier_of(events: Any, **more: Any) -> HttpCarrier:
    settings = table(base_url="https://x.example", status=STATUS, inbound=INBOUND, **more)
    return build(settings, events)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b'{"id": "m-1", "to": "4512345678", "state": "done"}'),
        ("", b'{"id": "m-1", "to": "4512345678", "state": "done"}'),
        ("text/plain", b'[{"id": "m-1", "to": "4512345678", "state": "done"}]'),
        # As curl and many a small program label what they send.
        (FORM, b'{"id": "m-1", "to": "4512345678", "state": "done", "note": "a=b&c"}'),
        (FORM, b' [{"id": "m-1", "to": "4512345678", "state": "done"}]'),
        ("text/xml", b"<r><id>m-1</id><to>4512345678</to><state>done</state></r>"),
        ("text/plain", b"id=m-1&to=4512345678&state=done"),
        ("multipart/form-data", b"id=m-1&to=4512345678&state=done"),
        ("multipart/form-data; boundary=x", b"id=m-1&to=4512345678&state=done"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="id"\r\n\r\nm-1\r\n'
            b'--x\r\nContent-Disposition: form-data; name="to"\r\n\r\n4512345678\r\n'
            b'--x\r\nContent-Disposition: form-data; name="state"\r\n\r\ndone\r\n--x--\r\n',
        ),
    ],
)
async def test_a_report_is_read_whatever_its_label(kind: str, body: bytes) -> None:
    events = RecordedEvents()
    status = msgspec.structs.replace(STATUS, list="r") if body[:1] == b"<" else STATUS
    settings = table(base_url="https://x.example", status=status, inbound=INBOUND)
    answer = await call(build(settings, events), Call(headers={"content-type": kind}, body=body))
    found = [(one.message_id, one.state.name) for one in events.reports]
    assert (answer.status, found) == (200, [("m-1", "DELIVERED")])


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("made", [REPORT, TEXT])
@pytest.mark.parametrize(("stores", "status"), [(True, 200), (False, 503)])
async def test_a_call_is_answered_by_what_storing_says(
    made: Call, stores: bool, status: int, direct: bool
) -> None:
    events = RecordedEvents()
    events.stores = stores
    assert (await call(carrier_of(events), made, direct=direct)).status == status


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize("made", [REPORT, TEXT])
async def test_a_provider_does_not_wait_longer_than_two_seconds(made: Call, direct: bool) -> None:
    events = RecordedEvents()
    events.stores = None
    waiting = asyncio.create_task(call(carrier_of(events), made, direct=direct))
    await until(lambda: events.reports or events.texts)
    assert not waiting.done()
    advance_timers(callbacks.STORING_TIMEOUT_S + 0.1)
    assert callbacks.STORING_TIMEOUT_S < 2
    assert (await waiting).status == 503


@pytest.mark.parametrize("direct", [False, True])
async def test_a_defect_of_ours_is_logged_without_the_token(direct: bool) -> None:
    class Broken(RecordedEvents):
        def inbound(self, *_: Any) -> None:
            raise KeyError("4512345678")

    with capture_logs() as logs:
        assert (await call(carrier_of(Broken()), TEXT, direct=direct)).status == 500
    assert [(one["event"], one["reason"]) for one in logs] == [("http_call_failed", "KeyError")]
    assert TOKEN not in repr(logs)
    assert "4512345678" not in repr(logs)


async def test_a_text_is_known_by_its_providers_id_and_a_part_by_its_number_too() -> None:
    events = RecordedEvents()
    carrier = carrier_of(events)
    for place in (b"", b"&ref_no=7&parts=2&part=1", b"&ref_no=7&parts=2&part=2"):
        made = Call(headers=TEXT.headers, body=TEXT.body + place)
        assert (await call(carrier, made)).status == 200
    assert [(one.provider_id, one.reference, one.total, one.number) for one in events.texts] == [
        ("t-1", None, 1, 1),
        ("t-1 1", 7, 2, 1),
        ("t-1 2", 7, 2, 2),
    ]


@pytest.mark.parametrize(
    "place", [b"&ref_no=&parts=2&part=1", b"&ref_no=7&parts=0&part=0", b"&ref_no=7&parts=2&part=3",
              b"&ref_no=7&parts=999&part=1", b"&ref_no=7&parts=x&part=1"],
)  # fmt: skip
async def test_a_place_that_cannot_be_makes_a_whole_text(place: bytes) -> None:
    events = RecordedEvents()
    made = Call(headers=TEXT.headers, body=TEXT.body + place)
    assert (await call(carrier_of(events), made)).status == 200
    (text,) = events.texts
    assert (text.reference, text.total, text.number) == (None, 1, 1)


async def test_calls_come_from_the_providers_addresses_alone() -> None:
    events = RecordedEvents()
    carrier = carrier_of(events, callback_addresses=("198.51.100.0/24",))
    assert (await call(carrier, REPORT)).status == 404
    carrier = carrier_of(events, callback_addresses=("192.0.2.0/24",))
    assert (await call(carrier, REPORT)).status == 200


@pytest.mark.parametrize(
    "body",
    [
        b"state=done",  # of no message
        b"id=m-1&state=somethingnew",
        b"hello=world",
        b"id=" + b"x" * 5_000 + b"&state=done",
    ],
)
async def test_an_odd_report_is_answered_and_ends_nothing(body: bytes) -> None:
    events = RecordedEvents()
    made = Call(headers=REPORT.headers, body=body)
    assert (await call(carrier_of(events), made)).status == 200
    assert all(one.state.name == "ENROUTE" or len(one.message_id) == 255 for one in events.reports)


REQUEST = RequestTable(path="/send", fields={"ref": "{ref}", "report": "{status_url}"})
ANSWER = AnswerTable(id="id", code=("code",))


class Provider:
    """What a provider does around one message: answers, and calls."""

    def __init__(self, peer: Peer, ours: Ours) -> None:
        self.peer = peer
        self.ours = ours

    async def report(self, state: str, *, id_: str = "m-1", ref: bool = True) -> int:
        """Reports the only message by its ID, and our reference where that is in the URL."""
        query = ""
        if ref:
            (request,) = self.peer.requests[-1:]
            query = "?ref=" + request.rpartition(b'"ref":"')[2].partition(b'"')[0].decode()
        body = f"id={id_}&to=4511111111&state={state}".encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ours.port)
        writer.write(
            f"POST /carriers/provider/{TOKEN}{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            f"Content-Type: {FORM}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        status = int((await reader.readline()).split()[1])
        writer.close()
        return status


@pytest.fixture
async def make_provider(make_ours: Any) -> Any:
    peers: list[Peer] = []

    async def make(said: bytes | None, **more: Any) -> Provider:
        peer = Peer(said)
        await peer.start()
        peers.append(peer)
        ours = await make_ours(
            "generic", peer.url, request=REQUEST, answer=ANSWER, status=STATUS, **more
        )
        return Provider(peer, ours)

    yield make
    for peer in peers:
        await peer.stop()


TAKEN = answer(200, b'{"id": "m-1"}')


async def test_a_report_before_the_answer_is_matched(make_provider: Any) -> None:
    provider = await make_provider(TAKEN)
    provider.peer.silent = True
    await provider.ours.send()
    await provider.peer.asked.wait()
    assert await provider.report("done") == 200
    await provider.ours.until_states(State.SENDING)
    provider.peer.answer_now()
    await provider.ours.until_states(State.DELIVERED)


async def test_a_late_report_settles_a_message_without_an_answer(make_provider: Any) -> None:
    provider = await make_provider(None, on_unknown="hold")
    await provider.ours.send()
    await provider.ours.until_states(State.UNKNOWN)
    assert await provider.report("done", id_="m-77") == 200
    await provider.ours.until_states(State.DELIVERED)
    assert len(provider.peer.requests) == 1


async def test_a_report_that_came_first_keeps_a_lost_answer_from_a_second_sending(
    make_provider: Any,
) -> None:
    provider = await make_provider(TAKEN, on_unknown="resend")
    provider.peer.silent = True
    await provider.ours.send()
    await provider.peer.asked.wait()
    assert await provider.report("done") == 200
    await provider.peer.stop()  # the answer never comes
    await provider.ours.until_states(State.DELIVERED)
    assert len(provider.peer.requests) == 1


async def test_doubled_and_late_reports_change_nothing(make_provider: Any) -> None:
    provider = await make_provider(TAKEN)
    await provider.ours.send()
    await provider.ours.until_states(State.SENT)
    for state in ("sent", "done", "done", "sent", "lost"):
        assert await provider.report(state) == 200
    await provider.ours.until_states(State.DELIVERED)


async def test_a_report_of_nobody_is_taken_and_nothing_happens(make_provider: Any) -> None:
    provider = await make_provider(TAKEN)
    await provider.ours.send()
    await provider.ours.until_states(State.SENT)
    assert await provider.report("done", id_="unknown", ref=False) == 200
    await provider.ours.until_states(State.SENT)
