"""How people are told of alerts: mail through the relay of mailings, and calls to URLs."""

from __future__ import annotations

import asyncio
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

import msgspec

from dragoman.config.sections import Mailings
from dragoman.core.alerts.alerts import Channels
from dragoman.core.alerts.model.rules import Notice
from dragoman.core.callbacks.calling import Caller, called_of
from dragoman.core.campaigns.ports import Transport
from dragoman.core.model.urls import split_user
from dragoman.kit.clock import datetime_of
from dragoman.web.outgoing import Fetched, FetchError

JSON = (("content-type", "application/json"),)


def build_channels(settings: Mailings, client: Caller, transport: Transport) -> Channels:
    """The channels of a gateway."""

    one_at_a_time = asyncio.Lock()

    async def mail(address: str, notice: Notice) -> str:
        if not settings.sender:
            return "mailings.sender is not set"
        message = render_mail(settings.sender, address, notice)
        name = f"alert-{notice.alert_id}-{notice.at_ms}"
        async with one_at_a_time:  # over one connection
            answer = await transport.hand_over(name, settings.sender, address, message)
            await transport.close()
        good = answer.code is not None and 200 <= answer.code < 300
        return "" if good else f"{answer.code or ''} {answer.text}".strip()

    async def webhook(url: str, notice: Notice) -> str:
        waiting: asyncio.Future[Fetched | FetchError] = asyncio.get_running_loop().create_future()

        def on_result(result: Fetched | FetchError) -> None:
            if not waiting.done():
                waiting.set_result(result)

        body = msgspec.json.encode(notice)
        address, login = split_user(url)
        client.start("POST", address, on_result, headers=(*JSON, *login), body=body)
        called = called_of(await waiting)
        good = called.status is not None and 200 <= called.status < 300
        return "" if good else called.answer or str(called.status)

    return Channels(mail=mail, webhook=webhook)


def render_mail(sender: str, recipient: str, notice: Notice) -> bytes:
    """A notice as a mail."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = recipient
    mail["Subject"] = " ".join(notice.sentence.split())[:200]
    mail["Date"] = format_datetime(datetime_of(notice.at_ms))
    mail["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2] or "localhost")
    mail["Auto-Submitted"] = "auto-generated"
    since = datetime_of(notice.since_ms)
    mail.set_content(
        f"{notice.detail}\n\nRule: {notice.rule}\nSince: {since:%Y-%m-%d %H:%M:%S} UTC\n"
    )
    return mail.as_bytes()
