"""Where inbound texts go: the account's numbers, its keywords and its forwarding URLs."""

from __future__ import annotations

from functools import partial
from typing import Final
from urllib.parse import urlsplit

from dragoman.console.forms import EDITED_SINCE, version_of
from dragoman.console.labels import describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.paging import make_pager
from dragoman.console.reading import read_count
from dragoman.console.translation import gettext, lazy
from dragoman.core.accounts.audit_log import hide_number
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.accounts.model.people import Role
from dragoman.core.inbound.keywords import CHARSETS, check_may_receive
from dragoman.core.inbound.model.inbound import Forwarding
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.urls import hide_passwords, unhide_password
from dragoman.web.responses import Response

DIALECT: Final = "linkmobility"
"""The provider whose calls carry texts to services."""
_AT: Final = "/keywords"
_FIELDS: Final = ("number", "keyword", "below", "service", "url", "charset")


async def list_keywords(request: PageRequest) -> Response:
    """The account's numbers, keywords and forwarding URLs."""
    return await _show(request)


async def reserve_keyword(request: PageRequest) -> Response:
    """Reserves a word on a number, or below another word."""
    check_may_receive(request.account)
    services, form = request.services, request.form
    number, word = form.get("number", ""), form.get("keyword", "")
    try:
        below = read_count(form.get("below", ""))
        if below:
            number = (await services.keywords.keyword(request.account, below)).keyword.number
        made = await services.keywords.reserve(
            request.account,
            number,
            word,
            main_keyword_id=below or 0,
            forwarding_id=await _service(request),
        )
    except Refused as refused:
        return await _refuse(request, refused)
    subject = f"{made.keyword.keyword} {hide_number(made.keyword.number)}"
    await request.note("reserve_keyword", subject)
    return request.go(_AT, "saved")


async def change_keyword(request: PageRequest) -> Response:
    """Changes the forwarding of a keyword, or releases the keyword."""
    check_may_receive(request.account)
    services, keyword_id = request.services, request.identifier("keyword_id")
    async with request.context.editing:
        keyword = (await services.keywords.keyword(request.account, keyword_id)).keyword
        if not request.is_current(keyword.forwarding_id):
            request.problems[""] = EDITED_SINCE
            return await _show(request, 409)
        subject = f"{keyword.keyword} {hide_number(keyword.number)}"
        if request.form.get("do") == "release":
            await services.keywords.delete(request.account, keyword_id, str(request.zone))
            await request.note("delete_keyword", subject)
            return request.go(_AT, "released")
        wanted = await _service(request)
        if wanted == keyword.forwarding_id:
            return request.go(_AT, "no-changes")
        await services.keywords.attach(request.account, keyword_id, wanted)
        await request.note("attach_keyword", subject)
    return request.go(_AT, "saved")


async def add_service(request: PageRequest) -> Response:
    """Adds a URL that texts can be forwarded to."""
    check_may_receive(request.account)
    try:
        made = await request.services.keywords.add_forwarding(
            request.account,
            dialect=DIALECT,
            url=request.form.get("url", ""),
            charset=request.form.get("charset", ""),
            continuous=False,
        )
    except Refused as refused:
        return await _refuse(request, refused)
    await request.note("add_service", _host_of(made))
    return request.go(_AT, "saved")


async def show_service(request: PageRequest) -> Response:
    """The form to edit a forwarding URL."""
    check_may_receive(request.account)
    service = await request.services.keywords.forwarding(
        request.account, request.identifier("service_id")
    )
    return await _show_service(request, service)


async def change_service(request: PageRequest) -> Response:
    """Changes a forwarding URL, unless someone else did meanwhile."""
    check_may_receive(request.account)
    services, service_id = request.services, request.identifier("service_id")
    typed = {name: request.form.get(name, "").strip() for name in ("url", "charset")}
    async with request.context.editing:
        stored = await services.keywords.forwarding(request.account, service_id)
        if not request.is_current(stored.url, stored.charset):
            request.problems.add_conflicts(_shown(stored), typed)
            return await _show_service(request, stored, 409, typed)
        try:
            changed = await services.keywords.change_forwarding(
                request.account,
                service_id,
                url=unhide_password(typed["url"], stored.url),
                charset=typed["charset"],
            )
        except Refused as refused:
            if refused.code is RefusalCode.UNAVAILABLE:
                raise
            request.problems.add(refused, typed, describe_refusal(refused))
            return await _show_service(request, stored, 400, typed)
        await request.note("change_service", _host_of(changed))
    return request.go(_AT, "saved")


async def _service(request: PageRequest) -> int | None:
    """The forwarding URL that a form chooses; raises `Refused` for another account's."""
    service_id = read_count(request.form.get("service", ""))
    if not service_id:
        return None
    return (await request.services.keywords.forwarding(request.account, service_id)).forwarding_id


async def _refuse(request: PageRequest, refused: Refused) -> Response:
    if refused.code in {RefusalCode.UNAVAILABLE, RefusalCode.NOT_FOUND}:
        raise refused
    if refused.code is RefusalCode.ALREADY_EXISTS:
        request.problems["keyword"] = gettext("This keyword is already taken on this number.")
    elif refused.code is RefusalCode.NUMBER_NOT_ALLOWED:
        request.problems["number"] = describe_refusal(refused)
    else:
        request.problems.add(refused, _FIELDS, describe_refusal(refused))
    typed = {name: request.form.get(name, "") for name in _FIELDS}
    return await _show(request, 400, typed)


async def _show(
    request: PageRequest, status: int = 200, typed: dict[str, str] | None = None
) -> Response:
    account, keywords = request.account, request.services.keywords
    numbers = [
        number
        for number in await keywords.numbers()
        if number.shared or number.account_id == account.account_id
    ]
    views = [view.keyword for view in await keywords.keywords(account)]
    services = await keywords.forwardings(account)
    paging = request.paging()
    shown = views[paging.offset : paging.offset + paging.per_page]
    return request.show(
        "keywords.html",
        status,
        typed=typed or dict.fromkeys(_FIELDS, ""),
        numbers=numbers,
        keywords=[(keyword, version_of(keyword.forwarding_id)) for keyword in shown],
        pager=make_pager(paging, request.query, len(shown), len(views)),
        keyword_names={keyword.keyword_id: keyword.keyword for keyword in views},
        services=services,
        hosts={service.forwarding_id: _host_of(service) for service in services},
        number_choices=[(number.number, number.number) for number in numbers],
        below_choices=[
            ("", gettext("none")),
            *(
                (str(one.keyword_id), f"{one.keyword} on {one.number}")
                for one in views
                if not one.main_keyword_id
            ),
        ],
        service_choices=[
            ("", gettext("inbox only")),
            *((str(one.forwarding_id), _host_of(one)) for one in services),
        ],
        charset_choices=_CHARSET_CHOICES,
        may_change=account.may(Permission.RECEIVE),
    )


async def _show_service(
    request: PageRequest,
    service: Forwarding,
    status: int = 200,
    typed: dict[str, str] | None = None,
) -> Response:
    return request.show(
        "service.html",
        status,
        service=service,
        typed=typed or _shown(service),
        charset_choices=_CHARSET_CHOICES,
        version=version_of(service.url, service.charset),
    )


def _shown(service: Forwarding) -> dict[str, str]:
    """The fields of a forwarding URL's form."""
    return {"url": hide_passwords(service.url), "charset": service.charset}


def _host_of(service: Forwarding) -> str:
    """The host of a forwarding URL; the rest of it may contain a secret."""
    return urlsplit(service.url).hostname or ""


_CHARSET_CHOICES: Final = (
    ("", lazy("default")),
    *((name, name) for name in sorted(set(CHARSETS.values()))),
)
_page: Final = partial(Page, section="Keywords", needs=Permission.INBOX, acts=Role.MANAGER)
PAGES: Final = (
    _page(_AT, lazy("Keywords"), menu=lazy("Keywords"), show=list_keywords, act=reserve_keyword),
    _page(f"{_AT}/{{keyword_id:int}}", lazy("Keywords"), act=change_keyword),
    _page("/services", lazy("Keywords"), act=add_service),
    _page(
        "/services/{service_id:int}", lazy("Forwarding URL"), show=show_service, act=change_service
    ),
)
