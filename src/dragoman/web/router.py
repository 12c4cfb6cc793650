"""The ASGI application over several dialects: finds the operation, reads the body, refuses.

It renders no answer of its own: inside a dialect's prefixes every answer is a handler's or
`Dialect.refuse`'s, outside of them the fallback application's.
"""

import asyncio
import re
import secrets
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from msgspec.structs import replace

from dragoman.kit.call_header import HEADER
from dragoman.kit.elsewhere import UNREACHABLE, Elsewhere
from dragoman.web.bodies import ClientGone, check_body_head, drain_body, read_body
from dragoman.web.client_address import ClientAddressReader
from dragoman.web.forms import parse_form
from dragoman.web.known_heads import END, LEARNED, KnownHeads
from dragoman.web.layout import Layout, lay_out
from dragoman.web.operations import Dialect, Operation
from dragoman.web.paths import Found
from dragoman.web.refusals import MalformedBody, Refusal, RefusalKind, Refused
from dragoman.web.requests import Called, Parameters, Request
from dragoman.web.responses import NO_CONTENT, Header, Message, Response, Send, Stream

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

PREFLIGHT_AGE_S: Final = 86_400
FRAMES_LOGGED: Final = 12
PATHS_REMEMBERED: Final = 256
STALL_S: Final = 30.0
"""How long a client may not read from a stream before it is disconnected."""

HandOver = Callable[[Request, int], Awaitable[Response | None]]

_BODILESS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_CLOSE: Final[Header] = (b"connection", b"close")
_ANY_ORIGIN: Final[Header] = (b"access-control-allow-origin", b"*")
_HEADER_NAMES: Final = re.compile(rb"[A-Za-z0-9_, -]{1,1000}")
# Refusals that leave part of a body unread, so the connection cannot be reused.
_LEAVES_BODY: Final = frozenset(
    {RefusalKind.TOO_LARGE, RefusalKind.TOO_SLOW, RefusalKind.UNSUPPORTED_CODING}
)

_log = structlog.get_logger("dragoman.web")


@dataclass(slots=True)
class _Endpoint:
    """The operations on one path template, by method."""

    dialect: Dialect
    by_method: dict[str, Operation] = field(default_factory=dict)

    def add(self, operation: Operation) -> None:
        for method in operation.methods:
            if method in self.by_method:
                raise ValueError(f"{method} {operation.path} is declared twice")
            self.by_method[method] = operation

    @property
    def is_called_often(self) -> bool:
        return any(operation.is_prompt for operation in self.by_method.values())

    def allowed_methods(self) -> bytes:
        return ", ".join(sorted({*self.by_method, "OPTIONS"})).encode()


class ClientCutOff(Exception):
    """A stream was cut off: its client did not read for too long, or its pieces failed."""


class DialectApp:
    """Serves dialects; everything outside their prefixes goes to `fallback`.

    Raises ValueError for an operation declared twice or outside its dialect's prefixes.
    """

    call_type: "type[Call]"

    def __init__(
        self,
        dialects: Iterable[Dialect],
        fallback: AsgiApp,
        *,
        body_timeout_s: float,
        addresses: ClientAddressReader | None = None,
        max_body_bytes: int | None = None,
        new_reference: Callable[[], str] = lambda: secrets.token_hex(8),
        hand_over: HandOver | None = None,
    ) -> None:
        """`max_body_bytes` caps the body limits of the operations.

        `hand_over` gives a call to another partition, in a cluster; None where it cannot.
        """
        self.hand_over = hand_over
        self.fallback = fallback
        self._max_body_bytes = max_body_bytes
        self._addresses = addresses or ClientAddressReader()
        self.body_timeout_s = body_timeout_s
        self._new_reference = new_reference
        self._dialects = tuple(dialects)
        layout = lay_out(self._dialects)
        self._paths = layout.paths
        self._endpoints = endpoints = self._fill(layout)
        self._plain = {
            path: (endpoints[number], params)
            for path, (number, params) in layout.paths.plain.items()
        }
        self._known_heads = KnownHeads()
        self._often: dict[bytes, Found[_Endpoint, Dialect]] = {}
        """Where paths with placeholders led of late that are called often."""
        self._pumps: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request (ASGI 3.0)."""
        call = self.open(scope) if scope["type"] == "http" else None
        if call is None:
            return await self.fallback(scope, receive, send)
        try:
            response = await self._read_and_answer(call, receive)
        except ClientGone:
            return None
        if isinstance(response, Stream):
            return await self._send_stream(call, response, receive, send)
        await send(response.start)
        await send(response.finish)
        return None

    def end_streams(self) -> None:
        """Ends the streams served over ASGI, which would keep the server from stopping."""
        for pump in self._pumps:
            pump.cancel()

    async def _send_stream(
        self, call: "Call", response: Stream, receive: Receive, send: Send
    ) -> None:
        await send(response.start)
        pump = asyncio.ensure_future(_pump(response, send))
        gone = asyncio.ensure_future(_wait_until_gone(receive))
        self._pumps.add(pump)
        try:
            await asyncio.wait({pump, gone}, return_when=asyncio.FIRST_COMPLETED)
            left = gone.done()
        finally:
            self._pumps.discard(pump)
            pump.cancel()
            gone.cancel()
            ended, _ = await asyncio.gather(pump, gone, return_exceptions=True)
            await response.pieces.aclose()
        if isinstance(ended, Exception):
            if not isinstance(ended, TimeoutError):
                call.report(ended)
            raise ClientCutOff  # the server closes the connection without the end of the body
        if not left:
            await send({"type": "http.response.body", "body": b""})

    def open(self, scope: Mapping[str, Any]) -> "Call | None":
        """Opens a call by its head; None if no dialect owns the path.

        Of the scope (ASGI 3.0) it reads `method`, `path`, `raw_path`, `query_string`, `headers`
        and `client`.
        """
        path: str = scope["path"]
        endpoint, path_params = self._plain.get(path, _NOWHERE)
        if endpoint is None:
            raw_path = scope.get("raw_path") or path.encode()
            found = self._often.get(raw_path) or self._find(raw_path)
            if found.owner is None:
                return None
            endpoint, path_params, dialect = found.value, found.params, found.owner
        else:
            dialect = endpoint.dialect
        request = Request(
            scope["method"],
            path,
            dialect=dialect,
            path_params=path_params,
            query=_NO_QUERY,
            query_string=scope["query_string"],
            headers=scope["headers"],
            client=self._addresses.read(scope),
            raw_path=scope.get("raw_path") or b"",
        )
        call = self.call_type(self, request)
        try:
            if scope["query_string"]:
                request.query = _read_query(request, scope["query_string"])
            call.response = self._check_head(call, endpoint)
        except Refused as refused:
            call.refuse(refused.refusal)
        except Exception as error:
            call.response = _open_to_all(request, self.fail(request, error))
        return call

    def _find(self, raw_path: bytes) -> Found[_Endpoint, Dialect]:
        place = self._paths.find(raw_path)
        found = Found(
            owner=None if place.owner is None else self._dialects[place.owner],
            value=None if place.value is None else self._endpoints[place.value],
            params=place.params,
        )
        if found.value is not None and found.value.is_called_often:
            if len(self._often) >= PATHS_REMEMBERED:
                self._often.clear()
            self._often[raw_path] = found
        return found

    def open_known(self, data: bytes, peer: tuple[str, int] | None) -> tuple["Call", bytes] | None:
        """Opens a call whose head was seen before and that is whole; None for any other."""
        end = data.find(END) + len(END)
        found = self._known_heads.find(data[:end])
        if found is None:
            return None
        known, query = found
        if len(data) - end != known.body_bytes:
            return None
        request = known.request
        again = request.again(self._addresses.read_of(peer, request.headers))
        if query != request.query_string:
            again.query_string = query
            try:
                again.query = _read_query(again, query)
            except MalformedBody:
                return None  # read as a new one, it is refused
        call = self.call_type(self, again)
        call.is_prompt = True
        call.body_limit_bytes = known.body_limit_bytes
        return call, data[end:]

    def learn_head(self, data: bytes, call: "Call") -> None:
        """Remembers the head of a call that came whole, for those that begin alike."""
        if call.request.method != LEARNED:
            return
        request = call.request.again(client="")
        query = request.query_string
        request.query = _read_query(request, query) if query else _NO_QUERY  # as it was at first
        operation = request.operation
        self._known_heads.learn(
            data,
            request,
            call.body_limit_bytes,
            but_for_query=operation is not None and operation.is_query_new,
        )

    def _check_head(self, call: "Call", endpoint: _Endpoint | None) -> Response | None:
        request = call.request
        if endpoint is None:
            raise Refused(
                Refusal(kind=RefusalKind.UNKNOWN_PATH, reason="there is no such resource")
            )
        operation = endpoint.by_method.get(request.method)
        if operation is None:
            return self._without_operation(request, endpoint)
        request.operation = operation
        call.is_prompt = operation.is_prompt
        if request.method not in _BODILESS:
            call.body_limit_bytes = operation.body_limit_bytes
            check_body_head(request, limit_bytes=operation.body_limit_bytes)
        return None

    async def _read_and_answer(self, call: "Call", receive: Receive) -> Response:
        body = b""
        limit_bytes = call.body_limit_bytes
        if call.response is None and limit_bytes is not None:
            try:
                body = await read_body(
                    receive, call.request, limit_bytes=limit_bytes, timeout_s=self.body_timeout_s
                )
            except Refused as refused:
                call.refuse(refused.refusal)
        if call.response is None:
            return await call.answer(body)
        if call.drain_bytes:
            await drain_body(receive, limit_bytes=call.drain_bytes)
        return call.response

    def _without_operation(self, request: Request, endpoint: _Endpoint) -> Response:
        allowed = endpoint.allowed_methods()
        if request.method == "OPTIONS" and request.dialect.cors:
            return _open_to_all(request, _preflight(request, allowed))
        refusal = Refusal(
            kind=RefusalKind.WRONG_METHOD,
            reason=f"{request.method[:20]} is not a method of this resource",
        )
        response = self.refuse(request, refusal).with_headers((b"allow", allowed))
        return _open_to_all(request, response)

    def refuse(self, request: Request, refusal: Refusal) -> Response:
        """Renders a refusal as the dialect does, or without a body if that fails."""
        try:
            return request.dialect.refuse(request, refusal)
        except Exception as error:
            self._report(request, error, self._new_reference())
            return Response(refusal.status)

    def fail(self, request: Request, error: Exception) -> Response:
        """Logs an error, and answers with its reference."""
        reference = self._new_reference()
        self._report(request, error, reference)
        return self.refuse(
            request,
            Refusal(kind=RefusalKind.INTERNAL, reason="internal error", reference=reference),
        )

    def report(self, request: Request, error: Exception) -> None:
        """Logs an error in an answer that has begun."""
        self._report(request, error, self._new_reference())

    def _report(self, request: Request, error: Exception, reference: str) -> None:
        """Logs where an error arose; not its text, which may quote the query or the body."""
        frames = traceback.extract_tb(error.__traceback__)[-FRAMES_LOGGED:]
        _log.error(
            "request_failed",
            reference=reference,
            dialect=request.dialect.name,
            method=request.method,
            path=request.path,
            error=type(error).__qualname__,
            frames=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
        )

    def _fill(self, layout: Layout) -> tuple[_Endpoint, ...]:
        operations = [
            self._narrowed(operation)
            for dialect in self._dialects
            for operation in (*dialect.operations, *dialect.unlisted)
        ]
        endpoints = []
        for owner, numbers in layout.endpoints:
            endpoint = _Endpoint(self._dialects[owner])
            for number in numbers:
                endpoint.add(operations[number])
            endpoints.append(endpoint)
        return tuple(endpoints)

    def _narrowed(self, operation: Operation) -> Operation:
        most = self._max_body_bytes
        if most is None or operation.body_limit_bytes <= most:
            return operation
        return replace(operation, body_limit_bytes=most)


class Call:
    """One request to a dialect: opened with its head, answered with its body.

    If `response` is set, by the head or by `refuse`, it is the answer, given once up to
    `drain_bytes` of body are discarded, since a client that is cut off while it sends often never
    reads it. Else the server collects up to `body_limit_bytes` (None: no body) and awaits `answer`.
    """

    __slots__ = ("app", "body_limit_bytes", "drain_bytes", "is_prompt", "request", "response")

    def __init__(self, app: DialectApp, request: Request) -> None:
        self.app = app
        self.request = request
        self.is_prompt = False
        """Whether it is answered without a task, as a rule."""
        self.response: Response | None = None
        self.body_limit_bytes: int | None = None
        """The limit of the body; None if the call has none."""
        self.drain_bytes = 0

    async def answer(self, body: bytes) -> Response:
        """Returns the handler's answer, or the refusal of what it raises."""
        request = self.request
        operation = request.operation
        if operation is None:
            raise RuntimeError("a call without an operation has its response")
        request.body = body
        HEADER.set(request.header)
        try:
            response = await operation.handler(request)
        except Refused as refused:
            return self.refuse(refused.refusal)
        except Elsewhere as elsewhere:
            return await self._hand_over(request, operation, elsewhere)
        except Exception as error:
            response = self.app.fail(request, error)
        return _open_to_all(request, response)

    async def _hand_over(
        self, request: Request, operation: Called, elsewhere: Elsewhere
    ) -> Response:
        """Gives a call to the partition of its caller; refuses it where nobody can be reached."""
        hand_over = self.app.hand_over
        if hand_over is not None:
            answer = await hand_over(request, elsewhere.partition)
            if answer is not None:
                return answer
        # As a task: what is set for the refusal ends with it.
        response = await asyncio.create_task(self._refuse_here(request, operation))
        return _open_to_all(request, response)

    async def _refuse_here(self, request: Request, operation: Called) -> Response:
        UNREACHABLE.set(True)
        try:
            return await operation.handler(request)
        except Exception as error:
            return self.app.fail(request, error)

    def report(self, error: Exception) -> None:
        """Logs an error in the answer after its head was sent."""
        self.app.report(self.request, error)

    def refuse(self, refusal: Refusal) -> Response:
        """Sets and returns the dialect's refusal; it closes the connection if body stays unread."""
        request = self.request
        response = self.app.refuse(request, refusal)
        if refusal.kind in _LEAVES_BODY:
            response = response.with_headers(_CLOSE)
            # A client that waits for 100 Continue must not be invited to send (RFC 9110 s. 10.1.1),
            # and a slow one has had its time.
            waits = bool(request.header(b"expect")) or refusal.kind is RefusalKind.TOO_SLOW
            self.drain_bytes = 0 if waits else self.body_limit_bytes or 0
        self.response = _open_to_all(request, response)
        return self.response


DialectApp.call_type = Call


async def _pump(response: Stream, send: Send) -> None:
    async for piece in response.pieces:
        async with asyncio.timeout(STALL_S):
            await send({"type": "http.response.body", "body": piece, "more_body": True})


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


_NO_QUERY: Final = Parameters()
_NOWHERE: Final[tuple[None, Mapping[str, str]]] = (None, {})


def _open_to_all(request: Request, response: Response) -> Response:
    return response.with_headers(_ANY_ORIGIN) if request.dialect.cors else response


def _read_query(request: Request, query: bytes) -> Parameters:
    """Reads the query; of an unreadable one, `refuse` sees the plain ASCII pairs."""
    try:
        dialect = request.dialect
        return parse_form(query, fallback_charset=dialect.fallback_charset, octets=dialect.octets)
    except MalformedBody:
        pieces = query.split(b"&")[:100]
        plain = [piece for piece in pieces if piece.isascii() and b"%" not in piece]
        request.query = parse_form(b"&".join(plain))
        raise


def _preflight(request: Request, allowed: bytes) -> Response:
    """Answers a CORS preflight request (Fetch s. 3.2)."""
    asked = request.header(b"access-control-request-headers")
    headers = asked if _HEADER_NAMES.fullmatch(asked) else b"content-type"
    return Response(
        NO_CONTENT,
        headers=(
            (b"allow", allowed),
            (b"access-control-allow-methods", allowed),
            (b"access-control-allow-headers", headers),
            (b"access-control-max-age", b"%d" % PREFLIGHT_AGE_S),
        ),
    )
