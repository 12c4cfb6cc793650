"""What customers' servers answer to a text, and what is read of it."""

from __future__ import annotations

import pytest

from dragoman.dialects.twilio.twiml import MAX_MESSAGES, NotTwiml, Redirect, Reply, read_answer

XML = "text/xml"


def answer(inside: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{inside}</Response>'.encode()


TWIML: dict[str, tuple[str, bytes, list[Reply], Redirect | None]] = {
    "nothing": ("", b"", [], None),
    "white space": (XML, b" \n", [], None),
    "an empty answer": (XML, answer(""), [], None),
    "an empty answer, short": ("application/xml", b"<Response/>", [], None),
    "a text": (XML, answer("<Message>Hi &amp; bye</Message>"), [Reply(body="Hi & bye")], None),
    "a text in a body": (
        XML,
        answer("<Message>\n  <Body>Hi å</Body>\n</Message>"),
        [Reply(body="Hi å")],
        None,
    ),
    "the old name": (XML, answer("<Sms>Hi</Sms>"), [Reply(body="Hi")], None),
    "two texts": (
        XML,
        answer("<Message>1</Message><Message>2</Message>"),
        [Reply(body="1"), Reply(body="2")],
        None,
    ),
    "attributes": (
        XML,
        answer('<Message to="+45" from="Shop" action="/a" statusCallback="/b">x</Message>'),
        [Reply(body="x", to="+45", sender="Shop", status_callback="/a")],
        None,
    ),
    "the other name of the callback": (
        XML,
        answer('<Message statusCallback="/b">x</Message>'),
        [Reply(body="x", status_callback="/b")],
        None,
    ),
    "files": (
        XML,
        answer("<Message><Body>x</Body><Media> /a.png </Media><Media>/b.png</Media></Message>"),
        [Reply(body="x", media_urls=("/a.png", "/b.png"))],
        None,
    ),
    "a redirect": (
        XML,
        answer("<Redirect>\n/next?a=1&amp;b=2\n</Redirect>"),
        [],
        Redirect(url="/next?a=1&b=2", method="POST"),
    ),
    "a redirect by GET, and nothing behind it": (
        XML,
        answer('<Message>1</Message><Redirect method="get">/n</Redirect><Message>2</Message>'),
        [Reply(body="1")],
        Redirect(url="/n", method="GET"),
    ),
    "other verbs": (XML, answer("<Pause/><!-- x --><Message>1</Message>"), [Reply(body="1")], None),
    "plain text": ("text/plain", b"Hi there\n", [Reply(body="Hi there")], None),
    "plain text in Latin-1": (
        "text/plain; charset=iso-8859-1",
        "å".encode("latin-1"),
        [Reply(body="å")],
        None,
    ),
    "XML that says it is HTML": ("text/html", answer("<Sms>1</Sms>"), [Reply(body="1")], None),
    "XML that says nothing": ("", answer("<Message>1</Message>"), [Reply(body="1")], None),
    "a namespace": (
        "application/twiml+xml",
        b'<Response xmlns="x"><Message>1</Message></Response>',
        [Reply(body="1")],
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", TWIML)
def test_what_an_answer_says(case: str) -> None:
    content_type, body, replies, redirect = TWIML[case]
    assert read_answer(content_type, body) == (replies, redirect)


NONE = {
    "a page": ("text/html", b"<!doctype html><html><body>Hi</body></html>"),
    "JSON": ("application/json", b"{}"),
    "a picture": ("image/png", b"\x89PNG"),
    "half a document": (XML, b"<Response><Message>Hi"),
    "another document": (XML, b"<Rsp/>"),
    "entities": (
        XML,
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><Response>&b;</Response>',
    ),
    "a file of ours": (
        XML,
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
        b"<Response><Message>&a;</Message></Response>",
    ),
    "a document without end": (XML, b"<Response>" + b"<a>" * 5_000),
    "no text at all": ("text/plain", b"\xff\xfe\xfa"),
    "an unknown charset": ("text/plain; charset=klingon", b"x"),
    "an unknown charset of XML": ("text/xml; charset=klingon", b"<Response/>"),
}


@pytest.mark.parametrize("case", NONE)
def test_what_says_nothing(case: str) -> None:
    with pytest.raises(NotTwiml):
        read_answer(*NONE[case])


def test_there_are_not_too_many_replies() -> None:
    replies, _ = read_answer(XML, answer("<Message>x</Message>" * 500))
    assert len(replies) == MAX_MESSAGES
