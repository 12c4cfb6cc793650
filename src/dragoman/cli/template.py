"""`dragoman template`: texts that are used again."""

from __future__ import annotations

from typing import Annotated

from dragoman.admin.campaign_answers import TemplateList, TemplateView
from dragoman.admin.contact_answers import Removed
from dragoman.cli.command import Gateway, command
from dragoman.cli.groups import new_group
from dragoman.cli.message_list import clip
from dragoman.cli.options import argument
from dragoman.cli.output import print_table

app = new_group()

Account = Annotated[str, argument("The account that has the templates.")]
Name = Annotated[str, argument("Its name.")]


@command(app, "list")
def list_templates(gateway: Gateway, account: Account) -> None:
    """List the templates of an account."""
    found = gateway.get("accounts", account, "templates", answer=TemplateList)
    gateway.show(found, _print_templates)


def _print_templates(answer: TemplateList) -> None:
    print_table(("template", "text"), [(one.name, clip(one.text)) for one in answer.templates])


@command(app, "put")
def put(
    gateway: Gateway,
    account: Account,
    name: Name,
    text: Annotated[str, argument("The text, with placeholders such as [Name].")],
) -> None:
    """Store a template, in place of the one with its name."""
    stored = gateway.call(
        *("PUT", "accounts", account, "templates", name), answer=TemplateView, body={"text": text}
    )
    gateway.show(stored, lambda one: print(f"stored {one.name}"))


@command(app, "remove")
def remove(gateway: Gateway, account: Account, name: Name) -> None:
    """Delete a template."""
    removed = gateway.call("DELETE", "accounts", account, "templates", name, answer=Removed)
    gateway.show(removed, lambda one: print(f"deleted {one.removed}"))
