"""Creating a subaccount, with its secrets shown once."""

from __future__ import annotations

import secrets
from typing import Final

import msgspec

from dragoman.console.forms import Problems
from dragoman.console.labels import PERMISSIONS, describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.translation import gettext, lazy
from dragoman.console.views.account_details import (
    KEEP_SECRET_S,
    MAX_DIGITS,
    NOT_OFFERED,
    read_addresses,
)
from dragoman.core.accounts.account_fields import AccountFields
from dragoman.core.accounts.account_tree import NOT_BY_DEFAULT
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.accounts.people import MIN_PASSWORD
from dragoman.core.billing.model.payments import MAX_CREDITS
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.web.responses import Response

FIELDS: Final = ("username", "credits", "default_sender", "allowed_addresses")
MAX_PASSWORD: Final = 1_000
_FIELD_OF: Final = {
    RefusalCode.ALREADY_EXISTS: "username",
    RefusalCode.INSUFFICIENT_CREDIT: "credits",
    RefusalCode.INVALID_SENDER: "default_sender",
}
_TAKEN: Final = lazy("This username is already taken.")


class CreatedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A new account and the secrets that are shown only once."""

    account_id: int
    username: str
    password: str
    """Empty if it was chosen in the form."""
    api_key: str


async def show_form(request: PageRequest) -> Response:
    """An empty form, with the permissions that are usual."""
    usual = frozenset(_offered(request)) - NOT_BY_DEFAULT
    return await _show(request, dict.fromkeys(FIELDS, ""), usual)


async def create_account(request: PageRequest) -> Response:
    """Creates the account; a form that is sent twice creates one, which both answers show."""
    typed = {name: request.form.get(name, "").strip() for name in FIELDS}
    typed["allowed_addresses"] = request.form.get("allowed_addresses", "")
    wanted = frozenset(request.form.all("may"))
    credits = _read_credits(request, typed["credits"])
    password = request.form.get("password", "")
    if password and not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        request.problems["password"] = gettext(
            "At least {min_password} characters, or leave it empty."
        ).format(min_password=MIN_PASSWORD)
    if not typed["username"]:
        request.problems["username"] = gettext("This field is required.")
    if not request.problems:
        mark = f"new account {request.form.get('mark', '')[:64]}"
        try:
            created = await request.context.repeats.once(
                request.account.account_id,
                mark,
                lambda: _create(request, typed, password, credits, wanted),
                keep_s=KEEP_SECRET_S,
            )
        except Refused as refused:
            _add(request.problems, refused)
        else:
            return request.show("account-created.html", created=created)
    return await _show(request, typed, wanted, 400)


async def _create(
    request: PageRequest,
    typed: dict[str, str],
    password: str,
    credits: int | None,
    wanted: frozenset[str],
) -> CreatedAccount:
    generated = "" if password else secrets.token_urlsafe(16)
    created = await request.services.account_tree.create(
        request.account,
        AccountFields(
            username=typed["username"],
            default_sender=typed["default_sender"],
            allowed_addresses=read_addresses(typed["allowed_addresses"]),
        ),
        password=password or generated,
        credits=credits,
        permissions={permission: permission in wanted for permission in _offered(request)},
        audit=request.audit("create"),
    )
    account = created.view.account
    return CreatedAccount(
        account_id=account.account_id,
        username=account.username,
        password=generated,
        api_key=created.api_key or "",
    )


def _read_credits(request: PageRequest, text: str) -> int | None:
    """How many credits; None for no limit."""
    if not text:
        return None
    is_number = text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS
    if is_number and int(text) <= MAX_CREDITS:
        return int(text)
    request.problems["credits"] = gettext("Enter a whole number, or leave it empty.")
    return None


def _add(problems: Problems, refused: Refused) -> None:
    """A refusal at its field; raises those that are about the whole page."""
    if refused.code is RefusalCode.UNAVAILABLE or refused.code is RefusalCode.NOT_FOUND:
        raise refused
    if refused.code is RefusalCode.PERMISSION_DENIED and refused.subject == "credits":
        problems["credits"] = gettext(
            "Your account has a credit limit, so the new one needs one too."
        )
    elif refused.code is RefusalCode.PERMISSION_DENIED:
        raise refused
    elif refused.code is RefusalCode.ALREADY_EXISTS:
        problems["username"] = _TAKEN
    elif refused.code in _FIELD_OF:
        problems[_FIELD_OF[refused.code]] = describe_refusal(refused)
    else:
        problems.add(refused, FIELDS, describe_refusal(refused))


def _offered(request: PageRequest) -> list[Permission]:
    """The permissions that the reader can give: those it has, but for what no form gives."""
    return [p for p in Permission if request.account.may(p) and p not in NOT_OFFERED]


async def _show(
    request: PageRequest, typed: dict[str, str], wanted: frozenset[str], status: int = 200
) -> Response:
    balance = await request.services.accounts.balance(request.account)
    return request.show(
        "new-account.html",
        status,
        typed=typed,
        options=[(p.value, PERMISSIONS[p], p in wanted) for p in _offered(request)],
        own=balance,
        min_password=MIN_PASSWORD,
        mark=secrets.token_urlsafe(12),
    )


PAGES: Final = (
    Page(
        "/accounts/new",
        lazy("New account"),
        section="Accounts",
        show=show_form,
        act=create_account,
        needs=Permission.ADMINISTER,
    ),
)
