"""Logging in, and the keys of every other call."""

import base64
from typing import Any

import pytest

from dragoman.admin.accounts import revoke_tokens
from dragoman.admin.context import Admin


def basic(text: str) -> list[tuple[str, str]]:
    return [("Authorization", f"Basic {base64.b64encode(text.encode()).decode()}")]


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("login?username=username&password=password", []),
        ("/login?username=username&password=password", []),  # Java: BASEURL + "/login"
        ("login/?password=password&username=username", [("Content-type", "application/json")]),
        ("login", basic("username:password")),
        ("token?username=username&password=password", []),
        ("//token?username=username&password=password", []),
        ("token", basic("username:password")),
        ("token?username=username&password=password", basic("nobody:nothing")),
    ],
)
async def test_login_answers_two_keys_as_text(
    smsend: Any, target: str, headers: list[tuple[str, str]]
) -> None:
    answer = await smsend.ask("GET", target, headers=headers)
    assert answer.status == 200
    assert answer.masked in {b"<id>;<key>", b"<id>;<token>"}
    assert answer.headers[b"content-type"] == b"text/plain; charset=utf-8"
    user_key, key = answer.body.decode().split(";")
    name = "Session_key" if "login" in target else "Access_token"
    again = await smsend.ask("GET", "checksession", headers=[("user_key", user_key), (name, key)])
    assert (again.status, again.body) == (200, b"true")


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("target", "headers", "status", "text"),
    [
        ("login?username=username&password=wrong", [], 404, "Credentials are incorrect"),
        ("login?username=nobody&password=password", [], 404, "Credentials are incorrect"),
        ("login?username=%00&password=%00", [], 404, "Credentials are incorrect"),
        ("token?username=username&password=wrong", [], 404, "Credentials are incorrect"),
        ("login?username=username", [], 400, "Missing parameter [password]"),
        ("login", [], 400, "Missing parameter [username]"),
        ("login", basic("username"), 400, "Missing parameter [password]"),
        ("login", basic("username:wrong"), 404, "Credentials are incorrect"),
        (
            "login",
            [("Authorization", "Basic ###")],
            400,
            "Invalid value for parameter [Authorization]: no base64",
        ),
        ("logon?username=a", [], 404, "Not found: resource [/API/v1.0/REST/logon]"),
    ],
)
async def test_login_is_refused(
    smsend: Any,
    refused: Any,
    target: str,
    headers: list[tuple[str, str]],
    status: int,
    text: str,
) -> None:
    answer = await refused(smsend.ask("GET", target, headers=headers))
    assert answer.status == status
    assert answer.json == {"result": text, "error_code": status, "error_message": text}
    assert list(answer.json) == ["result", "error_code", "error_message"]


SPELLINGS = [("user_key", "Session_key"), ("USER_KEY", "SESSION_KEY"), ("User-Key", "Session-Key")]


@pytest.mark.parametrize(("user_key", "session_key"), SPELLINGS)
async def test_keys_go_in_headers_of_any_case(smsend: Any, user_key: str, session_key: str) -> None:
    keys = [(user_key, smsend.keys[0][1]), (session_key, smsend.keys[1][1])]
    answer = await smsend.ask("GET", "checksession", headers=keys)
    assert (answer.status, answer.body) == (200, b"true")


@pytest.mark.parametrize(
    ("keys", "status", "text"),
    [
        ([], 401, "Unauthorized"),
        ([("user_key", "{user_key}")], 401, "Unauthorized"),
        ([("Session_key", "{session}")], 401, "Unauthorized"),
        ([("user_key", "{user_key}"), ("Session_key", "0" * 32)], 401, "Unauthorized"),
        ([("user_key", "{user_key}"), ("Access_token", "0" * 64)], 401, "Unauthorized"),
        ([("user_key", "{other}"), ("Session_key", "{session}")], 401, "Unauthorized"),
        ([("user_key", "{other}"), ("Access_token", "{token}")], 401, "Unauthorized"),
        (
            [("user_key", "18443"), ("Session_key", "{session}")],
            404,
            "Not found: user_key [18443]",
        ),
        ([("user_key", "x"), ("Access_token", "{token}")], 404, "Not found: user_key [x]"),
        (
            [("user_key", "9" * 40), ("Session_key", "{session}")],
            404,
            f"Not found: user_key [{'9' * 40}]",
        ),
    ],
)
async def test_calls_without_right_keys_are_refused(
    smsend: Any, refused: Any, keys: list[tuple[str, str]], status: int, text: str
) -> None:
    other = await smsend.services.accounts.find("other")
    owner = await smsend.services.accounts.find("username")
    values = {
        "user_key": smsend.user_key,
        "session": smsend.keys[1][1],
        "other": other.account_id,
        "token": await smsend.services.access_tokens.issue(owner),
    }
    headers = [(name, value.format(**values)) for name, value in keys]
    answer = await refused(smsend.ask("POST", "pwdreset?password=new-password", headers=headers))
    assert answer.status == status
    assert answer.json == {"result": text, "error_code": status, "error_message": text}


async def test_session_dies_without_calls_and_checksession_does_not_renew(smsend: Any) -> None:
    smsend.clock.advance(299)
    assert (await smsend.get("checksession")).body == b"true"
    smsend.clock.advance(1)
    assert (await smsend.get("checksession")).body == b"false"
    assert (await smsend.get("pwdreset?password=12345678")).status == 401


async def test_session_lives_on_with_every_call(smsend: Any) -> None:
    for _ in range(3):
        smsend.clock.advance(299)
        assert (await smsend.get("pwdreset?password=short")).body == b"false"
    smsend.clock.jump(86_400)  # the wall clock is set
    assert (await smsend.get("checksession")).body == b"true"


async def test_token_does_not_expire_but_is_revocable(smsend: Any) -> None:
    account = await smsend.services.accounts.find("username")
    token = await smsend.services.access_tokens.issue(account)
    keys = [("user_key", smsend.user_key), ("Access_token", token)]
    smsend.clock.advance(365 * 86_400)
    assert (await smsend.ask("GET", "checksession", headers=keys)).body == b"true"
    await revoke_tokens(Admin(services=smsend.services), "username")
    assert (await smsend.ask("GET", "checksession", headers=keys)).body == b"false"
    assert (await smsend.ask("GET", "pwdreset?password=x", headers=keys)).status == 401


async def test_token_opens_no_other_dialect(smsend: Any) -> None:
    account = await smsend.services.accounts.find("username")
    token = await smsend.services.access_tokens.issue(account)
    keys = [("user_key", smsend.user_key), ("Access_token", token)]
    assert (await smsend.ask("GET", "checksession", headers=keys)).body == b"true"
    with pytest.raises(Exception, match="authentication_failed"):
        await smsend.services.accounts.authenticate_key(token, "192.0.2.1")


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_password_is_changed_and_other_sessions_end(smsend: Any, method: str) -> None:
    first = list(smsend.keys)
    await smsend.log_in()
    answer = await smsend.ask(method, "pwdreset?password=new+password", headers=smsend.keys)
    assert (answer.status, answer.body) == (200, b"true")
    assert (await smsend.ask("GET", "checksession", headers=first)).body == b"false"
    assert (await smsend.get("checksession")).body == b"true"
    await smsend.log_in(password="new+password")
    old = await smsend.ask("GET", "login?username=username&password=password")
    assert old.status == 404


@pytest.mark.parametrize("password", ["1234567", "x" * 257, "%00" * 8])
async def test_password_that_does_not_do_changes_nothing(smsend: Any, password: str) -> None:
    answer = await smsend.post(f"pwdreset?password={password}")
    assert (answer.status, answer.body) == (200, b"false")
    await smsend.log_in()


async def test_session_of_a_disabled_account_is_refused(smsend: Any) -> None:
    await smsend.services.accounts.set_enabled("username", False)
    assert (await smsend.get("pwdreset?password=12345678")).status == 401
