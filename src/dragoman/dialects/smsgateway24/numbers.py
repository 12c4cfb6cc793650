"""The numbers of `sendto`, read as the phone that is to send would dial them.

With `+` or `00` a number is international wherever the phone is. Without, it means what it means on
that phone: a number of the phone's own country where its length is possible there, else an
international one where its length is possible in the country that it begins with. The country of a
phone is that of its SIM's number.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dragoman.core.devices.model.devices import Device, Sim
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.numbering_plans import parse_international, parse_national
from dragoman.core.model.phone_numbers import as_typed, country_code, normalise
from dragoman.dialects.smsgateway24.errors import invalid, missing

MAX_WRITTEN: Final = 64
"""Characters of one number."""

_FIRST_DIGITS: Final = frozenset("123456789")


def read_numbers(sendto: str, country: str | None, most: int) -> list[str]:
    """The digits of each number, in the order given; raises `Refused`, also for one twice.

    A `+` that no program escaped comes as a space: where the whole begins with one, each of its
    numbers may.
    """
    pieces = [piece for piece in sendto.split(",", most + 1) if piece.strip()]
    if not pieces:
        raise missing("sendto")
    if len(pieces) > most:
        raise Refused(RefusalCode.TOO_MANY_RECIPIENTS, detail=f"at most {most}")
    plus_lost = sendto.startswith(" ")
    numbers: dict[str, None] = {}
    for piece in pieces:
        number = read_number(piece, country, plus_lost=plus_lost)
        if number in numbers:
            raise invalid("sendto", f"{piece.strip()[:MAX_WRITTEN]} is there twice")
        numbers[number] = None
    return list(numbers)


def read_number(written: str, country: str | None, *, plus_lost: bool = False) -> str:
    """The digits of one number; raises `Refused`."""
    written = as_typed(written)
    text = written.strip()
    if len(text) > MAX_WRITTEN:
        raise Refused(RefusalCode.INVALID_RECIPIENT, text[:MAX_WRITTEN], "too long")
    if plus_lost and written[:1] == " " and text[:1] in _FIRST_DIGITS:
        text = f"+{text}"
    if text.startswith(("+", "00")):
        return normalise(text)
    if country is not None:
        # With its own country code a number is dialled as it is, whatever else it could be.
        whole = parse_national(f"+{text}", country) if text.startswith(country) else None
        national = whole or parse_national(text, country)
        if national is not None:
            return national
    if text.startswith("0"):
        detail = "write it with + and its country code"
        raise Refused(RefusalCode.INVALID_RECIPIENT, text, detail)
    number = normalise(text)
    if parse_international(f"+{number}") is None:
        detail = "write it with + and its country code"
        raise Refused(RefusalCode.INVALID_RECIPIENT, text, detail)
    return number


def country_of(device: Device, slot: int | None) -> str | None:
    """The calling code of a phone's country; None where no SIM has a known number."""
    sims = [sim for sim in device.sims if sim.present]
    chosen = [sim for sim in sims if sim.slot == slot]
    return _only(filter(None, map(_country_of_sim, chosen))) or _only(
        filter(None, map(_country_of_sim, sims))
    )


def country_of_all(devices: Iterable[Device]) -> str | None:
    """The calling code that all phones with a known one share."""
    return _only(code for one in devices if (code := country_of(one, None)) is not None)


def _country_of_sim(sim: Sim) -> str | None:
    digits = sim.number
    if not digits and sim.reported_number.startswith("+"):
        digits = sim.reported_number[1:].replace(" ", "")
    if len(digits) < 7 or not (digits.isascii() and digits.isdigit()) or digits[0] == "0":
        return None
    return country_code(digits[:3])


def _only(codes: Iterable[str]) -> str | None:
    found = set(codes)
    return found.pop() if len(found) == 1 else None
