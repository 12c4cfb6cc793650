"""`dragoman admin`: tokens for operators who use the admin interface from elsewhere."""

from __future__ import annotations

from typing import Annotated

from dragoman.admin.account_answers import AdminTokenList, AdminTokenView
from dragoman.cli.command import Gateway, command
from dragoman.cli.groups import new_group
from dragoman.cli.options import argument
from dragoman.cli.output import print_fields, print_table, show_time

app = new_group()
token = new_group("Tokens for --url; they are managed on the gateway's machine.")
app.add_typer(token, name="token")

Name = Annotated[str, argument("What to call the token.")]


@command(token, "create")
def create_token(gateway: Gateway, name: Name) -> None:
    """Create a token, shown only once; it may do whatever this command line may."""
    created = gateway.post("tokens", answer=AdminTokenView, name=name)
    gateway.show(created, _print_token)


@command(token, "list")
def list_tokens(gateway: Gateway) -> None:
    """List the tokens."""
    gateway.show(gateway.get("tokens", answer=AdminTokenList), _print_tokens)


@command(token, "revoke")
def revoke_token(gateway: Gateway, name: Name) -> None:
    """Revoke a token, effective immediately."""
    left = gateway.call("DELETE", "tokens", name, answer=AdminTokenList)
    gateway.show(left, lambda answer: print(f"{name} is revoked"))


def _print_token(created: AdminTokenView) -> None:
    print_fields([("name", created.name), ("token", created.token)])
    print("Copy the token now: it is stored as a digest and cannot be shown again.")


def _print_tokens(answer: AdminTokenList) -> None:
    print_table(
        ("name", "created"), [(one.name, show_time(one.created_ms)) for one in answer.tokens]
    )
    if not answer.remote:
        print("No token is accepted: the configuration does not say `[admin] remote = true`.")
