"""`dragoman keyword`: the first words of texts, and where texts with them go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dragoman.cli.asking import ask
from dragoman.cli.options import ConfigOption, DataOption, JsonOption, find_settings
from dragoman.cli.outcome import write_json
from dragoman.cli.output import print_table

if TYPE_CHECKING:
    from dragoman.control.answers import KeywordView

app = typer.Typer(no_args_is_help=True, help="Keywords: how several share one number.")

Account = Annotated[str, typer.Argument(help="The account it belongs to.", show_default=False)]
Number = Annotated[str, typer.Argument(help="The number or short code.", show_default=False)]
Word = Annotated[
    str,
    typer.Argument(
        help="The first word of the texts; `*` for texts that fit no other.", show_default=False
    ),
]
Below = Annotated[
    str, typer.Option("--below", help="The main keyword that stands before it in a text.")
]
Url = Annotated[str, typer.Option("--url", help="Where its texts are forwarded to with POST.")]
Charset = Annotated[
    str, typer.Option("--charset", help="Charset of what is forwarded; UTF-8 if not given.")
]


@app.command("list")
def list_keywords(
    account: Annotated[str, typer.Argument(help="An account; all if not given.")] = "",
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """List keywords."""
    from dragoman.control.requests import ListKeywords

    answer = ask(find_settings(config, data), ListKeywords(username=account))
    if json:
        write_json(answer)
        return
    print_table(
        ("number", "keyword", "account", "forwarded to"),
        [
            (keyword.number, _name(keyword), keyword.account, keyword.url)
            for keyword in answer.keywords
        ],
    )


@app.command("reserve")
def reserve_keyword(
    account: Account,
    number: Number,
    word: Word,
    below: Below = "",
    url: Url = "",
    charset: Charset = "",
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Reserve a keyword on a number."""
    from dragoman.control.requests import ReserveKeyword

    request = ReserveKeyword(
        username=account, number=number, keyword=word, below=below, url=url, charset=charset
    )
    _show(ask(find_settings(config, data), request), json)


@app.command("attach")
def attach_keyword(
    account: Account,
    number: Number,
    word: Word,
    below: Below = "",
    url: Url = "",
    charset: Charset = "",
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Forward the texts of a keyword to a URL; without one, nowhere."""
    from dragoman.control.requests import AttachKeyword

    request = AttachKeyword(
        username=account, number=number, keyword=word, below=below, url=url, charset=charset
    )
    _show(ask(find_settings(config, data), request), json)


@app.command("delete")
def delete_keyword(
    account: Account,
    number: Number,
    word: Word,
    below: Below = "",
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Give a keyword up; nobody else can have it before the month ends."""
    from dragoman.control.requests import DeleteKeyword

    request = DeleteKeyword(username=account, number=number, keyword=word, below=below)
    deleted = ask(find_settings(config, data), request)
    if json:
        write_json(deleted)
    else:
        print(f"{_name(deleted)} on {deleted.number} is given up")


def _show(keyword: KeywordView, json: bool) -> None:
    if json:
        write_json(keyword)
        return
    place = f"{_name(keyword)} on {keyword.number} is {keyword.account}'s"
    print(f"{place}, forwarded to {keyword.url}" if keyword.url else place)


def _name(keyword: KeywordView) -> str:
    return f"{keyword.below} {keyword.keyword}" if keyword.below else keyword.keyword
