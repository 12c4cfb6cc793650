"""Whose each row is, by table: which partition of a cluster a row of a single gateway goes to.

A table with a column `account_id` is its account's. The others are named here; a test looks for
those that are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

from dragoman.storage.copying import OwnedThrough, Owner, Parent


class Of(Enum):
    """Whose a row is that is no account's."""

    FIRST = "first"
    """What the first partition alone keeps."""
    ALL = "all"
    """What every partition keeps alike."""
    NONE = "none"
    """What a database keeps of itself."""


ACCOUNT: Final = "account_id"

_CAMPAIGN = OwnedThrough("campaign_id", Parent("campaigns", "campaign_id"))
_DEVICE = OwnedThrough("device_id", Parent("devices", "device_id"))
_ISSUE = OwnedThrough("issue_id", Parent("issues", "issue_id"))
_LIST = OwnedThrough("list_id", Parent("contact_lists", "list_id"))
_MESSAGE = OwnedThrough("message_id", Parent("messages", "message_id"))
_BATCH = OwnedThrough("batch_id", Parent("batches", "batch_id"))

OTHERS: Final[Mapping[str, Of | OwnedThrough]] = MappingProxyType(
    {
        "admin_tokens": Of.FIRST,
        "attachments": _BATCH,
        "audiences": _BATCH,
        "callback_attempts": OwnedThrough("callback_id", Parent("callbacks", "callback_id")),
        "campaign_batches": _CAMPAIGN,
        "carrier_texts": OwnedThrough("stored_id", Parent("inbound_texts", "inbound_id")),
        "contact_values": OwnedThrough("field_id", Parent("merge_fields", "field_id")),
        "device_assignments": _DEVICE,
        "device_events": _DEVICE,
        "device_texts": _DEVICE,
        "group_marks": Of.NONE,
        "held_carriers": Of.ALL,
        "inbound_parts": OwnedThrough("recipient", Parent("numbers", "number")),
        "issue_attachments": _ISSUE,
        "ledger_entries": OwnedThrough("wallet_id", Parent("wallets", "wallet_id")),
        "mailing_list_groups": OwnedThrough("list_id", Parent("mailing_lists", "list_id")),
        "memberships": _LIST,
        "message_events": _MESSAGE,
        "parked_receipts": Of.FIRST,
        "parts": _MESSAGE,
        "price_lists": Of.ALL,
        "receipt_keys": _MESSAGE,
        "secrets": Of.ALL,
        "sendings": _ISSUE,
        "short_id_counter": Of.NONE,
        "short_ids": OwnedThrough(
            "identifier",
            Parent("messages", "message_id"),
            Parent("batches", "batch_id"),
            Parent("inbound_texts", "inbound_id"),
            Parent("contacts", "contact_id"),
        ),
        "short_links": _CAMPAIGN,
        "sims": _DEVICE,
        "subscription_tokens": OwnedThrough(
            "subscription_id", Parent("subscriptions", "subscription_id")
        ),
        "unnoted_contacts": OwnedThrough("first_id", Parent("contacts", "contact_id")),
    }
)


def owner_of(table: str) -> Owner:
    """By what the account of a table's rows is found; None where they have none."""
    found = OTHERS.get(table, ACCOUNT)
    return None if isinstance(found, Of) else found


def kept_by(table: str) -> Of | None:
    """Who keeps rows that are no account's; None where they are an account's."""
    found = OTHERS.get(table)
    return found if isinstance(found, Of) else None
