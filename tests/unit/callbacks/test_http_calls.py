"""Callbacks as HTTP calls: what reaches the customer's server."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from dragoman.core.callbacks.http_calls import HttpCalls
from dragoman.core.callbacks.rendering import Renderers
from dragoman.core.messages.model.callbacks import CallbackCall, CallbackFacts
from dragoman.core.messages.model.lifecycle import State
from dragoman.kit.clock import SystemClock
from dragoman.web.outgoing import Fetched

FACTS = CallbackFacts(
    message_id=7, batch_id=7, state=State.DELIVERED, at_ms=0, recipient="45", sender="x"
)
LOGINS = {
    "http://me:secret@a.example/dlr": ("http://a.example/dlr", "me:secret"),
    "http://me:se:cret@a.example:81/?d=%d": ("http://a.example:81/?d=%d", "me:se:cret"),
    "https://me%40shop:s%2Fcret@a.example": ("https://a.example", "me@shop:s/cret"),
    "http://me@a.example/?a=b@c": ("http://a.example/?a=b@c", "me:"),
    "http://a.example/?a=b@c": ("http://a.example/?a=b@c", ""),
    "http://[me@a.example/": ("http://[me@a.example/", ""),
}


class Client:
    """Notes what it is to call."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[tuple[str, str], ...]]] = []

    def start(
        self, _method: str, url: str, on_result: Any, *, headers: Any = (), body: bytes = b""
    ) -> None:
        self.calls.append((url, tuple(headers)))
        on_result(Fetched(200, {}, b""))


@pytest.mark.parametrize("url", LOGINS)
async def test_a_user_name_and_a_password_are_a_header(url: str) -> None:
    """Bug: such a call was never made, except where a dialect took them out of the URL itself."""
    called, login = LOGINS[url]
    client, mark = Client(), ("X-Mark", "1")
    renderers = Renderers(
        states={"test": lambda url, _: CallbackCall(method="GET", url=url, headers=(mark,))}
    )
    calls = HttpCalls(client=client, renderers=renderers, clock=SystemClock())
    assert (await calls.test("test", url, FACTS)).status == 200
    token = f"Basic {b64encode(login.encode()).decode()}"
    assert client.calls == [(called, (mark, ("Authorization", token)) if login else (mark,))]


async def test_a_callback_to_a_url_with_a_login_is_made(
    make_teller: Any, make_customer: Any
) -> None:
    teller, customer = await make_teller(), await make_customer()
    url = customer.origin.replace("://", "://me:secret@")
    await teller.tell(customer.origin, 7, State.DELIVERED, url=url)
    await teller.until_ended()
    assert customer.accepted == [(7, 40)]
