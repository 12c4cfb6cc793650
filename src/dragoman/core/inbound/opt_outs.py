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
        """Whether exactly this opt-out is known."""
        known = self._recipients.get((key.account_id, key.sender))
        return known is not None and _holds(known, int(key.recipient))

    def note(self, key: OptOutKey) -> None:
        """Makes an opt-out effective at once; the caller stores the row."""
        known = self._recipients.setdefault((key.account_id, key.sender), array("Q"))
        recipient = int(key.recipient)
        at = bisect_left(known, recipient)
        if at == len(known) or known[at] != recipient:
            known.insert(at, recipient)

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
        """Adds an opt-out from an account, or from one of its senders; raises `Refused`."""
        [opt_out] = await self._enter([_key(account, recipient, sender)], origin)
        return opt_out

    async def add_all(
        self, account: Account, recipients: Sequence[str], origin: OptOutOrigin
    ) -> int:
        """Adds opt-outs from an account, or none if one is not a number; raises `Refused`.

        Returns the number of distinct recipients; those who opted out before count and are
        unchanged.
        """
        if len(recipients) > MAX_ADDED:
            count = str(len(recipients))
            raise Refused(RefusalCode.TOO_MANY_RECIPIENTS, count, f"at most {MAX_ADDED}")
        keys = dict.fromkeys(_key(account, recipient, "") for recipient in recipients)
        return len(await self._enter(list(keys), origin))

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
        for key in self.spellings(wanted):
            known = await self._storage.read(lambda c: opt_outs.find(c, key))  # noqa: B023
            if known is not None and await self._storage.writer.write(opt_outs.remove, key):
                self.forget(key)
                removed.append(known)
        if not removed:
            raise Refused(RefusalCode.NOT_FOUND, recipient, "no such opt-out")
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
        """Keeps an account's opt-outs of a number without the number; returns how many."""
        if not self._key:
            fresh = secrets.token_bytes(KEY_BYTES)
            await self._storage.writer.write(opt_outs.keep_hash_key, fresh)
            self._key = await self._storage.read(opt_outs.load_hash_key)
        erasure = opt_outs.OptOutErasure(
            account_id=account_id, recipient=recipient, erased=self._hash(recipient)
        )
        known = int(recipient)
        keys = [
            OptOutKey(account_id=account_id, sender=sender, recipient=recipient)
            for (owner, sender), recipients in self._recipients.items()
            if owner == account_id and _holds(recipients, known)
        ]
        # Memory first: until the row is written, both forms count.
        for key in keys:
            self._erased.setdefault((account_id, key.sender), set()).add(erasure.erased)
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
