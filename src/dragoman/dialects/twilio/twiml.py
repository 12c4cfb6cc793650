"""TwiML as customers' servers answer with it: messages to send, and where to ask next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from dragoman.web.charsets import codec_of, decode_text, parse_media_type
from dragoman.web.refusals import MalformedBody
from dragoman.web.xml_tree import Element, parse_element

MAX_MESSAGES: Final = 10
"""Of one answer; further ones are not sent."""

_XML: Final = frozenset({"text/xml", "application/xml", "text/html"})
_MESSAGES: Final = frozenset({"Message", "Sms"})
_POST: Final = "POST"


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A message to send."""

    body: str
    media_urls: tuple[str, ...] = ()
    to: str = ""
    """Empty for whoever wrote."""
    sender: str = ""
    """Empty for the number that was written to."""
    status_callback: str = ""


class Redirect(msgspec.Struct, frozen=True, kw_only=True):
    """Another URL to ask, perhaps relative to the one that was."""

    url: str
    method: str


class NotTwiml(Exception):
    """An answer that says nothing that can be done."""


def read_answer(content_type: str, body: bytes) -> tuple[list[Reply], Redirect | None]:
    """What an answer asks for; raises `NotTwiml`. All that follows a redirect is ignored."""
    text = body.strip()
    if not text:
        return [], None
    media = parse_media_type(content_type.encode("latin-1", "replace"))
    if media.name == "text/plain":
        try:
            return [Reply(body=decode_text(text, codec_of(media.charset)))], None
        except MalformedBody:
            raise NotTwiml from None
    if media.name and media.name not in _XML and not media.name.endswith("+xml"):
        raise NotTwiml
    try:
        root = parse_element(text, charset=media.charset)
    except MalformedBody:
        raise NotTwiml from None
    if root.name != "Response":
        raise NotTwiml
    replies: list[Reply] = []
    for verb in root.children:
        if verb.name in _MESSAGES:
            replies.append(_read_message(verb))
        elif verb.name == "Redirect":
            method = verb.attributes.get("method", _POST).upper()
            redirect = Redirect(url=verb.text.strip(), method="GET" if method == "GET" else _POST)
            return replies[:MAX_MESSAGES], redirect
    return replies[:MAX_MESSAGES], None


def _read_message(verb: Element) -> Reply:
    bodies = list(_texts(verb, "Body")) or [verb.text.strip()]
    attributes = verb.attributes
    return Reply(
        body="".join(bodies),
        media_urls=tuple(filter(None, (text.strip() for text in _texts(verb, "Media")))),
        to=attributes.get("to", "").strip(),
        sender=attributes.get("from", "").strip(),
        status_callback=attributes.get("action") or attributes.get("statusCallback", ""),
    )


def _texts(verb: Element, name: str) -> Iterator[str]:
    return (child.text for child in verb.children if child.name == name)
