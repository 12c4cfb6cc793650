"""`dragoman webhook`: who is called about what an account's phones send and receive."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from dragoman.cli.asking import ask
from dragoman.cli.options import ConfigOption, DataOption, JsonOption, find_settings
from dragoman.cli.outcome import write_json
from dragoman.cli.output import print_table

if TYPE_CHECKING:
    from dragoman.control.answers import WebhookView

app = typer.Typer(
    no_args_is_help=True, help="Webhooks of phones, as programs of SMSGateway24 expect them."
)


class Event(StrEnum):
    """What can be told."""

    DELIVERY = "delivery"
    INCOMING = "incoming"


Account = Annotated[str, typer.Argument(help="The account.", show_default=False)]
WhichEvent = Annotated[
    Event,
    typer.Argument(
        help="`delivery`: a text was sent, arrived or failed; `incoming`: one came in.",
        show_default=False,
    ),
]
Device = Annotated[
    int | None,
    typer.Option(
        "--device", help="Only for this phone; else for all without one of their own.", min=1
    ),
]


@app.command("list")
def list_webhooks(
    account: Annotated[str, typer.Argument(help="An account; all if not given.")] = "",
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """List webhooks."""
    from dragoman.control.requests import ListWebhooks

    answer = ask(find_settings(config, data), ListWebhooks(username=account))
    if json:
        write_json(answer)
        return
    print_table(
        ("account", "device", "event", "URL"),
        [(one.account, str(one.device_id or "all"), one.event, one.url) for one in answer.webhooks],
    )


@app.command("set")
def set_webhook(
    account: Account,
    event: WhichEvent,
    url: Annotated[str, typer.Argument(help="Where to POST.", show_default=False)],
    device: Device = None,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Call an address from now on, in place of any other."""
    from dragoman.control.requests import SetWebhook

    request = SetWebhook(username=account, event=event.value, url=url, device_id=device)
    _show(ask(find_settings(config, data), request), json)


@app.command("remove")
def remove_webhook(
    account: Account,
    event: WhichEvent,
    device: Device = None,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Call nobody any more; texts that were submitted before are still told of."""
    from dragoman.control.requests import SetWebhook

    request = SetWebhook(username=account, event=event.value, url="", device_id=device)
    _show(ask(find_settings(config, data), request), json)


def _show(webhook: WebhookView, json: bool) -> None:
    if json:
        write_json(webhook)
        return
    whose = f"device {webhook.device_id}" if webhook.device_id else "all phones"
    print(f"{webhook.event} of {whose} of {webhook.account}: {webhook.url or 'nobody is called'}")
