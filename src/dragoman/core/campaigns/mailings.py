"""Mailing lists and subscriptions, with consent that one click withdraws.

An address that unsubscribed returns only by answering an opt-in mail, whatever the owner of the
list says.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field
from datetime import date, timedelta
from typing import Final, Protocol, TypeVar

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.campaigns.model.mailings import (
    MAX_TITLE,
    EmailService,
    EndedBy,
    ListState,
    MailingList,
    MailingListChange,
    TokenPurpose,
)
from dragoman.core.campaigns.sql import mailing_lists, subscriptions
from dragoman.core.campaigns.sql.mailing_lists import missing_list
from dragoman.core.campaigns.sql.subscriptions import NewSubscriber, Subscribing
from dragoman.core.model.errors import RefusalCode, Refused, existing
from dragoman.core.model.mail_addresses import domain_of, parse_mail_address
from dragoman.core.model.texts import is_storable
from dragoman.core.model.use_case import use_case
from dragoman.core.placement.placement import Placement
from dragoman.kit.clock import Clock, datetime_of
from dragoman.kit.ids import IdSource
from dragoman.kit.signal import Signal
from dragoman.storage.engine import Storage

Item = TypeVar("Item")

TOKEN_BYTES: Final = 24
MAX_LANGUAGE: Final = 8
MAX_COMPANY_FIELD: Final = 256
"""Characters."""
CHUNK: Final = 500
"""People that are put on a list in one transaction; bounds how long other writes wait."""


class AddressBook(Protocol):
    """The source of e-mail addresses of contacts."""

    async def addresses(self, account: int, contact_ids: Sequence[int]) -> dict[int, str]:
        """The addresses of an account's contacts, without those that have none."""
        ...

    async def members(self, account: int, group_id: int) -> Sequence[int]:
        """The contacts in a group; raises `Refused` for an unknown group."""
        ...


class NoAddressBook:
    """An empty address book."""

    async def addresses(self, account: int, contact_ids: Sequence[int]) -> dict[int, str]:
        return {}

    async def members(self, account: int, group_id: int) -> Sequence[int]:
        raise Refused(RefusalCode.NOT_FOUND, str(group_id), "group")


@use_case(kw_only=True)
class Mailings:
    """Keeps the mailing lists of accounts, each isolated from the others.

    `enabled`: whether mail can be sent at all; `sender_domains`: the domains lists may send from,
    empty for any.
    """

    storage: Storage
    placement: Placement
    ids: IdSource
    clock: Clock
    enabled: bool
    sender_domains: Sequence[str]
    book: AddressBook = field(default_factory=NoAddressBook)
    mail_due: Signal[[int]] = field(default_factory=Signal[[int]], init=False)
    """An account that has new mails to be sent."""

    # Lists

    async def lists(
        self, account: Account, states: tuple[ListState, ...] = tuple(ListState)
    ) -> list[MailingList]:
        """The account's lists in one of the states, in the order of creation."""
        return await self.storage.read(lambda c: mailing_lists.load(c, account.account_id, states))

    async def list_of(self, account: Account, list_id: int) -> MailingList:
        """One of the account's lists; raises `Refused`."""
        found = await self.storage.read(
            lambda c: mailing_lists.find(c, account.account_id, list_id)
        )
        return existing(found, missing_list(list_id))

    async def active_list(self, account: Account, list_id: int) -> MailingList:
        """One of the account's active lists; raises `Refused`."""
        found = await self.list_of(account, list_id)
        if found.state is not ListState.ACTIVE:
            raise Refused(RefusalCode.INVALID_FIELD, "list", "it is not active")
        return found

    async def create_list(self, account: Account, new: MailingList) -> MailingList:
        """Creates a list with a new identifier; raises `Refused`."""
        values = msgspec.structs.asdict(new)
        checked = self._checked({name: values[name] for name in _CHECKS})
        created = MailingList(
            **{
                **values,
                **checked,
                "list_id": await self.storage.short_ids.next(),
                "account_id": account.account_id,
                "created_ms": self.clock.now_ms(),
            }
        )
        await self.storage.writer.write(mailing_lists.create, created)
        return created

    async def change_list(self, change: MailingListChange) -> None:
        """Applies changes to a list; raises `Refused`."""
        given = {name: value for name in _CHECKS if isinstance(value := getattr(change, name), str)}
        checked = msgspec.structs.replace(change, **self._checked(given))
        await self.storage.writer.write(mailing_lists.change, checked)

    # Subscriptions

    async def subscribe(
        self,
        account: Account,
        list_id: int,
        address: str,
        *,
        contact_id: int | None = None,
        opt_in: bool = False,
    ) -> None:
        """Adds an address to a list, with `opt_in` once it confirms; raises `Refused`."""
        await self.active_list(account, list_id)
        checked = check_address("email", address)
        if opt_in:
            await self.check_may_send(account)
        pairs: list[tuple[int | None, str]] = [(contact_id, checked)]
        await self._subscribe(account, list_id, pairs, opt_in)

    async def add_group(
        self, account: Account, list_id: int, group_id: int, *, opt_in: bool = False
    ) -> None:
        """Adds the contacts of a group to a list, in steps; raises `Refused`.

        After a crash some of them have been added; repeating the call adds the rest.
        """
        await self.active_list(account, list_id)
        members = await self.book.members(account.account_id, group_id)
        if opt_in:
            await self.check_may_send(account)
        for chunk in in_chunks(members, CHUNK):
            found = await self.book.addresses(account.account_id, chunk)
            await self._subscribe(account, list_id, list(usable(found)), opt_in)
        joined = mailing_lists.ListGroup(
            list_id=list_id,
            group_id=group_id,
            account_id=account.account_id,
            added_ms=self.clock.now_ms(),
        )
        await self.storage.writer.write(mailing_lists.add_group, joined)

    def new_token(self) -> str:
        """A token for a link in a mail, which says in a cluster whose it is."""
        return self.placement.mark_token(secrets.token_urlsafe(TOKEN_BYTES))

    async def use_token(self, token: str, purpose: TokenPurpose, how: EndedBy) -> bool:
        """Performs the action of a link with a token; False for an unknown token."""
        await self.placement.check_token(token, digest_of(token))
        use = subscriptions.TokenUse(
            digest=digest_of(token), purpose=purpose, how=how, at_ms=self.clock.now_ms()
        )
        return await self.storage.writer.write(subscriptions.use_token, use)

    async def _subscribe(
        self,
        account: Account,
        list_id: int,
        pairs: Sequence[tuple[int | None, str]],
        opt_in: bool,
    ) -> None:
        if not pairs:
            return
        item = Subscribing(
            account_id=account.account_id,
            list_id=list_id,
            subscribers=tuple(
                NewSubscriber(
                    subscription_id=self.ids.next(),
                    delivery_id=self.ids.next(),
                    contact_id=contact_id,
                    address=address,
                )
                for contact_id, address in pairs
            ),
            opt_in=opt_in,
            at_ms=self.clock.now_ms(),
        )
        if await self.storage.writer.write(subscriptions.subscribe, item):
            self.mail_due(account.account_id)

    # What an account has bought

    async def service_of(self, account: Account) -> EmailService | None:
        """The e-mail service an account has bought; None if none is recorded."""
        return await self.storage.read(lambda c: mailing_lists.find_service(c, account.account_id))

    async def put_service(self, account: Account, service: EmailService) -> None:
        """Records the e-mail service an account has bought; raises `Refused`."""
        for name in ("purchased", "expiry"):
            value = getattr(service, name)
            try:
                _ = value and date.fromisoformat(value)
            except ValueError:
                raise Refused(RefusalCode.INVALID_FIELD, name, "not a date yyyy-MM-dd") from None
        if not 0 <= service.bandwidth <= 1e9:
            raise Refused(RefusalCode.INVALID_FIELD, "bandwidth", "must be a number of mails")
        change = mailing_lists.EmailServiceChange(account_id=account.account_id, service=service)
        await self.storage.writer.write(mailing_lists.put_service, change)

    async def check_may_send(self, account: Account) -> None:
        """Raises `Refused` unless the account may send mail now."""
        if not self.enabled:
            raise Refused(RefusalCode.NOT_SUPPORTED, "email", "no relay is configured")
        service = await self.service_of(account)
        if service is None:
            return
        today = datetime_of(self.clock.now_ms()).date()
        if not service.enabled:
            raise Refused(RefusalCode.PERMISSION_DENIED, "email", "the service is off")
        # The last day is over when it is over everywhere.
        if service.expiry and today > date.fromisoformat(service.expiry) + timedelta(days=1):
            raise Refused(RefusalCode.PERMISSION_DENIED, "email", "the service has expired")

    def _checked(self, values: dict[str, str]) -> dict[str, str]:
        checked = {name: _CHECKS[name](name, value) for name, value in values.items()}
        sender = checked.get("sender")
        domains = {name.lower() for name in self.sender_domains}
        if sender and domains and domain_of(sender) not in domains:
            raise Refused(RefusalCode.INVALID_FIELD, "sender", "not one of our domains")
        return checked


def check_address(name: str, address: str) -> str:
    """An e-mail address in its stored form; raises `Refused`."""
    if not address.strip():
        raise Refused(RefusalCode.MISSING_FIELD, name)
    try:
        return parse_mail_address(address)
    except ValueError as error:
        raise Refused(RefusalCode.INVALID_FIELD, name, str(error)) from None


def check_line(name: str, text: str, longest: int, *, required: bool = True) -> str:
    """A line of text in its stored form; raises `Refused`, also for header injection."""
    if required and not text.strip():
        raise Refused(RefusalCode.MISSING_FIELD, name)
    if len(text) > longest:
        raise Refused(RefusalCode.INVALID_FIELD, name, f"more than {longest} characters")
    if not (is_storable(text) and all(char.isprintable() or char == "\t" for char in text)):
        raise Refused(RefusalCode.INVALID_FIELD, name, "it holds characters that do not print")
    if "=?" in text:  # RFC 2047 s. 2: readers would show something else than was written
        raise Refused(RefusalCode.INVALID_FIELD, name, "it holds an encoded word")
    return text.strip()


def digest_of(token: str) -> bytes:
    """The digest of a token, as it is stored."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def in_chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Slices of at most so many items."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def usable(found: dict[int, str]) -> Iterator[tuple[int, str]]:
    """Contacts with a valid address, in the given order."""
    for contact_id, address in found.items():
        try:
            yield contact_id, parse_mail_address(address)
        except ValueError:
            continue  # an old address book may hold anything


def _title(name: str, text: str) -> str:
    return check_line(name, text, MAX_TITLE)


def _language(name: str, text: str) -> str:
    return check_line(name, text, MAX_LANGUAGE)


def _company(name: str, text: str) -> str:
    return check_line(name, text, MAX_COMPANY_FIELD)


_CHECKS: Final[dict[str, Callable[[str, str], str]]] = {
    "title": _title,
    "language": _language,
    "sender": check_address,
    "reply_to": check_address,
    "company_name": _company,
    "company_address": _company,
    "company_url": _company,
    "company_phone": _company,
    "company_fax": _company,
}
