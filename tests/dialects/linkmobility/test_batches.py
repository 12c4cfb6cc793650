"""What became of batches: the status object, its pages, and the newest."""

import asyncio
from typing import Any

import pytest
from tests.passing_time import PATIENCE_S

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode


async def run_batches(link: Any, batch_id: str) -> None:
    """Lets the house expand what is due, until the batch has begun."""
    runner = asyncio.create_task(link.services.batches.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                answer = await link.get(f"message/{batch_id}/0.json")
                if answer.json["details"]["state"] != "QUEUED":
                    return
                await asyncio.sleep(0.02)
    finally:
        runner.cancel()


async def test_batch_counts_its_messages_as_they_go(link: Any) -> None:
    batch_id = await link.sent(recipients="+4512345678,+4587654321")
    first, second = link.live()

    async def stat() -> tuple[str, int, int, int]:
        answer = (await link.get(f"message/{batch_id}/0.json")).json
        counts = answer["stat"]
        return (
            answer["details"]["state"],
            counts["buffered"],
            counts["received"],
            counts["rejected"],
        )

    assert await stat() == ("RUNNING", 0, 0, 0)
    await link.accept(first)
    assert await stat() == ("RUNNING", 1, 0, 0)
    await link.accept(second)
    assert await stat() == ("DONE", 2, 0, 0)
    await link.report(first, State.DELIVERED)
    await link.report(second, State.UNDELIVERED, FailureCode.UNKNOWN_SUBSCRIBER)
    assert await stat() == ("DONE", 0, 1, 1)


async def test_batch_of_one_counts_too(link: Any) -> None:
    batch_id = await link.sent()
    [message] = link.live()
    await link.accept(message)
    await link.report(message, State.DELIVERED)
    answer = await link.get(f"message/{batch_id}/0.json")
    assert (answer.status, answer.masked) == (
        200,
        b'{"stat":{"sendtime":"21-09-2026 16:13:20","buffered":0,"received":1,"rejected":0},'
        b'"details":{"sendtime":"21-09-2026 16:13:20","batchid":"<id>","state":"DONE"},'
        b'"status":200}',
    )


async def test_page_of_a_batch_lists_its_messages(link: Any) -> None:
    batch_id = await link.sent(recipients="+4512345678,+4587654321")
    first, second = link.live()
    await link.accept(first)
    await link.accept(second)
    await link.report(first, State.UNDELIVERED, FailureCode.UNKNOWN_SUBSCRIBER)
    await link.report(second, State.DELIVERED)
    answer = await link.get(f"message/{batch_id}/1.json")
    assert (answer.status, answer.masked) == (
        200,
        b'{"message":['
        b'{"msgid":"<msgid>","status":"rejected","recipient":"4512345678",'
        b'"statusreason":"Unknown subscriber"},'
        b'{"msgid":"<msgid>","status":"received","recipient":"4587654321","statusreason":""}],'
        b'"stat":{"sendtime":"21-09-2026 16:13:20","buffered":0,"received":1,"rejected":1},'
        b'"details":{"sendtime":"21-09-2026 16:13:20","batchid":"<id>","state":"DONE"},'
        b'"paging":{"current":1,"pages":1},"status":200}',
    )


async def test_page_of_a_batch_in_xml_repeats_the_message_element(link: Any) -> None:
    batch_id = await link.sent(recipients="+4512345678,+4587654321")
    answer = await link.get(f"message/{batch_id}/1.xml")
    message = (
        "  <message>\n    <msgid><msgid></msgid>\n    <status>{}</status>\n"
        "    <recipient>{}</recipient>\n    <statusreason/>\n  </message>\n"
    )
    assert answer.masked.decode() == (
        '<?xml version="1.0"?>\n<response>\n'
        + message.format("queued", "4512345678")
        + message.format("queued", "4587654321")
        + "  <stat>\n    <sendtime>21-09-2026 16:13:20</sendtime>\n    <buffered>0</buffered>\n"
        "    <received>0</received>\n    <rejected>0</rejected>\n  </stat>\n"
        "  <details>\n    <sendtime>21-09-2026 16:13:20</sendtime>\n    <batchid><id></batchid>\n"
        "    <state>RUNNING</state>\n  </details>\n"
        "  <paging>\n    <current>1</current>\n    <pages>1</pages>\n  </paging>\n"
        "  <status>200</status>\n</response>\n"
    )


async def test_large_batch_is_paged(link: Any) -> None:
    numbers = [f"+45{12_000_000 + n}" for n in range(250)]
    batch_id = await link.sent(recipients=",".join(numbers))
    await run_batches(link, batch_id)
    pages = [(await link.get(f"message/{batch_id}/{page}.json")).json for page in (1, 2, 3, 4)]
    assert [len(page["message"]) for page in pages] == [100, 100, 50, 0]
    assert [page["paging"] for page in pages] == [{"current": n, "pages": 3} for n in (1, 2, 3, 4)]
    listed = [f"+{one['recipient']}" for page in pages for one in page["message"]]
    assert listed == numbers


async def test_scheduled_batch_waits_and_then_runs(link: Any) -> None:
    batch_id = await link.sent(sendtime="21-09-2026 17:00")
    answer = await link.get(f"message/{batch_id}/1.json")
    assert answer.json == {
        "message": [],
        "stat": {"sendtime": "21-09-2026 17:00:00", "buffered": 0, "received": 0, "rejected": 0},
        "details": {"sendtime": "21-09-2026 17:00:00", "batchid": batch_id, "state": "QUEUED"},
        "paging": {"current": 1, "pages": 1},
        "status": 200,
    }
    link.clock.advance(3600)
    await run_batches(link, batch_id)
    assert [message.recipient for message in link.live()] == ["4512721272"]


async def test_cancelled_batch_is_done(link: Any) -> None:
    batch_id = await link.sent(sendtime="21-09-2026 17:00")
    account = await link.services.accounts.find("hn")
    await link.services.batches.cancel(account, int(batch_id))
    answer = (await link.get(f"message/{batch_id}/0.json")).json
    assert (answer["details"]["state"], answer["stat"]["rejected"]) == ("DONE", 1)


async def test_newest_batches_come_first_and_waiting_ones_are_among_them(link: Any) -> None:
    await link.sent(message="Hello world")
    await link.sent(message="Later", sendtime="21-09-2026 17:00")
    answer = await link.get("messages/1.json")
    assert (answer.status, answer.masked) == (
        200,
        b'{"messages":['
        b'{"batchid":"<id>","time":"21-09-2026 17:00:00","state":"QUEUED","sender":"TEST",'
        b'"msg":"Later","protocol":"REST"},'
        b'{"batchid":"<id>","time":"21-09-2026 16:13:20","state":"RUNNING","sender":"TEST",'
        b'"msg":"Hello world","protocol":"REST"}],"status":200}',
    )


async def test_newest_batches_are_paged_by_ten(link: Any) -> None:
    for number in range(12):
        await link.sent(message=str(number))
    first = (await link.get("messages/1.json")).json["messages"]
    second = (await link.get("messages/2.json")).json["messages"]
    assert [batch["msg"] for batch in first + second] == [str(n) for n in range(11, -1, -1)]
    assert len(first) == 10


async def test_no_batches_are_an_empty_list(link: Any) -> None:
    assert (await link.get("messages/1.json")).body == b'{"messages":[],"status":200}'
    assert (await link.get("messages/1.xml")).body == (
        b'<?xml version="1.0"?>\n<response>\n  <messages/>\n  <status>200</status>\n</response>\n'
    )


@pytest.mark.stores_nothing
@pytest.mark.parametrize("batch_id", ["1", "9" * 15, "9" * 30, "0"])
async def test_unknown_batch_is_not_found(link: Any, refused: Any, batch_id: str) -> None:
    answer = await refused(link.get(f"message/{batch_id}/0.json"))
    assert answer.status == 404
    assert answer.json == {"status": 404, "message": f"Batch id [{batch_id}] not found"}


async def test_batch_of_another_account_is_not_found(link: Any) -> None:
    batch_id = await link.sent()
    answer = await link.ask("GET", f"message/{batch_id}/1.json?apikey={'b' * 64}")
    assert (answer.status, answer.json["message"]) == (404, f"Batch id [{batch_id}] not found")
    listed = await link.ask("GET", f"messages/1.json?apikey={'b' * 64}")
    assert listed.json["messages"] == []


@pytest.mark.parametrize("page", ["0", "9" * 40])
async def test_page_without_end_is_no_defect(link: Any, page: str) -> None:
    await link.sent()
    answer = await link.get(f"messages/{page}.json")
    assert (answer.status, len(answer.json["messages"])) == (200, 1 if page == "0" else 0)
