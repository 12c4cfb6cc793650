"""`dragoman conversation`: what an account and a number wrote to each other."""

from __future__ import annotations

from typing import Annotated

from dragoman.admin.conversation_answers import ConversationList, ThreadView
from dragoman.cli.command import Gateway, command
from dragoman.cli.groups import new_group
from dragoman.cli.message_list import clip
from dragoman.cli.options import argument, option
from dragoman.cli.output import print_table, show_time

app = new_group()

Account = Annotated[str, argument("The account.")]
Before = Annotated[int, option("Go on before this place: the `next` of the page before.")]
Limit = Annotated[int, option("How many at most.", min=1, max=500, show_default=True)]


@command(app, "list")
def list_conversations(
    gateway: Gateway,
    account: Account,
    unread: Annotated[bool, option("Only those that nobody read.", "--unread")] = False,
    before: Before = 0,
    limit: Limit = 50,
) -> None:
    """List who wrote to an account, the newest text first."""
    found = gateway.get(
        *("accounts", account, "conversations"),
        answer=ConversationList,
        before=before or None,
        limit=limit,
        unread=unread or None,
    )
    gateway.show(found, _print_list)


def _print_list(answer: ConversationList) -> None:
    print_table(
        ("number", "name", "last", "to", "", "text"),
        [
            (
                f"+{one.number}",
                one.name,
                show_time(one.last_ms),
                one.own_number,
                "unread" if one.unread else "",
                clip(one.text),
            )
            for one in answer.conversations
        ],
    )
    if answer.next is not None:
        print(f"more: --before {answer.next}")


@command(app, "show")
def show(
    gateway: Gateway,
    account: Account,
    number: Annotated[str, argument("The number, with its country code.")],
    before: Before = 0,
    limit: Limit = 50,
) -> None:
    """Show a conversation, oldest text first; it stays unread."""
    found = gateway.get(
        *("accounts", account, "conversations", number),
        answer=ThreadView,
        before=before or None,
        limit=limit,
    )
    gateway.show(found, _print_thread)


def _print_thread(answer: ThreadView) -> None:
    if answer.next is not None:
        print(f"older: --before {answer.next}")
    for one in answer.texts:
        side = f"< {one.own_number}" if not one.state else f"> {one.own_number} {one.state}"
        print(f"{show_time(one.at_ms)}  {side}  {' '.join(one.text.split())}")
