"""A provider that is down, slow, broken or wrong: the right outcome, once, and nothing lost."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs
from tests.passing_time import MovableClock, advance_timers, until

from dragoman.config.http import AnswerTable, RequestTable
from dragoman.connectors.http.carrier import HttpCarrier
from dragoman.connectors.http.health import GROWTH
from dragoman.core.messages.model.messages import Outgoing
from dragoman.core.messages.model.outcomes import Accepted, Deferred, Rejected, Unknown
from dragoman.core.model.errors import FailureCode, RetryCode

from .peers import Broken, Peer, RecordedEvents, answer, build, outgoing, table

OK = answer(200, b'{"id": "m-1", "state": "ok"}')
RETRY_S = 600.0
MakeCarrier = Callable[..., Awaitable[HttpCarrier]]


@pytest.fixture
def events() -> RecordedEvents:
    return RecordedEvents()


@pytest.fixture
async def make_peer() -> AsyncIterator[Any]:
    made: list[Peer] = []

    async def make(*answers: bytes | None) -> Peer:
        peer = Peer(*answers)
        await peer.start()
        made.append(peer)
        return peer

    yield make
    for peer in made:
        await peer.stop()


@pytest.fixture
async def make_carrier(events: RecordedEvents) -> AsyncIterator[MakeCarrier]:
    made: list[HttpCarrier] = []

    async def make(url: str, clock: Any = None, **more: Any) -> HttpCarrier:
        settings = table(
            base_url=url,
            **{
                "request": RequestTable(
                    path="/send", fields={"to": "{to}", "text": "{text}", "ref": "{ref}"}
                ),
                "answer": AnswerTable(id="id", code=("error.code",), success={"state": ("ok",)}),
                "refusals": {"7": "credit", "8": "throttled", "9": "invalid_destination"},
                "retry_s": 0.02,
                "credit_retry_s": 0.02,
                **more,
            },
        )
        carrier = build(settings, events, clock or MovableClock())
        await carrier.start()
        made.append(carrier)
        return carrier

    yield make
    for carrier in made:
        await carrier.stop(1)


REF = ("dabc",)


def message(number: int = 0xABC, **more: Any) -> Outgoing:
    return outgoing(number, **{"validity_until_ms": None, **more})


NO_ANSWER = "the connection broke"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (OK, Accepted(carrier_ids=("m-1",))),
        # A field was renamed: it is accepted all the same, and our reference stands for its ID.
        (answer(200, b'{"message_id": "m-1", "state": "ok"}'), Accepted(carrier_ids=REF)),
        # 200 with an error inside.
        (
            answer(200, b'{"error": {"code": 9}}'),
            Rejected(code=FailureCode.INVALID_DESTINATION, detail="HTTP 200 code 9"),
        ),
        (
            answer(200, b'{"error": {"code": "new"}}'),
            Rejected(code=FailureCode.REFUSED_BY_CARRIER, detail="HTTP 200 code new"),
        ),
        # HTML in place of JSON, half of an answer, no answer, no HTTP: it may have been sent.
        (
            answer(200, b"<html>Welcome</html>"),
            Unknown(detail="HTTP 200, not as told", carrier_ids=REF),
        ),
        (Broken(OK[:-5]), Unknown(detail=NO_ANSWER, carrier_ids=REF)),
        (None, Unknown(detail=NO_ANSWER, carrier_ids=REF)),
        (Broken(b"SSH-2.0-x\r\n"), Unknown(detail="the answer is not HTTP", carrier_ids=REF)),
        (answer(500, b"oops"), Unknown(detail="HTTP 500", carrier_ids=REF)),
        (answer(502), Unknown(detail="HTTP 502", carrier_ids=REF)),
        # A 5xx with a code of the table says what happened.
        (
            answer(500, b'{"error": {"code": 9}}'),
            Rejected(code=FailureCode.INVALID_DESTINATION, detail="HTTP 500 code 9"),
        ),
        (
            answer(400, b'{"error": {"code": "9"}}'),
            Rejected(code=FailureCode.INVALID_DESTINATION, detail="HTTP 400 code 9"),
        ),
        (answer(422), Rejected(code=FailureCode.REFUSED_BY_CARRIER, detail="HTTP 422")),
        (answer(413), Rejected(code=FailureCode.INVALID_CONTENT, detail="HTTP 413")),
        # What a provider quotes is not repeated.
        (
            answer(400, b'{"error": {"code": "no number 4512345678, sir"}}'),
            Rejected(code=FailureCode.REFUSED_BY_CARRIER, detail="HTTP 400"),
        ),
        (
            answer(503),
            Deferred(code=RetryCode.CARRIER_BUSY, retry_in_s=1.0, detail="HTTP 503"),
        ),
    ],
)
async def test_an_answer_is_understood(
    make_peer: Any, make_carrier: MakeCarrier, events: RecordedEvents, said: Any, expected: Any
) -> None:
    peer = await make_peer(said)
    carrier = await make_carrier(peer.url)
    carrier.send(message())
    outcome = await events.next_outcome()
    if isinstance(expected, Unknown):
        assert isinstance(outcome, Unknown)
        assert outcome.detail.endswith(expected.detail)
        assert outcome.carrier_ids == expected.carrier_ids
    else:
        assert outcome == expected
    assert len(peer.requests) == 1


@pytest.mark.parametrize(
    ("said", "trouble"),
    [
        (answer(401), "refused us: HTTP 401"),
        (answer(403), "refused us: HTTP 403"),
        (answer(404, b"<html>"), "refused us: HTTP 404"),
        (answer(302, headers=b"Location: https://example.com\r\n"), "refused us: HTTP 302"),
        (answer(402), "the account is out of credit"),
        (answer(200, b'{"error": {"code": 7}}'), "the account is out of credit"),
    ],
)
async def test_what_is_no_messages_fault_pauses_the_carrier_and_is_logged_once(
    make_peer: Any, make_carrier: MakeCarrier, events: RecordedEvents, said: Any, trouble: str
) -> None:
    peer = await make_peer(said)
    carrier = await make_carrier(peer.url, retry_s=RETRY_S, credit_retry_s=RETRY_S)
    with capture_logs() as logs:
        for number in range(5):
            await events.until(lambda: carrier.up)
            assert carrier.capacity == (32 if number == 0 else 1)
            carrier.send(message())
            outcome = await events.next_outcome()
            assert isinstance(outcome, Deferred)
            assert (carrier.up, carrier.capacity, carrier.why_down) == (False, 0, trouble)
            advance_timers(2 * GROWTH * RETRY_S)
    assert [entry["event"] for entry in logs] == ["http_carrier_paused"]
    peer.answers = [OK]
    await events.until(lambda: carrier.up)
    carrier.send(message())
    assert isinstance(await events.next_outcome(), Accepted)
    assert (carrier.up, carrier.capacity, carrier.why_down) == (True, 32, "")


async def test_a_provider_that_is_down_takes_nothing_and_is_tried_again(
    make_peer: Any, make_carrier: MakeCarrier, events: RecordedEvents
) -> None:
    peer = await make_peer(OK)
    await peer.stop()
    carrier = await make_carrier(peer.url, retry_s=RETRY_S)
    carrier.send(message())
    outcome = await events.next_outcome()
    assert isinstance(outcome, Deferred)
    assert outcome.code is RetryCode.LINK_DOWN
    assert not carrier.up
    await peer.start()
    advance_timers(2 * RETRY_S)
    await events.until(lambda: carrier.up)
    carrier.send(message())
    assert isinstance(await events.next_outcome(), Accepted)


async def test_a_slow_provider_is_unknown_after_the_time(
    make_peer: Any, make_carrier: MakeCarrier, events: RecordedEvents
) -> None:
    peer = await make_peer(OK)
    peer.silent = True
    carrier = await make_carrier(peer.url, timeout_s=60)
    carrier.send(message())
    await peer.asked.wait()
    advance_timers(61)
    outcome = await events.next_outcome()
    assert isinstance(outcome, Unknown)
    assert outcome.carrier_ids == REF
    assert carrier.up  # one message is not the provider


async def test_messages_without_an_answer_in_a_row_pause_it(
    make_peer: Any, make_carrier: MakeCarrier, events: RecordedEvents
) -> None:
    peer = await make_peer(None)
    carrier = await make_carrier(peer.url, retry_s=RETRY_S)
    for left_up in (True, True, False):
        carrier.send(message())
        assert isinstance(await events.next_outcome(), Unknown)
        assert carrier.up is left_up


async def test_a_get_is_not_sent_twice_over_a_connection_that_breaks(
    make_peer: Any, make_carrier: MakeCarrier, events: RecordedEvents
) -> None:
    peer = await make_peer(OK, None)
    carrier = await make_carrier(peer.url, request=RequestTable(method="GET", path="/send"))
    carrier.send(message())
    assert isinstance(await events.next_outcome(), Accepted)
    carrier.send(message())
    assert isinstance(await events.next_outcome(), Unknown)
    assert len(peer.requests) == 2


async def test_throttling_slows_and_keeps_the_order(
    make_peer: Any, make_carrier: MakeCarrier, events: RecordedEvents
) -> None:
    throttled = answer(200, b'{"error": {"code": 8}}')
    peer = await make_peer(OK, throttled, answer(429, headers=b"Retry-After: 0\r\n"), OK)
    carrier = await make_carrier(peer.url, window=1)
    for number in range(3):
        carrier.send(message(number))
    await events.until(lambda: len(events.outcomes) == 3)
    assert events.outcomes == [(n, Accepted(carrier_ids=("m-1",))) for n in range(3)]
    assert carrier.pace.throttled == 2
    assert carrier.pace.rate_per_s is not None
    sent = [msgspec.json.decode(one.rpartition(b"\r\n\r\n")[2])["ref"] for one in peer.requests]
    assert sent == ["d0", "d1", "d1", "d1", "d2"]


async def test_retry_after_is_waited_for(
    make_peer: Any, make_carrier: MakeCarrier, events: RecordedEvents
) -> None:
    clock = MovableClock()
    peer = await make_peer(answer(429, headers=b"Retry-After: 3\r\n"), OK)
    carrier = await make_carrier(peer.url, clock)
    carrier.send(message())
    await until(lambda: carrier.waiting)
    assert carrier.up
    assert len(peer.requests) == 1
    clock.advance_with_timers(3.1)
    assert isinstance(await events.next_outcome(), Accepted)


@pytest.mark.parametrize("wait", [b"3600", b"Wed, 21 Oct 2099 07:28:00 GMT"])
async def test_a_long_retry_after_is_left_to_other_carriers(
    make_peer: Any, make_carrier: MakeCarrier, events: RecordedEvents, wait: bytes
) -> None:
    clock = MovableClock()
    peer = await make_peer(answer(429, headers=b"Retry-After: %b\r\n" % wait), OK)
    carrier = await make_carrier(peer.url, clock, window=1)
    carrier.send(message(1))
    carrier.send(message(2))
    await events.until(lambda: len(events.outcomes) == 2)
    assert all(isinstance(one, Deferred) for _, one in events.outcomes)
    assert not carrier.up
    clock.advance_with_timers(3_500)
    await asyncio.sleep(0)
    assert not carrier.up
    clock.advance_with_timers(200)
    await events.until(lambda: carrier.up)


async def test_a_message_that_expires_while_it_waits_is_given_back(
    make_peer: Any, make_carrier: MakeCarrier, events: RecordedEvents
) -> None:
    clock = MovableClock()
    peer = await make_peer(answer(429, headers=b"Retry-After: 3\r\n"), OK)
    carrier = await make_carrier(peer.url, clock)
    carrier.send(message(validity_until_ms=clock.now_ms() + 2_000))
    await until(lambda: carrier.waiting)
    clock.advance_with_timers(3.1)
    assert isinstance(await events.next_outcome(), Deferred)
    assert len(peer.requests) == 1


@pytest.mark.parametrize("headers", [b"", b"Retry-After: 2\r\n"])
async def test_what_is_throttled_while_it_stops_goes_back(
    make_peer: Any, make_carrier: MakeCarrier, events: RecordedEvents, headers: bytes
) -> None:
    peer = await make_peer(answer(429, b"{}", headers))
    peer.silent = True
    carrier = await make_carrier(peer.url)
    carrier.send(message(1))
    await peer.asked.wait()
    stopping = asyncio.create_task(carrier.stop(5))
    await asyncio.sleep(0)
    peer.answer_now()
    await stopping
    (outcome,) = [outcome for _, outcome in events.outcomes]
    assert isinstance(outcome, Deferred)
    assert outcome.code is RetryCode.DRAINING


async def test_what_is_throttled_while_the_provider_is_left_alone_goes_back(
    make_peer: Any, make_carrier: MakeCarrier, events: RecordedEvents
) -> None:
    peer = await make_peer(answer(200, b'{"error": {"code": "7"}}'))
    peer.silent = True
    carrier = await make_carrier(peer.url, credit_retry_s=RETRY_S)
    carrier.send(message(1))
    carrier.send(message(2))
    await until(lambda: len(peer.requests) == 2)
    first, second = peer._silenced
    first.write(answer(200, b'{"error": {"code": "7"}}'))
    await until(lambda: not carrier.up)
    second.write(answer(429, b"{}"))
    await events.until(lambda: len(events.outcomes) == 2)
    assert all(isinstance(outcome, Deferred) for _, outcome in events.outcomes)


async def test_a_stop_leaves_nothing_without_an_outcome(
    make_peer: Any, make_carrier: MakeCarrier, events: RecordedEvents
) -> None:
    peer = await make_peer(OK)
    peer.silent = True
    carrier = await make_carrier(peer.url, window=1)
    carrier.send(message(1))
    carrier.send(message(2))
    await peer.asked.wait()
    await carrier.stop(0.01)
    carrier.send(message(3))
    await events.until(lambda: len(events.outcomes) == 3)
    found = {number: type(outcome) for number, outcome in events.outcomes}
    assert found == {1: Unknown, 2: Deferred, 3: Deferred}


async def test_what_is_no_text_is_rejected(
    make_peer: Any, make_carrier: MakeCarrier, events: RecordedEvents
) -> None:
    peer = await make_peer(OK)
    carrier = await make_carrier(peer.url)
    for text in ("", "half \ud83d"):
        carrier.send(message(text=text))
        outcome = await events.next_outcome()
        assert isinstance(outcome, Rejected)
        assert outcome.code is FailureCode.INVALID_CONTENT
    assert peer.requests == []


@pytest.mark.parametrize(
    ("request_", "more"),
    [
        (RequestTable(method="GET", path="/send", query={"t": "{text}"}), {"text": "å" * 1_500}),
        (RequestTable(path="/send", headers={"X-From": "{sender}"}), {"sender": "a\r\nX: b"}),
        (RequestTable(path="/send", headers={"X-From": "{sender}"}), {"sender": "Ω"}),
    ],
)
async def test_what_one_message_cannot_say_is_not_the_carriers_trouble(
    make_peer: Any,
    make_carrier: MakeCarrier,
    events: RecordedEvents,
    request_: RequestTable,
    more: dict[str, str],
) -> None:
    peer = await make_peer(OK)
    carrier = await make_carrier(peer.url, request=request_)
    carrier.send(message(**more))
    outcome = await events.next_outcome()
    assert isinstance(outcome, Rejected)
    assert outcome.code is FailureCode.INVALID_CONTENT
    assert (carrier.up, peer.requests) == (True, [])


async def test_a_certificate_that_expired_sends_nothing(
    make_carrier: MakeCarrier, events: RecordedEvents, tmp_path: Path
) -> None:
    path = write_expired_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        asked.append(await reader.read())

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    carrier = await make_carrier(
        f"https://127.0.0.1:{port}", tls_ca_file=str(path), retry_s=RETRY_S
    )
    carrier.send(message())
    outcome = await events.next_outcome()
    server.close()
    assert isinstance(outcome, Deferred)
    assert outcome.detail.endswith("the TLS certificate is not valid")
    assert not carrier.up
    assert asked == []


def write_expired_certificate(folder: Path) -> Path:
    """A PEM file with key and certificate for 127.0.0.1, from last year."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "provider.test")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now - timedelta(days=35))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    octets = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = folder / "expired.pem"
    path.write_bytes(octets + signed.public_bytes(serialization.Encoding.PEM))
    return path
