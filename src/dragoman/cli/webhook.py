"""`dragoman webhook`: the URLs called about an account's messages, and about its phones."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from dragoman.admin.answers import WebhookList, WebhookView
from dragoman.cli.command import Gateway, command
from dragoman.cli.groups import new_group
from dragoman.cli.options import argument, option
from dragoman.cli.output import print_table

app = new_group()


SMSGATEWAY24: Final = "smsgateway24"


class Event(StrEnum):
    """What a webhook is called about."""

    DELIVERY = "delivery"
    INCOMING = "incoming"


Account = Annotated[str, argument("The account.")]
WhichEvent = Annotated[
    Event,
    argument(
        "`delivery`: a text was sent, delivered or failed; `incoming`: one was received, for"
        " programs of SMSGateway24, Kannel and Jasmin."
    ),
]
Dialect = Annotated[
    str, option("The API whose programs are called.", "--dialect", show_default=True)
]
Device = Annotated[
    int | None,
    option("Only for this phone; else for all without one of their own.", "--device", min=1),
]


@command(app, "list")
def list_webhooks(
    gateway: Gateway, account: Annotated[str, argument("An account; all if not given.")] = ""
) -> None:
    """List webhooks."""
    gateway.show(
        gateway.get("webhooks", answer=WebhookList, account=account),
        lambda answer: print_table(
            ("account", "API", "device", "event", "URL"),
            [
                (one.account, one.dialect, str(one.device_id or "all"), one.event, one.url)
                for one in answer.webhooks
            ],
        ),
    )


@command(app, "set")
def set_webhook(
    gateway: Gateway,
    account: Account,
    event: WhichEvent,
    url: Annotated[str, argument("The URL to call.")],
    dialect: Dialect = SMSGATEWAY24,
    device: Device = None,
) -> None:
    """Set the URL that is called about an event, replacing any other.

    A URL that a program gives with a message wins.
    """
    _put(gateway, account, event, url, dialect, device)


@command(app, "remove")
def remove_webhook(
    gateway: Gateway,
    account: Account,
    event: WhichEvent,
    dialect: Dialect = SMSGATEWAY24,
    device: Device = None,
) -> None:
    """Remove a webhook; messages that were submitted before are still reported to it."""
    _put(gateway, account, event, "", dialect, device)


def _put(
    gateway: Gateway, account: str, event: Event, url: str, dialect: str, device: int | None
) -> None:
    body = {
        "account": account,
        "event": event.value,
        "url": url,
        "dialect": dialect,
        "device_id": device,
    }
    gateway.show(gateway.call("PUT", "webhooks", answer=WebhookView, body=body), _print_webhook)


def _print_webhook(webhook: WebhookView) -> None:
    whose = f"device {webhook.device_id}" if webhook.device_id else "all phones"
    if webhook.dialect != SMSGATEWAY24:
        whose = f"all {webhook.dialect} messages"
        if webhook.event == Event.INCOMING:
            whose = "all texts"
    print(f"{webhook.event} of {whose} of {webhook.account}: {webhook.url or 'no webhook'}")
