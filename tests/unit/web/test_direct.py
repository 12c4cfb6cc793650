"""The short way of a dialect's call: exact bytes over real sockets, beside uvicorn's own way."""

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import unquote

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.web.operations import Dialect, Operation
from dragoman.web.responses import TEXT, Response
from dragoman.web.router import PATHS_REMEMBERED, DialectApp
from dragoman.web.server import Server, build_server

BODY = b'{"text":{"to":"+45","text":"hi"}}'


class Desk:
    """A dialect whose handler waits until it is let go, and what it has seen."""

    def __init__(self, answer: bytes = b"done", *, is_prompt: bool = False) -> None:
        self.answer = answer
        self.is_prompt = is_prompt
        self.taken: list[bytes] = []
        self.finished = 0
        self.may_answer = asyncio.Event()
        self.is_asked = asyncio.Event()

    async def take(self, request: Any) -> Response:
        self.taken.append(request.body or request.query.get("n", "").encode())
        self.is_asked.set()
        await self.may_answer.wait()
        self.finished += 1
        return Response(200, self.taken[-1] + b" " + self.answer, TEXT)

    async def close(self, _request: Any) -> Response:
        return Response(200, b"bye", TEXT, [(b"connection", b"close")])

    def build_app(self, fallback: Any, **settings: Any) -> DialectApp:
        operations = (
            Operation(
                methods=("GET", "POST"),
                path="/d/take",
                handler=self.take,
                summary="",
                body_limit_bytes=1000,
                is_prompt=self.is_prompt,
            ),
            Operation(methods=("GET",), path="/d/close", handler=self.close, summary=""),
            Operation(
                methods=("POST",),
                path="/d/of/{name}",
                handler=self.take,
                summary="",
                body_limit_bytes=1000,
                is_prompt=self.is_prompt,
                is_query_new=True,
            ),
        )
        dialect = Dialect(
            name="desk",
            title="",
            description="",
            prefixes=("/d",),
            operations=operations,
            refuse=lambda _request, refusal: Response(
                refusal.status, refusal.kind.value.encode(), TEXT
            ),
        )
        return DialectApp([dialect], fallback, **{"body_timeout_s": 30, **settings})


@pytest.fixture(params=[False, True], ids=["task", "prompt"])
async def desk(request: pytest.FixtureRequest) -> Desk:
    return Desk(is_prompt=request.param)


@contextlib.asynccontextmanager
async def started(app: Any, *, keep_alive_s: int = 75) -> AsyncIterator[tuple[Server, int]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = build_server(app, host="127.0.0.1", port=0, grace_s=1)
        server.config.timeout_keep_alive = keep_alive_s
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 (uvicorn has a flag, no event)
            await asyncio.sleep(0.005)
        port = listener.getsockname()[1]
        try:
            yield server, port
        finally:
            task.cancel()
            for listening in server.servers:
                listening.close()
            for connection in list(server.server_state.connections):
                connection.transport.close()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def get(target: str, *lines: str, version: str = "1.1", method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/{version}", "host: x", *lines, "", ""]).encode()


def post(target: str, body: bytes, *lines: str) -> bytes:
    return get(target, f"content-length: {len(body)}", *lines, method="POST") + body


def chunked(target: str, *chunks: bytes, lines: tuple[str, ...] = ()) -> bytes:
    head = get(target, "transfer-encoding: chunked", *lines, method="POST")
    return head + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


async def read_all(port: int, *segments: bytes) -> bytes:
    """Sends segments, each on its own, and reads until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with contextlib.suppress(ConnectionError):
        for segment in segments:
            writer.write(segment)
            await writer.drain()
            await asyncio.sleep(0)
    received = await reader.read()
    writer.close()
    return received


def bodies(received: bytes) -> list[bytes]:
    """Splits a stream of answers by their lengths."""
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head)[1])  # type: ignore[index]
        found.append(rest[:length])
        received = rest[length:]
    return found


async def test_waiting_answer_holds_back_those_behind_it(desk, fallback) -> None:
    asks = get("/d/take?n=1") + get("/d/nothing") + post("/d/take", b"2") + get("/outside")
    asks += chunked("/d/take", b"thr", b"ee", lines=("connection: close",))
    async with started(desk.build_app(fallback)) as (_, port):
        reading = asyncio.create_task(read_all(port, asks))
        await desk.is_asked.wait()
        assert desk.taken == [b"1"]
        desk.may_answer.set()
        received = await reading
    order = [b"1 done", b"unknown_path", b"2 done", b"outside", b"three done"]
    at = [received.index(part) for part in order]
    assert at == sorted(at)
    assert received.count(b"HTTP/1.1 ") == len(order)


async def test_nothing_behind_a_last_request_is_asked(desk, fallback) -> None:
    desk.may_answer.set()
    async with started(desk.build_app(fallback)) as (_, port):
        received = await read_all(
            port, post("/d/take", b"1", "connection: close") + post("/d/take", b"2")
        )
    assert bodies(received) == [b"1 done"]
    assert desk.taken == [b"1"]


@pytest.mark.parametrize(
    ("ask", "status"),
    [
        (get("/d/take", "connection: close"), 200),
        (get("/d/take", version="1.0"), 200),
        (get("/d/take", "connection: keep-alive", version="1.0"), 200),
        (get("/d/close"), 200),
        (get("/d/nothing", "connection: close"), 404),
        (post("/d/take", b"x" * 1001), 413),
        (post("/d/take", b"x", "content-encoding: gzip"), 415),
        (post("/d/take", b"x" * 1001, "expect: 100-continue"), 413),
        (chunked("/d/take", b"x" * 600, b"x" * 600), 413),
        (chunked("/d/take", *[b"x" * 600] * 9), 413),
        (get("/d/take", "transfer-encoding: chunked", method="POST") + b"385\r\nx", 408),
        (get("/d/take", "content-length: 10", method="POST") + b"half", 408),
    ],
)
async def test_last_answer_says_so_and_closes(desk, fallback, ask, status) -> None:
    desk.may_answer.set()
    async with started(desk.build_app(fallback, body_timeout_s=0.1)) as (_, port):
        received = await read_all(port, ask)
    assert received.startswith(b"HTTP/1.1 %d " % status)
    assert received.count(b"\r\nconnection: close\r\n") == 1
    assert bool(desk.taken) == (status == 200 and b"close HTTP" not in ask)


async def test_body_of_exactly_the_limit_is_taken(desk, fallback) -> None:
    desk.may_answer.set()
    async with started(desk.build_app(fallback)) as (_, port):
        await read_all(port, chunked("/d/take", b"x" * 400, b"x" * 600) + get("/d/close"))
    assert desk.taken == [b"x" * 1000]


async def test_client_that_waits_is_invited_and_the_connection_goes_on(desk, fallback) -> None:
    desk.may_answer.set()
    async with started(desk.build_app(fallback)) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(post("/d/take", b"12345", "expect: 100-continue")[:-5])
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"12345")
            assert (await reader.readuntil(b"12345 done")).startswith(b"HTTP/1.1 200 OK\r\n")
        writer.close()


async def test_answer_to_head_has_no_body_and_keeps_the_connection(desk, fallback) -> None:
    async with started(desk.build_app(fallback)) as (_, port):
        received = await read_all(port, get("/d/take", method="HEAD") + get("/d/close"))
    head, _, rest = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 405 ")
    assert b"content-length: 12" in head
    assert rest.startswith(b"HTTP/1.1 200 OK")
    assert desk.taken == []


async def test_answered_request_whose_body_never_ends_is_not_kept_for_ever(desk, fallback) -> None:
    head = get("/d/nothing", "content-length: 100", method="POST")
    async with started(desk.build_app(fallback), keep_alive_s=0) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head + b"x")
        await reader.readuntil(b"unknown_path")
        assert await reader.read() == b""
        writer.close()


async def test_idle_connection_is_closed(desk, fallback) -> None:
    desk.may_answer.set()
    async with started(desk.build_app(fallback), keep_alive_s=0) as (_, port):
        assert bodies(await read_all(port, post("/d/take", b"1"))) == [b"1 done"]


async def test_waiting_connection_is_not_idle(desk, fallback) -> None:
    async with started(desk.build_app(fallback), keep_alive_s=0) as (_, port):
        reading = asyncio.create_task(read_all(port, get("/d/nothing") + post("/d/take", b"1")))
        await desk.is_asked.wait()
        await asyncio.sleep(0.02)
        desk.may_answer.set()
        assert bodies(await reading) == [b"unknown_path", b"1 done"]


async def test_handler_runs_on_when_its_client_has_gone(desk, fallback) -> None:
    async with started(desk.build_app(fallback)) as (server, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(post("/d/take", b"1"))
        await desk.is_asked.wait()
        writer.transport.abort()
        while server.server_state.connections:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        assert server.server_state.tasks
        desk.may_answer.set()
        while server.server_state.tasks:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert desk.finished == 1


async def test_stop_waits_for_running_calls_and_closes_idle_connections(desk, fallback) -> None:
    async with started(desk.build_app(fallback)) as (server, port):
        idle_reader, idle_writer = await asyncio.open_connection("127.0.0.1", port)
        idle_writer.write(get("/d/nothing"))
        await idle_reader.readuntil(b"unknown_path")
        reading = asyncio.create_task(read_all(port, post("/d/take", b"1")))
        await desk.is_asked.wait()
        server.should_exit = True
        assert await idle_reader.read() == b""
        assert not reading.done()
        desk.may_answer.set()
        received = await reading
        assert bodies(received) == [b"1 done"]
        assert b"connection: close" in received
        idle_writer.close()
        while server.server_state.tasks or server.server_state.connections:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        assert server.server_state.total_requests == 2


async def test_call_past_the_grace_period_is_ended(desk, fallback) -> None:
    async with started(desk.build_app(fallback)) as (server, port):
        reading = asyncio.create_task(read_all(port, post("/d/take", b"1")))
        await desk.is_asked.wait()
        server.should_exit = True
        assert (await reading).startswith(b"HTTP/1.1 500 ")
    assert desk.finished == 0


async def test_client_that_does_not_read_is_not_answered_without_end(fallback) -> None:
    desk = Desk(b"x" * 1_000_000)
    desk.may_answer.set()
    asks = [b"%d" % number for number in range(40)]
    async with started(desk.build_app(fallback)) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1000)
        writer.write(b"".join(post("/d/take", ask) for ask in asks) + get("/d/close"))
        await desk.is_asked.wait()
        (connection,) = server.server_state.connections
        while not connection.flow.write_paused:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        assert len(desk.taken) < len(asks)
        received = await reader.read()
        writer.close()
    assert [body.partition(b" ")[0] for body in bodies(received)] == [*asks, b"bye"]


REQUESTS = [
    post("/v9/text.json?key=a", BODY, "content-type: application/json"),
    chunked("/v9/text.json", BODY[:9], BODY[9:], lines=("content-type: application/json",)),
    chunked("/v9/send.php", b"abc"),
    get("/v9/text/1?a=%26&b=c+d"),
    get("/v9//texts/12.xml/"),
    get("/v9/text/%2F%e5"),
    get("/v9/nothing"),
    post("/v9/nothing", BODY),
    get("/v9/text.json", method="HEAD"),
    get("/v9/fail"),
    get("/v9/locate"),
    get("/v9/text/1?key=%ff"),
    post("/v9/text/1", BODY),
    get("http://host.example/v9/text/1"),
    get("/outside"),
    get("/v9/text/1", "content-length: 4") + b"body",
    post("/v9/text.json", b"{"),
    post("/v9/text.json", BODY, "x-y: 1", "X-Y: 2"),
]
LAST = [
    get("/v9/text/1", "connection: close"),
    get("/v9/text/1", version="1.0"),
    get("/outside", "connection: close"),
    post("/v9/text.json", b"", "content-encoding: br"),
]


async def ask_both_ways(dialect: Dialect, fallback: Any, segments: list[bytes]) -> list[bytes]:
    def build() -> DialectApp:
        return DialectApp([dialect], fallback, new_reference=lambda: "ref-1", body_timeout_s=30)

    app = build()

    async def indirect(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    received = []
    for each in (build(), indirect):
        async with started(each) as (_, port):
            received.append(await read_all(port, *segments))
    return [re.sub(rb"date: [^\r]+", b"date: now", answer) for answer in received]


@settings(max_examples=25, deadline=None)
@given(st.data(), st.sampled_from([asyncio.run, uvloop.run]))
def test_short_way_answers_as_uvicorns_way(data, run) -> None:
    from .conftest import build_sample, nowhere

    asks = data.draw(st.lists(st.sampled_from(REQUESTS), max_size=6))
    stream = b"".join(asks) + data.draw(st.sampled_from(LAST))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=12)))
    segments = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    short, long = run(ask_both_ways(build_sample(cors=True), nowhere, segments))
    assert short == long


async def test_requests_that_come_byte_by_byte_are_answered(sample, fallback) -> None:
    stream = b"".join(REQUESTS[:4]) + LAST[0]
    short, long = await ask_both_ways(
        sample(), fallback, [stream[at : at + 1] for at in range(len(stream))]
    )
    assert short == long
    assert short.count(b"HTTP/1.1 20") == 5


@pytest.mark.parametrize(
    ("segments", "taken"),
    [
        ([post("/d/take", b"one"), post("/d/take", b"two")], [b"one", b"two"]),
        ([post("/d/take", b"one"), post("/d/take", b"four")], [b"one", b"four"]),
        ([post("/d/take", b"one"), post("/d/take", b"two") * 2], [b"one", b"two", b"two"]),
        ([post("/d/take", b"one") * 2, post("/d/take", b"two")], [b"one", b"one", b"two"]),
        ([post("/d/take", b"one"), post("/d/take", b"two")[:-2], b"wo"], [b"one", b"two"]),
        ([post("/d/take", b"one"), post("/d/take", b"two")[:-9], b"two"[:0]], [b"one"]),
        ([post("/d/take", b"a", "x: 1"), post("/d/take", b"b", "x: 2")], [b"a", b"b"]),
    ],
)
async def test_requests_that_begin_alike_are_told_apart(fallback, segments, taken) -> None:
    desk = Desk(is_prompt=True)
    desk.may_answer.set()
    async with started(desk.build_app(fallback)) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for segment in segments:
            writer.write(segment)
            await asyncio.sleep(0.01)
        answers = b"".join([await reader.readuntil(b" done") for _ in taken])
        writer.close()
    assert bodies(answers) == [body + b" done" for body in taken]
    assert desk.taken == taken


async def test_known_head_counts_for_the_caller_of_its_connection(fallback) -> None:
    seen: list[tuple[str, bytes]] = []

    class Clients(Desk):
        async def take(self, request: Any) -> Response:
            seen.append((request.client, request.header(b"host")))
            return await super().take(request)

    desk = Clients(is_prompt=True)
    desk.may_answer.set()
    async with started(desk.build_app(fallback)) as (_, port):
        for source in ("127.0.0.2", "127.0.0.3"):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, local_addr=(source, 0)
            )
            for _ in range(2):
                writer.write(post("/d/take", b"1"))
                await reader.readuntil(b"1 done")
            writer.close()
    assert seen == [("127.0.0.2", b"x")] * 2 + [("127.0.0.3", b"x")] * 2


async def test_paths_called_often_are_remembered_within_limits(fallback) -> None:
    desk = Desk(is_prompt=True)
    desk.may_answer.set()
    app = desk.build_app(fallback)
    async with started(app) as (_, port):
        asks = [post(f"/d/of/{n}", b"x") for n in range(PATHS_REMEMBERED + 20)]
        asks += [post("/d/of/0", b"x"), get("/d/nothing", "connection: close")]
        received = await read_all(port, b"".join(asks))
    assert bodies(received).count(b"x done") == PATHS_REMEMBERED + 21
    assert 0 < len(app._often) <= PATHS_REMEMBERED


async def test_what_a_handler_makes_of_its_query_is_not_remembered(fallback) -> None:
    seen: list[str] = []

    class Taking(Desk):
        async def take(self, request: Any) -> Response:
            seen.append(request.query.get("n", ""))
            request.query = type(request.query)()
            return await super().take(request)

    desk = Taking(is_prompt=True)
    desk.may_answer.set()
    async with started(desk.build_app(fallback)) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(3):
            writer.write(post("/d/take?n=7", b"1"))
            await reader.readuntil(b"1 done")
        writer.close()
    assert seen == ["7"] * 3


ALIKE = "x-same: 1"


@pytest.mark.parametrize(
    ("targets", "taken"),
    [
        (["/d/of/1?n=1", "/d/of/1?n=2", "/d/of/1?n=%33"], [b"n=1", b"n=2", b"n=%33"]),
        (["/d/of/1?n=1", "/d/of/2?n=1"], [b"n=1", b"n=1"]),
        (["/d/of/1?n=1", "/d/of/1", "/d/of/1?"], [b"n=1", b"", b""]),
        (["/d/of/1?n=1", "/d/of/1?n=?a=b/c", "/d/of/1?n=a b"], [b"n=1", b"n=?a=b/c", b"n=a%20b"]),
        (["/d/of/1?n=a b", "/d/of/1?n=c b", "/d/of/1?n=c"], [b"n=a%20b", b"n=c%20b", b"n=c"]),
    ],
)
async def test_a_known_head_has_the_query_of_its_call(fallback, targets, taken) -> None:
    seen: list[bytes] = []

    class Queries(Desk):
        async def take(self, request: Any) -> Response:
            seen.append(request.query_string)
            assert request.query.get("n", "") == unquote(request.query_string.decode())[2:]
            return await super().take(request)

    desk = Queries(is_prompt=True)
    desk.may_answer.set()
    app = desk.build_app(fallback)
    async with started(app) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for target in targets:
            writer.write(post(target, b"x", ALIKE))
            await reader.readuntil(b"x done")
        writer.close()
    assert seen == taken
    assert not app._known_heads._known, "they would drive out those of programs"


async def test_an_unreadable_query_behind_a_known_head_is_refused(fallback) -> None:
    desk = Desk(is_prompt=True)
    desk.may_answer.set()
    async with started(desk.build_app(fallback)) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for query in ("n=1", "n=2"):
            writer.write(post(f"/d/of/1?{query}", b"x", ALIKE))
            await reader.readuntil(b"x done")
        writer.write(post("/d/of/1?n=%ff", b"x", ALIKE))
        assert b" 400 " in await reader.readuntil(b"\r\n\r\n")
        writer.close()
    assert len(desk.taken) == 2
