"""Media types and charsets as clients declare them, and decoding by them."""

import codecs
from functools import lru_cache
from typing import Final

import msgspec
from python_multipart.multipart import parse_options_header

from dragoman.web.refusals import MalformedBody, RefusalKind

# The WHATWG Encoding standard reads ISO-8859-1 as windows-1252, which its senders mean.
CHARSETS: Final = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "latin1": "cp1252",
    "latin-1": "cp1252",
    "windows-1252": "cp1252",
    "cp1252": "cp1252",
    "iso-8859-15": "iso8859-15",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
}


class MediaType(msgspec.Struct, frozen=True, kw_only=True):
    """A Content-Type: its lower-case name, and the parameters that matter."""

    name: str
    charset: str = ""
    boundary: bytes = b""


@lru_cache(maxsize=256)
def parse_media_type(header: bytes) -> MediaType:
    """Reads a Content-Type header; anything unreadable leaves its part empty."""
    name, options = parse_options_header(header)
    return MediaType(
        name=name.decode("latin-1").strip().lower(),
        charset=options.get(b"charset", b"").decode("latin-1").strip(" \"'").lower(),
        boundary=options.get(b"boundary", b""),
    )


def codec_of(charset: str) -> str:
    """Returns the codec for a declared charset, UTF-8 for none; raises `MalformedBody`."""
    if not charset:
        return "utf-8"
    codec = CHARSETS.get(charset)
    if codec is None:
        raise MalformedBody(
            f"the charset {charset[:40]} is not supported", kind=RefusalKind.BAD_CHARSET
        )
    return codec


def decode_text(data: bytes, codec: str, fallback: str | None = None) -> str:
    """Decodes bytes strictly, by `fallback` where they are not in `codec`.

    Raises `MalformedBody` where neither fits.
    """
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        if fallback is not None:
            return decode_text(data, fallback)
        raise MalformedBody(f"the text is not {codec}", kind=RefusalKind.BAD_CHARSET) from None


def without_bom(data: bytes) -> bytes:
    """Drops the byte-order mark that some editors put before UTF-8."""
    return data.removeprefix(codecs.BOM_UTF8)


def text_of_file(data: bytes) -> str:
    """The text of a file that says no charset: UTF-8, with a mark or without, else Latin-1."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")
