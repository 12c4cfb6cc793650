"""Templates: texts that are used again."""

from __future__ import annotations

from functools import partial
from typing import Final

import msgspec

from dragoman.console.labels import describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.reading import read_count
from dragoman.console.translation import gettext, lazy
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.campaigns.model.text_campaigns import TextTemplate
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.web.responses import Response

_AT: Final = "/templates"


async def list_templates(request: PageRequest) -> Response:
    """The account's templates, and the form for a new one."""
    return await _show_list(request)


async def create_template(request: PageRequest) -> Response:
    """Stores a new template."""
    try:
        await request.services.text_templates.create(request.account, *_typed(request))
    except Refused as refused:
        if refused.code is RefusalCode.UNAVAILABLE:
            raise
        request.problems.add(refused, ("name", "text"), describe_refusal(refused))
        return await _show_list(request, 400)
    return request.go(_AT, "saved")


async def show_template(request: PageRequest) -> Response:
    """The form of one template."""
    found = await _find(request)
    return _show(request, found, found.name, found.text)


async def change_template(request: PageRequest) -> Response:
    """Changes or deletes a template, unless someone else changed it meanwhile."""
    templates = request.services.text_templates
    name, text = _typed(request)
    try:
        stored = await _find(request)
    except Refused as refused:
        if refused.code is not RefusalCode.NOT_FOUND or request.form.get("do") == "delete":
            raise
        request.problems[""] = gettext(
            "Someone else deleted this template. Your text is below; save it as a new one."
        )
        return await _show_list(request, 409)
    known = read_count(request.form.get("known", "")) or 0
    try:
        if known != stored.changed_ms:
            raise Refused(RefusalCode.ALREADY_EXISTS, "version")
        if request.form.get("do") == "delete":
            await templates.remove(request.account, stored.template_id)
            return request.go(_AT, "template-deleted")
        new = msgspec.structs.replace(stored, name=name, text=text)
        await templates.change(request.account, new)
    except Refused as refused:
        if refused.code is RefusalCode.UNAVAILABLE:
            raise
        if refused.subject == "version":
            stored = await _find(request)
            request.problems.add_conflicts(
                {"name": stored.name, "text": stored.text}, {"name": name, "text": text}
            )
            return _show(request, stored, name, text, 409)
        request.problems.add(refused, ("name", "text"), describe_refusal(refused))
        return _show(request, stored, name, text, 400)
    return request.go(_AT, "saved")


async def _show_list(request: PageRequest, status: int = 200) -> Response:
    services = request.services
    name, text = _typed(request)
    return request.show(
        "templates.html",
        status,
        templates=await services.text_templates.list_all(request.account),
        fields=[one.name for one in await services.contacts.merge_fields(request.account)],
        name=name,
        text=text,
    )


def _show(
    request: PageRequest, found: TextTemplate, name: str, text: str, status: int = 200
) -> Response:
    return request.show("template.html", status, found=found, name=name, text=text)


def _typed(request: PageRequest) -> tuple[str, str]:
    text = request.form.get("text", "").replace("\r\n", "\n")
    return request.form.get("name", "").strip(), text


async def _find(request: PageRequest) -> TextTemplate:
    template_id = request.identifier("template_id")
    return await request.services.text_templates.find(request.account, template_id)


_page: Final = partial(Page, section="Campaigns", needs=Permission.SEND)
PAGES: Final = (
    _page(_AT, lazy("Templates"), show=list_templates, act=create_template),
    _page(f"{_AT}/{{template_id:int}}", lazy("Template"), show=show_template, act=change_template),
)
