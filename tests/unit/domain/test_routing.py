"""The account's own route comes first, then the longest prefix, then the first that was written."""

from __future__ import annotations

import pytest

from dragoman.core.messages.model.routing import Route, Router


def route(name: str, *prefixes: str, accounts: tuple[str, ...] = ()) -> Route:
    return Route(name=name, carriers=("main",), prefixes=prefixes, accounts=accounts)


ROUTER = Router(
    [
        route("rest"),
        route("nordic", "45", "46", "47"),
        route("premium", "4590"),
        route("shop", accounts=("shop", "store")),
        route("shop-danish", "45", accounts=("shop",)),
        route("german-only", "49", accounts=("berlin",)),
        route("late", "47"),
    ]
)

CASES = [
    ("any", "4512345678", "nordic"),
    ("any", "4590123456", "premium"),
    ("any", "4", "rest"),
    ("any", "12125550100", "rest"),
    ("any", "4712345678", "nordic"),
    ("shop", "4512345678", "shop-danish"),
    ("shop", "4590123456", "shop-danish"),
    ("shop", "12125550100", "shop"),
    ("store", "4512345678", "shop"),
    ("berlin", "4930123456", "german-only"),
    ("berlin", "4512345678", "nordic"),
    ("Shop", "4512345678", "nordic"),
]


@pytest.mark.parametrize(("username", "digits", "expected"), CASES)
def test_a_message_finds_its_route(username: str, digits: str, expected: str) -> None:
    found = ROUTER.choose(username, digits)
    assert found is not None
    assert found.name == expected


NOWHERE = [
    (Router([]), "any"),
    (Router([route("nordic", "45")]), "any"),
    (Router([route("shop", accounts=("shop",))]), "any"),
    (Router([route("shop", "45", accounts=("shop",))]), "shop"),
]


@pytest.mark.parametrize(("router", "username"), NOWHERE)
def test_a_number_without_a_route_is_told(router: Router, username: str) -> None:
    assert router.choose(username, "12125550100") is None


def test_routes_are_found_by_name() -> None:
    assert ROUTER.routes["premium"].prefixes == ("4590",)


def test_multimedia_messages_have_routes_of_their_own() -> None:
    texts = route("texts", "45")
    pictures = Route(name="pictures", carriers=("mmsc",), multimedia=True)
    own = Route(name="own", carriers=("mmsc",), multimedia=True, accounts=("shop",))
    router = Router([texts, pictures, own])
    assert router.choose("acme", "4512345678") is texts
    assert router.choose("acme", "4612345678") is None
    assert router.choose("acme", "4512345678", multimedia=True) is pictures
    assert router.choose("shop", "4512345678", multimedia=True) is own
    assert router.choose("shop", "4512345678") is texts
