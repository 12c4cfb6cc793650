"""Mails of campaigns through a real relay: retries, bounces, crashes, consent."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dragoman.core.campaigns import turns, worker
from dragoman.core.campaigns.mailings import CHUNK, digest_of
from dragoman.core.campaigns.model.mailings import (
    DeliveryState,
    EmailService,
    EndedBy,
    ListState,
    MailingListChange,
    SubscriptionState,
    TokenPurpose,
)
from dragoman.core.campaigns.sql import deliveries, issues
from dragoman.core.campaigns.sql.deliveries import Claim
from dragoman.core.campaigns.sql.subscriptions import NewSubscriber
from dragoman.core.model.errors import RefusalCode, Refused

ANN, BOB = "ann@one.example", "bob@two.example"


def _token(mail: Any, page: str) -> str:
    text = mail.get_body(("plain",)).get_content()
    found = re.search(rf"/mailings/{page}/([A-Za-z0-9_-]+)", text)
    assert found is not None, text
    return found[1]


async def _two(campaign: Any) -> None:
    campaign.book.people = {1: ANN, 2: BOB}


async def test_issue_reaches_each_contact_once_however_often_it_is_sent(campaign: Any) -> None:
    await _two(campaign)
    issue = await campaign.new_issue()
    await campaign.begin()
    await campaign.send(issue, 1, 2, 1)
    await campaign.settled()
    await campaign.send(issue, 2, 1)
    rows = await campaign.settled()
    assert sorted(mail["To"] for mail in campaign.relay.mails) == [ANN, BOB]
    assert [(row.state, row.attempts, row.possible_duplicate) for row in rows] == [
        (DeliveryState.SENT, 1, False)
    ] * 2
    assert set(campaign.relay.senders) == {campaign.settings.sender}


async def test_whole_list_gets_an_issue_that_names_nobody(campaign: Any) -> None:
    for number in range(CHUNK + 2):
        campaign.book.people[number + 1] = f"p{number}@one.example"
    campaign.book.groups = {7: list(campaign.book.people)}
    await campaign.mailings.add_group(campaign.account, campaign.list.list_id, 7)
    await campaign.send(await campaign.new_issue())
    rows = await campaign.rows()
    assert sorted(row.address for row in rows) == sorted(campaign.book.people.values())


async def test_temporary_refusal_is_tried_again_later(campaign: Any) -> None:
    await _two(campaign)
    campaign.relay.recipients[ANN] = ["451 4.7.1 greylisted"]
    campaign.relay.contents[BOB] = ["452 4.3.1 full"]
    await campaign.begin()
    await campaign.send(await campaign.new_issue(), 1, 2)
    rows = await campaign.until(lambda rows: all(row.answer_code for row in rows))
    assert [row.state for row in rows] == [DeliveryState.PENDING] * 2
    assert [row.answer_code for row in rows] == [451, 452]
    assert all(row.next_attempt_ms - row.answered_ms >= 240_000 for row in rows)
    assert campaign.relay.mails == []
    campaign.clock.ahead_s += 400
    rows = await campaign.settled()
    assert [(row.state, row.attempts, row.possible_duplicate) for row in rows] == [
        (DeliveryState.SENT, 2, False)
    ] * 2


async def test_refusal_for_good_of_the_content_is_no_bounce(campaign: Any) -> None:
    await _two(campaign)
    campaign.relay.contents[ANN] = ["554 5.7.1 looks like spam"]
    await campaign.begin()
    await campaign.send(await campaign.new_issue(), 1)
    [row] = await campaign.settled()
    assert (row.state, row.answer) == (DeliveryState.FAILED, "5.7.1 looks like spam")
    assert (await campaign.subscription(ANN)).hard_bounces == 0


async def test_subscription_stops_after_hard_bounces_in_a_row(campaign: Any) -> None:
    await _two(campaign)
    campaign.relay.recipients[ANN] = ["550 5.1.1 no such user"] * 2
    await campaign.begin()
    for _ in range(3):
        await campaign.send(await campaign.new_issue(), 1)
        await campaign.settled()
    assert await campaign.states() == [DeliveryState.BOUNCED] * 2
    subscription = await campaign.subscription(ANN)
    assert subscription.state == SubscriptionState.STOPPED
    assert (subscription.hard_bounces, subscription.ended_by) == (2, EndedBy.BOUNCES)
    assert campaign.relay.mails == []


async def test_mail_that_arrives_forgives_earlier_bounces(campaign: Any) -> None:
    await _two(campaign)
    campaign.relay.recipients[ANN] = ["550 5.1.1 no such user"]
    await campaign.begin()
    for _ in range(2):
        await campaign.send(await campaign.new_issue(), 1)
        await campaign.settled()
    assert (await campaign.subscription(ANN)).hard_bounces == 0


async def test_mails_wait_while_the_relay_is_away(campaign: Any) -> None:
    await _two(campaign)
    await campaign.relay.stop()
    await campaign.begin()
    await campaign.send(await campaign.new_issue(), 1, 2)
    await campaign.until(lambda rows: any(row.answered_ms for row in rows))
    campaign.clock.ahead_s += 2  # the relay is left alone for a second
    await campaign.until(lambda rows: all(row.answered_ms for row in rows))
    await campaign.relay.start()
    campaign.clock.ahead_s += 400
    rows = await campaign.settled()
    assert [(row.state, row.possible_duplicate) for row in rows] == [
        (DeliveryState.SENT, False)
    ] * 2
    assert sorted(mail["To"] for mail in campaign.relay.mails) == [ANN, BOB]


async def test_lost_answer_sends_the_same_mail_again_and_says_so(campaign: Any) -> None:
    await _two(campaign)
    campaign.relay.lost.add(ANN)
    await campaign.begin()
    await campaign.send(await campaign.new_issue(), 1)
    [row] = await campaign.until(lambda rows: bool(rows[0].answered_ms))
    assert (row.state, row.possible_duplicate) == (DeliveryState.PENDING, True)
    campaign.clock.ahead_s += 400
    [row] = await campaign.settled()
    first, second = campaign.relay.to(ANN)
    assert row.state == DeliveryState.SENT
    assert first["Message-ID"] == second["Message-ID"]
    # Either mail may be the one that is read: both can be answered.
    for mail in (first, second):
        token = _token(mail, "unsubscribe")
        assert await campaign.mailings.use_token(token, TokenPurpose.UNSUBSCRIBE, EndedBy.LINK)


async def test_mail_that_was_claimed_when_the_process_died_is_sent_and_marked(
    campaign: Any,
) -> None:
    await _two(campaign)
    await campaign.send(await campaign.new_issue(), 1, 2)
    now_ms = campaign.clock.now_ms()
    account_id = campaign.account.account_id
    [claimed] = await campaign.storage.read(lambda c: deliveries.load_due(c, account_id, now_ms, 1))
    claim = Claim(delivery_id=claimed.delivery_id, unsubscribe=b"1", confirm=b"2", at_ms=now_ms)
    assert await campaign.storage.writer.write(deliveries.claim, claim)
    assert not await campaign.storage.writer.write(deliveries.claim, claim)
    await campaign.begin()
    rows = await campaign.settled()
    assert {row.delivery_id: row.possible_duplicate for row in rows} == {
        row.delivery_id: row.delivery_id == claimed.delivery_id for row in rows
    }
    assert sorted(mail["To"] for mail in campaign.relay.mails) == [ANN, BOB]


async def test_stopped_worker_leaves_what_it_did_not_send_as_it_was(campaign: Any) -> None:
    for number in range(100):
        campaign.book.people[number + 1] = f"p{number}@one.example"
    await campaign.send(await campaign.new_issue(), *campaign.book.people)
    await campaign.begin()
    await campaign.until(lambda rows: any(row.state == DeliveryState.SENT for row in rows))
    await campaign.end()
    rows = await campaign.rows()
    assert {row.state for row in rows} <= {DeliveryState.SENT, DeliveryState.PENDING}
    waiting = [row for row in rows if row.state == DeliveryState.PENDING]
    assert all((row.attempts, row.possible_duplicate) == (0, False) for row in waiting)
    await campaign.begin()
    await campaign.settled()
    assert len(campaign.relay.mails) == 100
    assert len({mail["To"] for mail in campaign.relay.mails}) == 100


async def test_expansion_that_died_between_steps_goes_on(campaign: Any) -> None:
    people = {number: f"p{number}@one.example" for number in range(1, 2 * CHUNK + 10)}
    campaign.book.people = people
    issue = await campaign.new_issue()
    await campaign.issues.send(
        campaign.account, issue.list_id, issue.issue_id, contact_ids=list(people), due_ms=0
    )
    now_ms = campaign.clock.now_ms()
    [sending] = await campaign.storage.read(lambda c: issues.load_due(c, now_ms, 5))
    step = issues.SendingStep(
        sending=sending,
        recipients=tuple(
            NewSubscriber(
                subscription_id=campaign.ids.next(),
                delivery_id=campaign.ids.next(),
                contact_id=number,
                address=people[number],
            )
            for number in range(1, CHUNK + 1)
        ),
        position=CHUNK,
        finished=False,
        at_ms=now_ms,
    )
    # The step is stored, even twice, and the process dies.
    assert await campaign.storage.writer.write(issues.step, step) == CHUNK
    assert await campaign.storage.writer.write(issues.step, step) == 0
    await campaign.issues.expand_due()
    rows = await campaign.rows()
    assert sorted(row.address for row in rows) == sorted(people.values())
    assert await campaign.storage.read(lambda c: issues.load_due(c, now_ms * 2, 5)) == []


async def test_issue_waits_for_its_time(campaign: Any) -> None:
    await _two(campaign)
    issue = await campaign.new_issue()
    await campaign.issues.send(
        campaign.account,
        issue.list_id,
        issue.issue_id,
        contact_ids=[1],
        due_ms=campaign.clock.now_ms() + 60_000,
    )
    await campaign.issues.expand_due()
    assert await campaign.rows() == []
    campaign.clock.ahead_s += 61
    await campaign.issues.expand_due()
    assert len(await campaign.rows()) == 1


async def test_who_unsubscribes_before_the_mail_is_sent_gets_none(campaign: Any) -> None:
    await _two(campaign)
    await campaign.begin()
    await campaign.send(await campaign.new_issue(), 1)
    await campaign.settled()
    await campaign.end()
    token = _token(campaign.relay.mails[0], "unsubscribe")
    await campaign.send(await campaign.new_issue(), 1)
    assert await campaign.mailings.use_token(token, TokenPurpose.UNSUBSCRIBE, EndedBy.LINK)
    await campaign.begin()
    await campaign.settled()
    assert await campaign.states() == [DeliveryState.SENT, DeliveryState.SUPPRESSED]
    assert len(campaign.relay.mails) == 1


async def test_archived_list_sends_nothing_more(campaign: Any) -> None:
    await _two(campaign)
    await campaign.send(await campaign.new_issue(), 1)
    change = MailingListChange(
        list_id=campaign.list.list_id,
        account_id=campaign.account.account_id,
        state=ListState.ARCHIVED,
    )
    await campaign.mailings.change_list(change)
    await campaign.begin()
    await campaign.settled()
    assert await campaign.states() == [DeliveryState.SUPPRESSED]
    with pytest.raises(Refused) as refused:
        await campaign.send(await campaign.new_issue(), 1)
    assert refused.value.code is RefusalCode.INVALID_FIELD


async def test_double_opt_in_needs_the_answer_of_its_mail(campaign: Any) -> None:
    await _two(campaign)
    account, list_id, mailings = campaign.account, campaign.list.list_id, campaign.mailings
    await campaign.begin()
    await mailings.subscribe(account, list_id, ANN, contact_id=1, opt_in=True)
    await mailings.subscribe(account, list_id, ANN, contact_id=1, opt_in=True)
    await campaign.settled()
    [asked] = campaign.relay.to(ANN)
    # Neither an issue nor the customer's word makes a subscriber of who was asked.
    await mailings.subscribe(account, list_id, ANN, contact_id=1)
    await campaign.send(await campaign.new_issue(), 1)
    assert len(await campaign.rows()) == 1
    confirm, leave = _token(asked, "confirm"), _unsubscribe_token(asked)
    assert not await mailings.use_token(leave, TokenPurpose.CONFIRM, EndedBy.LINK)
    assert await mailings.use_token(confirm, TokenPurpose.CONFIRM, EndedBy.LINK)
    await campaign.send(await campaign.new_issue(), 1)
    await campaign.settled()
    assert len(campaign.relay.to(ANN)) == 2
    # Who has left stays away, also when the old mail is answered once more.
    assert await mailings.use_token(leave, TokenPurpose.UNSUBSCRIBE, EndedBy.ONE_CLICK)
    assert await mailings.use_token(confirm, TokenPurpose.CONFIRM, EndedBy.LINK)
    await mailings.subscribe(account, list_id, ANN, contact_id=1)
    subscription = await campaign.subscription(ANN)
    assert subscription.state == SubscriptionState.UNSUBSCRIBED
    assert subscription.ended_by == EndedBy.ONE_CLICK
    # A day later the list may ask again.
    campaign.clock.ahead_s += 25 * 3600
    await mailings.subscribe(account, list_id, ANN, contact_id=1, opt_in=True)
    await campaign.settled()
    assert len(campaign.relay.to(ANN)) == 3


async def test_tokens_are_stored_as_digests_only(campaign: Any) -> None:
    await _two(campaign)
    await campaign.begin()
    await campaign.send(await campaign.new_issue(), 1)
    await campaign.settled()
    token = _token(campaign.relay.mails[0], "unsubscribe")

    def stored(connection: Any) -> list[bytes]:
        from sqlalchemy import select

        from dragoman.core.campaigns.sql.tables import subscription_tokens

        query = select(subscription_tokens.c.digest)
        return [bytes(one) for one in connection.execute(query).scalars()]

    assert await campaign.storage.read(stored) == [digest_of(token)]


@pytest.mark.parametrize(
    "service", [EmailService(enabled=False), EmailService(expiry="2020-01-17")]
)
async def test_account_without_the_service_sends_nothing(
    campaign: Any, service: EmailService
) -> None:
    await _two(campaign)
    await campaign.mailings.put_service(campaign.account, service)
    with pytest.raises(Refused) as refused:
        await campaign.send(await campaign.new_issue(), 1)
    assert refused.value.code is RefusalCode.PERMISSION_DENIED
    assert await campaign.rows() == []


async def test_bandwidth_bounds_what_an_account_sends_in_an_hour(campaign: Any) -> None:
    for number in range(50):
        campaign.book.people[number + 1] = f"p{number}@one.example"
    await campaign.mailings.put_service(campaign.account, EmailService(bandwidth=600.0))
    await campaign.send(await campaign.new_issue(), *campaign.book.people)
    await campaign.begin()
    count = DeliveryState.SENT
    await campaign.until(lambda rows: sum(row.state == count for row in rows) == 10)
    campaign.clock.ahead_s += 60  # ten more a minute
    await campaign.until(lambda rows: sum(row.state == count for row in rows) >= 20)
    assert sum(row.state == count for row in await campaign.rows()) < 50


async def test_accounts_take_turns(campaign: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (turns, worker):
        monkeypatch.setattr(module, "SHARE", 8)
    mine = campaign.account, campaign.list
    for number in range(80):
        campaign.book.people[number + 1] = f"p{number}@one.example"
    await campaign.send(await campaign.new_issue(), *range(1, 80))
    other = await campaign.another_account()
    await campaign.send(await campaign.new_issue(), 80)
    await campaign.begin()
    await campaign.settled()
    position = [mail["To"] for mail in campaign.relay.mails].index("p79@one.example")
    assert position < 40
    assert mine[0] != other


def _unsubscribe_token(mail: Any) -> str:
    return str(mail["List-Unsubscribe"]).rstrip(">").rpartition("/")[2]
