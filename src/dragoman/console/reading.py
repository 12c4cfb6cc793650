"""What people type into forms, read: times in their zone, numbers, identifiers in any spelling."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from dragoman.console.translation import gettext
from dragoman.core.model.errors import Refused
from dragoman.core.model.phone_numbers import normalise
from dragoman.core.model.texts import is_storable
from dragoman.core.model.written_numbers import is_in_use, read_written

MAX_TYPED: Final = 200


class Unreadable(Exception):
    """Something typed cannot be read; the text of the exception says why."""


def read_time(text: str, zone: ZoneInfo, *, ends: bool = False) -> int | None:
    """Milliseconds of a local date or time (`2026-11-22T09:30`); None for nothing.

    `ends` takes the last millisecond of what is written. Raises `Unreadable`.
    """
    text = text.strip()
    if not text:
        return None
    try:
        written = datetime.fromisoformat(text[:MAX_TYPED])
        if written.tzinfo is None:
            written = written.replace(tzinfo=zone)
        if ends and len(text) <= len("2026-11-22"):
            written = written.replace(hour=23, minute=59, second=59)
        at_ms = round(written.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise Unreadable(gettext("Invalid time. Use the form 2026-11-22 09:30.")) from None
    if ends:
        at_ms += 59_999 if written.second == 0 else 999
    return at_ms


def read_due(text: str, zone: ZoneInfo, now_ms: int) -> int:
    """When something is due, in a zone; raises `Unreadable` for times that are not to come."""
    at_ms = read_time(text, zone)
    if at_ms is None:
        raise Unreadable(gettext("Enter the time to send it."))
    written = datetime.fromisoformat(text.strip())
    if written.tzinfo is None and datetime.fromtimestamp(at_ms // 1000, zone).replace(
        tzinfo=None, microsecond=0
    ) != written.replace(microsecond=0):
        raise Unreadable(
            gettext("This time does not exist on that day, because the clocks go forward.")
        )
    if at_ms <= now_ms:
        raise Unreadable(gettext("This time is in the past."))
    return at_ms


def read_number(text: str) -> str:
    """The digits of a phone number; empty for nothing. Raises `Unreadable`."""
    text = text.strip()
    if not text:
        return ""
    try:
        return normalise(text[:MAX_TYPED])
    except Refused:
        sentence = gettext("Enter a number with its country code, such as +45 30 12 34 56.")
        raise Unreadable(sentence) from None


def read_count(text: str) -> int | None:
    """A number in a field that people do not type into; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 16 else None


def read_numbers(text: str, region: str) -> tuple[str, ...]:
    """The numbers that a text can mean, digits; none for nothing. Raises `Unreadable`.

    `region` is the country whose numbers may come without their calling code.
    """
    if not text.strip():
        return ()
    found = read_written(text[:MAX_TYPED], region)
    if not found:
        raise Unreadable(gettext("Enter a number, such as +45 30 12 34 56."))
    return found


def read_recipient(text: str, region: str) -> str:
    """The number to write to or to store, as digits; raises `Unreadable`.

    What can be a number of two countries is asked about, and where no country is known what is no
    number with its country code.
    """
    numbers = read_numbers(text, region)
    if not numbers:
        raise Unreadable(gettext("Enter a number, such as +45 30 12 34 56."))
    if len(numbers) == 1 and (region or text.strip().startswith(("+", "00"))):
        return numbers[0]
    in_use = [number for number in numbers if is_in_use(number)]
    if len(in_use) > 1:
        first, second = (f"+{number}" for number in in_use)
        raise Unreadable(
            gettext("This can be {first} or {second}: enter which of them.").format(
                first=first, second=second
            )
        )
    if not in_use and not region:
        raise Unreadable(
            gettext(
                "Enter the number with its country code, such as +45 30 12 34 56. Your account has"
                " no country."
            )
        )
    return (in_use or numbers)[0]


def read_pieces(text: str) -> tuple[str, ...]:
    """The words of a search, to be found in this order; raises `Unreadable`."""
    text = text.strip()
    if len(text) > MAX_TYPED or not is_storable(text):
        raise Unreadable(
            gettext("At most {max_typed} characters, without control characters.").format(
                max_typed=MAX_TYPED
            )
        )
    return tuple(text.split())
