"""The benchmarks of long and of mixed load: small runs, whose figures nobody looks at."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _benchmarks() -> Iterator[None]:
    sys.path.insert(0, str(ROOT))
    yield
    sys.path.remove(str(ROOT))


def test_an_hour_has_its_minutes_and_every_callback(tmp_path: Path) -> None:
    from benchmarks import hour

    *minutes, whole = hour.run(tmp_path / "t", 1.0, rate=30, minute_s=0.3, drain_s=5.0)
    assert isinstance(whole, hour.Figure)
    assert whole.minutes == tuple(minutes)
    assert len(minutes) >= 2
    for minute in whole.minutes:
        assert minute.gateway_mb
        assert minute.writer_mb
        assert minute.max_ms
    assert whole.flaws == ()


@pytest.mark.parametrize(
    ("numbers", "times", "flaws"),
    [
        ({"1": 10}, 1, []),
        ({"2": 10}, 2, []),
        ({"1": 9}, 1, ["1 messages lost"]),
        ({"1": 9, "2": 1}, 1, ["1 messages doubled"]),
        ({"1": 1, "2": 7, "3": 1}, 2, ["3 messages lost", "1 messages doubled"]),
    ],
)
def test_lost_and_doubled_are_counted_apart(
    numbers: dict[str, int], times: int, flaws: list[str]
) -> None:
    from benchmarks import hour

    assert list(hour.flaws_of("messages", numbers, 10, times)) == flaws


def test_what_is_urgent_arrives_beside_a_batch(tmp_path: Path) -> None:
    from benchmarks import urgent

    for turn in urgent.run(tmp_path / "u", recipients=600, limited=400):
        assert turn.flaws == ()
        assert [figure.name for figure in turn.figures] == [kind.name for kind in urgent.KINDS]
        assert all(figure.messages and figure.max_ms for figure in turn.figures)
