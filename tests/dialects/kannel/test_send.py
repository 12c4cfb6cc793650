"""`sendsms`: exact requests, exact answers, and what was accepted."""

from __future__ import annotations

from typing import Any

import pytest
from tests.dialects.in_process import count_rows

from dragoman.core.model.errors import RefusalCode, StorageUnavailable
from dragoman.dialects.kannel import errors
from dragoman.kit.ids import render_hex

LOGIN = "username=tester&password=foobar"
TO = "to=4512345678"
DENIED = b"Number(s) has/have been denied by white- and/or black-lists."
NO_LOGIN = b"Authorization failed for sendsms"

TEXTS = {
    "latin": (f"{TO}&text=Hello+world", "Hello world", "auto"),
    "utf-8": (f"{TO}&text=%D0%9F%D1%80%D0%B8%D0%B2%D0%B5%D1%82", "Привет", "auto"),
    "cyrillic that only a coding would have kept": (f"{TO}&coding=0&text=%D0%9F", "П", "auto"),
    "windows-1252 without a charset": (f"{TO}&text=5+%80", "5 €", "auto"),
    "a charset": (f"{TO}&charset=iso-8859-15&text=5+%A4", "5 €", "auto"),
    "a charset by another name": (f"{TO}&charset=Windows-1252&text=5+%80", "5 €", "auto"),
    "UTF-16BE, that of coding 2": (f"{TO}&coding=2&text=%04%1F%04%40", "Пр", "unicode"),
    "coding 2 with a charset": (f"{TO}&coding=2&charset=utf-8&text=%D0%9F", "П", "unicode"),
    "octets": (f"{TO}&coding=1&text=%00%FF%41", "00ff41", "binary"),
    "octets with a header": (f"{TO}&udh=%06%05%04%0B%84%23%F0&text=%01%06", "0106", "binary"),
    "a part of a text": (f"{TO}&coding=0&udh=%05%00%03%07%02%01&text=Hello+", "Hello ", "gsm"),
    "a part of a text in UCS-2": (
        f"{TO}&coding=2&udh=%05%00%03%07%02%01&text=%04%1F%04%40", "Пр", "unicode",
    ),
    "a part that needs UCS-2": (
        f"{TO}&coding=0&udh=%05%00%03%07%02%01&text=%D0%9F", "П", "unicode",
    ),
    "unknown parameters": (f"{TO}&text=a&flash=1&x=y", "a", "auto"),
}  # fmt: skip


@pytest.mark.parametrize(("query", "text", "kind"), TEXTS.values(), ids=TEXTS)
async def test_text_is_read_by_coding_and_charset(
    gate: Any, query: str, text: str, kind: str
) -> None:
    (message,) = await gate.send(query)
    assert (message.text, message.format) == (text, kind)
    assert (message.recipient, message.sender, message.protocol) == (
        "4512345678",
        "Shop",
        "sendsms",
    )


REFUSED: dict[str, tuple[str, int, bytes]] = {
    "no login": (f"{TO}&text=a", 403, NO_LOGIN),
    "a wrong password": (f"username=tester&password=wrong&{TO}&text=a", 403, NO_LOGIN),
    "a wrong name": (f"username=nobody&password=foobar&{TO}&text=a", 403, NO_LOGIN),
    "an address that is not allowed": (
        f"username=fenced&password=foobar&{TO}&text=a", 403, NO_LOGIN,
    ),
    "no credit": (
        f"username=poor&password=foobar&{TO}&from=A&text=a",
        403, b"Not routable. Do not try again.",
    ),
    "a login comes before all else": ("username=tester&password=wrong", 403, NO_LOGIN),
    "no to": (f"{LOGIN}&text=a", 400, b"Missing receiver number, rejected"),
    "an empty to": (f"{LOGIN}&to=&text=a", 400, b"Empty receiver number not allowed, rejected"),
    "a blank to": (f"{LOGIN}&to=+&text=a", 400, b"Empty receiver number not allowed, rejected"),
    "a comma": (f"{LOGIN}&to=4512345678,4512345679&text=a", 400, DENIED),
    "letters": (f"{LOGIN}&to=mother&text=a", 400, DENIED),
    "no sender": (
        f"username=poor&password=foobar&{TO}&text=a",
        400, b"Sender missing and no global set, rejected",
    ),
    "a udh of a wrong length": (
        f"{LOGIN}&{TO}&udh=%05%00%03&text=a", 400, b"UDH field misformed, rejected",
    ),
    "a udh that is too long": (
        f"{LOGIN}&{TO}&udh={'a' * 141}&text=a", 400, b"UDH field is too long, rejected",
    ),
    "a dlr-url": (
        f"{LOGIN}&{TO}&text=a&dlr-mask=1&dlr-url=ftp://example.com",
        400, b"DLR-URL field misformed, rejected",
    ),
    "an account": (
        f"{LOGIN}&{TO}&text=a&account=[x]", 400, b"Account field misformed or too long, rejected",
    ),
    "a long account": (
        f"{LOGIN}&{TO}&text=a&account={'x' * 65}",
        400, b"Account field misformed or too long, rejected",
    ),
    "half a character": (
        f"{LOGIN}&{TO}&coding=2&text=%04", 400, b"Charset or body misformed, rejected",
    ),
    "a codec that is no charset": (
        f"{LOGIN}&{TO}&charset=idna&text=a", 400, b"Charset or body misformed, rejected",
    ),
    "an unknown charset": (
        f"{LOGIN}&{TO}&charset=klingon&text=a", 400, b"Charset or body misformed, rejected",
    ),
    **{
        f"{name} {value}": (
            f"{LOGIN}&{TO}&text=a&{name}={value}",
            400,
            f"{title} field misformed, rejected".encode(),
        )
        for name, title, value in (
            ("mclass", "MClass", "4"),
            ("pid", "PID", "256"),
            ("rpi", "RPI", "3"),
            ("alt-dcs", "Alt-DCS", "2"),
            ("mwi", "MWI", "8"),
            ("coding", "Coding", "3"),
            ("compress", "Compress", "-2"),
            ("validity", "Validity", "-5"),
            ("deferred", "Deferred", "-5"),
            ("priority", "Priority", "4"),
            ("dlr-mask", "DLR-Mask", "64"),
        )
    },
}  # fmt: skip


async def test_refusals_have_kannels_words_and_store_nothing(gate: Any) -> None:
    before = await count_rows(gate.services.storage)
    for name, (query, status, body) in REFUSED.items():
        answer = await gate.get(query)
        assert (answer.status, answer.body) == (status, body), name
        assert answer.content_type == "text/html", name
    assert await count_rows(gate.services.storage) == before


async def test_an_answer_has_kannels_headers_and_our_identifier(gate: Any) -> None:
    answer = await gate.get(f"{LOGIN}&{TO}&text=a")
    assert answer.headers[b"pragma"] == b"no-cache"
    assert answer.headers[b"cache-control"] == b"no-cache"
    (message,) = await gate.accepted()
    assert answer.headers[b"x-dragoman-id"].decode() == render_hex(message.batch_id)


async def test_numbers_are_separated_by_blanks_and_bad_ones_left_out(gate: Any) -> None:
    messages = await gate.send("to=%2B4512345678+0045+12+34x+4512345679+4512345679&text=a")
    assert [message.recipient for message in messages] == ["4512345678", "4512345679"]


@pytest.mark.parametrize("names", ["user=tester&pass=foobar", "user=x&username=tester&pass=foobar"])
async def test_old_names_are_read_where_the_new_one_is_not_there(gate: Any, names: str) -> None:
    answer = await gate.get(f"{names}&{TO}&text=a")
    assert answer.status == 202


async def test_the_first_of_a_repeated_parameter_counts(gate: Any) -> None:
    (message,) = await gate.send(f"{TO}&text=first&text=second")
    assert message.text == "first"


async def test_options_reach_the_message(gate: Any) -> None:
    (message,) = await gate.send(
        f"{TO}&from=InfoSMS&text=a&mclass=0&pid=65x&validity=60&priority=3"
    )
    options = message.options
    assert (message.sender, options.message_class, options.protocol_id) == ("InfoSMS", 0, 65)


async def test_a_deferred_message_waits(gate: Any) -> None:
    assert await gate.send(f"{TO}&text=a&deferred=10") == []
    assert (await count_rows(gate.services.storage))["batches"] == 1


async def test_numbers_that_are_words_are_not_given(gate: Any) -> None:
    (message,) = await gate.send(f"{TO}&text=a&mclass=-1&pid=x&dlr-mask=x&dlr-url=http://a.example")
    assert (message.options.message_class, message.options.protocol_id) == (None, 0)
    assert message.options.callback_url == ""


async def test_161_letters_are_two_parts_and_not_cut(gate: Any) -> None:
    (message,) = await gate.send(f"{TO}&text={'a' * 161}")
    assert (len(message.text), message.parts) == (161, 2)


FORM = "application/x-www-form-urlencoded"
XML = b"""<?xml version="1.0" encoding="ISO-8859-1"?>
<message><submit>
  <da><number>4512345678</number></da><da><number>4512345679</number></da>
  <oa><number>InfoSMS</number></oa>
  <ud>Bl\xe5b%C3%A6r 100%25</ud>
  <dcs><mclass>1</mclass></dcs>
  <from><user>tester</user><pass>foobar</pass><account>shop</account></from>
</submit></message>"""
XML_OCTETS = b"""<message><submit><da><number>4512345678</number></da><ud>0106</ud>
<udh>06050415810000</udh><from><username>tester</username><password>foobar</password></from>
</submit></message>"""
XML_DIGITS = XML_OCTETS.replace(b"<udh>06050415810000</udh>", b"")


async def test_a_form_is_taken(gate: Any) -> None:
    answer = await gate.post(f"{LOGIN}&{TO}&text=Hello".encode(), FORM)
    assert answer.status == 202
    assert [message.text for message in await gate.accepted()] == ["Hello"]


@pytest.mark.parametrize(
    ("body", "texts", "senders"),
    [
        (XML, ["Blåbær 100%"] * 2, ["InfoSMS"] * 2),
        (XML_OCTETS, ["0106"], ["Shop"]),
        (XML_DIGITS, ["0106"], ["Shop"]),
    ],
    ids=["text", "octets", "digits without a header are text"],
)
async def test_xml_is_read_by_its_declaration(
    gate: Any, body: bytes, texts: list[str], senders: list[str]
) -> None:
    answer = await gate.post(body, "text/xml")
    assert (answer.status, answer.body) == (202, b"0: Accepted for delivery")
    messages = await gate.accepted()
    assert [message.text for message in messages] == texts
    assert [message.sender for message in messages] == senders


@pytest.mark.parametrize(
    ("content_type", "text", "kind"),
    [
        ("text/plain; charset=utf-8", "Grüße", "auto"),
        ("application/octet-stream", "Grüße".encode().hex(), "binary"),
    ],
)
async def test_a_plain_body_is_the_text_and_headers_are_the_rest(
    gate: Any, content_type: str, text: str, kind: str
) -> None:
    answer = await gate.post(
        "Grüße".encode(), content_type, username="tester", password="foobar", to="4512345678"
    )
    assert answer.status == 202
    (message,) = await gate.accepted()
    assert (message.text, message.format) == (text, kind)


UNREADABLE = {
    "json": (b"{}", "application/json", 400, b"Invalid content-type"),
    "html": (b"<p>a</p>", "text/html", 415, b"Unsupported content-type, rejected"),
    "xml of something else": (b"<a/>", "text/xml", 400, b"Charset or body misformed, rejected"),
    "xml that ends early": (b"<message>", "text/xml", 400, b"Charset or body misformed, rejected"),
    "xml to nobody": (
        b"<message><submit><from><user>a</user></from></submit></message>",
        "text/xml",
        400,
        b"Missing receiver(s) number(s), rejected",
    ),
}


async def test_bodies_that_cannot_be_read(gate: Any) -> None:
    for name, (body, content_type, status, expected) in UNREADABLE.items():
        answer = await gate.post(body, content_type)
        assert (answer.status, answer.body) == (status, expected), name


async def test_an_outage_is_temporary(gate: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any) -> None:
        raise StorageUnavailable

    monkeypatch.setattr(type(gate.services.submission), "submit", fail)
    answer = await gate.get(f"{LOGIN}&{TO}&text=a")
    assert (answer.status, answer.body) == (503, b"Temporal failure, try again later.")


@pytest.mark.parametrize("code", RefusalCode)
def test_every_refusal_has_an_answer(code: RefusalCode) -> None:
    assert errors.ANSWERS[code].status in {400, 403, 404, 503}
