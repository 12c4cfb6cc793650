"""What is known of a number, and how it is forgotten, for those whose number it is."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.audit_log import AuditLog, hide_number
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.inbound.opt_outs import OptOuts
from dragoman.core.messages.events import MessageEvents
from dragoman.core.model.phone_numbers import forms_of, normalise
from dragoman.core.model.use_case import use_case
from dragoman.core.reporting.model.single_texts import SingleText
from dragoman.core.retention.model import Erasure, ExportCursor
from dragoman.core.retention.sql import erasure, single_forgetting
from dragoman.core.retention.sql.single_forgetting import SingleForgetting
from dragoman.core.retention.sql.sweeping import load_account_ids
from dragoman.kit.clock import Clock
from dragoman.storage.engine import Storage


class NamedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that names a number, or belongs to one that does."""

    account_id: int
    """0 for what belongs to no account."""
    table: str
    row: dict[str, Any]


class ExportPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some rows, and where the next ones begin; None after the last."""

    rows: tuple[NamedRow, ...]
    cursor: ExportCursor | None


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """What was erased, and what is left for later."""

    rows: dict[str, int]
    """Rows that named the number, by table."""
    opt_outs: int
    """Opt-outs that are kept as a hash."""
    needed: int
    """Messages that are still on their way, or of which customers are still to be told."""


@use_case(kw_only=True)
class Privacy:
    """Exports and erases what names a number, of one account or of all."""

    storage: Storage
    accounts: Accounts
    opt_outs: OptOuts
    message_events: MessageEvents
    audit_log: AuditLog
    clock: Clock

    async def export(
        self, number: str, account: Account | None, cursor: ExportCursor
    ) -> ExportPage:
        """The next rows that name a number, account by account; raises `Refused`."""
        for item in await self._items(number, account, cursor.account_id):
            after = dict(cursor.after) if item.account_id == cursor.account_id else {}
            is_first = not after
            rows = await self._read(item, after)
            if not rows:
                continue
            if is_first:
                await self._note(item, "privacy_export")
            named = tuple(
                NamedRow(account_id=item.account_id, table=table, row=row) for table, row in rows
            )
            return ExportPage(
                rows=named, cursor=ExportCursor(account_id=item.account_id, after=after)
            )
        return ExportPage(rows=(), cursor=None)

    async def erase(self, number: str, account: Account | None) -> Forgotten:
        """Erases a number wherever it is needed no more; raises `Refused`."""
        rows: Counter[str] = Counter()
        opted_out = needed = 0
        for item in await self._items(number, account):
            needed += await self._count_needed(item)
            if not await self._read(item, {}):
                continue
            await self._note(item, "privacy_erase")
            found = True
            while found:
                erased = await self.storage.writer.write(erasure.erase, item)
                counts = dict(zip(erasure.ERASED_FROM, erased, strict=False))
                rows.update(counts)
                self.message_events.forget(erased[len(counts) :])
                found = any(counts.values())
            opted_out += await self.opt_outs.erase(item.account_id, item.numbers[0])
        return Forgotten(rows=dict(+rows), opt_outs=opted_out, needed=needed)

    async def forget_single(self, text: SingleText, *, wholly: bool) -> None:
        """Forgets the words of one text that is over; `wholly`, its number and files too."""
        item = SingleForgetting(
            text_id=text.text_id,
            message_id=text.message_id,
            received=text.state is None,
            wholly=wholly,
        )
        await self.storage.writer.write(single_forgetting.forget, item)
        if text.message_id is not None:
            self.message_events.forget((text.message_id,))

    async def _items(self, number: str, account: Account | None, after: int = 0) -> list[Erasure]:
        numbers, at_ms = forms_of(normalise(number)), self.clock.now_ms()
        account_ids = [0, *await self.storage.read(load_account_ids)]
        if account is not None:
            account_ids = [account.account_id]
        return [
            Erasure(account_id=one, numbers=numbers, at_ms=at_ms)
            for one in account_ids
            if one >= after
        ]

    async def _read(self, item: Erasure, after: dict[str, int]) -> list[tuple[str, dict[str, Any]]]:
        return await self.storage.read(lambda c: erasure.read(c, item, after))

    async def _count_needed(self, item: Erasure) -> int:
        return await self.storage.read(lambda c: erasure.count_needed(c, item))

    async def _note(self, item: Erasure, action: str) -> None:
        """Notes it before it is done: without a note it must not have happened."""
        account = await self.accounts.find_by_id(item.account_id)
        if account is not None:
            await self.audit_log.note_command(account, action, hide_number(item.numbers[0]))
