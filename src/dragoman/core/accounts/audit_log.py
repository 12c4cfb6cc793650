"""The records of what happened to an account: its ledger, and who changed what.

The audit log holds no keys, texts or full numbers: `subject` is a name or a list of fields,
truncated.
"""

from __future__ import annotations

from typing import Final

import msgspec

from dragoman.core.accounts.model.accounts import Account, CredentialKind
from dragoman.core.accounts.model.audit_log import AuditEntry
from dragoman.core.accounts.sql import accounts
from dragoman.core.accounts.sql import audit_log as audit
from dragoman.core.accounts.sql.audit_log import AuditView
from dragoman.core.billing.sql import wallets
from dragoman.core.billing.sql.wallets import LedgerEntry
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource
from dragoman.storage.engine import Storage

MAX_SUBJECT: Final = 200
_BY_COMMAND: Final = "command "
"""Before the action of an entry whose actor has no account: who may use the command line owns the
machine. The entry then has the account it is about for an actor."""


def hide_number(written: str) -> str:
    """A number or sender as the audit log may hold it: a name, or the last digits of a number."""
    digits = "".join(filter(str.isdecimal, written))
    is_number = digits and not any(map(str.isalpha, written))
    return f"…{digits[-3:]}" if is_number else written


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the audit log as a reader sees it."""

    entry: AuditEntry
    actor: str
    """Its user name; empty for one that does not exist for the reader."""
    account: str
    """The user name of the account that it is about."""
    person: str = ""
    """Who of the actor's people it was; empty where that is not known."""

    @property
    def by_command(self) -> bool:
        """Whether it was done on the command line."""
        return self.entry.action.startswith(_BY_COMMAND)

    @property
    def action(self) -> str:
        """What was done."""
        return self.entry.action.removeprefix(_BY_COMMAND)


class AuditLog:
    """Reads and writes the audit log of accounts."""

    def __init__(self, *, storage: Storage, ids: IdSource, clock: Clock) -> None:
        self._storage = storage
        self._ids = ids
        self._clock = clock

    def entry(
        self,
        actor: Account,
        action: str,
        subject: str = "",
        account: Account | None = None,
        person_id: int | None = None,
    ) -> AuditEntry:
        """An entry about an account, by default the actor's own, to store with a change."""
        return AuditEntry(
            entry_id=self._ids.next(),
            account_id=(account or actor).account_id,
            actor_id=actor.account_id,
            action=action,
            subject=subject[:MAX_SUBJECT],
            at_ms=self._clock.now_ms(),
            person_id=person_id,
        )

    async def note(
        self,
        actor: Account,
        action: str,
        subject: str = "",
        account: Account | None = None,
        person_id: int | None = None,
    ) -> None:
        """Stores an entry on its own, right after a change that cannot include one."""
        entry = self.entry(actor, action, subject, account, person_id)
        await self._storage.writer.write(audit.add, entry)

    def command_entry(self, account: Account, action: str, subject: str = "") -> AuditEntry:
        """An entry about an account made on the command line."""
        return self.entry(account, f"{_BY_COMMAND}{action}", subject)

    async def note_command(self, account: Account, action: str, subject: str = "") -> None:
        """Stores such an entry on its own, right after the change."""
        await self._storage.writer.write(audit.add, self.command_entry(account, action, subject))

    async def changes(
        self, reader: Account, account: Account, before: int | None, limit: int
    ) -> list[Change]:
        """Changes to an account, newest first, before an entry if one is given."""
        found = await self._storage.read(
            lambda c: audit.load_page(c, account.account_id, before, limit)
        )
        return [_change(view, reader) for view in found]

    async def changes_below(self, reader: Account, before: int | None, limit: int) -> list[Change]:
        """Changes to the reader's own account and all below it, including deleted ones."""
        found = await self._storage.read(lambda c: audit.load_page_below(c, reader, before, limit))
        return [_change(view, reader) for view in found]

    async def ledger(self, account: Account, before: int | None, limit: int) -> list[LedgerEntry]:
        """Movements of an account's credits, newest first, before an entry if one is given."""
        return await self._storage.read(
            lambda c: wallets.load_entries(c, account.account_id, before, limit)
        )

    async def key_times(self, account: Account) -> list[int]:
        """When each of the account's valid API keys was created, oldest first."""
        return await self._times(account, CredentialKind.API_KEY)

    async def password_times(self, account: Account) -> list[int]:
        """When the account's password was set; empty where it has none."""
        return await self._times(account, CredentialKind.PASSWORD)

    async def _times(self, account: Account, kind: CredentialKind) -> list[int]:
        return await self._storage.read(
            lambda c: accounts.load_credential_times(c, account.account_id, kind)
        )


def _change(view: AuditView, reader: Account) -> Change:
    """The entry, without an actor who is beside or above its reader."""
    top = reader.path
    is_known = view.actor_path == top or view.actor_path.startswith(f"{top}/")
    return Change(
        entry=view.entry,
        actor=view.actor if is_known else "",
        account=view.account,
        person=view.person if is_known else "",
    )
