"""The ASGI application over several dialects: finds the operation, reads the body, says no.

It answers nothing in words of its own: inside a dialect's prefixes every answer is a handler's or
`Dialect.refuse`'s, outside of them the fallback application speaks.
"""

import re
import secrets
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from dragoman.web.bodies import BODY_TIMEOUT_S, ClientGone, drain_body, read_body
from dragoman.web.client_address import ClientAddressReader
from dragoman.web.forms import parse_form
from dragoman.web.operations import Dialect, Operation
from dragoman.web.paths import PathTable
from dragoman.web.refusals import MalformedBody, Refusal, RefusalKind, Refused
from dragoman.web.requests import Parameters, Request
from dragoman.web.responses import NO_CONTENT, Header, Message, Response, Send

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

PREFLIGHT_AGE_S: Final = 86_400
FRAMES_LOGGED: Final = 12

_BODILESS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_CLOSE: Final[Header] = (b"connection", b"close")
_ANY_ORIGIN: Final[Header] = (b"access-control-allow-origin", b"*")
_HEADER_NAMES: Final = re.compile(rb"[A-Za-z0-9_, -]{1,1000}")
# What leaves part of a body unread, so that the connection cannot carry another request.
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

    def allowed_methods(self) -> bytes:
        methods = set(self.by_method) | {"OPTIONS"}
        if "GET" in methods:
            methods.add("HEAD")
        return ", ".join(sorted(methods)).encode()


class DialectApp:
    """Serves dialects; everything outside their prefixes goes to `fallback`.

    Raises ValueError for an operation declared twice or outside its dialect's prefixes.
    """

    def __init__(
        self,
        dialects: Iterable[Dialect],
        fallback: AsgiApp,
        *,
        addresses: ClientAddressReader | None = None,
        body_timeout_s: float = BODY_TIMEOUT_S,
        new_reference: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        self._fallback = fallback
        self._addresses = addresses or ClientAddressReader()
        self._body_timeout_s = body_timeout_s
        self._new_reference = new_reference
        self._paths: PathTable[_Endpoint, Dialect] = PathTable()
        for dialect in dialects:
            self._add(dialect)
        self._plain = self._paths.plain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request (ASGI 3.0)."""
        if scope["type"] != "http":
            return await self._fallback(scope, receive, send)
        path: str = scope["path"]
        endpoint, path_params = self._plain.get(path, _NOWHERE)
        if endpoint is None:
            found = self._paths.find(scope.get("raw_path") or path.encode())
            if found.owner is None:
                return await self._fallback(scope, receive, send)
            endpoint, path_params, dialect = found.value, found.params, found.owner
        else:
            dialect = endpoint.dialect
        request = Request(
            scope["method"],
            path,
            dialect=dialect,
            path_params=path_params,
            headers=scope["headers"],
            client=self._addresses.read(scope),
        )
        try:
            response = await self._answer(request, endpoint, scope["query_string"], receive)
        except ClientGone:
            return None
        await send(response.start)
        await send(response.finish)
        return None

    async def _answer(
        self, request: Request, endpoint: _Endpoint | None, query: bytes, receive: Receive
    ) -> Response:
        try:
            response = await self._dispatch(request, endpoint, query, receive)
        except Refused as refused:
            response = self._refuse(request, refused.refusal)
            if refused.refusal.kind in _LEAVES_BODY:
                # Reading on would invite a body from a client that waits for our word (RFC 9110
                # s. 10.1.1), and a slow one has had its time.
                waits = bool(request.header(b"expect"))
                slow = refused.refusal.kind is RefusalKind.TOO_SLOW
                if request.operation is not None and not waits and not slow:
                    await drain_body(receive, limit_bytes=request.operation.body_limit_bytes)
                response = response.with_headers(_CLOSE)
        except ClientGone:
            raise
        except Exception as error:
            response = self._fail(request, error)
        if request.dialect.cors:
            return response.with_headers(_ANY_ORIGIN)
        return response

    async def _dispatch(
        self, request: Request, endpoint: _Endpoint | None, query: bytes, receive: Receive
    ) -> Response:
        if query:
            request.query = _read_query(request, query)
        if endpoint is None:
            raise Refused(
                Refusal(kind=RefusalKind.UNKNOWN_PATH, reason="there is no such resource")
            )
        method = request.method
        operation = endpoint.by_method.get(method)
        if operation is None:
            operation = endpoint.by_method.get("GET") if method == "HEAD" else None
            if operation is None:
                return self._without_operation(request, endpoint)
        request.operation = operation
        if method not in _BODILESS:
            request.body = await read_body(
                receive,
                request,
                limit_bytes=operation.body_limit_bytes,
                timeout_s=self._body_timeout_s,
            )
        return await operation.handler(request)

    def _without_operation(self, request: Request, endpoint: _Endpoint) -> Response:
        allowed = endpoint.allowed_methods()
        if request.method == "OPTIONS" and request.dialect.cors:
            return _preflight(request, allowed)
        refusal = Refusal(
            kind=RefusalKind.WRONG_METHOD,
            reason=f"{request.method[:20]} is not a method of this resource",
        )
        return self._refuse(request, refusal).with_headers((b"allow", allowed))

    def _refuse(self, request: Request, refusal: Refusal) -> Response:
        try:
            return request.dialect.refuse(request, refusal)
        except Exception as error:
            self._report(request, error, self._new_reference())
            return Response(refusal.status)

    def _fail(self, request: Request, error: Exception) -> Response:
        reference = self._new_reference()
        self._report(request, error, reference)
        return self._refuse(
            request,
            Refusal(kind=RefusalKind.INTERNAL, reason="internal error", reference=reference),
        )

    def _report(self, request: Request, error: Exception, reference: str) -> None:
        """Logs where it broke; neither query, body nor the error's text, which may quote them."""
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

    def _add(self, dialect: Dialect) -> None:
        for prefix in dialect.prefixes:
            self._paths.own(prefix, dialect)
        for operation in dialect.operations:
            if not any(_is_under(operation.path, prefix) for prefix in dialect.prefixes):
                raise ValueError(f"{operation.path} lies outside the prefixes of {dialect.name}")
            endpoint = self._paths.add(operation.path, lambda: _Endpoint(dialect))
            endpoint.add(operation)


_NOWHERE: Final[tuple[None, Mapping[str, str]]] = (None, {})


def _is_under(path: str, prefix: str) -> bool:
    return path == prefix.rstrip("/") or path.startswith(prefix.rstrip("/") + "/")


def _read_query(request: Request, query: bytes) -> Parameters:
    """Reads the query; where it cannot be read, its plain ASCII pairs stay for `refuse` to see."""
    try:
        return parse_form(query, fallback_charset=request.dialect.fallback_charset)
    except MalformedBody:
        pieces = query.split(b"&")[:100]
        plain = [piece for piece in pieces if piece.isascii() and b"%" not in piece]
        request.query = parse_form(b"&".join(plain))
        raise


def _preflight(request: Request, allowed: bytes) -> Response:
    """Answers a browser that asks whether it may call from another origin (Fetch s. 3.2)."""
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
