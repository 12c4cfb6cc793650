"""The reader's own account: time zone, and the URLs for delivery reports and received texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dragoman.console.forms import version_of
from dragoman.console.labels import describe_permissions, describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.regions import region_choices
from dragoman.console.roles import role_of
from dragoman.console.translation import gettext, lazy
from dragoman.core.accounts.account_fields import AccountFields
from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.accounts.model.people import Role
from dragoman.core.callbacks.webhooks import TEXTS
from dragoman.core.inbound.keywords import check_may_receive
from dragoman.core.model.errors import Refused
from dragoman.core.model.urls import hide_passwords, unhide_password
from dragoman.kit.zones import country_of_zone, zone_names
from dragoman.web.responses import Response

TAKES_TEXTS: Final = frozenset({"jasmin", "kannel"})
"""APIs whose programs have one URL for all texts that an account receives."""


async def show_own_account(request: PageRequest) -> Response:
    """Who is signed in, and the forms to change it."""
    return await _show(request)


async def change_settings(request: PageRequest) -> Response:
    """Stores time zone and country, unless someone else changed them meanwhile."""
    async with request.context.editing:
        return await _change_settings(request)


async def _change_settings(request: PageRequest) -> Response:
    accounts = request.services.accounts
    stored = _place_of(await accounts.find(request.account.username))
    typed = {name: request.form.get(name, "").strip() for name in stored}
    if typed != stored and not request.is_current(stored):
        request.problems.add_conflicts(stored, typed)
        return await _show(request, 409, typed)
    audit = tuple(request.audit(name) for name in stored if typed[name] != stored[name])
    try:
        fields = AccountFields(time_zone=typed["time_zone"], country=typed["country"])
        await accounts.change(request.account.username, fields, audit=audit)
    except Refused as refused:
        request.problems.add(refused, tuple(typed), describe_refusal(refused))
        return await _show(request, 400, typed)
    return request.go("/account", "saved")


def _place_of(account: Account) -> dict[str, str]:
    """Where its people are, as the form shows it."""
    return {"time_zone": account.time_zone, "country": account.country}


async def change_reports(request: PageRequest) -> Response:
    """Stores where delivery reports go, unless someone else changed it meanwhile."""
    async with request.context.editing:
        return await _change_reports(request)


async def _change_reports(request: PageRequest) -> Response:
    stored = _report_urls(request)
    typed = {name: request.form.get(f"reports_{name}", "").strip() for name in stored}
    changed = _changed(stored, typed)
    if changed and not request.is_current(stored):
        request.problems[""] = gettext("Someone else changed the URLs after you opened the page.")
        return await _show(request, 409, reports=typed)
    for dialect, url in changed.items():
        try:
            await request.services.webhooks.put_report_url(request.account, dialect, url)
        except Refused as refused:
            request.problems[f"reports_{dialect}"] = describe_refusal(refused)
            return await _show(request, 400, reports=typed)
        await request.note("webhook", f"delivery of {dialect}")
    return request.go("/account", "saved")


def _report_urls(request: PageRequest) -> dict[str, str]:
    """The URL for delivery reports in each API that is answered here."""
    services, account_id = request.services, request.account.account_id
    return {
        dialect: services.webhooks.report_url(account_id, dialect)
        for dialect in services.settings.dialects.enabled
    }


async def change_texts(request: PageRequest) -> Response:
    """Stores where received texts go, unless someone else changed it meanwhile."""
    check_may_receive(request.account)
    async with request.context.editing:
        return await _change_texts(request)


async def _change_texts(request: PageRequest) -> Response:
    stored = _text_urls(request)
    typed = {name: request.form.get(f"texts_{name}", "").strip() for name in stored}
    changed = _changed(stored, typed)
    if changed and not request.is_current(stored):
        request.problems[""] = gettext("Someone else changed the URLs after you opened the page.")
        return await _show(request, 409, texts=typed)
    for dialect, url in changed.items():
        try:
            await request.services.webhooks.put_text_url(request.account, dialect, url)
        except Refused as refused:
            request.problems[f"texts_{dialect}"] = describe_refusal(refused)
            return await _show(request, 400, texts=typed)
        await request.note("webhook", f"texts of {dialect}")
    return request.go("/account", "saved")


def _changed(stored: Mapping[str, str], typed: Mapping[str, str]) -> dict[str, str]:
    """The URLs that are others now, by API; one whose password was not typed keeps it."""
    urls = {name: unhide_password(url, stored[name]) for name, url in typed.items()}
    return {name: url for name, url in urls.items() if url != stored[name]}


def _hide(stored: Mapping[str, str]) -> dict[str, str]:
    return {name: hide_passwords(url) for name, url in stored.items()}


def _text_urls(request: PageRequest) -> dict[str, str]:
    """The URL for received texts in each API that has one for all of an account."""
    services, account_id = request.services, request.account.account_id
    found = {}
    for dialect in services.settings.dialects.enabled:
        if dialect in TAKES_TEXTS:
            stored = services.webhooks.find(account_id, dialect, TEXTS)
            found[dialect] = stored.url if stored is not None else ""
    return found


async def _show(
    request: PageRequest,
    status: int = 200,
    place: dict[str, str] | None = None,
    reports: dict[str, str] | None = None,
    texts: dict[str, str] | None = None,
) -> Response:
    account = await request.services.accounts.find(request.account.username)
    stored, stored_texts = _report_urls(request), _text_urls(request)
    place = place or _place_of(account)
    return request.show(
        "own-account.html",
        status,
        account=account,
        own_role=role_of(account),
        can=describe_permissions(account.permissions),
        place=place,
        zones=_zones(request, place["time_zone"]),
        countries=_countries(request, account, place["country"]),
        default_zone=request.services.settings.console.time_zone,
        version=version_of(_place_of(account)),
        reports=reports or _hide(stored),
        reports_version=version_of(stored),
        texts=texts or _hide(stored_texts),
        texts_version=version_of(stored_texts),
        may_receive=account.may(Permission.RECEIVE),
        may_change=request.manages,
    )


def _zones(request: PageRequest, chosen: str) -> list[tuple[str, str]]:
    """The time zones there are, with what an empty one stands for."""
    usual = request.services.settings.console.time_zone
    names = sorted({*zone_names(), *([chosen] if chosen else [])})
    return [
        ("", gettext("{zone} (default)").format(zone=usual)),
        *((name, name.replace("_", " ")) for name in names),
    ]


def _countries(request: PageRequest, account: Account, chosen: str) -> list[tuple[str, str]]:
    """The countries there are, with what an empty one stands for."""
    names = dict(region_choices())
    usual = country_of_zone(account.time_zone or request.services.settings.console.time_zone)
    said = gettext("as the time zone: {country}") if usual in names else gettext("none")
    if chosen:
        names.setdefault(chosen, chosen)
    return [("", said.format(country=names.get(usual, ""))), *names.items()]


PAGES: Final = (
    Page(
        "/account", lazy("Account"), show=show_own_account, act=change_settings, acts=Role.MANAGER
    ),
    Page("/account/reports", lazy("Account"), act=change_reports, acts=Role.MANAGER),
    Page("/account/texts", lazy("Account"), act=change_texts, acts=Role.MANAGER),
)
