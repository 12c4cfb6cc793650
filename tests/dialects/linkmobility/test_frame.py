"""The frame around every call: paths, suffixes, methods, logins, addresses, browsers and bodies."""

from ipaddress import ip_network
from typing import Any

import pytest

from dragoman.core.accounts.accounts import md5_of_password
from dragoman.web.client_address import ClientAddressReader
from dragoman.web.router import DialectApp

pytestmark = pytest.mark.stores_beside

MESSAGE = b'{"message":{"recipients":"+4512721272","sender":"TEST","message":"%b"}}'
XML = b"<message><recipients>+4512721272</recipients><message>%b</message></message>"
KEY = "?apikey={key}"


def problem(status: int, text: str, path: str = "x.json") -> bytes:
    if path.rstrip("/").endswith(".xml"):
        lines = f"  <status>{status}</status>\n  <message>{text}</message>\n"
        return f'<?xml version="1.0"?>\n<response>\n{lines}</response>\n'.encode()
    return f'{{"status":{status},"message":"{text}"}}'.encode()


@pytest.mark.parametrize(
    "path", ["ping.json", "ping.json/", "/ping.json", "//ping.json//", "ping%2ejson", "ping.xml/"]
)
async def test_slashes_may_be_doubled_or_trailing(link: Any, path: str) -> None:
    answer = await link.ask("GET", path + KEY)
    assert answer.status == 200
    assert answer.headers[b"content-type"].startswith(b"text/xml" if "xml" in path else b"appl")
    assert b"<username>hn" in answer.body or answer.json["username"] == "hn"


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    "path",
    [
        "",
        "ping",
        "ping.",
        "ping.yaml",
        "ping.JSON",
        "Ping.json",
        "ping.json.json",
        "ping.json/more",
        "nowhere.json",
        "nowhere.xml",
        "nowhere.xml/",
        "message/x/0.json",
        "message/1/-1.json",
        "message/1.json",
        "../v2.json",
        "/".join(["x"] * 40) + ".json",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_what_is_not_there_is_not_found(link: Any, method: str, path: str) -> None:
    answer = await link.ask(method, path + KEY)
    text = f"Resource [{f'/v2/{path}'[:100]}] not found"
    assert (answer.status, answer.body) == (404, problem(404, text, path))


@pytest.mark.stores_nothing
@pytest.mark.parametrize("suffix", ["json", "xml"])
@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("HEAD", "ping", b"GET, OPTIONS"),
        ("POST", "ping", b"GET, OPTIONS"),
        ("DELETE", "ping", b"GET, OPTIONS"),
        ("TRACE", "ping", b"GET, OPTIONS"),
        ("get", "ping", b"GET, OPTIONS"),
        ("GET", "message", b"OPTIONS, POST"),
        ("PATCH", "user/1", b"DELETE, GET, OPTIONS, PUT"),
    ],
)
async def test_wrong_method_names_the_right_ones(
    link: Any, method: str, path: str, allowed: bytes, suffix: str
) -> None:
    answer = await link.ask(method, f"{path}.{suffix}{KEY}")
    text = f"Method [{method}] is not allowed on [/v2/{path}.{suffix}]"
    assert (answer.status, answer.body) == (405, problem(405, text, f".{suffix}"))
    assert answer.headers[b"allow"] == allowed


async def test_browser_asks_first_and_then_posts_json(link: Any) -> None:
    preflight = await link.ask(
        "OPTIONS",
        "message.json" + KEY,
        origin="https://shop.example",
        access_control_request_method="POST",
        access_control_request_headers="content-type,x-requested-with",
    )
    assert (preflight.status, preflight.body) == (204, b"")
    assert preflight.headers == {
        b"allow": b"OPTIONS, POST",
        b"access-control-allow-methods": b"OPTIONS, POST",
        b"access-control-allow-headers": b"content-type,x-requested-with",
        b"access-control-max-age": b"86400",
        b"access-control-allow-origin": b"*",
    }
    answer = await link.post(MESSAGE % b"Hi")
    assert (answer.status, answer.headers[b"access-control-allow-origin"]) == (201, b"*")


LEGACY = f"apikey=legacy&username=hn&password={md5_of_password('secret')}&type=md5"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "ping.xml", b"", 200),
        ("POST", "message.json", MESSAGE % b"Hi", 201),
        ("GET", "messages/1.json", b"", 200),
        ("GET", "outbox/1.xml", b"", 200),
        ("GET", "inbox/1.json", b"", 200),
        ("GET", "users.json", b"", 200),
    ],
)
@pytest.mark.parametrize("login", [LEGACY, "apikey=legacy&username=hn&password=secret&type=plain"])
async def test_legacy_login_works_on_every_call(
    link: Any, method: str, path: str, body: bytes, status: int, login: str
) -> None:
    assert (await link.ask(method, f"{path}?{login}", body)).status == status


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("apikey=x&apikey={key}", 200),
        ("apikey={key}&apikey=x", 401),
        ("APIKEY={key}", 401),
        ("apikey=%ff", 400),
        ("apikey={key}&other=%ff", 400),
    ],
)
async def test_the_last_key_counts(link: Any, query: str, status: int) -> None:
    answer = await link.ask("GET", f"ping.json?{query}")
    assert (answer.status, answer.json["status"]) == (status, status)


IPRANGES = [
    ("192.168.0.1", ["192.168.0.1"], ["192.168.0.2", "::1", ""]),
    ("192.168.0.1, 192.168.0.2,192.168.0.3", ["192.168.0.1", "192.168.0.3"], ["192.168.0.4"]),
    ("192.168.0.1-192.168.0.15", ["192.168.0.1", "192.168.0.15"], ["192.168.0.0", "192.168.0.16"]),
    (
        "192.168.0.1-192.168.0.15, 192.168.0.30-192.168.0.45",
        ["192.168.0.15", "192.168.0.30"],
        ["192.168.0.16", "192.168.0.46"],
    ),
    (
        "192.168.0.*, 192.168.10.15",
        ["192.168.0.0", "192.168.0.255", "192.168.10.15", "::ffff:192.168.0.7"],
        ["192.168.1.0", "192.168.10.16"],
    ),
    ("2001:db8::/32, 10.*.*.*", ["2001:db8::1", "10.9.8.7"], ["2001:db9::1", "11.0.0.0"]),
    ("", ["192.168.0.1", "::1", ""], []),
]


@pytest.mark.parametrize(("iprange", "let_in", "kept_out"), IPRANGES)
@pytest.mark.own_gateway
async def test_callers_are_let_in_by_every_form_of_iprange(
    link: Any, iprange: str, let_in: list[str], kept_out: list[str]
) -> None:
    await link.services.accounts.create("fenced", api_key="f" * 64, allowed_addresses=iprange)
    link.key = "f" * 64
    for suffix in ("json", "xml"):
        for address in let_in:
            answer = await link.ask("GET", f"ping.{suffix}{KEY}", client=address)
            assert answer.status == 200
        for address in kept_out:
            answer = await link.ask("GET", f"ping.{suffix}{KEY}", client=address)
            text = f"Access denied [{address}] IP address not allowed"
            assert (answer.status, answer.body) == (401, problem(401, text, f".{suffix}"))


@pytest.mark.parametrize(
    ("peer", "forwarded", "status"),
    [
        ("10.0.0.1", "192.0.2.1", 200),
        ("10.0.0.1", "192.0.2.1, 10.0.0.2", 200),
        ("10.0.0.1", "192.0.2.1, 198.51.100.7", 401),
        ("10.0.0.1", "", 401),
        ("198.51.100.7", "192.0.2.1", 401),
        ("192.0.2.1", "198.51.100.7", 200),
    ],
)
@pytest.mark.own_gateway
async def test_only_a_trusted_proxy_says_who_calls(
    link: Any, peer: str, forwarded: str, status: int
) -> None:
    await link.services.accounts.create("fenced", api_key="f" * 64, allowed_addresses="192.0.2.1")
    link.key = "f" * 64
    reader = ClientAddressReader([ip_network("10.0.0.0/24")])
    link.app = DialectApp([link.dialect.web], link.app, addresses=reader, body_timeout_s=30)
    answer = await link.ask("GET", "ping.json" + KEY, client=peer, x_forwarded_for=forwarded)
    assert answer.status == status


JSON = b"application/json"


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        (MESSAGE % b"Hi", JSON, "Hi"),
        (b"\xef\xbb\xbf" + MESSAGE % b"Hi", b"application/json; charset=utf-8", "Hi"),
        (MESSAGE % "Æ".encode(), b'application/json;charset="UTF-8"', "Æ"),
        (MESSAGE % b"\xe6", b"application/json; charset=windows-1252", "æ"),
        (MESSAGE % b"\xa4", b"application/json; charset=iso-8859-15", "€"),
        (MESSAGE % b"\\u00e6\\n", b"text/json", "æ\n"),
        (MESSAGE % b'a","message":"b', JSON, "b"),
        (MESSAGE[:-1] % b"Hi" + b',"more":[1]}', JSON, "Hi"),
        (MESSAGE % b"Hi", b"", "Hi"),
        (MESSAGE % b"Hi", b"text/plain", "Hi"),
        (MESSAGE % b"Hi", b"application/x-www-form-urlencoded", "Hi"),
        (XML % b"Hi", b"text/xml; charset=utf-8", "Hi"),
        (XML % b"Hi", b"application/xml", "Hi"),
        (b"\xef\xbb\xbf" + XML % b"Hi", b"text/xml", "Hi"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?>' + XML % b"\xe6", b"text/xml", "æ"),
        ((XML % b"Hi").decode().encode("utf-16"), b"text/xml", "Hi"),
        (XML % b"&lt;&amp;&#65;", b"text/xml", "<&A"),
        (XML % b"<![CDATA[<b>]]>", b"text/xml", "<b>"),
        (
            b"<!-- x -->" + XML.replace(b"<message>", b'<message xmlns="urn:x">', 1) % b"Hi",
            b"",
            "Hi",
        ),
    ],
)
@pytest.mark.own_gateway
async def test_body_is_read_as_it_is_meant(
    link: Any, body: bytes, content_type: bytes, text: str
) -> None:
    answer = await link.post(body, content_type)
    assert answer.status == 201, answer.body
    [batch] = (await link.get("messages/1.json")).json["messages"]
    assert batch["msg"] == text


NO_JSON = "the body is not JSON"


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        (b"", JSON, NO_JSON),
        (b"{", JSON, NO_JSON),
        (MESSAGE % b"Hi" + b"x", JSON, NO_JSON),
        (b'{"message":NaN}', JSON, NO_JSON),
        (MESSAGE % b"\\ud800", JSON, NO_JSON),
        (XML % b"Hi", JSON, NO_JSON),
        (MESSAGE % b"\xe6", JSON, "the text is not utf-8"),
        (
            MESSAGE % b"Hi",
            b"application/json; charset=klingon",
            "the charset klingon is not supported",
        ),
        (
            MESSAGE[:-2] % b"Hi" + b',"filter":' + b"[" * 50 + b"]" * 50 + b"}}",
            JSON,
            "the body is nested too deep",
        ),
        (b"<a>" * 100 + b"</a>" * 100, b"text/xml", "the XML is nested too deep"),
        (b"<other/>", b"text/xml", "the root element is other, not message"),
        (b"", b"text/xml", "the XML is malformed at line 1, column 1"),
        (MESSAGE % b"Hi", b"text/xml", "the XML is malformed at line 1, column 1"),
        (XML % b"&a;", b"text/xml", "the XML is malformed at line 1, column 58"),
        (
            b'<!DOCTYPE m [<!ENTITY a "b">]>' + XML % b"&a;",
            b"text/xml",
            "a DOCTYPE is not accepted",
        ),
        (
            b'<!DOCTYPE m SYSTEM "http://example.com/m.dtd">' + XML % b"Hi",
            b"text/xml",
            "a DOCTYPE is not accepted",
        ),
        (
            '<?xml version="1.0"?><!DOCTYPE m><message/>'.encode("utf-16"),
            b"text/xml",
            "a DOCTYPE is not accepted",
        ),
        (
            b'<?xml version="1.0" encoding="klingon"?>' + XML % b"Hi",
            b"text/xml",
            "the charset klingon is not supported",
        ),
    ],
)
@pytest.mark.parametrize("suffix", ["json", "xml"])
async def test_body_that_cannot_be_read_is_refused(
    link: Any, refused: Any, body: bytes, content_type: bytes, text: str, suffix: str
) -> None:
    answer = await refused(link.ask("POST", f"message.{suffix}{KEY}", body, content_type))
    expected = problem(400, f"Request is not valid, {text}", f".{suffix}")
    assert (answer.status, answer.body) == (400, expected)


@pytest.mark.stores_nothing
@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("user.json", b'{"username":"x"}', "Object missing required field `user`"),
        (
            "message.json",
            b'{"recipients":"+4512345678"}',
            "Object missing required field `message`",
        ),
        (
            "message.json",
            b'{"recipients":"+4512345678","message":"Hi"}',
            "message: Expected `object`, got `str`",
        ),
        ("message.json", b"null", "Expected `object`, got `null`"),
        ("message.json", b"[" * 100_000, "Expected `object`, got `array`"),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_body_without_its_wrapper_is_refused(
    link: Any, refused: Any, path: str, body: bytes, text: str
) -> None:
    answer = await refused(link.ask("POST", path + KEY, body))
    assert (answer.status, answer.body) == (400, problem(400, f"Request is not valid, {text}"))


@pytest.mark.stores_nothing
@pytest.mark.parametrize("content_type", [b"application/x-www-form-urlencoded", b"image/png"])
async def test_body_of_another_type_is_refused(
    link: Any, refused: Any, content_type: bytes
) -> None:
    answer = await refused(link.ask("POST", "message.json" + KEY, b"recipients=1", content_type))
    text = f"Request is not valid, a body of type {content_type.decode()} is not accepted"
    assert (answer.status, answer.body) == (415, problem(415, text))


@pytest.mark.own_gateway
async def test_caller_is_refused_before_its_body_is_read(link: Any, refused: Any) -> None:
    answer = await refused(link.ask("POST", "message.json?apikey=abcd", b"{"))
    text = "Access denied [abcd] authentication failed"
    assert (answer.status, answer.body) == (401, problem(401, text))
