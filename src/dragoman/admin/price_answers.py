"""What is answered about price lists."""

from __future__ import annotations

import msgspec

from dragoman.core.delivery.model.price_lists import PriceListView


class PriceListsShown(msgspec.Struct, frozen=True, kw_only=True):
    """Every price list of a carrier."""

    price_lists: tuple[PriceListView, ...]


class PriceListText(msgspec.Struct, frozen=True, kw_only=True):
    """A price list as CSV."""

    carrier: str
    content: str
