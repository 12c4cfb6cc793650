"""When a text is to be sent, in every form that the manual lists and that programs write."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from dragoman.core.messages.sql.tables import batches
from dragoman.dialects.smsend.times import parse_time
from dragoman.kit.clock import ms_of

ROME = ZoneInfo("Europe/Rome")
NARROW = "\u202f"


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("211126", (2026, 11, 21)),
        ("20261121", (2026, 11, 21)),
        ("2111262022", (2026, 11, 21, 20, 22)),
        ("20261121202210", (2026, 11, 21, 20, 22, 10)),
        ("2026-11-21 20:22", (2026, 11, 21, 20, 22)),
        ("2026-11-21 20:22.0", (2026, 11, 21, 20, 22)),
        ("2026-11-21 20:22:10", (2026, 11, 21, 20, 22, 10)),
        ("2026-11-21 20:22:10.0", (2026, 11, 21, 20, 22, 10)),
        ("2026-11-21", (2026, 11, 21)),
        ("2026-11-21T20:22:10", (2026, 11, 21, 20, 22, 10)),
        ("2026-11-21T20:22:10.123456", (2026, 11, 21, 20, 22, 10)),
        ("2026-11-21T20:22:10.1234567", (2026, 11, 21, 20, 22, 10)),
        (f"Nov 21, 2026, 8:22:10{NARROW}PM", (2026, 11, 21, 20, 22, 10)),
        ("Nov 21, 2026, 8:22:10 PM", (2026, 11, 21, 20, 22, 10)),
        ("Nov 21, 2026 8:22:10 PM", (2026, 11, 21, 20, 22, 10)),
        ("Nov 1, 2026, 12:00:00 AM", (2026, 11, 1)),
        ("Nov 1, 2026, 12:00:00 PM", (2026, 11, 1, 12)),
        ("20280229", (2028, 2, 29)),
        ("20261025023000", (2026, 10, 25, 2, 30)),
    ],
)
def test_time_is_read_in_the_zone(text: str, local: tuple[int, ...]) -> None:
    assert parse_time(text, ROME) == ms_of(datetime(*local, tzinfo=ROME))  # type: ignore[misc]


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T19:22:10Z",
        "2026-11-21T19:22:10.000Z",
        "2026-11-21T20:22:10+01:00",
        "2026-11-21 20:22:10 +0100",
        "2026-11-21 19:22:10 UTC",
        "2026-11-21T14:22:10.5-05",
    ],
)
def test_distance_to_utc_counts_more_than_the_zone(text: str) -> None:
    expected = ms_of(datetime(2026, 11, 21, 19, 22, 10, tzinfo=UTC))
    assert parse_time(text, ZoneInfo("Asia/Tokyo")) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026",
        "202611212022",
        "20261321",
        "20260229",
        "310226",
        "20261121240000",
        "20261121206010",
        "2026-11-21 25:00",
        "2026-11-21T20",
        "2026-11-21 20:22:10+25:00",
        "Nov 21, 2026, 0:22:10 PM",
        "Nov 21, 2026, 13:22:10 PM",
        "Foo 21, 2026, 8:22:10 PM",
        "Nov 31, 2026, 8:22:10 PM",
        "00010101",
        "00000101",
        "19691231",
        "\u0662\u0660\u0662\u0666\u0661\u0661\u0662\u0661",
        "20261121 ",
        "1e10",
        "9" * 400,
    ],
)
def test_what_is_no_time_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"none of the forms|no such"):
        parse_time(text, ROME)


async def due(orders: Any, **fields: Any) -> int:
    await orders.sent(**fields)
    query = select(batches.c.due_ms).order_by(batches.c.batch_id.desc()).limit(1)
    return int(await orders.services.storage.read(lambda c: c.execute(query).scalar_one()))


@pytest.mark.parametrize("written", ["", None, "  ", "20161223101010", "010101", 20161223])
async def test_no_time_and_a_past_one_are_now(smsend: Any, orders: Any, written: Any) -> None:
    assert await due(orders, scheduled_delivery_time=written) == smsend.clock.now_ms()


@pytest.mark.parametrize(
    ("zone", "hour"), [("Europe/Rome", 18), ("UTC", 19), ("", 18), ("America/New_York", 23)]
)
async def test_zone_may_be_named(orders: Any, zone: str, hour: int) -> None:
    due_ms = await due(
        orders,
        scheduled_delivery_time="2026-12-23 19:00:00",
        scheduled_delivery_timezone=zone,
    )
    expected = datetime(2026, 12, 23, hour, tzinfo=UTC)
    if zone == "America/New_York":
        expected = datetime(2026, 12, 24, 0, tzinfo=UTC)
    assert due_ms == ms_of(expected)
