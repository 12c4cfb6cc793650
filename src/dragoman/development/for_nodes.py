"""The part of `dragoman dev --nodes` in the process that starts the nodes: phones and callbacks.

It has the simulated SMSC, so the `/dev` of every node is answered here. Before a node makes a
callback it asks whether somebody listens, so one `dragoman listen` gets those of all nodes.
"""

from __future__ import annotations

import asyncio
from base64 import b64decode
from typing import Any, Final

import msgspec

from dragoman.development.calls import build_calls
from dragoman.development.forwarding import CallbackForwarding
from dragoman.development.schemas import CallAnswer
from dragoman.development.workbench import Workbench
from dragoman.web.bodies import decode_body
from dragoman.web.operations import Dialect, Operation
from dragoman.web.outgoing import Fetched, FetchError
from dragoman.web.refusals import Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import NO_CONTENT, Response
from dragoman.web.router import DialectApp

PREFIX: Final = "/dev-nodes"
CALLBACK: Final = f"{PREFIX}/callback"
BODY_LIMIT_BYTES: Final = 4 << 20
BODY_TIMEOUT_S: Final = 10.0


class NodeCallback(msgspec.Struct, frozen=True, kw_only=True):
    """A call that a node is about to make to a customer."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: str
    """Base64."""


class NoCaller:
    """Makes no calls: without a listener, nodes make theirs themselves."""

    def start(self, *_: object, **__: object) -> None:
        """Is never called while somebody listens."""
        raise AssertionError("nobody listens")


def build_node_app(workbench: Workbench) -> DialectApp:
    """What the process that starts nodes answers to them."""
    forwarding = workbench.forwarding

    async def make_callback(request: Request) -> Response:
        if not forwarding.listening:
            return Response(NO_CONTENT)
        answer = await _forwarded(forwarding, decode_body(request, NodeCallback))
        return Response(200, msgspec.json.encode(answer))

    callback = Operation(
        methods=("POST",),
        path=CALLBACK,
        handler=make_callback,
        summary="Makes a callback where somebody listens",
        body=NodeCallback,
        body_formats=("json",),
        body_limit_bytes=BODY_LIMIT_BYTES,
    )
    for_nodes = Dialect(
        name="dev-nodes",
        title="",
        description="What nodes ask.",
        prefixes=(PREFIX,),
        operations=(callback,),
        refuse=_refuse,
    )
    return DialectApp(
        [build_calls(workbench, _AnyKey()), for_nodes], _nothing, body_timeout_s=BODY_TIMEOUT_S
    )


async def _forwarded(forwarding: CallbackForwarding, call: NodeCallback) -> CallAnswer:
    done: asyncio.Future[Fetched | FetchError] = asyncio.get_running_loop().create_future()

    def on_outcome(outcome: Fetched | FetchError) -> None:
        if not done.done():
            done.set_result(outcome)

    body = b64decode(call.body)
    forwarding.start(call.method, call.url, on_outcome, headers=call.headers, body=body)
    outcome = await done
    if isinstance(outcome, FetchError):
        return CallAnswer(status=None, reason=outcome.reason[:200])
    return CallAnswer(status=outcome.status, body=outcome.body.decode("utf-8", "replace"))


class _AnyKey:
    """Nodes relay only what comes from their machine, where no key is needed."""

    async def authenticate_key(self, _key: str, _address: str) -> None:
        """Lets in whoever shows one."""


def _refuse(_request: Request, refusal: Refusal) -> Response:
    return Response(refusal.status)


async def _nothing(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})
