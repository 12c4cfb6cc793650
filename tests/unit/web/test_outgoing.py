"""The guarded client against real servers on loopback, and everything it must not call."""

import asyncio
import contextlib
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from tests.passing_time import advance_timers, until

from dragoman.web.addresses import is_permitted, is_public, parse_literal
from dragoman.web.known_answers import MAX_HEADS, MAX_IN_VAIN, SOME, Fetched, KnownAnswers
from dragoman.web.outgoing import FetchFailed, FetchRefused, GuardedClient, NotConnected

LOOPBACK = (ip_network("127.0.0.0/8"),)
USUAL = {
    "version": "0",
    "allow": (),
    "timeout_s": 15.0,
    "connections": 1_024,
    "connections_per_host": 16,
}

PUBLIC = ("8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1")
PRIVATE = (
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.88.99.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::8.8.8.8",
    "100::1",
    "2001:0:5ef5:79fd::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:c058:6301::1",
    "3fff:fff::1",
    "2002:a9fe:a9fe::",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
)


@pytest.mark.parametrize("text", PUBLIC)
def test_address_on_the_open_internet_is_public(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize("text", PRIVATE)
def test_address_inside_is_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


def test_operators_list_permits_what_it_names_in_any_clothes() -> None:
    assert is_permitted(ip_address("127.0.0.1"), LOOPBACK)
    assert is_permitted(ip_address("::ffff:127.0.0.1"), LOOPBACK)
    assert not is_permitted(ip_address("10.0.0.1"), LOOPBACK)


@pytest.mark.parametrize(
    "host",
    [
        "0x7f.1",
        "0x7f000001",
        "0X7F.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "017700000001",
        "0177.0.0.1",
        "127.0.0.1.",
        "127.0.0.01",
        "256.1.1.1",
        "1.2.3.4.5",
        "a.b.0x1",
        "fe80::1%eth0",
        "fe80::1%25eth0",
        "1::2::3",
    ],
)
def test_unusual_spelling_of_an_address_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_literal(host)


@pytest.mark.parametrize(
    "host", ["example.com", "1.example", "0x7f.example", "dead.beef", "localhost"]
)
def test_name_is_no_literal(host: str) -> None:
    assert parse_literal(host) is None


async def never(_host: str, _port: int) -> list[str]:
    raise AssertionError("resolved a host that needed no resolving")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1:8080/x?key=secret",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://[::1]/",
        "http://[fe80::1%25lo]/",
        "http://0x7f.1/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://2130706433/",
        "http://127.1/",
        "http://127.0.0.1./",
        "http://１２７.0.0.1/",
        "http://①②⑦.0.0.1/",
        "http://0/",
        "http://example.com:22/",
        "http://example.com:0/",
        "http://example.com:65536/",
        "http://user@example.com/",
        "http://user:pass@example.com/",
        "http://example.com@127.0.0.1/",
        "http://example.com\\@127.0.0.1/",
        "http://exa\r\nmple.com/",
        "http://example.com/a\nb",
        "http://example.com/" + "a" * 9000,
        "http:///x",
        "http://",
        "//example.com/",
        "example.com",
        "",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "HTTP+UNIX://example.com/",
        "javascript:alert(1)",
        "http://[::1",
        "http://[zz]/",
    ],
)
async def test_url_is_refused_without_a_connection(url: str) -> None:
    async with guarded(resolve=never) as client:
        with pytest.raises(FetchRefused) as caught:
            await client.request("GET", url)
    assert "secret" not in caught.value.reason


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::ffff:10.0.0.1"], ["fe80::1"]]
)
async def test_name_with_one_forbidden_address_is_as_one_that_does_not_exist(
    addresses: list[str],
) -> None:
    """Bug: a customer's refused URL told which names of machines inside exist."""

    async def resolve(_host: str, _port: int) -> list[str]:
        return addresses

    async def fail(_host: str, _port: int) -> list[str]:
        raise OSError("no such name")

    refusals = []
    for resolver in (resolve, fail):
        async with guarded(resolve=resolver) as client:
            with pytest.raises(NotConnected) as caught:
                await client.request("GET", "http://customer.example/dlr?text=secret")
        refusals.append(caught.value.reason)
    assert refusals == ["http://customer.example:80: the name has no public address"] * 2


async def test_system_resolver_is_checked_too() -> None:
    async with guarded() as client:
        with pytest.raises(NotConnected, match="localhost:80: the name has no public address"):
            await client.request("GET", "http://localhost/")


def guarded(**settings: Any) -> GuardedClient:
    return GuardedClient(**{**USUAL, **settings})


@contextlib.asynccontextmanager
async def answering(*answers: bytes, hold: bool = False):
    """Serves the given bytes, one answer a request, and keeps what was asked."""
    asked: list[bytes] = []
    connections = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                asked.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(answers[min(len(asked), len(answers)) - 1])
                await writer.drain()
                if hold:
                    await reader.read()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], asked, connections
    finally:
        server.close()
        for writer in connections:
            writer.close()


def reply(body: bytes = b"ok", status: str = "200 OK", *headers: str) -> bytes:
    head = "".join(f"{line}\r\n" for line in (*headers, f"content-length: {len(body)}"))
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


async def test_answer_comes_back_with_its_few_headers() -> None:
    async with (
        answering(reply(b"later", "503 No", "Retry-After: 7", "X-Y: z", "Set-Cookie: a=b")) as (
            port,
            asked,
            _,
        ),
        guarded(version="1.2", allow=LOOPBACK) as client,
    ):
        url = f"http://127.0.0.1:{port}/dlr?a=%20+b%2c%41&c"
        for _ in range(2):
            fetched = await client.request("GET", url, headers=[("X-A", "b"), ("Host", "evil")])
    assert (fetched.status, fetched.headers, fetched.body) == (503, {"retry-after": "7"}, b"later")
    lines = asked[1].decode().split("\r\n")
    assert lines[0] == "GET /dlr?a=%20+b%2c%41&c HTTP/1.1"
    assert f"Host: 127.0.0.1:{port}" in lines
    assert "User-Agent: Dragoman/1.2" in lines
    assert "X-A: b" in lines
    assert not any(line.lower().startswith(("cookie", "host: evil")) for line in lines)


async def test_connection_is_kept_for_the_next_request() -> None:
    async with (
        answering(reply()) as (port, asked, connections),
        guarded(allow=LOOPBACK) as client,
    ):
        for _ in range(3):
            await client.request("POST", f"http://127.0.0.1:{port}/")
    assert (len(asked), len(connections)) == (3, 1)


async def test_redirect_is_an_answer_not_an_instruction() -> None:
    inner = "Location: http://169.254.169.254/latest"
    async with (
        answering(reply(b"", "302 Found", inner)) as (port, asked, _),
        guarded(allow=LOOPBACK) as client,
    ):
        assert (await client.request("GET", f"http://127.0.0.1:{port}/")).status == 302
    assert len(asked) == 1


async def test_name_that_changes_its_mind_is_refused_on_the_second_connection() -> None:
    calls = []

    async def resolve(host: str, _port: int) -> list[str]:
        calls.append(host)
        return ["127.0.0.1"] if len(calls) == 1 else ["127.9.9.9"]

    once = reply(b"ok", "200 OK", "Connection: close")
    allow = (ip_network("127.0.0.1/32"),)
    async with (
        answering(once) as (port, asked, _),
        guarded(allow=allow, resolve=resolve) as client,
    ):
        url = f"http://customer.example:{port}/"
        assert (await client.request("GET", url)).body == b"ok"
        client.forget_names()
        with pytest.raises(NotConnected):
            await client.request("GET", url)
    assert calls == ["customer.example"] * 2
    assert len(asked) == 1
    assert f"Host: customer.example:{port}".encode() in asked[0]


async def test_endless_answer_is_cut_at_the_limit() -> None:
    endless = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_000
    async with (
        answering(endless, hold=True) as (port, _, _),
        guarded(allow=LOOPBACK, answer_limit_bytes=1000) as client,
    ):
        fetched = await client.request("GET", f"http://127.0.0.1:{port}/")
    assert fetched.body == b"x" * 1000


async def test_compressed_answer_is_not_unpacked() -> None:
    async with (
        answering(reply(b"\x1f\x8bbomb", "200 OK", "Content-Encoding: gzip")) as (port, _, _),
        guarded(allow=LOOPBACK) as client,
    ):
        fetched = await client.request("GET", f"http://127.0.0.1:{port}/")
    assert fetched.body == b"\x1f\x8bbomb"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nx: ",
    ],
)
async def test_slow_answer_fails_after_the_time_limit(answer: bytes) -> None:
    async with (
        answering(answer, hold=True) as (port, _, _),
        guarded(allow=LOOPBACK, timeout_s=0.1) as client,
    ):
        with pytest.raises(FetchFailed, match="no answer") as caught:
            await client.request("GET", f"http://127.0.0.1:{port}/?key=secret")
    assert "secret" not in caught.value.reason


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 10_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200 + b"\r\n",
    ],
)
async def test_answer_that_is_not_sane_http_fails(answer: bytes) -> None:
    async with (
        answering(answer, hold=True) as (port, _, _),
        guarded(allow=LOOPBACK) as client,
    ):
        with pytest.raises(FetchFailed) as caught:
            await client.request("GET", f"http://127.0.0.1:{port}/?key=secret")
    assert "secret" not in caught.value.reason


async def test_closed_port_fails() -> None:
    async with answering(reply()) as (port, _, _):
        pass
    async with guarded(allow=LOOPBACK, timeout_s=2) as client:
        with pytest.raises(FetchFailed, match="no connection"):
            await client.request("GET", f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("header", [("X", "a\r\nY: b"), ("X\r\nY", "b"), ("X", "a\0")])
async def test_header_that_breaks_its_line_is_refused(header: tuple[str, str]) -> None:
    async with (
        answering(reply()) as (port, asked, _),
        guarded(allow=LOOPBACK) as client,
    ):
        with pytest.raises(FetchRefused):
            await client.request("GET", f"http://127.0.0.1:{port}/", headers=[header])
    assert not asked


async def test_kept_connection_that_was_closed_is_replaced_for_a_get() -> None:
    async with (
        answering(reply()) as (port, asked, connections),
        guarded(allow=LOOPBACK) as client,
    ):
        url = f"http://127.0.0.1:{port}/"
        await client.request("GET", url)
        connections[0].transport.abort()
        assert (await client.request("GET", url)).body == b"ok"
    assert (len(asked), len(connections)) == (2, 2)


async def test_announcement_before_the_answer_is_passed_over() -> None:
    async with (
        answering(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + reply(b"late")) as (port, _, _),
        guarded(allow=LOOPBACK) as client,
    ):
        fetched = await client.request("GET", f"http://127.0.0.1:{port}/")
    assert (fetched.status, fetched.body) == (200, b"late")


async def test_an_answer_behind_an_announcement_is_not_that_of_the_next_request_too() -> None:
    announced = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
    answers = announced + reply(b"one"), announced + reply(b"two"), reply(b"three")
    async with (
        answering(*answers) as (port, _, connections),
        guarded(allow=LOOPBACK) as client,
    ):
        url = f"http://127.0.0.1:{port}/"
        bodies = [(await client.request("GET", url)).body for _ in answers]
    assert bodies == [b"one", b"two", b"three"]
    assert len(connections) == 1


async def test_answer_without_a_length_ends_with_its_connection() -> None:
    async with (
        answering(b"HTTP/1.0 200 OK\r\n\r\nall of it") as (port, asked, connections),
        guarded(allow=LOOPBACK) as client,
    ):
        asking = asyncio.create_task(client.request("GET", f"http://127.0.0.1:{port}/"))
        await until(lambda: asked)
        connections[0].close()
        assert (await asking).body == b"all of it"


async def test_chunked_answer_is_read_and_its_connection_kept() -> None:
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    async with (
        answering(chunked) as (port, _, connections),
        guarded(allow=LOOPBACK) as client,
    ):
        for _ in range(2):
            assert (await client.request("GET", f"http://127.0.0.1:{port}/")).body == b"ok"
    assert len(connections) == 1


async def test_no_more_connections_than_allowed_to_one_host() -> None:
    async with (
        answering(reply()) as (port, asked, connections),
        guarded(allow=LOOPBACK, connections_per_host=2) as client,
    ):
        url = f"http://127.0.0.1:{port}/"
        await asyncio.gather(*(client.request("GET", url) for _ in range(20)))
    assert (len(asked), len(connections)) == (20, 2)


async def test_no_more_requests_under_way_than_allowed_in_all() -> None:
    async with (
        answering(reply()) as (one, asked_one, _),
        answering(reply()) as (other, asked_other, _),
        guarded(allow=LOOPBACK, connections=1) as client,
    ):
        urls = [f"http://127.0.0.1:{port}/" for port in (one, other)] * 10
        fetched = await asyncio.gather(*(client.request("GET", url) for url in urls))
    assert [answer.body for answer in fetched] == [b"ok"] * 20
    assert (len(asked_one), len(asked_other)) == (10, 10)


async def test_an_origin_that_does_not_answer_leaves_places_to_others() -> None:
    async with (
        answering(b"", hold=True) as (silent, _, _),
        answering(reply()) as (port, _, _),
        guarded(allow=LOOPBACK, connections=3, connections_per_host=2, timeout_s=60) as client,
    ):
        waiting = [
            asyncio.create_task(client.request("GET", f"http://127.0.0.1:{silent}/"))
            for _ in range(5)
        ]
        await asyncio.sleep(0)
        for _ in range(5):
            assert (await client.request("GET", f"http://127.0.0.1:{port}/")).status == 200
        assert not any(task.done() for task in waiting)
        advance_timers(60)
        # Those in line run out of time as well, without ever having been sent.
        ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(error) for error in ended] == [FetchFailed] * 5


async def test_a_second_answer_to_one_request_is_nobody_elses() -> None:
    async with (
        answering(reply(b"first") + reply(b"forged"), reply(b"second")) as (port, _, connections),
        guarded(allow=LOOPBACK) as client,
    ):
        url = f"http://127.0.0.1:{port}/"
        assert (await client.request("GET", url)).body == b"first"
        assert (await client.request("GET", url)).body == b"second"
    assert len(connections) == 2


async def test_a_known_head_counts_only_with_its_own_body() -> None:
    first, cut, rest = reply(b"first"), reply(b"other")[:-2], b"er"
    async with (
        answering(first, reply(b"again"), cut, first + reply(b"forged"), reply(b"longer")) as (
            port,
            asked,
            connections,
        ),
        guarded(allow=LOOPBACK) as client,
    ):
        url = f"http://127.0.0.1:{port}/"
        assert (await client.request("GET", url)).body == b"first"
        assert (await client.request("GET", url)).body == b"again"
        asking = asyncio.create_task(client.request("GET", url))
        await until(lambda: len(asked) == 3)
        connections[0].write(rest)
        assert (await asking).body == b"other"
        assert (await client.request("GET", url)).body == b"first"  # and nobody gets the forged one
        assert (await client.request("GET", url)).body == b"longer"
    assert len(connections) == 2


def test_heads_that_never_come_again_are_hardly_kept() -> None:
    known = KnownAnswers()
    for number in range(MAX_IN_VAIN + 100):
        data = reply(b"ok", "200 OK", f"X-Request: {number}")
        assert known.read(data) is None
        known.learn(data, Fetched(200, {}, b"ok"))
    kept = [
        number
        for number in range(MAX_IN_VAIN + 100)
        if known.read(reply(b"no", "200 OK", f"X-Request: {number}")) is not None
    ]
    assert len(kept) == MAX_HEADS
    assert sum(number >= MAX_IN_VAIN for number in kept) < 100 // SOME + 2


def test_a_chunked_answer_is_not_known_by_its_head() -> None:
    known = KnownAnswers()
    data = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    known.learn(data, Fetched(200, {}, b"ok"))
    assert known.read(data) is None


async def test_refusal_is_told_after_start_has_returned() -> None:
    told: list[object] = []
    async with guarded(resolve=never) as client:
        client.start("GET", "http://127.0.0.1/", told.append)
        assert not told
        await asyncio.sleep(0)
    assert [type(error) for error in told] == [FetchRefused]


async def test_a_prepared_request_is_the_same_on_the_wire() -> None:
    headers = (("Authorization", "Bearer key"), ("Content-Type", "application/json"))
    async with answering(reply()) as (port, asked, _), guarded(allow=LOOPBACK) as client:
        url = f"http://127.0.0.1:{port}/messages?a=b"
        await client.request("POST", url, headers=headers, body=b"{}")
        answered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        client.start_prepared(client.prepare("POST", url, headers), b"{}", answered.set_result)
        assert (await answered).status == 200
    assert asked[1] == b"{}" + asked[0], "the body of the first comes before the second's head"


async def test_what_may_not_be_called_is_not_prepared() -> None:
    async with guarded(resolve=never) as client:
        for url, header in (("http://10.0.0.1/", "x"), ("http://x.example/", "a\r\nb: c")):
            with pytest.raises(FetchRefused):
                client.prepare("POST", url, [("X-Key", header)])
