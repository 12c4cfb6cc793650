"""Who is let in, and in which words who is not is turned away."""

from typing import Any

import msgspec
import pytest

from dragoman.core.accounts.accounts import md5_of_password

MD5 = md5_of_password("secret")


async def test_ping_names_the_account(link: Any) -> None:
    await link.services.accounts.create(
        "fenced", api_key="f" * 64, allowed_addresses="192.0.2.1, 10.0.0.1-10.0.0.9"
    )
    answer = await link.ask("GET", f"ping.json?apikey={'f' * 64}")
    assert answer.status == 200
    assert answer.masked == (
        b'{"status":200,"userid":"<id>","username":"fenced",'
        b'"iprange":"192.0.2.1, 10.0.0.1-10.0.0.9","apikey":"%b"}' % (b"f" * 64)
    )


async def test_ping_in_xml_has_the_status_first(link: Any) -> None:
    answer = await link.get("ping.xml")
    assert answer.status == 200
    assert answer.masked.decode() == (
        '<?xml version="1.0"?>\n<response>\n  <status>200</status>\n  <userid><id></userid>\n'
        f"  <username>hn</username>\n  <iprange/>\n  <apikey>{link.key}</apikey>\n</response>\n"
    )


@pytest.mark.parametrize(
    "login",
    [
        "username=hn&password=secret&type=plain",
        "username=hn&password=secret",
        f"username=hn&password={MD5}&type=md5",
        f"username=hn&password={MD5.upper()}&type=MD5",
    ],
)
async def test_legacy_login_is_let_in(link: Any, login: str) -> None:
    answer = await link.ask("GET", f"ping.json?apikey=legacy&{login}")
    assert answer.status == 200
    assert (answer.json["username"], answer.json["apikey"]) == ("hn", "")


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("query", "given"),
    [
        ("", ""),
        ("apikey=", ""),
        ("apikey=abcd", "abcd"),
        ("apikey=%C3%A6%00%0A", "æ??"),
        ("apikey=" + "a" * 500, "a" * 100),
        ("apikey=legacy", "legacy"),
        ("apikey=legacy&username=hn&password=wrong", "legacy"),
        ("apikey=legacy&username=nobody&password=secret", "legacy"),
        ("apikey=legacy&username=hn&password=secret&type=sha1", "legacy"),
        ("apikey=legacy&username=hn&password=secret&type=md5", "legacy"),
        (f"apikey=legacy&username=other&password={MD5}&type=md5", "legacy"),
    ],
)
async def test_unknown_caller_is_refused(link: Any, refused: Any, query: str, given: str) -> None:
    answer = await refused(link.ask("GET", f"ping.json?{query}"))
    assert answer.status == 401
    text = f"Access denied [{given}] authentication failed"
    assert answer.body == b'{"status":401,"message":%b}' % msgspec.json.encode(text)


async def test_refusal_of_a_key_is_xml_where_the_path_asks_for_it(link: Any, refused: Any) -> None:
    answer = await refused(link.ask("POST", "message.xml?apikey=abcd", b"<message/>", b"text/xml"))
    assert (answer.status, answer.body) == (
        401,
        b'<?xml version="1.0"?>\n<response>\n  <status>401</status>\n'
        b"  <message>Access denied [abcd] authentication failed</message>\n</response>\n",
    )


async def test_disabled_account_is_refused(link: Any, refused: Any) -> None:
    await link.services.accounts.set_enabled("hn", False)
    answer = await refused(link.send())
    assert (answer.status, answer.json["message"]) == (
        401,
        f"Access denied [{link.key}] authentication failed",
    )


async def test_caller_from_another_address_is_refused(link: Any, refused: Any) -> None:
    await link.services.accounts.create("fenced", api_key="f" * 64, allowed_addresses="192.0.2.*")
    target = f"ping.json?apikey={'f' * 64}"
    assert (await link.ask("GET", target, client="192.0.2.200")).status == 200
    answer = await refused(link.ask("GET", target, client="198.51.100.7"))
    text = "Access denied [198.51.100.7] IP address not allowed"
    assert (answer.status, answer.json["message"]) == (401, text)


async def test_browser_of_any_origin_may_call(link: Any) -> None:
    answer = await link.ask("GET", "ping.json?apikey={key}", origin="https://shop.example")
    assert answer.headers[b"access-control-allow-origin"] == b"*"
    refused = await link.ask("GET", "ping.json?apikey=abcd", origin="https://shop.example")
    assert refused.headers[b"access-control-allow-origin"] == b"*"
    preflight = await link.ask(
        "OPTIONS", "message.json", access_control_request_headers="content-type"
    )
    assert preflight.status == 204
    assert preflight.headers[b"access-control-allow-methods"] == b"OPTIONS, POST"


@pytest.mark.parametrize(
    ("scopes", "status"),
    [
        ({"linkmobility"}, 200),
        ({"linkmobility_get_v2_ping_format"}, 200),
        ({"httpsms", "linkmobility_get_v2_ping_format"}, 200),
        ({"httpsms"}, 403),
        ({"linkmobility_post_v2_message_format"}, 403),
    ],
)
async def test_a_key_with_scopes_calls_what_is_within_them(
    link: Any, scopes: set[str], status: int
) -> None:
    services = link.services
    services.api_keys.apis = frozenset({"linkmobility", "httpsms"})
    account = await services.accounts.find("hn")
    _, key = await services.api_keys.create(account, "shop", scopes=frozenset(scopes))
    answer = await link.ask("GET", f"ping.json?apikey={key}")
    assert (answer.status, answer.json["status"]) == (status, status)


async def test_an_expired_key_is_refused_as_an_unknown_one(link: Any) -> None:
    services = link.services
    account = await services.accounts.find("hn")
    expires_ms = services.clock.now_ms() + 1_000
    _, key = await services.api_keys.create(account, "shop", expires_ms=expires_ms)
    assert (await link.ask("GET", f"ping.json?apikey={key}")).status == 200
    link.clock.advance(1)
    answer = await link.ask("GET", f"ping.json?apikey={key}")
    text = f"Access denied [{key}] authentication failed"
    assert answer.body == b'{"status":401,"message":%b}' % msgspec.json.encode(text)
