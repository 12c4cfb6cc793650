"""Files that are being downloaded: how far each is, for the page that started it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

MOST_KNOWN: Final = 200
"""Downloads that are remembered, the newest of all accounts."""
MOST_AT_ONCE: Final = 2
"""Downloads of an account at a time; each occupies a reader of the database for most of it."""


@dataclass(slots=True)
class Download:
    """One file."""

    account_id: int
    rows: int = 0
    ended: str = ""
    """How it ended: `done`, or why not; empty while it goes on."""


class Exports:
    """The downloads of this run of the gateway, by the mark that their page gave them."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int, str], Download] = OrderedDict()

    def begin(self, account_id: int, mark: str) -> Download | None:
        """A new download; None where the account has as many as it may."""
        going = [one for (owner, _), one in self._known.items() if owner == account_id]
        if sum(not one.ended for one in going) >= MOST_AT_ONCE:
            return None
        download = self._known[account_id, mark] = Download(account_id)
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return download

    def find(self, account_id: int, mark: str) -> Download | None:
        """A download of an account's own."""
        return self._known.get((account_id, mark))
