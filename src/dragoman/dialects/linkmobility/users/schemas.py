"""What the calls on users take and answer."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from dragoman.dialects.linkmobility.schemas import Flag, Number, Text


class NewUser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user to create; the manual has the first four fields."""

    username: Annotated[Text, Meta(description="Its name, which nobody else has.")] = None
    password: Annotated[Text, Meta(description="Its password, in plain text.")] = None
    credits: Annotated[Number, Meta(description="How much it may send; 0 is without a limit.")] = (
        None
    )
    iprange: Annotated[
        str | None, Meta(description="Where it may be used from: addresses, ranges, `192.168.0.*`.")
    ] = None
    prefixes: Annotated[
        str | int | list[str | int] | None,
        Meta(description="First digits of the numbers it may send to."),
    ] = None
    company: Annotated[Text, Meta(description="What the customer is called.")] = None
    integration: Annotated[Text, Meta(description="Which kind of program it uses.")] = None
    integration_id: Annotated[Text, Meta(description="What it is in the reseller's books.")] = None
    defaultsender: Annotated[Text, Meta(description="Sender where a message names none.")] = None
    aclBilling: Annotated[Flag, Meta(description="May send premium messages.")] = None
    aclBillingHigh: Annotated[Flag, Meta(description="May send them above DKK 12.")] = None
    aclCharity: Annotated[Flag, Meta(description="May send them for charity.")] = None
    aclIncoming: Annotated[Flag, Meta(description="May receive messages.")] = None
    aclSmsinbox: Annotated[Flag, Meta(description="May use an inbox on the web.")] = None
    aclHlr: Annotated[Flag, Meta(description="May make HLR lookups.")] = None
    aclAdmin: Annotated[Flag, Meta(description="May create, edit and delete users.")] = None


class UserUpdate(NewUser, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to change about a user; a field that is not there stays. `credits` are added."""

    newapikey: Annotated[Flag, Meta(description="Whether it gets a new API key.")] = None
    enabled: Annotated[Flag, Meta(description="Whether it may be used.")] = None


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A user; `apikey` is only shown where one was made."""

    integration_id: str | None
    company: str | None
    integration: str | None
    defaultsender: str | None
    balance: str | None
    use_currency: int
    max_forbrug: Annotated[str, Meta(description="Credits it was given; 0 is without a limit.")]
    forbrug: Annotated[str, Meta(description="Credits it has used.")]
    deactivated: Annotated[str | None, Meta(description="dd-mm-YYYY HH:MM:SS")]
    created: Annotated[str, Meta(description="dd-mm-YYYY HH:MM:SS")]
    parent: int
    id: int
    username: str
    apikey: str
    materialized_path: Annotated[str, Meta(description="Ids in base 36, from the root down.")]
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
    credits: Annotated[int, Meta(description="What is left; 0 where there is no limit.")]


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
