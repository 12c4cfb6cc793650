"""What an account may do with the accounts below it: list, create, change and delete them.

No account can grant more than it has itself: permissions, prefixes or credits. Accounts beside or
above the caller are invisible to it.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from dragoman.core.accounts.account_fields import AccountFields, render_fields
from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.credentials import new_key
from dragoman.core.accounts.model.accounts import (
    Account,
    AccountRecord,
    AccountView,
    CredentialKind,
    Permission,
)
from dragoman.core.accounts.model.audit_log import AuditEntry
from dragoman.core.accounts.sql import account_tree, accounts
from dragoman.core.accounts.sql.account_tree import AccountChange, AccountDeletion
from dragoman.core.accounts.sql.accounts import CredentialRotation, NewCredential
from dragoman.core.billing.model.payments import MAX_CREDITS
from dragoman.core.model.errors import RefusalCode, Refused, existing
from dragoman.core.model.texts import is_storable
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource, render_base36
from dragoman.storage.engine import Storage

MAX_TYPES = 100
"""Wallets of message types that an account can leave behind."""
NOT_BY_DEFAULT = frozenset({Permission.ADMINISTER, Permission.OPERATE})
"""What a new account does not take over from the one that makes it."""


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """Changes to an account."""

    fields: AccountFields = AccountFields()
    password: str | None = None
    new_key: bool = False
    enabled: bool | None = None
    credits: int = 0
    """To add; negative to take."""
    permissions: dict[Permission, bool] = {}
    record: AccountRecord | None = None
    audit: tuple[AuditEntry, ...] = ()
    """What the log of changes says of it; stored with the change, or not at all."""


class ChangedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account after a change, with its new key if any, which is shown only once."""

    view: AccountView
    api_key: str | None = None


@use_case(kw_only=True)
class AccountTree:
    """Administers the accounts below an account."""

    accounts: Accounts
    storage: Storage
    ids: IdSource
    clock: Clock

    async def list_below(self, caller: Account) -> list[AccountView]:
        """The caller's own account and all below it, in the order of creation."""
        return await self.storage.read(lambda c: account_tree.load_views(c, caller))

    async def search(
        self, caller: Account, name: str, offset: int, limit: int
    ) -> tuple[list[AccountView], int]:
        """Searches the caller's own account and those below it by user name.

        Returns a page in tree order, each account after its parent, and the total.
        """
        if not is_storable(name):
            return [], 0
        return await self.storage.read(
            lambda c: account_tree.search_below(c, caller, name, offset, limit)
        )

    async def names(
        self, caller: Account, account_ids: Iterable[int], *, living: bool = False
    ) -> dict[int, str]:
        """User names of accounts at or below the caller's; with `living`, not of deleted ones."""
        wanted = set(account_ids)
        if not wanted:
            return {}
        return await self.storage.read(lambda c: account_tree.load_names(c, caller, wanted, living))

    async def find(self, caller: Account, account_id: int) -> AccountView:
        """The caller's own account or one below it; raises `Refused`."""
        view = await self.storage.read(lambda c: account_tree.find_view(c, account_id))
        if view is None or not view.account.is_at_or_below(caller):
            raise Refused(RefusalCode.NOT_FOUND, str(account_id), "user")
        return view

    async def list_children(
        self, caller: Account, offset: int, limit: int
    ) -> tuple[list[AccountView], int]:
        """The direct subaccounts of the caller's, in the order of creation, and the total."""
        return await self.storage.read(
            lambda c: account_tree.load_children(c, caller.account_id, offset, limit)
        )

    async def find_child(self, caller: Account, name: str) -> AccountView:
        """A direct subaccount of the caller's, by identifier or user name; raises `Refused`."""
        view = await self.storage.read(
            lambda c: account_tree.find_child(c, caller.account_id, name)
        )
        return existing(view, Refused(RefusalCode.NOT_FOUND, name, "user"))

    async def records(self, dialect: str, views: Iterable[AccountView]) -> dict[int, str]:
        """The records that an API keeps of accounts, by account."""
        account_ids = [view.account.account_id for view in views]
        return await self.storage.read(lambda c: accounts.load_records(c, dialect, account_ids))

    async def create(
        self,
        caller: Account,
        fields: AccountFields,
        *,
        password: str,
        credits: int | None,
        permissions: dict[Permission, bool],
        record: AccountRecord | None = None,
        audit: AuditEntry | None = None,
    ) -> ChangedAccount:
        """Creates a subaccount of the caller's; `credits` None is unlimited. Raises `Refused`.

        It gets the caller's permissions, except the one to administer accounts.
        """
        check_right(caller)
        _check_permissions(caller, permissions)
        having = caller.permissions - NOT_BY_DEFAULT
        having |= {name for name, wanted in permissions.items() if wanted}
        having -= {name for name, wanted in permissions.items() if not wanted}
        inherited = AccountFields(
            time_zone=caller.time_zone,
            country=caller.country,
            profile=caller.profile,
            max_parts=caller.max_parts,
            max_recipients=caller.max_recipients,
        )
        created = await self.accounts.create(
            fields.username or "",
            password=password,
            credits=credits,
            legacy_md5=Permission.LEGACY_LOGIN in having,
            parent=caller,
            permissions=having,
            fields=_merged(inherited, fields),
            giver=caller,
            record=record,
            audit=audit,
        )
        view = await self.find(caller, created.account.account_id)
        return ChangedAccount(view=view, api_key=created.api_key)

    async def change(self, caller: Account, account_id: int, changes: Changes) -> ChangedAccount:
        """Applies all of the given changes or none; raises `Refused`."""
        view = await self.find(caller, account_id)
        check_right(caller)
        _check_permissions(caller, changes.permissions)
        if abs(changes.credits) > MAX_CREDITS:
            raise Refused(RefusalCode.INVALID_FIELD, "credits", "too many")
        if account_id == caller.account_id:
            _check_own(changes)
        account = view.account
        api_key = new_key() if changes.new_key else None
        transfer = None
        if changes.credits:
            note = f"by {caller.account_id}"
            transfer = self.accounts.transfer(account.wallet_id, changes.credits, note, caller)
        granted = tuple(name.value for name, wanted in changes.permissions.items() if wanted)
        revoked = tuple(name.value for name, wanted in changes.permissions.items() if not wanted)
        change = AccountChange(
            account_id=account_id,
            at_ms=self.clock.now_ms(),
            values=render_fields(changes.fields),
            enabled=changes.enabled,
            grant=granted,
            revoke=revoked,
            rotation=await self._rotation(account, changes.password, api_key),
            transfer=transfer,
            record=changes.record,
            audit=changes.audit,
        )
        await self.accounts.write(account_tree.change, change, account_id)
        if changes.password is not None or changes.enabled is False:
            self.accounts.signed_out(account_id, "")
        return ChangedAccount(view=await self.find(caller, account_id), api_key=api_key)

    async def delete(
        self, caller: Account, account_id: int, audit: tuple[AuditEntry, ...] = ()
    ) -> None:
        """Deletes an account with its keys, name and wallet; raises `Refused`.

        What it sent is kept, and its remaining credits go to the caller. An account with
        subaccounts is not deleted.
        """
        view = await self.find(caller, account_id)
        check_right(caller)
        if account_id == caller.account_id:
            raise Refused(RefusalCode.PERMISSION_DENIED, "user", "its own account")
        await self._delete(view.account, caller, audit)

    async def delete_as_operator(self, account: Account, audit: tuple[AuditEntry, ...]) -> None:
        """The same on the command line; its credits go to the account above it, if there is one."""
        heir = None
        if account.parent_id is not None:
            heir = await self.accounts.find_by_id(account.parent_id)
        await self._delete(account, heir, audit)

    async def _delete(
        self, account: Account, heir: Account | None, audit: tuple[AuditEntry, ...]
    ) -> None:
        account_id = account.account_id
        deletion = AccountDeletion(
            account_id=account_id,
            username=f"{account.username} (deleted {render_base36(account_id)})",
            wallet_id=account.wallet_id,
            heir=heir.wallet_id if heir is not None else None,
            entry_ids=(self.ids.next(), self.ids.next()),
            heir_id=heir.account_id if heir is not None else None,
            type_entry_ids=tuple(self.ids.take(2 * MAX_TYPES)),
            at_ms=self.clock.now_ms(),
            audit=audit,
        )
        heirs = (heir.account_id,) if heir is not None else ()
        await self.accounts.write(account_tree.delete, deletion, account_id, *heirs)
        self.accounts.signed_out(account_id, "")

    async def _rotation(
        self, account: Account, password: str | None, api_key: str | None
    ) -> CredentialRotation | None:
        kinds: list[CredentialKind] = []
        made: list[NewCredential] = []
        if password is not None:
            kinds += [CredentialKind.PASSWORD, CredentialKind.LEGACY_MD5]
            legacy = account.may(Permission.LEGACY_LOGIN)
            made += await self.accounts.credentials.of_password(
                account.account_id, password, legacy_md5=legacy
            )
        if api_key is not None:
            kinds.append(CredentialKind.API_KEY)
            made.append(self.accounts.credentials.of_key(account.account_id, api_key))
        if not kinds:
            return None
        return CredentialRotation(
            account_id=account.account_id,
            revoke_kinds=tuple(kinds),
            credentials=tuple(made),
            at_ms=self.clock.now_ms(),
        )


def check_right(caller: Account) -> None:
    """Raises `Refused` unless the caller may administer accounts."""
    if not caller.may(Permission.ADMINISTER):
        raise Refused(RefusalCode.PERMISSION_DENIED, Permission.ADMINISTER)


def _check_permissions(caller: Account, permissions: dict[Permission, bool]) -> None:
    for name, wanted in permissions.items():
        if wanted and not caller.may(name):
            raise Refused(RefusalCode.PERMISSION_DENIED, name)


def _check_own(changes: Changes) -> None:
    """Refuses changes that would widen the caller's own account or lock it out permanently."""
    given = {
        "enabled": changes.enabled is not None,
        "credits": changes.credits != 0,
        "prefixes": changes.fields.prefixes is not None,
    } | {name.value: True for name in changes.permissions}
    for name, is_given in given.items():
        if is_given:
            raise Refused(RefusalCode.PERMISSION_DENIED, name, "its own account")


def _merged(first: AccountFields, second: AccountFields) -> AccountFields:
    given = {name: getattr(second, name) for name in second.__struct_fields__}
    given = {name: value for name, value in given.items() if value is not None}
    return msgspec.structs.replace(first, **given)
