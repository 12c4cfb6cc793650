"""`dragoman optout`: numbers that get no messages."""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Final

from dragoman.admin.inbound_answers import OptOutList, OptOutView
from dragoman.cli.command import Gateway, command
from dragoman.cli.groups import new_group
from dragoman.cli.options import argument, option
from dragoman.cli.output import print_table, show_time

app = new_group()

Account = Annotated[str, argument("The account that must not send.")]
Recipient = Annotated[str, argument("The number, with its country code.")]
Sender = Annotated[str, option("Only this sender of the account; all if not given.", "--sender")]

_ORIGINS: Final = MappingProxyType({"stop": "text message", "web": "operator", "api": "API"})


@command(app, "list")
def list_opt_outs(
    gateway: Gateway,
    account: Account,
    after: Annotated[int, option("Continues an earlier list.", min=0, show_default=True)] = 0,
    limit: Annotated[
        int, option("How many at most.", min=1, max=10_000, show_default=True)
    ] = 1_000,
) -> None:
    """List the opt-outs of an account, oldest first."""
    found = gateway.get(
        "accounts", account, "opt-outs", answer=OptOutList, after=after, limit=limit
    )
    gateway.show(found, _print_opt_outs)


def _print_opt_outs(answer: OptOutList) -> None:
    print_table(
        ("number", "sender", "since", "by"),
        [
            (one.recipient, one.sender or "all", show_time(one.since_ms), _ORIGINS[one.origin])
            for one in answer.opt_outs
        ],
    )
    if answer.after is not None:
        print(f"There may be more: --after {answer.after}")


@command(app, "add")
def add_opt_out(
    gateway: Gateway, account: Account, recipient: Recipient, sender: Sender = ""
) -> None:
    """Opt a number out of an account's messages."""
    added = gateway.post(
        "accounts", account, "opt-outs", answer=OptOutView, recipient=recipient, sender=sender
    )
    gateway.show(
        added, lambda a: print(f"{a.recipient} gets no more messages from {a.sender or a.account}")
    )


@command(app, "remove")
def remove_opt_out(
    gateway: Gateway, account: Account, recipient: Recipient, sender: Sender = ""
) -> None:
    """Remove an opt-out: the number may get messages from the account again."""
    removed = gateway.call(
        "DELETE",
        "accounts",
        account,
        "opt-outs",
        recipient,
        answer=OptOutView,
        query={"sender": sender},
    )
    gateway.show(
        removed,
        lambda a: print(f"{a.recipient} may get messages from {a.sender or a.account} again"),
    )
