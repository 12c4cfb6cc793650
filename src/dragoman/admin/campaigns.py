"""Campaigns by text message, and templates of texts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from dragoman.admin.calls import Body, Call
from dragoman.admin.campaign_answers import (
    CampaignList,
    CampaignView,
    CauseView,
    EstimateView,
    LinkView,
    SampleView,
    TemplateList,
    TemplateView,
    TestSent,
    ZoneView,
)
from dragoman.admin.contact_answers import Removed
from dragoman.admin.contacts import find_list
from dragoman.admin.context import Admin
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.campaigns.model.text_campaigns import Campaign, CampaignState, Plan, When
from dragoman.core.contacts.model.filters import Filter, Match, Operation, Rule
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import RefusalCode, Refused

MAX_LISTED: Final = 1_000
_ACTIONS: Final = "start, pause, resume, stop, remove"


class WhichCampaigns(Body, frozen=True, kw_only=True):
    """Which campaigns to list."""

    before: int | None = None
    """Only older ones than this."""
    limit: int = 50


class FilterRule(Body, frozen=True, kw_only=True):
    """A rule about a merge field."""

    field: str
    operation: str
    """`is`, `not`, `contains`, `notcontain`, `start`, `ends`, `greater` or `less`."""
    value: str


class NewCampaign(Body, frozen=True, kw_only=True):
    """A draft of a campaign."""

    name: str
    text: str
    """With placeholders such as `[Name]` for merge fields."""
    lists: tuple[str, ...]
    """Names or identifiers."""
    sender: str = ""
    rules: tuple[FilterRule, ...] = ()
    match: str = "all"
    """`all` or `any` of the rules."""
    due_ms: int | None = None
    """When it begins, for all at one moment."""
    local: str = ""
    """When it begins for each recipient, a local time such as 2026-12-24T09:00."""
    from_minute: int | None = None
    """Minutes of the recipient's day between which it is sent."""
    to_minute: int | None = None
    per_minute: int = 0
    """Messages a minute at most; 0 for as fast as carriers take them."""
    shorten: bool = False
    """Whether links become short ones that are counted."""


class Action(Body, frozen=True, kw_only=True):
    """What to do with a campaign."""

    action: str
    """`start`, `pause`, `resume`, `stop` or `remove`."""


class TestNumber(Body, frozen=True, kw_only=True):
    """Who gets a test."""

    recipient: str


class NewTemplate(Body, frozen=True, kw_only=True):
    """A template, which replaces the one of the same name."""

    text: str


async def list_campaigns(admin: Admin, username: str, query: WhichCampaigns) -> CampaignList:
    """List campaigns of an account, newest first."""
    if not 0 < query.limit <= MAX_LISTED:
        raise Refused(RefusalCode.INVALID_FIELD, "limit", f"from 1 to {MAX_LISTED}")
    account = await admin.services.accounts.find(username)
    found = await admin.services.text_campaigns.page(account, query.before, query.limit)
    return CampaignList(
        campaigns=tuple([await _view(admin, account, one) for one in found]),
        next=found[-1].campaign_id if len(found) == query.limit else None,
    )


async def create_campaign(admin: Admin, username: str, body: NewCampaign) -> CampaignView:
    """Create the draft of a campaign; nothing is sent until it is started."""
    account = await admin.services.accounts.find(username)
    made = await admin.services.text_campaigns.create(
        account,
        name=body.name,
        sender=body.sender or account.default_sender,
        text=body.text,
        plan=await _read_plan(admin, account, body),
    )
    return await _view(admin, account, made)


async def show_campaign(admin: Admin, username: str, campaign: str) -> CampaignView:
    """Show a campaign, how it goes, and its result by state and cause."""
    account = await admin.services.accounts.find(username)
    found = await _find(admin, account, campaign)
    if found.state is not CampaignState.DRAFT:
        await admin.services.text_campaigns.tally(found)
    return await _view(admin, account, await _find(admin, account, campaign))


async def estimate_campaign(admin: Admin, username: str, campaign: str) -> EstimateView:
    """Count a campaign's recipients, parts and credits, and show what the first would get."""
    campaigns = admin.services.text_campaigns
    account = await admin.services.accounts.find(username)
    found = await _find(admin, account, campaign)
    samples = await campaigns.samples(account, found)
    await campaigns.begin_count(account, found.campaign_id)
    await campaigns.settled(found.campaign_id)
    counted = (await _find(admin, account, campaign)).estimate
    if counted is None:
        raise Refused(RefusalCode.UNAVAILABLE, "campaign")
    return EstimateView(
        recipients=counted.recipients,
        messages=counted.messages,
        parts=counted.parts,
        credits=counted.credits,
        opted_out=counted.opted_out,
        unreachable=counted.unreachable,
        unsendable=counted.unsendable,
        zones=tuple(
            ZoneView(zone=one.zones[0], recipients=one.recipients) for one in counted.zones
        ),
        samples=tuple(
            SampleView(number=one.number, text=one.text, problem=one.problem) for one in samples
        ),
    )


async def test_campaign(admin: Admin, username: str, campaign: str, body: TestNumber) -> TestSent:
    """Send what the first recipient would get to a number."""
    account = await admin.services.accounts.find(username)
    found = await _find(admin, account, campaign)
    batch_id = await admin.services.text_campaigns.send_test(account, found, body.recipient)
    return TestSent(batch_id=batch_id)


async def act_on_campaign(admin: Admin, username: str, campaign: str, body: Action) -> CampaignView:
    """Start, pause, resume or stop a campaign, or delete a draft."""
    campaigns = admin.services.text_campaigns
    account = await admin.services.accounts.find(username)
    found = await _find(admin, account, campaign)
    campaign_id = found.campaign_id
    match body.action:
        case "start":
            await campaigns.start(account, campaign_id, found.changed_ms)
            await campaigns.settled(campaign_id)
        case "pause":
            await campaigns.pause(account, campaign_id)
        case "resume":
            await campaigns.resume(account, campaign_id)
        case "stop":
            await campaigns.stop(account, campaign_id)
        case "remove":
            await campaigns.remove(account, campaign_id)
            await admin.note(account, "delete_campaign", found.name)
            return await _view(admin, account, found)
        case _:
            raise Refused(RefusalCode.INVALID_FIELD, "action", f"one of {_ACTIONS}")
    await admin.note(account, f"{body.action}_campaign", found.name)
    return await _view(admin, account, await _find(admin, account, campaign))


async def list_templates(admin: Admin, username: str) -> TemplateList:
    """List the templates of an account."""
    account = await admin.services.accounts.find(username)
    found = await admin.services.text_templates.list_all(account)
    return TemplateList(
        templates=tuple(
            TemplateView(template_id=one.template_id, name=one.name, text=one.text) for one in found
        )
    )


async def put_template(admin: Admin, username: str, name: str, body: NewTemplate) -> TemplateView:
    """Store a template, in place of the one with its name."""
    templates = admin.services.text_templates
    account = await admin.services.accounts.find(username)
    known = next((one for one in await templates.list_all(account) if one.name == name), None)
    if known is None:
        stored = await templates.create(account, name, body.text)
    else:
        new = msgspec.structs.replace(known, text=body.text)
        stored = await templates.change(account, new)
    return TemplateView(template_id=stored.template_id, name=stored.name, text=stored.text)


async def remove_template(admin: Admin, username: str, name: str) -> Removed:
    """Delete a template."""
    account = await admin.services.accounts.find(username)
    found = await admin.services.text_templates.find_by_name(account, name)
    await admin.services.text_templates.remove(account, found.template_id)
    return Removed(removed=name)


async def _read_plan(admin: Admin, account: Account, body: NewCampaign) -> Plan:
    lists = [await find_list(admin, account, named) for named in body.lists]
    try:
        rules = tuple(
            Rule(field=one.field, operation=Operation(one.operation), value=one.value)
            for one in body.rules
        )
        match = Match(body.match)
    except ValueError as error:
        raise Refused(RefusalCode.INVALID_FIELD, "rules", str(error)) from None
    when, due = When.NOW, ""
    if body.local:
        when, due = When.LOCAL, body.local
    elif body.due_ms is not None:
        if body.due_ms <= admin.services.clock.now_ms():
            raise Refused(RefusalCode.INVALID_SCHEDULE, "due", "in the past")
        zone = ZoneInfo(account.time_zone or admin.services.settings.console.time_zone)
        local = datetime.fromtimestamp(body.due_ms / 1000, UTC).astimezone(zone)
        when, due = When.AT, local.strftime("%Y-%m-%dT%H:%M")
    return Plan(
        lists=tuple(one.list_id for one in lists),
        filter=Filter(match=match, rules=rules) if rules else None,
        when=when,
        due=due,
        due_ms=body.due_ms if when is When.AT else None,
        from_minute=body.from_minute,
        to_minute=body.to_minute,
        per_minute=body.per_minute,
        shorten=body.shorten,
    )


async def _find(admin: Admin, account: Account, campaign: str) -> Campaign:
    campaign_id = int(campaign) if campaign.isascii() and campaign.isdigit() else 0
    return await admin.services.text_campaigns.find(account, campaign_id % (1 << 53))


async def _view(admin: Admin, account: Account, campaign: Campaign) -> CampaignView:
    services, plan = admin.services, campaign.plan
    names = {one.list_id: one.name for one in await services.contacts.lists(account)}
    figures: dict[str, int] = {}
    links: tuple[LinkView, ...] = ()
    if campaign.state is not CampaignState.DRAFT:
        report = await services.text_campaigns.report(account, campaign.campaign_id)
        wanted = ("recipients", "waiting", "sent", "delivered", "failed")
        figures = {name: getattr(report, name) for name in wanted}
        address = services.short_links.address_of
        links = tuple(
            LinkView(link=address(one.token), url=one.url, clicks=one.clicks)
            for one in report.links
        )
    rules = plan.filter.rules if plan.filter is not None else ()
    joined = " and " if plan.filter is None or plan.filter.match is Match.ALL else " or "
    hours = ""
    if plan.from_minute is not None and plan.to_minute is not None:
        hours = f"{_clock(plan.from_minute)}-{_clock(plan.to_minute)}"
    tally = campaign.tally.causes if campaign.tally is not None else ()
    return CampaignView(
        campaign_id=campaign.campaign_id,
        account=account.username,
        name=campaign.name,
        state=campaign.state.name.lower(),
        sender=campaign.sender,
        text=campaign.text,
        lists=tuple(names.get(one, str(one)) for one in plan.lists),
        filter=joined.join(f"{rule.field} {rule.operation} {rule.value}" for rule in rules),
        when=plan.when.value,
        due=plan.due,
        hours=hours,
        per_minute=plan.per_minute,
        shorten=plan.shorten,
        problem=campaign.problem,
        started_ms=campaign.started_ms,
        ended_ms=campaign.ended_ms,
        causes=tuple(
            CauseView(state=State(one.state).name.lower(), cause=one.failure, messages=one.messages)
            for one in tally
        ),
        links=links,
        **figures,
    )


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


_CAMPAIGN: Final = "/accounts/{username}/campaigns/{campaign}"
CALLS: Final = (
    Call("GET", "/accounts/{username}/campaigns", list_campaigns),
    Call("POST", "/accounts/{username}/campaigns", create_campaign),
    Call("GET", _CAMPAIGN, show_campaign),
    Call("POST", f"{_CAMPAIGN}/estimate", estimate_campaign),
    Call("POST", f"{_CAMPAIGN}/test", test_campaign),
    Call("POST", f"{_CAMPAIGN}/actions", act_on_campaign),
    Call("GET", "/accounts/{username}/templates", list_templates),
    Call("PUT", "/accounts/{username}/templates/{name}", put_template),
    Call("DELETE", "/accounts/{username}/templates/{name}", remove_template),
)
