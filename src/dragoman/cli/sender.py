"""`dragoman sender`: the senders that accounts requested, and the decisions on them."""

from __future__ import annotations

from typing import Annotated

from dragoman.admin.account_answers import SenderList, SenderView
from dragoman.cli.command import Gateway, command
from dragoman.cli.groups import new_group
from dragoman.cli.options import argument, option
from dragoman.cli.output import print_table, show_time

app = new_group()

Account = Annotated[str, argument("The account.")]
Sender = Annotated[str, argument("The sender, as requested.")]
ByAuthority = Annotated[bool, option("A regulator decided so (in Italy, AGCOM).", "--by-authority")]


@command(app, "list")
def list_senders(
    gateway: Gateway,
    account: Annotated[str, argument("Only those of this account.")] = "",
    pending: Annotated[bool, option("Only those that await a decision.", "--pending")] = False,
    offset: Annotated[int, option("How many to skip.", min=0, show_default=True)] = 0,
    limit: Annotated[
        int, option("How many at most.", min=1, max=10_000, show_default=True)
    ] = 1_000,
) -> None:
    """List senders, oldest first."""
    page = {"account": account, "pending": pending, "offset": offset, "limit": limit}
    found = gateway.get("senders", answer=SenderList, **page)
    gateway.show(found, lambda answer: _print_senders(answer, offset))


def _print_senders(answer: SenderList, offset: int) -> None:
    print_table(
        ("account", "sender", "state", "company", "contact", "since"),
        [
            (s.account, s.sender, s.state, s.company or "", s.contact or "", show_time(s.since_ms))
            for s in answer.senders
        ],
    )
    if offset + len(answer.senders) < answer.total:
        print(f"There are more: --offset {offset + len(answer.senders)}")


@command(app, "approve")
def approve_sender(
    gateway: Gateway, account: Account, sender: Sender, by_authority: ByAuthority = False
) -> None:
    """Let an account use a sender that it requested."""
    _decide(gateway, account, sender, {"approved": True, "by_authority": by_authority})


@command(app, "reject")
def reject_sender(
    gateway: Gateway, account: Account, sender: Sender, by_authority: ByAuthority = False
) -> None:
    """Forbid an account to use a sender, effective immediately."""
    _decide(gateway, account, sender, {"approved": False, "by_authority": by_authority})


def _decide(gateway: Gateway, account: str, sender: str, decision: dict[str, bool]) -> None:
    decided = gateway.call(
        "PUT", "accounts", account, "senders", sender, answer=SenderView, body=decision
    )
    may = "may" if decision["approved"] else "may not"
    gateway.show(decided, lambda answer: print(f"{answer.account} {may} send from {answer.sender}"))
