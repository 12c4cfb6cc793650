"""What the commands about devices read and print."""

from __future__ import annotations

import pytest

from dragoman.cli.device import _read_hours, steps
from dragoman.cli.outcome import Stop


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("always", {"work_from": 0, "work_to": 1440}),
        ("08:00-20:30", {"work_from": 480, "work_to": 1230}),
        ("22:00-06:00", {"work_from": 1320, "work_to": 360}),
    ],
)
def test_working_hours_are_read(text: str, expected: dict[str, int]) -> None:
    assert _read_hours(text) == expected


@pytest.mark.parametrize("text", ["8", "8-9", "08:00", "25:00-26:00", "08:60-09:00", "a:b-c:d"])
def test_working_hours_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(Stop):
        _read_hours(text)


def test_steps_name_the_address_and_the_code() -> None:
    text = "\n".join(steps("https://sms.example.org/api/mobile/v1", "khb7ns"))
    assert "https://sms.example.org/api/mobile/v1 (no slash" in text
    assert "khb7ns" in text
