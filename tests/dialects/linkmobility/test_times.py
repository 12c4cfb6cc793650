"""Times in the account's zone, across its changes of the clock."""

import pytest

from dragoman.dialects.linkmobility.reading import (
    parse_time,
    render_batch_time,
    render_log_date,
    render_log_time,
)

COPENHAGEN = "Europe/Copenhagen"


@pytest.mark.parametrize(
    ("text", "zone", "at_ms"),
    [
        ("17-12-2014 08:42", COPENHAGEN, 1_418_802_120_000),
        ("17-12-2014 08:42:24", COPENHAGEN, 1_418_802_144_000),
        (" 1-7-2015  9:05 ", COPENHAGEN, 1_435_734_300_000),
        ("17-12-2014 07:42", "UTC", 1_418_802_120_000),
        ("25-10-2026 02:30", COPENHAGEN, 1_792_888_200_000),  # comes twice; the first is meant
        ("29-03-2026 02:30", COPENHAGEN, 1_774_747_800_000),  # does not exist; 03:30 is meant
    ],
)
def test_time_is_read_in_its_zone(text: str, zone: str, at_ms: int) -> None:
    assert parse_time(text, zone) == at_ms


@pytest.mark.parametrize(
    "text",
    ["", "now", "17-12-2014", "17/12/2014 08:42", "2014-12-17 08:42", "17-12-14 08:42",
     "17-12-2014T08:42", "30-02-2015 08:42", "17-12-2014 24:00", "17-12-2014 08:60",
     "00-12-2014 08:42", "17-12-0000 08:42", "１7-12-2014 08:42", "17-12-2014 08:42:24.5"],
)  # fmt: skip
def test_other_text_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(not of the form|no such date)"):
        parse_time(text, COPENHAGEN)


@pytest.mark.parametrize(
    ("at_ms", "batch", "log", "date"),
    [
        (1_418_802_144_999, "17-12-2014 08:42:24", "2014-12-17 08:42:24", "2014_12_17"),
        (1_435_701_600_000, "01-07-2015 00:00:00", "2015-07-01 00:00:00", "2015_07_01"),
    ],
)
def test_time_is_written_in_its_zone(at_ms: int, batch: str, log: str, date: str) -> None:
    assert render_batch_time(at_ms, COPENHAGEN) == batch
    assert render_log_time(at_ms, COPENHAGEN) == log
    assert render_log_date(at_ms, COPENHAGEN) == date
