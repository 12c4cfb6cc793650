"""Numbers become the digits of the international number, or are refused."""

from __future__ import annotations

import re

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.numbering_plans import parse_international
from dragoman.core.model.phone_numbers import (
    MOBILE_COUNTRY_CODES,
    ZERO_KEPT,
    country_code,
    forms_of,
    mobile_country_code,
    normalise,
)

NUMBERS = [
    ("4512345678", "4512345678"),
    ("+4512345678", "4512345678"),
    ("004512345678", "4512345678"),
    ("+45 12 34 56 78", "4512345678"),
    (" +45 1234-5678 ", "4512345678"),
    ("+1 (212) 555-0100", "12125550100"),
    ("+44.20.7946.0018", "442079460018"),
    ("+4930/123456", "4930123456"),
    ("+2901234", "2901234"),
    ("393331234567", "393331234567"),
    ("+45 37 12 34 56 78 90", "45371234567890"),
    ("+47 58 00 12 34 56 78", "47580012345678"),
    ("+999999", None),
    ("+290123", None),
    ("+1234567890123456", None),
    ("+453456789012345", "453456789012345"),
    ("+123456789012345", None),
    ("+1212555", None),
    ("+1 212 555 010", None),
    ("+1 212 555 01000", None),
    ("+1 17642031984", "17642031984"),
    ("1 1 (212) 555-0100", "12125550100"),
    ("+1 11 212 555 0100", None),
    ("+45 (0) 12345678", "4512345678"),
    ("+45(0)12345678", "4512345678"),
    ("+44 ( 0 ) 20 7946 0018", "442079460018"),
    ("0044 (0)20 7946 0018", "442079460018"),
    ("+4 (0) 512345678", None),
    ("+4520 (0) 123456", None),
    ("+45 (0)(0) 12345678", None),
    ("(0) 12345678", None),
    ("+39 (06) 12345678", "390612345678"),
    ("", None),
    ("+", None),
    ("00", None),
    ("0", None),
    ("012345678", None),
    ("+0045123456789", None),
    ("++4512345678", None),
    ("abc", None),
    ("+45123456a8", None),
    ("+45\n12345678", None),
    ("+45١٢٣٤٥٦٧٨", "4512345678"),
    ("+４５12345678", "4512345678"),
    ("+2101234567", None),
    ("c1234567", None),
    ("4512345678,4587654321", None),
    ("+" + "4" * 5000, None),
]


@pytest.mark.parametrize(("written", "expected"), NUMBERS)
def test_a_number_is_normalised_or_refused(written: str, expected: str | None) -> None:
    if expected is not None:
        assert normalise(written) == expected
        return
    with pytest.raises(Refused) as refused:
        normalise(written)
    assert refused.value.code is RefusalCode.INVALID_RECIPIENT
    assert len(refused.value.subject) <= 32


INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\ufeff"
DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
NO_BREAK = "\u00a0\u202f\u2007"


@pytest.mark.parametrize("mark", INVISIBLE + DIRECTIONS + NO_BREAK, ids=ascii)
@pytest.mark.parametrize("form", ["{}+4512345678{}", "+45{}1234{}5678", "{}0045 {}12345678"])
def test_marks_that_were_copied_with_a_number_are_dropped(mark: str, form: str) -> None:
    """Numbers copied from Android's contacts or from spreadsheets were refused as invalid."""
    written = form.format(mark, mark)
    assert normalise(written) == "4512345678"
    assert parse_international(written) == "4512345678"


@pytest.mark.parametrize(
    "written",
    [
        "+٤٥ ١٢٣٤٥٦٧٨",  # of Arabic
        "٠٠٤٥١٢٣٤٥٦٧٨",
        "+۴۵۱۲۳۴۵۶۷۸",  # of Persian
        "+४५१२३४५६७८",  # of Hindi
        "+৪৫১২৩৪৫৬৭৮",  # of Bengali
        "＋４５　１２３４－５６７８",  # of full width
        "+45 12‑34–56‒78",
        "+45 12 34 56　78",
    ],
    ids=ascii,
)
def test_digits_and_dashes_of_other_scripts_are_read(written: str) -> None:
    """A phone set to Arabic writes numbers in its own digits, and they were refused."""
    assert normalise(written) == "4512345678"
    assert parse_international(written) == "4512345678"


@given(st.text(max_size=40))
def test_any_text_gives_digits_or_a_refusal(text: str) -> None:
    try:
        digits = normalise(text)
    except Refused:
        return
    assert re.fullmatch(r"[1-9][0-9]{6,14}", digits)


ZEROS = {
    "Ivory Coast keeps it": ("+225 (0)7 01 02 03 04", "2250701020304"),
    "Ivory Coast, 00": ("00225 (0) 7 01020304", "2250701020304"),
    "Ivory Coast, plain": ("+2250701020304", "2250701020304"),
    "Benin keeps it": ("+229 (0)1 95 12 34 56", "2290195123456"),
    "Congo keeps it": ("+242 (0)6 123 4567", "242061234567"),
    "Italy keeps it": ("+39 (0)6 1234 5678", "390612345678"),
    "Italy, area code": ("+39 (06) 1234 5678", "390612345678"),
    "San Marino keeps it": ("+378 (0)549 886377", "3780549886377"),
    "Hungary has 06": ("+36 (06) 20 1234567", "36201234567"),
    "Hungary, 00": ("0036 ( 06 ) 20 123 4567", "36201234567"),
    "Hungary, a zero": ("+36 (0) 20 1234567", "36201234567"),
    "Hungary, no brackets": ("+36 06 20 1234567", "36201234567"),
    "Hungary, plain": ("+3606201234567", "36201234567"),
    "Britain": ("+44 (0)20 7123 4567", "442071234567"),
    "Britain, no brackets": ("+44 020 7123 4567", "442071234567"),
    "Germany, plain": ("+4901701234567", "491701234567"),
    "Denmark has none": ("+45 (0) 12 34 56 78", "4512345678"),
    "Norway, no brackets": ("+47 22 01 23 45", "4722012345"),
}


@pytest.mark.parametrize("case", ZEROS)
def test_zeros_are_read_alike_for_sending_and_in_imports(case: str) -> None:
    """`+225 (0)7…` lost a digit of the number, `+36 (06)…` and `+49 0…` kept the trunk prefix."""
    written, digits = ZEROS[case]
    assert normalise(written) == digits
    assert parse_international(written) == digits


def test_countries_that_keep_the_zero_have_no_trunk_prefix() -> None:
    for code in map(int, ZERO_KEPT):
        region = phonenumbers.region_code_for_country_code(code)
        metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
        assert metadata is not None
        assert metadata.national_prefix is None, region


@given(
    st.sampled_from(sorted(set(MOBILE_COUNTRY_CODES) - {"1"})),
    st.from_regex(r"[1-9][0-9]{5,10}", fullmatch=True),
)
def test_normalising_twice_changes_nothing(code: str, rest: str) -> None:
    digits = normalise(f"+{code} {rest}")
    assert digits == code + rest
    assert normalise(digits) == digits


@given(
    st.sampled_from(sorted(set(MOBILE_COUNTRY_CODES) - {"1"})),
    st.from_regex(r"0{1,3}[0-9]{7,9}", fullmatch=True),
)
def test_normalising_zeros_twice_changes_nothing(code: str, rest: str) -> None:
    digits = normalise(f"+{code} {rest}")
    assert digits.startswith(code)
    assert normalise(digits) == digits


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("525512345678", "5215512345678"),
        ("541123456789", "5491123456789"),
        ("551187654321", "5511987654321"),
        ("4512345678", None),
        ("12125550100", None),
        ("551122334455", None),  # a landline
        ("52551234567", None),
        ("5411234567890", None),
    ],
)
def test_a_phone_has_two_numbers_in_some_countries(one: str, other: str | None) -> None:
    assert forms_of(one) == ((one,) if other is None else (one, other))
    if other is not None:
        assert forms_of(other) == (other, one)
        assert normalise(other) == other, "it is sent to as it was given"


CODES = [
    ("451", "45"), ("121", "1"), ("358", "358"), ("799", "7"), ("210", None), ("999", None),
    ("4", None), ("45", "45"),
]  # fmt: skip


@pytest.mark.parametrize(("digits", "expected"), CODES)
def test_a_calling_code_is_found(digits: str, expected: str | None) -> None:
    assert country_code(digits) == expected


MOBILE = [
    ("4512345678", "238"), ("4712345678", "242"), ("4612345678", "240"), ("393331234567", "222"),
    ("12125550100", "310"), ("14165550100", "302"), ("18765550100", "338"), ("17875550100", "330"),
    ("79161234567", "250"), ("77011234567", "401"), ("881612345678", "901"), ("6812345", "543"),
    ("358401234567", "244"), ("80012345678", "0"), ("2101234567", "0"),
]  # fmt: skip


@pytest.mark.parametrize(("digits", "expected"), MOBILE)
def test_the_mobile_country_code_is_guessed(digits: str, expected: str) -> None:
    assert mobile_country_code(digits) == expected


def test_the_table_holds_calling_codes_that_exist_and_three_digit_answers() -> None:
    assert {int(code) for code in MOBILE_COUNTRY_CODES} <= set(COUNTRY_CODE_TO_REGION_CODE)
    assert all(re.fullmatch(r"[2-79][0-9]{2}", mcc) for mcc in MOBILE_COUNTRY_CODES.values())
