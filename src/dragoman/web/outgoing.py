"""The one HTTP client for URLs that customers give; it calls nothing inside our own network.

Every address a name resolves to is checked, and the connection goes to a checked address, so a
name that resolves differently later gains nothing (DNS rebinding). Redirects are answers and are
not followed; there are no cookies, proxies or credentials.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from functools import cache, lru_cache
from ipaddress import ip_address
from types import TracebackType
from typing import Final, Self

import msgspec
from yarl import URL

from dragoman.web.addresses import is_permitted, parse_literal
from dragoman.web.client_address import Network
from dragoman.web.exchanges import KEEP_ALIVE_S, Exchanges
from dragoman.web.http_connection import ConnectionBroke, Fetched, HttpConnection, NotHttp
from dragoman.web.known_answers import KnownAnswers

__all__ = ["FetchError", "FetchFailed", "FetchRefused", "Fetched", "GuardedClient", "NotConnected"]

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

# Web ports and all unprivileged ones: below 1024 are mail, shells and name servers.
PORTS: Final = (range(80, 81), range(443, 444), range(1024, 65536))
ANSWER_LIMIT_BYTES: Final = 4096
NAME_TTL_S: Final = 10
URL_LIMIT: Final = 8192
ORIGINS_REMEMBERED: Final = 4096

_SCHEMES: Final = frozenset({"http", "https"})
_OWN_HEADERS: Final = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "user-agent"}
)
_ORIGIN: Final = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BREAKS: Final = re.compile(r"[\r\n\0]")


class FetchError(Exception):
    """There was no answer; `reason` holds neither query nor body."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FetchRefused(FetchError):
    """The URL may not be called, now or later."""


class FetchFailed(FetchError):
    """The call failed and may be tried again; the peer may have seen it."""


class NotConnected(FetchFailed):
    """Nothing was sent, for want of a connection."""


class GuardedClient:
    """An HTTP client for addresses on the open internet and in the operator's `allow` list.

    Open it inside the running loop, with `async with` or `close`. `ports` are the ranges a URL may
    name. Connections that were not used for `idle_s` are not used again. `resolve` gives the
    addresses of a name; by default the system's resolver does.
    """

    def __init__(
        self,
        *,
        version: str,
        allow: Sequence[Network],
        timeout_s: float,
        connections: int,
        connections_per_host: int,
        ports: Sequence[range] = PORTS,
        answer_limit_bytes: int = ANSWER_LIMIT_BYTES,
        keep_alive: bool = True,
        idle_s: float = KEEP_ALIVE_S,
        connect_timeout_s: float | None = None,
        tls: ssl.SSLContext | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        self._allow = tuple(allow)
        self._ports = tuple(ports)
        self._answer_limit_bytes = answer_limit_bytes
        self._known_answers = KnownAnswers()
        self._timeout_s = timeout_s
        self._exchanges = Exchanges(
            self._connect_in_time,
            self._failure,
            places=connections,
            places_per_origin=connections_per_host,
            timeout_s=timeout_s,
            keep_alive=keep_alive,
            idle_s=idle_s,
        )
        self._connect_timeout_s = connect_timeout_s
        self._tls = tls
        self._resolve = resolve or _system_resolve
        self._origin_of = lru_cache(maxsize=ORIGINS_REMEMBERED)(self._parse_origin)
        self._names: dict[str, tuple[float, list[str]]] = {}
        self._common_headers = (
            f"User-Agent: Dragoman/{version}\r\nAccept: */*\r\nAccept-Encoding: identity\r\n"
        )

    async def request(
        self, method: str, url: str, *, headers: Iterable[tuple[str, str]] = (), body: bytes = b""
    ) -> Fetched:
        """Calls a URL once and returns its answer, whatever its status.

        A kept connection that turns out to be closed is replaced once for a GET. Raises
        `FetchRefused` where the URL may not be called and `FetchFailed` where no answer came
        within the time limit.
        """
        waiting: asyncio.Future[Fetched] = asyncio.get_running_loop().create_future()

        def on_result(result: Fetched | FetchError) -> None:
            if waiting.done():
                return
            if isinstance(result, Fetched):
                waiting.set_result(result)
            else:
                waiting.set_exception(result)

        self.start(method, url, on_result, headers=headers, body=body)
        return await waiting

    def start(
        self,
        method: str,
        url: str,
        on_result: Callable[[Fetched | FetchError], None],
        *,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        repeatable: bool | None = None,
    ) -> None:
        """Like `request`, but passes the result to a callback, never before it returns.

        `repeatable` says whether it may be made once more over a new connection; by default that
        depends on the method.
        """
        try:
            origin, target = self._checked_url(url)
            head = self._render_head(method, origin, target, headers)
        except FetchRefused as refused:
            asyncio.get_running_loop().call_soon(on_result, refused)
            return
        if body or method != "GET":
            request = b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)
        else:
            request = head + b"\r\n"
        if repeatable is None:
            repeatable = method == "GET"
        self._send(origin, request, on_result, repeatable)

    def prepare(self, method: str, url: str, headers: Iterable[tuple[str, str]]) -> Prepared:
        """The head of requests that differ in their body alone, for `start_prepared`.

        Raises `FetchRefused` where the URL may not be called.
        """
        origin, target = self._checked_url(url)
        return Prepared(origin=origin, head=self._render_head(method, origin, target, headers))

    def start_prepared(
        self, prepared: Prepared, body: bytes, on_result: Callable[[Fetched | FetchError], None]
    ) -> None:
        """Like `start`, and never made once more."""
        request = b"%bContent-Length: %d\r\n\r\n%b" % (prepared.head, len(body), body)
        self._send(prepared.origin, request, on_result, repeatable=False)

    def _send(
        self,
        origin: _Origin,
        request: bytes,
        on_result: Callable[[Fetched | FetchError], None],
        repeatable: bool,
    ) -> None:
        self._exchanges.start(origin, request, on_result, repeatable=repeatable)

    def _failure(self, origin: Hashable, error: Exception) -> FetchError:
        assert isinstance(origin, _Origin)
        if isinstance(error, FetchError):
            return error
        if isinstance(error, TimeoutError):
            return FetchFailed(f"no answer from {origin.place} in {self._timeout_s:g} s")
        if isinstance(error, NotHttp):
            return FetchFailed(f"{origin.place}: the answer is not HTTP")
        if isinstance(error, ConnectionBroke):
            return FetchFailed(f"{origin.place}: the connection broke")
        return FetchFailed(f"{origin.place}: {type(error).__name__}")

    def forget_names(self) -> None:
        """Drops the cached names, which expire after `NAME_TTL_S` otherwise."""
        self._names.clear()

    async def close(self) -> None:
        """Closes every connection; requests under way get no result."""
        self._exchanges.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _connect_in_time(self, origin: Hashable) -> HttpConnection:
        assert isinstance(origin, _Origin)
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                return await self._connect(origin)
        except TimeoutError:
            reason = f"{origin.place}: no connection in {self._connect_timeout_s:g} s"
            raise NotConnected(reason) from None

    async def _connect(self, origin: _Origin) -> HttpConnection:
        loop = asyncio.get_running_loop()
        failure: OSError | None = None
        for address in await self._addresses(origin):
            try:
                _, connection = await loop.create_connection(
                    lambda: HttpConnection(self._answer_limit_bytes, self._known_answers),
                    address,
                    origin.port,
                    ssl=(self._tls or _system_trust()) if origin.tls else None,
                    server_hostname=origin.host if origin.tls else None,
                )
            except ssl.SSLCertVerificationError:
                raise NotConnected(f"{origin.place}: the TLS certificate is not valid") from None
            except ssl.SSLError:
                raise NotConnected(f"{origin.place}: TLS failed") from None
            except OSError as error:
                failure = error
            else:
                return connection
        reason = getattr(failure, "strerror", None) or type(failure).__name__
        raise NotConnected(f"{origin.place}: no connection ({reason})")

    async def _addresses(self, origin: _Origin) -> list[str]:
        """The addresses to connect to; refuses a name with even one forbidden address."""
        if origin.literal:
            return [origin.literal]
        now = asyncio.get_running_loop().time()
        known = self._names.get(origin.host)
        if known is not None and known[0] > now:
            return known[1]
        try:
            found = await self._resolve(origin.host, origin.port)
        except OSError:
            found = []
        addresses = [ip_address(text) for text in found]
        if not (addresses and all(is_permitted(one, self._allow) for one in addresses)):
            # The same for a name that leads inside and for one that does not exist: whoever gave
            # the URL reads this, and must not learn the names of machines here.
            raise NotConnected(f"{origin.place}: the name has no public address")
        texts = [str(address) for address in addresses]
        if len(self._names) >= ORIGINS_REMEMBERED:
            self._names.clear()
        self._names[origin.host] = (now + NAME_TTL_S, texts)
        return texts

    def _render_head(
        self, method: str, origin: _Origin, target: str, headers: Iterable[tuple[str, str]]
    ) -> bytes:
        """The head, but for the length of the body and the empty line."""
        lines = ""
        if headers:
            headers = tuple(headers)
            for name, value in headers:
                if not _TOKEN.fullmatch(name) or _BREAKS.search(value):
                    raise FetchRefused("the method or a header is not valid")
            lines = "".join(
                f"{name}: {value}\r\n"
                for name, value in headers
                if name.lower() not in _OWN_HEADERS
            )
        if method != "GET" and not _TOKEN.fullmatch(method):
            raise FetchRefused("the method or a header is not valid")
        head = f"{method} {target} HTTP/1.1\r\nHost: {origin.host_field}\r\n{self._common_headers}"
        try:
            return f"{head}{lines}".encode("latin-1")
        except UnicodeEncodeError:
            raise FetchRefused("the method or a header is not valid") from None

    def _checked_url(self, url: str) -> tuple[_Origin, str]:
        """The origin to connect to, and the request target, as written if it is ASCII."""
        if len(url) > URL_LIMIT or not url.isprintable():
            raise FetchRefused("the URL is too long or holds control characters")
        if not url.isascii() or " " in url:
            try:
                url = str(URL(url))
            except ValueError:
                raise FetchRefused("the URL is not valid") from None
        match = _ORIGIN.match(url)
        if match is None:
            raise FetchRefused("only http and https are called")
        origin = self._origin_of(match[0])
        target = url[match.end() :]
        if "#" in target:
            target = target.partition("#")[0]
        return origin, target if target[:1] == "/" else f"/{target}"

    def _parse_origin(self, text: str) -> _Origin:
        try:
            url = URL(text, encoded=True)
            host, port = url.raw_host, url.port
        except ValueError:
            raise FetchRefused("the URL is not valid") from None
        if url.raw_user is not None or url.raw_password is not None:
            raise FetchRefused("a URL with a user name is not called")
        literal = self._refuse_origin(url.scheme, host, port)
        assert host is not None
        assert port is not None
        return _Origin(
            scheme=url.scheme,
            host=host,
            port=port,
            literal=literal,
            host_field=url.host_port_subcomponent or host,
        )

    def _refuse_origin(self, scheme: str, host: str | None, port: int | None) -> str:
        """Raises `FetchRefused`; the address where the host is one, else empty."""
        if scheme not in _SCHEMES:
            raise FetchRefused("only http and https are called")
        if not host or port is None:
            raise FetchRefused("the URL names no host")
        if not any(port in ports for ports in self._ports):
            raise FetchRefused(f"port {port} is not called")
        try:
            literal = parse_literal(host)
        except ValueError:
            raise FetchRefused("the URL's host is not a plain address or name") from None
        if literal is not None and not is_permitted(literal, self._allow):
            raise FetchRefused(f"{literal} is not a public address")
        return "" if literal is None else str(literal)


class _Origin(msgspec.Struct, frozen=True, kw_only=True):
    scheme: str
    host: str
    port: int
    literal: str
    host_field: str

    @property
    def tls(self) -> bool:
        return self.scheme == "https"

    @property
    def place(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """Where requests go, and their head, but for the length of the body."""

    origin: _Origin
    head: bytes


def tls_of(ca_file: str | None, certificate_file: str | None) -> ssl.SSLContext | None:
    """A client's authorities and certificate; None for what all have, which is read once."""
    if ca_file is None and certificate_file is None:
        return None
    context = ssl.create_default_context(cafile=ca_file)
    if certificate_file is not None:
        context.load_cert_chain(certificate_file)
    return context


@cache
def _system_trust() -> ssl.SSLContext:
    """The authorities that this machine trusts; reading them takes a while."""
    return ssl.create_default_context()


async def _system_resolve(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
    )
    return [str(address[0]) for *_, address in found]
