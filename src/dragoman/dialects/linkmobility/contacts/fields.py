"""Merge fields (LINK v2 s. 07)."""

from __future__ import annotations

from typing import Final

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.contacts.model.contacts import MergeField
from dragoman.dialects.linkmobility.contacts import schemas
from dragoman.dialects.linkmobility.contacts.reading import (
    KEY_PREFIX,
    path_identifier,
    read_field_name,
)
from dragoman.web.bodies import decode_body
from dragoman.web.requests import Request

KIND: Final = "merge field"
OK: Final = 200
CREATED: Final = 201


class MergeFields:
    """Answers the calls on merge fields."""

    def __init__(self, services: Services) -> None:
        self._contacts = services.contacts

    async def all(self, account: Account, _request: Request) -> schemas.Fields:
        """All merge fields, in the order of creation."""
        found = await self._contacts.merge_fields(account)
        return schemas.Fields(field=tuple(map(_item, found)), status=OK)

    async def create(self, account: Account, request: Request) -> schemas.FieldAnswer:
        """Creates a merge field; raises `Refused`."""
        name = read_field_name(decode_body(request, schemas.FieldBody).name)
        created = await self._contacts.create_merge_field(account, name)
        return schemas.FieldAnswer(field=_item(created), status=CREATED)

    async def change(self, account: Account, request: Request) -> schemas.FieldAnswer:
        """Renames a merge field; raises `Refused`."""
        field_id = path_identifier(request, KIND)
        name = read_field_name(decode_body(request, schemas.FieldBody).name)
        renamed = await self._contacts.rename_merge_field(account, field_id, name)
        return schemas.FieldAnswer(field=_item(renamed), status=OK)

    async def delete(self, account: Account, request: Request) -> schemas.Deleted:
        """Deletes a merge field and its values; raises `Refused`."""
        field_id = path_identifier(request, KIND)
        await self._contacts.delete_merge_field(account, field_id)
        return schemas.Deleted(message=f"Merge field id [{field_id}] deleted", status=OK)


def _item(field: MergeField) -> schemas.FieldItem:
    return schemas.FieldItem(
        id=str(field.field_id), name=field.name, key=f"{KEY_PREFIX}{field.field_id}"
    )
