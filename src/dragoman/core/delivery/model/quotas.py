"""Limits of carriers."""

from __future__ import annotations

import msgspec


class Quota(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The most parts a carrier is given in a day; without a country for all together."""

    carrier: str
    country: str = ""
    """Mobile country code."""
    parts_per_day: int
