"""What an account knows of a contact besides number and merge fields."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from dragoman.core.contacts.model.contacts import ContactProfile


class OnClash(StrEnum):
    """What becomes of a contact with the address, or else the number, of a new one."""

    KEEP = "keep"
    """Both are there."""
    UPDATE = "update"
    """It takes what the new one knows."""
    REPLACE = "replace"
    """It is deleted, and the new one is there."""


class ProfiledContact(msgspec.Struct, frozen=True, kw_only=True):
    """A contact with what is known of it, and the groups it is in."""

    contact_id: int
    mobile: str
    profile: ContactProfile
    group_ids: tuple[int, ...]
