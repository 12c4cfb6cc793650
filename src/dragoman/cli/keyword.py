"""`dragoman keyword`: the first words of texts, and where texts with them go."""

from __future__ import annotations

from typing import Annotated, Final

from dragoman.admin.inbound_answers import KeywordList, KeywordView
from dragoman.cli.command import Gateway, command
from dragoman.cli.groups import new_group
from dragoman.cli.options import argument, option
from dragoman.cli.output import print_table

app = new_group()

LINKMOBILITY: Final = "linkmobility"

Account = Annotated[str, argument("The account it belongs to.")]
Number = Annotated[str, argument("The number or short code.")]
Word = Annotated[str, argument("The first word of the texts; `*` for texts that match no other.")]
Below = Annotated[str, option("The main keyword that precedes it in a text.", "--below")]
Url = Annotated[str, option("The URL that its texts are posted to.", "--url")]
Dialect = Annotated[
    str,
    option("The API whose programs take its texts.", "--dialect", show_default=True),
]
Charset = Annotated[str, option("Charset of what is forwarded; UTF-8 if not given.", "--charset")]


@command(app, "list")
def list_keywords(
    gateway: Gateway, account: Annotated[str, argument("An account; all if not given.")] = ""
) -> None:
    """List keywords."""
    gateway.show(
        gateway.get("keywords", answer=KeywordList, account=account),
        lambda answer: print_table(
            ("number", "keyword", "account", "forwarded to"),
            [(one.number, _name(one), one.account, one.url) for one in answer.keywords],
        ),
    )


@command(app, "reserve")
def reserve_keyword(
    gateway: Gateway,
    account: Account,
    number: Number,
    word: Word,
    below: Below = "",
    url: Url = "",
    charset: Charset = "",
    dialect: Dialect = LINKMOBILITY,
) -> None:
    """Reserve a keyword on a number."""
    reserved = gateway.post(
        "keywords",
        answer=KeywordView,
        account=account,
        number=number,
        keyword=word,
        below=below,
        url=url,
        charset=charset,
        dialect=dialect,
    )
    gateway.show(reserved, _print_keyword)


@command(app, "attach")
def attach_keyword(
    gateway: Gateway,
    account: Account,
    number: Number,
    word: Word,
    below: Below = "",
    url: Url = "",
    charset: Charset = "",
    dialect: Dialect = LINKMOBILITY,
) -> None:
    """Forward the texts of a keyword to a URL; without one, stop forwarding them."""
    body = {
        "account": account,
        "below": below,
        "url": url,
        "charset": charset,
        "dialect": dialect,
    }
    attached = gateway.call("PUT", "keywords", number, word, answer=KeywordView, body=body)
    gateway.show(attached, _print_keyword)


@command(app, "delete")
def delete_keyword(
    gateway: Gateway, account: Account, number: Number, word: Word, below: Below = ""
) -> None:
    """Release a keyword; other accounts can reserve it once the month ends."""
    query = {"account": account, "below": below}
    deleted = gateway.call("DELETE", "keywords", number, word, answer=KeywordView, query=query)
    gateway.show(deleted, lambda answer: print(f"{_name(answer)} on {answer.number} is released"))


def _print_keyword(keyword: KeywordView) -> None:
    place = f"{_name(keyword)} on {keyword.number} belongs to {keyword.account}"
    print(f"{place}, forwarded to {keyword.url}" if keyword.url else place)


def _name(keyword: KeywordView) -> str:
    return f"{keyword.below} {keyword.keyword}" if keyword.below else keyword.keyword
