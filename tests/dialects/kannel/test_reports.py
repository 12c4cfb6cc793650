"""Calls to a `dlr-url`: which, when, and with what in place of its escapes."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from dragoman.core.messages.model.callbacks import CallbackFacts
from dragoman.core.messages.model.lifecycle import State
from dragoman.dialects.kannel.callbacks import BITS, render_callback
from dragoman.dialects.kannel.escapes import fill
from dragoman.kit.ids import render_hex

FACTS = CallbackFacts(
    message_id=869_020_467_200_010,
    batch_id=869_020_467_200_009,
    state=State.DELIVERED,
    at_ms=1_790_000_000_500,
    recipient="4512345678",
    sender="InfoSMS",
)
IDENTIFIER = render_hex(FACTS.message_id)

TEMPLATES = {
    "nothing": ("http://a.example/d", "http://a.example/d"),
    "the bit": ("http://a.example/d?s=%d", "http://a.example/d?s=1"),
    "the number": ("http://a.example/?n=%p&q=%q", "http://a.example/?n=4512345678&q=4512345678"),
    "times": (
        "http://a.example/?t=%t&u=%T",
        "http://a.example/?t=2026-09-21+14:13:20&u=1790000000",
    ),
    "an identifier": ("http://a.example/?f=%F", f"http://a.example/?f={IDENTIFIER}"),
    "a percent sign": ("http://a.example/?x=100%%", "http://a.example/?x=100%"),
    "encoded signs": ("http://a.example/?x=%2B%3D%20", "http://a.example/?x=%2B%3D%20"),
    "encoded letters stay": ("http://a.example/?x=%D0%B1", "http://a.example/?x=%D0%B1"),
    "an octet that is no text": ("http://a.example/?x=%d0", "http://a.example/?x=10"),
    "unknown escapes": ("http://a.example/?x=%z%", "http://a.example/?x=%z%"),
    "a doubled one is no escape": ("http://a.example/?x=%%d", "http://a.example/?x=%d"),
}


@pytest.mark.parametrize(("url", "called"), TEMPLATES.values(), ids=TEMPLATES)
def test_escapes_are_replaced(url: str, called: str) -> None:
    call = render_callback(url, FACTS)
    assert (call.method, call.url, call.headers, call.body) == ("GET", called, (), b"")


@pytest.mark.parametrize("state", State)
def test_every_state_has_one_bit(state: State) -> None:
    facts = msgspec.structs.replace(FACTS, state=state)
    assert render_callback("%d", facts).url == str(BITS[state])
    assert BITS[state] in {1, 2, 4, 8, 16}


REPLIES = {
    State.SENT: ("", "ACK%2F"),
    State.REJECTED: ("0x0000000b", "NACK%2F0x0000000b"),
}


@pytest.mark.parametrize("state", REPLIES)
def test_the_reply_of_the_carrier(state: State) -> None:
    detail, reply = REPLIES[state]
    facts = msgspec.structs.replace(FACTS, state=state, detail=detail)
    assert render_callback("%A", facts).url == reply


WORDS = {
    "k=%k&r=%r": "k=NACK%2F0x0b&r=No+such*+address",
    "s=%s&S=%S&r=%r": "s=No&S=such~&r=address",
    "s=%s&s=%s&s=%s&s=%s&r=%r": "s=No&s=such*&s=address&s=&r=",
}


@pytest.mark.parametrize(("template", "called"), WORDS.items(), ids=WORDS)
def test_words_of_the_reply(template: str, called: str) -> None:
    facts = msgspec.structs.replace(FACTS, state=State.REJECTED, detail="0x0b No such* address")
    url = f"http://a.example/?{called.replace('such*', 'such%2A')}"
    assert render_callback(f"http://a.example/?{template}", facts).url == url


@pytest.mark.parametrize(
    ("state", "detail", "end"),
    [
        (State.DELIVERED, "", "stat%3ADELIVRD+err%3A000+text%3A"),
        (State.UNDELIVERED, "034", "stat%3AUNDELIV+err%3A034+text%3A"),
        (State.EXPIRED, "", "stat%3AEXPIRED+err%3A001+text%3A"),
    ],
)
def test_the_text_of_the_receipt(state: State, detail: str, end: str) -> None:
    failure = "" if state is State.DELIVERED else "unspecified"
    facts = msgspec.structs.replace(FACTS, state=state, detail=detail, failure=failure)
    url = render_callback("%A", facts).url
    assert url.startswith(f"id%3A{IDENTIFIER}+sub%3A001+dlvrd%3A00")
    assert url.endswith(end)


def test_values_of_the_first_pass_are_safe_in_the_second() -> None:
    once = fill("?o=%o&d=%d", {"o": "%C3%A5%d"}, last=False)
    assert fill(once, {"d": "1"}, last=True) == "?o=%C3%A5%d&d=1"


SUBMITTED = {
    "what was given": ("%P-%o-%n-%c-%C-%m-%u", "InfoSMS-my+shop-tester-0-UTF-8-1-"),
    "what was not": ("%M-%v-%V-%f", "-1---"),
    "data of a group": ("%#smpp#tag#", "a+b"),
    "later ones stay": ("%d%A%p%s", "%d%A%p%s"),
    "the url": ("%R", "http%%3A%%2F%%2Fa.example%%2F%%3Fx%%3D%%25R"),
    "a blank": ("my shop", "my%20shop"),
}


@pytest.mark.parametrize(("template", "stored"), SUBMITTED.values(), ids=SUBMITTED)
async def test_a_submission_fills_in_what_it_knows(gate: Any, template: str, stored: str) -> None:
    url = quote(f"http://a.example/?x={template}", safe="")
    (message,) = await gate.send(
        "to=4512345678&from=InfoSMS&text=a&account=my+shop&mclass=1&meta-data=%3Fsmpp%3Ftag%3Da%2Bb"
        f"&dlr-mask=3&dlr-url={url}"
    )
    assert message.options.callback_url == f"http://a.example/?x={stored}"


async def test_a_plus_comes_back(gate: Any) -> None:
    url = quote("http://a.example/?p=%p", safe="")
    (message,) = await gate.send(f"to=%2B4512345678&text=a&dlr-mask=3&dlr-url={url}")
    facts = msgspec.structs.replace(FACTS, recipient=message.recipient)
    called = render_callback(message.options.callback_url, facts).url
    assert called == "http://a.example/?p=%2B4512345678"


MASKS = {
    1: {State.DELIVERED},
    3: {State.DELIVERED, State.UNDELIVERED, State.EXPIRED, State.UNKNOWN},
    8: {State.SENT},
    24: {State.SENT, State.REJECTED},
    31: set(State) & {s for s, bit in BITS.items() if bit != 4 and s is not State.CANCELLED},
}


@pytest.mark.parametrize("mask", MASKS)
async def test_a_mask_chooses_the_states(gate: Any, mask: int) -> None:
    (message,) = await gate.send(
        f"to=4512345678&text=a&dlr-mask={mask}&dlr-url=http%3A%2F%2Fa.example"
    )
    assert set(message.options.reported_states) == MASKS[mask]


async def test_no_mask_asks_for_nothing(gate: Any) -> None:
    (message,) = await gate.send("to=4512345678&text=a&dlr-url=http%3A%2F%2Fa.example")
    assert message.options.callback_url == ""


async def test_the_url_of_the_account_is_called_where_a_request_names_none(gate: Any) -> None:
    webhooks = gate.services.webhooks
    await webhooks.put_report_url(gate.account, "kannel", "http://account.example/?d=%d&n=%p")
    own = "http%3A%2F%2Fown.example"
    for query in ("", f"&dlr-mask=1&dlr-url={own}", "&dlr-mask=8"):
        sent = await gate.send(f"to=4512345678&text=a{query}")
    first, second, third = sorted(sent, key=lambda message: message.message_id)
    assert first.options.callback_url.startswith("http://account.example/?d=%d")
    ends = {State.DELIVERED, State.UNDELIVERED, State.EXPIRED, State.UNKNOWN, State.REJECTED}
    assert set(first.options.reported_states) == ends
    assert second.options.callback_url == "http://own.example"
    assert third.options.reported_states == (State.SENT,)
