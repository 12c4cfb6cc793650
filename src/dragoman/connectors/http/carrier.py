"""One account at a provider with an HTTP API, as a connector: a window of requests, one a message.

What can go wrong, and what then holds:

- No connection, or a provider that says it did not take the message: `Deferred`, nothing was sent.
- The request left and no answer came, or one that says nothing: `Unknown`, with our reference as
  its ID, so that a late report settles it. Where the provider can be asked for it, it is looked for
  first (`lookup`). Nothing is repeated here: `on_unknown` decides.
- Connections are kept only while they are in use all the time: on one that the provider closes in
  the same moment it would be unknown whether the message arrived.
- Throttling slows the carrier, and the message stays first in line. An empty account, a wrong key
  and a provider that is down pause it (`health`), so that other carriers of the route take over.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final

import msgspec
import structlog

from dragoman.config.tables import HttpTable
from dragoman.connectors.http.answers import Answer, AnswerReader, Meaning
from dragoman.connectors.http.callbacks import CarrierCalls
from dragoman.connectors.http.health import ProviderHealth
from dragoman.connectors.http.lookup import Lookup, LookupReader
from dragoman.connectors.http.polling import Poller
from dragoman.connectors.http.reports import InboundReader, StatusReader
from dragoman.connectors.http.requests import HttpRequest, RequestRenderer
from dragoman.connectors.http.session import Session
from dragoman.connectors.http.signature_check import SignatureCheck
from dragoman.connectors.http.templates import NO_MESSAGE, Filling
from dragoman.core.delivery.model.ports import CarrierEvents, SentMessage, UnreportedSource
from dragoman.core.delivery.resources import always
from dragoman.core.messages.model.messages import Outgoing
from dragoman.core.messages.model.outcomes import Accepted, Deferred, Outcome, Rejected, Unknown
from dragoman.core.model.errors import FailureCode, RetryCode
from dragoman.kit.pace import Pace
from dragoman.kit.supervisor import Spawn, spawn_unwatched
from dragoman.kit.token_bucket import TokenBucket
from dragoman.web.outgoing import (
    URL_LIMIT,
    Fetched,
    FetchError,
    FetchRefused,
    GuardedClient,
    NotConnected,
    Prepared,
)

RETRY_IN_S: Final = 1.0
LOOK_AGAIN_S: Final = 0.5
"""Until it is asked again whether anything may be sent."""
BURST_S: Final = 0.05
LONGEST_WAIT_S: Final = 5.0
"""A provider that asks for more is left alone, so that others take over."""

_NO_VALUES: Final[Mapping[str, str]] = MappingProxyType({})
_NOT_IN_HEADER: Final = re.compile(r"[\r\n\0]|[^\x00-\xff]")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A provider's tables, ready for use."""

    request: RequestRenderer
    answers: AnswerReader
    status: StatusReader
    inbound: InboundReader
    signature: SignatureCheck
    callback_url: str
    """Ends with `ref=`; empty where the provider cannot call us."""
    session: Session | None
    poll: RequestRenderer | None
    poll_status: StatusReader
    poll_every_s: float
    poll_at_a_time: int
    poll_messages: int
    """Messages that one question is about."""
    lookup: LookupReader | None
    """None where an unknown message cannot be looked for."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a message that was only sent to try the carrier."""

    request: HttpRequest | None = None
    http_status: int = 0
    answer: Answer | None = None
    problem: str = ""
    """Why there was no answer."""


class HttpCarrier:
    """Gives messages to a provider, as fast as it takes them."""

    def __init__(
        self,
        settings: HttpTable,
        sink: CarrierEvents,
        *,
        compiled: Compiled,
        calls: CarrierCalls,
        client: GuardedClient,
        unreported: UnreportedSource,
        clock: Callable[[], float],
        wall_clock_ms: Callable[[], int],
        random: Callable[[], float],
        may_send: Callable[[], bool] = always,
    ) -> None:
        self.settings = settings
        self.name = settings.name
        self.sink = sink
        self._request = compiled.request
        self._prepared = _prepare(compiled.request, client)
        self._answers = compiled.answers
        self._callback_url = compiled.callback_url
        self._session = compiled.session
        self._poll = compiled.poll
        self.calls = calls
        """What the provider calls us with."""
        self._client = client
        self._clock = clock
        self._wall_clock_ms = wall_clock_ms
        self._may_send = may_send
        now, limit = clock(), None
        if settings.rate_per_s:
            burst = max(1.0, settings.rate_per_s * BURST_S)
            limit = TokenBucket(rate_per_s=settings.rate_per_s, burst=burst, now=now)
        self.pace = Pace(limit, now=now)
        self.health = ProviderHealth(
            retry_s=settings.retry_s,
            credit_retry_s=settings.credit_retry_s,
            random=random,
            changed=self._note_availability,
        )
        self.round_trip_s = 0.0
        """Time from request to answer, averaged over the recent ones."""
        self._running = False
        self._waiting: deque[Outgoing] = deque()
        self._open: dict[int, tuple[Outgoing, float]] = {}
        """The messages whose answer is awaited, and since when."""
        self._settled: list[tuple[Outgoing, Outcome]] = []
        self._polling: asyncio.Task[None] | None = None
        self._pump_at: asyncio.TimerHandle | None = None
        self._not_before = 0.0
        self._emptied = asyncio.Event()
        self._poller = Poller(
            compiled.poll_status,
            every_s=compiled.poll_every_s,
            at_a_time=compiled.poll_at_a_time,
            messages=compiled.poll_messages,
            ask=self._ask,
            report=sink.receipt,
            clock=clock,
            unreported=partial(unreported.of, settings.name),
        )
        self._lookup = self._build_lookup(compiled.lookup)

    @property
    def up(self) -> bool:
        """Whether it takes messages: HTTP has no link, so until the provider fails."""
        return self._running and not self.health.paused

    @property
    def why_down(self) -> str:
        """What is wrong with the provider; empty while it takes messages."""
        return self.health.trouble

    @property
    def capacity(self) -> int:
        """Messages that may be unanswered; 0 when down."""
        if not self.up:
            return 0
        return 1 if self.health.probing else self.settings.window

    @property
    def in_flight(self) -> int:
        """Requests whose answer is awaited, and messages that are looked for."""
        return len(self._open) + (len(self._lookup) if self._lookup is not None else 0)

    @property
    def waiting(self) -> int:
        """Messages that wait for their turn here."""
        return len(self._waiting)

    def send(self, message: Outgoing) -> None:
        """Takes a message; its outcome is reported later, exactly once."""
        if not self.up:
            code = RetryCode.LINK_DOWN if self._running else RetryCode.DRAINING
            self._settle(message, Deferred(code=code, retry_in_s=RETRY_IN_S))
        elif message.multimedia is not None or not message.text:
            # Its route has changed carriers since it was accepted, or it is no text.
            kind = "multimedia messages" if message.multimedia is not None else "binary messages"
            detail = f"this carrier has no {kind}"
            self._settle(message, Rejected(code=FailureCode.INVALID_CONTENT, detail=detail))
        else:
            self._waiting.append(message)
            if len(self._open) < self.settings.window:
                self._pump()

    async def start(self, spawn: Spawn = spawn_unwatched) -> None:
        """Begins to take messages."""
        self._running = True
        if self._poll is not None:
            self._polling = spawn(f"states of {self.name}", self._poller.run())
        self._note_availability()

    async def stop(self, timeout_s: float) -> None:
        """Waits for answers; what is unanswered by then is unknown."""
        self._running = False
        self.health.stop()
        if self._pump_at is not None:
            self._pump_at.cancel()
        self._note_availability()
        if self._polling is not None:
            self._polling.cancel()
        self._return_waiting(RetryCode.DRAINING)
        if self._open:
            self._emptied.clear()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._emptied.wait()
            except TimeoutError:
                pass
        if self._lookup is not None:
            for message, unknown in self._lookup.stop().values():
                self._settle(message, unknown)
        late, self._open = list(self._open.values()), {}
        for message, _ in late:
            self._settle(message, self._unknown(message, "stopped before the answer came"))
        self._report_settled()
        await self._client.close()

    def _pump(self) -> None:
        """Sends what waits, as far as window and pace allow."""
        window = 1 if self.health.probing else self.settings.window
        session = self._session
        if session is not None and not session.values:
            if self._waiting and self.up:
                session.open(self._client, self._wall_clock_ms, self._session_opened)
            return
        while self._waiting and len(self._open) < window and self.up:
            now = self._clock()
            wait_s = self._not_before - now
            if not self._may_send():
                wait_s = max(wait_s, LOOK_AGAIN_S)
            if wait_s <= 0 and not self.pace.take(now):
                wait_s = max(self.pace.wait_s(now), 0.001)
            if wait_s > 0:
                if self._pump_at is None:
                    loop = asyncio.get_running_loop()
                    self._pump_at = loop.call_later(wait_s, self._pump_again)
                return
            message = self._waiting.popleft()
            until_ms = message.validity_until_ms
            if until_ms is not None and until_ms <= self._wall_clock_ms():
                # The dispatcher finds that it has expired.
                self._settle(message, Deferred(code=RetryCode.CARRIER_BUSY, retry_in_s=0))
            else:
                self._submit(message, now)

    def _pump_again(self) -> None:
        self._pump_at = None
        self._pump()

    def _session_opened(self, problem: Fetched | FetchError | None) -> None:
        if problem is not None and self._running:
            if isinstance(problem, FetchError):
                self._pause(RetryCode.LINK_DOWN, problem.reason)
            else:
                self._pause(RetryCode.CARRIER_BUSY, f"refused our login: HTTP {problem.status}")
        self._poller.wake()
        self._pump()

    def _ask(
        self, sent: Sequence[SentMessage], answered: Callable[[Fetched | FetchError], None]
    ) -> bool:
        """Asks for the states of messages, unless the provider is left alone."""
        session, poll = self._session, self._poll
        if poll is None or not self.up:
            return False
        if session is not None and not session.values:
            session.open(self._client, self._wall_clock_ms, self._session_opened)
            return False
        values = session.values if session is not None else {}
        first = sent[0]
        message = msgspec.structs.replace(NO_MESSAGE, recipient=first.recipient)
        request = poll.render(
            Filling(
                message,
                ref=reference_of(first.message_id),
                status_url="",
                now_ms=self._wall_clock_ms,
                fixed=values,
                id=first.carrier_id,
                ids=[one.carrier_id for one in sent],
            )
        )

        def on_result(result: Fetched | FetchError) -> None:
            if session is not None and isinstance(result, Fetched):
                read = self.read(result)
                if read.meaning is Meaning.SESSION:
                    session.note_end(values)
            answered(result)

        self._client.start(
            request.method, request.url, on_result, headers=request.headers, body=request.body
        )
        return True

    def render(self, message: Outgoing, session: Mapping[str, str]) -> HttpRequest:
        """The request for a message, under what a login gave."""
        return self._request.render(self._filling(message, session))

    def _filling(self, message: Outgoing, session: Mapping[str, str]) -> Filling:
        ref = reference_of(message.message_id)
        return Filling(
            message,
            ref=ref,
            status_url=f"{self._callback_url}{ref}" if self._callback_url else "",
            now_ms=self._wall_clock_ms,
            fixed=session,
        )

    async def try_out(self, message: Outgoing) -> Trial:
        """Sends a message that no queue has, and says what the provider answered."""
        session: Mapping[str, str] = {}
        if self._session is not None:
            opened: asyncio.Future[Fetched | FetchError | None]
            opened = asyncio.get_running_loop().create_future()
            self._session.open(self._client, self._wall_clock_ms, opened.set_result)
            problem = await opened
            if isinstance(problem, FetchError):
                return Trial(problem=f"login: {problem.reason}")
            if problem is not None:
                return Trial(problem=f"login refused: HTTP {problem.status}")
            session = self._session.values
        request = self.render(message, session)
        try:
            answer = await self._client.request(
                request.method, request.url, headers=request.headers, body=request.body
            )
        except FetchError as error:
            return Trial(request=request, problem=error.reason)
        return Trial(request=request, http_status=answer.status, answer=self.read(answer))

    def read(self, answer: Fetched) -> Answer:
        """What an answer means."""
        return self._answers.read(answer, self._wall_clock_ms)

    def _submit(self, message: Outgoing, now: float) -> None:
        values = self._session.values if self._session is not None else _NO_VALUES
        answered = partial(self._answered, message, values)
        try:
            if self._prepared is not None:
                body = self._request.render_body(self._filling(message, values))
                self._open[message.message_id] = message, now
                self._client.start_prepared(self._prepared, body, answered)
                return
            request = self.render(message, values)
        except UnicodeEncodeError:  # half of a surrogate pair
            detail = "the text is not valid Unicode"
            self._settle(message, Rejected(code=FailureCode.INVALID_CONTENT, detail=detail))
            return
        if problem := _unsendable(request):
            self._settle(message, Rejected(code=FailureCode.INVALID_CONTENT, detail=problem))
            return
        self._open[message.message_id] = message, now
        self._client.start(
            request.method,
            request.url,
            answered,
            headers=request.headers,
            body=request.body,
            repeatable=False,
        )

    def _answered(
        self, message: Outgoing, values: Mapping[str, str], result: Fetched | FetchError
    ) -> None:
        since = self._open.pop(message.message_id, None)
        if since is None:
            return  # a stop has reported it
        if not self._open:
            self._emptied.set()
        try:
            outcome = self._outcome(message, result, since[1], values)
        except Exception as error:  # a failing message must not stay in flight for ever
            log.error("http_answer_not_read", carrier=self.name, reason=type(error).__name__)
            outcome = self._unknown(message, "internal error")
        if isinstance(outcome, Accepted):
            self._settle(message, outcome)
        elif isinstance(outcome, Unknown) and self._lookup is not None and self._running:
            ago_ms = int((self._clock() - since[1]) * 1000)
            self._lookup.begin(message, outcome, self._wall_clock_ms() - ago_ms)
        elif outcome is not None:  # at once, as it may say that the provider is left alone now
            self.sink.outcome(self.name, message, outcome)
        if self._waiting:
            self._pump()

    def _build_lookup(self, reader: LookupReader | None) -> Lookup | None:
        def ask(request: HttpRequest, answered: Callable[[Fetched | FetchError], None]) -> None:
            self._client.start(
                request.method, request.url, answered, headers=request.headers, body=request.body
            )

        def settle(message: Outgoing, outcome: Accepted | Unknown) -> None:
            if isinstance(outcome, Accepted):
                log.info("http_message_found", carrier=self.name)
                self._poll_for(message, outcome.carrier_ids[0])
            self.sink.outcome(self.name, message, outcome)
            self._pump()

        if reader is None:
            return None
        return Lookup(
            reader,
            fill=lambda message: self._filling(message, {}),
            ask=ask,
            settle=settle,
            in_flight=lambda: [message for message, _ in self._open.values()],
        )

    def _outcome(
        self,
        message: Outgoing,
        result: Fetched | FetchError,
        since: float,
        values: Mapping[str, str],
    ) -> Outcome | None:
        """The outcome; None for a message that is to be sent again at once."""
        if isinstance(result, FetchError):
            if isinstance(result, (NotConnected, FetchRefused)):
                return self._pause(RetryCode.LINK_DOWN, result.reason)
            self._note_failure(result.reason)
            return self._unknown(message, result.reason)
        now = self._clock()
        share = 0.05 if self.round_trip_s else 1.0
        self.round_trip_s += (now - since - self.round_trip_s) * share
        answer = self.read(result)
        session = self._session
        if session is not None:
            if answer.meaning is not Meaning.SESSION:
                session.note_use(values)
            elif session.note_end(values):
                return self._again(message)
        return self._meant(message, answer, since, now)

    def _meant(self, message: Outgoing, answer: Answer, since: float, now: float) -> Outcome | None:
        meaning = answer.meaning
        if meaning is Meaning.ACCEPTED:
            self.health.note_answer()
            self.pace.on_accepted(now)
            ids = self._ids(message, answer.ids)
            self._poll_for(message, ids[0])
            if self._lookup is not None:
                self._lookup.note_accepted(ids)
            return Accepted(carrier_ids=ids)
        if isinstance(meaning, FailureCode):
            self.health.note_answer()
            return Rejected(code=meaning, detail=answer.detail, carrier_ids=answer.ids)
        if meaning is Meaning.THROTTLED:
            self.pace.on_throttled(now, since)
            if answer.wait_s > LONGEST_WAIT_S:
                return self._pause(RetryCode.CARRIER_BUSY, "too fast", wait_s=answer.wait_s)
            self._not_before = max(self._not_before, now + answer.wait_s)
            return self._again(message)
        if meaning is Meaning.CREDIT:
            return self._pause(RetryCode.CARRIER_BUSY, "the account is out of credit", credit=True)
        if meaning in (Meaning.SETUP, Meaning.SESSION):
            return self._pause(RetryCode.CARRIER_BUSY, f"refused us: {answer.detail}")
        if meaning is Meaning.TEMPORARY:
            if answer.wait_s > LONGEST_WAIT_S:
                return self._pause(RetryCode.CARRIER_BUSY, answer.detail, wait_s=answer.wait_s)
            self._note_failure(answer.detail)
            return self._deferred(RetryCode.CARRIER_BUSY, answer.detail)
        self._note_failure(answer.detail)
        return self._unknown(message, answer.detail)

    def _again(self, message: Outgoing) -> Deferred | None:
        """Puts a message first in line, unless nothing is sent any more: then it goes back."""
        if self.up:
            self._waiting.appendleft(message)
            return None
        code = RetryCode.CARRIER_BUSY if self._running else RetryCode.DRAINING
        return self._deferred(code, self.health.trouble)

    def _poll_for(self, message: Outgoing, carrier_id: str) -> None:
        if self._poll is not None:
            self._poller.add(
                SentMessage(
                    message_id=message.message_id,
                    carrier_id=carrier_id,
                    recipient=message.recipient,
                )
            )

    def _ids(self, message: Outgoing, ids: tuple[str, ...]) -> tuple[str, ...]:
        """One ID for each part where the provider has so many, else one for the whole."""
        if len(ids) > 1 and len(ids) != len(message.parts):
            return ids[:1]
        return ids or (reference_of(message.message_id),)

    def _unknown(self, message: Outgoing, detail: str) -> Unknown:
        return Unknown(detail=detail, carrier_ids=(reference_of(message.message_id),))

    def _deferred(self, code: RetryCode, detail: str) -> Deferred:
        return Deferred(code=code, retry_in_s=RETRY_IN_S, detail=detail)

    def _pause(
        self, code: RetryCode, reason: str, *, credit: bool = False, wait_s: float = 0.0
    ) -> Deferred:
        """Leaves the provider alone, and gives back what waits here."""
        if self.health.pause(reason, credit=credit, at_least_s=wait_s):
            log.error("http_carrier_paused", carrier=self.name, reason=reason)
        return self._deferred(code, reason)

    def _note_failure(self, reason: str) -> None:
        if self.health.note_failure(reason):
            log.error("http_carrier_paused", carrier=self.name, reason=reason)

    def _return_waiting(self, code: RetryCode) -> None:
        waiting, self._waiting = self._waiting, deque()
        for message in waiting:
            self._settle(message, Deferred(code=code, retry_in_s=RETRY_IN_S))

    def _settle(self, message: Outgoing, outcome: Outcome) -> None:
        """Reports an outcome in the next loop turn, with all others that this one brings.

        So `send` never calls back into its caller.
        """
        if not self._settled:
            asyncio.get_running_loop().call_soon(self._report_settled)
        self._settled.append((message, outcome))

    def _report_settled(self) -> None:
        settled, self._settled = self._settled, []
        if settled:
            self.sink.outcomes_came(self.name, settled)

    def _note_availability(self) -> None:
        if self.health.paused:
            self._return_waiting(RetryCode.CARRIER_BUSY)
        self.sink.availability(self.name)


def _prepare(renderer: RequestRenderer, client: GuardedClient) -> Prepared | None:
    """What all requests begin with, where it is the same; an odd URL is refused when it is sent."""
    fixed = renderer.fixed
    if fixed is None or _unsendable(fixed):
        return None
    try:
        return client.prepare(fixed.method, fixed.url, fixed.headers)
    except FetchRefused:
        return None


def _unsendable(request: HttpRequest) -> str:
    """Why the client would refuse a request for what its message has; empty if it would not."""
    if len(request.url) > URL_LIMIT:
        return "the text is too long for a URL"
    if any(_NOT_IN_HEADER.search(value) for _, value in request.headers):
        return "a header cannot hold these characters"
    return ""


def reference_of(message_id: int) -> str:
    """Our reference of a message, the same for every attempt: letters and digits, at most 15."""
    return f"d{message_id:x}"
