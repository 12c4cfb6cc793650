"""The highest identifier in the database, after which a restart continues."""

from __future__ import annotations

from sqlalchemy import Connection, text

from dragoman.core.accounts.sql.tables import (
    accounts,
    audit_entries,
    credentials,
    dialect_records,
    one_time_links,
    people,
    saved_searches,
    senders,
)
from dragoman.core.alerts.sql.tables import alert_rules, alerts
from dragoman.core.billing.sql.tables import purchases, wallets
from dragoman.core.campaigns.sql.tables import (
    campaigns,
    deliveries,
    issues,
    mail_templates,
    mailing_lists,
    sendings,
    short_links,
    subscriptions,
    text_templates,
)
from dragoman.core.contacts.sql.tables import contact_lists, contacts, imports, merge_fields
from dragoman.core.devices.sql.tables import device_assignments, device_registrations, devices
from dragoman.core.inbound.sql.tables import (
    forwardings,
    inbound_parts,
    inbound_texts,
    keywords,
    numbers,
    opt_outs,
)
from dragoman.core.messages.sql.tables import (
    batches,
    callbacks,
    message_events,
    messages,
    parked_receipts,
)
from dragoman.core.submission.sql.tables import verifications

_IDENTIFIERS = (
    accounts.c.account_id,
    credentials.c.credential_id,
    senders.c.sender_id,
    one_time_links.c.link_id,
    people.c.person_id,
    saved_searches.c.search_id,
    dialect_records.c.position,
    purchases.c.purchase_id,
    wallets.c.wallet_id,
    batches.c.batch_id,
    messages.c.message_id,
    callbacks.c.callback_id,
    audit_entries.c.entry_id,
    message_events.c.event_id,
    inbound_texts.c.inbound_id,
    verifications.c.verification_id,
    numbers.c.number_id,
    forwardings.c.forwarding_id,
    keywords.c.keyword_id,
    opt_outs.c.opt_out_id,
    inbound_parts.c.part_id,
    parked_receipts.c.receipt_id,
    contact_lists.c.list_id,
    contacts.c.contact_id,
    merge_fields.c.field_id,
    imports.c.import_id,
    devices.c.device_id,
    device_registrations.c.registration_id,
    device_assignments.c.assignment_id,
    mailing_lists.c.list_id,
    subscriptions.c.subscription_id,
    issues.c.issue_id,
    mail_templates.c.template_id,
    sendings.c.sending_id,
    deliveries.c.delivery_id,
    text_templates.c.template_id,
    campaigns.c.campaign_id,
    short_links.c.link_id,
    alert_rules.c.rule_id,
    alerts.c.alert_id,
)


_EACH = [
    *(f"SELECT MAX({c.name}) AS id FROM {c.table.name}" for c in _IDENTIFIERS),  # noqa: S608
    # By wallet, as entries are in order within each alone.
    "SELECT MAX((SELECT MAX(entry_id) FROM ledger_entries"
    " WHERE ledger_entries.wallet_id = wallets.wallet_id)) AS id FROM wallets",
]


# As text: building and compiling a statement per column would take half of a start.
_HIGHEST = text(f"SELECT MAX(id) FROM ({' UNION ALL '.join(_EACH)}) AS highest")  # noqa: S608


def last_identifier(connection: Connection) -> int:
    """The highest identifier in all tables; 0 in an empty database."""
    return connection.execute(_HIGHEST).scalar_one() or 0
