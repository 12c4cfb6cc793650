"""Who may call: Basic, tokens with scopes, their exchange and their end."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest

from dragoman.dialects.smsgate.auth import SCOPES

from .conftest import NUMBER, OTHER, PASSWORD, USERNAME, Program, basic

UNAUTHORIZED = b'{"message":"Unauthorized"}'

CALLS = [
    ("POST", "messages", "messages:send"),
    ("GET", "messages", "messages:list"),
    ("GET", "messages/x", "messages:read"),
    ("DELETE", "messages/x", "messages:cancel"),
    ("POST", "messages/inbox/export", "messages:export"),
    ("POST", "inbox/refresh", "inbox:refresh"),
    ("GET", "inbox", "inbox:list"),
    ("GET", "logs", "logs:read"),
    ("GET", "devices", "devices:list"),
    ("DELETE", "devices/1", "devices:delete"),
    ("GET", "webhooks", "webhooks:list"),
    ("POST", "webhooks", "webhooks:write"),
    ("DELETE", "webhooks/x", "webhooks:delete"),
    ("GET", "settings", "settings:read"),
    ("PUT", "settings", "settings:write"),
    ("PATCH", "settings", "settings:write"),
    ("POST", "auth/token", "tokens:manage"),
    ("DELETE", "auth/token/x", "tokens:manage"),
]


async def test_user_name_and_password_may_do_everything(program: Program) -> None:
    answer = await program.ask("GET", "messages", authorization=basic(USERNAME, PASSWORD))
    assert (answer.status, answer.body) == (200, b"[]")


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"acme").decode(),
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
        basic(USERNAME, "wrong"),
        basic("nobody", PASSWORD),
        basic("a\0b", PASSWORD),
        "Bearer ",
        "Bearer nonsense",
        "Code 123456",
        "Digest x",
    ],
)
async def test_nobody_else_may_call(program: Program, authorization: str) -> None:
    answer = await program.ask("GET", "messages", authorization=authorization)
    assert (answer.status, answer.body) == (401, UNAUTHORIZED)
    assert answer.headers[b"content-type"] == b"application/json"


@pytest.mark.parametrize(("method", "target", "scope"), CALLS)
async def test_a_call_needs_its_scope(
    program: Program, method: str, target: str, scope: str
) -> None:
    await program.log_in(USERNAME, *(SCOPES - {scope, "all:any"}))
    answer = await program.ask(method, target)
    assert answer.status == 403
    assert answer.json == {"message": f"scope required: {scope}"}
    await program.log_in(USERNAME, scope)
    assert (await program.ask(method, target)).status not in (401, 403)


async def test_a_token_is_issued_used_exchanged_once_and_revoked(program: Program) -> None:
    answer = await program.ask(
        "POST",
        "auth/token",
        b'{"ttl":3600,"scopes":["messages:send","messages:list"]}',
        authorization=basic(USERNAME, PASSWORD),
    )
    assert answer.status == 201
    assert answer.masked == (
        b'{"id":"<key>","token_type":"Bearer","access_token":"<token>",'
        b'"refresh_token":"<token>","expires_at":"2026-09-21T15:13:20.000Z",'
        b'"tokenType":"Bearer","accessToken":"<token>","refreshToken":"<token>",'
        b'"expiresAt":"2026-09-21T15:13:20.000Z"}'
    )
    first = answer.json
    program.authorization = f"Bearer {first['access_token']}"
    assert (await program.send()).status == 202
    assert (await program.ask("GET", "devices")).status == 403

    refresh = f"Bearer {first['refresh_token']}"
    answer = await program.ask("POST", "auth/token/refresh", authorization=refresh)
    assert answer.status == 201
    second = answer.json
    assert second["id"] != first["id"]
    assert second["expires_at"] == "2026-09-22T14:13:20.000Z"
    replay = await program.ask("POST", "auth/token/refresh", authorization=refresh)
    assert (replay.status, replay.body) == (401, UNAUTHORIZED)

    program.authorization = f"Bearer {second['access_token']}"
    assert (await program.ask("GET", "messages")).headers[b"x-total-count"] == b"1"
    password = basic(USERNAME, PASSWORD)
    answer = await program.ask("DELETE", f"auth/token/{second['id']}", authorization=password)
    assert (answer.status, answer.body) == (204, b"")
    assert (await program.ask("GET", "messages")).status == 401
    refresh = f"Bearer {second['refresh_token']}"
    answer = await program.ask("POST", "auth/token/refresh", authorization=refresh)
    assert answer.status == 401


async def test_a_token_ends_by_itself(program: Program) -> None:
    await program.log_in()
    program.clock.advance(86_399)
    assert (await program.ask("GET", "messages")).status == 200
    program.clock.advance(1)
    assert (await program.ask("GET", "messages")).status == 401


async def test_a_refresh_token_ends_too(program: Program) -> None:
    account = await program.services.accounts.find(USERNAME)
    issued = await program.services.scoped_tokens.issue(account, ("all:any",))
    program.clock.advance(30 * 86_400)
    refresh = f"Bearer {issued.refresh_token}"
    answer = await program.ask("POST", "auth/token/refresh", authorization=refresh)
    assert answer.status == 401


async def test_each_token_is_good_for_its_own_calls_only(program: Program) -> None:
    account = await program.services.accounts.find(USERNAME)
    issued = await program.services.scoped_tokens.issue(account, ("all:any",))
    for authorization in (f"Bearer {issued.access_token}", basic(USERNAME, PASSWORD)):
        answer = await program.ask("POST", "auth/token/refresh", authorization=authorization)
        assert answer.json == {"message": "scope required: tokens:refresh"}
        assert answer.status == 403
    refresh = f"Bearer {issued.refresh_token}"
    answer = await program.ask("GET", "messages", authorization=refresh)
    assert (answer.status, answer.json["message"]) == (403, "scope required: messages:list")


async def test_a_token_gives_away_no_more_than_it_has(program: Program, refused: Any) -> None:
    await program.log_in(USERNAME, "tokens:manage", "messages:send")
    body = {"scopes": ["messages:send", "messages:list"]}
    answer = await refused(program.ask("POST", "auth/token", body))
    assert (answer.status, answer.json["message"]) == (403, "scope required: messages:list")
    assert (await program.ask("POST", "auth/token", {"scopes": ["messages:send"]})).status == 201


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    "body",
    [
        b"",
        {"scopes": []},
        {},
        {"scopes": ["messages:everything"]},
        {"scopes": ["tokens:refresh"]},
        {"scopes": ["all:any"], "ttl": -1},
        {"scopes": ["all:any"] * 65},
        {"scopes": "all:any"},
    ],
)
async def test_a_token_asked_for_badly_is_refused(
    program: Program, refused: Any, body: object
) -> None:
    assert (await refused(program.ask("POST", "auth/token", body))).status == 400


async def test_nobody_revokes_the_token_of_another(program: Program) -> None:
    mine = await program.services.accounts.find(USERNAME)
    issued = await program.services.scoped_tokens.issue(mine, ("all:any",))
    await program.log_in(OTHER)
    for token_id in (issued.token_id, "nothing", "%00"):
        assert (await program.ask("DELETE", f"auth/token/{token_id}")).status == 204
    bearer = f"Bearer {issued.access_token}"
    assert (await program.ask("GET", "messages", authorization=bearer)).status == 200


async def test_an_account_that_is_shut_out_takes_its_tokens_with_it(program: Program) -> None:
    assert (await program.ask("GET", "messages")).status == 200
    await program.services.accounts.set_enabled(USERNAME, enabled=False)
    assert (await program.ask("GET", "messages")).status == 401


async def test_an_account_that_may_not_send_is_told(program: Program, refused: Any) -> None:
    permission = next(iter(p for p in (await program.log_in()).permissions if p == "send"))
    await program.services.accounts.change(USERNAME, revoke=frozenset({permission}))
    body = {"message": "Hello", "phoneNumbers": [NUMBER]}
    assert (await refused(program.ask("POST", "messages", body))).status == 403


@pytest.mark.parametrize("path", ["health", "health/live", "health/ready", "health/startup"])
async def test_health_is_told_to_everybody(program: Program, path: str) -> None:
    answer = await program.ask("GET", path, authorization="")
    assert answer.headers[b"content-type"] == b"application/json"
    if path == "health/live":
        assert answer.status == 200
        assert answer.body == b'{"status":"pass","version":"0.1.0","releaseId":100,"checks":{}}'
    else:
        assert answer.status == 503
        assert answer.body == (
            b'{"status":"fail","version":"0.1.0","releaseId":100,"checks":{"gateway:problems":'
            b'{"description":"not running","observedValue":1,"status":"fail"}}}'
        )


@pytest.mark.parametrize(("method", "target"), [("GET", "nothing"), ("PUT", "messages")])
async def test_a_call_that_does_not_exist_is_refused_in_json(
    program: Program, method: str, target: str
) -> None:
    answer = await program.ask(method, target)
    assert answer.status in (404, 405)
    assert msgspec.json.decode(answer.body).keys() == {"message"}
