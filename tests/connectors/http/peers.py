"""A provider that answers as it is told, octet by octet, and a sink that keeps what it hears."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from tests.passing_time import PATIENCE_S

from dragoman.config.tables import HttpTable
from dragoman.config.values import Secret
from dragoman.connectors.http.build import build_http_carrier
from dragoman.connectors.http.callbacks import build_callbacks
from dragoman.connectors.http.carrier import HttpCarrier
from dragoman.core.delivery.model.ports import SentMessage
from dragoman.core.messages.model.messages import InboundPartReport, Outgoing, ReceiptReport
from dragoman.core.messages.model.outcomes import Outcome
from dragoman.core.model.stored import OnStored
from dragoman.kit.clock import Clock, FixedClock
from dragoman.protocols.gsm.alphabet import Alphabet, try_encode_gsm
from dragoman.protocols.gsm.segmentation import segment_text
from dragoman.web.responses import Response
from dragoman.web.router import DialectApp

from .cases.shape import Call

NOW_MS = 1_790_000_000_000
TOKEN = "token-of-the-callback-address"


def outgoing(message_id: int = 0xABC, text: str = "hello", **more: Any) -> Outgoing:
    cut = segment_text(text, alphabet=None if try_encode_gsm(text) is not None else Alphabet.UCS2)
    return Outgoing(
        **{
            "message_id": message_id,
            "sender": "Dragoman",
            "recipient": "4512345678",
            "parts": cut.user_data(7),
            "alphabet": cut.alphabet,
            "validity_until_ms": NOW_MS + 3_600_000,
            "text": text,
            **more,
        }
    )


def table(preset: str = "generic", **more: Any) -> HttpTable:
    """A carrier's table; credentials are given as plain text."""
    credentials = {name: Secret(value) for name, value in more.pop("credentials", {}).items()}
    return HttpTable(
        **{
            "name": "provider",
            "preset": preset,
            "public_url": "https://sms.example.org",
            "callback_token": Secret(TOKEN),
            "credentials": credentials,
            **more,
        }
    )


class RecordedEvents:
    """What the connector tells."""

    def __init__(self) -> None:
        self.outcomes: list[tuple[int, Outcome]] = []
        self.reports: list[ReceiptReport] = []
        self.texts: list[InboundPartReport] = []
        self.changed = asyncio.Event()
        self.stores: bool | None = True
        """Whether storing succeeds; None for a storage that does not answer."""

    def outcome(
        self, carrier: str, message: Outgoing, outcome: Outcome, on_stored: OnStored | None = None
    ) -> None:
        self.outcomes.append((message.message_id, outcome))
        self.changed.set()

    def outcomes_came(self, carrier: str, outcomes: Sequence[tuple[Outgoing, Outcome]]) -> None:
        for message, outcome in outcomes:
            self.outcome(carrier, message, outcome)

    def receipt(self, report: ReceiptReport, on_stored: OnStored) -> None:
        self.reports.append(report)
        self._store(on_stored)

    def receipts_came(self, receipts: Sequence[tuple[ReceiptReport, OnStored]]) -> None:
        for report, on_stored in receipts:
            self.receipt(report, on_stored)

    def inbound(self, report: InboundPartReport, on_stored: OnStored) -> None:
        self.texts.append(report)
        self._store(on_stored)

    def availability(self, carrier: str) -> None:
        self.changed.set()

    def _store(self, on_stored: OnStored) -> None:
        if self.stores is not None:
            on_stored(self.stores)

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def next_outcome(self) -> Outcome:
        await self.until(lambda: self.outcomes)
        return self.outcomes.pop(0)[1]


class Broken(bytes):
    """Octets after which the peer hangs up."""


class Peer:
    """A server for one request after the other; each answer is octets, or a function's work."""

    def __init__(self, *answers: bytes | None) -> None:
        """None hangs up without an answer; the last answer is repeated."""
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self.asked = asyncio.Event()
        self.silent = False
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._silenced: list[asyncio.StreamWriter] = []

    def answer_now(self) -> None:
        """Answers what it was silent about."""
        self.silent = False
        for writer in self._silenced:
            assert self.answers[0] is not None
            writer.write(self.answers[0])

    def hang_up(self) -> None:
        """Closes where it was silent."""
        for writer in self._silenced:
            writer.close()
        self._silenced.clear()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = 0
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                self.requests.append(head + await reader.readexactly(length))
                self.asked.set()
                if self.silent:
                    self._silenced.append(writer)
                    continue
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if answer is None:
                    break
                writer.write(answer)
                if isinstance(answer, Broken):
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def answer(status: int, body: bytes = b"", headers: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d X\r\n%bContent-Length: %d\r\n\r\n%b" % (status, headers, len(body), body)


class Unreported:
    """What an earlier run left."""

    def __init__(self, *sent: SentMessage) -> None:
        self.sent = sent

    async def of(self, carrier: str, limit: int) -> Sequence[SentMessage]:
        return self.sent[:limit]


def build(
    settings: HttpTable, events: Any, clock: Clock | None = None, *sent: SentMessage
) -> HttpCarrier:
    return build_http_carrier(settings, events, clock or FixedClock(NOW_MS), Unreported(*sent))


async def call(
    carrier: HttpCarrier, made: Call, *, token: str = TOKEN, direct: bool = False
) -> Response:
    """Makes a provider's call, and returns its answer; `direct` without a task."""
    headers = made.all_headers()
    if made.body:
        headers["content-length"] = str(len(made.body))
    app = DialectApp([build_callbacks({carrier.name: carrier.calls}.get)], None, body_timeout_s=30)  # type: ignore[arg-type]
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": made.body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    path = f"/carriers/provider/{token}"
    scope = {
        "type": "http",
        "method": made.method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": made.query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        "client": ("192.0.2.1", 40000),
    }
    if direct:
        opened = app.open(scope)
        assert opened is not None
        answered: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        at_once = opened.request.operation and opened.request.operation.at_once
        assert at_once is not None
        opened.request.body = made.body
        at_once(opened.request, answered.set_result)
        return await answered
    await app(scope, receive, send)
    return Response(sent[0]["status"], sent[1]["body"])
