"""Inbound routing: the owner of each text, found in memory.

One process owns the database, so changes made through `keywords` are applied here at once, and no
text waits for a query.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence

import msgspec
import structlog

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.inbound.model.inbound import Forwarding, Keyword, Number
from dragoman.core.inbound.model.keywords import CATCH_ALL, words_of
from dragoman.core.inbound.sql import keywords
from dragoman.core.messages.model.messages import Holder
from dragoman.kit.clock import Clock
from dragoman.kit.signal import Signal
from dragoman.storage.engine import Storage

RETRY_S = 1.0

log = structlog.get_logger(__name__)


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """The owner of a text, and its forwardings."""

    account_id: int | None = None
    """None without an owner."""
    keyword: Keyword | None = None
    forwardings: tuple[Forwarding, ...] = ()


UNOWNED = Destination()


class InboundRouting:
    """Finds the owner of a text by its number and first words.

    A number in the database takes precedence over the same one in the configuration.
    """

    def __init__(
        self, *, storage: Storage, accounts: Accounts, clock: Clock, configured: Mapping[str, str]
    ) -> None:
        self._storage = storage
        self._accounts = accounts
        self._clock = clock
        self._configured = configured
        """User names by the numbers that the configuration gives them."""
        self._numbers: dict[str, Number] = {}
        self._keywords: dict[str, dict[tuple[int, str], Keyword]] = {}
        """By number, then by main keyword and word."""
        self._forwardings: dict[int, Forwarding] = {}
        self._account_ids: dict[str, int] = {}
        self._usernames: dict[int, str] = {}
        self._deaf: set[int] = set()
        """Accounts that may not receive."""
        self._refreshing: asyncio.Task[None] | None = None
        self._stale: set[int] = set()
        """Accounts that are to be read again, with all below them."""
        self._accounts_stale = self._all_stale = self._is_failing = False
        self.accounts_loaded: Signal[[Sequence[Account], Collection[int]]] = Signal()
        """Accounts as they are now, and those that are no more: all at the start, and after a
        change those that it may be about."""
        accounts.changed.subscribe(self._accounts_changed)

    async def load(self) -> None:
        """Loads what is stored."""
        now_ms = self._clock.now_ms()
        stored, accounts = await asyncio.gather(
            self._storage.read(lambda c: keywords.load_all(c, now_ms)), self._accounts.list_all()
        )
        self._numbers = {number.number: number for number in stored.numbers}
        self._forwardings = {found.forwarding_id: found for found in stored.forwardings}
        self._keywords = {}
        for keyword in stored.keywords:
            self.put_keyword(keyword)
        self._take_accounts(accounts, self._usernames.keys())

    def read_again(self) -> None:
        """Reloads everything, after a change of a row that could not be read."""
        self._all_stale = True
        self._accounts_changed(())

    def _accounts_changed(self, account_ids: Collection[int]) -> None:
        """Reloads accounts and whether they may receive, after a change of them or of any."""
        self._stale.update(account_ids)
        self._accounts_stale |= not account_ids
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._refresh())

    async def settle(self) -> None:
        """Waits until reloading has ended, or gives it up where the database is away."""
        if self._refreshing is not None:
            if self._is_failing:
                self._refreshing.cancel()
            await asyncio.wait((self._refreshing,))

    async def _refresh(self) -> None:
        while self._stale or self._accounts_stale or self._all_stale:
            everything, every_account, some = self._all_stale, self._accounts_stale, self._stale
            self._all_stale = self._accounts_stale = False
            self._stale = set()
            try:
                if everything:
                    await self.load()
                else:
                    await self._load_accounts(None if every_account else some)
                self._is_failing = False
            except Exception as error:
                log.error("accounts_not_read", reason=type(error).__name__)
                self._all_stale |= everything
                self._accounts_stale |= every_account
                self._stale |= some
                self._is_failing = True
                await asyncio.sleep(RETRY_S)

    async def _load_accounts(self, changed: Collection[int] | None = None) -> None:
        """Reads all accounts, or those that changed and all below them."""
        if changed is None:
            self._take_accounts(await self._accounts.list_all(), self._usernames.keys())
        else:
            self._take_accounts(await self._accounts.list_some(changed), changed)

    def _take_accounts(self, accounts: Sequence[Account], asked: Collection[int]) -> None:
        gone = frozenset(asked) - {account.account_id for account in accounts}
        for account_id in (*gone, *(account.account_id for account in accounts)):
            name = self._usernames.pop(account_id, None)
            if name is not None and self._account_ids.get(name) == account_id:
                del self._account_ids[name]
        self._deaf -= gone
        for account in accounts:
            self._usernames[account.account_id] = account.username
            self._account_ids[account.username] = account.account_id
            if account.may(Permission.RECEIVE):
                self._deaf.discard(account.account_id)
            else:
                self._deaf.add(account.account_id)
        self.accounts_loaded(accounts, gone)

    # Asking

    def number(self, number: str) -> Number | None:
        """One of the numbers, by its digits."""
        stored = self._numbers.get(number)
        if stored is not None:
            return stored
        account_id = self._account_ids.get(self._configured.get(number, ""))
        return None if account_id is None else Number(number=number, account_id=account_id)

    def account_id_of(self, username: str) -> int | None:
        """An account by its user name."""
        return self._account_ids.get(username)

    def configured(self) -> list[Number]:
        """The numbers in the configuration only."""
        names = (number for number in self._configured if number not in self._numbers)
        return [found for number in names if (found := self.number(number)) is not None]

    def find(self, number: str, words: Sequence[str], holder: Holder | None = None) -> Destination:
        """The destination of a text to a number that begins with these words.

        A text to a phone belongs to its holder, unless the number has an owner.
        """
        chain = self._chain(number, words, holder) or self._chain(number, (CATCH_ALL,), holder)
        if chain:
            return self._of_keyword(chain)
        account_id = self._owner(number, holder)
        if account_id is None or account_id in self._deaf:
            return UNOWNED
        return Destination(account_id=account_id)

    def keyword(
        self, number: str, words: Sequence[str], holder: Holder | None = None
    ) -> Keyword | None:
        """The keyword that the first words name: one below a main keyword, or a main one."""
        chain = self._chain(number, words, holder)
        return chain[0] if chain else None

    def accounts_on(self, number: str, holder: Holder | None = None) -> list[int]:
        """The accounts on a number, its owner first, whether they may receive or not."""
        owner = self._owner(number, holder)
        found = [owner] if owner is not None else []
        found += [
            keyword.account_id
            for keyword in self._keywords.get(number, {}).values()
            if _may_mean(keyword.account_id, holder)
        ]
        return list(dict.fromkeys(found))

    def _owner(self, number: str, holder: Holder | None) -> int | None:
        owner = self.number(number)
        if owner is not None and _may_mean(owner.account_id, holder):
            return owner.account_id
        return None if holder is None else holder.account_id

    def _chain(
        self, number: str, words: Sequence[str], holder: Holder | None
    ) -> tuple[Keyword, ...]:
        """The keyword that the first words name, and its main keyword if it has one."""
        main = self._keyword(number, 0, words[0]) if words else None
        if main is None or not _may_mean(main.account_id, holder):
            return ()
        below = self._keyword(number, main.keyword_id, words[1]) if len(words) > 1 else None
        if below is None or not _may_mean(below.account_id, holder):
            return (main,)
        return below, main

    def _keyword(self, number: str, main_keyword_id: int, word: str) -> Keyword | None:
        found = self._keywords.get(number, {}).get((main_keyword_id, word))
        if found is None or not found.free_ms or found.free_ms > self._clock.now_ms():
            return found
        del self._keywords[number][main_keyword_id, word]
        return None

    def _of_keyword(self, chain: tuple[Keyword, ...]) -> Destination:
        keyword = chain[0]
        if keyword.account_id in self._deaf:
            return UNOWNED
        # One below a main keyword that leads nowhere itself leaves its texts to the main one.
        ways = (way.forwarding_id for way in chain if not way.free_ms)
        found = (self._forwardings.get(way) for way in ways if way is not None)
        first = next((forwarding for forwarding in found if forwarding is not None), None)
        return Destination(
            account_id=keyword.account_id,
            keyword=keyword,
            forwardings=() if first is None else (first,),
        )

    # Keeping current

    def put_number(self, number: Number) -> None:
        """Adds a number."""
        self._numbers[number.number] = number

    def drop_number(self, number: str) -> None:
        """Removes a number."""
        self._numbers.pop(number, None)

    def put_keyword(self, keyword: Keyword) -> None:
        """Adds or updates a keyword."""
        on_number = self._keywords.setdefault(keyword.number, {})
        # One that an earlier version stored may have marks that texts are read without by now.
        word = "".join(words_of(keyword.keyword, 1)) or keyword.keyword
        on_number[keyword.main_keyword_id, word] = keyword

    def release_keyword(self, keyword: Keyword, free_ms: int) -> None:
        """Deletes a keyword and those below it, which become free at a time."""
        for known in list(self._keywords.get(keyword.number, {}).values()):
            family = (known.keyword_id, known.main_keyword_id)
            if keyword.keyword_id in family and not known.free_ms:
                self.put_keyword(msgspec.structs.replace(known, free_ms=free_ms))

    def put_forwarding(self, forwarding: Forwarding) -> None:
        """Adds or updates a forwarding."""
        self._forwardings[forwarding.forwarding_id] = forwarding


def _may_mean(account_id: int, holder: Holder | None) -> bool:
    """Whether a text may be for an account; a phone's number, as it reports it, counts too."""
    return holder is None or holder.vouched or holder.account_id == account_id
