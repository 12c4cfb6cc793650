"""Our gateway sends over a second one of ours: to delivered, with status and inbound back."""

from __future__ import annotations

from typing import Any

from tests.passing_time import until

from dragoman.config.http import AnswerTable, PollTable, RequestTable, StatusTable
from dragoman.config.tables import HttpTable
from dragoman.config.values import Secret
from dragoman.core.messages.model.lifecycle import State
from dragoman.dialects.smsgateway24.webhooks import Event, put_webhook

from .conftest import KEY, OUR_NUMBER, PASSWORD, Ours, Provider

POOR_KEY = "00000000000000000000000000000000"


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


async def receive(ours: Ours, provider: Provider) -> None:
    """A text to our number at the provider arrives in our inbox, once."""
    text = "hello there, 😀 " + "long " * 60
    await provider.smsc.send_text("4599999999", OUR_NUMBER, text)
    await until(ours.texts, "a text in the inbox")
    assert await ours.texts() == [("4599999999", OUR_NUMBER, text)]


async def test_linkmobility(provider: Provider, make_ours: Any) -> None:
    ours = await make_ours("linkmobility", provider.url, credentials={"apikey": KEY})
    await deliver(ours, provider)
    await provider.forward("linkmobility", ours.callback_url)
    await receive(ours, provider)


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


async def test_smsend(provider: Provider, make_ours: Any) -> None:
    """Its states are asked for, under a session that is opened when it is needed."""
    ours = await make_ours(
        "smsend",
        provider.url,
        credentials={"username": "reseller", "password": PASSWORD},
        poll=PollTable(every_s=0.1),
    )
    await deliver(ours, provider)


async def test_httpsms(provider: Provider, make_ours: Any) -> None:
    ours = await make_ours(
        "httpsms", provider.url, credentials={"key": KEY}, poll=PollTable(every_s=0.1)
    )
    await deliver(ours, provider)


async def test_smsgateway24(provider: Provider, make_ours: Any) -> None:
    services = provider.gateway.services
    ours = await make_ours(
        "smsgateway24",
        provider.url,
        credentials={
            "email": "reseller",
            "password": PASSWORD,
            "device_id": "0",
            "number": OUR_NUMBER,
        },
    )
    for event in (Event.DELIVERY, Event.INCOMING):
        await put_webhook(services.webhooks, provider.account, event, ours.callback_url, None)
    await deliver(ours, provider)
    await receive(ours, provider)


async def test_smsgate(provider: Provider, make_ours: Any) -> None:
    services = provider.gateway.services
    ours = await make_ours(
        "smsgate",
        f"{provider.url}/api",
        credentials={
            "username": "reseller",
            "password": PASSWORD,
            "signing_key": await services.phone_settings.ensure_signing_key(provider.account),
        },
    )
    for event in ("sms:sent", "sms:delivered", "sms:failed", "sms:received"):
        await provider.call(
            "POST", "/api/3rdparty/v1/webhooks", {"url": ours.callback_url, "event": event}
        )
    await deliver(ours, provider)
    await receive(ours, provider)


async def test_kannel(provider: Provider, make_ours: Any) -> None:
    ours = await make_ours(
        "kannel", provider.url, credentials={"username": "reseller", "password": PASSWORD}
    )
    await deliver(ours, provider)
    await provider.forward("kannel", f"{ours.callback_url}?from=%p&to=%P&text=%b&id=%I")
    await receive(ours, provider)


async def test_jasmin(provider: Provider, make_ours: Any) -> None:
    ours = await make_ours(
        "jasmin", provider.url, credentials={"username": "reseller", "password": PASSWORD}
    )
    await deliver(ours, provider)
    await provider.forward("jasmin", ours.callback_url)
    await receive(ours, provider)


async def test_twilio(provider: Provider, make_ours: Any) -> None:
    """Status callbacks and texts come signed."""
    token = await provider.gateway.services.auth_tokens.ensure(provider.account)
    ours = await make_ours(
        "twilio",
        provider.url,
        credentials={"account_sid": token.public_id, "auth_token": token.token},
    )
    await deliver(ours, provider)
    await provider.call(
        "POST",
        f"/2010-04-01/Accounts/{token.public_id}/IncomingPhoneNumbers.json",
        form={"PhoneNumber": f"+{OUR_NUMBER}", "SmsUrl": ours.callback_url},
        login=(token.public_id, token.token),
    )
    await receive(ours, provider)


async def test_an_empty_account_fails_over_and_raises_the_alarm(
    provider: Provider, make_ours: Any
) -> None:
    services = provider.gateway.services
    poor = await services.accounts.create("poor", password=PASSWORD, api_key=POOR_KEY, credits=1)
    assert poor.account
    second = HttpTable(
        name="second",
        preset="linkmobility",
        base_url=provider.url,
        credentials={"apikey": Secret(KEY)},
    )
    ours = await make_ours(
        "linkmobility",
        provider.url,
        credentials={"apikey": POOR_KEY},
        credit_retry_s=3_600.0,
        others=(second,),
    )
    for number in range(4):
        await ours.send(f"451111111{number}")
    messages = await ours.until_all(State.SENT, State.DELIVERED, count=4)
    assert sorted(message.carrier for message in messages) == ["provider", *["second"] * 3]
    health = ours.gateway.services.health
    assert health.warnings() == ["carrier provider is down: the account is out of credit"]
    carrier = next(one for one in ours.gateway.carriers() if one.name == "provider")
    assert carrier.links[0].last_error == "the account is out of credit"


async def test_messages_of_an_earlier_run_are_asked_about(
    provider: Provider, make_ours: Any
) -> None:
    """A gateway that was stopped before it had asked learns what became of its messages."""
    more = {
        "credentials": {"username": "reseller", "password": PASSWORD},
        "poll": PollTable(every_s=86_400.0),
    }
    ours = await make_ours("smsend", provider.url, **more)
    await ours.send()
    await ours.until_states(State.SENT)
    await ours.stop()
    again = await make_ours(
        "smsend", provider.url, folder=ours.folder, **more | {"poll": PollTable(every_s=0.1)}
    )
    again.account = ours.account
    await again.until_states(State.DELIVERED)
