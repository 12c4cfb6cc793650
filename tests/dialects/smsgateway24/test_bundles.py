"""Submissions that are accepted together: over callers that go away, and places at links."""

from __future__ import annotations

import asyncio

import pytest

from dragoman.core.messages.model.messages import Submission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.submission.bundles import RefusedInBundle

from .conftest import Gate

ROUTE = "north"


def submission(number: str, text: str = "Hello") -> Submission:
    return Submission(dialect="test", recipients=(number,), text=text, sender="Dragoman")


THREE = [submission(f"+451234567{n}") for n in range(3)]


async def test_a_bundle_is_accepted_in_its_order(gate: Gate) -> None:
    short_ids = await gate.services.bundles.submit(gate.account, THREE)
    ids = [await gate.services.short_ids.identifier_of(one) for one in short_ids]
    recipients = {one.batch.batch_id: one.recipient for one in gate.services.live}
    assert [recipients[one] for one in ids] == ["4512345670", "4512345671", "4512345672"]


@pytest.mark.parametrize("steps", range(6))
async def test_a_caller_that_goes_away_leaves_all_or_nothing(gate: Gate, steps: int) -> None:
    task = asyncio.ensure_future(gate.services.bundles.submit(gate.account, THREE))
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gate.services.bundles.submit(gate.account, [submission("+4522222222")])  # behind it
    await asyncio.sleep(0.05)
    batches, messages, _ = await gate.rows()
    assert batches == messages
    assert batches in (1, 4)
    assert len(gate.services.live) == messages, "what is stored is on its way"


async def test_the_first_reason_is_told_with_its_place(gate: Gate) -> None:
    with pytest.raises(RefusedInBundle) as caught:
        await gate.services.bundles.submit(gate.account, [*THREE, submission("+4512345678", "")])
    assert (caught.value.index, caught.value.code) == (3, RefusalCode.EMPTY_TEXT)
    with pytest.raises(RefusedInBundle) as caught:
        await gate.services.bundles.submit(gate.account, [submission("hello")])
    assert caught.value.index == 0


@pytest.mark.parametrize("refused", [True, False])
async def test_places_at_links_are_given_back(gate: Gate, refused: bool) -> None:
    queue = gate.services.queue
    consumer = queue.consume(ROUTE, lambda: 10)
    last = submission("+4512345678", "" if refused else "Hello")
    try:
        await gate.services.bundles.submit(gate.account, [*THREE, last])
    except Refused:
        assert refused
    assert consumer.claimed == 0
