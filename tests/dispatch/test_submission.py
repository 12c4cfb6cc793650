"""The only door in: every refusal, parts, lanes, schedules, large batches, cancelling."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.passing_time import MovableClock

from dragoman.config.tables import PriceTable, RouteTable
from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.accounts.model.allowed_prefixes import AllowedPrefixes, parse_allowed_prefixes
from dragoman.core.billing.sql.tables import ledger_entries
from dragoman.core.messages.model.lifecycle import BatchState, State
from dragoman.core.messages.model.messages import CallbackRequest, Format
from dragoman.core.messages.sql.tables import batches, messages
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.submission import batches as batches_module
from dragoman.core.submission.admission import MAX_REFERENCE, MAX_SCHEDULE_S, MAX_VALIDITY_S
from dragoman.kit.clock import FixedClock
from dragoman.protocols.gsm.alphabet import Alphabet
from dragoman.protocols.gsm.national import Language
from dragoman.work_queue.port import Lane

S, C = State, RefusalCode
NUMBERS = [f"45111111{n:02d}" for n in range(50)]
ROUTES = (
    RouteTable(name="dk", carriers=("smsc",), prefixes=("45",)),
    RouteTable(name="se", carriers=("smsc",), prefixes=("46",)),
)
FAR_MS = 1_790_000_000_000 + MAX_SCHEDULE_S * 1000


@pytest.fixture
async def harness(make_harness: Any) -> Any:
    """Storage and services on a fixed clock; carriers are not started."""
    return await make_harness(
        carriers={"smsc": 1}, start=False, clock=FixedClock(), routes=ROUTES, inline_recipients=5
    )


def call(url: str, return_data: str = "") -> CallbackRequest:
    return CallbackRequest(url=url, return_data=return_data)


REFUSALS: list[tuple[RefusalCode, dict[str, Any], dict[str, Any]]] = [
    # code, what is submitted, what is odd about the account
    (C.PERMISSION_DENIED, {}, {"permissions": frozenset({Permission.RECEIVE})}),
    (C.INSUFFICIENT_CREDIT, {"recipients": tuple(NUMBERS[:4])}, {}),
    (C.INSUFFICIENT_CREDIT, {"text": "x" * 161, "recipients": tuple(NUMBERS[:2])}, {}),
    (C.INSUFFICIENT_CREDIT, {"recipients": tuple(NUMBERS)}, {}),
    (C.MISSING_FIELD, {"recipients": ()}, {}),
    (C.INVALID_RECIPIENT, {"recipients": ("12",)}, {}),
    (C.INVALID_RECIPIENT, {"recipients": ("4511111111", "45x1111111")}, {}),
    (C.INVALID_RECIPIENT, {"recipients": ("",)}, {}),
    (C.INVALID_RECIPIENT, {"recipients": ("45" + "1" * 14,)}, {}),
    (C.TOO_MANY_RECIPIENTS, {"recipients": tuple(NUMBERS[:3])}, {"max_recipients": 2}),
    (C.INVALID_SENDER, {"sender": "TwelveLetter"}, {}),
    (C.INVALID_SENDER, {"sender": ""}, {}),
    (C.INVALID_SENDER, {"sender": "日本"}, {}),
    (C.SENDER_NOT_ALLOWED, {"sender": "Bank"}, {"permissions": frozenset({Permission.SEND})}),
    (
        C.RECIPIENT_NOT_ALLOWED,
        {"recipients": ("4511111111", "4611111111")},
        {"prefixes": parse_allowed_prefixes("45")},
    ),
    (C.RECIPIENT_NOT_ALLOWED, {}, {"prefixes": AllowedPrefixes("45", ())}),
    (C.EMPTY_TEXT, {"text": ""}, {}),
    (C.TEXT_TOO_LONG, {"text": "x" * 1531}, {}),
    (C.TEXT_TOO_LONG, {"text": "x" * 161}, {"max_parts": 1}),
    (C.TEXT_NOT_ENCODABLE, {"text": "日", "format": Format.GSM}, {}),
    (C.INVALID_FIELD, {"text": "xyz", "format": Format.BINARY}, {}),
    (C.INVALID_FIELD, {"text": "00", "format": Format.BINARY, "udh": b"\x05\x00"}, {}),
    (C.INVALID_FIELD, {"text": "a\0b"}, {}),
    (C.INVALID_FIELD, {"text": "a\ud800"}, {}),
    (C.INVALID_FIELD, {"reference": "a\0"}, {}),
    (C.INVALID_FIELD, {"reference": "r" * (MAX_REFERENCE + 1)}, {}),
    (C.INVALID_FIELD, {"callback": call("http://x/", "\udfff")}, {}),
    (C.INVALID_VALIDITY, {"validity_s": 59}, {}),
    (C.INVALID_VALIDITY, {"validity_s": MAX_VALIDITY_S + 1}, {}),
    (C.INVALID_SCHEDULE, {"due_ms": FAR_MS + 1}, {}),
    (C.INVALID_CALLBACK_URL, {"callback": call("ftp://x/")}, {}),
    (C.INVALID_CALLBACK_URL, {"callback": call("http://")}, {}),
    (C.INVALID_CALLBACK_URL, {"callback": call("http://[::1")}, {}),
    (C.INVALID_CALLBACK_URL, {"callback": call("http://x:99999/")}, {}),
    (C.INVALID_CALLBACK_URL, {"callback": call("http://x/a b")}, {}),
    (C.INVALID_CALLBACK_URL, {"callback": call("http://x/" + "a" * 2000)}, {}),
    (C.NO_ROUTE, {"recipients": ("4711111111",)}, {}),
    (C.NO_ROUTE, {"recipients": ("4511111111", "4711111111")}, {}),
]


@pytest.mark.parametrize(("code", "submitted", "odd"), REFUSALS, ids=lambda v: str(v)[:40])
async def test_a_refusal_stores_nothing_and_moves_no_credit(
    harness: Any, code: RefusalCode, submitted: dict[str, Any], odd: dict[str, Any]
) -> None:
    account = await harness.account(credits=3)
    entries = await harness.rows(ledger_entries)
    fields = {f: getattr(account, f) for f in Account.__struct_fields__}
    recipients = submitted.get("recipients", ("4511111111",))
    more = {key: value for key, value in submitted.items() if key != "recipients"}
    with pytest.raises(Refused) as caught:
        await harness.submit(Account(**{**fields, **odd}), recipients=recipients, **more)
    assert caught.value.code is code
    assert await harness.rows(batches) == []
    assert await harness.rows(messages) == []
    assert await harness.rows(ledger_entries) == entries
    assert await harness.balance(account) == (3, 0, 0)
    assert len(harness.live) == 0
    assert harness.queue.depth("dk") == 0


def test_the_table_above_has_every_code_a_submission_can_meet() -> None:
    elsewhere = {
        C.AUTHENTICATION_FAILED, C.ADDRESS_NOT_ALLOWED, C.MALFORMED_REQUEST, C.NOT_SUPPORTED,
        C.NOT_FOUND, C.NOT_CANCELLABLE, C.NOT_BILLABLE, C.NOT_REFUNDABLE,
        C.ALREADY_EXISTS, C.UNAVAILABLE, C.NUMBER_NOT_ALLOWED,
    }  # fmt: skip
    assert {code for code, _, _ in REFUSALS} == set(C) - elsewhere


async def test_storage_that_is_away_refuses_and_releases_its_claims(harness: Any) -> None:
    account = await harness.account(credits=3)
    harness.queue.consume("dk", lambda: 10)
    harness.storage.writer.failed = True
    with pytest.raises(Refused) as caught:
        await harness.submit(account)
    assert caught.value.code is C.UNAVAILABLE
    assert harness.queue._subject("dk").claimed == 0
    harness.storage.writer.failed = False
    assert await harness.balance(account) == (3, 0, 0)


@pytest.mark.parametrize(
    ("text", "more", "parts", "credits"),
    [
        ("x" * 160, {}, 1, 2),
        ("x" * 161, {}, 2, 4),
        ("€" * 80, {}, 1, 2),
        ("€" * 81, {}, 2, 4),
        ("日" * 70, {}, 1, 2),
        ("日" * 71, {}, 2, 4),
        ("x" * 71, {"format": Format.UNICODE}, 2, 4),
        ("00" * 140, {"format": Format.BINARY}, 1, 2),
        ("00" * 3, {"format": Format.BINARY, "udh": bytes.fromhex("06050415811581")}, 1, 2),
    ],
    ids=lambda value: str(value)[:12],
)
async def test_parts_are_counted_and_paid_for(
    make_harness: Any, text: str, more: dict[str, Any], parts: int, credits: int
) -> None:
    prices = [PriceTable(prefix="45", credits=2, price="0.05")]
    harness = await make_harness(carriers={"smsc": 1}, start=False, prices=prices)
    account = await harness.account(credits=100)
    accepted = await harness.submit(account, "4511111111", "4522222222", text=text, **more)
    assert (accepted.parts, accepted.credits, accepted.recipients) == (parts, 2 * credits, 2)
    assert await harness.balance(account) == (100 - 2 * credits, 2 * credits, 0)
    for message in await harness.outbox(account):
        assert (message.parts, message.credits, message.price) == (parts, credits, 500 * parts)


async def test_each_number_is_sent_to_once_in_the_order_given(harness: Any) -> None:
    account = await harness.account()
    accepted = await harness.submit(account, "+4522222222", "004511111111", "45 22 22 22 22")
    assert accepted.recipients == 2
    assert [m.recipient for m in await harness.outbox(account)] == ["4522222222", "4511111111"]


@pytest.mark.parametrize(
    ("recipients", "more", "lane"),
    [(1, {}, Lane.SINGLE), (5, {}, Lane.SINGLE), (6, {}, Lane.BULK), (6, {"urgent": True}, 0)],
)
async def test_lanes(harness: Any, recipients: int, more: dict[str, Any], lane: int) -> None:
    await harness.submit(await harness.account(), *NUMBERS[:recipients], **more)
    assert [row["lane"] for row in await harness.rows(batches)] == [lane]


async def test_routes_are_chosen_on_acceptance(harness: Any) -> None:
    account = await harness.account()
    await harness.submit(account, "4511111111", "4611111111")
    assert [row["route"] for row in await harness.rows(messages)] == ["dk", "se"]
    assert (harness.queue.depth("dk"), harness.queue.depth("se")) == (1, 1)


async def test_a_past_time_is_now(harness: Any) -> None:
    account = await harness.account()
    accepted = await harness.submit(account, due_ms=5)
    assert accepted.due_ms == harness.clock.now_ms()
    assert await harness.states(account) == [S.QUEUED]


async def test_a_scheduled_batch_goes_at_its_time_and_not_before(
    make_harness: Any, simulator: Any
) -> None:
    clock = MovableClock()
    harness = await make_harness(carriers={"smsc": simulator.port}, clock=clock)
    account = await harness.account(credits=2)
    due_ms = clock.now_ms() + 60_000
    await harness.submit(account, due_ms=due_ms)
    await asyncio.sleep(0.1)
    assert await harness.states(account) == []
    assert await harness.balance(account) == (1, 1, 0)
    clock.advance(60)
    await harness.until_states(account, S.DELIVERED)
    (message,) = await harness.outbox(account)
    assert message.created_ms >= due_ms
    assert await harness.balance(account) == (1, 0, 1)


async def test_a_large_batch_is_expanded_in_chunks_over_a_restart(
    make_harness: Any, simulator: Any, monkeypatch: pytest.MonkeyPatch, until: Any
) -> None:
    monkeypatch.setattr(batches_module, "CHUNK", 16)
    numbers = [f"4511111{n:03d}" for n in range(300)]
    simulator.default = simulator.default
    first = await make_harness(carriers={"smsc": simulator.port}, inline_recipients=10)
    account = await first.account(credits=400)
    accepted = await first.submit(account, *numbers)
    await until(lambda: simulator.taken >= 16)
    await first.stop()
    second = await make_harness(carriers={"smsc": simulator.port}, inline_recipients=10)
    await second.until_states(account, S.DELIVERED, count=300)
    assert [m.recipient for m in await second.outbox(account)] == numbers
    assert simulator.taken == 300
    progress = await second.queries.batch(account, accepted.batch_id)
    assert (progress.state, progress.received, progress.unsent) == (BatchState.DONE, 300, 0)
    assert await second.balance(account) == (100, 0, 300)


async def test_a_batch_on_a_stuck_route_does_not_hold_up_others(
    make_harness: Any, simulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: batches whose route had no room took all places, and slowed the rest."""
    monkeypatch.setattr("dragoman.core.delivery.backlog.MAX_QUEUED", 40)
    monkeypatch.setattr(batches_module, "CHUNK", 10)
    monkeypatch.setattr(batches_module, "MAX_RUNNING", 2)
    routes = (
        RouteTable(name="dead", carriers=("dead",), prefixes=("46",)),
        RouteTable(name="dk", carriers=("smsc",), prefixes=("45",)),
    )
    harness = await make_harness(
        carriers={"dead": 1, "smsc": simulator.port}, routes=routes, inline_recipients=5
    )
    stuck, free = await harness.account("stuck"), await harness.account("free")
    for _ in range(4):
        await harness.submit(stuck, *(f"46111111{n:02d}" for n in range(30)))
    await asyncio.sleep(0.1)
    await harness.submit(free, *NUMBERS)
    await harness.until_states(free, S.DELIVERED, count=50)


async def test_a_scheduled_batch_is_cancelled_with_its_credits(harness: Any) -> None:
    account = await harness.account(credits=10)
    due_ms = harness.clock.now_ms() + 1000
    for recipients in (NUMBERS[:1], NUMBERS[:7]):
        accepted = await harness.submit(account, *recipients, due_ms=due_ms)
        await harness.batches.cancel(account, accepted.batch_id)
        progress = await harness.queries.batch(account, accepted.batch_id)
        assert (progress.state, progress.failed) == (BatchState.CANCELLED, len(recipients))
        with pytest.raises(Refused) as caught:
            await harness.batches.cancel(account, accepted.batch_id)
        assert caught.value.code is C.NOT_CANCELLABLE
    assert await harness.balance(account) == (10, 0, 0)
    harness.clock.advance(2)
    assert await harness.batches._step() is False
    assert await harness.states(account) == []


async def test_a_stored_batch_is_cancelled_while_its_route_has_no_room(
    harness: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: a batch that had been taken up could not be cancelled, though nothing had left."""
    monkeypatch.setattr("dragoman.core.delivery.backlog.MAX_QUEUED", 0)
    account = await harness.account(credits=50)
    accepted = await harness.submit(account, *NUMBERS)
    assert await harness.batches._step() is False
    await harness.batches.cancel(account, accepted.batch_id)
    monkeypatch.undo()
    await harness.batches._step()
    assert await harness.states(account) == []
    assert await harness.balance(account) == (50, 0, 0)


async def test_queued_messages_are_cancelled_and_never_sent(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    harness = await make_harness(carriers={"smsc": 1}, start=False)
    account = await harness.account(credits=10)
    accepted = await harness.submit(account, *NUMBERS[:3])
    await harness.batches.cancel(account, accepted.batch_id)
    assert await harness.states(account) == [S.CANCELLED] * 3
    assert await harness.balance(account) == (10, 0, 0)
    assert len(harness.live) == 0
    works = harness.queue.consume("default", lambda: 9).take(9)
    assert len(works) == 3
    assert all(harness.live.get(work.message_id) is None for work in works)


async def test_cancelling_too_late_changes_nothing(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port}, window=1)
    account = await harness.account(credits=50)
    accepted = await harness.submit(account, *NUMBERS)
    await until(lambda: simulator.taken > 3)
    with pytest.raises(Refused) as caught:
        await harness.batches.cancel(account, accepted.batch_id)
    assert caught.value.code is C.NOT_CANCELLABLE
    await harness.until_states(account, S.DELIVERED, count=50)


async def test_cancelling_is_all_or_nothing(harness: Any) -> None:
    """Bug: messages were cancelled one after the other, and the rest could leave meanwhile."""
    account = await harness.account(credits=50)
    accepted = await harness.submit(account, *NUMBERS[:5])
    cancelling = asyncio.create_task(harness.batches.cancel(account, accepted.batch_id))
    seen = set()
    for _ in range(1000):
        await asyncio.sleep(0.0005)
        seen.add(frozenset(message.state for message in harness.live))
        if cancelling.done():
            break
    await cancelling
    assert seen <= {frozenset({S.QUEUED}), frozenset({S.CANCELLED}), frozenset()}


async def test_a_foreign_batch_does_not_exist(harness: Any) -> None:
    accepted = await harness.submit(await harness.account("one"))
    other = await harness.account("other")
    for ask in (harness.batches.cancel, harness.queries.batch):
        with pytest.raises(Refused) as caught:
            await ask(other, accepted.batch_id)
        assert caught.value.code is C.NOT_FOUND


async def test_callbacks_are_stored_for_the_states_asked_for(
    make_harness: Any, simulator: Any
) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    states = frozenset({S.SENT, S.DELIVERED})
    wanted = CallbackRequest(url="http://user@Example.com:81/x?k=1", states=states)
    await harness.submit(account, callback=wanted)
    await harness.submit(account)
    await harness.until_states(account, S.DELIVERED, count=2)
    assert [callback.origin for callback in harness.stored_callbacks] == [
        "http://example.com:81"
    ] * 2
    states_told = [callback.payload.state for callback in harness.stored_callbacks]
    assert states_told == [S.SENT, S.DELIVERED]


async def test_recipients_without_a_route_any_more_are_rejected_and_refunded(
    make_harness: Any, simulator: Any
) -> None:
    """Bug: a route removed before its batch ran left messages that could only expire."""
    carriers = {"smsc": simulator.port}
    danish = RouteTable(name="dk", prefixes=("45",), carriers=("smsc",))
    swedish = RouteTable(name="se", prefixes=("46",), carriers=("smsc",))
    first = await make_harness(carriers=carriers, routes=(danish, swedish))
    account = await first.account(credits=10)
    due_ms = first.clock.now_ms() + 300
    await first.submit(account, "4511111111", "46701234567", due_ms=due_ms)
    await first.stop()
    second = await make_harness(carriers=carriers, routes=(swedish,))
    await second.until_states(account, S.REJECTED, S.DELIVERED)
    assert await second.balance(account) == (9, 0, 1)
    assert [m.failure for m in await second.outbox(account)] == ["no_route", ""]


# They were accepted as one part, and rejected when they were to be sent.
@pytest.mark.parametrize(
    ("text", "parts", "alphabet"),
    [
        ("Pris 5 €. " * 7, 1, Alphabet.UCS2),
        ("Pris 5 €. " * 10, 2, Alphabet.UCS2),
        ("ΔΣ" * 40, 2, Alphabet.UCS2),
        ("Smørrebrød (5) " * 10, 1, Alphabet.GSM7),
    ],
)
async def test_what_latin_1_lacks_is_sent_and_counted_as_ucs_2(
    make_harness: Any, simulator: Any, text: str, parts: int, alphabet: Alphabet
) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port}, profile="latin1")
    account = await harness.account(credits=9)
    accepted = await harness.submit(account, text=text)
    assert (accepted.parts, accepted.credits) == (parts, parts)
    await harness.until_states(account, S.DELIVERED)
    (received,) = simulator.phone("4511111111").received
    assert (received.text, received.parts, received.alphabet) == (text, parts, alphabet)


async def test_what_latin_1_lacks_is_refused_where_7_bits_are_wanted(
    make_harness: Any, simulator: Any
) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port}, profile="latin1")
    account = await harness.account(credits=9)
    with pytest.raises(Refused) as refused:
        await harness.submit(account, text="5 €", format=Format.GSM)
    assert refused.value.code is C.TEXT_NOT_ENCODABLE
    # A class names the GSM alphabet, whatever the profile says.
    await harness.submit(account, text="€" * 80, message_class=0)
    await harness.until_states(account, S.DELIVERED)


@pytest.mark.parametrize(
    ("text", "parts", "element", "profile"),
    [
        ("Şu an Iğdır'dayız, çok güzel. " * 5, 1, "250101", "default"),  # 150 letters
        ("Şu an Iğdır'dayız, çok güzel. " * 6, 2, "240101", "default"),
        ("Şu an Iğdır'dayız, çok güzel. " * 6, 2, "240101", "packed"),
        ("Şu an Iğdır'dayız, çok güzel. " * 6, 2, "240101", "sar"),
        ("Şu an Iğdır'dayız, çok güzel. " * 6, 2, "240101", "payload"),
    ],
)
async def test_national_tables_are_counted_and_sent(
    make_harness: Any, simulator: Any, text: str, parts: int, element: str, profile: str
) -> None:
    harness = await make_harness(
        carriers={"smsc": simulator.port}, national=(Language.TURKISH,), profile=profile
    )
    account = await harness.account(credits=9)
    accepted = await harness.submit(account, "4511111111", "4522222222", text=text)
    assert (accepted.parts, accepted.credits) == (parts, 2 * parts)
    await harness.until_states(account, S.DELIVERED, count=2)
    assert bytes.fromhex(element) in simulator.submits[0].content.udh
    if profile != "packed":  # which the simulator does not unpack
        assert [one.text for one in simulator.phone("4522222222").received] == [text]


async def test_parts_are_cut_after_a_restart_as_they_were_counted(
    make_harness: Any, simulator: Any
) -> None:
    """What a carrier takes may have been configured differently meanwhile."""
    text = "ğüşıöç" * 25
    first = await make_harness(
        carriers={"smsc": simulator.port}, national=(Language.TURKISH,), start=False
    )
    account = await first.account(credits=9)
    assert (await first.submit(account, text=text)).parts == 1
    await first.stop()
    second = await make_harness(carriers={"smsc": simulator.port})
    await second.until_states(account, S.DELIVERED)
    assert [one.text for one in simulator.phone("4511111111").received] == [text]
    assert simulator.taken == 1
