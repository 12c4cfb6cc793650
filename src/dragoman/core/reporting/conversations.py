"""Conversations: received and sent texts with one number as one thread."""

from __future__ import annotations

from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.inbound.sql.conversations import ReadMark, mark
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.texts import is_storable
from dragoman.core.model.use_case import use_case
from dragoman.core.reporting.model.conversations import ConversationPage, Thread
from dragoman.core.reporting.sql import conversations
from dragoman.storage.engine import Storage

MAX_NUMBER = 20


@use_case(kw_only=True)
class Conversations:
    """Reads an account's own conversations, and keeps what was read of them."""

    storage: Storage

    async def page(
        self, account: Account, before: int | None, limit: int, *, unread: bool = False
    ) -> ConversationPage:
        """Conversations, the newest text first; raises `Refused`."""
        _check(account)
        return await self.storage.read(
            lambda c: conversations.find_page(c, account.account_id, before, limit, unread=unread)
        )

    async def thread(self, account: Account, number: str, before: int | None, limit: int) -> Thread:
        """What an account and a number wrote to each other; raises `Refused`."""
        _check(account)
        _check_number(number)
        return await self.storage.read(
            lambda c: conversations.find_thread(c, account.account_id, number, before, limit)
        )

    async def mark(self, account: Account, number: str, read_id: int) -> None:
        """Says up to which text a conversation was read, 0 for not at all; raises `Refused`."""
        _check(account)
        _check_number(number)
        item = ReadMark(account_id=account.account_id, number=number, read_id=read_id)
        if not await self.storage.writer.write(mark, item):
            raise Refused(RefusalCode.NOT_FOUND, number, "conversation")


def _check(account: Account) -> None:
    if not account.may(Permission.INBOX):
        raise Refused(RefusalCode.PERMISSION_DENIED, Permission.INBOX)


def _check_number(number: str) -> None:
    if not number or len(number) > MAX_NUMBER or not is_storable(number):
        raise Refused(RefusalCode.NOT_FOUND, number[:MAX_NUMBER], "conversation")
