"""The calls on e-mail campaigns (smSend v1.0, "Email Campaign API")."""

from __future__ import annotations

from typing import Final

from dragoman.container import Services
from dragoman.dialects.smsend.calls import Calls
from dragoman.dialects.smsend.contacts.schemas import ContactFields
from dragoman.dialects.smsend.mailings import schemas
from dragoman.dialects.smsend.mailings.issues import ListIssues
from dragoman.dialects.smsend.mailings.lists import Lists
from dragoman.web.operations import Operation

CAMPAIGNS: Final = "smSend v1.0, Email Campaign API"
CONTACTS: Final = "smSend v1.0, Contacts API"
NEWER: Final = "newer than smSend v1.0"
ISSUE_LIMIT_BYTES: Final = 16 << 20
SENDING_LIMIT_BYTES: Final = 4 << 20


def mailing_calls(calls: Calls, services: Services) -> tuple[Operation, ...]:
    """Declares the calls."""
    return (
        *_list_calls(calls, Lists(services)),
        *_issue_calls(calls, ListIssues(services)),
        *_template_calls(calls, ListIssues(services)),
    )


def _list_calls(calls: Calls, lists: Lists) -> tuple[Operation, ...]:
    fields = schemas.ListFields
    return (
        calls.post("list", lists.create, fields, None, "Create a list", CAMPAIGNS),
        calls.put(
            "list/{list_id}", lists.change, fields, None, "Change a list", CAMPAIGNS, status=204
        ),
        calls.get(
            "list", lists.lists, schemas.ListsAnswer, "List lists", NEWER, schemas.StatusesQuery
        ),
        calls.post(
            "list/{list_id}/contact",
            lists.register,
            ContactFields,
            None,
            "Put a contact on a list",
            CONTACTS,
            schemas.RegistrationQuery,
        ),
        calls.post(
            "list/{list_id}/group/{group_id}",
            lists.add_group,
            None,
            None,
            "Put a group on a list",
            CAMPAIGNS,
            schemas.GroupQuery,
            status=200,
        ),
    )


def _issue_calls(calls: Calls, issues: ListIssues) -> tuple[Operation, ...]:
    return (
        calls.post(
            "list/{list_id}/issue",
            issues.create,
            schemas.IssueFields,
            None,
            "Write an issue",
            CAMPAIGNS,
            body_limit_bytes=ISSUE_LIMIT_BYTES,
        ),
        calls.post(
            "list/{list_id}/issue/template/{template_id}",
            issues.create_from_template,
            schemas.TemplatedIssueFields,
            None,
            "Write an issue from a template",
            CAMPAIGNS,
        ),
        calls.post(
            "list/{list_id}/issue/{issue_id}",
            issues.send,
            schemas.SendingFields,
            None,
            "Send an issue",
            CAMPAIGNS,
            body_limit_bytes=SENDING_LIMIT_BYTES,
        ),
    )


def _template_calls(calls: Calls, issues: ListIssues) -> tuple[Operation, ...]:
    fields, one = schemas.TemplateFields, "template/{template_id}"
    return (
        calls.post("template", issues.create_template, fields, None, "Create a template", NEWER),
        calls.get("template", issues.templates, schemas.TemplatesAnswer, "List templates", NEWER),
        calls.get(one, issues.template, schemas.TemplateAnswer, "Get a template", NEWER),
        calls.put(one, issues.change_template, fields, None, "Change a template", NEWER),
        calls.patch(one, issues.patch_template, "Change a template by JSON Patch", NEWER),
        calls.delete(one, issues.remove_template, None, "Delete a template", NEWER),
    )
