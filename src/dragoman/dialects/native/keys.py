"""API keys of the account: named, limited, rotated and revoked one by one.

A key with limits of its own makes no others: what it could make would be good for more than it is.
It may look at all of them, and rotate or revoke itself.
"""

from __future__ import annotations

from typing import Any

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.model.api_keys import ApiKey, KnownKey
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.native import mapping, schemas
from dragoman.dialects.native.calls import CREATED, DONE, CallGroup, render
from dragoman.dialects.native.mapping import render_optional_time, render_time
from dragoman.web.bodies import decode_body, decode_query
from dragoman.web.requests import Request
from dragoman.web.responses import Response


class Keys(CallGroup):
    """Answers the calls on keys."""

    async def search(self, account: Account, request: Request) -> Response:
        """The keys that are valid, oldest first."""
        own = await self._own(request)
        found = await self._services.api_keys.of_account(account)
        return render(schemas.Keys(data=tuple(_key(one, own) for one in found)))

    async def create(self, account: Account, request: Request) -> Response:
        """Makes a key and shows it this once; raises `Refused`."""
        given = decode_body(request, schemas.NewKey)
        _check_may_manage(await self._own(request))
        made, secret = await self._services.api_keys.create(
            account,
            given.name,
            scopes=frozenset(given.scopes),
            allowed_addresses=_addresses(given.allowed_addresses),
            expires_ms=mapping.read_optional_time("expires_at", given.expires_at),
            audit=(self._services.audit_log.entry(account, "new_key", given.name),),
        )
        return render(_made(made, secret), CREATED)

    async def fetch(self, account: Account, request: Request) -> Response:
        """One key; raises `Refused`."""
        found = await self._services.api_keys.find(account, _id_of(request))
        return render(_key(found, await self._own(request)))

    async def change(self, account: Account, request: Request) -> Response:
        """Changes what a key is called and good for; raises `Refused`."""
        given = decode_body(request, schemas.KeyChange)
        own = await self._own(request)
        _check_may_manage(own)
        key = await self._services.api_keys.find(account, _id_of(request))
        limits, scopes, addresses = key.limits, given.scopes, given.allowed_addresses
        expires_ms = limits.expires_ms
        if given.expires_at is None:
            expires_ms = None
        elif isinstance(given.expires_at, str):
            expires_ms = mapping.read_time("expires_at", given.expires_at)
        name = given.name if isinstance(given.name, str) else key.name
        changed = await self._services.api_keys.change(
            account,
            key.key_id,
            name=name,
            scopes=frozenset(scopes) if isinstance(scopes, list) else limits.scopes,
            allowed_addresses=(
                _addresses(addresses)
                if isinstance(addresses, list)
                else limits.allowed_addresses.text
            ),
            expires_ms=expires_ms,
            audit=(self._services.audit_log.entry(account, "change_key", name),),
        )
        return render(_key(changed, own))

    async def rotate(self, account: Account, request: Request) -> Response:
        """Makes a key in place of another, which ends after an overlap; raises `Refused`."""
        query = decode_query(request, schemas.RotationQuery)
        key_id = _id_of(request)
        _check_may_manage(await self._own(request), key_id)
        old = await self._services.api_keys.find(account, key_id)
        entry = self._services.audit_log.entry(account, "rotate_key", old.name)
        made, secret = await self._services.api_keys.rotate(
            account, key_id, query.overlap_s, audit=(entry,)
        )
        return render(_made(made, secret), CREATED)

    async def revoke(self, account: Account, request: Request) -> Response:
        """Ends a key at once; raises `Refused`."""
        key_id = _id_of(request)
        _check_may_manage(await self._own(request), key_id)
        key = await self._services.api_keys.find(account, key_id)
        entry = self._services.audit_log.entry(account, "revoke_key", key.name)
        await self._services.api_keys.revoke(account, key_id, (entry,))
        return DONE

    async def _own(self, request: Request) -> KnownKey:
        """The key that the call was made with."""
        return await self._services.api_keys.find_by_secret(request.authorization()[1])


def _check_may_manage(own: KnownKey, key_id: int | None = None) -> None:
    """Raises `Refused` unless the caller's key has no limits, or is itself the one in question."""
    if own.limits is not None and own.credential_id != key_id:
        detail = "a key with limits of its own manages no other"
        raise Refused(RefusalCode.PERMISSION_DENIED, "key", detail)


def _key(key: ApiKey, own: KnownKey) -> schemas.Key:
    return schemas.Key(**_fields(key), is_current=key.key_id == own.credential_id)


def _made(key: ApiKey, secret: str) -> schemas.NewlyMadeKey:
    return schemas.NewlyMadeKey(**_fields(key), key=secret)


def _fields(key: ApiKey) -> dict[str, Any]:
    addresses = key.limits.allowed_addresses.text.split(",")
    return {
        "id": str(key.key_id),
        "name": key.name,
        "scopes": tuple(sorted(key.limits.scopes)),
        "allowed_addresses": tuple(filter(None, map(str.strip, addresses))),
        "created_at": render_time(key.created_ms),
        "expires_at": render_optional_time(key.limits.expires_ms),
        "used_at": render_optional_time(key.used_ms),
    }


def _id_of(request: Request) -> int:
    return mapping.read_id(request.path_params["id"], "key")


def _addresses(given: list[str]) -> str:
    return ", ".join(given)
