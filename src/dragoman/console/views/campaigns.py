"""Campaigns: their previews, starting and stopping them, and how they went."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import Any, Final

import msgspec

from dragoman.console.campaign_fields import LABELS, describe_campaign
from dragoman.console.labels import FAILURES, STATES, describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.paging import PER_PAGE, address_of, read_before
from dragoman.console.reading import Unreadable, read_count, read_recipient
from dragoman.console.regions import region_of
from dragoman.console.translation import gettext, lazy
from dragoman.console.views.campaign_drafts import begin_count, find_campaign
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.campaigns.model.text_campaigns import (
    Campaign,
    CampaignState,
)
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode, RefusalCode, Refused
from dragoman.web.responses import Response

CAMPAIGN_STATES: Final = MappingProxyType(
    {
        CampaignState.DRAFT: lazy("draft"),
        CampaignState.STARTING: lazy("starting"),
        CampaignState.RUNNING: lazy("running"),
        CampaignState.PAUSED: lazy("paused"),
        CampaignState.STOPPED: lazy("stopped"),
        CampaignState.DONE: lazy("done"),
    }
)
_AT: Final = "/campaigns"


async def list_campaigns(request: PageRequest) -> Response:
    """The account's campaigns, newest first."""
    before = read_before(request.query)
    found = await request.services.text_campaigns.page(request.account, before, PER_PAGE + 1)
    shown = found[:PER_PAGE]
    return request.show(
        "campaigns.html",
        campaigns=shown,
        states=CAMPAIGN_STATES,
        may_send=request.account.may(Permission.SEND),
        further=address_of(request.query, before=shown[-1].campaign_id)
        if len(found) > PER_PAGE
        else "",
        first=address_of(request.query) if before is not None else "",
    )


async def show_campaign(request: PageRequest) -> Response:
    """A draft with its preview and cost, or how a campaign goes."""
    campaign = await find_campaign(request)
    if campaign.state is CampaignState.DRAFT:
        return await _show_draft(request, campaign)
    return await _show_report(request, campaign)


async def act(request: PageRequest) -> Response:
    """Counts, tests, starts, pauses, resumes, stops or deletes a campaign."""
    campaigns, campaign = request.services.text_campaigns, await find_campaign(request)
    campaign_id, at = campaign.campaign_id, f"{_AT}/{campaign.campaign_id}"
    if not request.account.may(Permission.SEND):
        raise Refused(RefusalCode.PERMISSION_DENIED, Permission.SEND)
    match request.form.get("do"):
        case "count":
            await begin_count(request, campaign)
            return request.go(at)
        case "test":
            return await _test(request, campaign)
        case "start":
            return await _start(request, campaign)
        case "pause":
            await campaigns.pause(request.account, campaign_id)
            await request.note("pause_campaign", campaign.name)
        case "resume":
            await campaigns.resume(request.account, campaign_id)
            await request.note("resume_campaign", campaign.name)
        case "stop":
            await campaigns.stop(request.account, campaign_id)
            await request.note("stop_campaign", campaign.name)
        case "tally":
            await campaigns.refresh_tally(request.account, campaign_id)
            return request.go(at)
        case "remove":
            await campaigns.remove(request.account, campaign_id)
            await request.note("delete_campaign", campaign.name)
            return request.go(_AT, "campaign-deleted")
        case _:
            raise Refused(RefusalCode.MALFORMED_REQUEST, "do")
    return request.go(at, "saved")


async def tell_progress(request: PageRequest) -> Response:
    """How far a campaign or a count is, for a script."""
    campaign = await find_campaign(request)
    counting = request.services.text_campaigns.counting(campaign.campaign_id)
    told: dict[str, Any] = {"state": str(CAMPAIGN_STATES[campaign.state])}
    told["counted"] = None if counting is None else counting.counted
    if campaign.state is not CampaignState.DRAFT:
        report = await request.services.text_campaigns.report(request.account, campaign.campaign_id)
        names = ("recipients", "waiting", "sent", "delivered", "failed")
        told |= {name: getattr(report, name) for name in names}
        told["counted_all"] = report.is_counted
        if not report.is_counted:
            await request.services.text_campaigns.refresh_tally(
                request.account, campaign.campaign_id
            )
    return request.give_json(msgspec.json.encode(told))


async def _test(request: PageRequest, campaign: Campaign) -> Response:
    typed = request.form.get("test", "")
    mark = f"test {campaign.campaign_id} {request.form.get('mark', '')}"
    try:
        if not typed.strip():
            raise Unreadable(gettext("Enter your number."))
        number = read_recipient(typed, region_of(request))
        batch_id = await request.context.repeats.once(
            request.account.account_id,
            mark,
            lambda: request.services.text_campaigns.send_test(
                request.account, campaign, f"+{number}"
            ),
        )
    except Unreadable as unreadable:
        request.problems["test"] = str(unreadable)
    except Refused as refused:
        if refused.code is RefusalCode.UNAVAILABLE:
            raise
        request.problems["test"] = refused.detail or describe_refusal(refused)
    else:
        return request.go(f"{_AT}/{campaign.campaign_id}?test={batch_id}", "test-sent")
    return await _show_draft(request, campaign, 400)


async def _start(request: PageRequest, campaign: Campaign) -> Response:
    known = read_count(request.form.get("known", "")) or 0
    try:
        await request.services.text_campaigns.start(request.account, campaign.campaign_id, known)
    except Refused as refused:
        if refused.code is RefusalCode.UNAVAILABLE:
            raise
        if refused.subject == "version":
            request.problems[""] = gettext(
                "Someone else changed the campaign after you opened this page. Look at it again"
                " before you start it."
            )
            return await _show_draft(request, await find_campaign(request), 409)
        request.problems[""] = refused.detail or describe_refusal(refused)
        return await _show_draft(request, campaign, 400)
    await request.note("start_campaign", campaign.name)
    return request.go(f"{_AT}/{campaign.campaign_id}")


async def _show_draft(request: PageRequest, campaign: Campaign, status: int = 200) -> Response:
    services = request.services
    # Before the campaign is read again: a count that is over by now has its result there.
    counting = services.text_campaigns.counting(campaign.campaign_id)
    campaign = await find_campaign(request)
    samples, problem = [], ""
    try:
        samples = await services.text_campaigns.samples(request.account, campaign)
    except Refused as refused:
        if refused.code is RefusalCode.UNAVAILABLE:
            raise
        problem = describe_refusal(refused)
        if refused.code is RefusalCode.MISSING_FIELD:
            problem = gettext("Choose at least one list.")
    return request.show(
        "campaign-draft.html",
        status,
        campaign=campaign,
        samples=samples,
        problem=problem,
        counting=counting,
        estimate=campaign.estimate,
        balance=await services.accounts.balance(request.account),
        facts=await describe_campaign(request, campaign),
        may_send=request.account.may(Permission.SEND),
        mark=request.form.get("mark", "") or f"{services.ids.next()}",
        test=request.form.get("test", ""),
        tested=read_count(request.query.get("test", "")),
        labels=LABELS,
        progress=f"{_AT}/{campaign.campaign_id}/progress",
    )


async def _show_report(request: PageRequest, campaign: Campaign) -> Response:
    services = request.services
    report = await services.text_campaigns.report(request.account, campaign.campaign_id)
    known = sum(one.messages for one in campaign.tally.causes) if campaign.tally else 0
    if known != report.recipients or not report.is_counted:
        await services.text_campaigns.refresh_tally(request.account, campaign.campaign_id)
    only = report.batches[0].progress.batch_id if len(report.batches) == 1 else None
    causes = []
    for one in campaign.tally.causes if campaign.tally is not None else ():
        state = State(one.state)
        address = ""
        if only is not None:
            address = f"/messages?id={only}&state={state.name.lower()}"
            address += f"&cause={one.failure}" if one.failure else ""
        label = FAILURES[FailureCode(one.failure)] if one.failure else ""
        causes.append((state, label, one.messages, address))
    return request.show(
        "campaign.html",
        campaign=campaign,
        report=report,
        only=only,
        causes=causes,
        states=CAMPAIGN_STATES,
        message_states=STATES,
        now_ms=services.clock.now_ms(),
        counting=services.text_campaigns.counting(campaign.campaign_id),
        facts=await describe_campaign(request, campaign),
        address_of_link=services.short_links.address_of,
        is_counted=report.is_counted,
        is_active=campaign.state
        in (CampaignState.STARTING, CampaignState.RUNNING, CampaignState.PAUSED),
        may_send=request.account.may(Permission.SEND),
        progress=f"{_AT}/{campaign.campaign_id}/progress",
    )


_page: Final = partial(Page, section="Campaigns")
PAGES: Final = (
    Page(_AT, lazy("Campaigns"), menu=lazy("Campaigns"), show=list_campaigns),
    _page(f"{_AT}/{{campaign_id:int}}", lazy("Campaign"), show=show_campaign, act=act),
    _page(
        f"{_AT}/{{campaign_id:int}}/progress", lazy("Campaign"), show=tell_progress, background=True
    ),
)
