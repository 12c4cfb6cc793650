"""Campaigns by text message: drafts, starting, pausing and stopping them, and how they go.

A campaign sends batches with an audience: one, or where the recipients' time matters one for all
zones that have the same time. Batches are stored with the campaign in one transaction; who they go
to is read as they run (`core/submission/audiences.py`). What holds them back (a pause, a pace,
hours) are rules of `core/submission/pacing.py`, which are set here again at each start.

What can go wrong: the gateway stops while recipients are counted for a start. The campaign is then
`STARTING` and is begun anew. It stops between two batches of one start: it does not, they are
stored together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import field
from datetime import datetime
from time import monotonic
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import structlog

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.model.accounts import Account, Permission
from dragoman.core.campaigns.estimates import SAMPLES, Estimates
from dragoman.core.campaigns.model.text_campaigns import (
    MAX_NAME,
    MAX_TEXT,
    Campaign,
    CampaignBatch,
    CampaignState,
    Estimate,
    Plan,
    Report,
    Sample,
    Tally,
    When,
    check_plan,
)
from dragoman.core.campaigns.short_links import ShortLinks
from dragoman.core.campaigns.sql import text_campaigns
from dragoman.core.campaigns.sql.text_campaigns import (
    CampaignMove,
    CampaignNote,
    CampaignStart,
    NewLink,
)
from dragoman.core.messages.model.audiences import Audience
from dragoman.core.messages.model.lifecycle import BatchState
from dragoman.core.messages.model.messages import Submission
from dragoman.core.model.errors import RefusalCode, Refused, StorageUnavailable, existing
from dragoman.core.model.texts import check_text, is_storable
from dragoman.core.model.use_case import use_case
from dragoman.core.submission.batches import Batches
from dragoman.core.submission.decisions import Decision
from dragoman.core.submission.model.progress import BatchProgress
from dragoman.core.submission.pacing import Pace, Pacing, Rule
from dragoman.core.submission.sql import batches as batch_rows
from dragoman.core.submission.submission import SubmissionService
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource
from dragoman.kit.periodic import repeat
from dragoman.storage.engine import Storage

DIALECT: Final = "console"
STEP_EVERY_S: Final = 2.0
TALLY_EVERY_S: Final = 15.0
TALLY_REST: Final = 20
"""How many times as long as counting took the next count waits."""
VALIDITY_S: Final = 3 * 24 * 3600
LONG_VALIDITY_S: Final = 14 * 24 * 3600
"""Of campaigns that are held back by a pace or by hours."""
TO_ENTER: Final = (CampaignState.RUNNING, CampaignState.PAUSED)

log = structlog.get_logger(__name__)


@use_case(kw_only=True)
class TextCampaigns:
    """Keeps the campaigns of accounts, and runs them."""

    storage: Storage
    accounts: Accounts
    submission: SubmissionService
    batches: Batches
    estimates: Estimates
    short_links: ShortLinks
    pacing: Pacing
    ids: IdSource
    clock: Clock
    _counting: dict[int, Estimate] = field(default_factory=dict, init=False)
    """Estimates that are being made, by campaign."""
    _tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict, init=False)
    _next_tally: dict[int, float] = field(default_factory=dict, init=False)

    async def restore(self) -> None:
        """Sets the rules of running campaigns; to be called before batches run."""
        for campaign in await self.storage.read(text_campaigns.find_active):
            await self._set_rules(campaign)

    async def run(self) -> None:
        """Starts campaigns, and follows those that run; runs until cancelled."""
        try:
            await repeat(STEP_EVERY_S, self.step, "campaigns_not_followed")
        finally:
            for task in self._tasks.values():
                task.cancel()

    # Drafts

    async def page(self, account: Account, before: int | None, limit: int) -> tuple[Campaign, ...]:
        """The account's campaigns, newest first."""
        return tuple(
            await self.storage.read(
                lambda c: text_campaigns.find_page(c, account.account_id, before, limit)
            )
        )

    async def find(self, account: Account, campaign_id: int) -> Campaign:
        """One of the account's campaigns; raises `Refused`."""
        found = await self.storage.read(
            lambda c: text_campaigns.find(c, account.account_id, campaign_id)
        )
        return existing(found, Refused(RefusalCode.NOT_FOUND, str(campaign_id), "campaign"))

    async def create(
        self, account: Account, *, name: str, sender: str, text: str, plan: Plan
    ) -> Campaign:
        """Stores a draft; raises `Refused`."""
        _check_may_send(account)
        campaign = Campaign(
            campaign_id=await self.storage.short_ids.next(),
            account_id=account.account_id,
            name=name,
            sender=sender,
            text=text,
            plan=plan,
            changed_ms=self.clock.now_ms(),
        )
        self._check(campaign)
        await self.storage.writer.write(text_campaigns.create, campaign)
        return campaign

    async def change(self, account: Account, campaign: Campaign) -> Campaign:
        """Stores a draft that was read, with other contents; raises `Refused`.

        The code is `ALREADY_EXISTS` with the subject `version` where someone else changed it.
        """
        _check_may_send(account)
        self._check(campaign)
        # Never the same twice, so that it tells whether someone else changed it.
        at_ms = max(self.clock.now_ms(), campaign.changed_ms + 1)
        new = msgspec.structs.replace(campaign, changed_ms=at_ms, estimate=None)
        change = text_campaigns.CampaignChange(campaign=new, known_ms=campaign.changed_ms)
        self._forget_count(campaign.campaign_id)
        if not await self.storage.writer.write(text_campaigns.change, change):
            await self.find(account, campaign.campaign_id)
            raise Refused(RefusalCode.ALREADY_EXISTS, "version", "someone else changed it")
        return new

    async def remove(self, account: Account, campaign_id: int) -> None:
        """Deletes a draft; raises `Refused`."""
        _check_may_send(account)
        await self.find(account, campaign_id)
        self._forget_count(campaign_id)
        if not await self.storage.writer.write(text_campaigns.remove, campaign_id):
            raise Refused(RefusalCode.NOT_CANCELLABLE, str(campaign_id), "it has begun")

    # Looking at a draft before it begins

    async def check(self, account: Account, campaign: Campaign) -> Decision:
        """Decides on a draft as if it began now, and stores nothing; raises `Refused`."""
        return await self._decide(account, campaign, campaign.text)

    async def samples(self, account: Account, campaign: Campaign) -> list[Sample]:
        """What the first recipients would get; raises `Refused`."""
        text, _ = self._shortened(campaign)
        decision = await self._decide(account, campaign, text)
        return await self.estimates.samples(account, decision, SAMPLES)

    async def begin_count(self, account: Account, campaign_id: int) -> None:
        """Begins to count a draft's recipients, parts and credits; raises `Refused`."""
        campaign = await self.find(account, campaign_id)
        if campaign_id in self._tasks:
            return
        text, _ = self._shortened(campaign)
        decision = await self._decide(account, campaign, text)
        self._counting[campaign_id] = Estimate(at_ms=self.clock.now_ms(), is_complete=False)

        async def work() -> None:
            try:
                done = await self._count(account, campaign, decision)
                note = CampaignNote(campaign_id=campaign_id, estimate=done)
                await self.storage.writer.write(text_campaigns.note, note)
            except Refused as refused:
                log.warning("campaign_not_counted", reason=str(refused.code))
            finally:
                self._counting.pop(campaign_id, None)

        self._spawn(campaign_id, work())

    def counting(self, campaign_id: int) -> Estimate | None:
        """How far a count is; None where none goes on."""
        return self._counting.get(campaign_id)

    async def settled(self, campaign_id: int) -> None:
        """Waits until what goes on in the background for a campaign is over."""
        task = self._tasks.get(campaign_id)
        if task is not None:
            await asyncio.wait([task])

    async def send_test(self, account: Account, campaign: Campaign, number: str) -> int:
        """Sends what the first recipient would get to a number; returns the message's batch."""
        samples = await self.samples(account, campaign)
        good = [one for one in samples if not one.problem]
        if not good:
            raise Refused(RefusalCode.MISSING_FIELD, "lists", "nobody would get it")
        accepted = await self.submission.submit(
            account,
            Submission(
                dialect=DIALECT,
                recipients=(number,),
                text=good[0].text,
                sender=campaign.sender,
                reference=f"test of {campaign.name}"[:255],
            ),
        )
        return accepted.batch_id

    # A campaign's life

    async def start(self, account: Account, campaign_id: int, known_ms: int) -> Campaign:
        """Lets a draft begin as it was read at `known_ms`; raises `Refused`."""
        _check_may_send(account)
        campaign = await self.find(account, campaign_id)
        if campaign.state is not CampaignState.DRAFT:
            return campaign  # the button was pressed twice
        if campaign.changed_ms != known_ms:
            raise Refused(RefusalCode.ALREADY_EXISTS, "version", "someone else changed it")
        await self._decide(account, campaign, self._shortened(campaign)[0])
        self._forget_count(campaign_id)
        await self._move(campaign, (CampaignState.DRAFT,), CampaignState.STARTING)
        begun = await self.find(account, campaign_id)
        if begun.state is CampaignState.STARTING:
            self._spawn(campaign_id, self._start(begun))
        return begun

    async def pause(self, account: Account, campaign_id: int) -> Campaign:
        """Lets nobody else get a message for now; raises `Refused`."""
        return await self._switch(account, campaign_id, CampaignState.PAUSED)

    async def resume(self, account: Account, campaign_id: int) -> Campaign:
        """Goes on with a paused campaign; raises `Refused`."""
        return await self._switch(account, campaign_id, CampaignState.RUNNING)

    async def stop(self, account: Account, campaign_id: int) -> Campaign:
        """Ends a campaign: whoever has not got a message gets none. Raises `Refused`."""
        _check_may_send(account)
        campaign = await self.find(account, campaign_id)
        if campaign.state is CampaignState.STARTING:
            await self._move(campaign, (CampaignState.STARTING,), CampaignState.STOPPED)
            if task := self._tasks.get(campaign_id):
                task.cancel()
            campaign = await self.find(account, campaign_id)
        elif campaign.state in TO_ENTER:
            await self._move(campaign, TO_ENTER, CampaignState.STOPPED)
        for batch_id, _ in await self._batch_ids(campaign_id):
            await self._stop_batch(account, batch_id)
        return await self.find(account, campaign_id)

    async def report(self, account: Account, campaign_id: int) -> Report:
        """How a campaign goes; reads a row for each of its batches. Raises `Refused`."""
        campaign = await self.find(account, campaign_id)
        parts = await self._batches(campaign)
        progress = [part.progress for part in parts]
        return Report(
            campaign=campaign,
            batches=tuple(parts),
            links=tuple(await self.short_links.of_campaign(campaign_id)),
            recipients=sum(one.recipients for one in progress),
            waiting=sum(one.unsent for one in progress),
            sent=sum(one.buffered for one in progress),
            delivered=sum(one.received for one in progress),
            failed=sum(one.failed for one in progress),
        )

    # In the background

    async def step(self) -> None:
        """Goes on with every active campaign."""
        for campaign in await self.storage.read(text_campaigns.find_active):
            if campaign.state is CampaignState.STARTING:
                if campaign.campaign_id not in self._tasks:  # left by an earlier run
                    self._spawn(campaign.campaign_id, self._start(campaign))
            elif campaign.state is CampaignState.RUNNING:
                await self._follow(campaign)

    async def _start(self, campaign: Campaign) -> None:
        try:
            account = await self.accounts.find_by_id(campaign.account_id)
            if account is None:
                raise Refused(RefusalCode.NOT_FOUND, "account")
            await self._start_now(account, campaign)
        except StorageUnavailable:
            log.warning("campaign_waits", campaign_id=campaign.campaign_id)  # the next step begins
        except Refused as refused:
            problem = ": ".join(filter(None, (refused.code.value, refused.detail)))
            before = (CampaignState.STARTING,)
            await self._move(campaign, before, CampaignState.STOPPED, problem)
        finally:
            self._counting.pop(campaign.campaign_id, None)

    async def _start_now(self, account: Account, campaign: Campaign) -> None:
        text, links = self._shortened(campaign)
        estimate = None
        groups: Sequence[tuple[str, ...]] = ((),)
        if campaign.plan.is_by_zone:
            decision = await self._decide(account, campaign, text)
            estimate = await self._count(account, campaign, decision)
            groups = [one.zones for one in estimate.zones]
            if not groups:
                raise Refused(RefusalCode.MISSING_FIELD, "lists", "nobody is in them")
        decisions = [await self._decide(account, campaign, text, zones) for zones in groups]
        zones = tuple(names[0] if names else "" for names in groups)
        self._put_rules(campaign, [d.accepted.batch_id for d in decisions], zones)
        start = CampaignStart(
            campaign_id=campaign.campaign_id,
            at_ms=self.clock.now_ms(),
            batches=tuple(decision.new for decision in decisions),
            zones=zones,
            links=links,
            estimate=estimate,
        )
        await self.submission.store_all(decisions, text_campaigns.start, start)

    async def _follow(self, campaign: Campaign) -> None:
        """Counts results from time to time, and notes the end."""
        parts = [part.progress for part in await self._batches(campaign)]
        is_over = all(part.state in (BatchState.DONE, BatchState.CANCELLED) for part in parts)
        waits = any(part.unsent or part.buffered for part in parts)
        if is_over:
            await self._move(campaign, (CampaignState.RUNNING,), CampaignState.DONE)
        if monotonic() >= self._next_tally.get(campaign.campaign_id, 0.0) or (
            is_over and not waits
        ):
            await self.tally(campaign)

    async def tally(self, campaign: Campaign) -> Tally:
        """Counts a campaign's messages by state and cause, and keeps the result."""
        batch_ids = [batch_id for batch_id, _ in await self._batch_ids(campaign.campaign_id)]
        began = monotonic()
        causes = await self.storage.read(lambda c: text_campaigns.count_causes(c, batch_ids))
        tally = Tally(at_ms=self.clock.now_ms(), causes=tuple(causes))
        note = CampaignNote(campaign_id=campaign.campaign_id, tally=tally)
        await self.storage.writer.write(text_campaigns.note, note)
        # Before there are messages, counting costs nothing, and the first ones are looked for.
        rest = max(TALLY_EVERY_S, TALLY_REST * (monotonic() - began)) if causes else 0.0
        self._next_tally[campaign.campaign_id] = monotonic() + rest
        return tally

    async def refresh_tally(self, account: Account, campaign_id: int) -> None:
        """Has a campaign counted again in the background, unless it was just now."""
        campaign = await self.find(account, campaign_id)
        if monotonic() < self._next_tally.get(campaign_id, 0.0) or campaign_id in self._tasks:
            return

        async def work() -> None:
            await self.tally(campaign)

        self._spawn(campaign_id, work())

    async def _count(self, account: Account, campaign: Campaign, decision: Decision) -> Estimate:
        def note(so_far: Estimate) -> None:
            self._counting[campaign.campaign_id] = so_far

        by_zone = campaign.plan.is_by_zone
        return await self.estimates.count(account, decision, by_zone=by_zone, on_progress=note)

    async def _decide(
        self, account: Account, campaign: Campaign, text: str, zones: tuple[str, ...] = ()
    ) -> Decision:
        plan = campaign.plan
        if not plan.lists:
            raise Refused(RefusalCode.MISSING_FIELD, "lists", "choose at least one list")
        slow = plan.per_minute or plan.from_minute is not None
        return await self.submission.decide(
            account,
            Submission(
                dialect=DIALECT,
                recipients=(),
                text=text,
                sender=campaign.sender,
                reference=f"campaign {campaign.campaign_id}",
                audience=Audience(lists=plan.lists, filter=plan.filter, zones=zones),
                due_ms=_due_ms(plan, zones[0] if zones else ""),
                validity_s=LONG_VALIDITY_S if slow else VALIDITY_S,
            ),
        )

    async def _switch(self, account: Account, campaign_id: int, after: CampaignState) -> Campaign:
        _check_may_send(account)
        campaign = await self.find(account, campaign_id)
        before = CampaignState.RUNNING if after is CampaignState.PAUSED else CampaignState.PAUSED
        if campaign.state is after:
            return campaign
        if campaign.state is not before:
            raise Refused(RefusalCode.NOT_CANCELLABLE, str(campaign_id), "it is not running")
        await self._move(campaign, (before,), after)
        changed = await self.find(account, campaign_id)
        await self._set_rules(changed)
        return changed

    async def _stop_batch(self, account: Account, batch_id: int) -> None:
        try:
            await self.batches.cancel(account, batch_id)
        except Refused as refused:
            if refused.code is not RefusalCode.NOT_CANCELLABLE:
                raise
            await self.batches.stop_rest(batch_id)
            await self.batches.cancel_waiting(batch_id)

    async def _set_rules(self, campaign: Campaign) -> None:
        rows = await self._batch_ids(campaign.campaign_id)
        self._put_rules(campaign, [row[0] for row in rows], [row[1] for row in rows])

    def _put_rules(
        self, campaign: Campaign, batch_ids: Sequence[int], zones: Sequence[str]
    ) -> None:
        plan = campaign.plan
        pace = Pace(plan.per_minute, self.clock.monotonic) if plan.per_minute else None
        for batch_id, zone in zip(batch_ids, zones, strict=True):
            rule = Rule(
                held=campaign.state is CampaignState.PAUSED,
                pace=pace,
                zone=zone,
                from_minute=plan.from_minute,
                to_minute=plan.to_minute,
            )
            self.pacing.put(batch_id, rule)

    async def _move(
        self,
        campaign: Campaign,
        before: tuple[CampaignState, ...],
        after: CampaignState,
        problem: str = "",
    ) -> bool:
        move = CampaignMove(
            campaign_id=campaign.campaign_id,
            before=tuple(int(state) for state in before),
            state=int(after),
            at_ms=max(self.clock.now_ms(), campaign.changed_ms + 1),
            problem=problem,
        )
        return await self.storage.writer.write(text_campaigns.move, move)

    async def _batch_ids(self, campaign_id: int) -> list[tuple[int, str]]:
        return await self.storage.read(lambda c: text_campaigns.find_batches(c, campaign_id))

    async def _batches(self, campaign: Campaign) -> list[CampaignBatch]:
        rows = await self._batch_ids(campaign.campaign_id)

        def load(connection: Any) -> list[tuple[str, BatchProgress | None]]:
            account_id = campaign.account_id
            return [
                (zone, batch_rows.find(connection, account_id, batch_id)) for batch_id, zone in rows
            ]

        return [
            CampaignBatch(zone=zone, progress=progress)
            for zone, progress in await self.storage.read(load)
            if progress is not None  # they are dropped when they are old enough
        ]

    def _shortened(self, campaign: Campaign) -> tuple[str, tuple[NewLink, ...]]:
        """The text as it is sent, and the links to store with it."""
        if not campaign.plan.shorten or not self.short_links.enabled:
            return campaign.text, ()
        return self.short_links.shorten(campaign.text, campaign.campaign_id)

    def _check(self, campaign: Campaign) -> None:
        if not campaign.name.strip():
            raise Refused(RefusalCode.MISSING_FIELD, "name")
        check_text("name", campaign.name, MAX_NAME)
        check_text("text", campaign.text, MAX_TEXT)
        if len(campaign.sender) > 20 or not is_storable(campaign.sender):
            raise Refused(RefusalCode.INVALID_SENDER, "sender")
        check_plan(campaign.plan)
        if campaign.plan.shorten and not self.short_links.enabled:
            raise Refused(RefusalCode.NOT_SUPPORTED, "shorten", "links.public_url is not set")
        if campaign.plan.when is When.LOCAL:
            _read_local(campaign.plan.due)

    def _forget_count(self, campaign_id: int) -> None:
        self._counting.pop(campaign_id, None)
        if task := self._tasks.pop(campaign_id, None):
            task.cancel()

    def _spawn(self, campaign_id: int, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks[campaign_id] = task

        def done(ended: asyncio.Task[None]) -> None:
            if self._tasks.get(campaign_id) is ended:
                del self._tasks[campaign_id]
            if not ended.cancelled() and (error := ended.exception()) is not None:
                log.error("campaign_failed", reason=type(error).__name__)

        task.add_done_callback(done)


def _due_ms(plan: Plan, zone: str) -> int | None:
    """When a batch is due; None for now."""
    if plan.when is When.AT:
        return plan.due_ms
    if plan.when is When.LOCAL:
        local = _read_local(plan.due).replace(tzinfo=ZoneInfo(zone or "UTC"))
        return round(local.timestamp() * 1000)
    return None


def _read_local(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(RefusalCode.INVALID_SCHEDULE, "due", "not a time") from None
    if found.tzinfo is not None:
        raise Refused(RefusalCode.INVALID_SCHEDULE, "due", "a local time has no zone")
    return found


def _check_may_send(account: Account) -> None:
    if not account.may(Permission.SEND):
        raise Refused(RefusalCode.PERMISSION_DENIED, Permission.SEND)
