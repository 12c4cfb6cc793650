"""Tags, and contacts that have them."""

from __future__ import annotations

from typing import Final

from dragoman.core.contacts.contact_profiles import ContactDraft
from dragoman.core.contacts.model.contacts import MAX_LENGTHS, ContactProfile, ListKind
from dragoman.core.model.texts import is_storable
from dragoman.dialects.smsgateway24.auth import CallGroup
from dragoman.dialects.smsgateway24.errors import invalid
from dragoman.dialects.smsgateway24.numbers import country_of_all, read_number
from dragoman.dialects.smsgateway24.parameters import Given
from dragoman.dialects.smsgateway24.schemas import SavedContact, SavedTag
from dragoman.dialects.smsgateway24.sending import find_tag
from dragoman.web.requests import Request

LONGEST_NAME: Final = MAX_LENGTHS["name"]


class Book(CallGroup):
    """Answers the calls that store tags and contacts."""

    async def add_tag(self, request: Request, given: Given) -> SavedTag:
        """`savetag`; raises `Refused`."""
        account = await self._authenticate(request, given)
        title = given.required("title").strip()
        tag = await self._services.groups.create(account, title, kind=ListKind.TAG)
        return SavedTag(tag_id=tag.list_id)

    async def add_contact(self, request: Request, given: Given) -> SavedContact:
        """`savecontact`; raises `Refused`."""
        services = self._services
        account = await self._authenticate(request, given)
        phone = given.required("phone")
        tag_id = await find_tag(services, account, given.required("ctag_id", "tag_id"))
        country = country_of_all(services.devices.of_account(account))
        name, surname = split_name(given.text("fullname").strip())
        if max(len(name), len(surname)) > LONGEST_NAME or not is_storable(name + surname):
            raise invalid("fullname", "too long, or not a name")
        draft = ContactDraft(
            mobile=read_number(phone, country, plus_lost=True),
            profile=ContactProfile(name=name, surname=surname),
            group_ids=(tag_id,),
        )
        contact_id = await services.contact_profiles.create(account, draft, ListKind.TAG)
        shown = await services.short_ids.of([contact_id])
        return SavedContact(contact_id=shown[contact_id])


def split_name(fullname: str) -> tuple[str, str]:
    """A name in one piece, or in two where it is too long for one."""
    if len(fullname) <= LONGEST_NAME:
        return fullname, ""
    at = fullname.rfind(" ", 0, LONGEST_NAME + 1)
    return (fullname[:at], fullname[at + 1 :]) if at > 0 else (fullname, "")
