"""Times as this API's programs write them: ISO 8601, and days."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

DAY_MS: Final = 86_400_000


def parse_instant(text: str) -> int:
    """Milliseconds since the Unix epoch; UTC where no offset is given. ValueError for others."""
    # A plus that was not escaped arrives as a space.
    text = re.sub(r"(T[0-9:.]+) ([0-9:]+)$", r"\1+\2", text.strip())
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    try:
        return round(at.timestamp() * 1000)
    except OverflowError:
        raise ValueError("out of range") from None


def parse_span(text: str) -> tuple[int, int]:
    """The first and the first later millisecond of a day, which midnight stands for, or a second.

    ValueError for others.
    """
    start_ms = parse_instant(text)
    return start_ms, start_ms + (1_000 if start_ms % DAY_MS else DAY_MS)
