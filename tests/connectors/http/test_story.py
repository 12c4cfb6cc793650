"""Our gateway sends over a second one of ours: to delivered, with status and inbound back."""

from __future__ import annotations

from typing import Any

from tests.passing_time import until

from dragoman.config.http import AnswerTable, RequestTable, StatusTable
from dragoman.core.messages.model.lifecycle import State

from .conftest import KEY, OUR_NUMBER, Ours, Provider


async def deliver(ours: Ours, provider: Provider) -> None:
    """A short, a long and a Unicode text, each delivered as it was sent."""
    texts = ("hello", "long " * 60, "grüße 😀 " * 20)
    for number, text in enumerate(texts):
        await ours.send(f"451111111{number}", text=text)
    await ours.until_states(*[State.DELIVERED] * 3)
    for number, text in enumerate(texts):
        phone = provider.smsc.phone(f"451111111{number}")
        await until(lambda phone=phone: phone.received)
        (received,) = phone.received
        assert (received.sender, received.text) == ("Dragoman", text)


async def test_linkmobility(provider: Provider, make_ours: Any) -> None:
    ours = await make_ours("linkmobility", provider.url, credentials={"apikey": KEY})
    await deliver(ours, provider)
    await provider.forward("linkmobility", ours.callback_url)
    await provider.smsc.send_text("4599999999", OUR_NUMBER, "hello there")
    await until(ours.texts, "a text in the inbox")
    assert await ours.texts() == [("4599999999", OUR_NUMBER, "hello there")]


async def test_generic(provider: Provider, make_ours: Any) -> None:
    """The table is the operator's own: here, for LINK's API."""
    ours = await make_ours(
        "generic",
        provider.url,
        credentials={"api_key": KEY},
        request=RequestTable(
            path="/v2/message.json",
            query={"apikey": "{api_key}"},
            template='{"message": {"recipients": "{to_plus}", "sender": "{sender}",'
            ' "message": "{text}", "status": true, "statusurl": "{status_url}"}}',
        ),
        answer=AnswerTable(status=(201,), id="details.batchid", code=("message",)),
        status=StatusTable(
            id="batchid",
            recipient="to",
            state="status",
            states={"received": "delivered", "rejected": "undeliverable"},
        ),
    )
    await deliver(ours, provider)
