"""`dragoman sender`: which senders accounts asked for, and whether they may send from them."""

from __future__ import annotations

from typing import Annotated

import typer

from dragoman.cli.asking import ask
from dragoman.cli.options import ConfigOption, DataOption, JsonOption, find_settings
from dragoman.cli.outcome import write_json
from dragoman.cli.output import print_table, show_time

app = typer.Typer(
    no_args_is_help=True, help="Senders that accounts asked for: only approved ones may be used."
)

Account = Annotated[str, typer.Argument(help="The account.", show_default=False)]
Sender = Annotated[str, typer.Argument(help="The sender, as it was asked for.", show_default=False)]
ByAuthority = Annotated[
    bool, typer.Option("--by-authority", help="A regulator said so (in Italy, AGCOM).")
]


@app.command("list")
def list_senders(
    account: Annotated[
        str, typer.Argument(help="Only those of this account.", show_default=False)
    ] = "",
    pending: Annotated[
        bool, typer.Option("--pending", help="Only those that nobody has decided on.")
    ] = False,
    offset: Annotated[int, typer.Option(help="How many to leave out.", min=0)] = 0,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=10_000)] = 1_000,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """List senders, oldest first."""
    from dragoman.control.requests import ListSenders

    request = ListSenders(username=account, pending=pending, offset=offset, limit=limit)
    answer = ask(find_settings(config, data), request)
    if json:
        write_json(answer)
        return
    print_table(
        ("account", "sender", "state", "company", "contact", "since"),
        [
            (
                sender.account,
                sender.sender,
                sender.state,
                sender.company or "",
                sender.contact or "",
                show_time(sender.since_ms),
            )
            for sender in answer.senders
        ],
    )
    if offset + len(answer.senders) < answer.total:
        print(f"There are more: --offset {offset + len(answer.senders)}")


@app.command("approve")
def approve_sender(
    account: Account,
    sender: Sender,
    by_authority: ByAuthority = False,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Let an account send from a sender it asked for."""
    _decide(account, sender, approved=True, by=by_authority, config=config, data=data, json=json)


@app.command("reject")
def reject_sender(
    account: Account,
    sender: Sender,
    by_authority: ByAuthority = False,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Keep an account from sending from a sender, from this moment on."""
    _decide(account, sender, approved=False, by=by_authority, config=config, data=data, json=json)


def _decide(
    account: str,
    sender: str,
    *,
    approved: bool,
    by: bool,
    config: ConfigOption,
    data: DataOption,
    json: bool,
) -> None:
    from dragoman.control.requests import DecideSender

    request = DecideSender(username=account, sender=sender, approved=approved, by_authority=by)
    decided = ask(find_settings(config, data), request)
    if json:
        write_json(decided)
    else:
        print(f"{decided.account} may {'' if approved else 'not '}send from {decided.sender}")
