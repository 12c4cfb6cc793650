"""Which numbers an account may send to, in every form they are written."""

from __future__ import annotations

import pytest

from dragoman.core.accounts.model.allowed_prefixes import AllowedPrefixes, parse_allowed_prefixes


@pytest.mark.parametrize(
    ("text", "allowed", "refused"),
    [
        ("", ["4512345678", "1"], []),
        (" , ", ["4512345678"], []),
        ("45", ["4512345678"], ["4612345678"]),
        ("+45, 46", ["4512345678", "4612345678"], ["4712345678", "1"]),
        ("4520", ["4520123456"], ["4512345678", "45"]),
    ],
)
def test_prefixes_allow_what_begins_with_them(
    text: str, allowed: list[str], refused: list[str]
) -> None:
    prefixes = parse_allowed_prefixes(text)
    assert prefixes.text == text.strip()
    assert [number for number in allowed if not prefixes.allow(number)] == []
    assert [number for number in refused if prefixes.allow(number)] == []


@pytest.mark.parametrize("text", ["x", "0", "++45", "45;46", "٤٥", "1" * 16, "-45"])
def test_what_begins_no_number_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is not the first digits"):
        parse_allowed_prefixes(text)


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("", "", None),
        ("", "45", ("45",)),
        ("45", "", ("45",)),
        ("45", "4520", ("4520",)),
        ("45,46", "4,47", ("45", "46")),
        ("45", "46", ()),
    ],
)
def test_narrowed_prefixes_allow_what_both_do(
    one: str, other: str, both: tuple[str, ...] | None
) -> None:
    narrowed = parse_allowed_prefixes(one).narrowed(parse_allowed_prefixes(other))
    assert narrowed == AllowedPrefixes(one, both)
    if both == ():
        assert not narrowed.allow("4512345678")
