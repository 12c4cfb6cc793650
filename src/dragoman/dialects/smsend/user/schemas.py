"""Parameters and answers of the calls on the caller's own account."""

from __future__ import annotations

from typing import Annotated

import msgspec

from dragoman.web.operations import doc


class LoginQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Who logs in; both may stand in HTTP Basic instead."""

    username: Annotated[str, doc("The account's user name.")] = ""
    password: Annotated[str, doc("The account's password.")] = ""


class PasswordQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The new password."""

    password: Annotated[str, doc("The new password, from 8 characters on.")]


class StatusQuery(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the status is to hold."""

    get_money: Annotated[bool, doc("Whether to tell the money that is left.")] = False
    type_aliases: Annotated[bool, doc("Whether to name the types as orders do (N, L, LL …).")] = (
        False
    )


class TypeQuantity(msgspec.Struct, frozen=True, kw_only=True):
    """The credits of a message type."""

    type: str
    quantity: int


class MailService(msgspec.Struct, frozen=True, kw_only=True):
    """The service for mail."""

    bandwidth: float
    purchased: str
    billing: str
    expiry: str


class Landings(msgspec.Struct, frozen=True, kw_only=True):
    """The published landing pages, of which there are none here."""

    landings: tuple[str, ...] = ()


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What the account may still send."""

    money: float | None
    sms: tuple[TypeQuantity, ...]
    email: MailService | None
    """None where the service is off."""
    landing: None = None
