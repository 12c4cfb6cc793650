"""`dragoman number`: the numbers and short codes that texts come to."""

from __future__ import annotations

from typing import Annotated

import typer

from dragoman.cli.asking import ask
from dragoman.cli.options import ConfigOption, DataOption, JsonOption, find_settings
from dragoman.cli.outcome import write_json
from dragoman.cli.output import print_table

app = typer.Typer(no_args_is_help=True, help="Numbers: whose the texts are that arrive.")

Number = Annotated[
    str,
    typer.Argument(help="The number or short code, as carriers give it.", show_default=False),
]


@app.command("add")
def add_number(
    number: Number,
    account: Annotated[str, typer.Argument(help="The account it belongs to.", show_default=False)],
    shared: Annotated[
        bool, typer.Option("--shared", help="Lets other accounts reserve keywords on it.")
    ] = False,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Give a number to an account."""
    from dragoman.control.requests import AddNumber

    request = AddNumber(username=account, number=number, shared=shared)
    added = ask(find_settings(config, data), request)
    if json:
        write_json(added)
    else:
        print(f"texts to {added.number} are {added.account}'s, unless a keyword says otherwise")


@app.command("list")
def list_numbers(
    config: ConfigOption = None, data: DataOption = None, json: JsonOption = False
) -> None:
    """List the numbers."""
    from dragoman.control.requests import ListNumbers

    answer = ask(find_settings(config, data), ListNumbers())
    if json:
        write_json(answer)
        return
    print_table(
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
    )


@app.command("remove")
def remove_number(
    number: Number,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Remove a number that has no keywords."""
    from dragoman.control.requests import RemoveNumber

    removed = ask(find_settings(config, data), RemoveNumber(number=number))
    if json:
        write_json(removed)
    else:
        print(f"{removed.number} is removed")
