"""Query strings and form bodies, urlencoded and multipart, read into parameters."""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from dragoman.web.charsets import codec_of, decode_text, parse_media_type
from dragoman.web.refusals import MalformedBody, RefusalKind
from dragoman.web.requests import Parameters

MAX_FIELDS: Final = 10_000
MAX_PARTS: Final = 1_000
MAX_FILES: Final = 20
MAX_BOUNDARY_BYTES: Final = 70  # RFC 2046 s. 5.1.1
_ONE_PLAIN: Final = re.compile(rb"[0-9A-Za-z_.~-]+=[0-9A-Za-z_.~-]*")
"""A single field without escapes."""


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """A file sent in a multipart body, whole in memory."""

    field: str
    filename: str
    content_type: str
    data: bytes


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """The plain fields and the files of a multipart body."""

    fields: Parameters
    files: tuple[Upload, ...] = ()


def parse_form(
    data: bytes,
    *,
    charset: str = "",
    fallback_charset: str | None = None,
    max_fields: int = MAX_FIELDS,
    octets: bool = False,
) -> Parameters:
    """Reads `application/x-www-form-urlencoded` data or a query string.

    `charset` is the declared one; with `octets` every octet is a character. Raises `MalformedBody`.
    """
    if not data:
        return Parameters()
    if data.count(b"&") >= max_fields:
        raise MalformedBody(f"more than {max_fields} fields", kind=RefusalKind.TOO_LARGE)
    if not charset and _ONE_PLAIN.fullmatch(data):
        name, _, value = data.decode().partition("=")
        return Parameters(((name, value),))
    # Latin-1 keeps every byte as one character until the escapes are undone.
    text = data.replace(b"+", b" ").decode("latin-1")
    escaped = b"%" in data or not data.isascii()
    if escaped or charset:
        codec = "latin-1" if octets else codec_of(charset)
        fallback = codec_of(fallback_charset) if fallback_charset else None
    pairs = []
    for piece in text.split("&"):
        if piece:
            name, _, value = piece.partition("=")
            if escaped:
                name, value = _unquote(name, codec, fallback), _unquote(value, codec, fallback)
            pairs.append((name, value))
    return Parameters(pairs)


def parse_multipart(
    data: bytes,
    boundary: bytes,
    *,
    fallback_charset: str | None = None,
    max_parts: int = MAX_PARTS,
    max_files: int = MAX_FILES,
) -> Form:
    """Reads a whole `multipart/form-data` body (RFC 7578); raises `MalformedBody`.

    A part is read as a file where it has a file name.
    """
    if not 0 < len(boundary) <= MAX_BOUNDARY_BYTES:
        raise MalformedBody("the multipart boundary is missing or too long")
    fallback = codec_of(fallback_charset) if fallback_charset else None
    collector = _PartCollector(fallback, max_parts, max_files)
    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": collector.begin_part,
            "on_header_field": collector.add_header_name,
            "on_header_value": collector.add_header_value,
            "on_header_end": collector.end_header,
            "on_part_data": collector.add_data,
            "on_part_end": collector.end_part,
            "on_end": collector.end,
        },
    )
    try:
        parser.write(data)
    except FormParserError as error:
        raise MalformedBody("the multipart body is malformed") from error
    if not collector.complete:
        raise MalformedBody("the multipart body ends before its last boundary")
    return Form(fields=Parameters(collector.pairs), files=tuple(collector.files))


def _unquote(text: str, codec: str, fallback: str | None) -> str:
    if "%" not in text and text.isascii():
        return text
    return decode_text(unquote_to_bytes(text.encode("latin-1")), codec, fallback)


class _PartCollector:
    """Gathers the parser's events into parts, within limits."""

    def __init__(self, fallback: str | None, max_parts: int, max_files: int) -> None:
        self.pairs: list[tuple[str, str]] = []
        self.files: list[Upload] = []
        self.complete = False
        self._fallback = fallback
        self._max_parts = max_parts
        self._max_files = max_files
        self._headers: dict[bytes, bytes] = {}
        self._name = bytearray()
        self._value = bytearray()
        self._data = bytearray()

    def begin_part(self) -> None:
        if len(self.pairs) + len(self.files) >= self._max_parts:
            raise MalformedBody(f"more than {self._max_parts} parts", kind=RefusalKind.TOO_LARGE)
        self._headers = {}
        self._data = bytearray()

    def add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def end_header(self) -> None:
        self._headers[bytes(self._name).lower()] = bytes(self._value)
        self._name.clear()
        self._value.clear()

    def add_data(self, data: bytes, start: int, end: int) -> None:
        self._data += data[start:end]

    def end_part(self) -> None:
        disposition, options = parse_options_header(self._headers.get(b"content-disposition"))
        if disposition != b"form-data" or b"name" not in options:
            raise MalformedBody("a part of the multipart body has no name")
        name = decode_text(options[b"name"], "utf-8", self._fallback)
        media = parse_media_type(self._headers.get(b"content-type", b""))
        if b"filename" not in options:
            codec = codec_of(media.charset)
            self.pairs.append((name, decode_text(bytes(self._data), codec, self._fallback)))
            return
        if len(self.files) >= self._max_files:
            raise MalformedBody(f"more than {self._max_files} files", kind=RefusalKind.TOO_LARGE)
        self.files.append(
            Upload(
                field=name,
                filename=decode_text(options[b"filename"], "utf-8", "cp1252"),
                content_type=media.name,
                data=bytes(self._data),
            )
        )

    def end(self) -> None:
        self.complete = True
