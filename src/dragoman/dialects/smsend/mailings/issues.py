"""Issues and templates, and sending an issue."""

from __future__ import annotations

import asyncio
from html import escape
from typing import Final

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.campaigns.issues import decode_attachments
from dragoman.core.campaigns.model.mailings import Issue, Template
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.smsend.calls import CallGroup
from dragoman.dialects.smsend.errors import WordedRefusal, problem_of
from dragoman.dialects.smsend.mailings import lists, schemas
from dragoman.dialects.smsend.mapping import read_body, read_identifier, read_switch
from dragoman.dialects.smsend.schemas import Located
from dragoman.web.bodies import decode_json
from dragoman.web.json_patch import PatchOperation, PatchRefused, apply_patch
from dragoman.web.requests import Request

TemplateContent = schemas.TemplateFields | schemas.PatchedTemplate
NAMED_BY: Final = 40
"""Characters of its text that name a template that came without a name."""


class ListIssues(CallGroup):
    """Answers the calls on issues and templates."""

    async def create(self, account: Account, request: Request) -> Located:
        """Stores an issue; raises `Refused`."""
        list_id = lists.list_id_of(request)
        fields = read_body(request, schemas.IssueFields)
        files = [(one.file_name, one.file_content_base64) for one in fields.attachments or ()]
        new = Issue(
            issue_id=0,
            account_id=account.account_id,
            list_id=list_id,
            title=lists.read_text(fields.title),
            subject=lists.read_text(fields.subject),
            text=lists.read_text(fields.text_content),
            html=lists.read_text(fields.html_content),
            share_social=read_switch("share_social", fields.share_social),
            web_analytics=lists.read_text(fields.web_analytics),
            attachments=await asyncio.to_thread(decode_attachments, files),
        )
        created = await self._services.issues.create(account, new)
        return Located(_issue_path(created))

    async def create_from_template(self, account: Account, request: Request) -> Located:
        """Stores an issue with a template's content; raises `Refused`."""
        list_id = lists.list_id_of(request)
        fields = read_body(request, schemas.TemplatedIssueFields)
        try:
            created = await self._services.issues.create_from_template(
                account,
                list_id,
                _template_id_of(request),
                lists.read_text(fields.name),
                lists.read_text(fields.subject),
            )
        except Refused as refused:
            if refused.subject == "title":
                raise Refused(refused.code, "name", refused.detail) from None
            if refused.code is RefusalCode.NOT_FOUND and refused.detail == "template":
                text = f"The issue can't be created: {problem_of(refused).result}"
                raise WordedRefusal(refused.code, text, lists.SERVER_ERROR) from None
            raise
        return Located(_issue_path(created))

    async def send(self, account: Account, request: Request) -> Located:
        """Schedules an issue for contacts; raises `Refused`."""
        list_id = lists.list_id_of(request)
        issue_id = read_identifier(request.path_params["issue_id"], "issue")
        fields = read_body(request, schemas.SendingFields)
        await self._services.issues.issue(account, list_id, issue_id)
        contact_ids = lists.read_contact_ids(fields.contactIds or [])
        due_ms = lists.read_schedule(fields.scheduleTime, self._zone_of(account))
        with lists.with_api_names(), lists.unable("The issue can't be sent"):
            await self._services.issues.send(
                account, list_id, issue_id, contact_ids=contact_ids, due_ms=due_ms
            )
        return Located(f"{lists.list_path(list_id)}/issue/{issue_id}")

    # Templates

    async def create_template(self, account: Account, request: Request) -> Located:
        """Stores a template; raises `Refused`."""
        fields = read_body(request, schemas.TemplateFields)
        return await self._put_template(account, fields, _empty_template(account, 0))

    async def change_template(self, account: Account, request: Request) -> Located:
        """Changes what is given of a template; raises `Refused`."""
        fields = read_body(request, schemas.TemplateFields)
        found = await self._services.issues.template(account, _template_id_of(request))
        return await self._put_template(account, fields, found)

    async def patch_template(self, account: Account, request: Request) -> Located:
        """Changes a template as a JSON Patch says, all of it or nothing; raises `Refused`."""
        template_id = _template_id_of(request)
        operations = decode_json(request.body, list[PatchOperation])
        old = await self._services.issues.template(account, template_id)
        before = _render(old)
        try:
            patched = apply_patch(msgspec.to_builtins(before), operations)
            after = msgspec.convert(patched, schemas.PatchedTemplate)
        except (PatchRefused, msgspec.ValidationError) as error:
            raise Refused(RefusalCode.MALFORMED_REQUEST, detail=str(error)) from None
        if after.id_template != template_id:
            raise Refused(RefusalCode.INVALID_FIELD, "id_template", "it does not change")
        if after.text != old.text:
            follows = after.html_content == _as_html(old.text)
            after = msgspec.structs.replace(
                after,
                text_content=after.text,
                html_content=_as_html(after.text or "") if follows else after.html_content,
            )
        return await self._put_template(account, after, _empty_template(account, template_id))

    async def template(self, account: Account, request: Request) -> schemas.TemplateAnswer:
        """A template; raises `Refused`."""
        return _render(await self._services.issues.template(account, _template_id_of(request)))

    async def templates(self, account: Account, _request: Request) -> schemas.TemplatesAnswer:
        """The account's templates."""
        found = await self._services.issues.templates(account)
        return schemas.TemplatesAnswer(templates=[_render(one) for one in found])

    async def remove_template(self, account: Account, request: Request) -> str:
        """Deletes a template; raises `Refused`."""
        await self._services.issues.remove_template(account, _template_id_of(request))
        return ""

    async def _put_template(
        self, account: Account, fields: TemplateContent, old: Template
    ) -> Located:
        def given(value: str | int | None, before: str) -> str:
            return before if value is None else str(value)

        skebby = fields.text if isinstance(fields, schemas.TemplateFields) else None
        written = skebby if fields.text_content is None else fields.text_content
        text = given(written, old.text)
        name = given(fields.name, old.name)
        if not name and skebby is not None:
            name = " ".join(text.split())[:NAMED_BY]
        html = given(fields.html_content, old.html)
        if fields.html_content is None and html in ("", _as_html(old.text)):
            html = _as_html(text) if skebby is not None else html
        template = msgspec.structs.replace(
            old,
            name=name,
            subject=given(fields.subject, old.subject),
            text=text,
            html=html,
        )
        put = await self._services.issues.put_template(account, template)
        return Located(f"/template/{put.template_id}")


def _empty_template(account: Account, template_id: int) -> Template:
    return Template(
        template_id=template_id,
        account_id=account.account_id,
        name="",
        subject="",
        text="",
        html="",
    )


def _as_html(text: str) -> str:
    """The HTML of a template that came as a text only."""
    return "<br>".join(escape(text).splitlines())


def _template_id_of(request: Request) -> int:
    return read_identifier(request.path_params["template_id"], "template")


def _issue_path(issue: Issue) -> str:
    return f"{lists.list_path(issue.list_id)}/issue/{issue.issue_id}"


def _render(template: Template) -> schemas.TemplateAnswer:
    return schemas.TemplateAnswer(
        id_template=template.template_id,
        name=template.name,
        subject=template.subject,
        text_content=template.text,
        html_content=template.html,
        text=template.text,
    )
