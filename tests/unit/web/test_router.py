"""The application over real sockets: exact bytes in, the dialect's own answers out."""

import asyncio
from ipaddress import ip_network

import pytest
import structlog.testing
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dragoman.web.client_address import ClientAddressReader
from dragoman.web.operations import Dialect, Operation
from dragoman.web.refusals import RefusalKind
from dragoman.web.requests import Request
from dragoman.web.responses import TEXT, Response
from dragoman.web.router import DialectApp


@pytest.fixture
async def wire(sample, serve, fallback):
    app = DialectApp([sample()], fallback, body_timeout_s=0.3, new_reference=lambda: "ref-1")
    async with serve(app) as wire:
        yield wire


TEXT_BODY = b'{"text":{"to":"+45","text":"hi"}}'


async def test_json_post_is_answered_by_its_handler(wire) -> None:
    answer = await wire.ask(
        "POST", "/v9/text.json?key=k", TEXT_BODY, content_type="application/json"
    )
    assert (answer.status, answer.json["text"]) == (201, "hi")
    assert answer.headers["content-type"] == "application/json"
    assert "server" not in answer.headers


async def test_parameters_reach_the_handler(wire) -> None:
    answer = await wire.ask("GET", "/v9//texts/12.xml?key=a%26b&page=1&page=2")
    assert answer.json == {
        "operation": "List texts",
        "params": {"page": "12", "format": "xml"},
        "query": {"key": "a&b", "page": "2"},
        "client": "127.0.0.1",
        "length": 0,
    }


@pytest.mark.parametrize(
    ("method", "target", "status", "kind"),
    [
        ("GET", "/v9/nothing", 404, "unknown_path"),
        ("GET", "/v9", 404, "unknown_path"),
        ("GET", "/v9/texts/x.json", 404, "unknown_path"),
        ("GET", "/v9/texts/1.yaml", 404, "unknown_path"),
        ("POST", "/v9/nothing", 404, "unknown_path"),
        ("GET", "/v9/text.json", 405, "wrong_method"),
        ("PATCH", "/v9/text/1", 405, "wrong_method"),
        ("OPTIONS", "/v9/text.json", 405, "wrong_method"),
        ("HEAD", "/v9/text.json", 405, "wrong_method"),
        ("GET", "/v9/text/1?key=%ff", 400, "bad_charset"),
        ("GET", "/v9/fail", 500, "internal"),
        ("GET", "/v9/locate", 500, "internal"),
    ],
)
async def test_refusal_has_the_dialects_shape(wire, method, target, status, kind) -> None:
    answer = await wire.ask(method, target)
    assert answer.status == status
    if method != "HEAD":
        assert answer.json["refused"] == kind
        assert answer.json["reason"]


async def test_wrong_method_lists_the_right_ones(wire) -> None:
    assert (await wire.ask("PUT", "/v9/text/1")).headers["allow"] == "delete, get, options"


async def test_path_outside_every_prefix_goes_to_the_fallback(wire) -> None:
    assert (await wire.ask("GET", "/v99/text.json")).status == 418
    assert (await wire.ask("GET", "/docs")).status == 418


async def test_head_runs_no_operation(sample, serve, fallback) -> None:
    called = []

    async def remember(request):
        called.append(request.method)
        return Response(200)

    operation = Operation(methods=("GET",), path="/v9/send", handler=remember, summary="")
    async with serve(
        DialectApp([sample(operations=(operation,))], fallback, body_timeout_s=30)
    ) as wire:
        head = await wire.ask("HEAD", "/v9/send?a=1")
    assert (head.status, head.body, called) == (405, b"", [])
    assert head.headers["allow"] == "get, options"


@pytest.mark.parametrize(
    ("body", "headers", "status", "kind"),
    [
        (b"", {}, 400, "malformed"),
        (b"x", {"content_type": "text/plain"}, 415, "unsupported_type"),
        (b"{", {}, 400, "malformed"),
        (b"<text><!DOCTYPE", {"content_type": "text/xml"}, 400, "malformed"),
        (b"<!DOCTYPE a><text/>", {"content_type": "text/xml"}, 400, "malformed"),
        (b'{"a":' * 20_000, {"content_type": "application/json"}, 413, "too_large"),
        (b'{"x":' + b"[" * 60_000, {"content_type": "application/json"}, 400, "too_deep"),
        (b"\x1f\x8b", {"content_encoding": "gzip"}, 415, "unsupported_coding"),
        (b'{"text":{"to":"\xff"}}', {}, 400, "bad_charset"),
        (b"--b\r\n" * 5000, {"content_type": "multipart/form-data; boundary=b"}, 400, "malformed"),
    ],
)
async def test_bad_body_is_refused(wire, body, headers, status, kind) -> None:
    answer = await wire.ask("POST", "/v9/text.json", body, **headers)
    assert (answer.status, answer.json["refused"]) == (status, kind)


def chunked(*chunks: bytes, trailer: bytes = b"") -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return body + b"0\r\n" + trailer + b"\r\n"


CHUNKED_POST = (
    b"POST %b HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)


async def test_chunked_body_is_read(wire) -> None:
    head = CHUNKED_POST % b"/v9/text.json"
    (answer,) = await wire.exchange(head + chunked(TEXT_BODY[:7], TEXT_BODY[7:]))
    assert answer.status == 201


async def test_chunked_multipart_is_read(wire) -> None:
    body = (
        b'--b\r\ncontent-disposition: form-data; name="to"\r\n\r\n45\r\n'
        b'--b\r\ncontent-disposition: form-data; name="text"\r\n\r\nhi\r\n--b--\r\n'
    )
    head = (CHUNKED_POST % b"/v9/text.json").replace(
        b"application/json", b"multipart/form-data; boundary=b"
    )
    (answer,) = await wire.exchange(head + chunked(body[:40], body[40:]))
    assert (answer.status, answer.json["text"]) == (201, "hi")


async def test_endless_multipart_is_cut_off_with_an_answer(wire) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    writer.write(
        (CHUNKED_POST % b"/v9/text.json").replace(
            b"application/json", b"multipart/form-data; boundary=b"
        )
    )
    chunk = b'--b\r\ncontent-disposition: form-data; name="a"\r\n\r\n' + b"x" * 8000 + b"\r\n"
    sent = 0
    try:
        while sent < 50_000_000:
            writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            await writer.drain()
            sent += len(chunk)
    except ConnectionError:
        pass
    writer.close()
    assert sent < 50_000_000


async def test_oversized_body_is_refused_in_the_dialects_shape_and_closed(wire) -> None:
    answer = await wire.ask("POST", "/v9/text.json", b"x" * 70_000)
    assert (answer.status, answer.json["refused"]) == (413, "too_large")
    assert answer.headers["connection"] == "close"


async def test_client_that_waits_to_send_too_much_is_told_so_at_once(wire) -> None:
    head = b"POST /v9/text.json HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n"
    (answer,) = await wire.exchange(head + b"content-length: 70000\r\n\r\n")
    assert (answer.status, answer.json["refused"]) == (413, "too_large")


async def test_client_that_waits_to_send_is_invited(wire) -> None:
    head = b"POST /v9/text.json HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    writer.write(head + b"content-length: %d\r\n\r\n" % len(TEXT_BODY))
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(TEXT_BODY)
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 201 ")
    writer.close()


async def test_body_that_stalls_is_refused(wire) -> None:
    head = b"POST /v9/text.json HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{"
    (answer,) = await wire.exchange(head)
    assert (answer.status, answer.json["refused"]) == (408, "too_slow")


async def test_client_that_leaves_in_its_body_reaches_no_handler(sample, serve, fallback) -> None:
    called = []

    async def remember(request):
        called.append(request.body)
        return Response(200)

    post = Operation(methods=("POST",), path="/v9/x", handler=remember, summary="")
    async with serve(DialectApp([sample(operations=(post,))], fallback, body_timeout_s=30)) as wire:
        _, writer = await asyncio.open_connection("127.0.0.1", wire.port)
        writer.write(b"POST /v9/x HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf")
        await writer.drain()
        writer.close()
        assert (await wire.ask("POST", "/v9/x", b"whole")).status == 200
    assert called == [b"whole"]


async def test_pipelined_requests_are_answered_in_order(wire) -> None:
    one = b"GET /v9/text/%d HTTP/1.1\r\nhost: x\r\n\r\n"
    answers = await wire.exchange(b"".join(one % number for number in range(5)), answers=5)
    assert [answer.json["params"]["id"] for answer in answers] == list("01234")


async def test_offer_of_http2_is_passed_over_on_a_kept_connection(wire) -> None:
    ask = (
        b"POST /v9/text.json HTTP/1.1\r\nhost: x\r\nconnection: Upgrade, HTTP2-Settings\r\n"
        b"upgrade: h2c\r\nhttp2-settings: AAEAAEAAAAIAAAAB\r\ncontent-length: %d\r\n\r\n%b"
    ) % (len(TEXT_BODY), TEXT_BODY)
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    for _ in range(2):
        writer.write(ask)
        line = await reader.readuntil(b"\r\n\r\n")
        assert line.startswith(b"HTTP/1.1 201 ")
        await reader.readuntil(b"}")
    writer.close()


@pytest.mark.parametrize(
    ("target", "query"),
    [
        ("/v9/send.php?t=%62l%E5", {"t": "blå"}),
        ("/v9/send.php?t=bl\xe5", {"t": "blå"}),
        ("/v9/send.php?t=bl\xc3\xa5", {"t": "blå"}),
        ("/v9/send.php?t=Hello How%20Are You&r=1", {"t": "Hello How Are You", "r": "1"}),
    ],
)
async def test_fallback_charset_reads_old_queries(sample, serve, fallback, target, query) -> None:
    app = DialectApp([sample(fallback_charset="windows-1252")], fallback, body_timeout_s=30)
    async with serve(app) as wire:
        data = f"GET {target} HTTP/1.1\r\nhost: x\r\n\r\n".encode("latin-1")
        (answer,) = await wire.exchange(data)
    assert answer.json["query"] == query


async def test_failure_is_logged_without_query_body_or_message(wire) -> None:
    with structlog.testing.capture_logs() as logs:
        await wire.ask("GET", "/v9/fail?key=topsecret")
    (entry,) = logs
    assert entry["reference"] == "ref-1"
    assert entry["path"] == "/v9/fail"
    assert entry["error"] == "RuntimeError"
    assert any("fail" in frame for frame in entry["frames"])
    assert "secret" not in str(entry)
    assert "4512345678" not in str(entry)


async def test_dialect_that_fails_to_refuse_still_ends_the_request(sample, serve, fallback) -> None:
    def broken(_request, _refusal):
        raise RuntimeError

    async with serve(DialectApp([sample(refuse=broken)], fallback, body_timeout_s=30)) as wire:
        answer = await wire.ask("GET", "/v9/nothing")
    assert (answer.status, answer.body) == (404, b"")


async def test_browser_may_call_from_another_origin(sample, serve, fallback) -> None:
    async with serve(DialectApp([sample(cors=True)], fallback, body_timeout_s=30)) as wire:
        preflight = await wire.ask(
            "OPTIONS",
            "/v9/text.json",
            origin="https://shop.example",
            access_control_request_method="POST",
            access_control_request_headers="content-type, x-y",
        )
        answer = await wire.ask("POST", "/v9/text.json", TEXT_BODY)
        lost = await wire.ask("POST", "/v9/lost.json", b"")
    assert (preflight.status, preflight.body) == (204, b"")
    assert preflight.headers["access-control-allow-methods"] == "options, post"
    assert preflight.headers["access-control-allow-headers"] == "content-type, x-y"
    for each in (preflight, answer, lost):
        assert each.headers["access-control-allow-origin"] == "*"


async def test_forwarded_address_counts_from_a_listed_proxy(sample, serve, fallback) -> None:
    reader = ClientAddressReader([ip_network("127.0.0.0/8")])
    async with serve(DialectApp([sample()], fallback, addresses=reader, body_timeout_s=30)) as wire:
        answer = await wire.ask("GET", "/v9/text/1", x_forwarded_for="6.6.6.6, 1.2.3.4")
    assert answer.json["client"] == "1.2.3.4"


async def test_trailer_does_not_become_a_header(sample, serve, fallback) -> None:
    reader = ClientAddressReader([ip_network("127.0.0.0/8")])
    async with serve(DialectApp([sample()], fallback, addresses=reader, body_timeout_s=30)) as wire:
        trailer = b"x-forwarded-for: 1.2.3.4\r\n"
        data = CHUNKED_POST % b"/v9/send.php" + chunked(b"a", trailer=trailer)
        (answer,) = await wire.exchange(data)
    assert answer.json["client"] == "127.0.0.1"


@pytest.mark.parametrize(
    "head",
    [b"GET /v9/text/1 HTTP/1.1\r\n" + b"x: y\r\n" * 20_000, b"GET /" + b"a" * 100_000],
)
async def test_endless_head_is_cut_off(wire, head) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.port)
    writer.write(head)
    assert (await reader.read(12)) == b"HTTP/1.1 431"
    writer.close()


@pytest.mark.parametrize(
    "data", [b"\x16\x03\x01\r\n\r\n", b"GET  HTTP/1.1\r\n\r\n", b"\r\nX\r\n\r\n"]
)
async def test_what_is_not_http_is_refused(wire, data) -> None:
    (answer,) = await wire.exchange(data)
    assert answer.status == 400


@pytest.mark.parametrize("path", ["/v9/text/1", "/elsewhere"])
@pytest.mark.parametrize(
    ("version", "hosts", "is_taken"),
    [
        ("1.1", (), False),
        ("1.1", ("a",), True),
        ("1.1", ("",), True),
        ("1.1", ("a", "a"), False),
        ("1.1", ("a", "b"), False),
        ("1.0", (), True),
        ("1.0", ("a", "b"), False),
    ],
)
async def test_a_request_names_one_host(wire, path, version, hosts, is_taken) -> None:
    """RFC 9112 s. 3.2; who speaks HTTP/1.0 may leave it out."""
    head = f"GET {path} HTTP/{version}\r\n" + "".join(f"HOST: {host}\r\n" for host in hosts)
    (answer,) = await wire.exchange(head.encode() + b"\r\n")
    assert (answer.status != 400) is is_taken


async def ask_in_process(app: DialectApp, path: bytes, query: bytes) -> int:
    sent = []

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": query,
        "headers": [],
        "client": None,
    }
    await app(scope, receive, send)
    return sent[0]["status"]


@settings(max_examples=60)
@given(st.binary(max_size=30), st.binary(max_size=30))
def test_any_path_and_query_get_an_answer(path: bytes, query: bytes) -> None:
    async def found(request):
        return Response(200, b"", TEXT)

    async def outside(_scope, _receive, send):
        await send({"status": 418})

    operation = Operation(methods=("GET",), path="/v9/{a}.{b:x|y}/{c}", handler=found, summary="")
    dialect = Dialect(
        name="d",
        title="",
        description="",
        prefixes=("/v9",),
        operations=(operation,),
        refuse=lambda request, refusal: Response(refusal.status),
    )
    app = DialectApp([dialect], outside, body_timeout_s=30)
    assert asyncio.run(ask_in_process(app, b"/v9/a.x/" + path, query)) in (200, 400, 404)


@pytest.mark.parametrize(
    ("methods", "path", "reason"),
    [
        (("GET",), "/v9/fail", "twice"),
        (("GET",), "/v8/x", "outside"),
        (("GET",), "/v99/x", "outside"),
    ],
)
def test_table_that_contradicts_itself_is_refused(sample, fallback, methods, path, reason) -> None:
    dialect = sample()
    extra = Operation(methods=methods, path=path, handler=lambda _: None, summary="")
    with pytest.raises(ValueError, match=reason):
        DialectApp([sample(operations=(*dialect.operations, extra))], fallback, body_timeout_s=30)


def test_every_refusal_has_a_conventional_status() -> None:
    from dragoman.web.refusals import STATUS

    assert set(STATUS) == set(RefusalKind)


async def test_operators_limit_narrows_what_an_operation_takes(sample, serve, fallback) -> None:
    app = DialectApp([sample()], fallback, max_body_bytes=20, body_timeout_s=30)
    async with serve(app) as wire:
        answer = await wire.ask("POST", "/v9/text.json", b"x" * 40)
    assert (answer.status, answer.json["refused"]) == (413, "too_large")


async def test_applications_of_the_same_paths_have_their_own_handlers(
    sample, serve, fallback
) -> None:
    async def other(_request: Request) -> Response:
        return Response(200, b"other")

    first = sample()
    second = sample(operations=tuple(replace(one, handler=other) for one in first.operations))
    answers = []
    for dialect in (first, second, first):
        async with serve(DialectApp([dialect], fallback, body_timeout_s=30)) as wire:
            for path in ("/v9/text/1", "/v9/send.php"):
                answers.append((await wire.ask("GET", path)).body)
    assert answers[2:4] == [b"other", b"other"]
    assert answers[:2] == answers[4:]
    assert b"other" not in answers[:2]
