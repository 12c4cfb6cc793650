"""URLs of customers: their passwords are not shown, and not lost when what is shown is edited."""

from __future__ import annotations

import pytest

from dragoman.core.model.urls import hide_passwords, is_http_address, unhide_password

SHOWN = {
    "https://me:secret@a.example/x?y=1": "https://me:***@a.example/x?y=1",
    "https://me:se:c/ret@a.example/": "https://me:se:c/ret@a.example/",
    "http://me:s%2Fe@c@a.example:81": "http://me:***@a.example:81",
    "http://:secret@a.example/": "http://:***@a.example/",
    "http://me@b.example:secret@a.example/": "http://me@b.example:***@a.example/",
    "http://me@a.example:81/": "http://me@a.example:81/",
    '["http://me@a.example:81/","x@y"]': '["http://me@a.example:81/","x@y"]',
    "http://me@a.example/": "http://me@a.example/",
    "http://a.example:81/me:secret@b": "http://a.example:81/me:secret@b",
    "http://a.example/?a=b:c@d": "http://a.example/?a=b:c@d",
    '{"a":"http://a:b@c/","d":"http://e:f@g/"}': '{"a":"http://a:***@c/","d":"http://e:***@g/"}',
    "": "",
}


@pytest.mark.parametrize("url", SHOWN)
def test_a_url_is_shown_without_its_password(url: str) -> None:
    assert hide_passwords(url) == SHOWN[url]


STORED = "https://me:secret@a.example/x"
EDITED = {
    "https://me:***@a.example/x": STORED,
    "https://me:***@a.example/y?z=1": "https://me:secret@a.example/y?z=1",
    "https://me:***@b.example/x": "https://me:***@b.example/x",
    "https://me:***@a.example:444/x": "https://me:***@a.example:444/x",
    "http://me:***@a.example/x": "http://me:***@a.example/x",
    "https://you:***@a.example/x": "https://you:***@a.example/x",
    "https://me:***@a.example@b.example/x": "https://me:***@a.example@b.example/x",
    "https://me:new@a.example/x": "https://me:new@a.example/x",
    "https://me:***@[a.example/x": "https://me:***@[a.example/x",
    "https://a.example/x": "https://a.example/x",
    "": "",
}


@pytest.mark.parametrize("typed", EDITED)
def test_a_hidden_password_stays_for_its_user_and_origin(typed: str) -> None:
    assert unhide_password(typed, STORED) == EDITED[typed]


def test_all_passwords_of_a_url_that_is_not_edited_stay() -> None:
    stored = "https://me:one@a.example/?to=http://you:two@b.example/"
    assert unhide_password(hide_passwords(stored), stored) == stored


ADDRESSES = {
    "https://me:***@a.example/x": False,
    "https://me@b.example:***@a.example/x": False,
    "https://a.example/?to=http://you:***@b.example/": False,
    'https://me:se"cret@a.example/x': False,
    'https://m"e:secret@a.example/x': False,
    "https://me:se%22cret@a.example/x": True,
    "https://me:****@a.example/x": True,
    "https://me:secret@a.example/***": True,
    'https://a.example/?x="': True,
}


# `***` was stored, and a password with a quotation mark was shown.
@pytest.mark.parametrize("url", ADDRESSES)
def test_no_hidden_password_is_stored_and_none_that_cannot_be_hidden(url: str) -> None:
    assert is_http_address(url) is ADDRESSES[url]


def test_what_has_no_password_stored_is_as_typed() -> None:
    typed = "https://me:***@a.example/"
    assert unhide_password(typed, "https://a.example/") == typed
