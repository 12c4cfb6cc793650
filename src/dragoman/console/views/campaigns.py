"""Campaigns: drafts, what they would be, starting and stopping them, and how they went."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import msgspec

from dragoman.console.forms import EDITED_SINCE
from dragoman.console.labels import FAILURES, STATES, describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.paging import PER_PAGE, address_of, read_before
from dragoman.console.reading import Unreadable, read_count, read_due, read_numbers
from dragoman.console.regions import region_of
from dragoman.console.translation import gettext, lazy
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.campaigns.model.text_campaigns import (
    Campaign,
    CampaignState,
    Plan,
    When,
)
from dragoman.core.contacts.model.filters import Filter, Match, Operation, Rule
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode, RefusalCode, Refused
from dragoman.web.responses import Response

RULES: Final = 3
"""Rules of a filter that a form has room for."""
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
OPERATIONS: Final = (
    (Operation.IS, "is"),
    (Operation.NOT, lazy("is not")),
    (Operation.CONTAINS, "contains"),
    (Operation.NOT_CONTAIN, lazy("does not contain")),
    (Operation.START, lazy("starts with")),
    (Operation.ENDS, lazy("ends with")),
    (Operation.GREATER, lazy("is greater than")),
    (Operation.LESS, lazy("is less than")),
)
_FIELD_OF: Final = {
    RefusalCode.EMPTY_TEXT: "text",
    RefusalCode.TEXT_TOO_LONG: "text",
    RefusalCode.TEXT_NOT_ENCODABLE: "text",
    RefusalCode.INVALID_SENDER: "sender",
    RefusalCode.SENDER_NOT_ALLOWED: "sender",
    RefusalCode.INVALID_SCHEDULE: "due",
}
_LABELS: Final = MappingProxyType(
    {
        "name": lazy("Name"),
        "sender": lazy("From"),
        "text": lazy("Text"),
        "lists": lazy("To"),
        "filter": lazy("Only contacts"),
        "due": lazy("Time"),
        "hours": lazy("Hours"),
        "per_minute": lazy("Pace"),
        "shorten": lazy("Short links"),
        "test": lazy("Number"),
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


async def show_new(request: PageRequest) -> Response:
    """An empty form, or one to a list or with a template that the query names."""
    wanted = read_count(request.query.get("list", ""))
    typed = _empty(request)
    typed["lists"] = [str(wanted)] if wanted else []
    template = read_count(request.query.get("template", ""))
    if template:
        found = await request.services.text_templates.find(request.account, template)
        typed["text"], typed["name"] = found.text, found.name
    return await _show_form(request, None, typed)


async def create(request: PageRequest) -> Response:
    """Stores a draft, and leads to its preview."""
    typed = _typed(request)
    values = await _read(request, typed)
    if request.problems:
        return await _show_form(request, None, typed, 400)
    campaigns = request.services.text_campaigns
    try:
        made = await request.context.repeats.once(
            request.account.account_id,
            f"campaign {typed['mark']}",
            lambda: campaigns.create(request.account, **values),
        )
    except Refused as refused:
        return await _refuse(request, refused, None, typed)
    await _begin_count(request, made)
    return request.go(f"{_AT}/{made.campaign_id}")


async def show_edit(request: PageRequest) -> Response:
    """The form of a draft."""
    campaign = await _find(request)
    if campaign.state is not CampaignState.DRAFT:
        return request.go(f"{_AT}/{campaign.campaign_id}")
    return await _show_form(request, campaign, _typed_of(campaign, request))


async def change(request: PageRequest) -> Response:
    """Stores a draft, unless someone else changed it meanwhile."""
    campaigns, stored, typed = (
        request.services.text_campaigns,
        await _find(request),
        _typed(request),
    )
    if stored.state is not CampaignState.DRAFT:
        request.problems[""] = gettext("The campaign has begun, so it can no longer be changed.")
        return await _show_form(request, stored, typed, 409)
    known = read_count(request.form.get("known", "")) or 0
    if known != stored.changed_ms:
        _add_conflicts(request, stored, typed)
        return await _show_form(request, stored, typed, 409)
    values = await _read(request, typed)
    if request.problems:
        return await _show_form(request, stored, typed, 400)
    try:
        changed = await campaigns.change(request.account, msgspec.structs.replace(stored, **values))
    except Refused as refused:
        if refused.subject == "version":
            stored = await _find(request)
            _add_conflicts(request, stored, typed)
            return await _show_form(request, stored, typed, 409)
        return await _refuse(request, refused, stored, typed)
    await _begin_count(request, changed)
    return request.go(f"{_AT}/{changed.campaign_id}")


async def show_campaign(request: PageRequest) -> Response:
    """A draft with its preview and cost, or how a campaign goes."""
    campaign = await _find(request)
    if campaign.state is CampaignState.DRAFT:
        return await _show_draft(request, campaign)
    return await _show_report(request, campaign)


async def act(request: PageRequest) -> Response:
    """Counts, tests, starts, pauses, resumes, stops or deletes a campaign."""
    campaigns, campaign = request.services.text_campaigns, await _find(request)
    campaign_id, at = campaign.campaign_id, f"{_AT}/{campaign.campaign_id}"
    if not request.account.may(Permission.SEND):
        raise Refused(RefusalCode.PERMISSION_DENIED, Permission.SEND)
    match request.form.get("do"):
        case "count":
            await _begin_count(request, campaign)
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
    campaign = await _find(request)
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
        numbers = read_numbers(typed, region_of(request))
        if not numbers:
            raise Unreadable(gettext("Enter your number."))
        batch_id = await request.context.repeats.once(
            request.account.account_id,
            mark,
            lambda: request.services.text_campaigns.send_test(
                request.account, campaign, f"+{numbers[0]}"
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
            return await _show_draft(request, await _find(request), 409)
        request.problems[""] = refused.detail or describe_refusal(refused)
        return await _show_draft(request, campaign, 400)
    await request.note("start_campaign", campaign.name)
    return request.go(f"{_AT}/{campaign.campaign_id}")


async def _show_draft(request: PageRequest, campaign: Campaign, status: int = 200) -> Response:
    services = request.services
    # Before the campaign is read again: a count that is over by now has its result there.
    counting = services.text_campaigns.counting(campaign.campaign_id)
    campaign = await _find(request)
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
        facts=await _facts(request, campaign),
        may_send=request.account.may(Permission.SEND),
        mark=request.form.get("mark", "") or f"{services.ids.next()}",
        test=request.form.get("test", ""),
        tested=read_count(request.query.get("test", "")),
        labels=_LABELS,
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
        facts=await _facts(request, campaign),
        address_of_link=services.short_links.address_of,
        is_counted=report.is_counted,
        is_active=campaign.state
        in (CampaignState.STARTING, CampaignState.RUNNING, CampaignState.PAUSED),
        may_send=request.account.may(Permission.SEND),
        progress=f"{_AT}/{campaign.campaign_id}/progress",
    )


async def _show_form(
    request: PageRequest, campaign: Campaign | None, typed: dict[str, Any], status: int = 200
) -> Response:
    services, account = request.services, request.account
    lists = await services.contacts.lists(account)
    counts = await services.contacts.counts(account)
    senders = sorted(await services.accounts.approved_senders(account))
    return request.show(
        "campaign-form.html",
        status,
        campaign=campaign,
        typed=typed,
        lists=[(one, counts.get(one.list_id, 0)) for one in lists],
        fields=[one.name for one in await services.contacts.merge_fields(account)],
        templates=await services.text_templates.list_all(account),
        operations=OPERATIONS,
        rules=range(RULES),
        senders=senders,
        pairs=[(sender, sender) for sender in senders],
        is_free=account.may(Permission.ANY_SENDER),
        can_shorten=services.short_links.enabled,
        labels=_LABELS,
    )


async def _refuse(
    request: PageRequest, refused: Refused, campaign: Campaign | None, typed: dict[str, Any]
) -> Response:
    if refused.code in (RefusalCode.UNAVAILABLE, RefusalCode.PERMISSION_DENIED):
        raise refused
    field = _FIELD_OF.get(refused.code, refused.subject if refused.subject in _LABELS else "")
    request.problems[field] = describe_refusal(refused)
    return await _show_form(request, campaign, typed, 400)


async def _begin_count(request: PageRequest, campaign: Campaign) -> None:
    """Counts what a draft would be; what is wrong with it is shown with its preview."""
    try:
        await request.services.text_campaigns.begin_count(request.account, campaign.campaign_id)
    except Refused as refused:
        if refused.code is RefusalCode.UNAVAILABLE:
            raise


async def _facts(request: PageRequest, campaign: Campaign) -> list[tuple[str, str]]:
    """What a campaign is, in words."""
    plan = campaign.plan
    names = {
        one.list_id: one.name for one in await request.services.contacts.lists(request.account)
    }
    lists = ", ".join(names.get(one, gettext("a deleted list")) for one in plan.lists)
    facts = [
        (gettext("From"), campaign.sender or gettext("your default sender")),
        (gettext("To"), lists or gettext("nobody yet")),
    ]
    if plan.filter is not None:
        words = dict(OPERATIONS)
        joined = gettext(" and ") if plan.filter.match is Match.ALL else gettext(" or ")
        facts.append(
            (
                gettext("Only contacts whose"),
                joined.join(
                    f"{rule.field} {words[rule.operation]} “{rule.value}”"
                    for rule in plan.filter.rules
                ),
            )
        )
    due = plan.due.replace("T", " ")
    when = {
        When.NOW: gettext("as soon as you start it"),
        When.AT: f"{due} ({request.zone.key})",
        When.LOCAL: gettext("{due} in each recipient's own time zone").format(due=due),
    }
    facts.append((gettext("Begins"), when[plan.when]))
    if plan.from_minute is not None and plan.to_minute is not None:
        begin, end = _clock(plan.from_minute), _clock(plan.to_minute)
        hours = gettext("{begin} to {end}").format(begin=begin, end=end)
        facts.append(
            (gettext("Only from"), gettext("{hours} of the recipient's day").format(hours=hours))
        )
    if plan.per_minute:
        facts.append(
            (
                gettext("At most"),
                gettext("{per_minute} messages a minute").format(per_minute=plan.per_minute),
            )
        )
    if plan.shorten:
        facts.append((gettext("Links"), gettext("shortened and counted")))
    return facts


def _empty(request: PageRequest) -> dict[str, Any]:
    typed: dict[str, Any] = dict.fromkeys(
        ("name", "text", "due", "from", "to", "per_minute", "shorten"), ""
    )
    typed |= {"sender": request.account.default_sender, "when": "now", "match": "all"}
    typed |= {
        "mark": f"{request.services.ids.next()}",
        "lists": [],
        "rules": [("", "is", "")] * RULES,
    }
    return typed


def _typed(request: PageRequest) -> dict[str, Any]:
    """The form as it was filled in."""
    form = request.form
    typed: dict[str, Any] = {
        name: form.get(name, "").strip()
        for name in (
            *("name", "sender", "due", "from", "to", "per_minute", "shorten", "when", "match"),
            "mark",
        )
    }
    # Browsers send every line break as two characters, and phones want one.
    typed["text"] = form.get("text", "").replace("\r\n", "\n")
    typed["lists"] = [value for name, value in form.pairs if name == "lists"]
    typed["rules"] = [
        (form.get(f"field-{n}", ""), form.get(f"operation-{n}", "is"), form.get(f"value-{n}", ""))
        for n in range(RULES)
    ]
    return typed


def _typed_of(campaign: Campaign, request: PageRequest) -> dict[str, Any]:
    """A draft as its form shows it."""
    plan = campaign.plan
    rules = (
        []
        if plan.filter is None
        else [(rule.field, rule.operation.value, rule.value) for rule in plan.filter.rules]
    )
    due = plan.due
    if plan.when is When.AT and plan.due_ms is not None:
        due_at = datetime.fromtimestamp(plan.due_ms / 1000, UTC).astimezone(request.zone)
        due = due_at.strftime("%Y-%m-%dT%H:%M")
    return {
        "name": campaign.name,
        "sender": campaign.sender,
        "text": campaign.text,
        "lists": [str(one) for one in plan.lists],
        "match": "all" if plan.filter is None else plan.filter.match.value,
        "rules": [*rules, *[("", "is", "")] * (RULES - len(rules))],
        "when": plan.when.value,
        "due": due,
        "from": "" if plan.from_minute is None else _clock(plan.from_minute),
        "to": "" if plan.to_minute is None else _clock(plan.to_minute),
        "per_minute": str(plan.per_minute or ""),
        "shorten": "1" if plan.shorten else "",
        "mark": "",
    }


async def _read(request: PageRequest, typed: dict[str, Any]) -> dict[str, Any]:
    """What a form says; what cannot be read is added to the problems of the request."""
    problems = request.problems
    lists = tuple(filter(None, map(read_count, typed["lists"])))
    known = {one.list_id for one in await request.services.contacts.lists(request.account)}
    if not set(lists) <= known:
        problems["lists"] = gettext("One of the lists does not exist any more.")
    when, due_ms = When(typed["when"]) if typed["when"] in list(When) else When.NOW, None
    if when is not When.NOW:
        try:
            zone = request.zone
            due_ms = read_due(typed["due"], zone, request.services.clock.now_ms())
        except Unreadable as unreadable:
            problems["due"] = str(unreadable)
    per_minute = read_count(typed["per_minute"] or "0")
    if per_minute is None:
        problems["per_minute"] = gettext("Enter a number, or nothing for as fast as possible.")
    begin, end = _read_clock(request, typed["from"]), _read_clock(request, typed["to"])
    rules = []
    for field, operation, value in typed["rules"]:
        if field:
            known_one = operation in list(Operation)
            chosen = Operation(operation) if known_one else Operation.IS
            rules.append(Rule(field=field[:100], operation=chosen, value=value[:1_000]))
    plan = Plan(
        lists=lists,
        filter=Filter(
            match=Match(typed["match"]) if typed["match"] in list(Match) else Match.ALL,
            rules=tuple(rules),
        )
        if rules
        else None,
        when=when,
        due="" if when is When.NOW else typed["due"],
        due_ms=due_ms if when is When.AT else None,
        from_minute=begin,
        to_minute=24 * 60 if end == 0 and begin is not None else end,
        per_minute=per_minute or 0,
        shorten=bool(typed["shorten"]),
    )
    return {"name": typed["name"], "sender": typed["sender"], "text": typed["text"], "plan": plan}


def _add_conflicts(request: PageRequest, stored: Campaign, typed: dict[str, Any]) -> None:
    request.problems[""] = EDITED_SINCE
    now = _typed_of(stored, request)
    for name in ("name", "sender", "text", "when", "due", "from", "to", "per_minute"):
        if now[name] != typed[name]:
            field = "hours" if name in ("from", "to") else name
            request.problems[field] = gettext("Current value: {value}").format(
                value=now[name] or gettext("empty")
            )
    if now["lists"] != typed["lists"]:
        request.problems["lists"] = gettext("Someone else chose other lists.")


def _read_clock(request: PageRequest, text: str) -> int | None:
    if not text:
        return None
    hour, _, minute = text.partition(":")
    if hour.isdigit() and minute.isdigit() and int(hour) < 25 and int(minute) < 60:
        return int(hour) * 60 + int(minute)
    request.problems["hours"] = gettext("Use the form 09:00.")
    return None


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


async def _find(request: PageRequest) -> Campaign:
    campaign_id = request.identifier("campaign_id")
    return await request.services.text_campaigns.find(request.account, campaign_id)


_page: Final = partial(Page, section="Campaigns")
_change: Final = partial(Page, section="Campaigns", needs=Permission.SEND)
PAGES: Final = (
    Page(_AT, lazy("Campaigns"), menu=lazy("Campaigns"), show=list_campaigns),
    _change(f"{_AT}/new", lazy("New campaign"), show=show_new, act=create),
    _page(f"{_AT}/{{campaign_id:int}}", lazy("Campaign"), show=show_campaign, act=act),
    _change(f"{_AT}/{{campaign_id:int}}/edit", lazy("Campaign"), show=show_edit, act=change),
    _page(
        f"{_AT}/{{campaign_id:int}}/progress", lazy("Campaign"), show=tell_progress, background=True
    ),
)
