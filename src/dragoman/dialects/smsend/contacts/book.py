"""Contacts: created one by one or many at once, and read (smSend v1.0, "Contacts API")."""

from __future__ import annotations

from typing import Final

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.contacts.contact_profiles import ContactDraft
from dragoman.core.contacts.model.contacts import CUSTOM_FIELDS, OnClash, ProfiledContact
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.smsend.calls import CallGroup
from dragoman.dialects.smsend.contacts import reading, schemas
from dragoman.dialects.smsend.contacts.reading import render_day
from dragoman.dialects.smsend.mapping import read_body, read_page, read_switch
from dragoman.dialects.smsend.schemas import Answer, Located, Stated
from dragoman.dialects.wording import instead_of, reworded
from dragoman.kit.ids import render_base64
from dragoman.web.requests import Request

OK: Final = 200

_FIELDS: Final = schemas.ContactFieldList(
    contactFields=[
        *(
            schemas.ContactField(name=name, description="An additional date field", type="DATE")
            for name in ("promotiondate", "rememberdate")
        ),
        *(
            schemas.ContactField(
                name=f"custom{number}", description=f"Custom field {number}", type="TEXT"
            )
            for number in range(1, CUSTOM_FIELDS + 1)
        ),
    ]
)


def contact_path(contact_id: int) -> str:
    """Where a contact is, below this API's own path."""
    return f"/contact/{render_base64(contact_id)}"


class Book(CallGroup):
    """Answers the calls on contacts."""

    async def create(self, account: Account, request: Request) -> Answer:
        """Stores a contact, or all of a list of `contacts`; raises `Refused`."""
        body = read_body(request, schemas.NewContacts)
        if body.contacts is not None:
            return await self._create_all(account, body)
        draft = reading.read_draft(body, self._today(account))
        with reworded(_in_body):
            contact_id = await self._services.contact_profiles.create(account, draft)
        return Located(contact_path(contact_id))

    async def create_all(self, account: Account, request: Request) -> Answer:
        """Stores all of a list of `contacts`; raises `Refused`."""
        body = read_body(request, schemas.NewContacts)
        if body.contacts is None:
            raise Refused(RefusalCode.MISSING_FIELD, "contacts")
        return await self._create_all(account, body)

    async def contact(self, account: Account, request: Request) -> schemas.ContactAnswer:
        """One contact; raises `Refused`."""
        text = request.path_params["contact_id"]
        contact_id = reading.read_contact_id(text)
        with instead_of(RefusalCode.NOT_FOUND, reading.missing_contact(text)):
            return _render(await self._services.contact_profiles.contact(account, contact_id))

    async def contacts(self, account: Account, request: Request) -> schemas.ContactList:
        """A page of contacts, oldest first; raises `Refused`."""
        page = read_page(request.query)
        found = await self._services.contact_profiles.page(account, page.offset, page.size)
        return schemas.ContactList(
            contacts=[_render(contact, listed=True) for contact in found.contacts],
            pageNumber=page.number,
            pageSize=page.size,
            total=found.total,
        )

    async def fields(self, _account: Account, _request: Request) -> schemas.ContactFieldList:
        """The fields that the user gives a meaning to."""
        return _FIELDS

    async def _create_all(self, account: Account, body: schemas.NewContacts) -> Answer:
        update = read_switch("updateExistingContact", body.updateExistingContact)
        keep = read_switch("keepExistingGroupsAndCampaigns", body.keepExistingGroupsAndCampaigns)
        today = self._today(account)
        drafts: list[ContactDraft] = [
            reading.read_draft(fields, today) for fields in body.contacts or ()
        ]
        with reworded(_in_body):
            count = await self._services.contact_profiles.create_all(
                account,
                drafts,
                on_clash=OnClash.UPDATE if update else OnClash.REPLACE,
                keep_groups=keep,
            )
        return Stated(OK, count)


def _in_body(refused: Refused) -> Refused:
    """A refusal of what a body names: a group that the account does not have is 400 there."""
    if refused.code is RefusalCode.NOT_FOUND:
        return reading.unknown_in_body(refused.detail, refused.subject)
    if refused.subject == "groups":
        return Refused(refused.code, "groupIds", refused.detail)
    return refused


def _render(contact: ProfiledContact, *, listed: bool = False) -> schemas.ContactAnswer:
    profile = contact.profile
    extra = {
        "notes": profile.notes,
        "promotiondate": render_day(profile.promotion_date),
        "rememberdate": render_day(profile.reminder_date),
        **{f"custom{number}": text for number, text in profile.custom.items()},
        "contactId": render_base64(contact.contact_id) if listed else "",
    }
    return schemas.ContactAnswer(
        email=profile.email or None,
        phoneNumber=f"+{contact.mobile}" if contact.mobile else None,
        name=profile.name or None,
        surname=profile.surname or None,
        groupIds=[str(group_id) for group_id in contact.group_ids],
        gender=profile.gender or None,
        fax=profile.fax or None,
        address=profile.address or None,
        city=profile.city or None,
        province=profile.province or None,
        birthdate=render_day(profile.birth_date),
        zip=profile.zip or None,
        **{name: text for name, text in extra.items() if text},
    )
