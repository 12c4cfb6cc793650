"""Which accounts were changed when, so that what was read of all others stays good."""

from __future__ import annotations

from collections.abc import Iterable

from dragoman.core.accounts.model.accounts import Account


class AccountChanges:
    """Counts changes.

    What is remembered of an account is kept with the `generation` at which its reading began, and
    is out of date once the account, or one above it, was changed after that.
    """

    __slots__ = ("_of_account", "_of_all", "generation")

    def __init__(self) -> None:
        self.generation = 0
        self._of_all = 0
        self._of_account: dict[int, int] = {}

    def note(self, account_ids: Iterable[int]) -> None:
        """Notes a change of some accounts; of all where none is named."""
        self.generation += 1
        changed = dict.fromkeys(account_ids, self.generation)
        if changed:
            self._of_account.update(changed)
        else:
            self._of_all = self.generation
            self._of_account.clear()

    def since(self, generation: int, account: Account) -> bool:
        """Whether what was read of an account then is out of date."""
        if generation == self.generation:
            return False
        if generation < self._of_all:
            return True
        of_account = self._of_account
        return of_account.get(account.account_id, 0) > generation or any(
            of_account.get(above, 0) > generation for above in account.ancestor_ids
        )
