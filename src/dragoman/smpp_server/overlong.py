"""Texts in parts that leave no room for a header.

SAR parameters take no room in a part, so programs of SMSCs that join parts before they cut the text
again submit 160 letters in each. A phone has 153 beside the place of a part. Such parts go as texts
of their own: nothing is lost, but the phone shows them apart. The last part is shorter, and must
not wait on the phone for others; so it is remembered which texts they are of, beyond the last part,
which may be refused and come again. References are used again: a first part with room for its place
that comes behind a last one begins another text.
"""

from __future__ import annotations

from typing import Final, NamedTuple

LASTS_S: Final = 600
"""How long a text is remembered since its latest part."""
MOST: Final = 10_000


class Place(NamedTuple):
    """The place of a part, as its SAR parameters say it."""

    reference: int
    total: int
    number: int


class _Text(NamedTuple):
    """What is known of a text: until when, and whether its last part has come."""

    until_ms: int
    is_ended: bool


class OverlongTexts:
    """The texts of which a part had no room for its place."""

    def __init__(self) -> None:
        self._texts: dict[tuple[int, str, str, int, int], _Text] = {}

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
        known = self._texts.pop(key, None)
        if known is not None and (
            now_ms >= known.until_ms or (known.is_ended and place.number == 1)
        ):
            known = None
        if fits and known is None:
            return False
        if len(self._texts) >= MOST:
            del self._texts[next(iter(self._texts))]
        is_ended = place.number == place.total or (known is not None and known.is_ended)
        self._texts[key] = _Text(now_ms + LASTS_S * 1000, is_ended)
        return True
