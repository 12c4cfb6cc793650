"""Opt-outs, kept in memory so that every submission can be checked.

A number takes eight bytes, so ten million opt-outs take eighty megabytes. What an inbound text
decides is effective here before it is on disk, so that nothing accepted after its commit is sent.

An opt-out whose number was erased is kept as an HMAC of the number: it counts as before, and nobody
can read from it whose it is.
"""

from __future__ import annotations

import hmac
import secrets
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence, Set
from typing import Final

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.model.senders import normalise_sender
from dragoman.core.inbound.model.inbound import OptOut, OptOutFilter, OptOutKey, OptOutOrigin
from dragoman.core.inbound.sql import opt_outs
from dragoman.core.inbound.sql.opt_outs import ERASED, OptOutPage
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import forms_of, normalise
from dragoman.kit.ids import IdSource
from dragoman.storage.engine import Storage

MAX_ADDED: Final = 10_000
"""Opt-outs that are entered at once."""
ALL_SENDERS = ""
KEY_BYTES: Final = 32
_NO_RECIPIENTS: Set[str] = frozenset()


class OptOuts:
    """Checks recipients for opt-outs, and adds and removes them."""

    def __init__(self, *, storage: Storage, ids: IdSource) -> None:
        self._storage = storage
        self._ids = ids
        self._recipients: dict[tuple[int, str], array[int]] = {}
        """Sorted recipients by (account, sender)."""
        self._erased: dict[tuple[int, str], set[str]] = {}
        """Erased recipients, as they are stored, by the same."""
        self._key = b""

    async def load(self) -> None:
        """Loads what is stored."""
        self._key, (self._recipients, self._erased) = await self._storage.read(
            lambda connection: (
                opt_outs.load_hash_key(connection),
                _sorted_recipients(opt_outs.load_keys(connection)),
            )
        )

    def among(self, account_id: int, sender: str, recipients: Iterable[str]) -> Set[str]:
        """Those of some recipients who opted out of an account, or of its sender."""
        if not self._recipients and not self._erased:
            return _NO_RECIPIENTS
        places = [(account_id, name) for name in (ALL_SENDERS, sender_key(sender))]
        lists = [known for place in places if (known := self._recipients.get(place))]
        erased = [hashes for place in places if (hashes := self._erased.get(place))]
        if not lists and not erased:
            return _NO_RECIPIENTS
        return {
            recipient
            for recipient in recipients
            for form in forms_of(recipient)
            if any(_holds(known, int(form)) for known in lists)
            or (erased and any(self._hash(form) in hashes for hashes in erased))
        }

    def holds(self, key: OptOutKey) -> bool:
        """Whether this opt-out is known, under either form of its number."""
        known = self._recipients.get((key.account_id, key.sender))
        return known is not None and _holds_form(known, forms_of(key.recipient))

    def note(self, key: OptOutKey) -> None:
        """Makes an opt-out effective at once; the caller stores the row."""
        known = self._recipients.setdefault((key.account_id, key.sender), array("Q"))
        if not _holds_form(known, forms_of(key.recipient)):
            recipient = int(key.recipient)
            known.insert(bisect_left(known, recipient), recipient)

    def _note_all(self, keys: Sequence[OptOutKey]) -> None:
        """Like `note`, for many at once: inserting each into a long list would take long."""
        if len(keys) == 1:
            self.note(keys[0])
            return
        fresh: dict[tuple[int, str], list[int]] = {}
        for key in keys:
            if not self.holds(key):
                place = (key.account_id, key.sender)
                fresh.setdefault(place, []).append(int(key.recipient))
        for place, recipients in fresh.items():
            known = self._recipients.get(place, ())
            self._recipients[place] = array("Q", sorted([*known, *recipients]))

    def forget(self, key: OptOutKey) -> None:
        """Ends an opt-out at once; the caller removes the row."""
        place = (key.account_id, key.sender)
        self._erased.get(place, set()).discard(key.recipient)
        if key.recipient.startswith(ERASED):
            return
        known = self._recipients.get(place)
        if known is None or not _holds(known, int(key.recipient)):
            return
        del known[bisect_left(known, int(key.recipient))]
        if not known:
            del self._recipients[place]

    async def add(
        self,
        account: Account,
        recipient: str,
        sender: str = "",
        origin: OptOutOrigin = OptOutOrigin.WEB,
    ) -> OptOut:
        """Adds an opt-out from an account, or from one of its senders; raises `Refused`.

        Returns what is stored: one that was there before stays, also under the number's other form.
        """
        wanted = _key(account, recipient, sender)
        [entered] = await self._enter([wanted], origin)
        for form in forms_of(wanted.recipient):
            key = msgspec.structs.replace(wanted, recipient=form)
            known = await self._storage.read(lambda c: opt_outs.find(c, key))  # noqa: B023
            if known is not None:
                return known
        return entered

    async def add_all(
        self, account: Account, recipients: Sequence[str], origin: OptOutOrigin
    ) -> int:
        """Adds opt-outs from an account, or none if one is not a number; raises `Refused`.

        Returns the number of distinct recipients, the two forms of a number being one; those who
        opted out before count and are unchanged.
        """
        if len(recipients) > MAX_ADDED:
            count = str(len(recipients))
            raise Refused(RefusalCode.TOO_MANY_RECIPIENTS, count, f"at most {MAX_ADDED}")
        keys: dict[str, OptOutKey] = {}
        for recipient in recipients:
            key = _key(account, recipient, "")
            keys.setdefault(min(forms_of(key.recipient)), key)
        return len(await self._enter(list(keys.values()), origin))

    async def _enter(self, keys: Sequence[OptOutKey], origin: OptOutOrigin) -> list[OptOut]:
        entered = [
            OptOut(
                opt_out_id=self._ids.next(),
                account_id=key.account_id,
                sender=key.sender,
                recipient=key.recipient,
                origin=origin,
            )
            for key in keys
        ]
        if entered:
            await self._storage.writer.write(opt_outs.add, tuple(entered))
            self._note_all(keys)
        return entered

    async def remove(self, account: Account, recipient: str, sender: str = "") -> OptOut:
        """Removes an opt-out and returns it; raises `Refused`."""
        removed: list[OptOut] = []
        wanted = _key(account, recipient, sender)
        spellings = self.spellings(wanted)
        for key in spellings:
            known = await self._storage.read(lambda c: opt_outs.find(c, key))  # noqa: B023
            if known is not None and await self._storage.writer.write(opt_outs.remove, key):
                removed.append(known)
        if not removed:
            raise Refused(RefusalCode.NOT_FOUND, recipient, "no such opt-out")
        for key in spellings:
            self.forget(key)
        return msgspec.structs.replace(removed[0], recipient=wanted.recipient)

    def spellings(self, key: OptOutKey) -> tuple[OptOutKey, ...]:
        """An opt-out, its number's other form, and their erased ones where there are any.

        They go together when it is taken back.
        """
        forms = forms_of(key.recipient)
        known = self._erased.get((key.account_id, key.sender)) or ()
        hashes = [hashed for form in forms if known and (hashed := self._hash(form)) in known]
        others = (*forms[1:], *hashes)
        return key, *(msgspec.structs.replace(key, recipient=other) for other in others)

    async def erase(self, account_id: int, recipient: str) -> int:
        """Keeps an account's opt-outs of a number, in either form, without it; returns how many."""
        if not self._key:
            fresh = secrets.token_bytes(KEY_BYTES)
            await self._storage.writer.write(opt_outs.keep_hash_key, fresh)
            self._key = await self._storage.read(opt_outs.load_hash_key)
        forms = forms_of(recipient)
        erasure = opt_outs.OptOutErasure(
            account_id=account_id, recipients=forms, erased=tuple(map(self._hash, forms))
        )
        keys = [
            OptOutKey(account_id=account_id, sender=sender, recipient=form)
            for (owner, sender), recipients in self._recipients.items()
            for form in forms
            if owner == account_id and _holds(recipients, int(form))
        ]
        # Memory first: until the row is written, the number and its hash count.
        for key in keys:
            self._erased.setdefault((account_id, key.sender), set()).add(erasure.erased[0])
        erased = await self._storage.writer.write(opt_outs.erase, erasure)
        for key in keys:
            self.forget(key)
        return erased

    def _hash(self, recipient: str) -> str:
        return ERASED + hmac.digest(self._key, recipient.encode(), "sha256").hex()

    async def page(self, account: Account, after: int, limit: int) -> list[OptOut]:
        """Opt-outs of an account after one, oldest first."""
        return await self._storage.read(
            lambda c: opt_outs.load_page(c, account.account_id, after, limit)
        )

    async def search(self, wanted: OptOutFilter, offset: int, limit: int) -> OptOutPage:
        """A page of an account's opt-outs, oldest first."""
        return await self._storage.read(lambda c: opt_outs.search(c, wanted, offset, limit))


def sender_key(sender: str) -> str:
    """A sender as opt-outs store it: a number without its `+`."""
    return sender.removeprefix("+")


def _key(account: Account, recipient: str, sender: str) -> OptOutKey:
    return OptOutKey(
        account_id=account.account_id,
        sender=sender_key(normalise_sender(sender)) if sender else ALL_SENDERS,
        recipient=normalise(recipient),
    )


def _holds_form(known: array[int], forms: Iterable[str]) -> bool:
    return any(_holds(known, int(form)) for form in forms)


def _holds(known: array[int], recipient: int) -> bool:
    at = bisect_left(known, recipient)
    return at < len(known) and known[at] == recipient


def _sorted_recipients(
    keys: Iterable[tuple[int, str, str]],
) -> tuple[dict[tuple[int, str], array[int]], dict[tuple[int, str], set[str]]]:
    """Sorted numbers, and erased ones, by account and sender."""
    found: dict[tuple[int, str], array[int]] = {}
    erased: dict[tuple[int, str], set[str]] = {}
    for account_id, sender, recipient in keys:
        if recipient.startswith(ERASED):
            erased.setdefault((account_id, sender), set()).add(recipient)
        else:
            found.setdefault((account_id, sender), array("Q")).append(int(recipient))
    return {place: array("Q", sorted(numbers)) for place, numbers in found.items()}, erased
