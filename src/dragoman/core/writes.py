"""All write operations by name, as the writer process runs them."""

from __future__ import annotations

from typing import Any, Final

from dragoman.core.accounts.sql import (
    account_tree,
    accounts,
    admin_tokens,
    console_sessions,
    credits,
    one_time_links,
    scoped_tokens,
    senders,
)
from dragoman.core.accounts.sql import audit_log as audit
from dragoman.core.billing.sql import wallets
from dragoman.core.callbacks.sql import callbacks, webhooks
from dragoman.core.campaigns.sql import deliveries, issues, mailing_lists, subscriptions
from dragoman.core.contacts.sql import (
    contact_lists,
    contact_profiles,
    contact_values,
    contacts,
    groups,
    imports,
    memberships,
    merge_fields,
)
from dragoman.core.delivery.sql import held_carriers
from dragoman.core.devices.sql import assignments, device_events, devices, phone_settings
from dragoman.core.inbound.sql import inbound, keywords, opt_outs, received_texts
from dragoman.core.messages.sql import changes
from dragoman.core.messages.sql import events as journal
from dragoman.core.reporting.sql import ingestion
from dragoman.core.retention import sql as retention
from dragoman.core.submission.sql import (
    batches,
    bundles,
    orders,
    refunds,
    resending,
    submissions,
    verifications,
)
from dragoman.core.submission.sql import idempotency_keys as submission_keys
from dragoman.storage import probe
from dragoman.storage.work import Operation

WRITER_MODULE: Final = "dragoman.core.writer_process"
"""The module that the writer process runs."""
OPERATIONS: Final[dict[str, Operation[Any, Any]]] = {
    operation.name: operation
    for operation in (
        account_tree.change,
        account_tree.delete,
        accounts.create,
        accounts.issue_token,
        accounts.rotate,
        admin_tokens.add,
        admin_tokens.remove,
        audit.add,
        batches.cancel,
        batches.stop,
        bundles.accept,
        callbacks.expire,
        callbacks.record,
        callbacks.release,
        changes.mark_sending,
        changes.park,
        changes.record,
        changes.report_parts,
        changes.take_back,
        console_sessions.end_sessions,
        console_sessions.open_session,
        console_sessions.use_session,
        contact_lists.change,
        contact_lists.create,
        contact_lists.remove,
        contact_profiles.store,
        contact_values.note,
        contacts.change,
        contacts.create,
        contacts.remove,
        device_events.drop,
        device_events.note,
        devices.change,
        devices.create,
        devices.register,
        devices.seen,
        assignments.assign,
        assignments.move,
        deliveries.claim,
        deliveries.record,
        deliveries.release,
        deliveries.restore,
        groups.change,
        groups.create,
        credits.buy,
        credits.move,
        credits.undo,
        held_carriers.switch,
        imports.begin,
        imports.clean,
        imports.create,
        imports.drop,
        imports.store,
        inbound.drop_parts,
        inbound.store_parts,
        inbound.store_texts,
        mailing_lists.add_group,
        mailing_lists.change,
        mailing_lists.create,
        mailing_lists.put_service,
        memberships.add_members,
        memberships.remove_group,
        memberships.remove_members,
        merge_fields.create,
        merge_fields.remove,
        merge_fields.rename,
        ingestion.ingest,
        issues.create,
        issues.put_template,
        issues.remove_template,
        issues.schedule,
        issues.step,
        journal.note,
        resending.resend,
        keywords.add_forwarding,
        keywords.add_number,
        keywords.attach_keyword,
        keywords.change_forwarding,
        keywords.delete_keyword,
        keywords.remove_number,
        keywords.reserve_keyword,
        one_time_links.add,
        one_time_links.use,
        opt_outs.add,
        opt_outs.remove,
        phone_settings.put,
        orders.accept,
        probe.probe,
        received_texts.fetch,
        refunds.refund,
        retention.drop_outdated,
        changes.drop_parked,
        scoped_tokens.exchange,
        scoped_tokens.issue,
        scoped_tokens.revoke,
        senders.add,
        senders.decide,
        senders.remove,
        submission_keys.accept,
        submissions.accept,
        submissions.expand,
        subscriptions.subscribe,
        subscriptions.use_token,
        verifications.send,
        verifications.verify,
        wallets.top_up,
        webhooks.call,
        webhooks.put,
        webhooks.remove,
    )
}
