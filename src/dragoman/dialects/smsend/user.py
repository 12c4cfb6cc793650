"""The caller's own account: its password, what it may still send, a link to the console."""

from __future__ import annotations

import re
from typing import Annotated, Final

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.campaigns.model.mailings import EmailService
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.smsend import mapping
from dragoman.dialects.smsend.auth import session_of
from dragoman.dialects.smsend.calls import CallGroup
from dragoman.dialects.smsend.schemas import NO, YES, Text
from dragoman.kit.ids import time_of
from dragoman.web.operations import doc
from dragoman.web.requests import Request

MIN_PASSWORD: Final = 8
CONSOLE_PATH: Final = "/console/enter"
"""Where the console takes one-time links, as `k`."""
MAIL_BILLING: Final = "EMAILPERHOUR"
NEVER: Final = "9999-12-31"

_HOST: Final = re.compile(
    rb"[A-Za-z0-9.-]{1,253}(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?"
)


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


class User(CallGroup):
    """Answers the calls on the caller's own account."""

    async def set_password(self, account: Account, request: Request) -> Text:
        """Whether the new password was taken, which ends all else; raises `Refused`."""
        password = request.query.get("password", "")
        if not password:
            raise Refused(RefusalCode.MISSING_FIELD, "password")
        if len(password) < MIN_PASSWORD:
            return NO
        try:
            await self._services.accounts.set_password(
                account, password, session=session_of(request)
            )
        except Refused as refused:
            if refused.code is RefusalCode.INVALID_FIELD:
                return NO
            raise
        return YES

    async def link_to_console(self, account: Account, request: Request) -> Text:
        """A link that logs the caller in to the console once, within a minute; raises `Refused`."""
        address = self._base_url(request)
        token = await self._services.one_time_links.make(account)
        return Text(f"{address}{CONSOLE_PATH}?k={token}")

    async def show_status(self, account: Account, request: Request) -> Status:
        """The credits of each type, the money where it is asked for, and the service for mail."""
        with_money = mapping.read_flag(request.query, "getMoney")
        aliases = mapping.read_flag(request.query, "typeAliases")
        credits = self._services.credits
        left = await credits.available(account)
        money = await credits.purchased(account.account_id) if with_money else None
        settings = self._settings
        created_ms = time_of(account.wallet_id)  # made with the account
        mail = await self._services.mailings.service_of(account) or EmailService()
        return Status(
            money=None if money is None else mapping.render_money(money),
            sms=tuple(
                TypeQuantity(
                    type=one.name if aliases else one.brand_name,
                    quantity=mapping.render_quantity(left[one.name]),
                )
                for one in credits.types
                if account.may_send_type(one.name)
            ),
            email=MailService(
                bandwidth=mail.bandwidth or float(settings.mails_per_hour),
                purchased=mail.purchased or mapping.render_day(created_ms, self._zone_of(account)),
                billing=mail.billing or MAIL_BILLING,
                expiry=mail.expiry or NEVER,
            )
            if mail.enabled
            else None,
        )

    async def list_landings(self, _account: Account, _request: Request) -> Landings:
        """No landing pages: they are made elsewhere."""
        return Landings()

    def _base_url(self, request: Request) -> str:
        configured = self._settings.public_url
        if configured:
            return configured.rstrip("/")
        host = request.header(b"host")
        if _HOST.fullmatch(host) is None:
            raise Refused(RefusalCode.MALFORMED_REQUEST, "Host", "no Host header")
        return f"http://{host.decode()}"
