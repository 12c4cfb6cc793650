"""Users as the manual shows them, and as the account tree takes them."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

from dragoman.core.accounts.account_fields import AccountFields
from dragoman.core.accounts.model.accounts import AccountDetails, AccountView, Permission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.linkmobility.errors import WordedRefusal
from dragoman.dialects.linkmobility.reading import read_flag
from dragoman.dialects.linkmobility.schemas import Number, Text
from dragoman.dialects.linkmobility.times import render_batch_time
from dragoman.dialects.linkmobility.users.schemas import NewUser, User
from dragoman.dialects.wording import quoted

HIDDEN_KEY: Final = "---"
NO_PARENT: Final = 0
NO_CURRENCY: Final = 0

PERMISSIONS: Final = MappingProxyType(
    {
        "aclBilling": Permission.PREMIUM,
        "aclBillingHigh": Permission.PREMIUM_HIGH,
        "aclCharity": Permission.CHARITY,
        "aclIncoming": Permission.RECEIVE,
        "aclSmsinbox": Permission.INBOX,
        "aclHlr": Permission.NUMBER_LOOKUP,
        "aclAdmin": Permission.ADMINISTER,
    }
)
"""The permissions that the manual knows, by its names."""

_NAMES: Final = MappingProxyType(
    {permission.value: name for name, permission in PERMISSIONS.items()}
    | {Permission.ADMINISTER.value: "acl", "allowed_addresses": "iprange"}
)
"""The manual's names of our fields, where they differ."""

_INTEGER: Final = re.compile(r"-?[0-9]{1,16}", re.ASCII)


def render_user(view: AccountView, zone: str, api_key: str | None = None) -> User:
    """A user whose times are written in `zone`."""
    account, balance, details = view.account, view.balance, view.account.details
    used = balance.held + balance.spent
    deactivated_ms = view.deactivated_ms
    return User(
        integration_id=details.integration_id,
        company=details.company,
        integration=details.integration,
        defaultsender=account.default_sender or None,
        balance=None,
        use_currency=NO_CURRENCY,
        max_forbrug="0" if balance.unlimited else str(balance.available + used),
        forbrug=str(used),
        deactivated=None if deactivated_ms is None else render_batch_time(deactivated_ms, zone),
        created=render_batch_time(view.created_ms, zone),
        parent=account.parent_id or NO_PARENT,
        id=account.account_id,
        username=account.username,
        apikey=api_key or HIDDEN_KEY,
        materialized_path=account.path,
        prefixes=account.prefixes.text,
        iprange=account.allowed_addresses.text,
        **{name: account.may(permission) for name, permission in PERMISSIONS.items()},
        enabled=account.enabled,
        credits=0 if balance.unlimited else balance.available,
    )


def read_fields(user: NewUser, details: AccountDetails) -> AccountFields:
    """What is said of a user; `details` are those it has. Raises `Refused`."""
    given = {
        name: _text(value)
        for name in details.__struct_fields__
        if (value := getattr(user, name)) is not None
    }
    prefixes = user.prefixes
    if isinstance(prefixes, list):
        prefixes = ",".join(map(str, prefixes))
    return AccountFields(
        username=_text(user.username),
        allowed_addresses=user.iprange,
        prefixes=_text(prefixes),
        default_sender=_text(user.defaultsender),
        details=_with(details, given) if given else None,
    )


def read_permissions(user: NewUser) -> dict[Permission, bool]:
    """The permissions that are said to be there or not; raises `Refused`."""
    wanted = {name: read_flag(name, getattr(user, name)) for name in PERMISSIONS}
    return {PERMISSIONS[name]: flag for name, flag in wanted.items() if flag is not None}


def read_credits(value: Number) -> int | None:
    """A number of credits, None where none is given; raises `Refused`."""
    if value is None or value == "":
        return None
    written = str(value).strip()
    if not _INTEGER.fullmatch(written):
        raise Refused(RefusalCode.INVALID_FIELD, "credits", "not a whole number")
    return int(written)


def reword(refused: Refused, action: str) -> Refused:
    """The refusal of a change in the style of the manual: `User not created, [acl] …`."""
    if refused.code is RefusalCode.NOT_FOUND:
        return refused
    name = quoted(_NAMES.get(refused.subject, refused.subject))
    because = f", {refused.detail}" if refused.detail else ""
    texts = {
        RefusalCode.PERMISSION_DENIED: f"[{name}] access is denied for user",
        RefusalCode.INSUFFICIENT_CREDIT: "not enough credits",
        RefusalCode.ALREADY_EXISTS: "[username] is already taken",
        RefusalCode.INVALID_SENDER: f"[defaultsender] is not valid{because}",
        RefusalCode.MISSING_FIELD: f"[{name}] empty",
        RefusalCode.INVALID_FIELD: refused.detail
        if refused.subject == "account"
        else f"[{name}] is not valid{because}",
    }
    text = texts.get(refused.code)
    return refused if text is None else WordedRefusal(refused.code, f"User not {action}, {text}")


def _text(value: Text) -> str | None:
    return None if value is None else str(value)


def _with(details: AccountDetails, given: dict[str, str | None]) -> AccountDetails:
    kept = {name: getattr(details, name) for name in details.__struct_fields__}
    return AccountDetails(**(kept | given))
