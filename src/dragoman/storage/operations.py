"""Every kind of work there is, by name: what the process that writes can be asked for."""

from __future__ import annotations

from typing import Any, Final

from dragoman.storage.repositories import (
    account_tree,
    accounts,
    batches,
    callbacks,
    changes,
    contact_lists,
    contacts,
    imports,
    inbound,
    ingestion,
    keywords,
    merge_fields,
    opt_outs,
    probe,
    refunds,
    retention,
    submissions,
    wallets,
)
from dragoman.storage.work import Operation

OPERATIONS: Final[dict[str, Operation[Any, Any]]] = {
    operation.name: operation
    for operation in (
        account_tree.change,
        account_tree.delete,
        accounts.create,
        accounts.issue_token,
        accounts.rotate,
        batches.cancel,
        callbacks.record,
        changes.mark_sending,
        changes.park,
        changes.record,
        changes.report_parts,
        changes.take_back,
        contact_lists.change,
        contact_lists.create,
        contact_lists.remove,
        contacts.change,
        contacts.create,
        contacts.remove,
        imports.begin,
        imports.clean,
        imports.create,
        imports.drop,
        imports.store,
        inbound.drop_parts,
        inbound.store_parts,
        inbound.store_texts,
        merge_fields.create,
        merge_fields.remove,
        merge_fields.rename,
        ingestion.ingest,
        keywords.add_forwarding,
        keywords.add_number,
        keywords.attach_keyword,
        keywords.change_forwarding,
        keywords.delete_keyword,
        keywords.remove_number,
        keywords.reserve_keyword,
        opt_outs.add,
        opt_outs.remove,
        probe.probe,
        refunds.refund,
        retention.drop_parked_receipts,
        submissions.accept,
        submissions.expand,
        wallets.top_up,
    )
}
