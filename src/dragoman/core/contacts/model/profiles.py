"""What an account knows about a contact besides number and merge fields."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from dragoman.core.contacts.model.contacts import ContactProfile


class OnClash(StrEnum):
    """What happens to a contact with the address, or else the number, of a new one."""

    KEEP = "keep"
    """Both are there."""
    UPDATE = "update"
    """It takes what the new one knows."""
    REPLACE = "replace"
    """It is deleted, and the new one is there."""


class ProfiledContact(msgspec.Struct, frozen=True, kw_only=True):
    """A contact with its profile and groups."""

    contact_id: int
    mobile: str
    profile: ContactProfile
    group_ids: tuple[int, ...]
