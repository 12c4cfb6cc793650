"""TPOA aliases: the names and numbers that an account may send from (smSend v1.0, "TPOA API")."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Annotated, Any, Final

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.model.senders import (
    APPROVED_STATES,
    SenderDetails,
    SenderState,
    StoredSender,
)
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.smsend import mapping
from dragoman.dialects.smsend.calls import CallGroup
from dragoman.dialects.smsend.schemas import Done, Located, PageQuery, Switch
from dragoman.dialects.wording import instead_of, reworded
from dragoman.web.operations import doc
from dragoman.web.requests import Request

STATES: Final = MappingProxyType(
    {
        SenderState.PENDING: 0,
        SenderState.APPROVED: 1,
        SenderState.APPROVED_BY_AUTHORITY: 2,
        SenderState.REJECTED: 3,
        SenderState.REJECTED_BY_AUTHORITY: 4,
        SenderState.PREAPPROVED: 9,
    }
)
"""The `alias-state` of each state; the manual's authority is AGCOM."""

DETAILS: Final = MappingProxyType(
    {
        "company": "company_name",
        "first_name": "contact_name",
        "last_name": "contact_surname",
        "tax_code": "cod_fiscale",
        "vat_number": "vat_number",
        "address": "contact_address",
        "city": "contact_city",
        "postal_code": "contact_pcode",
        "contact_type": "contact_type",
        "contact": "contact_info",
    }
)
"""This API's name of each of our details."""

_EVERY_STATE: Final = frozenset(SenderState)


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
        str | None, doc("Such as SERVICE_PHONE, MAIN_PHONE, FAX, EMAIL, PEC or WEB.")
    ] = None
    contact_info: str | None = None


class NewAlias(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a request for an alias."""

    alias: AliasData
    getAlias: Annotated[Switch, doc("As in the query: the manual has it in both places.")] = None


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


class Aliases(CallGroup):
    """Answers the calls on aliases."""

    async def enter(self, account: Account, request: Request) -> Located:
        """Enters an alias, which an operator is to approve; raises `Refused`."""
        shown = mapping.read_flag(request.query, "getAlias")
        body = mapping.read_body(request, NewAlias)
        shown = shown or mapping.read_switch("getAlias", body.getAlias)
        data = body.alias
        if not data.alias:
            raise Refused(RefusalCode.MISSING_FIELD, "alias")
        with reworded(_renamed):
            entered = await self._services.senders.ask_for(account, data.alias, _details(data))
        answer = EnteredAlias(string=entered.sender) if shown else Done()
        return Located(f"/alias/{entered.sender_id}", answer)

    async def list_page(self, account: Account, request: Request) -> ManyAliases:
        """A page of the account's aliases; raises `Refused`."""
        page = mapping.read_page(request.query)
        hidden = mapping.read_flag(request.query, "hide-not-approved")
        states = APPROVED_STATES if hidden else _EVERY_STATE
        found, total = await self._services.senders.list_page(
            account, states, page.offset, page.size
        )
        return ManyAliases(
            alias=tuple(ListedAlias(**self._fields(account, one)) for one in found),
            total=total,
            page_number=page.number,
            page_size=page.size,
        )

    async def find(self, account: Account, request: Request) -> OneAlias:
        """An alias; raises `Refused`."""
        sender_id = _identifier(request)
        with _missing(sender_id):
            found = await self._services.senders.find(account, sender_id)
        return OneAlias(alias=Alias(**self._fields(account, found)))

    async def remove(self, account: Account, request: Request) -> Done:
        """Gives an alias up; raises `Refused`."""
        sender_id = _identifier(request)
        with _missing(sender_id):
            await self._services.senders.remove(account, sender_id)
        return Done()

    def _fields(self, account: Account, sender: StoredSender) -> dict[str, Any]:
        details = sender.details
        return {
            "id_alias": sender.sender_id,
            "alias": sender.sender,
            "notification_time": mapping.render_time(sender.created_ms, self._zone_of(account)),
            "alias_state": STATES[sender.state],
            "is_numeric": sender.sender.removeprefix("+").isdigit(),
            **{name: getattr(details, detail) for detail, name in DETAILS.items()},
        }


def _details(data: AliasData) -> SenderDetails:
    return SenderDetails(**{detail: getattr(data, name) for detail, name in DETAILS.items()})


def _renamed(refused: Refused) -> Refused:
    """A refusal of a detail, under the manual's name of it."""
    name = DETAILS.get(refused.subject)
    if refused.code is not RefusalCode.INVALID_FIELD or name is None:
        return refused
    return Refused(refused.code, name.replace("_", "-"), refused.detail)


def _identifier(request: Request) -> int:
    return mapping.read_identifier(request.path_params["alias_id"], "alias")


def _missing(sender_id: int) -> AbstractContextManager[None]:
    refusal = Refused(RefusalCode.NOT_FOUND, str(sender_id), "alias")
    return instead_of(refusal.code, refusal)
