"""A sample dialect, and servers on loopback to ask over real sockets."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Annotated, Any

import msgspec
import pytest

from dragoman.web.bodies import decode_body
from dragoman.web.operations import Dialect, Operation
from dragoman.web.refusals import Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import TEXT, Response
from dragoman.web.server import build_server

Described = Annotated[str, msgspec.Meta(description="The words to send")]


class Text(msgspec.Struct, kw_only=True):
    """A message as the sample API takes it."""

    to: str
    text: Described
    count: int = 1
    tags: list[str] = []


class TextQuery(msgspec.Struct, kw_only=True):
    key: Annotated[str, msgspec.Meta(description="The account's key")] = ""
    page: int = 1


class Listed(msgspec.Struct, kw_only=True):
    texts: list[Text]
    status: int


async def echo(request: Request) -> Response:
    """Answers with everything it was given."""
    seen = {
        "operation": request.operation.summary if request.operation else None,
        "params": dict(request.path_params),
        "query": dict(request.query),
        "client": request.client,
        "length": len(request.body),
    }
    return Response(200, msgspec.json.encode(seen))


async def take_text(request: Request) -> Response:
    return Response(201, msgspec.json.encode(decode_body(request, Text)))


async def fail(_request: Request) -> Response:
    raise RuntimeError("secret +4512345678")


async def locate(_request: Request) -> Response:
    return Response(201, b"", TEXT, [(b"location", b"/text/1\r\nx-evil: 1")])


def refuse(_request: Request, refusal: Refusal) -> Response:
    answer = {"refused": refusal.kind.value, "reason": refusal.reason, "field": refusal.field}
    return Response(refusal.status, msgspec.json.encode(answer))


def build_sample(**changes: Any) -> Dialect:
    operations = (
        Operation(
            methods=("POST",),
            path="/v9/text.{format:json|xml}",
            handler=take_text,
            summary="Send a text",
            source="Sample v9 s. 1",
            query=TextQuery,
            body=Text,
            body_formats=("json", "xml", "form", "multipart"),
            body_limit_bytes=64 * 1024,
            wrapper="text",
            answers={201: Text, 400: None},
            answer_formats=("json", "xml"),
            tags=("Texts",),
        ),
        Operation(
            methods=("GET",),
            path="/v9/texts/{page:int}.{format:json|xml}",
            handler=echo,
            summary="List texts",
            query=TextQuery,
            answers={200: Listed},
            tags=("Texts",),
        ),
        Operation(methods=("GET",), path="/v9/text/{id}", handler=echo, summary="get"),
        Operation(methods=("DELETE",), path="/v9/text/{id}", handler=echo, summary="delete"),
        Operation(methods=("GET", "POST"), path="/v9/send.php", handler=echo, summary="send"),
        Operation(methods=("GET",), path="/v9/fail", handler=fail, summary="fail"),
        Operation(methods=("GET",), path="/v9/locate", handler=locate, summary="locate"),
    )
    settings: dict[str, Any] = {
        "name": "sample",
        "title": "Sample",
        "description": "A sample of an API",
        "prefixes": ("/v9",),
        "operations": operations,
        "refuse": refuse,
    }
    return Dialect(**{**settings, **changes})


async def nowhere(scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b"outside"})


class Answer(msgspec.Struct):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Wire:
    """A socket to a server that speaks in exact bytes."""

    def __init__(self, port: int, connections: Callable[[], Any] = list) -> None:
        self.port = port
        self.connections = connections

    async def exchange(self, data: bytes, *, answers: int = 1) -> list[Answer]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        with contextlib.suppress(ConnectionError):
            writer.write(data)
            await writer.drain()
        found = [await read_answer(reader, data) for _ in range(answers)]
        writer.close()
        return found

    async def ask(
        self, method: str, target: str, body: bytes | None = None, **headers: str
    ) -> Answer:
        lines = [f"{method} {target} HTTP/1.1", "host: x"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        if body is not None:
            lines.append(f"content-length: {len(body)}")
        head = "\r\n".join([*lines, "", ""]).encode()
        return (await self.exchange(head + (body or b"")))[0]


async def read_answer(reader: asyncio.StreamReader, asked: bytes) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    length = 0 if asked.startswith(b"HEAD") else int(headers.get("content-length", "0"))
    return Answer(int(head[0].split()[1]), headers, await reader.readexactly(length))


@contextlib.asynccontextmanager
async def serving(app: Any) -> AsyncIterator[Wire]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = build_server(app, host="127.0.0.1", port=0, grace_s=1)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 (uvicorn has a flag, no event)
            await asyncio.sleep(0.005)
        try:
            yield Wire(listener.getsockname()[1], lambda: list(server.server_state.connections))
        finally:
            task.cancel()  # faster than a graceful stop, which waits for uvicorn's next tick
            for listening in server.servers:
                listening.close()
            for connection in list(server.server_state.connections):
                connection.transport.close()
            with contextlib.suppress(asyncio.CancelledError):
                await task


@pytest.fixture
def sample() -> Callable[..., Dialect]:
    return build_sample


@pytest.fixture
def serve() -> Callable[[Any], contextlib.AbstractAsyncContextManager[Wire]]:
    return serving


@pytest.fixture
def fallback() -> Callable[..., Awaitable[None]]:
    return nowhere


@pytest.fixture
def text_shape() -> type[Text]:
    return Text
