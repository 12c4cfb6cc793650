"""Lists, and putting contacts and groups on them."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import msgspec
from msgspec import UNSET

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.campaigns.mailings import check_address
from dragoman.core.campaigns.model.mailings import ListState, MailingList, MailingListChange
from dragoman.core.contacts.contact_profiles import check_draft
from dragoman.core.contacts.model.contacts import OnClash
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.smsend.contacts.book import contact_path
from dragoman.dialects.smsend.contacts.reading import read_draft, unknown_in_body
from dragoman.dialects.smsend.contacts.schemas import ContactFields
from dragoman.dialects.smsend.mailings import reading
from dragoman.dialects.smsend.mailings.reading import LIST_NAMES, STATUS_NAMES, with_api_names
from dragoman.dialects.smsend.mailings.schemas import ListAnswer, ListFields, ListsAnswer
from dragoman.dialects.smsend.mapping import read_flag, read_identifier, zone_of
from dragoman.dialects.smsend.reading import read_body
from dragoman.dialects.smsend.rendering import Located
from dragoman.kit.clock import datetime_of
from dragoman.web.requests import Request

OPT_IN: Final = "sendoptin"
"""The manual's `SendOptIn` and `sendoptin`."""


class Lists:
    """Answers the calls on lists."""

    def __init__(self, services: Services) -> None:
        self._mailings = services.mailings
        self._profiles = services.contact_profiles
        self._clock = services.clock
        self._zone = services.settings.dialects.smsend.time_zone

    async def create(self, account: Account, request: Request) -> Located:
        """Creates a list; raises `Refused`."""
        fields = read_body(request, ListFields)
        state = ListState.ACTIVE if fields.status is None else reading.read_state(fields.status)
        given: dict[str, Any] = {
            ours: reading.read_text(getattr(fields, name)) for ours, name in LIST_NAMES.items()
        }
        new = MailingList(list_id=0, account_id=account.account_id, state=state, **given)
        with with_api_names():
            created = await self._mailings.create_list(account, new)
        return Located(list_path(created.list_id))

    async def change(self, account: Account, request: Request) -> Located:
        """Changes what is given of a list; raises `Refused`."""
        list_id = list_id_of(request)
        fields = read_body(request, ListFields)
        given = {
            ours: reading.read_text(value)
            for ours, name in LIST_NAMES.items()
            if (value := getattr(fields, name)) is not None
        }
        change = MailingListChange(
            list_id=list_id,
            account_id=account.account_id,
            state=UNSET if fields.status is None else reading.read_state(fields.status),
        )
        with with_api_names():
            await self._mailings.change_list(msgspec.structs.replace(change, **given))
        return Located(list_path(list_id))

    async def lists(self, account: Account, request: Request) -> ListsAnswer:
        """The account's lists; raises `Refused`."""
        states = reading.read_states(request.query.get("statuses", ""))
        found = await self._mailings.lists(account, states)
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
        await self._mailings.active_list(account, list_id)
        if opt_in:
            await self._mailings.check_may_send(account)
        try:
            await self._profiles.create_all(
                account, [draft], on_clash=OnClash.UPDATE, keep_groups=True
            )
        except Refused as refused:
            if refused.code is RefusalCode.NOT_FOUND:  # a group
                raise unknown_in_body(refused.detail, refused.subject) from None
            raise
        contact_id = (await self._profiles.with_email(account, email))[-1]
        await self._mailings.subscribe(
            account, list_id, email, contact_id=contact_id, opt_in=opt_in
        )
        return Located(contact_path(contact_id))

    async def add_group(self, account: Account, request: Request) -> str:
        """Puts the contacts of a group on a list; raises `Refused`."""
        list_id, opt_in = list_id_of(request), read_flag(request.query.lowered(), OPT_IN)
        group_id = read_identifier(request.path_params["group_id"], "group")
        await self._mailings.add_group(account, list_id, group_id, opt_in=opt_in)
        return ""

    def _today(self, account: Account) -> date:
        zone = zone_of(account, self._zone)
        return datetime_of(self._clock.now_ms()).astimezone(zone).date()


def list_id_of(request: Request) -> int:
    """The list that a path names; raises `Refused`."""
    return read_identifier(request.path_params["list_id"], "list")


def list_path(list_id: int) -> str:
    """Where a list is."""
    return f"/list/{list_id}"


def _render(found: MailingList) -> ListAnswer:
    return ListAnswer(
        id_list=found.list_id,
        status=STATUS_NAMES[found.state],
        **{name: getattr(found, ours) for ours, name in LIST_NAMES.items()},
    )
