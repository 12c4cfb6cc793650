"""What a customer's server answers to a text is acted on before the call counts as made."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from aiohttp import web
from tests.unit.callbacks.telling import INSERT

from dragoman.core.callbacks.sql.callbacks import CallbackState
from dragoman.core.inbound.answers import TooManyAnswers
from dragoman.core.messages.model.callbacks import CallbackAnswer, CallbackCall, TextFacts
from dragoman.core.messages.model.records import NewCallback

DIALECT = "test:text"


class Reader:
    """Notes the answers; `result` is what it makes of each: whether it passed it on, or a fault."""

    def __init__(self) -> None:
        self.answers: list[CallbackAnswer] = []
        self.results: list[bool | Exception] = []
        self.states: list[int] = []
        self.teller: Any = None

    async def read(self, answer: CallbackAnswer) -> bool:
        self.answers.append(answer)
        self.states += [row["state"] for row in await self.teller.rows()]
        result = self.results.pop(0) if self.results else False
        if isinstance(result, Exception):
            raise result
        return result


@pytest.fixture
async def teller(make_teller: Any) -> Any:
    teller = await make_teller()

    async def render(url: str, facts: TextFacts) -> CallbackCall:
        return CallbackCall(method="GET", url=f"{url}/{facts.inbound_id}/1")

    reader = Reader()
    reader.teller, teller.reader = teller, reader
    teller.calls.renderers.texts[DIALECT] = render
    teller.calls.answer_takers[DIALECT] = reader.read
    return teller


async def tell(teller: Any, origin: str) -> None:
    facts = TextFacts(inbound_id=7, sender="45", recipient="1272", text="Hi", account_id=1)
    identifier = teller.ids.next()
    new = NewCallback(
        callback_id=identifier,
        account_id=1,
        message_id=identifier,
        dialect=DIALECT,
        origin=origin,
        url=origin,
        payload=msgspec.json.encode(facts).decode(),
        due_ms=teller.clock.now_ms(),
    )
    await teller.storage.writer.write(INSERT, new)
    teller.worker.announce(new)


def answering(status: int, text: str, kind: str) -> Any:
    return lambda *_: web.Response(status=status, text=text, content_type=kind)


async def test_an_answer_is_read_whole_before_the_call_counts(
    teller: Any, make_customer: Any
) -> None:
    customer = await make_customer()
    customer.answer = answering(200, "<Response/>", "text/xml")
    await tell(teller, customer.origin)
    await teller.until_ended()
    [answer] = teller.reader.answers
    assert (answer.status, answer.body, answer.url) == (200, b"<Response/>", customer.origin)
    assert answer.headers["content-type"].startswith("text/xml")
    assert answer.facts.inbound_id == 7
    assert teller.reader.states == [CallbackState.PENDING]
    [row] = await teller.rows()
    assert (row["state"], row["answer_status"]) == (CallbackState.DELIVERED, 200)


async def test_one_that_cannot_be_acted_on_is_asked_for_again(
    teller: Any, make_customer: Any
) -> None:
    customer = await make_customer()
    teller.reader.results = [RuntimeError("the database is away"), OSError()]
    await tell(teller, customer.origin)
    await teller.until_ended()
    assert len(teller.reader.answers) == 3
    [row] = await teller.rows()
    assert (row["state"], row["attempts"]) == (CallbackState.DELIVERED, 3)


async def test_one_answer_too_many_ends_the_call_and_is_told(
    teller: Any, make_customer: Any
) -> None:
    customer = await make_customer()
    customer.answer = answering(200, "<Response/>", "text/xml")
    teller.reader.results = [TooManyAnswers()]
    await tell(teller, customer.origin)
    await teller.until_ended()
    [row] = await teller.rows()
    assert (row["state"], row["attempts"]) == (CallbackState.DELIVERED, 1)
    assert row["answer"].startswith("not answered: ")
    assert row["answer"].endswith("<Response/>")


async def test_a_failure_that_was_passed_on_is_not_repeated(
    teller: Any, make_customer: Any
) -> None:
    customer = await make_customer()
    customer.answer = answering(500, "oops", "text/plain")
    teller.reader.results = [True]
    await tell(teller, customer.origin)
    await teller.until_ended()
    [row] = await teller.rows()
    assert (row["state"], row["attempts"]) == (CallbackState.GIVEN_UP, 1)


async def test_a_failure_that_was_not_is_repeated(teller: Any, make_customer: Any) -> None:
    customer = await make_customer()
    statuses = iter([500, 404])
    customer.answer = lambda *_: next(statuses, 200)
    await tell(teller, customer.origin)
    await teller.until_ended()
    assert [answer.status for answer in teller.reader.answers] == [500, 404, 200]


async def test_nobody_at_home_is_an_answer_too(teller: Any, make_customer: Any) -> None:
    customer = await make_customer()
    await customer.stop()
    teller.reader.results = [True]
    await tell(teller, customer.origin)
    await teller.until_ended()
    [answer] = teller.reader.answers
    assert (answer.status, answer.body) == (None, b"")


async def test_a_stop_waits_until_an_answer_was_acted_on(
    teller: Any, make_customer: Any, until: Any
) -> None:
    customer, go_on = await make_customer(), asyncio.Event()

    async def read(answer: CallbackAnswer) -> bool:
        teller.reader.answers.append(answer)
        await go_on.wait()
        return False

    teller.calls.answer_takers[DIALECT] = read
    await tell(teller, customer.origin)
    await until(lambda: teller.reader.answers)
    stopping = asyncio.create_task(teller.worker.stop())
    await asyncio.sleep(0)
    assert not stopping.done()
    go_on.set()
    await stopping
    await teller.until_ended()
