"""Lists, who is on them, and what all calls on campaigns read and word alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.campaigns.mailings import check_address
from dragoman.core.campaigns.model.mailings import ListState, MailingList, MailingListChange
from dragoman.core.contacts.contact_profiles import check_draft
from dragoman.core.contacts.model.contacts import OnClash
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.smsend.calls import CallGroup
from dragoman.dialects.smsend.contacts.book import contact_path
from dragoman.dialects.smsend.contacts.reading import read_draft, unknown_in_body
from dragoman.dialects.smsend.contacts.schemas import ContactFields
from dragoman.dialects.smsend.errors import WordedRefusal, problem_of
from dragoman.dialects.smsend.mailings.schemas import ListAnswer, ListFields, ListsAnswer
from dragoman.dialects.smsend.mapping import read_body, read_flag, read_identifier
from dragoman.dialects.smsend.schemas import Located, Value
from dragoman.dialects.smsend.times import OF_ISSUES, parse_span
from dragoman.dialects.wording import reworded
from dragoman.kit.ids import parse_base64, render_base64
from dragoman.web.requests import Request

SERVER_ERROR: Final = 500

STATUS_NAMES: Final = MappingProxyType(
    {
        ListState.ACTIVE: "ACTIVE",
        ListState.ARCHIVED: "ARCHIVED",
        ListState.TO_ACTIVATE: "TO_ACTIVATE",
    }
)
_STATES: Final = MappingProxyType(
    {name: state for state, name in STATUS_NAMES.items()}
    | {str(state.value): state for state in ListState}
)
LIST_NAMES: Final = MappingProxyType(
    {
        "title": "title",
        "language": "id_language",
        "sender": "email_sender",
        "reply_to": "reply_to",
        "company_name": "company_name",
        "company_address": "company_address",
        "company_url": "company_url",
        "company_phone": "company_phone",
        "company_fax": "company_fax",
    }
)
"""The manual's names of what a list holds, by ours."""
OPT_IN: Final = "sendoptin"
"""The manual's `SendOptIn` and `sendoptin`."""


def read_text(value: Value) -> str:
    """A text; empty where none was given."""
    return "" if value is None else str(value)


def read_state(value: Value, name: str = "status") -> ListState:
    """The state of a list, by number or name; raises `Refused`."""
    state = _STATES.get(read_text(value).strip().upper())
    if state is None:
        raise Refused(RefusalCode.INVALID_FIELD, name, "0, 1 or 2")
    return state


def read_states(text: str) -> tuple[ListState, ...]:
    """States with commas between; all of them where none is named. Raises `Refused`."""
    names = [name for name in text.split(",") if name.strip()]
    return tuple(read_state(name, "statuses") for name in names) or tuple(ListState)


def read_schedule(value: Value, zone: ZoneInfo) -> int:
    """A time in a zone, in milliseconds; raises `Refused`, also where none was given."""
    text = read_text(value).strip()
    if not text:
        raise Refused(RefusalCode.MISSING_FIELD, "scheduleTime")
    try:
        return parse_span(text, zone, OF_ISSUES).first_ms
    except ValueError:
        raise Refused(RefusalCode.INVALID_FIELD, "scheduleTime", "yyyy-MM-dd hh:mm:ss") from None


def read_contact_ids(texts: list[str]) -> list[int]:
    """Contacts that a body names; raises `Refused` for the first that does not exist."""
    found = []
    for text in texts:
        contact_id = parse_base64(text)
        if contact_id is None:
            raise Refused(RefusalCode.INVALID_RECIPIENT, text)
        found.append(contact_id)
    return found


@contextmanager
def with_api_names() -> Iterator[None]:
    """Refuses with the names that the caller knows."""
    try:
        yield
    except Refused as refused:
        if refused.code is RefusalCode.INVALID_RECIPIENT and refused.subject.isdigit():
            raise Refused(refused.code, render_base64(int(refused.subject))) from None
        name = LIST_NAMES.get(refused.subject)
        if name is not None:
            raise Refused(refused.code, name, refused.detail) from None
        raise


@contextmanager
def unable(what: str) -> Iterator[None]:
    """Answers 500, as the manual does, where mail cannot be sent now or to no contact."""
    try:
        yield
    except Refused as refused:
        if refused.subject in {"email", "contactIds"}:
            reason = problem_of(refused).result
            raise WordedRefusal(refused.code, f"{what}: {reason}", SERVER_ERROR) from None
        raise


class Lists(CallGroup):
    """Answers the calls on lists."""

    async def create(self, account: Account, request: Request) -> Located:
        """Creates a list; raises `Refused`."""
        fields = read_body(request, ListFields)
        state = ListState.ACTIVE if fields.status is None else read_state(fields.status)
        given: dict[str, Any] = {
            ours: read_text(getattr(fields, name)) for ours, name in LIST_NAMES.items()
        }
        new = MailingList(list_id=0, account_id=account.account_id, state=state, **given)
        with with_api_names():
            created = await self._services.mailings.create_list(account, new)
        return Located(list_path(created.list_id))

    async def change(self, account: Account, request: Request) -> Located:
        """Changes what is given of a list; raises `Refused`."""
        list_id = list_id_of(request)
        fields = read_body(request, ListFields)
        given = {
            ours: read_text(value)
            for ours, name in LIST_NAMES.items()
            if (value := getattr(fields, name)) is not None
        }
        change = MailingListChange(
            list_id=list_id,
            account_id=account.account_id,
            state=UNSET if fields.status is None else read_state(fields.status),
        )
        with with_api_names():
            await self._services.mailings.change_list(msgspec.structs.replace(change, **given))
        return Located(list_path(list_id))

    async def lists(self, account: Account, request: Request) -> ListsAnswer:
        """The account's lists; raises `Refused`."""
        states = read_states(request.query.get("statuses", ""))
        found = await self._services.mailings.lists(account, states)
        return ListsAnswer(lists=[_render(one) for one in found])

    async def register(self, account: Account, request: Request) -> Located:
        """Creates a contact, or completes the one of the address, and puts it on a list.

        Raises `Refused`.
        """
        list_id, opt_in = list_id_of(request), read_flag(request.query.lowered(), OPT_IN)
        draft = read_draft(read_body(request, ContactFields), self._today(account))
        email = check_address("email", draft.profile.email)
        profile = msgspec.structs.replace(draft.profile, email=email)
        draft = msgspec.structs.replace(draft, profile=profile)
        check_draft(draft)
        await self._services.mailings.active_list(account, list_id)
        if opt_in:
            await self._services.mailings.check_may_send(account)
        with reworded(_unknown_group):
            await self._services.contact_profiles.create_all(
                account, [draft], on_clash=OnClash.UPDATE, keep_groups=True
            )
        contact_id = (await self._services.contact_profiles.with_email(account, email))[-1]
        await self._services.mailings.subscribe(
            account, list_id, email, contact_id=contact_id, opt_in=opt_in
        )
        return Located(contact_path(contact_id))

    async def add_group(self, account: Account, request: Request) -> str:
        """Puts the contacts of a group on a list; raises `Refused`."""
        list_id, opt_in = list_id_of(request), read_flag(request.query.lowered(), OPT_IN)
        group_id = read_identifier(request.path_params["group_id"], "group")
        await self._services.mailings.add_group(account, list_id, group_id, opt_in=opt_in)
        return ""


def list_id_of(request: Request) -> int:
    """The list that a path names; raises `Refused`."""
    return read_identifier(request.path_params["list_id"], "list")


def list_path(list_id: int) -> str:
    return f"/list/{list_id}"


def _unknown_group(refused: Refused) -> Refused:
    if refused.code is RefusalCode.NOT_FOUND:
        return unknown_in_body(refused.detail, refused.subject)
    return refused


def _render(found: MailingList) -> ListAnswer:
    return ListAnswer(
        id_list=found.list_id,
        status=STATUS_NAMES[found.state],
        **{name: getattr(found, ours) for ours, name in LIST_NAMES.items()},
    )
