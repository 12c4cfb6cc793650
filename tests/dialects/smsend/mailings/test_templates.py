"""Templates changed by JSON Patch."""

from __future__ import annotations

from typing import Any

import pytest

FIELDS = {"name": "T", "subject": "S", "text_content": "text", "html_content": "<p>h</p>"}

PATCHES = [
    ([], {}),
    ([{"op": "replace", "path": "/subject", "value": "new"}], {"subject": "new"}),
    ([{"op": "add", "path": "/name", "value": "N"}], {"name": "N"}),
    ([{"op": "remove", "path": "/subject"}], {"subject": ""}),
    ([{"op": "replace", "path": "/subject", "value": None}], {"subject": ""}),
    ([{"op": "copy", "from": "/name", "path": "/subject"}], {"subject": "T"}),
    (
        [
            {"op": "test", "path": "/name", "value": "T"},
            {"op": "move", "from": "/name", "path": "/subject"},
            {"op": "add", "path": "/name", "value": "U"},
        ],
        {"subject": "T", "name": "U"},
    ),
]


@pytest.mark.parametrize(("patch", "changed"), PATCHES)
async def test_template_is_changed_when_it_is_patched(
    smsend: Any, desk: Any, patch: list[Any], changed: dict[str, str]
) -> None:
    path = await desk.make("template", FIELDS)
    answer = await smsend._send("PATCH", path, patch)
    assert (answer.status, answer.body, answer.location) == (200, b'""', f"/{path}")
    stored = (await smsend.get(path)).json
    expected = FIELDS | changed | {"id_template": int(path.removeprefix("template/"))}
    assert stored == expected | {"text": expected["text_content"]}


SKEBBY = {
    "text only": ({"text": "Your code\n is ready"}, "Your code is ready"),
    "with more": ({"text": "Hello", "name": "T", "encoding": "GSM", "sender": "Acme"}, "T"),
    "null name": ({"text": "Hello", "name": None}, "Hello"),
    "empty name": ({"text": "x" * 100, "name": ""}, "x" * 40),
}


@pytest.mark.parametrize("case", SKEBBY)
async def test_template_is_created_when_skebby_names_its_text(
    smsend: Any, desk: Any, case: str
) -> None:
    """`{"text": …}`, as Skebby's programs create templates, was refused for want of a name."""
    body, name = SKEBBY[case]
    stored = (await smsend.get(await desk.make("template", body))).json
    assert (stored["name"], stored["text_content"]) == (name, body["text"])


async def test_html_of_a_text_follows_it_until_it_is_given(smsend: Any, desk: Any) -> None:
    path = await desk.make("template", {"text": "1 < 2\nyes"})
    assert (await smsend.get(path)).json["html_content"] == "1 &lt; 2<br>yes"
    for change, html in (
        ({"text": "a & b"}, "a &amp; b"),
        ({"subject": "S"}, "a &amp; b"),
        ({"html_content": "<p>own</p>"}, "<p>own</p>"),
        ({"text": "other"}, "<p>own</p>"),
    ):
        assert (await smsend._send("PUT", path, change)).status == 200
        assert (await smsend.get(path)).json["html_content"] == html


async def test_template_is_patched_when_skebby_names_its_text(smsend: Any, desk: Any) -> None:
    path = await desk.make("template", {"text": "old"})
    for value in ("new", "1 < 2"):
        patch = [{"op": "replace", "path": "/text", "value": value}]
        assert (await smsend._send("PATCH", path, patch)).status == 200
        stored = (await smsend.get(path)).json
        assert (stored["text"], stored["text_content"]) == (value, value)
    assert stored["html_content"] == "1 &lt; 2"


async def test_template_is_changed_when_skebby_names_its_text(smsend: Any, desk: Any) -> None:
    path = await desk.make("template", FIELDS)
    assert (await smsend._send("PUT", path, {"text": "new"})).status == 200
    stored = (await smsend.get(path)).json
    assert (stored["name"], stored["text_content"]) == ("T", "new")


async def test_patch_is_read_when_its_own_media_type_is_declared(smsend: Any, desk: Any) -> None:
    path = await desk.make("template", FIELDS)
    answer = await smsend.ask(
        "PATCH",
        path,
        b'[{"op":"replace","path":"/subject","value":"new"}]',
        [("Content-type", "application/json-patch+json"), *smsend.keys],
    )
    assert answer.status == 200
    assert (await smsend.get(path)).json["subject"] == "new"


BAD = [
    ([{"op": "test", "path": "/name", "value": "U"}], "Bad Request: operation 1: the test failed"),
    (
        [{"op": "replace", "path": "/subject", "value": "x"}, {"op": "remove", "path": "/nothing"}],
        "Bad Request: operation 2: there is nothing at the path",
    ),
    ([{"op": "add", "path": "/name", "value": 5}], None),
    ([{"op": "add", "path": "/color", "value": "red"}], None),
    ([{"op": "replace", "path": "", "value": []}], None),
    ([{"op": "remove", "path": "/id_template"}], None),
    (
        [{"op": "replace", "path": "/id_template", "value": 7}],
        "Invalid value for parameter [id_template]: it does not change",
    ),
    ([{"op": "remove", "path": "/name"}], "Missing parameter [name]"),
    ([{"op": "add", "path": "/subject", "value": "x\ny"}], None),
    ([{"op": "remove", "path": "/name"}] * 101, "Bad Request: at most 100 operations"),
    (b"{}", None),
    (b"", None),
    (b'[{"op":"add"}]', None),
    (b'[{"op":"remove","path":"/name"},7]', None),
]


@pytest.mark.stores_nothing
@pytest.mark.parametrize(("patch", "reason"), BAD)
async def test_nothing_changes_when_a_patch_cannot_be_applied(
    smsend: Any, desk: Any, refused: Any, patch: Any, reason: str | None
) -> None:
    path = await desk.make("template", FIELDS)
    before = (await smsend.get(path)).body
    answer = await refused(smsend._send("PATCH", path, patch))
    assert answer.status == 400
    if reason is not None:
        assert answer.json["error_message"] == reason
    assert (await smsend.get(path)).body == before


async def test_template_of_another_account_is_unknown_when_it_is_patched(
    smsend: Any, desk: Any
) -> None:
    path = await desk.make("template", FIELDS)
    await smsend.begin("other")
    answer = await smsend._send("PATCH", path, [])
    assert answer.status == 404
