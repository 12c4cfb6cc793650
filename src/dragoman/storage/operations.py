"""Every kind of work there is, by name: what the process that writes can be asked for."""

from __future__ import annotations

from typing import Any, Final

from dragoman.storage.repositories import (
    accounts,
    batches,
    callbacks,
    changes,
    devices,
    handovers,
    inbound,
    probe,
    retention,
    submissions,
    wallets,
)
from dragoman.storage.work import Operation

OPERATIONS: Final[dict[str, Operation[Any, Any]]] = {
    operation.name: operation
    for operation in (
        accounts.change,
        accounts.create,
        accounts.rotate,
        batches.cancel,
        callbacks.record,
        changes.mark_sending,
        changes.park,
        changes.record,
        changes.report_parts,
        changes.take_back,
        devices.change,
        devices.create,
        devices.drop_events,
        devices.note_event,
        devices.register,
        devices.seen,
        handovers.assign,
        handovers.move,
        inbound.drop_parts,
        inbound.store_parts,
        inbound.store_texts,
        probe.probe,
        retention.drop_parked_receipts,
        submissions.accept,
        submissions.expand,
        wallets.top_up,
    )
}
