"""API keys of accounts: several, each with a name and limits of its own."""

from __future__ import annotations

from typing import Final

from dragoman.admin.calls import Body, Call
from dragoman.admin.context import Admin
from dragoman.admin.sign_in_answers import KeyList, KeyView
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.model.api_keys import ApiKey
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.kit.ids import parse_number

MAX_S: Final = 100 * 365 * 86_400
"""A lifetime that is longer is a mistake."""


class NewKey(Body, frozen=True, kw_only=True):
    """A key to make."""

    name: str
    scopes: tuple[str, ...] = ()
    """Names of APIs, or of calls as in /docs; none for all."""
    allowed_addresses: str = ""
    expires_in_s: int | None = None
    """None for never."""


class KeyChanges(Body, frozen=True, kw_only=True):
    """What to change of a key; what is left out stays."""

    name: str | None = None
    scopes: tuple[str, ...] | None = None
    allowed_addresses: str | None = None
    expires_in_s: int | None = None
    """0 for never."""


class KeyRotation(Body, frozen=True, kw_only=True):
    """How long the old key is good for besides the new one."""

    overlap_s: int = 0


async def list_keys(admin: Admin, username: str) -> KeyList:
    """List the API keys of an account; their secrets are not stored."""
    account = await admin.services.accounts.find(username)
    keys = await admin.services.api_keys.of_account(account)
    return KeyList(account=username, keys=tuple(_view(key) for key in keys))


async def create_key(admin: Admin, username: str, body: NewKey) -> KeyView:
    """Make an API key beside the others; it is shown this once."""
    services = admin.services
    account = await services.accounts.find(username)
    key, secret = await services.api_keys.create(
        account,
        body.name,
        scopes=frozenset(body.scopes),
        allowed_addresses=body.allowed_addresses,
        expires_ms=_until(admin, body.expires_in_s),
        audit=(services.audit_log.command_entry(account, "new_key", body.name),),
    )
    return _view(key, secret)


async def rotate_key(admin: Admin, username: str, key_id: str, body: KeyRotation) -> KeyView:
    """Make a key for what another one is good for; that one ends after an overlap."""
    services = admin.services
    account, key = await _find(admin, username, key_id)
    entry = services.audit_log.command_entry(account, "rotate_key", key.name)
    made, secret = await services.api_keys.rotate(
        account, key.key_id, body.overlap_s, audit=(entry,)
    )
    return _view(made, secret)


async def change_key(admin: Admin, username: str, key_id: str, body: KeyChanges) -> KeyView:
    """Change what an API key is called and good for, effective immediately."""
    services = admin.services
    account, key = await _find(admin, username, key_id)
    limits, name = key.limits, key.name if body.name is None else body.name
    expires_ms = limits.expires_ms
    if body.expires_in_s is not None:
        expires_ms = _until(admin, body.expires_in_s or None)
    changed = await services.api_keys.change(
        account,
        key.key_id,
        name=name,
        scopes=limits.scopes if body.scopes is None else frozenset(body.scopes),
        allowed_addresses=limits.allowed_addresses.text
        if body.allowed_addresses is None
        else body.allowed_addresses,
        expires_ms=expires_ms,
        audit=(services.audit_log.command_entry(account, "change_key", name),),
    )
    return _view(changed)


async def revoke_key(admin: Admin, username: str, key_id: str) -> KeyList:
    """Revoke one API key, effective immediately; the keys that are left."""
    services = admin.services
    account, key = await _find(admin, username, key_id)
    entry = services.audit_log.command_entry(account, "revoke_key", key.name)
    await services.api_keys.revoke(account, key.key_id, (entry,))
    return await list_keys(admin, username)


async def _find(admin: Admin, username: str, key_id: str) -> tuple[Account, ApiKey]:
    account = await admin.services.accounts.find(username)
    number = parse_number(key_id)
    if number is None:
        raise Refused(RefusalCode.NOT_FOUND, key_id[:64], "no such key")
    return account, await admin.services.api_keys.find(account, number)


def _until(admin: Admin, lifetime_s: int | None) -> int | None:
    if lifetime_s is None:
        return None
    if not 0 < lifetime_s <= MAX_S:
        raise Refused(RefusalCode.INVALID_FIELD, "expires", f"1 to {MAX_S} seconds")
    return admin.services.clock.now_ms() + lifetime_s * 1000


def _view(key: ApiKey, secret: str = "") -> KeyView:
    return KeyView(
        key_id=key.key_id,
        name=key.name,
        scopes=tuple(sorted(key.limits.scopes)),
        allowed_addresses=key.limits.allowed_addresses.text,
        created_ms=key.created_ms,
        expires_ms=key.limits.expires_ms,
        used_ms=key.used_ms,
        api_key=secret,
    )


CALLS: Final = (
    Call("GET", "/accounts/{username}/keys", list_keys),
    Call("POST", "/accounts/{username}/keys", create_key, status=201),
    Call("PATCH", "/accounts/{username}/keys/{key_id}", change_key),
    Call("POST", "/accounts/{username}/keys/{key_id}/rotate", rotate_key, status=201),
    Call("DELETE", "/accounts/{username}/keys/{key_id}", revoke_key),
)
