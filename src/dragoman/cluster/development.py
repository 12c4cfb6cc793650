"""Nodes of `dragoman dev --nodes`: their `/dev` and their callbacks go to who started them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_address
from typing import Any, Final

import msgspec

from dragoman.cluster.peers import NO_API, NotHere, Peers, Unreachable
from dragoman.core.callbacks.calling import Caller
from dragoman.core.placement.model.views import Node
from dragoman.development.calls import BODY_LIMIT_BYTES, PREFIX
from dragoman.development.for_nodes import CALLBACK, NodeCallback
from dragoman.development.phones import MAX_WAIT_S
from dragoman.development.schemas import CallAnswer
from dragoman.web.client_address import ClientAddressReader
from dragoman.web.outgoing import Fetched, FetchError, FetchFailed
from dragoman.web.requests import Request
from dragoman.web.responses import TEXT, Response
from dragoman.web.router import Call, DialectApp

DEV: Final = b"dev"
LONGER_S: Final = 10.0
"""Than callers wait."""
KILL_AFTER_S: Final = 0.3
"""So that the page with the button is answered, by whichever node."""

OnOutcome = Callable[[Fetched | FetchError], None]


class Development:
    """What a node of a development cluster has besides."""

    def __init__(self, address: str) -> None:
        """`address` is where the process listens that started the nodes, as host:port."""
        self._address = address
        self._peers = Peers("")
        self._calling: set[asyncio.Task[None]] = set()

    def is_own(self, path: str) -> bool:
        """Whether a path is answered by the process that started the nodes."""
        return path.startswith(f"{PREFIX}/")

    def relay(self, app: DialectApp, scope: Mapping[str, Any]) -> Call:
        """A call under `/dev`; one from another machine is refused."""
        request = Request(
            scope["method"],
            scope["path"],
            dialect=NO_API,
            query_string=scope["query_string"],
            headers=scope["headers"],
            client=ClientAddressReader().read(scope),
            raw_path=scope.get("raw_path") or b"",
        )
        call = _RelayedCall(app, request, self)
        if request.method not in ("GET", "HEAD"):
            call.body_limit_bytes = BODY_LIMIT_BYTES
        if not _is_loopback(request.client):
            call.response = Response(403, b"only from the machine of the nodes\n", TEXT)
        return call

    async def ask(self, request: Request) -> Response | None:
        """What the process that started the nodes answers; None where it is gone."""
        try:
            return await self._peers.send(
                self._address, 0, DEV, request, 1, within_s=MAX_WAIT_S + LONGER_S
            )
        except (NotHere, Unreachable):
            return None

    def wrap(self, client: Caller) -> Caller:
        """Makes callbacks where somebody listens, else as `client` does."""
        return _Callbacks(self, client)

    def call(
        self, given: NodeCallback, on_outcome: OnOutcome, otherwise: Callable[[], None]
    ) -> None:
        """Has a callback made by a listener; without one, has it made `otherwise`."""
        task = asyncio.create_task(self._call(given, on_outcome, otherwise))
        self._calling.add(task)
        task.add_done_callback(self._calling.discard)

    async def _call(
        self, given: NodeCallback, on_outcome: OnOutcome, otherwise: Callable[[], None]
    ) -> None:
        headers = [(b"content-type", b"application/json")]
        request = Request(
            "POST", CALLBACK, dialect=NO_API, headers=headers, body=msgspec.json.encode(given)
        )
        answer = await self.ask(request)
        if answer is None or answer.status != 200:
            otherwise()
            return
        given_back = msgspec.json.decode(answer.body, type=CallAnswer)
        if given_back.status is None:
            on_outcome(FetchFailed(given_back.reason or "the developer's machine did not answer"))
        else:
            on_outcome(Fetched(given_back.status, {}, given_back.body.encode()))

    def kill(self, node: Node) -> None:
        """Ends the process of a node at once, as a crash would."""
        asyncio.get_running_loop().call_later(KILL_AFTER_S, _kill, node.pid)

    def close(self) -> None:
        """Closes what is idle."""
        self._peers.close()


class _Callbacks:
    def __init__(self, development: Development, client: Caller) -> None:
        self._development = development
        self._client = client

    def start(
        self,
        method: str,
        url: str,
        on_result: OnOutcome,
        *,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> None:
        """Makes a call, by a listener or from here; `on_result` gets its outcome."""
        kept = tuple(headers)
        call = NodeCallback(method=method, url=url, headers=kept, body=b64encode(body).decode())
        self._development.call(
            call,
            on_result,
            lambda: self._client.start(method, url, on_result, headers=kept, body=body),
        )


class _RelayedCall(Call):
    __slots__ = ("_development",)

    def __init__(self, app: DialectApp, request: Request, development: Development) -> None:
        super().__init__(app, request)
        self._development = development

    async def answer(self, body: bytes) -> Response:
        self.request.body = body
        return await self._development.ask(self.request) or _GONE


_GONE: Final = Response(503, b"`dragoman dev` does not run any more\n", TEXT)


def _is_loopback(client: str) -> bool:
    try:
        return ip_address(client).is_loopback
    except ValueError:
        return False


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
