"""What the calls on aliases take and answer, with the names and the order of the manual."""

from __future__ import annotations

from typing import Annotated

import msgspec

from dragoman.dialects.smsend.schemas import PageQuery
from dragoman.web.operations import doc


class AliasData(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """An alias to be approved, and the company behind it."""

    alias: Annotated[str, doc("Up to 11 characters of the GSM alphabet, or a number.")] = ""
    company_name: str | None = None
    contact_name: str | None = None
    contact_surname: str | None = None
    cod_fiscale: str | None = None
    vat_number: str | None = None
    contact_address: str | None = None
    contact_city: str | None = None
    contact_pcode: str | None = None
    contact_type: Annotated[
        str | None, doc("SERVICE_PHONE, MAIN_PHONE, FAX, EMAIL, PEC or WEB.")
    ] = None
    contact_info: str | None = None


class NewAlias(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request for an alias."""

    alias: AliasData


class NewAliasQuery(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the answer is to hold."""

    get_alias: Annotated[bool, doc("Whether to return the alias.")] = False


class EnteredAlias(msgspec.Struct, frozen=True, kw_only=True):
    """An alias that was entered, where it was asked for."""

    result: str = "OK"
    string: str


class AliasesQuery(PageQuery, frozen=True, kw_only=True):
    """Which page of which aliases is wanted."""

    hide_not_approved: Annotated[
        bool, doc("Whether to leave out aliases that may not be sent from.")
    ] = msgspec.field(default=False, name="hide-not-approved")


class ListedAlias(msgspec.Struct, frozen=True, kw_only=True):
    """An alias as it stands in a list."""

    contact_surname: str | None = msgspec.field(name="contact-surname")
    notification_time: str = msgspec.field(name="notification-time")
    cod_fiscale: str | None = msgspec.field(name="cod-fiscale")
    alias_state: int = msgspec.field(name="alias-state")
    contact_city: str | None = msgspec.field(name="contact-city")
    id_alias: int = msgspec.field(name="id-alias")
    contact_pcode: str | None = msgspec.field(name="contact-pcode")
    vat_number: str | None = msgspec.field(name="vat-number")
    alias: str
    company_name: str | None = msgspec.field(name="company-name")
    contact_type: str | None = msgspec.field(name="contact-type")
    contact_info: str | None = msgspec.field(name="contact-info")
    contact_name: str | None = msgspec.field(name="contact-name")
    is_numeric: bool = msgspec.field(name="is-numeric")
    contact_address: str | None = msgspec.field(name="contact-address")


class ManyAliases(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A page of aliases."""

    alias: tuple[ListedAlias, ...]
    total: int
    page_number: int
    result: str = "OK"
    page_size: int


class Alias(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """An alias by itself."""

    id_alias: int
    alias: str
    notification_time: str
    alias_state: int
    is_numeric: bool
    company_name: str | None
    contact_name: str | None
    contact_surname: str | None
    cod_fiscale: str | None
    vat_number: str | None
    contact_address: str | None
    contact_city: str | None
    contact_pcode: str | None
    contact_type: str | None
    contact_info: str | None


class OneAlias(msgspec.Struct, frozen=True, kw_only=True):
    """An alias that was asked for."""

    result: str = "OK"
    alias: Alias
