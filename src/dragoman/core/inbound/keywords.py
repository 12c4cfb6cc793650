"""Numbers, the keywords that accounts reserve on them, and the forwarding of their texts.

The writer decides conflicts; inbound routing is updated once a change is on disk.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.inbound.model.inbound import Forwarding, Keyword, Number
from dragoman.core.inbound.model.keywords import (
    CATCH_ALL,
    KeywordView,
    parse_keyword,
    parse_own_number,
)
from dragoman.core.inbound.routing import InboundRouting
from dragoman.core.inbound.sql import keywords
from dragoman.core.inbound.sql.keywords import (
    KeywordAttachment,
    KeywordDeletion,
    KeywordReservation,
)
from dragoman.core.model.errors import RefusalCode, Refused, StorageUnavailable, existing
from dragoman.core.model.urls import MAX_URL, is_http_address
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock, datetime_of, ms_of
from dragoman.kit.ids import IdSource
from dragoman.storage.engine import Storage

HTTP: Final = "http"
"""The one kind of forwarding there is."""
CHARSETS: Final = MappingProxyType(
    {
        "utf-8": "utf-8",
        "utf8": "utf-8",
        "us-ascii": "us-ascii",
        "ascii": "us-ascii",
        "latin1": "iso-8859-1",
        "latin-1": "iso-8859-1",
        **{f"iso-8859-{n}": f"iso-8859-{n}" for n in (*range(1, 12), *range(13, 17))},
        **{f"windows-{n}": f"windows-{n}" for n in range(1250, 1259)},
        **{f"cp{n}": f"windows-{n}" for n in range(1250, 1259)},
    }
)
"""The charsets a forwarding may ask for, as they are stored."""


@use_case(kw_only=True)
class Keywords:
    """Administers numbers, keywords and forwardings; an account sees only its own."""

    storage: Storage
    inbound_routing: InboundRouting
    ids: IdSource
    clock: Clock
    reserved_words: Collection[str] = ()
    """Words that no account may have: those that opt out and in."""

    # Numbers

    async def numbers(self) -> list[Number]:
        """Every number: stored ones, then those in the configuration only."""
        stored = await self.storage.read(keywords.load_numbers)
        return stored + self.inbound_routing.configured()

    async def add_number(self, account: Account, number: str, *, shared: bool) -> Number:
        """Assigns a number to an account; raises `Refused`."""
        new = Number(
            number=parse_own_number(number),
            account_id=account.account_id,
            shared=shared,
            number_id=self.ids.next(),
        )
        await self.storage.writer.write(keywords.add_number, new)
        self.inbound_routing.put_number(new)
        return new

    async def remove_number(self, number: str) -> str:
        """Removes a number without keywords; raises `Refused`."""
        digits = parse_own_number(number)
        if not await self.storage.writer.write(keywords.remove_number, digits):
            raise Refused(RefusalCode.NOT_FOUND, number, "no such number")
        self.inbound_routing.drop_number(digits)
        return digits

    # Keywords

    async def keywords(self, account: Account | None = None) -> list[KeywordView]:
        """The keywords of an account, or of all, in the order of reservation."""
        account_id = account.account_id if account is not None else None
        return await self.storage.read(lambda c: keywords.load_keywords(c, account_id))

    async def keyword(self, account: Account, keyword_id: int) -> KeywordView:
        """One keyword; raises `Refused`."""
        found = await self.storage.read(
            lambda c: keywords.find_keyword(c, account.account_id, keyword_id)
        )
        return existing(found, Refused(RefusalCode.NOT_FOUND, str(keyword_id), "keyword"))

    async def keyword_on(self, account: Account, number: str, word: str) -> KeywordView:
        """One keyword by name; raises `Refused`."""
        digits, keyword = parse_own_number(number), parse_keyword(word)
        found = await self.storage.read(
            lambda c: keywords.find_keyword_on(c, account.account_id, digits, keyword)
        )
        return existing(found, Refused(RefusalCode.NOT_FOUND, word, "keyword"))

    async def reserve(
        self,
        account: Account,
        number: str,
        word: str,
        *,
        main_keyword_id: int = 0,
        forwarding_id: int | None = None,
    ) -> KeywordView:
        """Reserves a keyword on a number for an account; raises `Refused`."""
        digits, keyword = parse_own_number(number), parse_keyword(word)
        found = self.inbound_routing.number(digits)
        owned = found is not None and found.account_id == account.account_id
        if found is None or not (owned or found.shared):
            raise Refused(RefusalCode.NUMBER_NOT_ALLOWED, number)
        if keyword in self.reserved_words or (keyword == CATCH_ALL and not owned):
            raise Refused(RefusalCode.ALREADY_EXISTS, keyword, digits)
        wanted = Keyword(
            keyword_id=self.ids.next(),
            account_id=account.account_id,
            number=digits,
            main_keyword_id=main_keyword_id,
            keyword=keyword,
            forwarding_id=forwarding_id,
            free_ms=0,
        )
        reservation = KeywordReservation(keyword=wanted, now_ms=self.clock.now_ms())
        keyword_id = await self.storage.writer.write(keywords.reserve_keyword, reservation)
        return await self._take_up(account, keyword_id)

    async def attach(
        self, account: Account, keyword_id: int, forwarding_id: int | None
    ) -> KeywordView:
        """Forwards the texts of a keyword, or with None stops that; raises `Refused`."""
        attachment = KeywordAttachment(
            account_id=account.account_id, keyword_id=keyword_id, forwarding_id=forwarding_id
        )
        if not await self.storage.writer.write(keywords.attach_keyword, attachment):
            raise Refused(RefusalCode.NOT_FOUND, str(keyword_id), "keyword")
        return await self._take_up(account, keyword_id)

    async def delete(
        self, account: Account, keyword_id: int, zone: str, *, at_once: bool = False
    ) -> KeywordView:
        """Releases a keyword and those below it; returns it as it was. Raises `Refused`.

        It stays reserved for the account until the end of the month in a time zone, unless it is to
        be free `at_once`.
        """
        view = await self.keyword(account, keyword_id)
        deletion = KeywordDeletion(
            account_id=account.account_id,
            keyword_id=keyword_id,
            free_ms=self.clock.now_ms() if at_once else end_of_month(self.clock.now_ms(), zone),
        )
        if not await self.storage.writer.write(keywords.delete_keyword, deletion):
            raise Refused(RefusalCode.NOT_FOUND, str(keyword_id), "keyword")
        self.inbound_routing.release_keyword(view.keyword, deletion.free_ms)
        return view

    async def _take_up(self, account: Account, keyword_id: int) -> KeywordView:
        try:
            view = await self.keyword(account, keyword_id)
        except StorageUnavailable:  # its row has changed
            self.inbound_routing.read_again()
            raise
        self.inbound_routing.put_keyword(view.keyword)
        return view

    # Forwardings

    async def forwardings(self, account: Account) -> list[Forwarding]:
        """The forwardings of an account, in the order of creation."""
        return await self.storage.read(
            lambda c: keywords.load_forwardings(c, account.account_id, HTTP)
        )

    async def forwarding(self, account: Account, forwarding_id: int) -> Forwarding:
        """One forwarding; raises `Refused`."""
        found = await self.storage.read(
            lambda c: keywords.find_forwarding(c, account.account_id, forwarding_id)
        )
        return existing(found, Refused(RefusalCode.NOT_FOUND, str(forwarding_id), "service"))

    async def add_forwarding(
        self,
        account: Account,
        *,
        dialect: str,
        url: str,
        charset: str,
        continuous: bool,
    ) -> Forwarding:
        """Stores a URL that texts may be forwarded to; raises `Refused`."""
        new = Forwarding(
            forwarding_id=self.ids.next(),
            account_id=account.account_id,
            kind=HTTP,
            dialect=dialect,
            url=_check_url(url),
            charset=_check_charset(charset),
            continuous=continuous,
        )
        await self.storage.writer.write(keywords.add_forwarding, new)
        self.inbound_routing.put_forwarding(new)
        return new

    async def change_forwarding(
        self,
        account: Account,
        forwarding_id: int,
        *,
        url: str,
        charset: str | None = None,
        continuous: bool | None = None,
    ) -> Forwarding:
        """Changes a forwarding; None leaves a value unchanged. Raises `Refused`."""
        known = await self.forwarding(account, forwarding_id)
        changed = msgspec.structs.replace(
            known,
            url=_check_url(url),
            charset=known.charset if charset is None else _check_charset(charset),
            continuous=known.continuous if continuous is None else continuous,
        )
        if not await self.storage.writer.write(keywords.change_forwarding, changed):
            raise Refused(RefusalCode.NOT_FOUND, str(forwarding_id), "service")
        self.inbound_routing.put_forwarding(changed)
        return changed


def check_may_receive(account: Account) -> None:
    """Raises `Refused` unless the account may receive texts."""
    if not account.may(Permission.RECEIVE):
        raise Refused(RefusalCode.PERMISSION_DENIED, Permission.RECEIVE)


def end_of_month(now_ms: int, zone: str) -> int:
    """The end of the month, in milliseconds since the Unix epoch."""
    now = datetime_of(now_ms).astimezone(ZoneInfo(zone))
    year, month = (now.year + 1, 1) if now.month == 12 else (now.year, now.month + 1)
    return ms_of(datetime(year, month, 1, tzinfo=now.tzinfo))


def _check_url(url: str) -> str:
    url = url.strip()
    if not url:
        raise Refused(RefusalCode.MISSING_FIELD, "url")
    if not is_http_address(url):
        detail = f"not an http or https address of at most {MAX_URL} characters"
        raise Refused(RefusalCode.INVALID_FIELD, "url", detail)
    return url


def _check_charset(charset: str) -> str:
    charset = charset.strip().lower()
    if charset and charset not in CHARSETS:
        raise Refused(RefusalCode.INVALID_FIELD, "charset", "use utf-8, iso-8859-1 or the like")
    return CHARSETS[charset] if charset else ""
