"""Numbers, keywords and opt-outs: what happens to the texts that come in."""

from __future__ import annotations

from typing import Final

from dragoman.admin.answers import view
from dragoman.admin.calls import Body, Call
from dragoman.admin.context import Admin
from dragoman.admin.inbound_answers import (
    KeywordList,
    KeywordView,
    NumberList,
    NumberView,
    OptOutList,
    OptOutView,
)
from dragoman.admin.merging import ordered, whole
from dragoman.core.accounts.audit_log import hide_number
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.inbound.model.inbound import Keyword, Number, OptOut
from dragoman.core.inbound.model.keywords import parse_keyword, parse_own_number
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.urls import hide_passwords
from dragoman.dialects.jasmin.arguments import NAME as JASMIN
from dragoman.dialects.kannel.submissions import NAME as KANNEL
from dragoman.dialects.linkmobility.mapping import DIALECT
from dragoman.kit.ids import time_of

TAKES_TEXTS: Final = (DIALECT, KANNEL, JASMIN)
"""The dialects whose programs have texts forwarded."""
MAX_LISTED: Final = 10_000
"""Opt-outs in one answer."""


class NewNumber(Body, frozen=True, kw_only=True):
    """A number to give to an account; others may reserve keywords on a shared one."""

    account: str
    number: str
    shared: bool = False


class NewKeyword(Body, frozen=True, kw_only=True):
    """A keyword to reserve on a number, or below another keyword."""

    account: str
    number: str
    keyword: str
    below: str = ""
    url: str = ""
    """Where its texts are forwarded to."""
    charset: str = ""
    dialect: str = DIALECT
    """Whose programs take them."""


class WhoseKeyword(Body, frozen=True, kw_only=True):
    """Which keyword of a number: the account it belongs to, and the main keyword above it."""

    account: str
    below: str = ""


class Forwarding(WhoseKeyword, frozen=True, kw_only=True):
    """Where to forward the texts of a keyword; without a URL, nowhere."""

    url: str = ""
    charset: str = ""
    dialect: str = DIALECT


class OfAccount(Body, frozen=True, kw_only=True):
    """Only those of one account; all if left out."""

    account: str = ""


class NewOptOut(Body, frozen=True, kw_only=True):
    """A number that gets nothing more from an account, or from one of its senders."""

    recipient: str
    sender: str = ""


class OfSender(Body, frozen=True, kw_only=True):
    """Only from this sender of the account; all if left out."""

    sender: str = ""


class OptOutPage(Body, frozen=True, kw_only=True):
    """Which opt-outs to list: the first ones, or those that follow an earlier list."""

    after: int = 0
    limit: int = 1000


async def list_numbers(admin: Admin) -> NumberList:
    """List the numbers, stored ones first."""
    names = await admin.usernames()
    numbers = await admin.services.keywords.numbers()
    return NumberList(
        numbers=tuple(_view_number(number, names[number.account_id]) for number in numbers)
    )


async def add_number(admin: Admin, body: NewNumber) -> NumberView:
    """Give a number to an account."""
    account = await admin.services.accounts.find(body.account)
    number = await admin.services.keywords.add_number(account, body.number, shared=body.shared)
    await admin.note(account, "add_number", hide_number(body.number))
    return _view_number(number, account.username)


async def remove_number(admin: Admin, number: str) -> NumberView:
    """Remove a number that has no keywords."""
    keywords = admin.services.keywords
    digits = parse_own_number(number)
    await admin.services.placement.check("number", digits)
    known = {one.number: one for one in await keywords.numbers()}
    await keywords.remove_number(digits)
    removed = known[digits]
    account = await admin.services.accounts.find_by_id(removed.account_id)
    if account is not None:
        await admin.note(account, "remove_number", hide_number(number))
    return _view_number(removed, account.username if account is not None else "")


async def list_keywords(admin: Admin, query: OfAccount) -> KeywordList:
    """List keywords in the order of reservation."""
    accounts = await admin.services.accounts.list_all()
    if query.account:
        accounts = [await admin.services.accounts.find(query.account)]
    keywords = admin.services.keywords
    views: list[KeywordView] = []
    for account in accounts:
        found = [one.keyword for one in await keywords.keywords(account)]
        words = {keyword.keyword_id: keyword.keyword for keyword in found}
        urls = {f.forwarding_id: f.url for f in await keywords.forwardings(account)}
        views += [_shown(account, keyword, words, urls) for keyword in found]
    return KeywordList(keywords=tuple(views))


async def reserve_keyword(admin: Admin, body: NewKeyword) -> KeywordView:
    """Reserve a keyword on a number, or below another keyword."""
    account = await admin.services.accounts.find(body.account)
    main_keyword_id = await _find_main(admin, account, body.number, body.below)
    parse_keyword(body.keyword)  # before a forwarding is made for it
    reserved = await admin.services.keywords.reserve(
        account,
        body.number,
        body.keyword,
        main_keyword_id=main_keyword_id,
        forwarding_id=await _forwarding_id(admin, account, body),
    )
    await admin.note(account, "reserve_keyword", f"{body.keyword} {hide_number(body.number)}")
    return await _view_keyword(admin, account, reserved.keyword)


async def attach_keyword(admin: Admin, number: str, keyword: str, body: Forwarding) -> KeywordView:
    """Forward the texts of a keyword to a URL, or nowhere."""
    account = await admin.services.accounts.find(body.account)
    found = await _find_keyword(admin, account, number, keyword, body.below)
    forwarding_id = await _forwarding_id(admin, account, body)
    attached = await admin.services.keywords.attach(account, found.keyword_id, forwarding_id)
    await admin.note(account, "attach_keyword", f"{keyword} {hide_number(number)}")
    return await _view_keyword(admin, account, attached.keyword)


async def delete_keyword(
    admin: Admin, number: str, keyword: str, query: WhoseKeyword
) -> KeywordView:
    """Release a keyword; only its account can reserve it again before the month ends."""
    services = admin.services
    account = await services.accounts.find(query.account)
    found = await _find_keyword(admin, account, number, keyword, query.below)
    deleted = await _view_keyword(admin, account, found)
    zone = account.time_zone or services.settings.dialects.linkmobility.time_zone
    await services.keywords.delete(account, found.keyword_id, zone)
    await admin.note(account, "delete_keyword", f"{keyword} {hide_number(number)}")
    return deleted


async def list_opt_outs(admin: Admin, username: str, query: OptOutPage) -> OptOutList:
    """List opt-outs from an account, oldest first."""
    account = await admin.services.accounts.find(username)
    limit = min(max(query.limit, 1), MAX_LISTED)
    found = await admin.services.opt_outs.page(account, query.after, limit)
    return OptOutList(
        opt_outs=tuple(_view_opt_out(account, opt_out) for opt_out in found),
        after=found[-1].opt_out_id if len(found) == limit else None,
    )


async def add_opt_out(admin: Admin, username: str, body: NewOptOut) -> OptOutView:
    """Opt a number out of an account's messages, or out of those of one of its senders."""
    account = await admin.services.accounts.find(username)
    added = await admin.services.opt_outs.add(account, body.recipient, body.sender)
    await admin.note(account, "opt_out", hide_number(body.recipient))
    return _view_opt_out(account, added)


async def remove_opt_out(
    admin: Admin, username: str, recipient: str, query: OfSender
) -> OptOutView:
    """Remove an opt-out."""
    account = await admin.services.accounts.find(username)
    removed = await admin.services.opt_outs.remove(account, recipient, query.sender)
    await admin.note(account, "opt_in", hide_number(recipient))
    return _view_opt_out(account, removed)


async def _find_main(admin: Admin, account: Account, number: str, word: str) -> int:
    """The identifier of the main keyword; 0 without a word."""
    if not word:
        return 0
    return (await _find_below(admin, account, number, word, 0)).keyword_id


async def _find_keyword(
    admin: Admin, account: Account, number: str, word: str, below: str
) -> Keyword:
    main_keyword_id = await _find_main(admin, account, number, below)
    return await _find_below(admin, account, number, word, main_keyword_id)


async def _find_below(
    admin: Admin, account: Account, number: str, word: str, main_keyword_id: int
) -> Keyword:
    wanted = (parse_own_number(number), main_keyword_id, parse_keyword(word))
    for one in await admin.services.keywords.keywords(account):
        found = one.keyword
        if (found.number, found.main_keyword_id, found.keyword) == wanted:
            return found
    raise Refused(RefusalCode.NOT_FOUND, word, "the account has no such keyword")


async def _forwarding_id(
    admin: Admin, account: Account, wanted: NewKeyword | Forwarding
) -> int | None:
    """The account's forwarding to a URL, made where there is none; None without a URL."""
    url, charset, dialect = wanted.url, wanted.charset, wanted.dialect
    if dialect not in TAKES_TEXTS:
        detail = f"those of keywords are {', '.join(TAKES_TEXTS)}"
        raise Refused(RefusalCode.INVALID_FIELD, "dialect", detail)
    if not url:
        return None
    keywords = admin.services.keywords
    for known in await keywords.forwardings(account):
        if (known.url, known.charset, known.dialect) == (url, charset, dialect):
            return known.forwarding_id
    made = await keywords.add_forwarding(
        account, dialect=dialect, url=url, charset=charset, continuous=False
    )
    return made.forwarding_id


async def _view_keyword(admin: Admin, account: Account, keyword: Keyword) -> KeywordView:
    keywords = admin.services.keywords
    words, urls = {}, {}
    if keyword.main_keyword_id:
        main = await keywords.keyword(account, keyword.main_keyword_id)
        words[keyword.main_keyword_id] = main.keyword.keyword
    if keyword.forwarding_id is not None:
        forwarding = await keywords.forwarding(account, keyword.forwarding_id)
        urls[keyword.forwarding_id] = forwarding.url
    return _shown(account, keyword, words, urls)


def _shown(
    account: Account, keyword: Keyword, words: dict[int, str], urls: dict[int, str]
) -> KeywordView:
    return view(
        KeywordView,
        keyword,
        account=account.username,
        below=words.get(keyword.main_keyword_id, ""),
        service_id=keyword.forwarding_id,
        url=hide_passwords(urls.get(keyword.forwarding_id or 0, "")),
    )


def _view_number(number: Number, username: str) -> NumberView:
    return view(NumberView, number, account=username, configured=not number.number_id)


def _view_opt_out(account: Account, opt_out: OptOut) -> OptOutView:
    return view(
        OptOutView,
        opt_out,
        account=account.username,
        since_ms=time_of(opt_out.opt_out_id),
        by_text=opt_out.inbound_id,
        origin=opt_out.origin.value,
    )


_NUMBERS: Final = whole(numbers=ordered(lambda one: one.configured))
_KEYWORDS: Final = whole(keywords=ordered(lambda one: one.keyword_id))
CALLS: Final = (
    Call("GET", "/numbers", list_numbers, whole=_NUMBERS),
    Call("POST", "/numbers", add_number, status=201),
    Call("DELETE", "/numbers/{number}", remove_number),
    Call("GET", "/keywords", list_keywords, whole=_KEYWORDS),
    Call("POST", "/keywords", reserve_keyword, status=201),
    Call("PUT", "/keywords/{number}/{keyword}", attach_keyword),
    Call("DELETE", "/keywords/{number}/{keyword}", delete_keyword),
    Call("GET", "/accounts/{username}/opt-outs", list_opt_outs),
    Call("POST", "/accounts/{username}/opt-outs", add_opt_out, status=201),
    Call("DELETE", "/accounts/{username}/opt-outs/{recipient}", remove_opt_out),
)
