"""All tables, registered with one MetaData."""

from __future__ import annotations

import dragoman.core.accounts.sql.tables
import dragoman.core.alerts.sql.tables
import dragoman.core.billing.sql.tables
import dragoman.core.callbacks.sql.tables
import dragoman.core.campaigns.sql.tables
import dragoman.core.contacts.sql.tables
import dragoman.core.devices.sql.tables
import dragoman.core.inbound.sql.tables
import dragoman.core.messages.sql.tables
import dragoman.core.retention.sql.tables
import dragoman.core.submission.sql.tables
import dragoman.storage.marks
import dragoman.storage.short_ids  # noqa: F401
from dragoman.storage.metadata import metadata

__all__ = ["metadata"]
