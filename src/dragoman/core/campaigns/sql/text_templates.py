"""Templates of texts, by name."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, select, update

from dragoman.core.campaigns.model.text_campaigns import TextTemplate
from dragoman.core.campaigns.sql.tables import text_templates
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.rows import count, insert_rows, is_any, read_all, read_one
from dragoman.storage.work import one_by_one

MAX_TEMPLATES = 1_000
"""Of one account."""


class TemplateChange(msgspec.Struct, frozen=True, kw_only=True):
    """A template as it is to be, where nobody changed it since `known_ms`."""

    template: TextTemplate
    known_ms: int


class TemplateKey(msgspec.Struct, frozen=True, kw_only=True):
    """A template of an account."""

    account_id: int
    template_id: int


def load(connection: Connection, account_id: int) -> list[TextTemplate]:
    """The account's templates by name."""
    mine = select(text_templates).where(text_templates.c.account_id == account_id)
    return read_all(connection, mine.order_by(text_templates.c.name), TextTemplate)


def find(connection: Connection, account_id: int, template_id: int) -> TextTemplate | None:
    """One of the account's templates."""
    mine = select(text_templates).where(
        text_templates.c.template_id == template_id, text_templates.c.account_id == account_id
    )
    return read_one(connection, mine, TextTemplate)


@one_by_one("create_text_templates")
def create(connection: Connection, item: TextTemplate) -> None:
    _check_name(connection, item)
    if count(connection, text_templates.c.account_id == item.account_id) >= MAX_TEMPLATES:
        raise Refused(RefusalCode.INVALID_FIELD, "templates", f"at most {MAX_TEMPLATES}")
    insert_rows(connection, text_templates, [item])


@one_by_one("change_text_templates")
def change(connection: Connection, item: TemplateChange) -> bool:
    """False where someone else changed or deleted it."""
    new = item.template
    _check_name(connection, new)
    changed = update(text_templates).where(
        text_templates.c.template_id == new.template_id,
        text_templates.c.account_id == new.account_id,
        text_templates.c.changed_ms == item.known_ms,
    )
    values = {"name": new.name, "text": new.text, "changed_ms": new.changed_ms}
    return bool(connection.execute(changed.values(values)).rowcount)


@one_by_one("remove_text_templates")
def remove(connection: Connection, item: TemplateKey) -> bool:
    """False where there is none."""
    gone = delete(text_templates).where(
        text_templates.c.template_id == item.template_id,
        text_templates.c.account_id == item.account_id,
    )
    return bool(connection.execute(gone).rowcount)


def _check_name(connection: Connection, item: TextTemplate) -> None:
    table = text_templates.c
    others = (table.account_id == item.account_id, table.template_id != item.template_id)
    if is_any(connection, *others, table.name == item.name):
        raise Refused(RefusalCode.ALREADY_EXISTS, "name")
