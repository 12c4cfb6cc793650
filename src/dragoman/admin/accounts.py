"""Accounts: who may use the gateway, their keys, credits and e-mail."""

from __future__ import annotations

import secrets
from typing import Final

import msgspec

from dragoman.admin.account_answers import (
    AccountList,
    AccountPassword,
    AccountSecrets,
    AccountView,
    AuthTokenView,
    EmailServiceView,
    TypeBalances,
)
from dragoman.admin.answers import view
from dragoman.admin.calls import Body, Call
from dragoman.admin.context import Admin
from dragoman.admin.merging import whole
from dragoman.core.accounts.account_fields import AccountFields
from dragoman.core.accounts.account_tree import NOT_BY_DEFAULT
from dragoman.core.accounts.auth_tokens import AuthToken
from dragoman.core.accounts.model.accounts import DEFAULT_PERMISSIONS, Account, Permission
from dragoman.core.campaigns.model.mailings import EmailService
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.texts import is_storable

MAX_BILLING: Final = 64
"""Characters."""


class NewAccount(Body, frozen=True, kw_only=True):
    """An account to create; secrets that are left out are generated."""

    username: str
    password: str | None = None
    api_key: str | None = None
    credits: int | None = None
    """None is unlimited. They come from the account above it, if it has one with a limit."""
    allowed_addresses: str = ""
    legacy_md5: bool = False
    default_sender: str = ""
    parent: str = ""
    """User name of the account above it."""
    time_zone: str = ""
    country: str = ""
    """ISO 3166-1 alpha-2, whose numbers its people write without their calling code."""
    prefixes: str = ""
    profile: str = ""
    grant: tuple[str, ...] = ()
    """Permissions besides the usual ones."""
    revoke: tuple[str, ...] = ()


class AccountChanges(Body, frozen=True, kw_only=True):
    """What to change of an account; what is left out stays, `credits` are added."""

    new_username: str | None = None
    allowed_addresses: str | None = None
    default_sender: str | None = None
    time_zone: str | None = None
    country: str | None = None
    prefixes: str | None = None
    profile: str | None = None
    message_types: tuple[str, ...] | None = None
    """The only ones it may send, by name or alias; an empty list for all."""
    texts_days: int | None = None
    """How long its texts are kept; 0 for ever, -1 as for the account above it."""
    numbers_days: int | None = None
    messages_days: int | None = None
    credits: int = 0
    grant: tuple[str, ...] = ()
    revoke: tuple[str, ...] = ()


class NewKey(Body, frozen=True, kw_only=True):
    """The API key to set; generated if left out."""

    api_key: str | None = None


class NewPassword(Body, frozen=True, kw_only=True):
    """The password to set; generated if left out."""

    password: str | None = None


class NewAuthToken(Body, frozen=True, kw_only=True):
    """The auth token to set; generated if left out, and the SID stays."""

    account_sid: str = ""
    auth_token: str = ""


class CreditChange(Body, frozen=True, kw_only=True):
    """Credits of a message type to add, or to take where negative."""

    message_type: str = ""
    credits: int = 0


class EmailServiceChanges(Body, frozen=True, kw_only=True):
    """What to change of an account's e-mail service; what is left out stays."""

    enabled: bool | None = None
    bandwidth: float | None = None
    purchased: str | None = None
    billing: str | None = None
    expiry: str | None = None


async def list_accounts(admin: Admin) -> AccountList:
    """List the accounts with what is left in their wallets."""
    accounts = await admin.services.accounts.list_all()
    return AccountList(accounts=tuple([await _view(admin, account) for account in accounts]))


async def create_account(admin: Admin, body: NewAccount) -> AccountSecrets:
    """Create an account with a wallet; its secrets are shown this once."""
    accounts = admin.services.accounts
    grant, revoke = _read_permissions(body.grant), _read_permissions(body.revoke)
    parent = await accounts.find(body.parent) if body.parent else None
    usual = DEFAULT_PERMISSIONS if parent is None else parent.permissions - NOT_BY_DEFAULT
    created = await accounts.create(
        body.username,
        password=body.password,
        api_key=body.api_key,
        credits=body.credits,
        allowed_addresses=body.allowed_addresses,
        legacy_md5=body.legacy_md5,
        default_sender=body.default_sender,
        time_zone=body.time_zone,
        parent=parent,
        giver=parent,
        permissions=(usual | grant) - revoke,
        fields=AccountFields(prefixes=body.prefixes, profile=body.profile, country=body.country),
    )
    await admin.note(created.account, "create")
    return AccountSecrets(
        account=await _view(admin, created.account),
        api_key=created.api_key,
        password=created.password,
    )


async def change_account(admin: Admin, username: str, body: AccountChanges) -> AccountView:
    """Change an account, effective immediately."""
    account = await admin.services.accounts.change(
        username,
        AccountFields(
            username=body.new_username,
            allowed_addresses=body.allowed_addresses,
            default_sender=body.default_sender,
            time_zone=body.time_zone,
            country=body.country,
            prefixes=body.prefixes,
            profile=body.profile,
            message_types=_read_types(admin, body.message_types),
            texts_days=body.texts_days,
            numbers_days=body.numbers_days,
            messages_days=body.messages_days,
        ),
        grant=_read_permissions(body.grant),
        revoke=_read_permissions(body.revoke),
        credits=body.credits,
    )
    if changes := _describe(username, body):
        await admin.note(account, "set", ", ".join(changes))
    return await _view(admin, account)


def _describe(username: str, body: AccountChanges) -> list[str]:
    fields = (
        *("allowed_addresses", "default_sender", "time_zone", "country", "prefixes", "profile"),
        *("texts_days", "numbers_days", "messages_days"),
    )
    changes = [f"may {name}" for name in sorted(body.grant)]
    changes += [f"may not {name}" for name in sorted(body.revoke)]
    changes += [name.replace("_", " ") for name in fields if getattr(body, name) is not None]
    if body.message_types is not None:
        changes.append("message types")
    if body.new_username is not None:
        changes.append(f"its name was {username}")
    if body.credits:
        changes.append(f"{body.credits:+} credits")
    return changes


def _read_types(admin: Admin, names: tuple[str, ...] | None) -> str | None:
    """The types of some names, as a field of an account; raises `Refused`."""
    if names is None:
        return None
    known = admin.services.credits.types
    types = {name: known.find(name) for name in names}
    unknown = [name for name, found in types.items() if found is None]
    if unknown:
        detail = f"no such type; there are {', '.join(one.name for one in known)}"
        raise Refused(RefusalCode.INVALID_FIELD, unknown[0], detail)
    return " ".join(found.name for found in types.values() if found is not None)


def _read_permissions(names: tuple[str, ...]) -> frozenset[Permission]:
    unknown = sorted(set(names) - set(Permission))
    if unknown:
        detail = f"no such permission; there are {', '.join(Permission)}"
        raise Refused(RefusalCode.INVALID_FIELD, unknown[0], detail)
    return frozenset(map(Permission, names))


async def switch_account(admin: Admin, username: str, verb: str) -> AccountView:
    """Disable or enable an account, effective immediately."""
    enabled = verb == "enable"
    account = await admin.services.accounts.set_enabled(username, enabled)
    await admin.note(account, "open" if enabled else "shut")
    return await _view(admin, account)


async def rotate_key(admin: Admin, username: str, body: NewKey) -> AccountSecrets:
    """Replace every API key of an account with a new one, which is shown this once."""
    api_key = await admin.services.accounts.rotate_key(username, body.api_key)
    account = await admin.services.accounts.find(username)
    await admin.note(account, "key")
    return AccountSecrets(account=await _view(admin, account), api_key=api_key)


async def show_account(admin: Admin, username: str) -> AccountView:
    """Show an account and what is left in its wallet."""
    return await _view(admin, await admin.services.accounts.find(username))


async def set_password(admin: Admin, username: str, body: NewPassword) -> AccountPassword:
    """Replace the password of an account; its sessions and tokens end."""
    account = await admin.services.accounts.find(username)
    password = body.password or secrets.token_urlsafe(16)
    await admin.services.accounts.set_password(account, password)
    await admin.note(account, "set_password")
    return AccountPassword(account=username, password="" if body.password else password)


async def delete_account(admin: Admin, username: str) -> AccountView:
    """Delete an account without subaccounts; its messages are kept.

    Its keys, people and sessions end, its name is free, and what is left of its credits goes to the
    account above it.
    """
    account = await admin.services.accounts.find(username)
    view = await _view(admin, account)
    about = account
    if account.parent_id is not None:
        about = await admin.services.accounts.find_by_id(account.parent_id) or account
    entry = admin.services.audit_log.command_entry(about, "delete", username)
    await admin.services.account_tree.delete_as_operator(account, (entry,))
    return view


async def show_auth_token(admin: Admin, username: str) -> AuthTokenView:
    """Show the account SID and auth token of an account, made if it has none."""
    account = await admin.services.accounts.find(username)
    token = await admin.services.auth_tokens.of_account(account.account_id)
    if token is None:
        token = await admin.services.auth_tokens.ensure(account)
        await admin.note(account, "auth_token")
    return _view_token(account, token)


async def set_auth_token(admin: Admin, username: str, body: NewAuthToken) -> AuthTokenView:
    """Replace the auth token of an account, by a new one or by a known one."""
    account = await admin.services.accounts.find(username)
    token = await admin.services.auth_tokens.set(
        account, public_id=body.account_sid, token=body.auth_token
    )
    await admin.note(account, "auth_token")
    return _view_token(account, token)


def _view_token(account: Account, token: AuthToken) -> AuthTokenView:
    return AuthTokenView(
        account=account.username, account_sid=token.public_id, auth_token=token.token
    )


async def revoke_tokens(admin: Admin, username: str) -> AccountView:
    """Revoke every token of every dialect and end every session of an account.

    Codes and tokens that register phones end too; phones that are registered stay.
    """
    services = admin.services
    account = await services.accounts.find(username)
    entry = services.audit_log.command_entry(account, "revoke_tokens")
    await services.accounts.end_tokens(account, entry)
    await services.device_registration.end_all(account)
    return await _view(admin, account)


async def show_credits(admin: Admin, username: str) -> TypeBalances:
    """Show the credits of each message type that an account may use."""
    account = await admin.services.accounts.find(username)
    return await _balances(admin, account)


async def add_credits(admin: Admin, username: str, body: CreditChange) -> TypeBalances:
    """Add credits of a message type to an account, or take them."""
    credits = admin.services.credits
    account = await admin.services.accounts.find(username)
    message_type = credits.types.find(body.message_type)
    if message_type is None:
        known = ", ".join(one.name for one in credits.types)
        raise Refused(RefusalCode.INVALID_FIELD, "type", f"there are {known}")
    await credits.top_up(account, message_type, body.credits)
    if body.credits:
        await admin.note(account, "set", f"{body.credits:+} credits of {body.message_type}")
    return await _balances(admin, account)


async def show_email_service(admin: Admin, username: str) -> EmailServiceView:
    """Show an account's e-mail service."""
    account = await admin.services.accounts.find(username)
    service = await admin.services.mailings.service_of(account) or EmailService()
    return view(EmailServiceView, service, account=account.username)


async def change_email_service(
    admin: Admin, username: str, body: EmailServiceChanges
) -> EmailServiceView:
    """Change an account's e-mail service."""
    mailings = admin.services.mailings
    account = await admin.services.accounts.find(username)
    service = await mailings.service_of(account) or EmailService()
    given = {
        name: value for name, value in msgspec.structs.asdict(body).items() if value is not None
    }
    if given:
        service = msgspec.structs.replace(service, **given)
        if len(service.billing) > MAX_BILLING or not is_storable(service.billing):
            raise Refused(RefusalCode.INVALID_FIELD, "billing", f"at most {MAX_BILLING} characters")
        await mailings.put_service(account, service)
        await admin.note(account, "set", "e-mail service: " + ", ".join(given))
    return view(EmailServiceView, service, account=account.username)


async def _balances(admin: Admin, account: Account) -> TypeBalances:
    credits = await admin.services.credits.available(account)
    return TypeBalances(account=account.username, credits=credits)


async def _view(admin: Admin, account: Account) -> AccountView:
    accounts = admin.services.accounts
    balance = await accounts.balance(account)
    parent = None
    if account.parent_id is not None:
        parent = await accounts.find_by_id(account.parent_id)
    types = account.message_types
    return view(
        AccountView,
        account,
        permissions=tuple(sorted(account.permissions)),
        allowed_addresses=account.allowed_addresses.text,
        parent=parent.username if parent is not None else "",
        prefixes=account.prefixes.text,
        credits=None if balance.unlimited else balance.available,
        held=balance.held,
        spent=balance.spent,
        message_types=None if types is None else tuple(sorted(types)),
    )


CALLS: Final = (
    Call("GET", "/accounts", list_accounts, whole=whole()),
    Call("POST", "/accounts", create_account, status=201),
    Call("GET", "/accounts/{username}", show_account),
    Call("PATCH", "/accounts/{username}", change_account),
    Call("DELETE", "/accounts/{username}", delete_account),
    Call("POST", "/accounts/{username}/password", set_password),
    Call("POST", "/accounts/{username}/{verb:enable|disable}", switch_account),
    Call("POST", "/accounts/{username}/key", rotate_key),
    Call("GET", "/accounts/{username}/auth-token", show_auth_token),
    Call("POST", "/accounts/{username}/auth-token", set_auth_token),
    Call("DELETE", "/accounts/{username}/tokens", revoke_tokens),
    Call("GET", "/accounts/{username}/credits", show_credits),
    Call("POST", "/accounts/{username}/credits", add_credits),
    Call("GET", "/accounts/{username}/email", show_email_service),
    Call("PATCH", "/accounts/{username}/email", change_email_service),
)
