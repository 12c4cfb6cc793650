"""Issues and templates, and issues on their way to become mails."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from dragoman.core.campaigns.model.mailings import (
    DeliveryKind,
    DeliveryState,
    Issue,
    SubscriptionState,
    Template,
)
from dragoman.core.campaigns.sql import subscriptions
from dragoman.core.campaigns.sql.subscriptions import NewSubscriber
from dragoman.core.campaigns.sql.tables import (
    deliveries,
    issue_attachments,
    issues,
    mail_templates,
    sendings,
)
from dragoman.core.messages.model.attachments import Attachment
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.mail_addresses import key_of
from dragoman.storage.bulk import BulkInsert
from dragoman.storage.work import Operation

MAX_TEMPLATES: Final = 1_000


class NewSending(msgspec.Struct, frozen=True, kw_only=True):
    """An issue to be sent from a time on; `contact_ids` None is the whole list."""

    sending_id: int
    account_id: int
    list_id: int
    issue_id: int
    contact_ids: tuple[int, ...] | None
    due_ms: int


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """A sending that is due, and how far it is."""

    sending_id: int
    account_id: int
    list_id: int
    issue_id: int
    contact_ids: tuple[int, ...] | None
    position: int


class SendingStep(msgspec.Struct, frozen=True, kw_only=True):
    """Recipients that become mails, and how far the sending is then."""

    sending: Sending
    recipients: tuple[NewSubscriber, ...]
    position: int
    finished: bool
    at_ms: int


class TemplateKey(msgspec.Struct, frozen=True, kw_only=True):
    """Which template of which account."""

    template_id: int
    account_id: int


_ISSUE_COLUMNS: Final = Issue.__struct_fields__[:-1]
_CONTACT_IDS: Final = msgspec.json.Decoder(tuple[int, ...])
_INSERT_DELIVERY: Final = BulkInsert(deliveries, suffix="ON CONFLICT DO NOTHING")


def find(connection: Connection, account_id: int, list_id: int, issue_id: int) -> Issue | None:
    """An issue of one of the account's lists, without its attachments."""
    query = select(*(issues.c[name] for name in _ISSUE_COLUMNS)).where(
        issues.c.issue_id == issue_id,
        issues.c.account_id == account_id,
        issues.c.list_id == list_id,
    )
    row = connection.execute(query).first()
    return None if row is None else Issue(**row._mapping)


def load(connection: Connection, issue_id: int) -> Issue | None:
    """An issue with all it needs to be sent."""
    query = select(*(issues.c[name] for name in _ISSUE_COLUMNS)).where(
        issues.c.issue_id == issue_id
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    files = connection.execute(
        select(issue_attachments)
        .where(issue_attachments.c.issue_id == issue_id)
        .order_by(issue_attachments.c.number)
    )
    attachments = tuple(
        Attachment(name=file.name, content_type=file.content_type, content=bytes(file.content))
        for file in files
    )
    return Issue(**row._mapping, attachments=attachments)


def _create(connection: Connection, items: list[Issue]) -> list[Exception | None]:
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
    return [None] * len(items)


create = Operation(_create, "create_issues", Issue)


# Templates


def find_template(connection: Connection, account_id: int, template_id: int) -> Template | None:
    """One of the account's templates."""
    query = select(mail_templates).where(
        mail_templates.c.template_id == template_id, mail_templates.c.account_id == account_id
    )
    row = connection.execute(query).first()
    return None if row is None else Template(**row._mapping)


def load_templates(connection: Connection, account_id: int) -> list[Template]:
    """The account's templates, in the order of creation."""
    query = (
        select(mail_templates)
        .where(mail_templates.c.account_id == account_id)
        .order_by(mail_templates.c.template_id)
    )
    return [Template(**row._mapping) for row in connection.execute(query)]


def _put_template(connection: Connection, items: list[Template]) -> list[Exception | None]:
    """Stores templates, over those of the same identifier."""
    results: list[Exception | None] = []
    for item in items:
        counting = select(func.count()).where(mail_templates.c.account_id == item.account_id)
        known = find_template(connection, item.account_id, item.template_id) is not None
        if not known and connection.execute(counting).scalar_one() >= MAX_TEMPLATES:
            results.append(
                Refused(RefusalCode.INVALID_FIELD, "template", f"at most {MAX_TEMPLATES} templates")
            )
            continue
        values = msgspec.structs.asdict(item)
        if known:
            connection.execute(
                update(mail_templates)
                .where(mail_templates.c.template_id == item.template_id)
                .values(**values)
            )
        else:
            connection.execute(insert(mail_templates), [values])
        results.append(None)
    return results


put_template = Operation(_put_template, "put_mail_templates", Template)


def _remove_template(connection: Connection, items: list[TemplateKey]) -> list[Exception | None]:
    results: list[Exception | None] = []
    for item in items:
        removed = connection.execute(
            delete(mail_templates).where(
                mail_templates.c.template_id == item.template_id,
                mail_templates.c.account_id == item.account_id,
            )
        ).rowcount
        results.append(None if removed else missing_template(item.template_id))
    return results


remove_template = Operation(_remove_template, "remove_mail_templates", TemplateKey)


# Sendings


def load_due(connection: Connection, now_ms: int, limit: int) -> list[Sending]:
    """Sendings whose time has come, the oldest first."""
    query = (
        select(sendings)
        .where(sendings.c.finished_ms.is_(None), sendings.c.due_ms <= now_ms)
        .order_by(sendings.c.due_ms)
        .limit(limit)
    )
    return [_sending(row._mapping) for row in connection.execute(query)]


def _schedule(connection: Connection, items: list[NewSending]) -> list[Exception | None]:
    connection.execute(
        insert(sendings),
        [
            msgspec.structs.asdict(item)
            | {
                "contact_ids": None
                if item.contact_ids is None
                else msgspec.json.encode(item.contact_ids).decode(),
                "position": 0,
                "finished_ms": None,
            }
            for item in items
        ],
    )
    return [None] * len(items)


schedule = Operation(_schedule, "schedule_sendings", NewSending)


def _step(connection: Connection, items: list[SendingStep]) -> list[int | Exception]:
    """How many mails each step makes; somebody gets an issue once, however often it is sent."""
    return [_step_one(connection, item) for item in items]


def _step_one(connection: Connection, item: SendingStep) -> int:
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
                    (
                        *(one.delivery_id, sending.account_id, int(DeliveryKind.ISSUE)),
                        *(sending.list_id, sending.issue_id, subscription.subscription_id),
                        *(subscription.address, int(DeliveryState.PENDING), 0, item.at_ms),
                        *(False, None, None, None),
                    )
                )
    made = _INSERT_DELIVERY.run(connection, rows)
    connection.execute(
        update(sendings)
        .where(sendings.c.sending_id == sending.sending_id)
        .values(position=item.position, finished_ms=item.at_ms if item.finished else None)
    )
    return made


step = Operation(_step, "step_sendings", SendingStep)


def missing_issue(issue_id: int) -> Refused:
    """The refusal of an issue that the list does not have."""
    return Refused(RefusalCode.NOT_FOUND, str(issue_id), "issue")


def missing_template(template_id: int) -> Refused:
    """The refusal of a template that the account does not have."""
    return Refused(RefusalCode.NOT_FOUND, str(template_id), "template")


def _sending(values: Any) -> Sending:
    contact_ids = values["contact_ids"]
    return Sending(
        **{name: values[name] for name in Sending.__struct_fields__ if name != "contact_ids"},
        contact_ids=None if contact_ids is None else _CONTACT_IDS.decode(contact_ids),
    )
