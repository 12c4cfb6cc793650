"""Calls between nodes: what goes over the wire, what is relayed, and what cannot be mistaken."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from dragoman.cluster import peers as peers_module
from dragoman.cluster.front import WEB, Front, PeerApp, Place
from dragoman.cluster.peers import PIECES, NotHere, Peers, Unreachable
from dragoman.cluster.tunnels import PeerProtocol
from dragoman.core.placement.model.views import Claim, Node, Overview
from dragoman.kit.elsewhere import Elsewhere
from dragoman.web.operations import Dialect, Operation
from dragoman.web.refusals import Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import TEXT, Response, Stream
from dragoman.web.router import DialectApp
from dragoman.web.server import build_server
from tests.cluster.conftest import SECRET
from tests.passing_time import PATIENCE_S, until
from tests.ports import free_port

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n%b"


def refuse(_request: Request, refusal: Refusal) -> Response:
    return Response(refusal.status, refusal.reason.encode(), TEXT)


class Owner:
    """A node that sees what it is sent, and answers as it is told to."""

    def __init__(self) -> None:
        self.answers: list[bytes | None] = []
        """What each request is answered with; None closes instead."""
        self.seen: list[bytes] = []
        self.connections = 0
        self.address = ""
        self.writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writer = writer
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while self.answers:
                self.seen.append(await reader.readuntil(b"\r\n\r\n"))
                answer = self.answers.pop(0)
                if answer is None:
                    break
                writer.write(answer)
            else:
                await reader.read()
        writer.close()


@pytest.fixture
async def owner() -> AsyncIterator[Owner]:
    made = Owner()
    async with await asyncio.start_server(made.serve, "127.0.0.1", 0) as server:
        made.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield made
        if made.writer is not None:
            made.writer.close()


@pytest.fixture
def peers() -> Any:
    made = Peers(SECRET)
    yield made
    made.close()


def asking(method: str = "GET", headers: list[tuple[bytes, bytes]] | None = None) -> Request:
    head = [(b"host", b"gateway"), *(headers or ())]
    dialect = Dialect(name="x", title="", description="", prefixes=(), operations=(), refuse=refuse)
    return Request(method, "/x", dialect=dialect, headers=head, client="192.0.2.7")


async def ask(peers: Peers, owner: Owner, **options: Any) -> Response:
    return await peers.send(owner.address, 2, WEB, asking(), 1, **options)


async def test_a_call_does_not_wait_behind_those_that_a_node_does_not_answer(
    peers: Peers, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: it waited for one of their connections, a minute for each that was ahead of it."""
    monkeypatch.setattr(peers_module, "MAX_CONNECTIONS", 1)
    monkeypatch.setattr(peers_module, "ROOM_S", 0.01)
    owner.answers = [b""]
    first = asyncio.create_task(ask(peers, owner))
    await until(lambda: owner.seen)
    with pytest.raises(Unreachable) as raised:
        await ask(peers, owner)
    assert not raised.value.sent
    assert owner.writer is not None
    owner.answers = [ANSWER % (3, b"two")]
    owner.writer.write(ANSWER % (3, b"one"))
    assert (await first).body == b"one"
    assert owner.connections == 1


async def test_answers_with_the_same_head_have_each_their_own_body(
    peers: Peers, owner: Owner
) -> None:
    owner.answers = [ANSWER % (3, b"one"), ANSWER % (3, b"two"), ANSWER % (5, b"three")]
    answers = [await ask(peers, owner) for _ in range(3)]
    assert [answer.body for answer in answers] == [b"one", b"two", b"three"]
    assert [answer.content_type for answer in answers] == [b"text/plain"] * 3
    assert owner.connections == 1


async def test_an_answer_that_comes_octet_by_octet_is_whole(peers: Peers, owner: Owner) -> None:
    owner.answers = [ANSWER % (3, b"one"), b"", ANSWER % (3, b"two")]
    assert (await ask(peers, owner)).body == b"one"
    asked = asyncio.create_task(ask(peers, owner))
    await until(lambda: len(owner.seen) == 2, "it is asked")
    assert owner.writer is not None
    for octet in ANSWER % (3, b"new"):
        owner.writer.write(bytes((octet,)))
        await owner.writer.drain()
    assert (await asked).body == b"new"
    assert (await ask(peers, owner)).body == b"two"
    assert owner.connections == 1


async def test_a_stream_is_relayed_whole_while_its_connection_serves_the_next(
    peers: Peers, owner: Owner
) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"
    owner.answers = [head + b"\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n", ANSWER % (3, b"new")]
    stream = await ask(peers, owner)
    assert isinstance(stream, Stream)
    assert (await ask(peers, owner)).body == b"new"
    assert [piece async for piece in stream.pieces] == [b"one", b"two"]
    assert owner.connections == 1


async def test_a_stream_of_many_pieces_that_comes_at_once_leaves_its_connection_readable(
    peers: Peers, owner: Owner
) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/csv\r\ntransfer-encoding: chunked\r\n\r\n"
    pieces = b"3\r\nrow\r\n" * (3 * PIECES)
    owner.answers = [head + pieces + b"0\r\n\r\n", ANSWER % (3, b"new")]
    stream = await ask(peers, owner)
    assert isinstance(stream, Stream)
    assert [piece async for piece in stream.pieces] == [b"row"] * (3 * PIECES)
    assert (await ask(peers, owner, within_s=PATIENCE_S)).body == b"new"
    assert owner.connections == 1


async def test_a_stream_that_is_cut_off_is_not_taken_for_whole(peers: Peers, owner: Owner) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n"
    owner.answers = [head + b"\r\n3\r\none\r\n"]
    stream = await ask(peers, owner)
    assert isinstance(stream, Stream)
    assert await anext(stream.pieces) == b"one"
    assert owner.writer is not None
    owner.writer.close()
    with pytest.raises(Unreachable):
        await anext(stream.pieces)


async def test_who_does_not_answer_is_given_up_and_not_asked_over_that_connection_again(
    peers: Peers, owner: Owner
) -> None:
    owner.answers = [b"", ANSWER % (3, b"one")]
    with pytest.raises(Unreachable) as given_up:
        await ask(peers, owner, within_s=0.01)
    assert given_up.value.sent
    assert (await ask(peers, owner, within_s=PATIENCE_S)).body == b"one"
    assert owner.connections == 2


async def test_a_time_limit_that_ends_earlier_than_the_last_one_counts(
    peers: Peers, owner: Owner
) -> None:
    owner.answers = [ANSWER % (3, b"one"), b""]
    assert (await ask(peers, owner, within_s=PATIENCE_S)).body == b"one"
    with pytest.raises(Unreachable):
        await ask(peers, owner, within_s=0.01)
    assert owner.connections == 1


async def test_who_closes_instead_of_answering_may_have_done_it(peers: Peers, owner: Owner) -> None:
    owner.answers = [None]
    with pytest.raises(Unreachable) as closed:
        await ask(peers, owner)
    assert closed.value.sent


async def test_a_customer_cannot_say_what_nodes_say(peers: Peers, owner: Owner) -> None:
    owner.answers = [ANSWER % (0, b"")]
    theirs = [(b"x-dragoman-partition", b"9"), (b"x-dragoman-client", b"10.0.0.1")]
    await peers.send(owner.address, 2, WEB, asking(headers=theirs), 1)
    (head,) = owner.seen
    assert head.count(b"x-dragoman-partition: ") == head.count(b"x-dragoman-client: ") == 1
    assert b"x-dragoman-partition: 2\r\n" in head
    assert b"x-dragoman-client: 192.0.2.7\r\n" in head


class Cluster:
    """Partition 0 on the node that is asked; partition 1 on another one, over HTTP."""

    def __init__(self, front: Front, far: Front, app: DialectApp) -> None:
        self.front = front
        self.far = far
        self.app = app
        self.clients: list[str] = []


def place_on(front: Front, number: int, handler: Callable[[Request], Any]) -> Place:
    operation = Operation(
        methods=("POST",),
        path="/x/send",
        handler=handler,
        summary="",
        is_prompt=True,
        body_limit_bytes=100,
    )
    dialect = Dialect(
        name="x",
        title="",
        description="",
        prefixes=("/x",),
        operations=(operation,),
        refuse=refuse,
    )
    place = Place(number, 1, front)
    hand_over = place.hand_over_of(WEB)
    app = DialectApp([dialect], nowhere, body_timeout_s=PATIENCE_S, hand_over=hand_over)
    app.call_type = place.counted(WEB)
    place.apps = {WEB: app}
    front.places[number] = place
    return place


async def nowhere(*_arguments: Any) -> None:
    raise AssertionError("the call has a place")


@pytest.fixture
async def cluster(peers: Peers) -> AsyncIterator[Cluster]:
    port = free_port()
    address = f"127.0.0.1:{port}"
    nodes = tuple(
        Node(name=name, run="", base_url="", address=where, pid=0, version="")
        for name, where in (("a", "127.0.0.1:1"), ("b", address))
    )
    claims = tuple(
        Claim(name=str(number), node=node.name, epoch=1, since_ms=0)
        for number, node in enumerate(nodes)
    )
    front, far = Front(peers, nodes[0].address), Front(peers, address)
    front.overview = Overview(nodes=nodes, partitions=claims, carriers=())

    async def elsewhere(_request: Request) -> Response:
        raise Elsewhere(1)

    async def at_home(request: Request) -> Response:
        made.clients.append(request.client)
        return Response(201, b"%b for %b" % (request.body, request.query_string), TEXT)

    near = place_on(front, 0, elsewhere).app(WEB)
    assert near is not None
    made = Cluster(front, far, near)
    place_on(far, 1, at_home)
    app = PeerApp(far, SECRET, (), body_timeout_s=PATIENCE_S)
    server = build_server(app, host="127.0.0.1", port=port, protocol=PeerProtocol)
    serving = asyncio.create_task(server.serve())
    await server.listening.wait()
    yield made
    server.should_exit = True
    peers.close()
    await serving


async def send(cluster: Cluster, body: bytes, client: str = "192.0.2.7") -> Response:
    headers = [(b"host", b"gateway"), (b"content-length", b"%d" % len(body))]
    call = cluster.app.open(
        {
            "method": "POST",
            "path": "/x/send",
            "query_string": b"key=1",
            "headers": headers,
            "client": (client, 0),
        }
    )
    assert call is not None
    return call.response or await call.answer(body)


async def test_a_head_that_the_owner_knows_is_still_of_its_own_caller(cluster: Cluster) -> None:
    bodies = [b"one", b"two", b"six", b"seven"]
    answers = [(await send(cluster, body)).body for body in bodies]
    assert answers == [body + b" for key=1" for body in bodies]
    await send(cluster, b"one", client="192.0.2.8")
    await send(cluster, b"one", client="192.0.2.8")
    assert cluster.clients == ["192.0.2.7"] * 4 + ["192.0.2.8"] * 2


async def test_a_call_that_waits_for_another_partition_keeps_none_from_closing(
    cluster: Cluster,
) -> None:
    """Each partition that was given back while another had no owner took three seconds more."""
    away = cluster.far.places.pop(1)
    waiting = asyncio.create_task(send(cluster, b"one"))
    await until(lambda: cluster.front.outdated.is_set())
    await cluster.front.places[0].idle()
    assert not waiting.done()
    cluster.far.places[1] = away
    assert (await waiting).body == b"one for key=1"
    await cluster.front.places[0].idle()


async def test_a_known_head_does_not_reach_a_partition_that_moved_away(cluster: Cluster) -> None:
    for _ in range(3):
        assert (await send(cluster, b"one")).status == 201
    del cluster.far.places[1]
    request = asking("POST")
    request.path, request.query_string, request.body = "/x/send", b"key=1", b"one"
    address = cluster.front.address_of(1)
    assert address is not None
    with pytest.raises(NotHere):
        await cluster.front._peers.send(address, 1, WEB, request, 1)
    assert len(cluster.clients) == 3


async def test_a_known_head_with_another_secret_is_refused(cluster: Cluster) -> None:
    for _ in range(3):
        assert (await send(cluster, b"one")).status == 201
    stranger = Peers("another secret")
    request = asking("POST")
    request.path, request.query_string, request.body = "/x/send", b"key=1", b"one"
    address = cluster.front.address_of(1)
    assert address is not None
    answer = await stranger.send(address, 1, WEB, request, 1)
    stranger.close()
    assert answer.status == 403
    assert len(cluster.clients) == 3
