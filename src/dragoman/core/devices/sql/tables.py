"""Devices and their SIMs, registrations, and assigned messages."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, LargeBinary, SmallInteger, Text

from dragoman.storage.metadata import (
    Identifier,
    optional,
    partial_index,
    primary_identifier,
    required,
    table,
)

devices = table(
    "devices",
    primary_identifier("device_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    *required(Text, "carrier", "protocol", "name"),
    Column("enabled", Boolean, nullable=False),
    *required(Text, "app_version", "push_token", "signing_key", "settings", "health"),
    *required(Identifier, "created_ms", "seen_ms"),
    Column("removed_ms", Identifier),
    Column("token_digest", LargeBinary, nullable=False),
    Index("ix_devices_account_id_device_id", "account_id", "device_id"),
    Index("uq_devices_token_digest", "token_digest", unique=True),
)
"""`settings` and `health` are JSON. The signing key is no digest: we compute with it."""

sims = table(
    "sims",
    Column("device_id", Identifier, ForeignKey("devices.device_id"), primary_key=True),
    Column("slot", SmallInteger, primary_key=True),
    *required(Text, "carrier", "reported_number"),
    Column("present", Boolean, nullable=False),
    *required(Text, "label", "number", "limits"),
    sqlite_with_rowid=False,
)
"""One that is taken out of its phone keeps its row, and with it its label and limits."""

device_registrations = table(
    "device_registrations",
    primary_identifier("registration_id"),
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), nullable=False),
    *required(Text, "carrier", "kind"),
    Column("digest", LargeBinary, nullable=False),
    *optional(Identifier, "expires_ms", "used_ms"),
    Index("ix_device_registrations_digest", "digest"),
)
"""Codes and tokens as SHA-256; a code that was used, or a token that was revoked, has `used_ms`."""

device_assignments = table(
    "device_assignments",
    primary_identifier("assignment_id"),
    Column("message_id", Identifier, ForeignKey("messages.message_id"), nullable=False),
    Column("device_id", Identifier, ForeignKey("devices.device_id"), nullable=False),
    Column("carrier", Text, nullable=False),
    *required(SmallInteger, "slot", "parts", "state", "cancelling"),
    Column("recipient", Text, nullable=False),
    *required(Identifier, "valid_until_ms", "assigned_ms", "changed_ms"),
    Index("ix_device_assignments_message_id", "message_id"),
    Index("ix_device_assignments_device_id_assignment_id", "device_id", "assignment_id"),
    partial_index("ix_device_assignments_open", "carrier", "assignment_id", where="state < 40"),
)
"""A message with a phone, under the identifier the phone knows it by; another phone gets another.

It is written before the phone can fetch it, so that a restart knows
what a phone may have.
"""

device_events = table(
    "device_events",
    Column("device_id", Identifier, ForeignKey("devices.device_id"), primary_key=True),
    Column("event_id", Text, primary_key=True),
    Column("at_ms", Identifier, nullable=False),
    Index("ix_device_events_at_ms", "at_ms"),
    sqlite_with_rowid=False,
)
"""Events that phones reported, kept as long as they may repeat them."""


device_texts = table(
    "device_texts",
    primary_identifier("inbound_id"),
    Column("device_id", Identifier, ForeignKey("devices.device_id"), nullable=False),
    Column("slot", SmallInteger),
    Column("digest", LargeBinary),
    Index("ix_device_texts_device_id_digest", "device_id", "digest"),
)
"""Beside `inbound_texts`, for those that came to a phone; no `slot` where the SIM is not known.

`digest` is of sender, content, identifier and the network's time, where the phone tells it: asked
for its inbox, it tells the same text under a new event.
"""


phone_settings = table(
    "phone_settings",
    Column("account_id", Identifier, ForeignKey("accounts.account_id"), primary_key=True),
    *required(Text, "settings", "signing_key"),
    sqlite_with_rowid=False,
)
"""`settings` is JSON: groups of keys and values. The key is no digest: we compute with it."""
