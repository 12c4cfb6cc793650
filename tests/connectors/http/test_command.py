"""`dragoman carrier test`: one text over one carrier, and what the provider said."""

from __future__ import annotations

from typing import Any

import pytest
from tests.passing_time import until

from dragoman.admin.carriers import TryOut, try_carrier
from dragoman.core.model.errors import RefusalCode, Refused

from .conftest import KEY, PASSWORD, TOKEN, Provider


async def test_a_text_is_sent_and_the_answer_shown(provider: Provider, make_ours: Any) -> None:
    ours = await make_ours("linkmobility", provider.url, credentials={"apikey": KEY})
    tested = await try_carrier(ours.gateway.admin, "provider", TryOut(to="+45 11 11 11 11"))
    assert (tested.http_status, tested.meaning, len(tested.carrier_ids)) == (201, "accepted", 1)
    assert tested.request == f"POST {provider.url}/v2/message.json"
    assert tested.callback_url.endswith(f"/carriers/provider/{TOKEN}")
    phone = provider.smsc.phone("4511111111")
    await until(lambda: phone.received)
    assert phone.received[0].text == "A test of Dragoman."
    assert list(await ours.outbox()) == []


async def test_a_session_is_opened_for_it(provider: Provider, make_ours: Any) -> None:
    credentials = {"username": "reseller", "password": PASSWORD}
    ours = await make_ours("smsend", provider.url, credentials=credentials)
    tested = await try_carrier(
        ours.gateway.admin, "provider", TryOut(to="4511111111", text="grüße")
    )
    assert (tested.http_status, tested.meaning) == (201, "accepted")


@pytest.mark.parametrize(
    ("preset", "credentials", "base_url", "status", "meaning", "detail"),
    [
        ("linkmobility", {"apikey": "x" * 32}, "", 401, "setup", "HTTP 401 code 401"),
        ("linkmobility", {"apikey": KEY}, "http://127.0.0.1:1", 0, "", "no connection"),
        ("smsend", {"username": "reseller", "password": "x"}, "", 0, "", "login refused: HTTP 404"),
    ],
)
async def test_what_is_wrong_is_said_without_the_key(
    provider: Provider,
    make_ours: Any,
    preset: str,
    credentials: dict[str, str],
    base_url: str,
    status: int,
    meaning: str,
    detail: str,
) -> None:
    ours = await make_ours(preset, base_url or provider.url, credentials=credentials)
    tested = await try_carrier(ours.gateway.admin, "provider", TryOut(to="4511111111"))
    assert (tested.http_status, tested.meaning) == (status, meaning)
    assert detail in tested.detail
    assert all(value not in repr(tested) for value in credentials.values() if len(value) > 8)


async def test_what_cannot_be_tried_is_refused(provider: Provider, make_ours: Any) -> None:
    ours = await make_ours("linkmobility", provider.url, credentials={"apikey": KEY})
    admin = ours.gateway.admin
    for name, body, code in (
        ("nobody", TryOut(to="4511111111"), RefusalCode.NOT_FOUND),
        ("provider", TryOut(to="hello"), RefusalCode.INVALID_RECIPIENT),
        ("provider", TryOut(to="4511111111", text="x" * 1_001), RefusalCode.INVALID_FIELD),
    ):
        with pytest.raises(Refused) as raised:
            await try_carrier(admin, name, body)
        assert raised.value.code is code
    with pytest.raises(Refused, match="no such carrier, did you mean `provider`"):
        await try_carrier(admin, "provder", TryOut(to="4511111111"))
    with pytest.raises(Refused, match="only carriers of type http"):
        await try_carrier(provider.gateway.admin, "smsc", TryOut(to="4511111111"))
