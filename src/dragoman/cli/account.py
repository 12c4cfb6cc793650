"""`dragoman account`: who may use the gateway."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from dragoman.cli.asking import ask
from dragoman.cli.options import ConfigOption, DataOption, JsonOption, find_settings
from dragoman.cli.outcome import write_json
from dragoman.cli.output import print_fields, print_table

if TYPE_CHECKING:
    from dragoman.control.answers import AccountSecrets, AccountView

app = typer.Typer(no_args_is_help=True, help="Accounts: who may use the gateway.")

Username = Annotated[str, typer.Argument(help="The account's user name.", show_default=False)]
ApiKey = Annotated[
    str | None,
    typer.Option("--api-key", help="The key; made up if not given.", show_default=False),
]
ParentOption = Annotated[
    str, typer.Option(help="The account it lies below, which it never has more than.")
]
MayOption = Annotated[
    list[str] | None,
    typer.Option(
        "--may",
        help="A permission it has beside the usual ones: premium, premium_high, charity,"
        " number_lookup, administer, operate, legacy_login … May be given several times.",
        show_default=False,
    ),
]
MayNotOption = Annotated[
    list[str] | None,
    typer.Option(
        "--may-not",
        help="A permission it does not have: send, receive, any_sender, inbox … May be given"
        " several times.",
        show_default=False,
    ),
]


class Profile(StrEnum):
    """The editions of LINK's API."""

    LINK = "link"
    ZUMOSMS = "zumosms"


@app.command("create")
def create_account(
    username: Username,
    password: Annotated[
        str | None, typer.Option(help="The password; made up if not given.", show_default=False)
    ] = None,
    api_key: ApiKey = None,
    credits: Annotated[
        int | None, typer.Option(help="Credits to begin with; unlimited if not given.", min=0)
    ] = None,
    allowed_ips: Annotated[
        str,
        typer.Option(
            "--allowed-ips",
            help="Where it may be used from: addresses, ranges and networks with commas between;"
            " everywhere if not given.",
        ),
    ] = "",
    legacy_md5: Annotated[
        bool,
        typer.Option(
            "--legacy-md5",
            help="Lets old programs log in with the md5 of the password (LINK `apikey=legacy`).",
        ),
    ] = False,
    sender: Annotated[str, typer.Option(help="Sender where a message names none.")] = "",
    parent: ParentOption = "",
    time_zone: Annotated[
        str, typer.Option(help="IANA zone of its times; the API's own if not given.")
    ] = "",
    prefixes: Annotated[
        str,
        typer.Option(
            help="First digits of the numbers it may send to, with commas between; all if not"
            " given."
        ),
    ] = "",
    profile: Annotated[
        Profile | None,
        typer.Option(help="The edition of LINK's API that its programs are written for."),
    ] = None,
    may: MayOption = None,
    may_not: MayNotOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Create an account; its secrets are shown this once."""
    from dragoman.control.requests import CreateAccount

    request = CreateAccount(
        username=username,
        password=password,
        api_key=api_key,
        credits=credits,
        allowed_addresses=allowed_ips,
        legacy_md5=legacy_md5,
        default_sender=sender,
        parent=parent,
        time_zone=time_zone,
        prefixes=prefixes,
        profile=profile.value if profile is not None else "",
        grant=tuple(may or ()),
        revoke=tuple(may_not or ()),
    )
    _show_secrets(ask(find_settings(config, data), request), json)


@app.command("set")
def set_account(
    username: Username,
    name: Annotated[str | None, typer.Option(help="Its new user name.", show_default=False)] = None,
    credits: Annotated[
        int, typer.Option(help="Credits to add; negative to take. Ends having no limit.")
    ] = 0,
    allowed_ips: Annotated[
        str | None,
        typer.Option(
            "--allowed-ips",
            help="Where it may be used from; empty for everywhere.",
            show_default=False,
        ),
    ] = None,
    sender: Annotated[
        str | None, typer.Option(help="Sender where a message names none.", show_default=False)
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option(help="IANA zone of its times.", show_default=False)
    ] = None,
    prefixes: Annotated[
        str | None,
        typer.Option(
            help="First digits of the numbers it may send to; empty for all.", show_default=False
        ),
    ] = None,
    profile: Annotated[
        Profile | None,
        typer.Option(help="The edition of LINK's API that its programs are written for."),
    ] = None,
    message_types: Annotated[
        str | None,
        typer.Option(
            "--message-types",
            help="The only message types it may send, with commas between; empty for all.",
            show_default=False,
        ),
    ] = None,
    may: MayOption = None,
    may_not: MayNotOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Change what is given of an account, from this moment on."""
    from dragoman.control.requests import ChangeAccount

    request = ChangeAccount(
        username=username,
        new_username=name,
        allowed_addresses=allowed_ips,
        default_sender=sender,
        time_zone=time_zone,
        prefixes=prefixes,
        profile=profile.value if profile is not None else None,
        message_types=None if message_types is None else _split(message_types),
        credits=credits,
        grant=tuple(may or ()),
        revoke=tuple(may_not or ()),
    )
    account = ask(find_settings(config, data), request)
    if json:
        write_json(account)
        return
    print_fields(
        [
            ("account", account.username),
            ("below", account.parent),
            ("credits", _show_credits(account)),
            ("may", " ".join(account.permissions)),
            ("allowed from", account.allowed_addresses or "everywhere"),
            ("sends to", account.prefixes or "everywhere"),
            ("sender", account.default_sender),
            ("time zone", account.time_zone),
            ("profile", account.profile),
            ("message types", " ".join(account.message_types or ())),
        ]
    )


@app.command("credits")
def credits_of_types(
    username: Annotated[str, typer.Argument(help="The account.", show_default=False)],
    message_type: Annotated[
        str, typer.Option("--type", help="The message type to add to.", show_default=False)
    ] = "",
    add: Annotated[int, typer.Option(help="Credits to add; negative to take.")] = 0,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Show the credits of each message type, or add to those of one."""
    from dragoman.control.requests import AddCredits

    request = AddCredits(username=username, message_type=message_type, credits=add)
    balances = ask(find_settings(config, data), request)
    if json:
        write_json(balances)
        return
    print_fields(
        [
            (name, "without limit" if left is None else str(left))
            for name, left in balances.credits.items()
        ]
    )


@app.command("email")
def email_service(
    username: Annotated[str, typer.Argument(help="The account.", show_default=False)],
    enabled: Annotated[
        bool | None, typer.Option("--on/--off", help="Whether it may send mail at all.")
    ] = None,
    bandwidth: Annotated[
        float | None,
        typer.Option(help="Mails an hour; 0 for no bound of its own.", min=0, show_default=False),
    ] = None,
    purchased: Annotated[
        str | None, typer.Option(help="When it bought the service, yyyy-MM-dd.", show_default=False)
    ] = None,
    billing: Annotated[
        str | None, typer.Option(help="What it is billed by.", show_default=False)
    ] = None,
    expiry: Annotated[
        str | None,
        typer.Option(help="Its last day, yyyy-MM-dd; empty for never.", show_default=False),
    ] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Show what an account bought of e-mail, or write down what is given of it."""
    from dragoman.control.requests import ChangeEmailService

    request = ChangeEmailService(
        username=username,
        enabled=enabled,
        bandwidth=bandwidth,
        purchased=purchased,
        billing=billing,
        expiry=expiry,
    )
    service = ask(find_settings(config, data), request)
    if json:
        write_json(service)
        return
    print_fields(
        [
            ("account", service.account),
            ("e-mail", "on" if service.enabled else "off"),
            (
                "mails an hour",
                f"{service.bandwidth:g}" if service.bandwidth else "no bound of its own",
            ),
            ("purchased", service.purchased),
            ("billing", service.billing),
            ("last day", service.expiry or "never"),
        ]
    )


@app.command("revoke-tokens")
def revoke_tokens(
    username: Annotated[str, typer.Argument(help="The account.", show_default=False)],
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """End every token and session of an account, as programs got them for its password."""
    from dragoman.control.requests import RevokeTokens

    account = ask(find_settings(config, data), RevokeTokens(username=username))
    if json:
        write_json(account)
    else:
        print(f"{account.username} has no tokens and no sessions any more")


@app.command("list")
def list_accounts(
    config: ConfigOption = None, data: DataOption = None, json: JsonOption = False
) -> None:
    """List the accounts with what is left in their wallets."""
    from dragoman.control.requests import ListAccounts

    answer = ask(find_settings(config, data), ListAccounts())
    if json:
        write_json(answer)
        return
    print_table(
        ("account", "below", "state", "credits", "spent", "allowed from", "sender"),
        [
            (
                account.username,
                account.parent,
                "enabled" if account.enabled else "disabled",
                _show_credits(account),
                str(account.spent),
                account.allowed_addresses or "everywhere",
                account.default_sender,
            )
            for account in answer.accounts
        ],
    )


@app.command("disable")
def disable_account(
    username: Username,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Shut an account out, from this moment on."""
    _set_enabled(username, False, config, data, json)


@app.command("enable")
def enable_account(
    username: Username,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Let a disabled account in again."""
    _set_enabled(username, True, config, data, json)


@app.command("rotate-key")
def rotate_key(
    username: Username,
    api_key: ApiKey = None,
    config: ConfigOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """End an account's API keys and give it a new one, shown this once."""
    from dragoman.control.requests import RotateKey

    request = RotateKey(username=username, api_key=api_key)
    _show_secrets(ask(find_settings(config, data), request), json)


def _set_enabled(
    username: str, enabled: bool, config: ConfigOption, data: DataOption, json: bool
) -> None:
    from dragoman.control.requests import SetEnabled

    account = ask(find_settings(config, data), SetEnabled(username=username, enabled=enabled))
    if json:
        write_json(account)
    else:
        print(f"{account.username} is {'enabled' if account.enabled else 'disabled'}")


def _show_secrets(answer: AccountSecrets, json: bool) -> None:
    if json:
        write_json(answer)
        return
    account = answer.account
    print_fields(
        [
            ("account", account.username),
            ("API key", answer.api_key),
            ("password", answer.password or ""),
            ("credits", _show_credits(account)),
            ("allowed from", account.allowed_addresses or "everywhere"),
        ]
    )
    print("Keep the secrets now: they are stored as digests and cannot be shown again.")


def _split(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _show_credits(account: AccountView) -> str:
    return "unlimited" if account.credits is None else str(account.credits)
