"""The zones that campaigns take numbers to be in."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import resources
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from dragoman.core.model.number_zones import zone_of_number

WINTER, SUMMER = datetime(2026, 1, 15, 12, tzinfo=UTC), datetime(2026, 7, 15, 12, tzinfo=UTC)
WITHOUT_A_LINE = {"AC": "Atlantic/St_Helena", "XK": "Europe/Belgrade"}
"""Regions of phonenumbers that zone.tab counts with others."""
NUMBERED_WITH = {"CC": "AU", "CX": "AU"}
"""Countries whose mobile numbers are another's: nobody can tell them apart."""


def _zones_by_country() -> dict[str, set[str]]:
    zones = {region: {zone} for region, zone in WITHOUT_A_LINE.items()}
    text = (resources.files("tzdata") / "zoneinfo/zone.tab").read_text(encoding="utf-8")
    for line in text.splitlines():
        if not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            zones.setdefault(country, set()).add(zone)
    return zones


def _clock(zone: str) -> tuple[object, object]:
    there = ZoneInfo(zone)
    return WINTER.astimezone(there).utcoffset(), SUMMER.astimezone(there).utcoffset()


def test_the_zone_of_a_mobile_number_is_one_of_its_country() -> None:
    """Algeria's were in Paris and Nicaragua's in Chicago: an hour off in summer."""
    zones, elsewhere = _zones_by_country(), []
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        number = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
        if number is not None:
            written = phonenumbers.format_number(number, PhoneNumberFormat.E164)
            zone = zone_of_number(written.removeprefix("+"))
            country = NUMBERED_WITH.get(region, region)
            if _clock(zone) not in {_clock(known) for known in zones[country]}:
                elsewhere.append((region, zone))
    assert not elsewhere


@pytest.mark.parametrize(
    ("number", "zone"),
    [
        (
            "34612345678",
            "Europe/Madrid",
        ),  # or the Canary Islands, whose zone is first in the alphabet
        ("351912345678", "Europe/Lisbon"),  # or the Azores
        ("18762345678", "America/Jamaica"),
        ("12015550123", "America/New_York"),
        ("213551234567", "Africa/Algiers"),
        ("218912345678", "Africa/Tripoli"),
        ("212650123456", "Africa/Casablanca"),
        ("211977123456", "Africa/Juba"),
        ("50581234567", "America/Managua"),
        ("4512345678", "Europe/Copenhagen"),
        ("80012345678", "UTC"),  # an international freephone number
    ],
)
def test_a_number_has_the_zone_of_its_area(number: str, zone: str) -> None:
    assert zone_of_number(number) == zone
