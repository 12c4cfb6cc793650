"""`dragoman key`: the API keys of an account, each with a name and limits of its own."""

from __future__ import annotations

from typing import Annotated, Final

from dragoman.admin.sign_in_answers import KeyList, KeyView
from dragoman.cli.command import Gateway, command
from dragoman.cli.groups import new_group
from dragoman.cli.options import argument, option
from dragoman.cli.output import print_fields, print_table, show_time

app = new_group()

HOUR_S: Final = 3600
DAY_S: Final = 86_400
Username = Annotated[str, argument("The account's user name.")]
KeyId = Annotated[int, argument("The key's number, as `dragoman key list` shows it.")]
ScopeOption = Annotated[
    list[str] | None,
    option(
        "What it is good for: an API such as linkmobility, or one of its calls by its name in"
        " /docs, such as linkmobility_post_v2_message_format. May be repeated; everything if not"
        " given.",
        "--scope",
    ),
]
AddressesOption = Annotated[
    str | None,
    option("Where it may be used from, besides what the account allows.", "--allowed-ips"),
]


@command(app, "list")
def list_keys(gateway: Gateway, username: Username) -> None:
    """List the API keys of an account, and when each was used last."""
    gateway.show(gateway.get("accounts", username, "keys", answer=KeyList), _print_list)


@command(app, "create")
def create_key(
    gateway: Gateway,
    username: Username,
    name: Annotated[str, argument("What to call the key: the program that uses it.")],
    scope: ScopeOption = None,
    allowed_ips: AddressesOption = None,
    days: Annotated[int | None, option("Days after which it expires.", min=1)] = None,
) -> None:
    """Create an API key beside the others; it is shown only once."""
    made = gateway.post(
        "accounts",
        username,
        "keys",
        answer=KeyView,
        name=name,
        scopes=scope,
        allowed_addresses=allowed_ips,
        expires_in_s=None if days is None else days * DAY_S,
    )
    gateway.show(made, _print_key)


@command(app, "rotate")
def rotate_key(
    gateway: Gateway,
    username: Username,
    key_id: KeyId,
    overlap_hours: Annotated[
        int,
        option(
            "Hours for which the old key works besides the new one.",
            "--overlap-hours",
            min=0,
            show_default=True,
        ),
    ] = 24,
) -> None:
    """Create a key for what another one is good for, and let that one expire."""
    made = gateway.post(
        *("accounts", username, "keys", key_id, "rotate"),
        answer=KeyView,
        overlap_s=overlap_hours * HOUR_S,
    )
    gateway.show(made, _print_key)


@command(app, "set")
def set_key(
    gateway: Gateway,
    username: Username,
    key_id: KeyId,
    name: Annotated[str | None, option("Its new name.")] = None,
    scope: ScopeOption = None,
    any_scope: Annotated[bool, option("Good for everything again.", "--any-scope")] = False,
    allowed_ips: AddressesOption = None,
    days: Annotated[int | None, option("Days after which it expires; 0 for never.", min=0)] = None,
) -> None:
    """Change what a key is called and good for; what is not given stays."""
    changes = {
        "name": name,
        "scopes": [] if any_scope else scope,
        "allowed_addresses": allowed_ips,
        "expires_in_s": None if days is None else days * DAY_S,
    }
    path = ("accounts", username, "keys", key_id)
    gateway.show(gateway.call("PATCH", *path, answer=KeyView, body=changes), _print_key)


@command(app, "revoke")
def revoke_key(gateway: Gateway, username: Username, key_id: KeyId) -> None:
    """Revoke a key, effective immediately; the others go on working."""
    left = gateway.call("DELETE", "accounts", username, "keys", key_id, answer=KeyList)
    gateway.show(left, _print_list)


def _print_list(answer: KeyList) -> None:
    print_table(
        ("key", "name", "good for", "allowed from", "expires", "last used"),
        [
            (
                str(key.key_id),
                key.name,
                " ".join(key.scopes) or "everything",
                key.allowed_addresses or "anywhere",
                show_time(key.expires_ms) if key.expires_ms else "never",
                show_time(key.used_ms) if key.used_ms else "never",
            )
            for key in answer.keys
        ],
    )


def _print_key(key: KeyView) -> None:
    print_fields(
        [
            ("key", str(key.key_id)),
            ("name", key.name),
            ("API key", key.api_key),
            ("good for", " ".join(key.scopes) or "everything"),
            ("allowed from", key.allowed_addresses or "anywhere"),
            ("expires", show_time(key.expires_ms) if key.expires_ms else "never"),
        ]
    )
    if key.api_key:
        print("Copy the API key now: it is stored as a digest and cannot be shown again.")
