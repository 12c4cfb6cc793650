"""Request bodies: read within limits of size and time, then decoded into declared shapes."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from functools import cache
from typing import Any, Final, TypeVar, cast

import msgspec

from dragoman.web.charsets import MediaType, codec_of, decode_text, parse_media_type, without_bom
from dragoman.web.choices import choices_at
from dragoman.web.forms import parse_form, parse_multipart
from dragoman.web.refusals import MalformedBody, RefusalKind
from dragoman.web.requests import BodyFormat, Parameters, Request
from dragoman.web.xml_tree import parse_xml

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Shape = TypeVar("Shape")

DRAIN_TIMEOUT_S: Final = 1.0
MAX_JSON_DEPTH: Final = 32

FORMATS: Final[Mapping[str, BodyFormat]] = {
    "application/json": "json",
    "text/json": "json",
    "application/xml": "xml",
    "text/xml": "xml",
    "application/x-www-form-urlencoded": "form",
    "multipart/form-data": "multipart",
}
_JSON: Final = b"application/json"
_PLAIN_JSON: Final = parse_media_type(_JSON)
_FIRST_BYTE: Final[Mapping[bytes, BodyFormat]] = {b"{": "json", b"[": "json", b"<": "xml"}
_NOT_LISTED: Final = "Invalid enum value"
_NO_CODING: Final = frozenset({b"", b"identity"})
_LOCATION: Final = re.compile(r" - at `\$\.?(?P<field>.*)`$")
_NESTING: Final = (dict, list, tuple, msgspec.Struct)


class ClientGone(Exception):
    """The client disconnected before its body was complete."""


def check_body_head(request: Request, *, limit_bytes: int) -> None:
    """Raises `MalformedBody` if the head alone shows that the body is not acceptable."""
    if request.header(b"content-encoding").strip().lower() not in _NO_CODING:
        raise MalformedBody(
            "a compressed body is not accepted", kind=RefusalKind.UNSUPPORTED_CODING
        )
    length = request.header(b"content-length")
    if length.isdigit() and int(length) > limit_bytes:
        raise too_large(limit_bytes)


def too_large(limit_bytes: int) -> MalformedBody:
    """Makes the error for a body past its limit."""
    return MalformedBody(f"the body is larger than {limit_bytes} bytes", kind=RefusalKind.TOO_LARGE)


def too_slow() -> MalformedBody:
    """Makes the error for a body that is not complete in time."""
    return MalformedBody("the body came too slowly", kind=RefusalKind.TOO_SLOW)


async def read_body(
    receive: Receive, request: Request, *, limit_bytes: int, timeout_s: float
) -> bytes:
    """Reads the whole body from the server, by length or in chunks.

    Raises `MalformedBody` for a content coding, more than `limit_bytes` or more than `timeout_s`,
    and `ClientGone`.
    """
    check_body_head(request, limit_bytes=limit_bytes)
    try:
        async with asyncio.timeout(timeout_s):
            message = await _next_message(receive)
            body = cast("bytes", message.get("body", b""))
            if message.get("more_body", False):
                body = await _read_rest(receive, body, limit_bytes)
    except TimeoutError:
        raise too_slow() from None
    if len(body) > limit_bytes:
        raise too_large(limit_bytes)
    return body


async def drain_body(receive: Receive, *, limit_bytes: int) -> None:
    """Discards what a refused client is still sending, for a moment and up to a limit.

    A client that is cut off while it sends often never reads the answer.
    """
    try:
        async with asyncio.timeout(DRAIN_TIMEOUT_S):
            while limit_bytes > 0:
                message = await _next_message(receive)
                limit_bytes -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
    except TimeoutError:
        return


def decode_body(request: Request, shape: type[Shape]) -> Shape:
    """Reads the body in any format the operation takes into `shape`; raises `MalformedBody`.

    Numbers and booleans may be text. The declared media type decides, unless it is missing,
    unknown, or the form type that `curl -d` sets on anything: then the first byte does.
    """
    operation = request.operation
    formats = operation.body_formats if operation is not None else ()
    wrapper = operation.wrapper if operation is not None else ""
    content_type = request.header(b"content-type")
    media = _PLAIN_JSON if content_type == _JSON else parse_media_type(content_type)
    found = _format_of(request.body, media, formats)
    if found == "json":
        if not wrapper:
            return decode_json(request.body, shape, charset=media.charset)
        around = _wrapped(cast("Hashable", shape), wrapper)
        wrapped = decode_json(request.body, around, charset=media.charset)
        return cast("Shape", wrapped.body)  # type: ignore[attr-defined]
    if found == "xml":
        lists = _list_names(cast("Hashable", shape))
        root, tree = parse_xml(request.body, charset=media.charset, lists=lists)
        if wrapper and root != wrapper:
            raise MalformedBody(f"the root element is {root[:40]}, not {wrapper}", field=wrapper)
        return convert(tree or {}, shape)
    return convert(_read_fields(request, found, media), shape)


def decode_form(request: Request) -> Parameters:
    """Reads all fields of a form in order, urlencoded or multipart; raises `MalformedBody`.

    A form that `decode_body` has read into a shape has one value of each.
    """
    operation = request.operation
    formats = operation.body_formats if operation is not None else ()
    media = parse_media_type(request.header(b"content-type"))
    return _read_fields(request, _format_of(request.body, media, formats), media)


def decode_query(request: Request, shape: type[Shape]) -> Shape:
    """Reads the query parameters into `shape`; raises `MalformedBody` naming the parameter."""
    return convert(request.query, shape)


def decode_json(
    data: bytes, shape: type[Shape], *, charset: str = "", max_depth: int = MAX_JSON_DEPTH
) -> Shape:
    """Reads JSON into `shape`; raises `MalformedBody` naming the field that does not fit."""
    data = without_bom(data)
    if charset and (codec := codec_of(charset)) != "utf-8":
        data = decode_text(data, codec).encode()
    try:
        value: Shape = _decoder(cast("Hashable", shape)).decode(data)
    except msgspec.ValidationError as error:
        raise _shape_error(error, shape) from None
    except msgspec.DecodeError:
        raise MalformedBody("the body is not JSON") from None
    except UnicodeDecodeError:
        raise MalformedBody("the text is not utf-8", kind=RefusalKind.BAD_CHARSET) from None
    except RecursionError:
        raise _too_deep() from None
    if data.count(b"[") + data.count(b"{") > max_depth and (
        _is_open(cast("Hashable", shape)) and _deeper_than(value, max_depth)
    ):
        raise _too_deep()
    return value


def parse_json(data: bytes, *, charset: str = "", max_depth: int = MAX_JSON_DEPTH) -> Any:
    """Reads JSON into plain dicts, lists, strings and numbers; raises `MalformedBody`."""
    return decode_json(data, Any, charset=charset, max_depth=max_depth)


def convert(value: object, shape: type[Shape]) -> Shape:
    """Reads plain values into `shape`, texts as numbers and booleans; raises `MalformedBody`."""
    try:
        return msgspec.convert(value, shape, strict=False)
    except msgspec.ValidationError as error:
        raise _shape_error(error, shape) from None


def _read_fields(request: Request, found: BodyFormat, media: MediaType) -> Parameters:
    fallback = request.dialect.fallback_charset
    if found == "multipart":
        return parse_multipart(request.body, media.boundary, fallback_charset=fallback).fields
    return parse_form(request.body, charset=media.charset, fallback_charset=fallback)


async def _next_message(receive: Receive) -> Mapping[str, Any]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message


async def _read_rest(receive: Receive, first: bytes, limit_bytes: int) -> bytes:
    chunks = bytearray(first)
    more = True
    while more:
        if len(chunks) > limit_bytes:
            raise too_large(limit_bytes)
        message = await _next_message(receive)
        chunks += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(chunks)


def _format_of(data: bytes, media: MediaType, formats: tuple[BodyFormat, ...]) -> BodyFormat:
    declared = FORMATS.get(media.name)
    if declared in formats and declared != "form":
        return declared
    sniffed = _FIRST_BYTE.get(without_bom(data).lstrip()[:1])
    if sniffed in formats:
        return sniffed
    if declared in formats:
        return declared
    if not media.name and "form" in formats:
        return "form"
    raise MalformedBody(
        f"a body of type {media.name[:60] or 'unknown'} is not accepted",
        kind=RefusalKind.UNSUPPORTED_TYPE,
    )


@cache
def _is_open(shape: Any) -> bool:
    """Whether a shape does not say how deep its values nest: anything is within it, or itself."""
    return _is_open_type(msgspec.inspect.type_info(shape), ())


def _is_open_type(kind: msgspec.inspect.Type, around: tuple[object, ...]) -> bool:
    inner: Iterable[msgspec.inspect.Type] = ()
    match kind:
        case msgspec.inspect.StructType(cls=cls, fields=fields):
            if cls in around:
                return True
            around, inner = (*around, cls), [field.type for field in fields]
        case msgspec.inspect.UnionType(types=types):
            inner = types
        case msgspec.inspect.DictType(key_type=key, value_type=value):
            inner = (key, value)
        case (
            msgspec.inspect.ListType(item_type=item) | msgspec.inspect.VarTupleType(item_type=item)
        ):
            inner = (item,)
        case msgspec.inspect.TupleType(item_types=items):
            inner = items
        case msgspec.inspect.Metadata(type=told):
            inner = (told,)
        case _:
            return not isinstance(kind, _LEAVES)
    return any(_is_open_type(one, around) for one in inner)


_LEAVES: Final = (
    msgspec.inspect.BoolType,
    msgspec.inspect.EnumType,
    msgspec.inspect.FloatType,
    msgspec.inspect.IntType,
    msgspec.inspect.LiteralType,
    msgspec.inspect.NoneType,
    msgspec.inspect.StrType,
)


def _deeper_than(value: object, depth: int) -> bool:
    """Whether a decoded value nests deeper; level by level, without recursion."""
    level = [value] if isinstance(value, _NESTING) else []
    for _ in range(depth):
        level = [
            child for node in level for child in _children(node) if isinstance(child, _NESTING)
        ]
        if not level:
            return False
    return bool(level)


def _children(node: object) -> Iterable[object]:
    if isinstance(node, dict):
        return node.values()
    if isinstance(node, msgspec.Struct):
        return [getattr(node, name) for name in node.__struct_fields__]
    return cast("list[object]", node)


def _shape_error(error: msgspec.ValidationError, shape: Any) -> MalformedBody:
    text = str(error)
    located = _LOCATION.search(text)
    if located is None:
        return MalformedBody(text)
    field, reason = located["field"], text[: located.start()]
    if reason.startswith(_NOT_LISTED) and (choices := choices_at(shape, field)):
        reason = f"{reason}, expected one of {', '.join(choices)}"
    return MalformedBody(f"{field}: {reason}", field=field)


def _too_deep() -> MalformedBody:
    return MalformedBody("the body is nested too deep", kind=RefusalKind.TOO_DEEP)


@cache
def _decoder(shape: Any) -> "msgspec.json.Decoder[Any]":
    return msgspec.json.Decoder(shape, strict=False)


@cache
def _wrapped(shape: Any, wrapper: str) -> type[msgspec.Struct]:
    return msgspec.defstruct("Wrapped", [("body", shape, msgspec.field(name=wrapper))])


@cache
def _list_names(shape: Any) -> frozenset[str]:
    """Names the fields of a shape that hold lists, wherever they stand in it."""
    _, components = msgspec.json.schema_components([shape])
    return frozenset(
        name
        for component in components.values()
        for name, schema in component.get("properties", {}).items()
        if "array" in str(schema.get("type", "")) + str(schema.get("anyOf", ""))
    )
