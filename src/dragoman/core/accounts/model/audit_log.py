"""What the audit log holds."""

from __future__ import annotations

import msgspec


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An action by an actor on an account, or on something that belongs to it."""

    entry_id: int
    account_id: int
    actor_id: int
    action: str
    subject: str
    at_ms: int
    person_id: int | None = None
    """Who of the actor's people it was; None where the account itself was signed in."""
