"""Profiles of contacts: what may stand in them, and how a newer one changes an older one."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from dragoman.core.contacts.model.contacts import (
    MAX_CUSTOM,
    MAX_LENGTHS,
    ContactProfile,
    check_profile,
)
from dragoman.core.model.errors import RefusalCode, Refused


def test_newer_profile_changes_only_what_it_knows() -> None:
    older = ContactProfile(
        name="Ann", city="Rome", birth_date=date(1990, 1, 2), custom={1: "a", 2: "b"}
    )
    newer = ContactProfile(city="Trento", gender="f", custom={2: "c", 3: "d"})
    assert older.updated_with(newer) == ContactProfile(
        name="Ann",
        city="Trento",
        gender="f",
        birth_date=date(1990, 1, 2),
        custom={1: "a", 2: "c", 3: "d"},
    )
    assert older.updated_with(ContactProfile()) == older
    assert ContactProfile().updated_with(older) == older


def test_profile_is_stored_without_what_is_not_known() -> None:
    profile = ContactProfile(email="a@b.it", birth_date=date(2017, 5, 11), custom={10: "x"})
    stored = msgspec.json.encode(profile)
    assert stored == b'{"email":"a@b.it","birth_date":"2017-05-11","custom":{"10":"x"}}'
    assert msgspec.json.decode(stored, type=ContactProfile, strict=False) == profile


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("email", {"email": "nobody"}),
        ("gender", {"gender": "M"}),
        *((field, {field: "x" * (longest + 1)}) for field, longest in MAX_LENGTHS.items()),
        *((field, {field: "\ud800"}) for field in MAX_LENGTHS),
        ("custom", {"custom": {0: "x"}}),
        ("custom", {"custom": {11: "x"}}),
        ("custom7", {"custom": {7: "x" * (MAX_CUSTOM + 1)}}),
        ("custom7", {"custom": {7: "\0"}}),
    ],
)
def test_bad_profile_is_refused_by_name(field: str, values: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        check_profile(ContactProfile(**values))
    assert (caught.value.code, caught.value.subject) == (RefusalCode.INVALID_FIELD, field)


def test_longest_values_fit() -> None:
    longest = {field: "å" * length for field, length in MAX_LENGTHS.items()}
    check_profile(ContactProfile(email="a@b.it", gender="m", custom={10: "x" * 1000}, **longest))
