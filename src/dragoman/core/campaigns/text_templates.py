"""Texts that are used again, kept by name."""

from __future__ import annotations

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.campaigns.model.text_campaigns import MAX_NAME, MAX_TEXT, TextTemplate
from dragoman.core.campaigns.sql import text_templates
from dragoman.core.model.errors import RefusalCode, Refused, existing
from dragoman.core.model.texts import check_text
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.storage.engine import Storage


@use_case(kw_only=True)
class TextTemplates:
    """Keeps the templates of accounts."""

    storage: Storage
    clock: Clock

    async def list_all(self, account: Account) -> list[TextTemplate]:
        """The account's templates by name."""
        return await self.storage.read(lambda c: text_templates.load(c, account.account_id))

    async def find(self, account: Account, template_id: int) -> TextTemplate:
        """One of them; raises `Refused`."""
        found = await self.storage.read(
            lambda c: text_templates.find(c, account.account_id, template_id)
        )
        return existing(found, _missing(template_id))

    async def find_by_name(self, account: Account, name: str) -> TextTemplate:
        """One of them; raises `Refused`."""
        found = next((one for one in await self.list_all(account) if one.name == name), None)
        return existing(found, Refused(RefusalCode.NOT_FOUND, name, "template"))

    async def create(self, account: Account, name: str, text: str) -> TextTemplate:
        """Stores a template; raises `Refused`."""
        template = TextTemplate(
            template_id=await self.storage.short_ids.next(),
            account_id=account.account_id,
            name=name,
            text=text,
            changed_ms=self.clock.now_ms(),
        )
        _check(template)
        await self.storage.writer.write(text_templates.create, template)
        return template

    async def change(self, account: Account, template: TextTemplate) -> TextTemplate:
        """Stores a template that was read, with another name or text; raises `Refused`.

        The code is `ALREADY_EXISTS` with the subject `version` where someone else changed it.
        """
        _check(template)
        # Never the same twice, so that it tells whether someone else changed it.
        at_ms = max(self.clock.now_ms(), template.changed_ms + 1)
        new = msgspec.structs.replace(template, account_id=account.account_id, changed_ms=at_ms)
        change = text_templates.TemplateChange(template=new, known_ms=template.changed_ms)
        if not await self.storage.writer.write(text_templates.change, change):
            await self.find(account, template.template_id)
            raise Refused(RefusalCode.ALREADY_EXISTS, "version", "someone else changed it")
        return new

    async def remove(self, account: Account, template_id: int) -> None:
        """Deletes a template; raises `Refused`."""
        key = text_templates.TemplateKey(account_id=account.account_id, template_id=template_id)
        if not await self.storage.writer.write(text_templates.remove, key):
            raise _missing(template_id)


def _check(template: TextTemplate) -> None:
    if not template.name.strip():
        raise Refused(RefusalCode.MISSING_FIELD, "name")
    if not template.name.isprintable():
        raise Refused(RefusalCode.INVALID_FIELD, "name", "it holds characters that do not print")
    check_text("name", template.name, MAX_NAME)
    if not template.text:
        raise Refused(RefusalCode.EMPTY_TEXT, "text")
    check_text("text", template.text, MAX_TEXT)


def _missing(template_id: int) -> Refused:
    return Refused(RefusalCode.NOT_FOUND, str(template_id), "template")
