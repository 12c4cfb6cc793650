"""Request bodies: reading within limits, decoding into shapes, refusing the rest."""

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.web.bodies import (
    ClientGone,
    decode_body,
    decode_json,
    decode_query,
    drain_body,
    parse_json,
    read_body,
)
from dragoman.web.refusals import MalformedBody, RefusalKind
from dragoman.web.requests import Parameters, Request


def receiver(*chunks: bytes | None) -> Any:
    """Plays a server: gives the chunks, None for a client that leaves, then stays silent."""
    messages = [
        {"type": "http.disconnect"}
        if chunk is None
        else {"type": "http.request", "body": chunk, "more_body": index < len(chunks) - 1}
        for index, chunk in enumerate(chunks)
    ]

    async def receive() -> dict[str, Any]:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop(0)

    return receive


@pytest.fixture
def request_of(sample):
    def build(body: bytes = b"", content_type: str = "", **headers: str) -> Request:
        dialect = sample()
        lines = {"content-type": content_type, **headers}
        return Request(
            "POST",
            "/v9/text.json",
            dialect=dialect,
            operation=dialect.operations[0],
            headers=[(k.replace("_", "-").encode(), v.encode()) for k, v in lines.items()],
            body=body,
        )

    return build


@pytest.mark.parametrize(
    ("chunks", "body"),
    [
        ((b"",), b""),
        ((b"abc",), b"abc"),
        ((b"a", b"", b"bc", b""), b"abc"),
        ((b"x" * 8,), b"x" * 8),
    ],
)
async def test_body_is_read_whole(request_of, chunks, body) -> None:
    assert await read_body(receiver(*chunks), request_of(), limit_bytes=8, timeout_s=30) == body


@pytest.mark.parametrize(
    ("chunks", "headers", "kind"),
    [
        ((b"x" * 9,), {}, RefusalKind.TOO_LARGE),
        ((b"x" * 5, b"x" * 5, b""), {}, RefusalKind.TOO_LARGE),
        ((), {"content_length": "9"}, RefusalKind.TOO_LARGE),
        ((), {"content_length": "9" * 400}, RefusalKind.TOO_LARGE),
        ((), {"content_encoding": "gzip"}, RefusalKind.UNSUPPORTED_CODING),
        ((), {"content_encoding": "GZIP, br"}, RefusalKind.UNSUPPORTED_CODING),
        ((), {"content_length": "5"}, RefusalKind.TOO_SLOW),
    ],
)
async def test_body_is_refused(request_of, chunks, headers, kind) -> None:
    with pytest.raises(MalformedBody) as caught:
        await read_body(receiver(*chunks), request_of(**headers), limit_bytes=8, timeout_s=0.02)
    assert caught.value.refusal.kind is kind


@pytest.mark.parametrize("chunks", [(None,), (b"abc", None)])
async def test_client_that_leaves_in_its_body_is_gone(request_of, chunks) -> None:
    with pytest.raises(ClientGone):
        await read_body(receiver(*chunks), request_of(), limit_bytes=8, timeout_s=30)


async def test_drain_stops_at_its_limit() -> None:
    receive = receiver(b"x" * 5, b"x" * 5, b"rest", b"")
    await drain_body(receive, limit_bytes=8)
    assert (await receive())["body"] == b"rest"


WRAPPED = b'{"text":{"to":"45","text":"bl\xc3\xa5","count":"3"}}'


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (WRAPPED, "application/json"),
        (WRAPPED, "application/json; charset=utf-8"),
        (WRAPPED, "Application/JSON;charset=UTF-8"),
        (b"\xef\xbb\xbf" + WRAPPED, "application/json"),
        (WRAPPED.decode().encode("latin-1"), "application/json; charset=iso-8859-1"),
        (b" \n" + WRAPPED, ""),
        (WRAPPED, "text/plain"),
        (WRAPPED, "application/x-www-form-urlencoded"),
        ("<text><to>45</to><text>blå</text><count>3</count></text>".encode(), "text/xml"),
        (b"<text><to>45</to><text>bl\xe5</text><count>3</count></text>", "text/xml;charset=latin1"),
        (b"to=45&text=bl%C3%A5&count=3", "application/x-www-form-urlencoded"),
        (b"to=45&text=bl%E5&count=3", "application/x-www-form-urlencoded; charset=windows-1252"),
        (b"to=45&text=bl%C3%A5&count=3", ""),
        (
            b'--b\r\nContent-Disposition: form-data; name="to"\r\n\r\n45\r\n'
            b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nbl\xc3\xa5\r\n'
            b'--b\r\nContent-Disposition: form-data; name="count"\r\n\r\n3\r\n--b--\r\n',
            'multipart/form-data; boundary="b"',
        ),
    ],
)
def test_body_decodes_in_every_format(request_of, text_shape, body, content_type) -> None:
    expected = text_shape(to="45", text="blå", count=3)
    assert decode_body(request_of(body, content_type), text_shape) == expected


def test_single_xml_element_fills_a_list_field(request_of, text_shape) -> None:
    body = b"<text><to>45</to><text>x</text><tags>a</tags></text>"
    assert decode_body(request_of(body, "text/xml"), text_shape).tags == ["a"]


@pytest.mark.parametrize(
    ("body", "content_type", "kind", "field"),
    [
        (b'{"text":{"to":45,"text":"x"}}', "application/json", RefusalKind.MALFORMED, "text.to"),
        (b'{"text":{"to":"45"}}', "application/json", RefusalKind.MALFORMED, "text"),
        (
            b'{"text":{"to":"1","text":"x","tags":["a",1]}}',
            "",
            RefusalKind.MALFORMED,
            "text.tags[1]",
        ),
        (b"{}", "application/json", RefusalKind.MALFORMED, ""),
        (b"[]", "application/json", RefusalKind.MALFORMED, ""),
        (b"null", "application/json", RefusalKind.MALFORMED, ""),
        (b"", "application/json", RefusalKind.MALFORMED, ""),
        (b'{"text":', "application/json", RefusalKind.MALFORMED, ""),
        (b"{}}", "application/json", RefusalKind.MALFORMED, ""),
        (b'{"text":{"to":"\xff"}}', "application/json", RefusalKind.BAD_CHARSET, ""),
        (b'{"text":{"to":"\\ud800","text":""}}', "application/json", RefusalKind.MALFORMED, ""),
        (WRAPPED, "application/json; charset=utf-7", RefusalKind.BAD_CHARSET, ""),
        (b'{"x":' + b"[" * 100_000, "application/json", RefusalKind.TOO_DEEP, ""),
        (b"<other/>", "text/xml", RefusalKind.MALFORMED, "text"),
        (b"<text><count>x</count></text>", "text/xml", RefusalKind.MALFORMED, None),
        (b"<text", "text/xml", RefusalKind.MALFORMED, ""),
        (b"text=x", "application/x-www-form-urlencoded", RefusalKind.MALFORMED, None),
        (b"", "multipart/form-data", RefusalKind.MALFORMED, ""),
        (b"\x00\x01", "application/octet-stream", RefusalKind.UNSUPPORTED_TYPE, ""),
        (b"plain", "text/plain", RefusalKind.UNSUPPORTED_TYPE, ""),
    ],
)
def test_body_that_does_not_fit_is_refused(
    request_of, text_shape, body, content_type, kind, field
) -> None:
    with pytest.raises(MalformedBody) as caught:
        decode_body(request_of(body, content_type), text_shape)
    refusal = caught.value.refusal
    assert refusal.kind is kind
    assert field is None or refusal.field == field
    assert refusal.reason


def test_query_reads_numbers_and_names_what_does_not_fit(request_of) -> None:
    class Query(msgspec.Struct):
        page: int
        deleted: bool = False

    request = request_of()
    request.query = Parameters([("page", "3"), ("deleted", "1")])
    assert decode_query(request, Query) == Query(page=3, deleted=True)
    request.query = Parameters([("page", "x")])
    with pytest.raises(MalformedBody) as caught:
        decode_query(request, Query)
    assert caught.value.refusal.field == "page"


def nested(depth: int, opening: bytes = b"[", closing: bytes = b"]", within: bytes = b"") -> bytes:
    return opening * depth + within + closing * depth


@pytest.mark.parametrize(
    "data",
    [nested(5), b'{"a":' * 5 + b"1" + b"}" * 5, b"[{},[[[[]],[],{}]]]", b'["[[[[[[[[\\"[["]'],
)
def test_json_within_its_depth_is_read(data: bytes) -> None:
    parse_json(data, max_depth=5)


@pytest.mark.parametrize(
    "data",
    [
        nested(6),
        nested(300),
        b'{"a":' * 6 + b"1" + b"}" * 6,
        b'[{"a":[{"b":[{"c":1}]}]}]',
        nested(100_000),
        nested(100_000, b'{"a":', b"}"),
    ],
)
def test_json_deeper_than_its_limit_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedBody) as caught:
        parse_json(data, max_depth=5)
    assert caught.value.refusal.kind in (RefusalKind.TOO_DEEP, RefusalKind.MALFORMED)


def depth_of(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth_of, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


json_values = st.recursive(
    st.text('[]{}"\\ab', max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('[{"', max_size=3), inner),
    max_leaves=10,
)


@given(json_values, st.integers(1, 6))
def test_json_depth_is_counted_exactly(value: object, limit: int) -> None:
    data = msgspec.json.encode(value)
    if depth_of(value) <= limit:
        assert decode_json(data, object, max_depth=limit) == value
    else:
        with pytest.raises(MalformedBody, match="too deep"):
            decode_json(data, object, max_depth=limit)


class Chain(msgspec.Struct):
    """A shape within itself."""

    next: "Chain | None" = None


class Bag(msgspec.Struct):
    """A shape with anything in it."""

    items: tuple[dict[str, Any], ...] = ()


class Pair(msgspec.Struct):
    left: list[int]


class Pairs(msgspec.Struct):
    """A shape that says itself how deep it is."""

    pairs: list[Pair] | None = None


@pytest.mark.parametrize(
    ("shape", "data"),
    [
        (Chain, nested(9, b'{"next":', b"}", b"null")),
        (Bag, b'{"items":[{"a":' + nested(9, b"[", b"]") + b"}]}"),
    ],
)
def test_a_shape_that_is_open_has_a_limit_of_depth(shape: type[Any], data: bytes) -> None:
    """Bug: what was in a tuple counted as no deeper than the tuple."""
    with pytest.raises(MalformedBody, match="too deep"):
        decode_json(data, shape, max_depth=5)


def test_a_list_of_many_is_not_deep() -> None:
    data = b'{"pairs":[' + b",".join([b'{"left":[1]}'] * 1_000) + b"]}"
    assert len(decode_json(data, Pairs, max_depth=5).pairs or ()) == 1_000
