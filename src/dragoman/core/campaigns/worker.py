"""Sends the mails of campaigns: stored before they are sent, accounts in turn, losing nothing.

Mails are claimed in small groups: the row says `sending`, and the digests of its links are on disk,
before the relay hears of it. Only a mail that the relay accepted while its answer was lost, or that
was claimed when the process died, can be sent twice: at most two shares of `turns.SHARE` and one
per connection. The row then says `possible_duplicate`, and both mails have the same Message-ID.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Final

import msgspec
import structlog

from dragoman.core.campaigns.compose import Links, compose_issue, compose_opt_in
from dragoman.core.campaigns.mailings import digest_of
from dragoman.core.campaigns.model.mailings import (
    Delivery,
    DeliveryKind,
    DeliveryState,
    EmailService,
    Issue,
    MailingList,
)
from dragoman.core.campaigns.outcomes import MAX_ANSWER, Answer, MailSchedule, Stage
from dragoman.core.campaigns.ports import MailSettings, Transport
from dragoman.core.campaigns.relay_share import RelayShare, always
from dragoman.core.campaigns.sql import deliveries, issues, mailing_lists
from dragoman.core.campaigns.sql.deliveries import Attempted, Claim, MailAttempt
from dragoman.core.campaigns.turns import SHARE, AccountTurns, Turn
from dragoman.core.metrics import Metrics
from dragoman.core.model.errors import StorageUnavailable
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock, ClockWatch, datetime_of
from dragoman.kit.ids import render_hex, time_of
from dragoman.storage.engine import Storage
from dragoman.storage.persistence import persist

POLL_S: Final = 0.5
STOP_S: Final = 10.0
"""Time for mails on the wire to end; later ones are sent again, marked."""
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
REMEMBERED: Final = 4
"""Issues in memory while their mails are sent."""

_NOT_MADE: Final = Answer(stage=Stage.CONNECTION, code=None, text="not made")

log = structlog.get_logger(__name__)


class _Work(msgspec.Struct, frozen=True, kw_only=True):
    """A claimed mail and the tokens of its links."""

    delivery: Delivery
    links: Links


@use_case(kw_only=True)
class MailWorker:
    """Delivers the mails of one gateway; `pages_url` is the base URL of links in mails."""

    storage: Storage
    settings: MailSettings
    pages_url: str
    new_transport: Callable[[], Transport]
    clock: Clock
    metrics: Metrics
    relay: RelayShare
    new_token: Callable[[], str]
    may_send: Callable[[], bool] = always
    """Whether nobody else can have taken over the mails by now."""
    _schedule: MailSchedule = field(init=False)
    _turns: AccountTurns = field(init=False)
    _queue: deque[_Work] = field(default_factory=deque, init=False)
    _queued: asyncio.Condition = field(default_factory=asyncio.Condition, init=False)
    _claimed: set[int] = field(default_factory=set, init=False)
    """Mails whose rows say `sending`, until their outcome is stored."""
    _nothing_claimed: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _claim_failed: bool = field(default=False, init=False)
    _issues: OrderedDict[int, Issue | None] = field(default_factory=OrderedDict, init=False)
    _failures: int = field(default=0, init=False)
    _paused_until: float = field(default_factory=lambda: float("-inf"), init=False)
    _wake: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _stopping: bool = field(default=False, init=False)
    _clock_watch: ClockWatch = field(init=False)
    _hurries: list[deliveries.Hurry] = field(default_factory=list, init=False)
    """What is to be written because the clock was set back."""

    def __post_init__(self) -> None:
        settings = self.settings
        self._schedule = MailSchedule(
            first_s=settings.first_retry_s,
            longest_s=settings.max_retry_s,
            give_up_after_s=settings.give_up_after_s,
        )
        self._turns = AccountTurns(self.clock, self._find_service)
        self._clock_watch = ClockWatch(self.clock)

    def announce(self, account_id: int) -> None:
        """Notes that an account has new mails."""
        self._turns.add(account_id, self.clock.now_ms())
        self._wake.set()

    async def restore(self) -> None:
        """Finds the mails of an earlier run; those in sending are sent again."""
        now_ms = self.clock.now_ms()
        # Nothing is planned so far ahead: the clock was set back since.
        farthest_ms = now_ms + round(self.settings.max_retry_s * 2 * 1000)
        hurry = deliveries.Hurry(farthest_ms, by_ms=farthest_ms, now_ms=now_ms)
        self._hurries.append(hurry)
        again = await self.storage.writer.write(deliveries.restore, ())
        if again:
            log.warning("mails_sent_again", count=again)
        waiting = await self.storage.read(deliveries.accounts_waiting)
        for account_id, due_ms in waiting.items():
            self._turns.add(account_id, now_ms if due_ms > farthest_ms else due_ms)

    async def run(self) -> None:
        """Claims and sends; runs until cancelled, then releases what it did not send."""
        senders = [asyncio.create_task(self._send_all()) for _ in range(self.settings.connections)]
        try:
            await self._claim_all()
        finally:
            self._stopping = True
            async with self._queued:
                self._queued.notify_all()
            _, slow = await asyncio.wait(senders, timeout=STOP_S)
            for sender in slow:
                sender.cancel()
            await self._give_back()

    # Claiming

    async def _claim_all(self) -> None:
        while True:
            found = False
            try:
                if len(self._queue) < SHARE and self.clock.monotonic() >= self._paused_until:
                    found = await self._claim_some()
            except Exception as error:  # the next poll may find the database again
                log.error("mails_not_claimed", reason=type(error).__name__)
            if not found:
                self._wake.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S):
                        await self._wake.wait()

    async def _claim_some(self) -> bool:
        """Claims mails of the next account in turn; whether there were any."""
        if self._claim_failed:
            # The database may have stored a claim although it did not say so.
            await self.storage.writer.write(deliveries.restore, tuple(self._claimed))
            self._claim_failed = False
        await self._follow_clock()
        turn = await self._turns.take()
        if turn is None:
            return False
        try:
            await self._claim(turn)
        except Exception:
            self._turns.add(turn.account_id, self.clock.now_ms())
            raise
        return True

    async def _follow_clock(self) -> None:
        """Keeps the waits of mails when the wall clock is set back."""
        if back_ms := self._clock_watch.set_back_ms():
            now_ms = self.clock.now_ms()
            self._hurries.append(deliveries.Hurry(now_ms, by_ms=back_ms, now_ms=now_ms))
            self._turns.set_back(back_ms)
        while self._hurries:
            await self.storage.writer.write(deliveries.hurry, self._hurries[0])
            del self._hurries[0]

    async def _claim(self, turn: Turn) -> None:
        now_ms = self.clock.now_ms()
        due = await self.storage.read(
            lambda c: deliveries.load_due(c, turn.account_id, now_ms, turn.limit)
        )
        work = [_Work(delivery=delivery, links=self._new_links()) for delivery in due]
        claiming = asyncio.gather(
            *(self.storage.writer.write(deliveries.claim, _claim_of(one, now_ms)) for one in work),
            return_exceptions=True,
        )
        try:
            results = await asyncio.shield(claiming)
        except asyncio.CancelledError:
            self._take(work, await claiming)  # to be given back
            raise
        sent = self._take(work, results)
        async with self._queued:
            self._queued.notify(sent)
        for result in results:
            if isinstance(result, BaseException):
                self._claim_failed = True
                raise result
        next_ms: int | None = now_ms
        if len(due) < turn.limit:
            next_ms = await self.storage.read(lambda c: deliveries.next_due(c, turn.account_id))
        self._turns.end(turn, sent, next_ms)

    def _take(self, work: Sequence[_Work], results: Sequence[bool | BaseException]) -> int:
        """Queues claimed mails; returns their number."""
        claimed = [one for one, result in zip(work, results, strict=True) if result is True]
        self._claimed.update(one.delivery.delivery_id for one in claimed)
        self._queue.extend(claimed)
        return len(claimed)

    def _new_links(self) -> Links:
        return Links(
            base_url=self.pages_url,
            unsubscribe_token=self.new_token(),
            confirm_token=self.new_token(),
        )

    async def _find_service(self, account_id: int) -> EmailService | None:
        return await self.storage.read(lambda c: mailing_lists.find_service(c, account_id))

    # Sending

    async def _send_all(self) -> None:
        transport = self.new_transport()
        try:
            while (work := await self._next(transport)) is not None:
                try:
                    await self._send(work, transport)
                except asyncio.CancelledError:
                    self._forget(work.delivery.delivery_id)  # the next run finds its row
                    raise
                except Exception as error:  # the database is away
                    log.error("mail_not_sent", reason=type(error).__name__)
                    self._end(work, _NOT_MADE)
        finally:
            await self.relay.close(transport)

    async def _next(self, transport: Transport) -> _Work | None:
        while not self._stopping:
            async with self._queued:
                now = self.clock.monotonic()
                wait_s = max(self._paused_until - now, self.relay.wait_s())
                if not self.may_send():
                    wait_s = POLL_S
                if self._queue and wait_s <= 0:
                    self.relay.take()
                    work = self._queue.popleft()
                    if len(self._queue) < SHARE // 2:
                        self._wake.set()
                    return work
                idle = not self._queue
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S if idle else min(max(wait_s, 0.001), POLL_S)):
                        await self._queued.wait()
            if idle and not self._queue:
                await self.relay.close(transport)
        return None

    async def _send(self, work: _Work, transport: Transport) -> None:
        delivery = work.delivery
        mailing_list = await self.storage.read(
            lambda c: mailing_lists.find(c, delivery.account_id, delivery.list_id)
        )
        issue = await self._issue(delivery)
        try:
            mail = await asyncio.to_thread(self._compose, work, mailing_list, issue)
        except Exception as error:  # a defect of ours must not hold up other mails
            log.error("mail_not_composed", reason=type(error).__name__)
            self._end(work, Answer(stage=Stage.CONTENT, code=554, text="not composed"))
            return
        answer = _NOT_MADE
        async with self.relay.connection(transport):
            if self.may_send():  # it may have waited for long
                answer = await transport.hand_over(
                    render_hex(delivery.delivery_id), self.settings.sender, delivery.address, mail
                )
        self._end(work, answer)

    def _compose(self, work: _Work, mailing_list: MailingList | None, issue: Issue | None) -> bytes:
        if mailing_list is None or (issue is None and work.delivery.kind is DeliveryKind.ISSUE):
            raise LookupError("a mail without its list or issue")
        delivery, links = work.delivery, work.links
        date = datetime_of(self.clock.now_ms())
        sender = self.settings.sender
        if issue is None:
            return compose_opt_in(mailing_list, delivery, links, sender=sender, date=date)
        return compose_issue(issue, mailing_list, delivery, links, sender=sender, date=date)

    async def _issue(self, delivery: Delivery) -> Issue | None:
        issue_id = delivery.issue_id
        if issue_id is None:
            return None
        if issue_id not in self._issues:
            self._issues[issue_id] = await self.storage.read(lambda c: issues.load(c, issue_id))
            if len(self._issues) > REMEMBERED:
                self._issues.popitem(last=False)
        return self._issues[issue_id]

    def _end(self, work: _Work, answer: Answer) -> None:
        """Stores the outcome of an attempt, and pauses if the relay is in trouble."""
        delivery = work.delivery
        now_ms = self.clock.now_ms()
        attempts = delivery.attempts + 1
        state = self._schedule.judge(answer, (now_ms - time_of(delivery.delivery_id)) / 1000)
        next_ms = now_ms
        if state is DeliveryState.PENDING:
            next_ms += round(self._schedule.delay_s(attempts, random.random()) * 1000)
        if answer.is_trouble:
            self._pause(answer)
        else:
            self._failures = 0
        self.metrics.mails[state.name.lower()] += 1
        attempt = MailAttempt(
            delivery_id=delivery.delivery_id,
            state=state,
            next_attempt_ms=next_ms,
            possible_duplicate=delivery.possible_duplicate or answer.is_lost,
            answered_ms=now_ms,
            answer_code=answer.code,
            answer=answer.text[:MAX_ANSWER].replace("\0", ""),
        )

        def saved(_on_disk: bool) -> None:
            self._forget(delivery.delivery_id)
            if state is DeliveryState.PENDING:
                self._turns.add(delivery.account_id, next_ms)

        item = Attempted(
            attempt=attempt,
            subscription_id=delivery.subscription_id,
            max_hard_bounces=self.settings.max_hard_bounces,
        )
        persist(self.storage.writer, deliveries.record, item, saved)

    def _pause(self, answer: Answer) -> None:
        now = self.clock.monotonic()
        if now < self._paused_until:
            return  # one of several connections that failed together
        pause_s = min(FIRST_PAUSE_S * 2**self._failures, LONGEST_PAUSE_S)
        self._failures = min(self._failures + 1, 10)
        self._paused_until = now + pause_s
        log.warning("relay_in_trouble", stage=answer.stage.value, code=answer.code, pause_s=pause_s)

    async def _give_back(self) -> None:
        """Releases claimed mails that were not sent; waits for outcomes being stored."""
        left = tuple(work.delivery.delivery_id for work in self._queue)
        self._queue.clear()
        with contextlib.suppress(TimeoutError, StorageUnavailable):
            async with asyncio.timeout(STOP_S):
                await self.storage.writer.write(deliveries.release, left)
                for delivery_id in left:
                    self._forget(delivery_id)
                while self._claimed:
                    self._nothing_claimed.clear()
                    await self._nothing_claimed.wait()

    def _forget(self, delivery_id: int) -> None:
        self._claimed.discard(delivery_id)
        if not self._claimed:
            self._nothing_claimed.set()


def _claim_of(work: _Work, now_ms: int) -> Claim:
    return Claim(
        delivery_id=work.delivery.delivery_id,
        unsubscribe=digest_of(work.links.unsubscribe_token),
        confirm=digest_of(work.links.confirm_token),
        at_ms=now_ms,
    )
