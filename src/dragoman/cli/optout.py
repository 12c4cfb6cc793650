"""`dragoman optout`: who wants no messages."""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Final

import typer

from dragoman.cli.asking import ask
from dragoman.cli.options import ConfigOption, DataOption, JsonOption, find_settings
from dragoman.cli.outcome import write_json
from dragoman.cli.output import print_table, show_time

app = typer.Typer(no_args_is_help=True, help="Opt-outs: who gets no messages.")

Account = Annotated[str, typer.Argument(help="The account that must not send.", show_default=False)]
Recipient = Annotated[
    str, typer.Argument(help="The number, with its country code.", show_default=False)
]
Sender = Annotated[
    str, typer.Option("--sender", help="Only this sender of the account; all if not given.")
]

_ORIGINS: Final = MappingProxyType({"stop": "a text", "web": "hand", "api": "a program"})


@app.command("list")
def list_opt_outs(
    account: Account,
    after: Annotated[int, typer.Option(help="Goes on after an earlier list.", min=0)] = 0,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=10_000)] = 1_000,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """List who opted out of an account, oldest first."""
    from dragoman.control.requests import ListOptOuts

    request = ListOptOuts(username=account, after=after, limit=limit)
    answer = ask(find_settings(config, data), request)
    if json:
        write_json(answer)
        return
    print_table(
        ("number", "sender", "since", "by"),
        [
            (
                opt_out.recipient,
                opt_out.sender or "all",
                show_time(opt_out.since_ms),
                _ORIGINS[opt_out.origin],
            )
            for opt_out in answer.opt_outs
        ],
    )
    if answer.after is not None:
        print(f"There may be more: --after {answer.after}")


@app.command("add")
def add_opt_out(
    account: Account,
    recipient: Recipient,
    sender: Sender = "",
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Let a number get nothing more of an account."""
    from dragoman.control.requests import AddOptOut

    request = AddOptOut(username=account, recipient=recipient, sender=sender)
    added = ask(find_settings(config, data), request)
    if json:
        write_json(added)
    else:
        print(f"{added.recipient} gets nothing more of {added.sender or added.account}")


@app.command("remove")
def remove_opt_out(
    account: Account,
    recipient: Recipient,
    sender: Sender = "",
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Let a number get messages of an account again."""
    from dragoman.control.requests import RemoveOptOut

    request = RemoveOptOut(username=account, recipient=recipient, sender=sender)
    removed = ask(find_settings(config, data), request)
    if json:
        write_json(removed)
    else:
        print(f"{removed.recipient} may get messages of {removed.sender or removed.account} again")
