"""Binds of the SMPP server, and what accounts bind with."""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.admin.answers import BindList, SmppLoginView, WireLogView
from dragoman.admin.calls import Body, Call
from dragoman.admin.context import Admin
from dragoman.admin.merging import ordered, whole
from dragoman.core.accounts.model.smpp_logins import SmppLogin, SmppOptions
from dragoman.core.delivery.running import BindView, Running
from dragoman.core.model.errors import RefusalCode, Refused

NO_LOGIN: Final = "has no SMPP login"


class SmppLoginChanges(Body, frozen=True, kw_only=True):
    """What an account binds with and how; what is left out stays. A new login gets a password."""

    system_id: str | None = None
    """The user name where that fits, if a new login is given none."""
    password: str | None = None
    new_password: bool = False
    """Whether to generate one."""
    max_binds: int | None = None
    """0 as the configuration has it."""
    rate_per_s: float | None = None
    """Parts a second over all binds; 0 for no limit, -1 as the configuration has it."""
    latin_1: bool | None = None
    payload: bool | None = None
    no_credit_status: int | None = None


async def show_login(admin: Admin, username: str) -> SmppLoginView:
    """Show what an account binds with."""
    account = await admin.services.accounts.find(username)
    login = admin.services.smpp_logins.of_account(account.account_id)
    if login is None:
        raise Refused(RefusalCode.NOT_FOUND, username, NO_LOGIN)
    return _view(username, login)


async def change_login(admin: Admin, username: str, body: SmppLoginChanges) -> SmppLoginView:
    """Give an account what it binds with, or change that.

    A new password is shown this once. Another system_id or password ends the account's binds.
    """
    logins = admin.services.smpp_logins
    account = await admin.services.accounts.find(username)
    earlier = logins.of_account(account.account_id)
    issued = await logins.put(
        account,
        system_id=body.system_id,
        password=body.password,
        new_password=body.new_password,
        options=_change(earlier.options if earlier is not None else SmppOptions(), body),
    )
    await admin.note(account, "smpp_login", issued.login.system_id)
    return _view(account.username, issued.login, issued.password)


async def remove_login(admin: Admin, username: str) -> SmppLoginView:
    """Take away what an account binds with; its binds are ended."""
    account = await admin.services.accounts.find(username)
    login = admin.services.smpp_logins.of_account(account.account_id)
    if login is None:
        raise Refused(RefusalCode.NOT_FOUND, username, NO_LOGIN)
    await admin.services.smpp_logins.remove(account)
    await admin.note(account, "remove_smpp_login", login.system_id)
    return _view(account.username, login)


async def list_binds(admin: Admin) -> BindList:
    """List who is bound: from where, since when, how fast, and its last error."""
    return BindList(binds=tuple(_running(admin).binds()))


async def end_bind(admin: Admin, bind_id: str) -> BindView:
    """End a bind; its program may bind again."""
    ended = _running(admin).unbind(_number(admin, bind_id))
    await _note(admin, ended, "end_bind")
    return ended


async def start_wire_log(admin: Admin, bind_id: str) -> BindView:
    """Keep what a bind reads and writes for an hour, in memory, with its numbers and texts."""
    logged = _running(admin).start_wire_log(_number(admin, bind_id))
    await _note(admin, logged, "log_bind")
    return logged


async def show_wire_log(admin: Admin, bind_id: str) -> WireLogView:
    """Show what was kept of a bind since its log was asked for: the last MiB of it."""
    pieces = _running(admin).wire_log(_number(admin, bind_id))
    return WireLogView(pieces=tuple(pieces))


async def _note(admin: Admin, bind: BindView, action: str) -> None:
    account = await admin.services.accounts.find_by_id(bind.account_id)
    if account is not None:
        await admin.note(account, action, f"{bind.system_id} from {bind.address}")


def _change(options: SmppOptions, body: SmppLoginChanges) -> SmppOptions:
    given = {
        name: value
        for name in options.__struct_fields__
        if (value := getattr(body, name)) is not None
    }
    if given.get("max_binds") == 0:
        given["max_binds"] = None
    if given.get("rate_per_s") == -1:
        given["rate_per_s"] = None
    return msgspec.structs.replace(options, **given)


def _view(username: str, login: SmppLogin, password: str = "") -> SmppLoginView:
    options = login.options
    return SmppLoginView(
        account=username,
        system_id=login.system_id,
        password=password,
        max_binds=options.max_binds,
        rate_per_s=options.rate_per_s,
        latin_1=options.latin_1,
        payload=options.payload,
        no_credit_status=options.no_credit_status,
    )


def _number(admin: Admin, text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Refused(RefusalCode.NOT_FOUND, text[:20], "bind")
    admin.services.placement.check_marked(int(text))
    return int(text)


def _running(admin: Admin) -> Running:
    if admin.running is None:
        raise Refused(RefusalCode.UNAVAILABLE, "binds", "no gateway is running")
    return admin.running


_BINDS: Final = whole(binds=ordered(lambda one: one.since_ms))
CALLS: Final = (
    Call("GET", "/accounts/{username}/smpp", show_login),
    Call("PUT", "/accounts/{username}/smpp", change_login),
    Call("DELETE", "/accounts/{username}/smpp", remove_login),
    Call("GET", "/binds", list_binds, whole=_BINDS),
    Call("DELETE", "/binds/{bind_id}", end_bind),
    Call("POST", "/binds/{bind_id}/log", start_wire_log),
    Call("GET", "/binds/{bind_id}/log", show_wire_log),
)
