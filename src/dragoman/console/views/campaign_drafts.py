"""Drafts of campaigns: the form, and what keeps two editors from overwriting each other."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import msgspec

from dragoman.console.campaign_fields import (
    LABELS,
    OPERATIONS,
    RULES,
    add_conflicts,
    empty_form,
    form_of,
    read_form,
    typed_form,
)
from dragoman.console.labels import describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.reading import read_count
from dragoman.console.translation import gettext, lazy
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.campaigns.model.text_campaigns import (
    Campaign,
    CampaignState,
)
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.web.responses import Response

_FIELD_OF: Final = {
    RefusalCode.EMPTY_TEXT: "text",
    RefusalCode.TEXT_TOO_LONG: "text",
    RefusalCode.TEXT_NOT_ENCODABLE: "text",
    RefusalCode.INVALID_SENDER: "sender",
    RefusalCode.SENDER_NOT_ALLOWED: "sender",
    RefusalCode.INVALID_SCHEDULE: "due",
}
_AT: Final = "/campaigns"


async def show_new(request: PageRequest) -> Response:
    """An empty form, or one to a list or with a template that the query names."""
    wanted = read_count(request.query.get("list", ""))
    typed = empty_form(request)
    typed["lists"] = [str(wanted)] if wanted else []
    template = read_count(request.query.get("template", ""))
    if template:
        found = await request.services.text_templates.find(request.account, template)
        typed["text"], typed["name"] = found.text, found.name
    return await _show_form(request, None, typed)


async def create(request: PageRequest) -> Response:
    """Stores a draft, and leads to its preview."""
    typed = typed_form(request)
    if request.form.get("do") == "template":
        return await _add_template(request, None, typed)
    values = await read_form(request, typed)
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
    await begin_count(request, made)
    return request.go(f"{_AT}/{made.campaign_id}")


async def show_edit(request: PageRequest) -> Response:
    """The form of a draft."""
    campaign = await find_campaign(request)
    if campaign.state is not CampaignState.DRAFT:
        return request.go(f"{_AT}/{campaign.campaign_id}")
    return await _show_form(request, campaign, form_of(campaign, request))


async def change(request: PageRequest) -> Response:
    """Stores a draft, unless someone else changed it meanwhile."""
    campaigns, stored, typed = (
        request.services.text_campaigns,
        await find_campaign(request),
        typed_form(request),
    )
    if stored.state is not CampaignState.DRAFT:
        request.problems[""] = gettext("The campaign has begun, so it can no longer be changed.")
        return await _show_form(request, stored, typed, 409)
    if request.form.get("do") == "template":
        return await _add_template(request, stored, typed)
    known = _known(request)
    if known != stored.changed_ms:
        add_conflicts(request, stored, typed)
        return await _show_form(request, stored, typed, 409)
    values = await read_form(request, typed)
    if request.problems:
        return await _show_form(request, stored, typed, 400)
    try:
        changed = await campaigns.change(request.account, msgspec.structs.replace(stored, **values))
    except Refused as refused:
        if refused.subject == "version":
            stored = await find_campaign(request)
            add_conflicts(request, stored, typed)
            return await _show_form(request, stored, typed, 409)
        return await _refuse(request, refused, stored, typed)
    await begin_count(request, changed)
    return request.go(f"{_AT}/{changed.campaign_id}")


async def _add_template(
    request: PageRequest, campaign: Campaign | None, typed: dict[str, Any]
) -> Response:
    """The form as it was filled in, with a template after its text; nothing is stored."""
    templates = request.services.text_templates
    try:
        found = await templates.find(request.account, read_count(typed["template"]) or 0)
    except Refused as refused:
        if refused.code is not RefusalCode.NOT_FOUND:
            raise
        request.problems["template"] = gettext("This template does not exist any more.")
        return await _show_form(request, campaign, typed, 400, known=_known(request))
    typed["text"] = f"{typed['text']}\n{found.text}" if typed["text"].strip() else found.text
    return await _show_form(request, campaign, typed, known=_known(request))


def _known(request: PageRequest) -> int:
    """The version of the draft that the form was filled from."""
    return read_count(request.form.get("known", "")) or 0


async def _show_form(
    request: PageRequest,
    campaign: Campaign | None,
    typed: dict[str, Any],
    status: int = 200,
    *,
    known: int | None = None,
) -> Response:
    """The form; without `known` it is one to the draft as it is stored now."""
    services, account = request.services, request.account
    lists = await services.contacts.lists(account)
    counts = await services.contacts.counts(account)
    senders = sorted(await services.accounts.approved_senders(account))
    return request.show(
        "campaign-form.html",
        status,
        campaign=campaign,
        typed=typed,
        known=campaign.changed_ms if known is None and campaign is not None else known,
        lists=[(one, counts.get(one.list_id, 0)) for one in lists],
        fields=[one.name for one in await services.contacts.merge_fields(account)],
        templates=[
            (str(one.template_id), one.name)
            for one in await services.text_templates.list_all(account)
        ],
        operations=OPERATIONS,
        rules=range(RULES),
        senders=senders,
        pairs=[(sender, sender) for sender in senders],
        is_free=account.may(Permission.ANY_SENDER),
        can_shorten=services.short_links.enabled,
        labels=LABELS,
    )


async def _refuse(
    request: PageRequest, refused: Refused, campaign: Campaign | None, typed: dict[str, Any]
) -> Response:
    if refused.code in (RefusalCode.UNAVAILABLE, RefusalCode.PERMISSION_DENIED):
        raise refused
    field = _FIELD_OF.get(refused.code, refused.subject if refused.subject in LABELS else "")
    request.problems[field] = describe_refusal(refused)
    return await _show_form(request, campaign, typed, 400)


async def begin_count(request: PageRequest, campaign: Campaign) -> None:
    """Counts what a draft would be; what is wrong with it is shown with its preview."""
    try:
        await request.services.text_campaigns.begin_count(request.account, campaign.campaign_id)
    except Refused as refused:
        if refused.code is RefusalCode.UNAVAILABLE:
            raise


async def find_campaign(request: PageRequest) -> Campaign:
    campaign_id = request.identifier("campaign_id")
    return await request.services.text_campaigns.find(request.account, campaign_id)


_change: Final = partial(Page, section="Campaigns", needs=Permission.SEND)
PAGES: Final = (
    _change(f"{_AT}/new", lazy("New campaign"), show=show_new, act=create),
    _change(f"{_AT}/{{campaign_id:int}}/edit", lazy("Campaign"), show=show_edit, act=change),
)
