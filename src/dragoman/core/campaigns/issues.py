"""Issues: written once, scheduled, and turned into mails when they are due.

A sending becomes mails in steps, each of which stores its progress in its transaction; so a crash
loses nothing, and nobody gets an issue twice however often it is sent.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import mimetypes
from collections.abc import Sequence
from dataclasses import field
from typing import Final

import msgspec
import structlog

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.campaigns.mailings import CHUNK, Mailings, check_line, usable
from dragoman.core.campaigns.model.mailings import (
    MAX_ATTACHMENT_BYTES,
    MAX_ATTACHMENTS,
    MAX_CONTENT,
    MAX_SUBJECT,
    MAX_TITLE,
    DeliveryState,
    Issue,
    Template,
)
from dragoman.core.campaigns.sql import deliveries, issues, subscriptions
from dragoman.core.campaigns.sql.issues import (
    NewSending,
    Sending,
    SendingStep,
    TemplateKey,
    missing_issue,
    missing_template,
)
from dragoman.core.campaigns.sql.subscriptions import NewSubscriber
from dragoman.core.messages.model.attachments import Attachment
from dragoman.core.model.errors import RefusalCode, Refused, existing
from dragoman.core.model.texts import check_text
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource
from dragoman.storage.engine import Storage

MAX_CONTACTS: Final = 100_000
"""Contacts that one call may name."""
MAX_TAG: Final = 1_000
MAX_FILE_NAME: Final = 255
POLL_S: Final = 1.0
OCTETS: Final = "application/octet-stream"
DUE_AT_ONCE: Final = 20

_TYPES: Final = mimetypes.MimeTypes(filenames=())
"""By ending, as Python ships them; not what the machine has been taught."""
_NOT_IN_FILE_NAMES: Final = frozenset('/\\"<>|:*?')
_SPACE: Final = str.maketrans("", "", " \t\r\n")

log = structlog.get_logger(__name__)


@use_case(kw_only=True)
class Issues:
    """Keeps the issues and templates of accounts, and expands issues into mails."""

    storage: Storage
    mailings: Mailings
    ids: IdSource
    clock: Clock
    _wake: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    async def issue(self, account: Account, list_id: int, issue_id: int) -> Issue:
        """An issue of one of the account's lists, without its attachments; raises `Refused`."""
        await self.mailings.list_of(account, list_id)
        found = await self.storage.read(
            lambda c: issues.find(c, account.account_id, list_id, issue_id)
        )
        return existing(found, missing_issue(issue_id))

    async def create(self, account: Account, new: Issue) -> Issue:
        """Stores an issue for a list, with a new identifier; raises `Refused`."""
        await self.mailings.list_of(account, new.list_id)
        created = msgspec.structs.replace(
            new,
            issue_id=await self.storage.short_ids.next(),
            account_id=account.account_id,
            title=check_line("title", new.title, MAX_TITLE),
            subject=check_line("subject", new.subject, MAX_SUBJECT),
            web_analytics=check_line("web_analytics", new.web_analytics, MAX_TAG, required=False),
        )
        _check_contents(created.text, created.html)
        await self.storage.writer.write(issues.create, created)
        return created

    async def create_from_template(
        self, account: Account, list_id: int, template_id: int, title: str, subject: str
    ) -> Issue:
        """Stores an issue with a template's content; raises `Refused`."""
        await self.mailings.list_of(account, list_id)
        template = await self.template(account, template_id)
        new = Issue(
            issue_id=0,
            account_id=account.account_id,
            list_id=list_id,
            title=title,
            subject=subject,
            text=template.text,
            html=template.html,
        )
        return await self.create(account, new)

    async def counts(self, issue: Issue) -> dict[DeliveryState, int]:
        """The number of mails of an issue, by state."""
        return await self.storage.read(lambda c: deliveries.count(c, issue.issue_id))

    # Templates

    async def templates(self, account: Account) -> list[Template]:
        """The account's templates, in the order of creation."""
        return await self.storage.read(lambda c: issues.load_templates(c, account.account_id))

    async def template(self, account: Account, template_id: int) -> Template:
        """One of the account's templates; raises `Refused`."""
        found = await self.storage.read(
            lambda c: issues.find_template(c, account.account_id, template_id)
        )
        return existing(found, missing_template(template_id))

    async def put_template(self, account: Account, new: Template) -> Template:
        """Stores a template, or replaces the one with its identifier; raises `Refused`."""
        if new.template_id:
            await self.template(account, new.template_id)
        put = msgspec.structs.replace(
            new,
            template_id=new.template_id or await self.storage.short_ids.next(),
            account_id=account.account_id,
            name=check_line("name", new.name, MAX_TITLE),
            subject=check_line("subject", new.subject, MAX_SUBJECT, required=False),
        )
        _check_contents(put.text, put.html)
        await self.storage.writer.write(issues.put_template, put)
        return put

    async def remove_template(self, account: Account, template_id: int) -> None:
        """Deletes a template; issues made from it are kept. Raises `Refused`."""
        key = TemplateKey(template_id=template_id, account_id=account.account_id)
        await self.storage.writer.write(issues.remove_template, key)

    # Sending

    async def send(
        self,
        account: Account,
        list_id: int,
        issue_id: int,
        *,
        contact_ids: Sequence[int] | None,
        due_ms: int,
    ) -> None:
        """Schedules an issue for some contacts, or for the whole list; raises `Refused`.

        All contacts must be the account's and have an address. A time in the past means now.
        """
        await self.mailings.check_may_send(account)
        await self.mailings.active_list(account, list_id)
        await self.issue(account, list_id, issue_id)
        if contact_ids is not None:
            await self._check_contacts(account, contact_ids)
        new = NewSending(
            sending_id=self.ids.next(),
            account_id=account.account_id,
            list_id=list_id,
            issue_id=issue_id,
            contact_ids=None if contact_ids is None else tuple(dict.fromkeys(contact_ids)),
            due_ms=max(due_ms, self.clock.now_ms()),
        )
        await self.storage.writer.write(issues.schedule, new)
        self._wake.set()

    async def run(self) -> None:
        """Expands what is due; runs until cancelled."""
        while True:
            try:
                await self.expand_due()
            except Exception as error:  # the next poll may find the database again
                log.error("sendings_not_expanded", reason=type(error).__name__)
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._wake.wait()

    async def expand_due(self) -> None:
        """Expands every sending that is due now."""
        while due := await self.storage.read(
            lambda c: issues.load_due(c, self.clock.now_ms(), DUE_AT_ONCE)
        ):
            for sending in due:
                await self._expand(sending)

    async def _expand(self, sending: Sending) -> None:
        finished = False
        while not finished:
            pairs, position, finished = await self._next_chunk(sending)
            recipients = tuple(
                NewSubscriber(
                    subscription_id=self.ids.next(),
                    delivery_id=self.ids.next(),
                    contact_id=contact_id,
                    address=address,
                )
                for contact_id, address in pairs
            )
            step = SendingStep(
                sending=sending,
                recipients=recipients,
                position=position,
                finished=finished,
                at_ms=self.clock.now_ms(),
            )
            if await self.storage.writer.write(issues.step, step):
                self.mailings.mail_due(sending.account_id)
            sending = msgspec.structs.replace(sending, position=position)

    async def _next_chunk(self, sending: Sending) -> tuple[list[tuple[int | None, str]], int, bool]:
        """The next recipients, the position after them, and whether they are the last."""
        if sending.contact_ids is None:
            found = await self.storage.read(
                lambda c: subscriptions.load(c, sending.list_id, sending.position, CHUNK)
            )
            position = found[-1].subscription_id if found else sending.position
            return [(one.contact_id, one.address) for one in found], position, len(found) < CHUNK
        end = sending.position + CHUNK
        chunk = sending.contact_ids[sending.position : end]
        addresses = await self.mailings.book.addresses(sending.account_id, chunk)
        return list(usable(addresses)), end, end >= len(sending.contact_ids)

    async def _check_contacts(self, account: Account, contact_ids: Sequence[int]) -> None:
        if not contact_ids:
            raise Refused(RefusalCode.MISSING_FIELD, "contactIds")
        if len(contact_ids) > MAX_CONTACTS:
            raise Refused(RefusalCode.TOO_MANY_RECIPIENTS, "contactIds", f"at most {MAX_CONTACTS}")
        found = await self.mailings.book.addresses(account.account_id, contact_ids)
        for contact_id in contact_ids:
            if contact_id not in found:
                raise Refused(RefusalCode.INVALID_RECIPIENT, str(contact_id), "no such contact")


def decode_attachments(files: Sequence[tuple[str, str]]) -> tuple[Attachment, ...]:
    """Attachments from their names and Base64 content; raises `Refused`.

    Line ends in the Base64 and missing padding are accepted.
    """
    if len(files) > MAX_ATTACHMENTS:
        raise Refused(RefusalCode.INVALID_FIELD, "attachments", f"at most {MAX_ATTACHMENTS}")
    found: list[Attachment] = []
    room = MAX_ATTACHMENT_BYTES
    for number, (name, content) in enumerate(files, start=1):
        _check_file_name(number, name)
        if len(content) > room * 4 // 3 + MAX_CONTENT:
            raise _bad_attachment(number, f"together larger than {MAX_ATTACHMENT_BYTES} bytes")
        text = content.translate(_SPACE).rstrip("=")
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        except (binascii.Error, ValueError):
            raise _bad_attachment(number, "not Base64") from None
        room -= len(data)
        if room < 0:
            raise _bad_attachment(number, f"together larger than {MAX_ATTACHMENT_BYTES} bytes")
        if not data:
            raise _bad_attachment(number, "empty")
        found.append(Attachment(name=name.strip(), content_type=_type_of(name), content=data))
    return tuple(found)


def _check_file_name(number: int, name: str) -> None:
    fits = len(name.strip().strip(".")) > 0 and len(name) <= MAX_FILE_NAME
    if not fits or not name.isprintable() or not _NOT_IN_FILE_NAMES.isdisjoint(name):
        raise _bad_attachment(number, "its name cannot be a file's")


def _type_of(name: str) -> str:
    found = _TYPES.guess_type(name)[0] or OCTETS
    # Only as octets may a mail or several parts travel in Base64 (RFC 2046 s. 5.2.1).
    return OCTETS if found.startswith(("message/", "multipart/")) else found


def _check_contents(text: str, html: str) -> None:
    for name, content in (("text_content", text), ("html_content", html)):
        if not content.strip():
            raise Refused(RefusalCode.MISSING_FIELD, name)
        check_text(name, content, MAX_CONTENT)


def _bad_attachment(number: int, detail: str) -> Refused:
    return Refused(RefusalCode.INVALID_FIELD, f"attachments[{number - 1}]", detail)
