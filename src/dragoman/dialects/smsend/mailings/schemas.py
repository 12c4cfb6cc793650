"""What the calls on e-mail campaigns take and answer, named as in the manual."""

from __future__ import annotations

from typing import Annotated

import msgspec

from dragoman.dialects.smsend.schemas import Switch, Value
from dragoman.web.operations import doc


class ListFields(msgspec.Struct, frozen=True, kw_only=True):
    """A list; in a change what is left out stays."""

    title: Value = None
    id_language: Value = None
    email_sender: Value = None
    reply_to: Value = None
    company_name: Value = None
    company_address: Value = None
    company_url: Value = None
    company_phone: Value = None
    company_fax: Value = None
    status: Annotated[Value, doc("0 active, 1 archived, 2 to be activated")] = None


class ListAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A list in an answer."""

    id_list: int
    title: str
    id_language: str
    email_sender: str
    reply_to: str
    company_name: str
    company_address: str
    company_url: str
    company_phone: str
    company_fax: str
    status: str
    """ACTIVE, ARCHIVED or TO_ACTIVATE."""


class ListsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The lists of the account."""

    lists: list[ListAnswer]


class StatusesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which lists are wanted."""

    statuses: Annotated[str, doc("ACTIVE, ARCHIVED, TO_ACTIVATE, with commas.")] = ""


class RegistrationQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a contact is asked first."""

    SendOptIn: Annotated[str, doc("`true` sends the opt-in mail.")] = "false"


class GroupQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the contacts of a group are asked first."""

    sendoptin: Annotated[str, doc("`true` sends the opt-in mail.")] = "false"


class AttachmentFields(msgspec.Struct, frozen=True, kw_only=True):
    """A file."""

    file_name: str = ""
    file_content_base64: str = ""


class IssueFields(msgspec.Struct, frozen=True, kw_only=True):
    """A new issue."""

    title: Value = None
    subject: Value = None
    share_social: Switch = False
    web_analytics: Value = None
    text_content: Value = None
    html_content: Value = None
    attachments: list[AttachmentFields] | None = None


class TemplatedIssueFields(msgspec.Struct, frozen=True, kw_only=True):
    """A new issue with a template's content."""

    name: Value = None
    subject: Value = None


class SendingFields(msgspec.Struct, frozen=True, kw_only=True):
    """Whom an issue goes to, and when."""

    contactIds: list[str] | None = None
    scheduleTime: Annotated[Value, doc("yyyy-MM-dd hh:mm:ss")] = None


class TemplateFields(msgspec.Struct, frozen=True, kw_only=True):
    """A template; in a change what is left out stays."""

    name: Annotated[Value, doc("Without one, a new template has the beginning of its text.")] = None
    subject: Value = None
    text_content: Value = None
    html_content: Value = None
    text: Annotated[Value, doc("What Skebby calls text_content.")] = None


class TemplateAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A template in an answer."""

    id_template: int
    name: str
    subject: str
    text_content: str
    html_content: str
    text: str
    """What Skebby calls text_content."""


class PatchedTemplate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A template as a patch leaves it; what it took away is empty."""

    id_template: int
    name: str | None = None
    subject: str | None = None
    text_content: str | None = None
    html_content: str | None = None
    text: str | None = None


class TemplatesAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The templates of the account."""

    templates: list[TemplateAnswer]
