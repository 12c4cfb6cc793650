"""One account at an MMSC as a connector: a window of submits, one HTTP request each.

Each submit uses a connection of its own: on a reused one that the MMSC has closed meanwhile it
would be unknown whether the message arrived.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable
from typing import Final

import structlog

from dragoman.config.tables import Mm7Table
from dragoman.connectors.mm7.soap import NotMm7, parse_envelope
from dragoman.connectors.mm7.statuses import PARTIAL_SUCCESS, SUCCESS, failure_of_status
from dragoman.connectors.mm7.submits import Submit, render_submit
from dragoman.core.delivery.model.ports import AttachmentSource, CarrierEvents
from dragoman.core.delivery.resources import always
from dragoman.core.messages.model.messages import Outgoing
from dragoman.core.messages.model.outcomes import Accepted, Deferred, Outcome, Rejected, Unknown
from dragoman.core.model.errors import FailureCode, Refused, RetryCode
from dragoman.kit.backoff import Backoff
from dragoman.kit.supervisor import Spawn, spawn_unwatched
from dragoman.web.outgoing import Fetched, FetchFailed, FetchRefused, GuardedClient, NotConnected

RETRY_IN_S: Final = 1.0
MAX_DETAIL: Final = 200
_SOAP_STATUSES: Final = frozenset({200, 500})
"""HTTP statuses under which SOAP 1.1 answers, faults included."""
_NOT_TAKEN: Final = frozenset({400, 401, 403, 404, 405, 406, 408, 415, 429, 503})
"""HTTP statuses under which the MMSC has not processed the message."""
_TOO_LARGE: Final = 413

log = structlog.get_logger(__name__)


class Mm7Carrier:
    """Hands messages to an MMSC, and pauses while it fails."""

    def __init__(
        self,
        settings: Mm7Table,
        sink: CarrierEvents,
        *,
        client: GuardedClient,
        attachments: AttachmentSource,
        wall_clock_ms: Callable[[], int],
        random: Callable[[], float],
        may_send: Callable[[], bool] = always,
    ) -> None:
        self.settings = settings
        self.name = settings.name
        self.sink = sink
        self._client = client
        self._attachments = attachments
        self._wall_clock_ms = wall_clock_ms
        self._random = random
        self._may_send = may_send
        self._backoff = Backoff(first_s=settings.retry_s, longest_s=32 * settings.retry_s)
        self.last_error = ""
        self.failures = 0
        """Failures of the MMSC since it last answered."""
        self._pause: asyncio.TimerHandle | None = None
        self._running = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._headers = (("SOAPAction", '""'), *_authorization(settings))

    @property
    def up(self) -> bool:
        """Whether it takes messages: HTTP has no link, so until a submit fails."""
        return self._running and self._pause is None

    @property
    def capacity(self) -> int:
        """Submits that may be unanswered; 0 when down."""
        return self.settings.window if self.up else 0

    @property
    def in_flight(self) -> int:
        """Submits that are being made."""
        return len(self._tasks)

    def send(self, message: Outgoing) -> None:
        """Takes a message; its outcome is reported later, exactly once."""
        task = asyncio.create_task(self._deliver(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def start(self, _spawn: Spawn = spawn_unwatched) -> None:
        """Begins to take messages."""
        self._running = True
        self.sink.availability(self.name)

    async def stop(self, timeout_s: float) -> None:
        """Waits for answers; submits unanswered by then are unknown."""
        self._running = False
        if self._pause is not None:
            self._pause.cancel()
        self.sink.availability(self.name)
        if self._tasks:
            _, late = await asyncio.wait(list(self._tasks), timeout=timeout_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._client.close()

    async def _deliver(self, message: Outgoing) -> None:
        try:
            outcome = await self._outcome(message)
        except Exception as error:  # a failing message must not stay in flight for ever
            log.error("mm7_submit_failed", carrier=self.name, reason=type(error).__name__)
            outcome = Unknown(detail="internal error")
        self._note(outcome)
        self.sink.outcome(self.name, message, outcome)

    async def _outcome(self, message: Outgoing) -> Outcome:
        if message.multimedia is None:  # its route has changed carriers since it was accepted
            return Rejected(code=FailureCode.INVALID_CONTENT, detail="MM7 carries no plain texts")
        if not self._running:
            return Deferred(code=RetryCode.DRAINING, retry_in_s=RETRY_IN_S)
        try:
            attachments = await self._attachments.load(message.multimedia.batch_id)
        except Refused:
            code = RetryCode.CARRIER_BUSY
            return Deferred(code=code, retry_in_s=RETRY_IN_S, detail="storage is away")
        except asyncio.CancelledError:
            return Deferred(code=RetryCode.DRAINING, retry_in_s=RETRY_IN_S)
        submit = render_submit(message, attachments, self.settings, self._wall_clock_ms())
        if not self._may_send():
            return Deferred(code=RetryCode.DRAINING, retry_in_s=RETRY_IN_S)
        try:
            return await self._ask(submit)
        except asyncio.CancelledError:
            return Unknown(detail="stopped before the answer came")

    async def _ask(self, submit: Submit) -> Outcome:
        headers = (("Content-Type", submit.content_type), *self._headers)
        try:
            answer = await self._client.request(
                "POST", self.settings.url, headers=headers, body=submit.body
            )
        except (NotConnected, FetchRefused) as error:
            return self._deferred(RetryCode.LINK_DOWN, error.reason)
        except FetchFailed as error:
            return Unknown(detail=error.reason)
        return self._read(answer, submit)

    def _read(self, answer: Fetched, submit: Submit) -> Outcome:
        if answer.status in _SOAP_STATUSES:
            try:
                envelope = parse_envelope(answer.body)
                status = int(envelope.value("StatusCode"))
            except (NotMm7, ValueError):
                return Unknown(detail=f"HTTP {answer.status} without an MM7 status")
            if status in (SUCCESS, PARTIAL_SUCCESS):
                return Accepted(carrier_ids=(envelope.value("MessageID") or submit.transaction_id,))
            detail = f"status {status} {envelope.value('StatusText')}".strip()[:MAX_DETAIL]
            failure = failure_of_status(status)
            if failure is not None:
                return Rejected(code=failure, detail=detail)
            return self._deferred(RetryCode.CARRIER_BUSY, detail)
        if answer.status == _TOO_LARGE:
            return Rejected(code=FailureCode.INVALID_CONTENT, detail="HTTP 413")
        if answer.status in _NOT_TAKEN:
            return self._deferred(RetryCode.CARRIER_BUSY, f"HTTP {answer.status}")
        return Unknown(detail=f"HTTP {answer.status}")

    def _deferred(self, code: RetryCode, detail: str) -> Deferred:
        return Deferred(code=code, retry_in_s=RETRY_IN_S, detail=detail)

    def _note(self, outcome: Outcome) -> None:
        """Pauses after a failure of the MMSC, so that other carriers of the route take over."""
        if isinstance(outcome, Accepted | Rejected):
            self.failures = 0
            self.last_error = ""
            return
        self.last_error = outcome.detail
        if not self._running:
            return
        log.warning("mm7_not_taken", carrier=self.name, reason=outcome.detail)
        if self._pause is None:
            self.failures += 1
            delay_s = self._backoff.delay_s(self.failures, self._random)
            self._pause = asyncio.get_running_loop().call_later(delay_s, self._resume)
            self.sink.availability(self.name)

    def _resume(self) -> None:
        self._pause = None
        self.sink.availability(self.name)


def _authorization(settings: Mm7Table) -> tuple[tuple[str, str], ...]:
    if not settings.username:
        return ()
    login = f"{settings.username}:{settings.password}".encode()
    return (("Authorization", f"Basic {b64encode(login).decode()}"),)
