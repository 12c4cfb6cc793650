"""`dragoman account`: who may use the gateway."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from dragoman.admin.account_answers import (
    AccountList,
    AccountPassword,
    AccountSecrets,
    AccountView,
    AuthTokenView,
    EmailServiceView,
    TypeBalances,
)
from dragoman.admin.answers import SmppLoginView
from dragoman.cli.command import Gateway, command
from dragoman.cli.groups import new_group
from dragoman.cli.options import argument, option
from dragoman.cli.outcome import ExitCode, Stop
from dragoman.cli.output import print_fields, print_table

app = new_group()

Username = Annotated[str, argument("The account's user name.")]
ApiKey = Annotated[str | None, option("The API key; generated if not given.", "--api-key")]
SenderOption = Annotated[str | None, option("Default sender of its messages.")]
ZoneOption = Annotated[
    str | None, option("IANA time zone of its API; the provider's own if not given.")
]
CountryOption = Annotated[
    str | None,
    option(
        "Country whose numbers its people write without calling code, such as DK; that of the time"
        " zone if empty."
    ),
]
PrefixesOption = Annotated[
    str | None, option("Prefixes of the numbers it may send to, comma-separated; empty for all.")
]
DaysOption = Annotated[
    int | None,
    option("Days for which they are kept; 0 for ever, -1 as for the account above.", min=-1),
]
MayOption = Annotated[
    list[str] | None,
    option(
        "A permission to grant: premium, premium_high, charity, number_lookup, administer,"
        " operate, legacy_login … May be repeated.",
        "--may",
    ),
]
MayNotOption = Annotated[
    list[str] | None,
    option(
        "A permission to withhold: send, receive, any_sender, inbox … May be repeated.", "--may-not"
    ),
]


class Profile(StrEnum):
    """The editions of LINK's API."""

    LINK = "link"
    ZUMOSMS = "zumosms"


ProfileOption = Annotated[
    Profile | None, option("The edition of LINK's API that its programs are written for.")
]


@command(app, "create")
def create_account(
    gateway: Gateway,
    username: Username,
    password: Annotated[str | None, option("The password; generated if not given.")] = None,
    api_key: ApiKey = None,
    credits: Annotated[
        int | None, option("Initial credits; unlimited if not given.", min=0)
    ] = None,
    allowed_ips: Annotated[
        str,
        option(
            "Where it may be used from: comma-separated addresses, ranges and networks;"
            " anywhere if not given.",
            "--allowed-ips",
        ),
    ] = "",
    legacy_md5: Annotated[
        bool,
        option(
            "Lets old programs log in with the MD5 of the password (LINK `apikey=legacy`).",
            "--legacy-md5",
        ),
    ] = False,
    sender: SenderOption = None,
    parent: Annotated[
        str,
        option("The parent account, whose permissions bound its own, and which gives its credits."),
    ] = "",
    time_zone: ZoneOption = None,
    country: CountryOption = None,
    prefixes: PrefixesOption = None,
    profile: ProfileOption = None,
    may: MayOption = None,
    may_not: MayNotOption = None,
) -> None:
    """Create an account; its secrets are shown only once."""
    created = gateway.post(
        "accounts",
        answer=AccountSecrets,
        username=username,
        password=password,
        api_key=api_key,
        credits=credits,
        allowed_addresses=allowed_ips,
        legacy_md5=legacy_md5,
        default_sender=sender,
        parent=parent,
        time_zone=time_zone,
        country=country,
        prefixes=prefixes,
        profile=profile,
        grant=may,
        revoke=may_not,
    )
    gateway.show(created, _print_secrets)


@command(app, "set")
def set_account(
    gateway: Gateway,
    username: Username,
    name: Annotated[str | None, option("Its new user name.")] = None,
    credits: Annotated[
        int,
        option(
            "Credits to add; negative to deduct. Unlimited credit becomes limited.",
            show_default=True,
        ),
    ] = 0,
    allowed_ips: Annotated[
        str | None, option("Where it may be used from; empty for anywhere.", "--allowed-ips")
    ] = None,
    sender: SenderOption = None,
    time_zone: ZoneOption = None,
    country: CountryOption = None,
    prefixes: PrefixesOption = None,
    profile: ProfileOption = None,
    message_types: Annotated[
        str | None,
        option(
            "The only message types it may send, comma-separated; empty for all.", "--message-types"
        ),
    ] = None,
    texts_days: DaysOption = None,
    numbers_days: DaysOption = None,
    messages_days: DaysOption = None,
    may: MayOption = None,
    may_not: MayNotOption = None,
) -> None:
    """Change an account; what is not given stays as it is."""
    changes = {
        "new_username": name,
        "allowed_addresses": allowed_ips,
        "default_sender": sender,
        "time_zone": time_zone,
        "country": country,
        "prefixes": prefixes,
        "profile": profile,
        "message_types": None if message_types is None else _split(message_types),
        "texts_days": texts_days,
        "numbers_days": numbers_days,
        "messages_days": messages_days,
        "credits": credits,
        "grant": may,
        "revoke": may_not,
    }
    changed = gateway.call("PATCH", "accounts", username, answer=AccountView, body=changes)
    gateway.show(changed, _print_account)


@command(app, "credits")
def credits_of_types(
    gateway: Gateway,
    username: Username,
    message_type: Annotated[str | None, option("The message type to add to.", "--type")] = None,
    add: Annotated[int, option("Credits to add; negative to deduct.", show_default=True)] = 0,
) -> None:
    """Show the credits of each message type, or add to those of one."""
    path = ("accounts", username, "credits")
    if add or message_type:
        balances = gateway.post(*path, answer=TypeBalances, message_type=message_type, credits=add)
    else:
        balances = gateway.get(*path, answer=TypeBalances)
    gateway.show(
        balances,
        lambda answer: print_fields(
            (name, "unlimited" if left is None else str(left))
            for name, left in answer.credits.items()
        ),
    )


@command(app, "email")
def email_service(
    gateway: Gateway,
    username: Username,
    enabled: Annotated[
        bool | None, option("Whether it may send e-mail at all.", "--on/--off")
    ] = None,
    bandwidth: Annotated[
        float | None, option("E-mails per hour; 0 for no limit of its own.", min=0)
    ] = None,
    purchased: Annotated[str | None, option("Date of purchase, yyyy-MM-dd.")] = None,
    billing: Annotated[str | None, option("The billing scheme.")] = None,
    expiry: Annotated[str | None, option("Its last day, yyyy-MM-dd; empty for no expiry.")] = None,
) -> None:
    """Show an account's e-mail service, or change it; what is not given stays as it is."""
    changes = {
        "enabled": enabled,
        "bandwidth": bandwidth,
        "purchased": purchased,
        "billing": billing,
        "expiry": expiry,
    }
    changed = any(value is not None for value in changes.values())
    service = gateway.call(
        "PATCH" if changed else "GET",
        "accounts",
        username,
        "email",
        answer=EmailServiceView,
        body=changes if changed else None,
    )
    gateway.show(
        service,
        lambda answer: print_fields(
            [
                ("account", answer.account),
                ("e-mail", "on" if answer.enabled else "off"),
                ("e-mails per hour", f"{answer.bandwidth:g}" if answer.bandwidth else "no limit"),
                ("purchased", answer.purchased),
                ("billing", answer.billing),
                ("expires", answer.expiry or "never"),
            ]
        ),
    )


@command(app, "smpp")
def smpp_login(
    gateway: Gateway,
    username: Username,
    system_id: Annotated[
        str | None, option("Its system_id; the user name if not given.", "--system-id")
    ] = None,
    password: Annotated[
        str | None, option("Its password; one of 8 characters is generated for a new login.")
    ] = None,
    new_password: Annotated[
        bool, option("Generate a password in place of the old one.", "--new-password")
    ] = False,
    max_binds: Annotated[
        int | None, option("Binds at the same time; 0 as the configuration says.", min=0)
    ] = None,
    rate: Annotated[
        float | None,
        option(
            "Parts a second over all its binds; 0 for no limit, -1 as the configuration says.",
            min=-1,
        ),
    ] = None,
    latin_1: Annotated[
        bool | None, option("What data_coding 0 stands for.", "--latin1/--gsm")
    ] = None,
    payload: Annotated[
        bool | None,
        option("How long inbound texts are delivered: in one PDU or several.", "--payload/--parts"),
    ] = None,
    no_credit_status: Annotated[
        str | None, option("command_status of a submit without credits, such as 0x400.")
    ] = None,
    remove: Annotated[bool, option("Take the login away.", "--remove")] = False,
) -> None:
    """Show what an account binds with over SMPP, give it a login, or change that.

    Any option gives an account without a login one. Another system_id or password ends the
    account's binds; limits and the rest apply to them at once.
    """
    path = ("accounts", username, "smpp")
    changes = {
        "system_id": system_id,
        "password": password,
        "new_password": new_password or None,
        "max_binds": max_binds,
        "rate_per_s": rate,
        "latin_1": latin_1,
        "payload": payload,
        "no_credit_status": _status(no_credit_status),
    }
    if remove:
        removed = gateway.call("DELETE", *path, answer=SmppLoginView)
        gateway.show(removed, lambda one: print(f"{one.account} cannot bind any more"))
    elif any(value is not None for value in changes.values()):
        changed = gateway.call("PUT", *path, answer=SmppLoginView, body=changes)
        gateway.show(changed, _print_login)
    else:
        gateway.show(gateway.get(*path, answer=SmppLoginView), _print_login)


def _status(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return int(text, 0)
    except ValueError:
        raise Stop(ExitCode.USAGE, f"--no-credit-status: {text!r} is no number") from None


def _print_login(login: SmppLoginView) -> None:
    default = "as the configuration says"
    rate = default if login.rate_per_s is None else f"{login.rate_per_s:g}/s"
    print_fields(
        [
            ("account", login.account),
            ("system_id", login.system_id),
            ("password", login.password),
            ("binds", default if login.max_binds is None else str(login.max_binds)),
            ("parts", "no limit" if login.rate_per_s == 0 else rate),
            ("data_coding 0", "Latin-1" if login.latin_1 else "the GSM alphabet"),
            ("long inbound texts", "message_payload" if login.payload else "in parts"),
            ("without credits", f"0x{login.no_credit_status:02x}"),
        ]
    )
    if login.password:
        print("Copy the password now: it is stored as a digest and cannot be shown again.")


@command(app, "revoke-tokens")
def revoke_tokens(gateway: Gateway, username: Username) -> None:
    """Revoke every token of every dialect and end every session, also of the console.

    Codes and tokens that register phones end too; API keys and registered phones stay.
    """
    account = gateway.call("DELETE", "accounts", username, "tokens", answer=AccountView)
    gateway.show(account, lambda a: print(f"all tokens and sessions of {a.username} are revoked"))


@command(app, "show")
def show_account(gateway: Gateway, username: Username) -> None:
    """Show an account."""
    gateway.show(gateway.get("accounts", username, answer=AccountView), _print_account)


@command(app, "set-password")
def set_password(
    gateway: Gateway,
    username: Username,
    password_file: Annotated[
        Path | None, option("A file with the password; generated if not given.", "--password-file")
    ] = None,
) -> None:
    """Replace an account's password; its sessions and tokens end, those of its people do not."""
    password = None
    if password_file is not None:
        try:
            password = password_file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise Stop(ExitCode.USAGE, f"--password-file: {error}") from None
    path = ("accounts", username, "password")
    answer = gateway.post(*path, answer=AccountPassword, password=password)
    gateway.show(answer, _print_password)


def _print_password(answer: AccountPassword) -> None:
    print_fields([("account", answer.account), ("password", answer.password or "as given")])
    if answer.password:
        print("Copy the password now: it is stored as a digest and cannot be shown again.")


@command(app, "delete")
def delete_account(gateway: Gateway, username: Username) -> None:
    """Delete an account that has no subaccounts; its messages are kept.

    Its keys, people and sessions end, its name is free, and what is left of its credits goes to the
    account above it. To stop it only for a while, disable it.
    """
    deleted = gateway.call("DELETE", "accounts", username, answer=AccountView)
    gateway.show(deleted, lambda account: print(f"{account.username} is deleted"))


@command(app, "list")
def list_accounts(gateway: Gateway) -> None:
    """List the accounts with their balances."""
    gateway.show(
        gateway.get("accounts", answer=AccountList),
        lambda answer: print_table(
            ("account", "parent", "state", "credits", "spent", "allowed from", "sender"),
            [
                (
                    account.username,
                    account.parent,
                    "enabled" if account.enabled else "disabled",
                    _show_credits(account),
                    str(account.spent),
                    account.allowed_addresses or "anywhere",
                    account.default_sender,
                )
                for account in answer.accounts
            ],
        ),
    )


@command(app, "disable")
def disable_account(gateway: Gateway, username: Username) -> None:
    """Disable an account, effective immediately."""
    account = gateway.post("accounts", username, "disable", answer=AccountView)
    gateway.show(account, lambda answer: print(f"{answer.username} is disabled"))


@command(app, "enable")
def enable_account(gateway: Gateway, username: Username) -> None:
    """Enable a disabled account again."""
    account = gateway.post("accounts", username, "enable", answer=AccountView)
    gateway.show(account, lambda answer: print(f"{answer.username} is enabled"))


@command(app, "rotate-key")
def rotate_key(gateway: Gateway, username: Username, api_key: ApiKey = None) -> None:
    """Revoke an account's API keys and create a new one, shown only once."""
    rotated = gateway.post("accounts", username, "key", answer=AccountSecrets, api_key=api_key)
    gateway.show(rotated, _print_secrets)


@command(app, "auth-token")
def auth_token(
    gateway: Gateway,
    username: Username,
    new: Annotated[
        bool, option("Replace the token by a new one, effective immediately.", "--new")
    ] = False,
    sid: Annotated[
        str, option("The account SID that programs have already, such as the one at Twilio.")
    ] = "",
    token_file: Annotated[
        Path | None,
        option("A file with the auth token that programs have already.", "--token-file"),
    ] = None,
) -> None:
    """Show the account SID and auth token for programs of Twilio; made if there are none."""
    path = ("accounts", username, "auth-token")
    if new or sid or token_file:
        token = "" if token_file is None else token_file.read_text().strip()
        shown = gateway.post(*path, answer=AuthTokenView, account_sid=sid, auth_token=token)
    else:
        shown = gateway.get(*path, answer=AuthTokenView)
    gateway.show(
        shown,
        lambda answer: print_fields(
            [
                ("account", answer.account),
                ("account SID", answer.account_sid),
                ("auth token", answer.auth_token),
            ]
        ),
    )


def _print_account(account: AccountView) -> None:
    print_fields(
        [
            ("account", account.username),
            ("parent", account.parent),
            ("credits", _show_credits(account)),
            ("may", " ".join(account.permissions)),
            ("allowed from", account.allowed_addresses or "anywhere"),
            ("sends to", account.prefixes or "anywhere"),
            ("sender", account.default_sender),
            ("time zone", account.time_zone),
            ("country", account.country),
            ("profile", account.profile),
            ("message types", " ".join(account.message_types or ())),
            ("texts kept", _show_days(account.texts_days)),
            ("numbers kept", _show_days(account.numbers_days)),
            ("messages kept", _show_days(account.messages_days)),
        ]
    )


def _print_secrets(answer: AccountSecrets) -> None:
    account = answer.account
    print_fields(
        [
            ("account", account.username),
            ("API key", answer.api_key),
            ("password", answer.password or ""),
            ("credits", _show_credits(account)),
            ("allowed from", account.allowed_addresses or "anywhere"),
        ]
    )
    print("Copy the secrets now: they are stored as digests and cannot be shown again.")


def _split(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _show_days(days: int | None) -> str:
    return "" if days is None else f"{days} days" if days else "for ever"


def _show_credits(account: AccountView) -> str:
    return "unlimited" if account.credits is None else str(account.credits)
