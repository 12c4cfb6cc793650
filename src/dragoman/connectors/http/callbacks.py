"""The calls that providers make: `/carriers/<name>/<token>`, one address for all that they say.

Answered once what they brought is on disk, and within two seconds: a provider that hears later,
or hears of a failure, calls again. A report that comes twice or late changes nothing (the core
knows the states of messages), nor does an inbound text (it is known by its provider's ID).
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, Final

import structlog

from dragoman.config.http import InboundTable, StatusTable
from dragoman.config.tables import HttpTable
from dragoman.connectors.http.calls import REF, read_call
from dragoman.connectors.http.reports import InboundReader, StatusReader
from dragoman.connectors.http.signature_check import MISSING, REFUSED_STATUS, SignatureCheck
from dragoman.core.delivery.model.ports import CarrierEvents
from dragoman.core.messages.model.messages import ReceiptReport
from dragoman.core.model.stored import OnStored
from dragoman.web.operations import Dialect, Operation, Respond, awaited
from dragoman.web.outgoing import GuardedClient
from dragoman.web.refusals import Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import TEXT, Response

PREFIX: Final = "/carriers"
BODY_LIMIT_BYTES: Final = 256 * 1024
STORING_TIMEOUT_S: Final = 1.8
"""Providers hang up after 2 s at the earliest."""
_NOT_FOUND: Final = Response(404, b"not found\n", TEXT)
_UNREADABLE: Final = Response(400, b"the body cannot be read\n", TEXT)
_FAILED: Final = Response(500, b"internal error, call again\n", TEXT)
_NOT_STORED: Final = Response(503, b"not stored, call again\n", TEXT, ((b"retry-after", b"5"),))

FindCarrier = Callable[[str], "CarrierCalls | None"]

log = structlog.get_logger(__name__)


class CarrierCalls:
    """What one carrier's provider calls with, and how it is answered."""

    def __init__(
        self,
        settings: HttpTable,
        sink: CarrierEvents,
        *,
        status: StatusReader,
        inbound: InboundReader,
        signature: SignatureCheck,
        client: GuardedClient,
    ) -> None:
        self.name = settings.name
        self._sink = sink
        self._status = status
        self._inbound = inbound
        self._signature = signature
        self._client = client
        self._status_reply = _reply(status.table)
        self._inbound_reply = _reply(inbound.table)
        self._refused = 0
        self._networks = settings.callback_networks
        self._token = settings.callback_token.encode()
        self._storing = Storing()
        self._checking: set[asyncio.Future[None]] = set()
        self._received: list[tuple[ReceiptReport, OnStored]] = []

    def receive(self, request: Request, respond: Respond) -> None:
        """Takes a call; the answer says whether the provider should repeat it."""
        if not self._is_admitted(request):
            respond(_NOT_FOUND)
        elif self._signature.fetches:
            checking = asyncio.ensure_future(self._check_and_take(request, respond))
            self._checking.add(checking)
            checking.add_done_callback(self._checking.discard)
        else:
            self._take_checked(request, self._signature.problem(request), respond)

    async def _check_and_take(self, request: Request, respond: Respond) -> None:
        try:
            problem = await self._signature.fetch_and_check(request, self._client)
            self._take_checked(request, problem, respond)
        except Exception as error:
            respond(self.fail(error))

    def fail(self, error: Exception) -> Response:
        """Reports a defect of ours here, without the path, which has the token."""
        log.error("http_call_failed", carrier=self.name, reason=type(error).__name__)
        return _FAILED

    def _take_checked(self, request: Request, problem: str, respond: Respond) -> None:
        if problem:
            self._refused += 1
            if self._refused & (self._refused - 1) == 0:  # the 1st, 2nd, 4th, 8th …
                log.warning(
                    "http_call_refused", carrier=self.name, reason=problem, so_far=self._refused
                )
            status = self._signature.missing_status if problem == MISSING else REFUSED_STATUS
            respond(Response(status, f"{problem}\n".encode(), TEXT))
            return
        tree = self._signature.content(request)
        if tree is None:
            tree = read_call(request)
        if tree is None:
            respond(_UNREADABLE)
        else:
            self._take(tree, request.query.get(REF, ""), respond)

    def _take(self, tree: Any, ref: str, respond: Respond) -> None:
        waiting = self._storing.begin(respond)
        reply = self._status_reply
        try:
            for item in self._inbound.items(tree) if self._inbound.exists else ():
                if self._inbound.matches(item) and (text := self._inbound.read(item)) is not None:
                    reply = self._inbound_reply
                    self._sink.inbound(text, waiting.expect())
            if reply is self._status_reply:
                for item in self._status.items(tree):
                    if self._status.matches(item):
                        report = self._status.read(item, ref)
                        if report is not None:
                            self._report_soon(report, waiting.expect())
        except Exception as error:
            if waiting.drop():
                raise
            self.fail(error)  # it has its answer already: something could not be stored
            return
        waiting.seal(reply)

    def _report_soon(self, report: ReceiptReport, on_stored: OnStored) -> None:
        """Reports it in the next turn of the loop, with all others that this one brings."""
        if not self._received:
            asyncio.get_running_loop().call_soon(self._report)
        self._received.append((report, on_stored))

    def _report(self) -> None:
        received, self._received = self._received, []
        self._sink.receipts_came(received)

    def _is_admitted(self, request: Request) -> bool:
        given = request.path_params["token"].encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(self._token, given):
            return False
        if not self._networks:
            return True
        try:
            address = ip_address(request.client)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


def build_callbacks(find: FindCarrier) -> Dialect:
    """The calls of all providers; `find` gives those of the carrier with a name."""

    def receive(request: Request, respond: Respond) -> None:
        carrier = find(request.path_params["carrier"])
        if carrier is None:
            respond(_NOT_FOUND)
            return
        try:
            carrier.receive(request, respond)
        except Exception as error:
            respond(carrier.fail(error))

    return Dialect(
        name="carriers",
        title="Calls of carriers",
        description="Delivery reports and inbound texts of HTTP carriers.",
        prefixes=(PREFIX,),
        operations=(
            Operation(
                methods=("GET", "POST"),
                path=f"{PREFIX}/{{carrier}}/{{token}}",
                handler=awaited(receive),
                at_once=receive,
                is_prompt=True,
                is_query_new=True,
                summary="A delivery report or an inbound text",
                body_limit_bytes=BODY_LIMIT_BYTES,
                answer_formats=("text",),
            ),
        ),
        refuse=_refuse,
        fallback_charset="latin-1",
    )


def callback_url(settings: HttpTable, append: str = "") -> str:
    """The address a provider calls; `ref=` ends it, and our reference is to follow."""
    if not settings.public_url:
        return ""
    base = settings.public_url.rstrip("/")
    more = f"{append}&" if append else ""
    return f"{base}{PREFIX}/{settings.name}/{settings.callback_token}?{more}{REF}="


class Storing:
    """What calls wait for: that what they brought is on disk, or that their time is over.

    One timer for all of them: each waits as long, so they end in the order they began.
    """

    def __init__(self) -> None:
        self._open: dict[Answered, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, respond: Respond) -> Answered:
        """One call, which is answered once all that it brought is on disk, or its time is over."""
        loop = asyncio.get_running_loop()
        answered = Answered(self._open, respond, loop.time() + STORING_TIMEOUT_S)
        if self._timer is None:
            self._timer = loop.call_later(STORING_TIMEOUT_S, self._end)
        return answered

    def _end(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        while (first := next(iter(self._open), None)) is not None and first.deadline <= now:
            first.end(_NOT_STORED)
        self._timer = None if first is None else loop.call_at(first.deadline, self._end)


class Answered:
    """Whether all that one call brought is on disk."""

    __slots__ = ("_missing", "_open", "_reply", "_respond", "deadline")

    def __init__(self, open_: dict[Answered, None], respond: Respond, deadline: float) -> None:
        self._open = open_
        self._respond = respond
        self.deadline = deadline
        self._missing = 0
        self._reply: Response | None = None
        """The answer once nothing is missing; None as long as more may come."""
        open_[self] = None

    def expect(self) -> OnStored:
        """One more thing to be stored."""
        self._missing += 1
        return self._stored

    def seal(self, reply: Response) -> None:
        """Nothing more will come."""
        self._reply = reply
        if not self._missing:
            self.end(reply)

    def drop(self) -> bool:
        """Answers nothing any more; whether it has answered nothing so far."""
        is_open = self in self._open
        if is_open:
            del self._open[self]
        return is_open

    def end(self, response: Response) -> None:
        """Answers, unless that was done already."""
        if self.drop():
            self._respond(response)

    def _stored(self, on_disk: bool) -> None:
        self._missing -= 1
        if not on_disk:
            self.end(_NOT_STORED)
        elif self._reply is not None and not self._missing:
            self.end(self._reply)


def _reply(table: StatusTable | InboundTable) -> Response:
    kind = table.reply_type.encode("latin-1") if table.reply_type else TEXT
    return Response(table.reply_status or 200, table.reply.encode(), kind)


def _refuse(_request: Request, refusal: Refusal) -> Response:
    return Response(refusal.status, f"{refusal.reason}\n".encode(), TEXT)
