import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dragoman.protocols.smpp.message_ids import IdReading, id_spellings, stored_keys

UUID = "6F9619FF-8B86-D011-B42D-00CF4FC964FF"

SPELLINGS = {
    "as_sent": ("1234567890", "1234567890"),
    "lower_then_upper_case": ("7b3f", "7B3F"),
    "upper_then_lower_case": ("7B3F", "7b3f"),
    "zeros_added": ("7b3f", "00007b3f"),
    "zeros_stripped": ("0000123456", "123456"),
    "hex_then_decimal": ("7b", "123"),
    "upper_hex_with_zeros_then_decimal_with_zeros": ("00499602D2", "0001234567890"),
    "decimal_then_hex": ("123", "7b"),
    "decimal_with_zeros_then_upper_hex_with_zeros": ("0001234567890", "00499602D2"),
    "uuid_in_another_case": (UUID, UUID.lower()),
    "uuid_without_dashes": (UUID, UUID.replace("-", "").lower()),
    "uuid_with_dashes_added": (UUID.replace("-", ""), UUID),
    "uuid_then_decimal": (UUID.replace("-", ""), str(int(UUID.replace("-", ""), 16))),
    "65_characters": ("x" * 64 + "Y", "x" * 64 + "Y"),
    "65_hex_digits_in_another_case": ("0" + "aB" * 32, "0" + "Ab" * 32),
    "dashes": ("SMSC-01-000123", "SMSC-01-000123"),
    "dashes_in_another_case": ("SMSC-01-00af", "smsc-01-00AF"),
    "only_zeros": ("0000", "0"),
    "blanks_around": ("7b ", " 7b"),
}


def find(given: str, spelled: str, reading: IdReading = IdReading.AUTO) -> bool:
    stored = dict.fromkeys(stored_keys(given), given)
    return any(key in stored for key in id_spellings(spelled, reading))


@pytest.mark.parametrize(("given_id", "receipt_id"), SPELLINGS.values(), ids=SPELLINGS)
def test_message_is_found_under_every_spelling(given_id: str, receipt_id: str) -> None:
    assert find(given_id, receipt_id)


@pytest.mark.parametrize(
    ("given_id", "receipt_id"),
    [
        ("7b", "7c"),
        ("100", "10"),
        ("1-23", "12-3"),
        ("a-b", "ab"),
        ("7b-", "7b"),
        ("12345678-1234", "123456781234"),
        ("x" * 65, "x" * 64),
    ],
)
def test_another_message_is_not_found(given_id: str, receipt_id: str) -> None:
    assert not find(given_id, receipt_id)


def match(given_ids: list[str], receipt_id: str, reading: IdReading) -> str | None:
    """The id found first, of several stored as the rule says."""
    stored: dict[str, str] = {}
    for given_id in given_ids:
        for key in stored_keys(given_id):
            stored.setdefault(key, given_id)
    return next((stored[key] for key in id_spellings(receipt_id, reading) if key in stored), None)


@pytest.mark.parametrize(
    ("reading", "give", "report"),
    [
        (IdReading.AUTO, "{:d}", "{:d}"),
        (IdReading.AUTO, "{:010d}", "{:010d}"),
        (IdReading.AUTO, "{:d}", "{:010d}"),
        (IdReading.AUTO, "{:X}", "{:x}"),
        (IdReading.AUTO, "{:08X}", "{:x}"),
        (IdReading.AS_SENT, "{:08x}", "{:X}"),
        (IdReading.HEX_TO_DEC, "{:x}", "{:d}"),
        (IdReading.HEX_TO_DEC, "{:08X}", "{:010d}"),
        (IdReading.DEC_TO_HEX, "{:d}", "{:x}"),
        (IdReading.DEC_TO_HEX, "{:010d}", "{:08X}"),
    ],
)
def test_counter_is_matched_without_a_wrong_match(
    reading: IdReading, give: str, report: str
) -> None:
    numbers = range(1, 3000)
    given_ids = [give.format(number) for number in numbers]
    found = [match(given_ids[:], report.format(number), reading) for number in numbers[::37]]
    assert found == given_ids[::37]


def test_ids_that_differ_only_in_case_are_not_confused() -> None:
    given_ids = ["aB", "Ab", "ab", "AB", "zZ", "Zz"]
    assert [match(given_ids, given_id, IdReading.AUTO) for given_id in given_ids] == given_ids


def test_large_random_hex_is_found_by_its_decimal_with_auto() -> None:
    numbers = [0x9E3779B97F4A7C15 * number % 2**64 for number in range(1, 300)]
    given_ids = [f"{number:016X}" for number in numbers]
    found = [match(given_ids, str(number), IdReading.AUTO) for number in numbers]
    assert found == given_ids


def test_empty_id_has_no_keys() -> None:
    assert stored_keys("") == id_spellings(" ") == ()


@given(st.text(st.characters(min_codepoint=1, max_codepoint=0xFF), max_size=70))
def test_any_id_finds_itself_first(message_id: str) -> None:
    assume(message_id.strip())
    assert id_spellings(message_id)[0] in stored_keys(message_id)


@given(
    st.text("0123456789", min_size=1, max_size=5000) | st.text(max_size=70),
    st.sampled_from(IdReading),
)
def test_spelling_never_raises(message_id: str, reading: IdReading) -> None:
    assert all(id_spellings(message_id, reading))
