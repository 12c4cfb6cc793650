"""Templates and paths: what is filled in, what is escaped, and what a hostile text cannot do."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman.config.http import RequestTable
from dragoman.connectors.http.paths import Condition, compile_path
from dragoman.connectors.http.requests import HttpRequest, RequestRenderer
from dragoman.connectors.http.templates import Compiler, Filling, Unfilled

from .peers import NOW_MS, outgoing

KNOWN = {"key": "k&y", "empty": "", "other": "o"}
HOSTILE = 'a"b\\c\n</text>&x=1{key}{to}\u2028é'


def render(table: RequestTable, text: str = "hello", **more: Any) -> HttpRequest:
    renderer = RequestRenderer(table, "https://x.example/", Compiler(KNOWN))
    message = outgoing(text=text, **more)
    return renderer.render(
        Filling(message, ref="dabc", status_url="", now_ms=lambda: NOW_MS, fixed={})
    )


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{to}", "4512345678"),
        ("{to_plus}", "+4512345678"),
        ("x{to}y{ref}z", "x4512345678ydabcz"),
        ("{to:int}", 4512345678),
        ("{key}", "k&y"),
        ("{empty|other}", "o"),
        ("{key|other}", "k&y"),
        ("{validity_s}", "3600"),
        ("{validity_s<600}", "600"),
        ("{validity_s>7200}", "7200"),
        ("{validity_s?>1<600:int}", 600),
        ("{validity_min:int}", 60),
        ("{validity_ms}", "3600000"),
        ("{validity_iso}", "PT3600S"),
        ("{expires}", "2026-09-21T15:13:20Z"),
        ("{now}", "2026-09-21 14:13:20"),
        ("{text_utf16_hex}", "00680065006c006c006f"),
        ("{ not a gap }", "{ not a gap }"),
        ("{}", "{}"),
        (17, 17),
        (True, True),
        (["{to}", "{empty?}"], ["4512345678"]),
        ({"a": {"b": "{empty?}"}}, None),
    ],
)
def test_a_template_is_filled(template: Any, expected: Any) -> None:
    body = render(RequestTable(fields={"v": template})).body
    assert msgspec.json.decode(body).get("v") == expected


@pytest.mark.parametrize(
    "template", ["{empty?}", "{class?}", "{status_url?}", "{to!key}", "{key!other}"]
)
def test_a_field_is_left_out(template: str) -> None:
    assert render(RequestTable(fields={"v": template, "w": "1"})).body == b'{"w":"1"}'
    form = RequestTable(body="form", fields={"v": template, "w": "1"})
    assert render(form).body == b"w=1"


@pytest.mark.parametrize("name", ["nothing", "other_key", "text2"])
def test_what_cannot_be_filled_is_named(name: str) -> None:
    with pytest.raises(Unfilled) as raised:
        render(RequestTable(fields={"v": f"{{{name}}}"}))
    assert raised.value.name == name


@pytest.mark.parametrize(
    ("table", "body"),
    [
        (
            RequestTable(fields={"t": "{text}"}),
            '{"t":"a\\"b\\\\c\\n</text>&x=1{key}{to}\u2028é"}',
        ),
        (
            RequestTable(template='{"t": "{text}"}'),
            '{"t": "a\\"b\\\\c\\n</text>&x=1{key}{to}\u2028é"}',
        ),
        (
            RequestTable(body="form", fields={"t": "{text}", "k": "{key}"}),
            "t=a%22b%5Cc%0A%3C%2Ftext%3E%26x%3D1%7Bkey%7D%7Bto%7D%E2%80%A8%C3%A9&k=k%26y",
        ),
        (
            RequestTable(body="xml", template="<text>{text}</text>"),
            "<text>a&quot;b\\c\n&lt;/text&gt;&amp;x=1{key}{to}\u2028é</text>",
        ),
        (RequestTable(body="text", template="{text}"), HOSTILE),
    ],
)
def test_a_text_cannot_leave_its_place(table: RequestTable, body: str) -> None:
    assert render(table, HOSTILE).body == body.encode()


def test_a_url_is_escaped() -> None:
    request = render(
        RequestTable(
            method="GET", path="/to/{sender}/a?x=1", query={"t&": "{text} {key}", "fix": "a b"}
        ),
        "å&/?#",
        sender="../x?",
    )
    assert request.url == (
        "https://x.example/to/..%2Fx%3F/a?x=1&t%26=%C3%A5%26%2F%3F%23%20k%26y&fix=a%20b"
    )
    assert request.body == b""


def test_octets_of_utf_16_are_escaped_one_by_one() -> None:
    request = render(RequestTable(method="GET", query={"t": "{text_utf16}"}), "å😀")
    assert request.url == "https://x.example?t=%00%E5%D8%3D%DE%00"


def test_the_same_message_gives_the_same_octets() -> None:
    table = RequestTable(fields={"a": "{text}", "b": ["{to}"]}, headers={"X": "{ref}"})
    assert render(table) == render(table)
    assert dict(render(table).headers) == {"X": "dabc", "Content-Type": "application/json"}


TREE = {"a": [{"b": 1, "c": "x"}, {"b": 2}], "d": {"e": None}, "f": "", "g": True, "h": {"i": 5}}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a[0].b", [1]),
        ("a[*].b", [1, 2]),
        ("a[-1].b", [2]),
        ("a[2].b", []),
        ("a.b", []),
        ("d.e", [None]),
        ("d.e.f", []),
        ("f|h.i", [5]),
        ("x|f", []),
        ("h[0].i", [5]),
        ("h[*].i", [5]),
        ("g", [True]),
        ("", [TREE]),
    ],
)
def test_a_path_leads_to_its_values(path: str, found: list[Any]) -> None:
    assert compile_path(path)(TREE) == found


@pytest.mark.parametrize("path", ["a..b", "a[", "a[x]", "[99999]", "a]"])
def test_a_path_that_is_none_is_named(path: str) -> None:
    with pytest.raises(ValueError, match="is not a path"):
        compile_path(path)


@pytest.mark.parametrize("tree", [None, 1, "text", [], {}, [[1]]])
def test_a_path_leads_nowhere_in_other_trees(tree: Any) -> None:
    for path in ("a[0].b", "a[*].b[*].c", "x"):
        assert compile_path(path)(tree) == []


@pytest.mark.parametrize(
    ("values", "holds"),
    [
        ({"g": ("true",)}, True),
        ({"a[*].b": ("1", "2")}, True),
        ({"a[*].b": ("1",)}, False),
        ({"h.i": ()}, True),
        ({"h.i": ("5",), "x": ()}, False),
        ({"!x": ()}, True),
        ({"!h": ()}, False),
        ({}, True),
    ],
)
def test_a_condition_holds(values: dict[str, tuple[str, ...]], holds: bool) -> None:
    assert Condition(values).holds(TREE) is holds
