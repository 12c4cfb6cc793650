"""`dragoman answer`: automatic answers to STOP, START and HELP."""

from __future__ import annotations

from typing import Annotated

from dragoman.admin.contact_answers import Removed
from dragoman.admin.conversation_answers import AnswerList, AnswerView
from dragoman.cli.command import Gateway, command
from dragoman.cli.groups import new_group
from dragoman.cli.options import argument, option
from dragoman.cli.output import print_table

app = new_group()

Account = Annotated[str, argument("The account that answers.")]
Kind = Annotated[str, argument("What is answered: stop, start or help.")]
Number = Annotated[str, option("Only on this number; on all of the account if not given.")]


@command(app, "list")
def list_answers(gateway: Gateway, account: Account) -> None:
    """List the automatic answers of an account; without any, nothing is answered."""
    found = gateway.get("accounts", account, "answers", answer=AnswerList)
    gateway.show(found, _print_answers)


def _print_answers(answer: AnswerList) -> None:
    print_table(
        ("to", "on", "answer"),
        [(one.kind, one.number or "all", one.text or "nothing") for one in answer.answers],
    )


@command(app, "set")
def set_answer(
    gateway: Gateway,
    account: Account,
    kind: Kind,
    text: Annotated[str, argument("The text; '' for nothing on a number.")],
    number: Number = "",
) -> None:
    """Set what is answered, once and also to who has just opted out."""
    stored = gateway.call(
        *("PUT", "accounts", account, "answers", kind),
        answer=AnswerView,
        body={"text": text, "number": number},
    )
    gateway.show(stored, lambda one: print(f"answer to {one.kind} on {one.number or 'all'} stored"))


@command(app, "remove")
def remove_answer(gateway: Gateway, account: Account, kind: Kind, number: Number = "") -> None:
    """Answer nothing any more; on a number, what is set for all."""
    removed = gateway.call(
        *("DELETE", "accounts", account, "answers", kind), answer=Removed, query={"number": number}
    )
    gateway.show(removed, lambda one: print(f"answer to {one.removed} removed"))
