"""The text of a mail: its plain part, or its HTML made plain, without the signature.

A charset that is unknown or wrong is replaced by UTF-8 and then by Windows-1252, which most mail
without a correct charset uses.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from typing import Final, cast

from lxml import etree

from dragoman.mail.contract import Mail

MAX_NESTED: Final = 32
"""Parts that may hold others: each level makes parsing every line slower."""
MAX_PARTS: Final = 1_000
MAX_SUBJECT: Final = 4 * 1024

_NESTING: Final = re.compile(rb"boundary|message/", re.IGNORECASE)
_NOT_CHARSETS: Final = frozenset({"idna", "punycode", "raw-unicode-escape", "unicode-escape"})
"""What Python decodes besides charsets, some of it in a time that grows with the square."""
_SIGNATURE: Final = "-- "
"""RFC 3676 s. 4.3: two dashes and a space, alone on a line."""
_HIDDEN: Final = frozenset({"head", "script", "style", "template", "title"})
_BLOCKS: Final = frozenset(
    {
        "address",
        "article",
        "blockquote",
        "dd",
        "div",
        "dl",
        "dt",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tr",
        "ul",
    }
)
_SPACES: Final = re.compile(r"[ \t\r\n\f\xa0]+")
_BLANK_LINES: Final = re.compile(r"\n{3,}")
_PARSER: Final = BytesParser()


class UnreadableMail(Exception):
    """The mail has no readable text; the argument says why, without quoting it."""


def read_mail(octets: bytes) -> Mail:
    """Reads subject and text; raises `UnreadableMail`. Takes a while for a large mail."""
    if len(_NESTING.findall(octets)) > MAX_NESTED or octets.count(b"\n--") > MAX_PARTS:
        raise UnreadableMail("too many parts")
    message = _PARSER.parsebytes(octets)
    subject = _read_subject(message)
    found: dict[str, Message] = {}
    for part in _leaves(message):
        found.setdefault(part.get_content_type(), part)
    if (plain := found.get("text/plain")) is not None:
        text = cut_signature(_unflow(_decode(plain), plain))
    elif (html := found.get("text/html")) is not None:
        text = text_of_html(_decode(html))
    else:
        raise UnreadableMail("it has no part with text")
    return Mail(subject=subject, text=text.strip())


def cut_signature(text: str) -> str:
    """The lines before the signature's delimiter."""
    lines = text.split("\n")
    return "\n".join(lines[: lines.index(_SIGNATURE)] if _SIGNATURE in lines else lines)


def text_of_html(html: str) -> str:
    """The visible text: blocks and breaks become new lines, other white space a single space."""
    parser = etree.HTMLParser(no_network=True, remove_comments=True, remove_pis=True)
    parser.feed(html or "<p></p>")
    try:
        root = parser.close()
    except etree.XMLSyntaxError:
        return ""
    pieces: list[str] = []
    hidden = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        name = element.tag
        if event == "start":
            hidden += name in _HIDDEN
            if name in _BLOCKS or name == "br":
                pieces.append("\n")
            if not hidden and element.text:
                pieces.append(_SPACES.sub(" ", element.text))
        else:
            hidden -= name in _HIDDEN
            if name in _BLOCKS:
                pieces.append("\n")
            elif name in {"td", "th"}:
                pieces.append(" ")
            if not hidden and element.tail:
                pieces.append(_SPACES.sub(" ", element.tail))
    lines = (_SPACES.sub(" ", line).strip(" ") for line in "".join(pieces).split("\n"))
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


def _read_subject(message: Message) -> str:
    written = next((v for name, v in message.raw_items() if name.lower() == "subject"), "")
    octets = str(written).encode("ascii", "surrogateescape")
    unfolded = octets.decode("utf-8", "replace").replace("\r", "").replace("\n", "")
    if len(unfolded) > MAX_SUBJECT:
        raise UnreadableMail("its subject is too long")
    try:
        return str(make_header(decode_header(unfolded)))
    except (LookupError, ValueError, HeaderParseError):
        return unfolded


def _leaves(message: Message) -> Iterator[Message]:
    """The parts that a reader sees one after the other; mails inside the mail are left out."""
    waiting = [message]
    while waiting:
        part = waiting.pop()
        if (
            part.get_content_maintype() == "message"
            or part.get_content_disposition() == "attachment"
        ):
            continue
        if part.is_multipart():
            waiting += reversed(cast(list[Message], part.get_payload()))
        else:
            yield part


def _decode(part: Message) -> str:
    octets = cast(bytes, part.get_payload(decode=True))
    declared = str(part.get_content_charset() or "utf-8")
    for charset in (declared, "utf-8"):
        try:
            if codecs.lookup(charset).name.replace("_", "-") in _NOT_CHARSETS:
                continue
            text = octets.decode(charset)
            break
        except (LookupError, ValueError):
            continue
    else:
        text = octets.decode("windows-1252", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")


def _unflow(text: str, part: Message) -> str:
    """Joins the lines that a mail program broke (RFC 3676 s. 4.1, s. 4.2)."""
    if str(part.get_param("format", "")).lower() != "flowed":
        return text
    delete_space = str(part.get_param("delsp", "")).lower() == "yes"
    lines: list[str] = []
    flowing = False
    for stuffed in text.split("\n"):
        line = stuffed.removeprefix(" ")
        if flowing and line != _SIGNATURE:
            lines[-1] += line
        else:
            lines.append(line)
        flowing = line.endswith(" ") and line != _SIGNATURE
        if flowing and delete_space:
            lines[-1] = lines[-1][:-1]
    return "\n".join(lines)
