"""What the calls on users take and answer."""

from __future__ import annotations

from typing import Annotated

import msgspec

from dragoman.dialects.linkmobility.schemas import Flag, Number, Text
from dragoman.web.operations import doc


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
    max_forbrug: Annotated[str, doc("Credits it was given; 0 is without a limit.")]
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
