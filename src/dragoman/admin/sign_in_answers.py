"""What the operations on people answer, as values."""

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
