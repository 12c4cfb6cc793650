"""The one HTTP client that calls URLs customers give, and nothing inside our own network.

Every address a name resolves to is checked, and the connection goes to a checked address, so a
name that changes its mind between check and call gains nothing. Redirects are answers, not
instructions; there are no cookies, proxies or credentials.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from ipaddress import ip_address
from types import TracebackType
from typing import Final, Self

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from dragoman.web.addresses import is_permitted, parse_literal
from dragoman.web.client_address import Network

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

# Web ports and everything unprivileged: below 1024 the open internet has mail, shells and names.
PORTS: Final = (range(80, 81), range(443, 444), range(1024, 65536))
TIMEOUT_S: Final = 15.0
ANSWER_LIMIT_BYTES: Final = 4096
HEADER_LINE_LIMIT_BYTES: Final = 4096
HEADERS_LIMIT: Final = 64
CONNECTIONS: Final = 1024
CONNECTIONS_PER_HOST: Final = 16
KEEP_ALIVE_S: Final = 30.0
NAME_TTL_S: Final = 10
URL_LIMIT: Final = 8192
ORIGINS_REMEMBERED: Final = 4096

_SCHEMES: Final = frozenset({"http", "https"})
_KEPT_HEADERS: Final = ("retry-after", "content-type")
_OWN_HEADERS: Final = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "user-agent"}
)


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """An answer: any status, redirects included, and the first few KiB of the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class FetchError(Exception):
    """No answer was had; `reason` holds neither query nor body."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FetchRefused(FetchError):
    """The URL may not be called, now or later."""


class FetchFailed(FetchError):
    """The call failed on the way and may be tried again; the far side may have seen it."""


class GuardedClient:
    """An HTTP client for addresses on the open internet and in the operator's `allow` list.

    Open it inside the running loop, with `async with` or `close`. `ports` are the ranges a URL may
    name. `resolve` gives the addresses of a name; by default the system's resolver does.
    """

    def __init__(
        self,
        *,
        version: str,
        allow: Sequence[Network] = (),
        ports: Sequence[range] = PORTS,
        timeout_s: float = TIMEOUT_S,
        answer_limit_bytes: int = ANSWER_LIMIT_BYTES,
        connections: int = CONNECTIONS,
        connections_per_host: int = CONNECTIONS_PER_HOST,
        tls: ssl.SSLContext | None = None,
        resolve: Resolve | None = None,
    ) -> None:
        self._allow = tuple(allow)
        self._ports = tuple(ports)
        self._answer_limit_bytes = answer_limit_bytes
        self._timeout_s = timeout_s
        self._check_origin = lru_cache(maxsize=ORIGINS_REMEMBERED)(self._refuse_origin)
        self._connector = aiohttp.TCPConnector(
            resolver=_CheckedResolver(resolve or _system_resolve, self._allow),
            ssl=tls or True,
            limit=connections,
            limit_per_host=connections_per_host,
            keepalive_timeout=KEEP_ALIVE_S,
            ttl_dns_cache=NAME_TTL_S,
        )
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "User-Agent": f"Dragoman/{version}",
                "Accept": "*/*",
                "Accept-Encoding": "identity",
            },
            auto_decompress=False,
            trust_env=False,
            max_line_size=HEADER_LINE_LIMIT_BYTES,
            max_field_size=HEADER_LINE_LIMIT_BYTES,
            max_headers=HEADERS_LIMIT,
        )

    async def request(
        self, method: str, url: str, *, headers: Iterable[tuple[str, str]] = (), body: bytes = b""
    ) -> Fetched:
        """Calls a URL once and returns its answer, whatever its status.

        Raises `FetchRefused` where the URL may not be called and `FetchFailed` where no answer
        came within the time limit.
        """
        target = self._checked_url(url)
        own = [(name, value) for name, value in headers if name.lower() not in _OWN_HEADERS]
        try:
            async with self._session.request(
                method, target, headers=own, data=body or None, allow_redirects=False
            ) as response:
                data = await self._read(response)
                kept = {
                    name: response.headers[name]
                    for name in _KEPT_HEADERS
                    if name in response.headers
                }
                return Fetched(status=response.status, headers=kept, body=data)
        except FetchError:
            raise
        except TimeoutError:
            raise FetchFailed(f"no answer from {_place(target)} in {self._timeout_s:g} s") from None
        except aiohttp.InvalidURL:
            raise FetchRefused("the URL is not valid") from None
        except (aiohttp.ClientError, OSError) as error:
            raise FetchFailed(f"{_place(target)}: {_failure(error)}") from None
        except ValueError:
            raise FetchRefused("the method or a header is not valid") from None

    def forget_names(self) -> None:
        """Has every name resolved anew for its next connection; else it is after ten seconds."""
        self._connector.clear_dns_cache()

    async def close(self) -> None:
        """Closes every connection."""
        await self._session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def _checked_url(self, url: str) -> URL:
        if len(url) > URL_LIMIT or not url.isprintable():
            raise FetchRefused("the URL is too long or holds control characters")
        try:
            # A URL that is plain ASCII is sent exactly as the customer wrote it.
            target = URL(url, encoded=url.isascii() and " " not in url)
            host, port = target.raw_host, target.port
        except ValueError:
            raise FetchRefused("the URL is not valid") from None
        if target.raw_user is not None or target.raw_password is not None:
            raise FetchRefused("a URL with a user name is not called")
        self._check_origin(target.scheme, host, port)
        return target

    def _refuse_origin(self, scheme: str, host: str | None, port: int | None) -> None:
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

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        """Reads up to the limit; an answer that goes on costs its connection, not our memory."""
        limit = self._answer_limit_bytes
        data = b""
        while len(data) < limit and (chunk := await response.content.read(limit - len(data))):
            data += chunk
        if not response.content.at_eof():
            response.close()
        return data


class _CheckedResolver(AbstractResolver):
    """Resolves names for the connector, refusing a name with even one forbidden address."""

    def __init__(self, resolve: Resolve, allow: Sequence[Network]) -> None:
        self._resolve = resolve
        self._allow = allow

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        addresses = [ip_address(text) for text in await self._resolve(host, port)]
        for address in addresses:
            if not is_permitted(address, self._allow):
                raise FetchRefused(f"{host} is not a public address")
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Holds nothing open."""


async def _system_resolve(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
    )
    return [str(address[0]) for *_, address in found]


def _place(url: URL) -> str:
    return f"{url.scheme}://{url.raw_host}:{url.port}"


def _failure(error: BaseException) -> str:
    """Words a failure by its kind; the library's own texts may quote the URL."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "the name does not resolve"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "the TLS certificate is not valid"
    if isinstance(error, aiohttp.ClientSSLError):
        return "TLS failed"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection ({error.os_error.strerror or type(error.os_error).__name__})"
    if isinstance(error, aiohttp.ClientResponseError | aiohttp.ClientPayloadError):
        return "the answer is not HTTP"
    return "the connection broke"
