"""API keys made, limited, rotated and revoked over the API itself."""

from __future__ import annotations

from typing import Any

import pytest
from tests.dialects.in_process import Answer, count_rows
from tests.dialects.native.conftest import DEAF, Gate

from dragoman.core.accounts import accounts as accounts_module
from dragoman.core.accounts import api_keys

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts_module, "FIRST_DELAY_S", 0.0)


async def make(gate: Gate, **given: Any) -> dict[str, Any]:
    answer = await gate.call("POST", "/keys", {"name": "till", **given})
    assert answer.status == 201
    made: dict[str, Any] = answer.json
    return made


async def list_keys(gate: Gate, **options: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await gate.call("GET", "/keys", **options)).json["data"]
    return found


def word_of(answer: Answer) -> str:
    return str(answer.json["type"]).rpartition(":")[2]


async def test_a_key_is_shown_once_and_works_until_it_is_revoked(gate: Gate) -> None:
    made = await make(gate, allowed_addresses=["127.0.0.1", "192.0.2.0/24"])
    secret = made.pop("key")
    assert len(secret) > 30
    assert (made["name"], made["scopes"], made["expires_at"]) == ("till", [], None)
    assert made["allowed_addresses"] == ["127.0.0.1", "192.0.2.0/24"]
    assert [one for one in await list_keys(gate) if one["id"] == made["id"]] == [made]
    path = f"/keys/{made['id']}"
    used = (await gate.call("GET", path, key=secret)).json
    assert (used["is_current"], used["used_at"] is not None) == (True, True)
    assert (await gate.call("GET", path)).json["is_current"] is False
    assert (await gate.call("DELETE", path)).status == 204
    assert (await gate.call("GET", "/account", key=secret)).status == 401
    assert (await gate.call("DELETE", path)).status == 404
    noted = await gate.services.audit_log.changes(gate.account, gate.account, None, 2)
    assert [change.entry.action for change in noted] == ["revoke_key", "new_key"]


async def test_a_key_is_good_for_a_call_by_its_name(gate: Gate) -> None:
    """Bug: /docs named the scope of a native call `send_message`, which no key could have."""
    secret = (await make(gate, scopes=["native_send_message"]))["key"]
    given = {"to": "+4520000081", "text": "x"}
    assert (await gate.call("POST", "/messages", given, key=secret)).status == 201
    other = await gate.call("GET", "/messages", key=secret)
    assert (other.status, word_of(other)) == (403, "permission-denied")


async def test_a_key_with_limits_makes_none_that_is_good_for_more(gate: Gate) -> None:
    made = await make(gate, scopes=["native"])
    secret, path = made["key"], f"/keys/{made['id']}"
    (first, *_) = await list_keys(gate, key=secret)
    for method, target, body in (
        ("POST", "/keys", {"name": "more"}),
        ("PATCH", path, {"scopes": []}),
        ("POST", f"/keys/{first['id']}/rotate", None),
        ("DELETE", f"/keys/{first['id']}", None),
    ):
        before = await count_rows(gate.services.storage)
        refused = await gate.call(method, target, body, key=secret)
        assert (refused.status, word_of(refused)) == (403, "permission-denied")
        assert await count_rows(gate.services.storage) == before
    rotated = await gate.call("POST", f"{path}/rotate?overlap_s=0", key=secret)
    assert rotated.json["scopes"] == ["native"]
    assert (await gate.call("GET", "/account", key=secret)).status == 401
    own = f"/keys/{rotated.json['id']}"
    assert (await gate.call("DELETE", own, key=rotated.json["key"])).status == 204


async def test_an_old_key_works_for_the_overlap(gate: Gate) -> None:
    made = await make(gate)
    rotated = (await gate.call("POST", f"/keys/{made['id']}/rotate")).json
    for secret in (made["key"], rotated["key"]):
        assert (await gate.call("GET", "/account", key=secret)).status == 200
    old = (await gate.call("GET", f"/keys/{made['id']}")).json
    assert (old["expires_at"] is not None, rotated["expires_at"]) == (True, None)


async def test_what_is_not_given_of_a_key_stays(gate: Gate) -> None:
    made = await make(gate, scopes=["native"], expires_at="2036-01-01T00:00:00Z")
    path = f"/keys/{made['id']}"
    changed = (await gate.call("PATCH", path, {"name": "shop"})).json
    assert changed == {k: v for k, v in made.items() if k != "key"} | {"name": "shop"}
    changed = (await gate.call("PATCH", path, {"scopes": [], "expires_at": None})).json
    assert (changed["scopes"], changed["expires_at"], changed["name"]) == ([], None, "shop")


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "scope": ({"scopes": ["nothing"]}, "invalid-field", "scopes"),
    "name": ({"name": "\u0007"}, "invalid-field", "name"),
    "address": ({"allowed_addresses": ["here"]}, "invalid-field", "allowed_addresses"),
    "past": ({"expires_at": "2020-01-01T00:00:00Z"}, "invalid-field", "expires_at"),
    "unknown": ({"scope": "native"}, "malformed-request", ""),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_key_that_cannot_be_is_not_made(gate: Gate, case: str) -> None:
    given, word, field = REFUSED[case]
    before = await count_rows(gate.services.storage)
    answer = await gate.call("POST", "/keys", {"name": "till", **given})
    assert (answer.status, word_of(answer), answer.json.get("field", "")) == (400, word, field)
    assert await count_rows(gate.services.storage) == before


async def test_keys_of_others_are_not_there_and_there_is_an_end_of_them(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await make(gate)
    for method, target in (
        ("GET", ""),
        ("DELETE", ""),
        ("POST", "/rotate"),
    ):
        answer = await gate.call(method, f"/keys/{made['id']}{target}", key=DEAF)
        assert (answer.status, word_of(answer)) == (404, "not-found")
    monkeypatch.setattr(api_keys, "MAX_KEYS", len(await list_keys(gate)))
    full = await gate.call("POST", "/keys", {"name": "one more"})
    assert (full.status, word_of(full), full.json["field"]) == (400, "invalid-field", "keys")
