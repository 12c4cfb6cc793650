"""The calls on users."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from dragoman.container import Services
from dragoman.core.accounts.account_tree import Changes, check_right
from dragoman.core.accounts.model.accounts import Account, AccountDetails
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.linkmobility.paging import MAX_IDENTIFIER
from dragoman.dialects.linkmobility.reading import read_flag
from dragoman.dialects.linkmobility.times import zone_of
from dragoman.dialects.linkmobility.users import mapping, schemas
from dragoman.web.bodies import decode_body
from dragoman.web.requests import Request

OK: Final = 200
CREATED: Final = 201
NEW_DETAILS: Final = AccountDetails(integration="")
"""What a user that was made here has where nothing is said."""


class Users:
    """Answers the calls on users."""

    def __init__(self, services: Services) -> None:
        self._tree = services.account_tree
        self._default_zone = services.settings.dialects.linkmobility.time_zone

    async def list_below(self, caller: Account, _request: Request) -> schemas.ManyUsers:
        """The caller's own account and all below it, enabled or not."""
        zone = zone_of(caller, self._default_zone)
        views = await self._tree.list_below(caller)
        return schemas.ManyUsers(
            users=tuple(mapping.render_user(view, zone) for view in views), status=OK
        )

    async def find(self, caller: Account, request: Request) -> schemas.OneUser:
        """One of them; raises `Refused`."""
        view = await self._tree.find(caller, _identifier(request))
        return schemas.OneUser(
            user=mapping.render_user(view, zone_of(caller, self._default_zone)), status=OK
        )

    async def create(self, caller: Account, request: Request) -> schemas.OneUser:
        """Makes a user; raises `Refused`."""
        new = decode_body(request, schemas.NewUser)
        with _worded("created"):
            check_right(caller)
            credits = mapping.read_credits(new.credits)
            for name in ("username", "password"):
                _require(name, getattr(new, name))
            if credits is None:
                raise Refused(RefusalCode.MISSING_FIELD, "credits")
            fields = mapping.read_fields(new, NEW_DETAILS)
            created = await self._tree.create(
                caller,
                msgspec.structs.replace(fields, details=fields.details or NEW_DETAILS),
                password=str(new.password),
                credits=credits or None,
                permissions=mapping.read_permissions(new),
            )
        user = mapping.render_user(
            created.view, zone_of(caller, self._default_zone), created.api_key
        )
        if new.iprange is None:
            user = msgspec.structs.replace(user, iprange=None)
        return schemas.OneUser(user=user, status=CREATED)

    async def change(self, caller: Account, request: Request) -> schemas.OneUser:
        """Changes what is given of a user; raises `Refused`."""
        given = decode_body(request, schemas.UserUpdate)
        identifier = _identifier(request)
        details = (await self._tree.find(caller, identifier)).account.details
        with _worded("updated"):
            check_right(caller)
            for name in ("username", "password"):
                if getattr(given, name) is not None:
                    _require(name, getattr(given, name))
            changes = Changes(
                fields=mapping.read_fields(given, details),
                password=None if given.password is None else str(given.password),
                new_key=bool(read_flag("newapikey", given.newapikey)),
                enabled=read_flag("enabled", given.enabled),
                credits=mapping.read_credits(given.credits) or 0,
                permissions=mapping.read_permissions(given),
            )
            changed = await self._tree.change(caller, identifier, changes)
        zone = zone_of(caller, self._default_zone)
        return schemas.OneUser(
            user=mapping.render_user(changed.view, zone, changed.api_key), status=OK
        )

    async def delete(self, caller: Account, request: Request) -> schemas.DeletedUser:
        """Ends a user; raises `Refused`."""
        identifier = _identifier(request)
        with _worded("deleted"):
            await self._tree.delete(caller, identifier)
        return schemas.DeletedUser(message=f"User id [{identifier}] deleted", status=OK)


def _identifier(request: Request) -> int:
    written = request.path_params["id"]
    if written.isascii() and written.isdigit() and int(written[:20]) <= MAX_IDENTIFIER:
        return int(written[:20])
    raise Refused(RefusalCode.NOT_FOUND, written, "user")


def _require(name: str, value: object) -> None:
    if value is None or str(value) == "":
        raise Refused(RefusalCode.MISSING_FIELD, name)


@contextmanager
def _worded(action: str) -> Iterator[None]:
    """Says refusals as the manual does: `User not created, …`."""
    try:
        yield
    except Refused as refused:
        raise mapping.reword(refused, action) from None
