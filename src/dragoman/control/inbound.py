"""Commands on numbers, keywords and opt-outs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import MappingProxyType
from typing import Any, Final

from dragoman.container import Services
from dragoman.control import requests
from dragoman.control.answers import (
    KeywordList,
    KeywordView,
    NumberList,
    NumberView,
    OptOutList,
    OptOutView,
)
from dragoman.control.house import Controlled
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.inbound.model.inbound import Keyword, Number, OptOut
from dragoman.core.inbound.model.keywords import parse_keyword, parse_own_number
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.linkmobility.mapping import DIALECT
from dragoman.kit.ids import time_of

MAX_LISTED: Final = 10_000
"""Opt-outs in one answer."""


async def _add_number(controlled: Controlled, request: requests.AddNumber) -> NumberView:
    services = controlled.services
    account = await services.accounts.find(request.username)
    number = await services.keywords.add_number(account, request.number, shared=request.shared)
    return _view_number(number, account.username)


async def _list_numbers(controlled: Controlled, _request: requests.ListNumbers) -> NumberList:
    services = controlled.services
    names = await _usernames(services)
    numbers = await services.keywords.numbers()
    return NumberList(
        numbers=tuple(_view_number(number, names[number.account_id]) for number in numbers)
    )


async def _remove_number(controlled: Controlled, request: requests.RemoveNumber) -> NumberView:
    services = controlled.services
    names, digits = await _usernames(services), parse_own_number(request.number)
    known = {number.number: number for number in await services.keywords.numbers()}
    await services.keywords.remove_number(digits)
    return _view_number(known[digits], names[known[digits].account_id])


async def _reserve_keyword(controlled: Controlled, request: requests.ReserveKeyword) -> KeywordView:
    services = controlled.services
    account = await services.accounts.find(request.username)
    below = await _find_main(services, account, request.number, request.below)
    parse_keyword(request.keyword)  # before a service is made for it
    view = await services.keywords.reserve(
        account,
        request.number,
        request.keyword,
        main_keyword_id=below.keyword_id if below is not None else 0,
        forwarding_id=await _service(services, account, request.url, request.charset),
    )
    return await _view_keyword(services, account, view.keyword)


async def _list_keywords(controlled: Controlled, request: requests.ListKeywords) -> KeywordList:
    services = controlled.services
    accounts = await services.accounts.list_all()
    if request.username:
        accounts = [await services.accounts.find(request.username)]
    views: list[KeywordView] = []
    for account in accounts:
        found = [view.keyword for view in await services.keywords.keywords(account)]
        words = {keyword.keyword_id: keyword.keyword for keyword in found}
        urls = {f.forwarding_id: f.url for f in await services.keywords.forwardings(account)}
        views += [_shown(account, keyword, words, urls) for keyword in found]
    return KeywordList(keywords=tuple(views))


async def _attach_keyword(controlled: Controlled, request: requests.AttachKeyword) -> KeywordView:
    services = controlled.services
    account = await services.accounts.find(request.username)
    keyword = await _find_keyword(services, account, request)
    service_id = await _service(services, account, request.url, request.charset)
    view = await services.keywords.attach(account, keyword.keyword_id, service_id)
    return await _view_keyword(services, account, view.keyword)


async def _delete_keyword(controlled: Controlled, request: requests.DeleteKeyword) -> KeywordView:
    services = controlled.services
    account = await services.accounts.find(request.username)
    keyword = await _find_keyword(services, account, request)
    shown = await _view_keyword(services, account, keyword)
    zone = account.time_zone or services.settings.dialects.linkmobility.time_zone
    await services.keywords.delete(account, keyword.keyword_id, zone)
    return shown


async def _add_opt_out(controlled: Controlled, request: requests.AddOptOut) -> OptOutView:
    account = await controlled.services.accounts.find(request.username)
    opt_outs = controlled.services.opt_outs
    return _view_opt_out(account, await opt_outs.add(account, request.recipient, request.sender))


async def _remove_opt_out(controlled: Controlled, request: requests.RemoveOptOut) -> OptOutView:
    account = await controlled.services.accounts.find(request.username)
    opt_outs = controlled.services.opt_outs
    removed = await opt_outs.remove(account, request.recipient, request.sender)
    return _view_opt_out(account, removed)


async def _list_opt_outs(controlled: Controlled, request: requests.ListOptOuts) -> OptOutList:
    account = await controlled.services.accounts.find(request.username)
    limit = min(max(request.limit, 1), MAX_LISTED)
    found = await controlled.services.opt_outs.page(account, request.after, limit)
    return OptOutList(
        opt_outs=tuple(_view_opt_out(account, opt_out) for opt_out in found),
        after=found[-1].opt_out_id if len(found) == limit else None,
    )


async def _usernames(services: Services) -> dict[int, str]:
    return {account.account_id: account.username for account in await services.accounts.list_all()}


async def _find_main(
    services: Services, account: Account, number: str, word: str
) -> Keyword | None:
    if not word:
        return None
    return await _find_below(services, account, number, word, 0)


async def _find_keyword(
    services: Services,
    account: Account,
    request: requests.AttachKeyword | requests.DeleteKeyword,
) -> Keyword:
    main = await _find_main(services, account, request.number, request.below)
    main_id = main.keyword_id if main is not None else 0
    return await _find_below(services, account, request.number, request.keyword, main_id)


async def _find_below(
    services: Services, account: Account, number: str, word: str, main_keyword_id: int
) -> Keyword:
    wanted = (parse_own_number(number), main_keyword_id, parse_keyword(word))
    for view in await services.keywords.keywords(account):
        found = view.keyword
        if (found.number, found.main_keyword_id, found.keyword) == wanted:
            return found
    raise Refused(RefusalCode.NOT_FOUND, word, "the account has no such keyword")


async def _service(services: Services, account: Account, url: str, charset: str) -> int | None:
    """The account's forwarding to a URL, made where there is none; None without a URL."""
    if not url:
        return None
    for known in await services.keywords.forwardings(account):
        if (known.url, known.charset) == (url, charset):
            return known.forwarding_id
    made = await services.keywords.add_forwarding(
        account, dialect=DIALECT, url=url, charset=charset, continuous=False
    )
    return made.forwarding_id


async def _view_keyword(services: Services, account: Account, keyword: Keyword) -> KeywordView:
    words, urls = {}, {}
    if keyword.main_keyword_id:
        main = await services.keywords.keyword(account, keyword.main_keyword_id)
        words[keyword.main_keyword_id] = main.keyword.keyword
    if keyword.forwarding_id is not None:
        forwarding = await services.keywords.forwarding(account, keyword.forwarding_id)
        urls[keyword.forwarding_id] = forwarding.url
    return _shown(account, keyword, words, urls)


def _shown(
    account: Account, keyword: Keyword, words: dict[int, str], urls: dict[int, str]
) -> KeywordView:
    return KeywordView(
        keyword_id=keyword.keyword_id,
        account=account.username,
        number=keyword.number,
        keyword=keyword.keyword,
        below=words.get(keyword.main_keyword_id, ""),
        service_id=keyword.forwarding_id,
        url=urls.get(keyword.forwarding_id or 0, ""),
    )


def _view_number(number: Number, username: str) -> NumberView:
    return NumberView(
        number=number.number,
        account=username,
        shared=number.shared,
        configured=not number.number_id,
    )


def _view_opt_out(account: Account, opt_out: OptOut) -> OptOutView:
    return OptOutView(
        account=account.username,
        recipient=opt_out.recipient,
        sender=opt_out.sender,
        since_ms=time_of(opt_out.opt_out_id),
        by_text=opt_out.inbound_id,
        origin=opt_out.origin.value,
    )


INBOUND_HANDLERS: Final = MappingProxyType[type[Any], Callable[[Controlled, Any], Awaitable[Any]]](
    {
        requests.AddNumber: _add_number,
        requests.ListNumbers: _list_numbers,
        requests.RemoveNumber: _remove_number,
        requests.ReserveKeyword: _reserve_keyword,
        requests.ListKeywords: _list_keywords,
        requests.AttachKeyword: _attach_keyword,
        requests.DeleteKeyword: _delete_keyword,
        requests.AddOptOut: _add_opt_out,
        requests.RemoveOptOut: _remove_opt_out,
        requests.ListOptOuts: _list_opt_outs,
    }
)
"""What carries out each of these requests."""
