"""`dragoman number`: the numbers and short codes that receive texts."""

from __future__ import annotations

from typing import Annotated

from dragoman.admin.inbound_answers import NumberList, NumberView
from dragoman.cli.command import Gateway, command
from dragoman.cli.groups import new_group
from dragoman.cli.options import argument, option
from dragoman.cli.output import print_table

app = new_group()

Number = Annotated[str, argument("The number or short code, as carriers give it.")]


@command(app, "add")
def add_number(
    gateway: Gateway,
    number: Number,
    account: Annotated[str, argument("The account it belongs to.")],
    shared: Annotated[
        bool, option("Lets other accounts reserve keywords on it.", "--shared")
    ] = False,
) -> None:
    """Assign a number to an account."""
    gateway.show(
        gateway.post("numbers", answer=NumberView, account=account, number=number, shared=shared),
        lambda a: print(f"{a.account} receives the texts to {a.number} that match no keyword"),
    )


@command(app, "list")
def list_numbers(gateway: Gateway) -> None:
    """List the numbers."""
    gateway.show(
        gateway.get("numbers", answer=NumberList),
        lambda answer: print_table(
            ("number", "account", "shared", "from"),
            [
                (
                    number.number,
                    number.account,
                    "yes" if number.shared else "no",
                    "configuration" if number.configured else "database",
                )
                for number in answer.numbers
            ],
        ),
    )


@command(app, "remove")
def remove_number(gateway: Gateway, number: Number) -> None:
    """Remove a number that has no keywords."""
    removed = gateway.call("DELETE", "numbers", number, answer=NumberView)
    gateway.show(removed, lambda answer: print(f"{answer.number} is removed"))
