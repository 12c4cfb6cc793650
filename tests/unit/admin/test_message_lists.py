"""Lists of messages and of what is scheduled, as the command line asks for them."""

from __future__ import annotations

import pytest

from dragoman.container import Services
from dragoman.core.messages.model.messages import Submission

from .conftest import Caller

HOUR_MS = 3_600_000


@pytest.fixture
async def batches(call: Caller, services: Services) -> list[int]:
    """Three messages of `shop`, and two batches that are due in one and two hours."""
    await call("POST", "accounts", username="shop", credits=100)
    await call("POST", "accounts", username="bank", credits=100)
    shop = await services.accounts.find("shop")
    now_ms = services.clock.now_ms()
    accepted = []
    for number, due_ms in (
        ("+4530123451", None),
        ("+4530123452", None),
        ("+46701234567", None),
        ("+4530123454", now_ms + 2 * HOUR_MS),
        ("+4530123455", now_ms + HOUR_MS),
    ):
        new = Submission(
            dialect="httpsms", recipients=(number,), text="hello", sender="Shop", due_ms=due_ms
        )
        accepted.append((await services.submission.submit(shop, new)).batch_id)
    return accepted


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ({}, ["46701234567", "4530123452", "4530123451"]),
        ({"recipient": "+45 30 12 34 51"}, ["4530123451"]),
        ({"country": "Sweden"}, ["46701234567"]),
        ({"country": "240", "sender": "shop"}, ["46701234567"]),
        ({"states": "waiting"}, ["46701234567", "4530123452", "4530123451"]),
        ({"states": "delivered,failed"}, []),
        ({"account": "bank"}, []),
        ({"text": "HELLO"}, ["46701234567", "4530123452", "4530123451"]),
        ({"to_ms": 1}, []),
    ],
)
async def test_messages_are_listed_newest_first(
    call: Caller, batches: list[int], query: dict[str, str], numbers: list[str]
) -> None:
    listed = await call("GET", "messages", **query)
    assert [one["recipient"] for one in listed["messages"]] == numbers
    assert listed["next"] == ""


async def test_list_goes_on_behind_its_last_message(call: Caller, batches: list[int]) -> None:
    found: list[str] = []
    after = ""
    while True:
        page = await call("GET", "messages", limit=2, **({"after": after} if after else {}))
        found += [one["recipient"] for one in page["messages"]]
        if not (after := page["next"]):
            break
    assert found == ["46701234567", "4530123452", "4530123451"]


async def test_scheduled_is_listed_moved_and_cancelled(call: Caller, batches: list[int]) -> None:
    async def listed() -> list[int]:
        page = await call("GET", "messages", states="scheduled")
        return [one["batch_id"] for one in page["scheduled"]]

    later, sooner = batches[3:]
    assert await listed() == [sooner, later]
    page = await call("GET", "messages", states="scheduled", limit=1)
    rest = await call("GET", "messages", states="scheduled", limit=1, after=page["next"])
    assert [one["batch_id"] for one in rest["scheduled"]] == [later]
    due_ms = page["scheduled"][0]["due_ms"] + 5 * HOUR_MS
    moved = await call("POST", "messages", str(sooner), "reschedule", due_ms=due_ms)
    assert moved == {"batch_id": sooner, "account": "shop", "due_ms": due_ms}
    assert await listed() == [later, sooner]
    assert (await call("POST", "messages", str(later), "cancel"))["message_id"] == later
    assert await listed() == [sooner]
    assert await call.refused("POST", "messages", str(later), "reschedule", due_ms=due_ms) == (
        "not_found"
    )
    assert await call.refused("POST", "messages", str(sooner), "reschedule", due_ms=1) == (
        "invalid_schedule"
    )


@pytest.mark.parametrize(
    "query",
    [
        {"states": "gone"},
        {"states": "scheduled,sent"},
        {"recipient": "Anna"},
        {"cause": "bad luck"},
        {"country": "Atlantis"},
        {"limit": 0},
        {"limit": 1001},
        {"after": "x"},
        {"states": "scheduled", "after": "1"},
    ],
)
async def test_list_refuses_what_it_cannot_read(
    call: Caller, batches: list[int], query: dict[str, str]
) -> None:
    assert await call.refused("GET", "messages", **query) == "invalid_field"
