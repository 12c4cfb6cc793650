"""The story of a message, over real SMPP and on both databases."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from tests.passing_time import MovableClock

from dragoman.config.tables import PriceTable, RouteTable
from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.callbacks.http_calls import HttpCalls
from dragoman.core.callbacks.rendering import Renderers
from dragoman.core.callbacks.schedule import RetrySchedule
from dragoman.core.callbacks.worker import CallbackWorker
from dragoman.core.messages import events as journal_module
from dragoman.core.messages.model.callbacks import CallbackCall
from dragoman.core.messages.model.events import EventKind
from dragoman.core.messages.model.failure_causes import CAUSES
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import CallbackRequest
from dragoman.core.messages.model.routing import Route, Router, RouteReason
from dragoman.core.messages.sql.tables import message_events
from dragoman.core.model.errors import FailureCode, RefusalCode, Refused
from dragoman.protocols.smpp.codec import decode, encode
from dragoman.protocols.smpp.constants import CommandStatus, MessageState
from dragoman.protocols.smpp.pdus import SubmitSmResp
from dragoman.testkit.simulator import Answer, Behaviour, ReceiptTiming
from dragoman.web.outgoing import Fetched

S = State
LONG = "This text is too long for one message, so it travels in two parts. " * 3


async def only_message(harness: Any, account: Account) -> int:
    (message,) = await harness.outbox(account)
    return int(message.message_id)


async def test_a_delivered_message_tells_it_all_without_a_row_of_its_own(
    make_harness: Any, simulator: Any, database_url: str
) -> None:
    harness = await make_harness(
        database_url,
        carriers={"smsc": simulator.port},
        prices=[PriceTable(credits=2, price="0.05")],
    )
    account = await harness.account(credits=10)
    await harness.submit(account, text="blåbærgrød", reference="order 7", protocol="REST")
    await harness.until_states(account, S.DELIVERED)
    story = await harness.timelines.of_message(account, await only_message(harness, account))

    assert (story.account, story.state, story.carrier) == ("acme", "delivered", "smsc")
    request = story.request
    assert (request.dialect, request.protocol, request.reference) == ("test", "REST", "order 7")
    assert (request.text, request.alphabet, request.parts) == ("blåbærgrød", "gsm7", 1)
    assert request.accepted_ms <= request.created_ms <= story.sent_ms <= story.final_ms
    assert (story.route.route, story.route.reason) == ("default", RouteReason.ANY)
    assert story.route.carriers == ("smsc",)
    (attempt,) = story.attempts
    assert (attempt.outcome, attempt.carrier, attempt.link) == (EventKind.TAKEN, "smsc", "smsc-1")
    (part,) = story.parts
    assert (part.carrier_ids, part.state, part.error) == (("1",), "delivered", "000")
    (receipt,) = story.receipts
    assert (receipt.state, receipt.kind) == ("delivered", EventKind.RECEIPT)
    assert receipt.raw.startswith("id:1 sub:001")
    assert (story.cost.credits, story.cost.price) == (2, "0.05")
    assert [(e.kind, e.amount, e.account) for e in story.cost.entries] == [
        ("reserve", 2, "acme"),
        ("commit", 2, "acme"),
    ]
    assert not any(entry.shared for entry in story.cost.entries)
    assert (story.failure, story.resent_as, story.pdus) == (None, (), ())
    assert (story.can_cancel, story.can_resend) == (False, True)
    assert await harness.rows(message_events) == []


async def test_what_memory_forgot_is_told_from_the_rows(
    make_harness: Any, simulator: Any, sqlite_url: str
) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account, text=LONG)
    await harness.until_states(account, S.DELIVERED)
    await harness.stop()
    again = await make_harness(sqlite_url, carriers={"smsc": simulator.port})
    story = await again.timelines.of_message(account, await only_message(again, account))
    (attempt,) = story.attempts
    assert (attempt.at_ms, attempt.carrier, attempt.link) == (story.sent_ms, "smsc", "")
    assert [(p.number, p.carrier_ids, p.state) for p in story.parts] == [
        (1, ("1",), "delivered"),
        (2, ("2",), "delivered"),
    ]
    assert sorted((r.part, r.state, r.raw) for r in story.receipts) == [
        (1, "delivered", ""),
        (2, "delivered", ""),
    ]


async def test_pdus_are_made_again_to_the_octet(make_harness: Any, simulator: Any) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account, text=LONG)
    await harness.until_states(account, S.DELIVERED)
    story = await harness.timelines.of_any_message(await only_message(harness, account))
    sent = [
        encode(msgspec.structs.replace(submit.pdu, sequence_number=0, validity_period=""))
        for submit in simulator.submits
    ]
    submits = [pdu for pdu in story.pdus if pdu.name == "submit_sm"]
    made = [decode(bytes.fromhex(pdu.octets)) for pdu in submits]
    assert [encode(msgspec.structs.replace(pdu, validity_period="")) for pdu in made] == sent
    assert [pdu.part for pdu in submits] == [1, 2]


async def test_answers_and_reports_are_made_again_as_far_as_they_are_known(
    make_harness: Any, simulator: Any
) -> None:
    simulator.behave("45", Behaviour(status=CommandStatus.ESME_RSYSERR), times=1)
    simulator.default = Behaviour(state=MessageState.UNDELIVERABLE, error="6")
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account)
    await harness.until_states(account, S.UNDELIVERED)
    story = await harness.timelines.of_any_message(await only_message(harness, account))
    submit, refusal, acceptance, report = story.pdus
    assert (submit.name, submit.part, submit.whole) == ("submit_sm", 1, True)
    assert decode(bytes.fromhex(refusal.octets)).command_status == CommandStatus.ESME_RSYSERR
    assert decode(bytes.fromhex(acceptance.octets)) == SubmitSmResp(message_id="1")
    assert (report.name, report.whole) == ("deliver_sm", False)
    assert bytes.fromhex(report.octets).startswith(b"id:1 ")


async def test_pdus_are_for_operators(make_harness: Any, simulator: Any) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account)
    await harness.until_states(account, S.DELIVERED)
    message_id = await only_message(harness, account)
    operator = msgspec.structs.replace(
        account, permissions=account.permissions | {Permission.OPERATE}
    )
    assert (await harness.timelines.of_message(account, message_id)).pdus == ()
    assert (await harness.timelines.of_message(operator, message_id)).pdus


async def test_every_attempt_that_failed_is_told(
    make_harness: Any, simulator: Any, database_url: str
) -> None:
    simulator.behave("45", Behaviour(status=CommandStatus.ESME_RSYSERR), times=2)
    harness = await make_harness(database_url, carriers={"smsc": simulator.port})
    account = await harness.account(credits=3)
    await harness.submit(account)
    await harness.until_states(account, S.DELIVERED)
    story = await harness.timelines.of_message(account, await only_message(harness, account))
    assert [(a.outcome, a.code, a.status, a.link) for a in story.attempts] == [
        (EventKind.DEFERRED, "carrier_busy", "ESME_RSYSERR (0x00000008)", "smsc-1"),
        (EventKind.DEFERRED, "carrier_busy", "ESME_RSYSERR (0x00000008)", "smsc-1"),
        (EventKind.TAKEN, "", "", "smsc-1"),
    ]


async def test_a_lost_answer_and_both_ids_are_told(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    simulator.behave("45", Behaviour(answer=Answer.LOST, state=None), times=1)
    clock = MovableClock()
    harness = await make_harness(
        carriers={"smsc": simulator.port}, clock=clock, response_timeout_s=30.0
    )
    account = await harness.account()
    await harness.submit(account)
    await until(lambda: simulator.taken == 1)
    clock.advance_with_timers(30.0)
    await harness.until_states(account, S.DELIVERED)
    story = await harness.timelines.of_message(account, await only_message(harness, account))
    assert [a.outcome for a in story.attempts] == [EventKind.UNANSWERED, EventKind.TAKEN]
    assert story.attempts[0].status == "the SMSC did not answer in time"
    assert story.possible_duplicate


async def test_a_refusal_is_told_with_its_cause_and_its_refund(
    make_harness: Any, simulator: Any, database_url: str
) -> None:
    simulator.behave("4599", Behaviour(status=CommandStatus.ESME_RINVDSTADR))
    harness = await make_harness(database_url, carriers={"smsc": simulator.port})
    account = await harness.account(credits=3)
    await harness.submit(account, "4599111111")
    await harness.until_states(account, S.REJECTED)
    story = await harness.timelines.of_message(account, await only_message(harness, account))
    (attempt,) = story.attempts
    assert (attempt.outcome, attempt.code) == (EventKind.REFUSED, "invalid_destination")
    assert attempt.status == "ESME_RINVDSTADR (0x0000000B)"
    assert story.failure is not None
    assert story.failure.cause == CAUSES[FailureCode.INVALID_DESTINATION].cause
    assert story.failure.remedy
    assert [e.kind for e in story.cost.entries] == ["reserve", "refund"]
    assert (story.parts, story.receipts) == ((), ())


async def test_a_failed_report_is_kept_as_it_came_and_its_repetition_too(
    make_harness: Any, simulator: Any, database_url: str, until: Any
) -> None:
    simulator.default = Behaviour(state=MessageState.UNDELIVERABLE, error="6", receipts=2)
    harness = await make_harness(database_url, carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account)
    await harness.until_states(account, S.UNDELIVERED)
    message_id = await only_message(harness, account)

    async def both() -> bool:
        return len((await harness.timelines.of_message(account, message_id)).receipts) == 2

    await until(both)
    story = await harness.timelines.of_message(account, message_id)
    kinds = [(r.kind, r.state, r.error) for r in story.receipts]
    assert kinds == [
        (EventKind.RECEIPT, "undeliverable", "6"),
        (EventKind.LATE_RECEIPT, "undeliverable", "6"),
    ]
    assert all("stat:UNDELIV" in receipt.raw for receipt in story.receipts)
    assert story.failure is not None
    assert story.failure.code == "absent_subscriber"


async def test_a_report_that_came_before_its_answer_was_parked(
    make_harness: Any, simulator: Any, until: Any
) -> None:
    simulator.default = Behaviour(timing=ReceiptTiming.BEFORE_RESPONSE)
    simulator.answers.shut()
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account)
    await until(lambda: simulator.receipts_acknowledged == 1)
    simulator.answers.open()
    await harness.until_states(account, S.DELIVERED)
    story = await harness.timelines.of_message(account, await only_message(harness, account))
    (receipt,) = story.receipts
    assert (receipt.kind, receipt.state) == (EventKind.PARKED_RECEIPT, "delivered")
    assert receipt.raw.startswith("id:1 ")


class _Server:
    """A customer that answers 500 first."""

    def __init__(self) -> None:
        self.calls = 0

    def start(self, _method: str, _url: str, told: Any, **_more: Any) -> None:
        self.calls += 1
        status = 500 if self.calls == 1 else 200
        told(Fetched(status=status, headers={}, body=b"no" if status == 500 else b"yes"))


async def test_each_call_to_the_customer_is_told(
    make_harness: Any, simulator: Any, database_url: str, until: Any
) -> None:
    harness = await make_harness(database_url, carriers={"smsc": simulator.port})
    account = await harness.account()
    request = CallbackRequest(url="http://me:pw@shop.example/", states=frozenset({S.DELIVERED}))
    await harness.submit(account, callback=request)
    await harness.until_states(account, S.DELIVERED)
    message_id = await only_message(harness, account)
    server = _Server()
    calls = HttpCalls(
        client=server,  # type: ignore[arg-type]
        renderers=Renderers(
            states={"test": lambda url, _facts: CallbackCall(method="GET", url=url)}
        ),
        clock=harness.clock,
    )
    worker = CallbackWorker(
        storage=harness.storage,
        deliver=calls.deliver,
        schedule=RetrySchedule(
            first_s=0.01, longest_s=0.01, give_up_after_s=60, max_retry_after_s=60
        ),
        concurrency=8,
        per_lane=1,
        clock=harness.clock,
        metrics=harness.metrics,
    )
    (new,) = harness.stored_callbacks
    worker.announce(new)

    async def called(times: int) -> bool:
        story = await harness.timelines.of_message(account, message_id)
        return len(story.callbacks[0].attempts) == times

    await until(lambda: called(1))
    (callback,) = (await harness.timelines.of_message(account, message_id)).callbacks
    assert (callback.state, callback.about) == ("pending", "delivered")
    assert callback.url == "http://me:***@shop.example/"
    assert callback.next_attempt_ms is not None
    running = asyncio.create_task(worker.run())
    await until(lambda: called(2))
    running.cancel()
    (callback,) = (await harness.timelines.of_message(account, message_id)).callbacks
    assert callback.state == "delivered"
    assert [(a.number, a.status, a.answer) for a in callback.attempts] == [
        (1, 500, "no"),
        (2, 200, "yes"),
    ]


async def test_others_get_no_story_and_a_parent_gets_it(make_harness: Any, simulator: Any) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    parent, other = [(await harness.accounts.create(name)).account for name in ("parent", "other")]
    child = (await harness.accounts.create("child", parent=parent)).account
    await harness.submit(child)
    await harness.until_states(child, S.DELIVERED)
    message_id = await only_message(harness, child)
    assert (await harness.timelines.of_message(parent, message_id)).account == "child"
    for caller, wanted in ((other, message_id), (child, message_id + 1), (child, 1 << 62)):
        with pytest.raises(Refused) as refused:
            await harness.timelines.of_message(caller, wanted)
        assert refused.value.code is RefusalCode.NOT_FOUND


ROUTES = (
    RouteTable(name="denmark", carriers=("smsc",), prefixes=("45", "4520")),
    RouteTable(name="mine", carriers=("smsc",), accounts=("vip",)),
    RouteTable(name="rest", carriers=("smsc",)),
)
REASONS = {
    "the longest prefix": ("acme", "4520111111", "denmark", RouteReason.PREFIX, "4520"),
    "every number": ("acme", "4915112345678", "rest", RouteReason.ANY, ""),
    "the account": ("vip", "4520111111", "mine", RouteReason.ACCOUNT, ""),
}


@pytest.mark.parametrize("case", REASONS)
async def test_the_route_is_explained(make_harness: Any, simulator: Any, case: str) -> None:
    username, number, route, reason, prefix = REASONS[case]
    harness = await make_harness(carriers={"smsc": simulator.port}, routes=ROUTES)
    account = await harness.account(username)
    await harness.submit(account, number)
    await harness.until_states(account, S.DELIVERED)
    told = (await harness.timelines.of_message(account, await only_message(harness, account))).route
    assert (told.route, told.reason, told.prefix) == (route, reason, prefix)


async def test_route_with_conditions_and_its_fallback_are_explained(
    make_harness: Any, simulator: Any
) -> None:
    harness = await make_harness(
        carriers={"smsc": simulator.port, "spare": simulator.port},
        routes=[
            RouteTable(
                name="codes",
                carriers=("smsc",),
                tags=("otp",),
                senders=("Bank",),
                fallback="rest",
                fallback_after_s=0,
            ),
            RouteTable(name="rest", carriers=("spare",)),
        ],
    )
    account = await harness.account()
    await harness.submit(account, tag="otp", sender="Bank")
    await harness.until_states(account, S.DELIVERED)
    harness.dispatcher.hold("smsc", True)
    await harness.submit(account, tag="otp", sender="Bank")
    await harness.rerouting.check()
    await harness.until_states(account, S.DELIVERED, count=2)
    told = [
        (await harness.timelines.of_message(account, message.message_id)).route
        for message in await harness.outbox(account)
    ]
    assert [(one.route, one.reason, one.today) for one in told] == [
        ("codes", RouteReason.CONDITIONS, ""),
        ("rest", RouteReason.FALLBACK, "codes"),
    ]


async def test_route_of_another_day_is_told_with_todays(make_harness: Any, simulator: Any) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port}, routes=ROUTES)
    account = await harness.account()
    await harness.submit(account, "4520111111")
    await harness.until_states(account, S.DELIVERED)
    harness.timelines.router = Router([Route(name="rest", carriers=("smsc",))])
    told = (await harness.timelines.of_message(account, await only_message(harness, account))).route
    assert (told.route, told.reason, told.today) == ("denmark", RouteReason.CHANGED, "rest")


async def test_a_batch_shares_its_ledger_entries(make_harness: Any, simulator: Any) -> None:
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account(credits=100)
    await harness.submit(account, *(f"45{n:08}" for n in range(20)))
    await harness.until_states(account, S.DELIVERED, count=20)
    for message in await harness.outbox(account):
        story = await harness.timelines.of_message(account, message.message_id)
        assert [(e.kind, e.shared) for e in story.cost.entries] == [
            ("reserve", True),
            ("commit", True),
        ]


async def test_notes_are_bounded_a_message(
    make_harness: Any, simulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "MAX_NOTES", 3)
    simulator.behave("45", Behaviour(status=CommandStatus.ESME_RSYSERR), times=5)
    harness = await make_harness(carriers={"smsc": simulator.port})
    account = await harness.account()
    await harness.submit(account)
    await harness.until_states(account, S.DELIVERED)
    assert len(await harness.rows(message_events)) == 3
    assert harness.metrics.notes_left_out == 2


@pytest.mark.parametrize("code", FailureCode)
def test_every_failure_has_a_cause_and_a_remedy(code: FailureCode) -> None:
    assert CAUSES[code].cause.endswith(".")
    assert bool(CAUSES[code].remedy) is (code is not FailureCode.NONE)
