"""What a number can mean that was written without its calling code."""

from __future__ import annotations

import pytest

from dragoman.core.model.written_numbers import read_written


@pytest.mark.parametrize(
    ("written", "region", "numbers"),
    [
        ("30123456", "DK", ("4530123456", "30123456")),
        ("030 123456", "DE", ("4930123456",)),
        ("0151 23456789", "DE", ("4915123456789",)),
        ("+45 30123456", "DE", ("4530123456",)),
        ("0900 123456", "AT", ("43900123456",)),
    ],
)
def test_a_number_of_the_country_is_made_international(
    written: str, region: str, numbers: tuple[str, ...]
) -> None:
    assert read_written(written, region) == numbers


@pytest.mark.parametrize(
    ("written", "region"),
    [
        ("72020", "DE"),
        ("12345", "DE"),
        ("72020", "AT"),
        ("60999", "GB"),
        ("110", "DE"),
        ("1245", "DK"),
        ("12345", "US"),
        ("8888", "FR"),
    ],
)
def test_a_short_code_is_not_made_international(written: str, region: str) -> None:
    assert read_written(written, region) == ()


def test_a_number_without_its_area_code_is_not_made_international() -> None:
    assert "12034445" not in read_written("203 4445", "US")
    assert "12034445" not in read_written("2034445", "US")
