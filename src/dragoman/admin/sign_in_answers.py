"""What the operations on people and API keys answer, as values."""

from __future__ import annotations

import msgspec


class PersonView(msgspec.Struct, frozen=True, kw_only=True):
    """A person of an account; times are milliseconds since the Unix epoch."""

    person_id: int
    name: str
    account: str
    role: str
    enabled: bool
    has_password: bool
    second_factor: bool
    issuer: str
    """The OpenID provider that knows them; empty where none does."""
    invited_until_ms: int | None
    signed_in_ms: int | None
    created_ms: int


class PersonList(msgspec.Struct, frozen=True, kw_only=True):
    """People, account by account."""

    people: tuple[PersonView, ...]


class PersonLink(msgspec.Struct, frozen=True, kw_only=True):
    """A person, and the link by which they set a password; it is shown this once."""

    person: PersonView
    link: str
    """A path where the configuration does not say `[console] public_url`."""


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """An API key without its secret; times are milliseconds since the Unix epoch."""

    key_id: int
    name: str
    scopes: tuple[str, ...]
    """Names of APIs and of calls; empty for all."""
    allowed_addresses: str
    created_ms: int
    expires_ms: int | None
    used_ms: int | None
    """To about a minute; None if it was never used."""
    api_key: str = ""
    """Shown once, when it is made."""


class KeyList(msgspec.Struct, frozen=True, kw_only=True):
    """The API keys of an account that are neither revoked nor expired, oldest first."""

    account: str
    keys: tuple[KeyView, ...]
