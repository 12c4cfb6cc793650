"""Numbers as people write them, checked against the plans of their countries."""

from __future__ import annotations

import random

import phonenumbers
import pytest

from dragoman.core.model.numbering_plans import parse_international


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("+4512345678", "4512345678"),
        ("+4587654321", "4587654321"),
        ("+4512721272", "4512721272"),
        (" +45 12 34 56 78 ", "4512345678"),
        ("004512345678", "4512345678"),
        ("+44 (0)20 7123 4567", "442071234567"),
        ("+4402071234567", "442071234567"),
        ("+4901701234567", "491701234567"),
        ("+1 555 123 4567", "15551234567"),
        ("+390612345678", "390612345678"),
        ("+5491112345678", "5491112345678"),
        ("+78001234567", "78001234567"),
        ("+45371234567890", "45371234567890"),
        ("0045 37 12 34 56 78 90", "45371234567890"),
        ("+47580012345678", "47580012345678"),
        ("+47 58 00 12 34 56 78", "47580012345678"),
        # Those of France and Belgium were refused, as phonenumbers refuses them.
        ("+337000012345678", "337000012345678"),
        ("+33 (0)700 001 234 5678", "337000012345678"),
        ("+327700012345678", "327700012345678"),
        ("+24166123456", "24166123456"),
        ("+229 01 97 12 34 56", "2290197123456"),
    ],
)
def test_number_with_its_country_code_is_read(written: str, digits: str) -> None:
    assert parse_international(written) == digits


@pytest.mark.parametrize(
    "written",
    [
        "",
        "+",
        "00",
        "12345678",
        "4512345678",
        "+451234567",
        "+45123456789",
        "+45920123456",
        "+22997123456",  # of eight digits, until 2024
        "+4537123456789",
        "+453712345678901",
        "+45361234567890",
        "+47371234567890",
        "+47590012345678",
        "+(0) 12345678",
        "+()-/.",
        "+999123456789",
        "+0012345678",
        "+45CALLMENOW",
        "+4512345678;ext=5",
        "+4512345678,+4512345679",
        "+45\0" + "12345678",
        "+" + "1" * 10_000,
        "++4512345678" * 10,
    ],
)
def test_anything_else_is_no_number(written: str) -> None:
    assert parse_international(written) is None


def test_quick_check_agrees_with_the_library() -> None:
    chance = random.Random(1)
    codes = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
    for _ in range(5_000):
        national = "".join(chance.choices("0123456789", k=chance.randint(4, 12)))
        written = f"+{chance.choice(codes)}{national}"
        try:
            number = phonenumbers.parse(written, None)
        except phonenumbers.NumberParseException:
            expected = None
        else:
            e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            expected = e164[1:] if phonenumbers.is_possible_number(number) else None
        assert parse_international(written) == expected, written
