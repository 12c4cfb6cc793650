"""Stops, kills and overflow: nothing is lost, and only what may have left is marked."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.passing_time import PATIENCE_S

from dragoman.core.delivery import backlog as backlog_module
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.sql import changes, pending
from dragoman.core.submission import batches as batches_module
from dragoman.storage.writer import JointWork, Operation
from dragoman.testkit.simulator import Answer, Behaviour
from dragoman.work_queue.port import Lane

S = State
NUMBERS = [f"45111111{n:02d}" for n in range(50)]


def texts(simulator: Any) -> list[str]:
    return [submit.pdu.destination_addr for submit in simulator.submits if not submit.status]


async def test_queued_rows_come_back_unmarked_and_in_order(
    make_harness: Any, simulator: Any
) -> None:
    first = await make_harness(carriers={"smsc": 1}, start=False)
    account = await first.account(credits=50)
    await first.submit(account, *NUMBERS)
    await first.crash()
    second = await make_harness(carriers={"smsc": simulator.port}, window=1)
    await second.until_states(account, S.DELIVERED, count=50)
    assert texts(simulator) == NUMBERS
    assert not any(message.possible_duplicate for message in await second.outbox(account))
    assert await second.balance(account) == (0, 0, 50)


async def test_after_a_kill_what_was_handed_over_is_sent_again_and_marked(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    simulator.default = Behaviour(answer=Answer.LOST, state=None)
    first = await make_harness(carriers={"smsc": simulator.port}, window=4)
    account = await first.account(credits=50)
    await until(lambda: first.carriers["smsc"].up)
    await first.submit(account, *NUMBERS)
    await until(lambda: simulator.taken == 4)
    await first.crash()
    simulator.default = Behaviour()
    second = await make_harness(carriers={"smsc": simulator.port}, window=4)
    await second.until_states(account, S.DELIVERED, count=50)
    marked = [message.possible_duplicate for message in await second.outbox(account)]
    assert sum(marked) == 4
    assert simulator.taken == 54
    assert await second.balance(account) == (0, 0, 50)


async def test_after_a_kill_what_was_handed_over_is_held_where_the_carrier_says_so(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    simulator.default = Behaviour(answer=Answer.LOST, state=None)
    first = await make_harness(carriers={"smsc": simulator.port}, window=4, on_unknown="hold")
    account = await first.account(credits=50)
    await until(lambda: first.carriers["smsc"].up)
    await first.submit(account, *NUMBERS)
    await until(lambda: simulator.taken == 4)
    await first.crash()
    simulator.default = Behaviour()
    second = await make_harness(carriers={"smsc": simulator.port}, window=4, on_unknown="hold")
    await second.until_states(account, *[S.UNKNOWN] * 4, *[S.DELIVERED] * 46)
    assert simulator.taken == 50
    assert await second.balance(account) == (0, 0, 50)


async def test_an_orderly_stop_takes_back_what_never_left(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    simulator.answers.shut()
    first = await make_harness(carriers={"smsc": simulator.port}, window=3)
    account = await first.account()
    await until(lambda: first.carriers["smsc"].up)
    await first.submit(account, *NUMBERS)
    await until(lambda: simulator.taken == 3)
    stopping = asyncio.create_task(first.stop())
    await asyncio.sleep(0)
    simulator.answers.open()
    await stopping
    second = await make_harness(carriers={"smsc": simulator.port})
    await second.until_states(account, S.DELIVERED, count=50)
    assert simulator.taken == 50
    assert not any(message.possible_duplicate for message in await second.outbox(account))


async def test_a_stop_while_rows_are_being_marked_is_quick(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    """Bug: a stop in that moment left the carrier occupied, and waited for nothing."""
    harness = await make_harness(carriers={"smsc": simulator.port}, window=5)
    account = await harness.account()
    await until(lambda: harness.carriers["smsc"].up)
    marking = asyncio.Event()

    def never(_messages: Any, _done: Any) -> None:
        marking.set()

    harness.dispatcher._mark_sending = never
    await harness.submit(account, *NUMBERS)
    await harness.submit(account, *NUMBERS)
    await until(marking.is_set)
    assert harness.dispatcher.in_flight() != {"smsc": 0}
    await harness.dispatcher.stop()
    assert harness.dispatcher.in_flight() == {"smsc": 0} or simulator.taken
    async with asyncio.timeout(PATIENCE_S):
        await harness.dispatcher.settled()


async def test_a_cancelled_request_does_not_leave_its_message_behind(
    make_harness: Any, simulator: Any
) -> None:
    """Bug: a caller that went away during the commit left a stored message nobody sent."""
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account(credits=1)
    submit, written = harness.storage.writer.submit_joint, []
    harness.submission.writer = _Noting(submit, written)
    request = asyncio.create_task(harness.submit(account))
    await asyncio.sleep(0)
    assert len(written) == 1
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    await harness.until_states(account, S.DELIVERED)
    assert simulator.taken == 1


async def test_a_request_cancelled_just_after_the_commit_leaves_no_message_behind(
    make_harness: Any, simulator: Any
) -> None:
    """Bug: cancelled between the commit and its own next step, it published nothing."""
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account(credits=1)
    submit = harness.storage.writer.submit_joint

    class CancelsOnCommit:
        def submit_joint(self, work: Any, item: Any, caller: Any) -> None:
            def tell(*told: Any) -> None:
                work.tell(*told)
                request.cancel()

            submit(JointWork(work.operation, tell), item, caller)

    harness.submission.writer = CancelsOnCommit()
    request = asyncio.create_task(harness.submit(account))
    with pytest.raises(asyncio.CancelledError):
        await request
    await harness.until_states(account, S.DELIVERED)
    assert simulator.taken == 1


class _Noting:
    def __init__(self, submit: Any, written: list[Any]) -> None:
        self._submit = submit
        self._written = written

    def submit_joint(self, work: Any, item: Any, caller: Any) -> Any:
        self._written.append(item)
        return self._submit(work, item, caller)


async def test_more_than_the_queue_holds_waits_in_rows_in_order(
    make_harness: Any, simulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog_module, "MAX_QUEUED", 20)
    monkeypatch.setattr(backlog_module, "PAGE", 7)
    harness = await make_harness(carriers={"smsc": simulator.port}, window=1, start=False)
    account = await harness.account(credits=200)
    sent = []
    for n in range(100):
        number = f"4511111{n:03d}"
        sent.append(number)
        await harness.submit(account, number)
    assert harness.queue.depth("default") == 20
    assert len(harness.live) == 20
    harness.dispatcher.start(harness.carriers, harness.router.routes.values())
    harness._tasks = [
        asyncio.create_task(w) for w in (harness.backlog.run(), harness.receipts.run())
    ]
    await harness.carriers["smsc"].start()
    for n in range(100, 130):
        number = f"4511111{n:03d}"
        sent.append(number)
        await harness.submit(account, number)
        await asyncio.sleep(0)
    await harness.until_states(account, S.DELIVERED, count=130)
    assert texts(simulator) == sent
    assert await harness.balance(account) == (70, 0, 130)
    await harness.until_forgotten()


async def test_a_campaign_that_fills_the_queue_leaves_room_for_single_messages(
    make_harness: Any, simulator: Any, monkeypatch: pytest.MonkeyPatch, until: Any
) -> None:
    """Bug: bulk filled the whole queue, and a one-time code went to the rows behind it."""
    monkeypatch.setattr(backlog_module, "MAX_QUEUED", 20)
    monkeypatch.setattr(batches_module, "CHUNK", 10)
    harness = await make_harness(carriers={"smsc": 1}, inline_recipients=5)
    account = await harness.account()
    await harness.submit(account, *NUMBERS)
    await until(lambda: harness.queue.depth("default") == 10)
    await asyncio.sleep(0.1)
    assert harness.queue.depth("default") == 10
    code = await harness.submit(account, "4599999999")
    assert any(message.batch.batch_id == code.batch_id for message in harness.live)


async def test_after_a_restart_a_single_message_passes_a_campaign_in_rows(
    make_harness: Any, simulator: Any, monkeypatch: pytest.MonkeyPatch, until: Any
) -> None:
    """Bug: all of a route was read back by age, so a new code waited for an old campaign."""
    first = await make_harness(carriers={"smsc": 1}, start=False)
    account = await first.account()
    await first.submit(account, *(f"4522222{n:03d}" for n in range(100)))
    single = await first.submit(account, "4533333333")
    await first.storage.writer.write(_TO_BULK, first)
    await first.stop()
    monkeypatch.setattr(backlog_module, "MAX_QUEUED", 20)
    monkeypatch.setattr(backlog_module, "PAGE", 5)
    second = await make_harness(carriers={"smsc": 1})
    await until(lambda: any(m.batch.batch_id == single.batch_id for m in second.live))
    new = await second.submit(account, "4544444444")
    await until(lambda: any(m.batch.batch_id == new.batch_id for m in second.live))
    taken = second.queue.consume("default", lambda: 0).take(2)
    recipients = [second.live.get(work.message_id).recipient for work in taken]
    assert recipients == ["4533333333", "4544444444"]


def _make_bulk(connection: Any, items: list[Any]) -> list[None]:
    connection.exec_driver_sql(f"UPDATE batches SET lane = {Lane.BULK.value} WHERE recipients > 1")
    return [None]


_TO_BULK = Operation(_make_bulk, "make_bulk")


async def test_a_message_that_ends_while_its_row_is_read_does_not_come_back(
    make_harness: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: a row read just before its message ended brought it back as it was, to be sent again."""
    harness = await make_harness(carriers={"smsc": 1}, start=False)
    account = await harness.account()
    accepted = await harness.submit(account)
    read, go_on, was_read = harness.storage.read, asyncio.Event(), asyncio.Event()

    async def slow_read(query: Any) -> Any:
        result = await read(query)
        was_read.set()
        await go_on.wait()
        return result

    monkeypatch.setattr(harness.storage, "read", slow_read)
    recalling = asyncio.create_task(
        harness.loader.read(
            lambda c: pending.load_unsent(
                c, "default", Lane.SINGLE.value, account.account_id, 0, 10
            )
        )
    )
    await was_read.wait()
    monkeypatch.setattr(harness.storage, "read", read)
    await harness.batches.cancel(account, accepted.batch_id)
    go_on.set()
    loaded = await recalling
    assert [message.state for message in loaded.stored] == [S.QUEUED]
    assert (loaded.fresh, loaded.live) == ([], [])
    assert len(harness.live) == 0


async def test_urgent_and_single_messages_pass_a_bulk_batch(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port}, window=1, inline_recipients=5)
    one, other = await harness.account("one"), await harness.account("other")
    simulator.answers.shut()
    await harness.submit(one, *NUMBERS)
    await until(lambda: simulator.taken == 1 and harness.queue.depth("default") >= 20)
    single = await harness.submit(other, "4522222222")
    urgent = await harness.submit(one, "4533333333", urgent=True)
    assert single.batch_id < urgent.batch_id
    simulator.answers.open()
    await until(lambda: simulator.taken >= 9)
    order = texts(simulator)
    assert "4522222222" in order[1:7]
    assert "4533333333" in order[1:7]
    await harness.until_states(one, S.DELIVERED, count=51)


class _WithheldMarks:
    """Marks of rows as sending that reach the writer once they are let go."""

    def __init__(self, harness: Any) -> None:
        self._submit = harness.storage.writer.submit
        self.waiting: list[tuple[Any, ...]] = []
        self.withholds = True
        harness.storage.writer.submit = self

    def __call__(self, operation: Any, *arguments: Any, **more: Any) -> None:
        if operation is changes.mark_sending and self.withholds:
            self.waiting.append((operation, *arguments))
        else:
            self._submit(operation, *arguments, **more)

    def let_go(self) -> None:
        self.withholds = False
        for waiting in self.waiting:
            self._submit(*waiting)


async def test_nothing_urgent_waits_for_the_marks_of_a_batch(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    """Bug: a route handed over up to 200 messages of a batch before it looked what else came."""
    harness = await make_harness(carriers={"smsc": simulator.port}, window=20, inline_recipients=5)
    account = await harness.account()
    await until(lambda: harness.carriers["smsc"].up)
    marks = _WithheldMarks(harness)
    await harness.submit(account, *NUMBERS[:10])
    await until(lambda: marks.waiting)
    await harness.submit(account, "4533333333", urgent=True)
    await until(lambda: texts(simulator) == ["4533333333"])
    marks.let_go()
    await harness.until_states(account, S.DELIVERED, count=11)
    assert harness.dispatcher.in_flight() == {"smsc": 0}


async def test_what_is_claimed_does_not_pass_its_lane(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port}, start=False)
    account = await harness.account()
    marks = _WithheldMarks(harness)
    await harness.submit(account, "4511111111")
    await harness.start()
    await until(lambda: marks.waiting)
    await harness.submit(account, "4522222222")
    await until(lambda: harness.queue.depth("default") == 1)
    marks.let_go()
    await harness.until_states(account, S.DELIVERED, count=2)
    assert texts(simulator) == ["4511111111", "4522222222"]


async def test_a_row_that_cannot_be_marked_is_tried_again(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    harness = await make_harness(carriers={"smsc": 1}, start=False)
    account = await harness.account()
    await harness.submit(account, *NUMBERS)
    await harness.stop()
    harness = await make_harness(carriers={"smsc": simulator.port}, window=5)
    harness.storage.writer.failed = True
    await asyncio.sleep(0.2)
    assert simulator.taken == 0
    harness.storage.writer.failed = False
    await harness.until_states(account, S.DELIVERED, count=50)
    assert simulator.taken == 50
    assert harness.dispatcher.in_flight() == {"smsc": 0}


@pytest.mark.parametrize("kills", [4])
async def test_kills_at_any_moment_lose_nothing_and_double_no_more_than_windows(
    make_harness: Any, make_simulator: Any, database_url: str, kills: int
) -> None:
    simulator = await make_simulator()
    simulator.default = Behaviour(answer_delay_s=0.01, receipt_delay_s=0.02)
    window = 5
    account = None
    total = 0
    for _ in range(kills):
        harness = await make_harness(database_url, carriers={"smsc": simulator.port}, window=window)
        account = account or await harness.account(credits=1000)
        for _ in range(20):
            await harness.submit(account, f"4511111{total:03d}")
            total += 1
        await asyncio.sleep(0.03)
        await harness.crash()
    harness = await make_harness(database_url, carriers={"smsc": simulator.port}, window=window)
    await harness.until_states(account, S.DELIVERED, count=total)
    sent = texts(simulator)
    assert set(sent) == {f"4511111{n:03d}" for n in range(total)}
    doubled = {number for number in sent if sent.count(number) > 1}
    assert len(sent) - total <= kills * window
    marked = {m.recipient for m in await harness.outbox(account) if m.possible_duplicate}
    assert doubled <= marked
    assert await harness.balance(account) == (1000 - total, 0, total)
