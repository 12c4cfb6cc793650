"""Issues, templates, and sendings in progress."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from dragoman.core.campaigns.model.mailings import Issue, SubscriptionState, Template
from dragoman.core.campaigns.sql import subscriptions
from dragoman.core.campaigns.sql.subscriptions import NewSubscriber
from dragoman.core.campaigns.sql.tables import issue_attachments, issues, mail_templates, sendings
from dragoman.core.messages.model.attachments import Attachment
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.mail_addresses import key_of
from dragoman.storage.rows import count, is_any, put_row, read_all, read_one, row_of
from dragoman.storage.work import one_by_one, together

MAX_TEMPLATES: Final = 1_000


class NewSending(msgspec.Struct, frozen=True, kw_only=True):
    """An issue to send from a time on; `contact_ids` None means the whole list."""

    sending_id: int
    account_id: int
    list_id: int
    issue_id: int
    contact_ids: tuple[int, ...] | None
    due_ms: int


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """A due sending and its progress."""

    sending_id: int
    account_id: int
    list_id: int
    issue_id: int
    contact_ids: tuple[int, ...] | None
    position: int


class SendingStep(msgspec.Struct, frozen=True, kw_only=True):
    """Recipients that become mails, and the progress after them."""

    sending: Sending
    recipients: tuple[NewSubscriber, ...]
    position: int
    finished: bool
    at_ms: int


class TemplateKey(msgspec.Struct, frozen=True, kw_only=True):
    """Identifies a template of an account."""

    template_id: int
    account_id: int


_ISSUE_COLUMNS: Final = Issue.__struct_fields__[:-1]


def find(connection: Connection, account_id: int, list_id: int, issue_id: int) -> Issue | None:
    """An issue of one of the account's lists, without its attachments."""
    query = select(issues).where(
        issues.c.issue_id == issue_id,
        issues.c.account_id == account_id,
        issues.c.list_id == list_id,
    )
    return read_one(connection, query, Issue)


def load(connection: Connection, issue_id: int) -> Issue | None:
    """An issue with everything needed to send it."""
    issue = read_one(connection, select(issues).where(issues.c.issue_id == issue_id), Issue)
    if issue is None:
        return None
    of_issue = select(issue_attachments).where(issue_attachments.c.issue_id == issue_id)
    files = read_all(connection, of_issue.order_by(issue_attachments.c.number), Attachment)
    return msgspec.structs.replace(issue, attachments=tuple(files))


@together("create_issues")
def create(connection: Connection, items: list[Issue]) -> None:
    rows, files = [], []
    for item in items:
        rows.append({name: getattr(item, name) for name in _ISSUE_COLUMNS})
        files += [
            {"issue_id": item.issue_id, "number": number} | msgspec.structs.asdict(one)
            for number, one in enumerate(item.attachments, start=1)
        ]
    connection.execute(insert(issues), rows)
    if files:
        connection.execute(insert(issue_attachments), files)


# Templates


def find_template(connection: Connection, account_id: int, template_id: int) -> Template | None:
    """One of the account's templates."""
    mine = select(mail_templates).where(mail_templates.c.account_id == account_id)
    return read_one(connection, mine.where(mail_templates.c.template_id == template_id), Template)


def load_templates(connection: Connection, account_id: int) -> list[Template]:
    """The account's templates, in the order of creation."""
    mine = select(mail_templates).where(mail_templates.c.account_id == account_id)
    return read_all(connection, mine.order_by(mail_templates.c.template_id), Template)


@one_by_one("put_mail_templates")
def put_template(connection: Connection, item: Template) -> None:
    """Stores templates, replacing those with the same identifier."""
    table = mail_templates.c
    mine = table.account_id == item.account_id
    known = is_any(connection, mine, table.template_id == item.template_id)
    if not known and count(connection, mine) >= MAX_TEMPLATES:
        raise Refused(RefusalCode.INVALID_FIELD, "template", f"at most {MAX_TEMPLATES} templates")
    put_row(connection, mail_templates, row_of(item))


@one_by_one("remove_mail_templates")
def remove_template(connection: Connection, item: TemplateKey) -> None:
    table = mail_templates.c
    mine = (table.template_id == item.template_id, table.account_id == item.account_id)
    if not connection.execute(delete(mail_templates).where(*mine)).rowcount:
        raise missing_template(item.template_id)


# Sendings


def load_due(connection: Connection, now_ms: int, limit: int) -> list[Sending]:
    """Sendings that are due, oldest first."""
    query = (
        select(sendings)
        .where(sendings.c.finished_ms.is_(None), sendings.c.due_ms <= now_ms)
        .order_by(sendings.c.due_ms)
        .limit(limit)
    )
    return read_all(connection, query, Sending)


@together("schedule_sendings")
def schedule(connection: Connection, items: list[NewSending]) -> None:
    rows = [{**row_of(item), "position": 0, "finished_ms": None} for item in items]
    connection.execute(insert(sendings), rows)


@one_by_one("step_sendings", grows=True)
def step(connection: Connection, item: SendingStep) -> int:
    """The number of mails of each step; a recipient gets an issue only once."""
    sending, rows = item.sending, []
    if item.recipients:
        found = subscriptions.put(
            connection,
            sending.account_id,
            sending.list_id,
            item.recipients,
            SubscriptionState.SUBSCRIBED,
        )
        for one in item.recipients:
            subscription = found[key_of(one.address)]
            if subscription.state is SubscriptionState.SUBSCRIBED:
                rows.append(
                    subscriptions.new_delivery(
                        one.delivery_id, sending.issue_id, subscription, item.at_ms
                    )
                )
    made = subscriptions.INSERT_DELIVERIES.run(connection, rows)
    connection.execute(
        update(sendings)
        .where(sendings.c.sending_id == sending.sending_id)
        .values(position=item.position, finished_ms=item.at_ms if item.finished else None)
    )
    return made


def missing_issue(issue_id: int) -> Refused:
    """The refusal of an unknown issue."""
    return Refused(RefusalCode.NOT_FOUND, str(issue_id), "issue")


def missing_template(template_id: int) -> Refused:
    """The refusal of an unknown template."""
    return Refused(RefusalCode.NOT_FOUND, str(template_id), "template")
