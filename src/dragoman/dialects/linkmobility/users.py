"""Users: the accounts at and below the caller's own (LINK v2 s. 11)."""

from __future__ import annotations

import re
from functools import partial
from types import MappingProxyType
from typing import Annotated, Final

import msgspec

from dragoman.core.accounts.account_fields import AccountFields
from dragoman.core.accounts.account_tree import Changes, check_right
from dragoman.core.accounts.model.accounts import Account, AccountDetails, AccountView, Permission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.linkmobility.calls import CREATED, OK, CallGroup
from dragoman.dialects.linkmobility.errors import WordedRefusal
from dragoman.dialects.linkmobility.reading import MAX_IDENTIFIER, read_flag, render_batch_time
from dragoman.dialects.linkmobility.schemas import Flag, Number, Text
from dragoman.dialects.wording import quoted, reworded
from dragoman.web.bodies import decode_body
from dragoman.web.operations import doc
from dragoman.web.requests import Request

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

NEW_DETAILS: Final = AccountDetails(integration="")
"""What a user that was made here has where nothing is said."""


class NewUser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user to create; the manual has the first four fields."""

    username: Annotated[Text, doc("Its name, which nobody else has.")] = None
    password: Annotated[Text, doc("Its password, in plain text.")] = None
    credits: Annotated[Number, doc("How much it may send; 0 is without a limit.")] = None
    iprange: Annotated[
        str | None, doc("Where it may be used from: addresses, ranges, `192.168.0.*`.")
    ] = None
    prefixes: Annotated[
        str | int | list[str | int] | None, doc("First digits of the numbers it may send to.")
    ] = None
    company: Annotated[Text, doc("What the customer is called.")] = None
    integration: Annotated[Text, doc("Which kind of program it uses.")] = None
    integration_id: Annotated[Text, doc("What it is in the reseller's books.")] = None
    defaultsender: Annotated[Text, doc("Sender where a message names none.")] = None
    aclBilling: Annotated[Flag, doc("May send premium messages.")] = None
    aclBillingHigh: Annotated[Flag, doc("May send them above DKK 12.")] = None
    aclCharity: Annotated[Flag, doc("May send them for charity.")] = None
    aclIncoming: Annotated[Flag, doc("May receive messages.")] = None
    aclSmsinbox: Annotated[Flag, doc("May use an inbox on the web.")] = None
    aclHlr: Annotated[Flag, doc("May make HLR lookups.")] = None
    aclAdmin: Annotated[Flag, doc("May create, edit and delete users.")] = None


class UserUpdate(NewUser, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change about a user; a field that is not there stays. `credits` are added."""

    newapikey: Annotated[Flag, doc("Whether it gets a new API key.")] = None
    enabled: Annotated[Flag, doc("Whether it may be used.")] = None


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A user; `apikey` is only shown where one was made."""

    integration_id: str | None
    company: str | None
    integration: str | None
    defaultsender: str | None
    balance: str | None
    use_currency: int
    max_forbrug: Annotated[
        str | int,
        doc("Credits it was given; 0 is without a limit. A number after a PUT with `credits`."),
    ]
    forbrug: Annotated[str, doc("Credits it has used.")]
    deactivated: Annotated[str | None, doc("dd-mm-YYYY HH:MM:SS")]
    created: Annotated[str, doc("dd-mm-YYYY HH:MM:SS")]
    parent: int
    id: int
    username: str
    apikey: str
    materialized_path: Annotated[str, doc("Ids in base 36, from the root down.")]
    prefixes: str
    iprange: str | None
    aclBilling: bool
    aclBillingHigh: bool
    aclCharity: bool
    aclIncoming: bool
    aclSmsinbox: bool
    aclHlr: bool
    aclAdmin: bool
    enabled: bool
    credits: Annotated[int, doc("What is left; 0 where there is no limit.")]


class OneUser(msgspec.Struct, frozen=True, kw_only=True):
    """The answer about one user."""

    user: User
    status: int


class ManyUsers(msgspec.Struct, frozen=True, kw_only=True):
    """The caller and every user below it."""

    users: tuple[User, ...]
    status: int


class DeletedUser(msgspec.Struct, frozen=True, kw_only=True):
    """That a user is gone."""

    message: str
    status: int


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
        materialized_path="/".join(one.lstrip("0") for one in account.path.split("/")),
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
        details=msgspec.structs.replace(details, **given) if given else None,
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


def reword(action: str, refused: Refused) -> Refused:
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


class Users(CallGroup):
    """Answers the calls on users."""

    async def list_below(self, caller: Account, _request: Request) -> ManyUsers:
        """The caller's own account and all below it, enabled or not."""
        zone = self._zone_of(caller)
        views = await self._services.account_tree.list_below(caller)
        return ManyUsers(users=tuple(render_user(view, zone) for view in views), status=OK)

    async def find(self, caller: Account, request: Request) -> OneUser:
        """One of them; raises `Refused`."""
        view = await self._services.account_tree.find(caller, _identifier(request))
        return OneUser(user=render_user(view, self._zone_of(caller)), status=OK)

    async def create(self, caller: Account, request: Request) -> OneUser:
        """Makes a user; raises `Refused`."""
        new = decode_body(request, NewUser)
        with reworded(partial(reword, "created")):
            check_right(caller)
            credits = read_credits(new.credits)
            for name in ("username", "password"):
                _require(name, getattr(new, name))
            if credits is None:
                raise Refused(RefusalCode.MISSING_FIELD, "credits")
            fields = read_fields(new, NEW_DETAILS)
            created = await self._services.account_tree.create(
                caller,
                msgspec.structs.replace(fields, details=fields.details or NEW_DETAILS),
                password=str(new.password),
                credits=credits or None,
                permissions=read_permissions(new),
            )
        user = render_user(created.view, self._zone_of(caller), created.api_key)
        if new.iprange is None:
            user = msgspec.structs.replace(user, iprange=None)
        return OneUser(user=user, status=CREATED)

    async def change(self, caller: Account, request: Request) -> OneUser:
        """Changes what is given of a user; raises `Refused`."""
        given = decode_body(request, UserUpdate)
        identifier = _identifier(request)
        details = (await self._services.account_tree.find(caller, identifier)).account.details
        with reworded(partial(reword, "updated")):
            check_right(caller)
            for name in ("username", "password"):
                if getattr(given, name) is not None:
                    _require(name, getattr(given, name))
            changes = Changes(
                fields=read_fields(given, details),
                password=None if given.password is None else str(given.password),
                new_key=bool(read_flag("newapikey", given.newapikey)),
                enabled=read_flag("enabled", given.enabled),
                credits=read_credits(given.credits) or 0,
                permissions=read_permissions(given),
            )
            changed = await self._services.account_tree.change(caller, identifier, changes)
        user = render_user(changed.view, self._zone_of(caller), changed.api_key)
        if changes.credits:
            # The manual prints the new sum as a number, though it is a text everywhere else.
            user = msgspec.structs.replace(user, max_forbrug=int(user.max_forbrug))
        return OneUser(user=user, status=OK)

    async def delete(self, caller: Account, request: Request) -> DeletedUser:
        """Ends a user; raises `Refused`."""
        identifier = _identifier(request)
        with reworded(partial(reword, "deleted")):
            await self._services.account_tree.delete(caller, identifier)
        return DeletedUser(message=f"User id [{identifier}] deleted", status=OK)


def _identifier(request: Request) -> int:
    written = request.path_params["id"]
    if written.isascii() and written.isdigit() and int(written[:20]) <= MAX_IDENTIFIER:
        return int(written[:20])
    raise Refused(RefusalCode.NOT_FOUND, written, "user")


def _require(name: str, value: object) -> None:
    if value is None or str(value) == "":
        raise Refused(RefusalCode.MISSING_FIELD, name)
