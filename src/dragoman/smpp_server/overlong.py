"""Texts in parts that leave no room for a header.

SAR parameters take no room in a part, so programs of SMSCs that join parts before they cut the text
again submit 160 letters in each. A phone has 153 beside the place of a part. Such parts go as texts
of their own: nothing is lost, but the phone shows them apart. The last part is shorter, and must
not wait on the phone for others; so it is remembered which texts they are of.
"""

from __future__ import annotations

from typing import Final, NamedTuple

LASTS_S: Final = 600
"""How long a text is remembered whose last part does not come."""
MOST: Final = 10_000


class Place(NamedTuple):
    """The place of a part, as its SAR parameters say it."""

    reference: int
    total: int
    number: int


class OverlongTexts:
    """The texts of which a part had no room for its place."""

    def __init__(self) -> None:
        self._until_ms: dict[tuple[int, str, str, int, int], int] = {}

    def has(
        self,
        account_id: int,
        addresses: tuple[str, str],
        place: Place,
        *,
        fits: bool,
        now_ms: int,
    ) -> bool:
        """Whether a part, which has room for its place or not, is of such a text.

        `addresses` are the sender's and the recipient's.
        """
        key = (account_id, *addresses, place.reference, place.total)
        until_ms = self._until_ms.pop(key, 0)
        found = not fits or now_ms < until_ms
        if found and place.number < place.total:
            if len(self._until_ms) >= MOST:
                del self._until_ms[next(iter(self._until_ms))]
            self._until_ms[key] = now_ms + LASTS_S * 1000
        return found
