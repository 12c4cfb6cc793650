"""Keywords and services: the manual's requests in, its answers out, in JSON and XML."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import pytest_asyncio

from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.messages.model.callbacks import TextFacts
from dragoman.core.messages.model.messages import InboundPartReport
from dragoman.dialects.linkmobility.callbacks import MAX_HEADER, render_text
from dragoman.protocols.gsm.alphabet import Alphabet

XML = b"text/xml"
URL = "http://www.test.com/incoming"


@pytest.fixture
async def own_link(own_link: Any) -> Any:
    return await with_numbers(own_link)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_link(shared_link: Any) -> Any:
    return await with_numbers(shared_link)


async def with_numbers(link: Any) -> Any:
    """The account `hn` on the shared short code 1272 of somebody else, who also has 1919."""
    other = await link.services.accounts.find("other")
    await link.services.keywords.add_number(other, "1272", shared=True)
    await link.services.keywords.add_number(other, "1919", shared=False)
    return link


async def call(link: Any, method: str, target: str, body: Any = None, **more: Any) -> Any:
    encoded = (
        b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    )
    kind = XML if encoded.startswith(b"<") else b"application/json"
    return await link.ask(method, f"{target}?apikey={{key}}", encoded, kind, **more)


async def made(link: Any, target: str, **fields: Any) -> str:
    """Creates a keyword or service; its id."""
    answer = await call(link, "POST", target, fields)
    assert answer.status == 201, answer.body
    [(_, created)] = [(k, v) for k, v in answer.json.items() if k != "status"]
    return str(created["id"])


async def reserved(link: Any, keyword: str, **more: Any) -> str:
    return await made(link, "keywords.json", number="1272", keyword=keyword, **more)


async def serviced(link: Any, **more: Any) -> str:
    return await made(link, "services/http.json", **{"url": URL, **more})


def spread(text: str) -> bytes:
    """JSON as the manual prints it, without the space between values."""
    return re.sub(r"\s*\n\s*", "", text).replace('": ', '":').encode()


RESERVED = spread("""{
  "keyword": {
    "id": "<id>",
    "keyword": "PAPIRHAT",
    "function": "",
    "number": "1272",
    "category": "0",
    "mainkeyword": "0",
    "service": null,
    "serviceid": "0",
    "frameworkaccept": "0",
    "statusurl": null,
    "state": "reserved"
  },
  "status": 201
}""")
RESERVED_XML = b"""<?xml version="1.0"?>
<response>
  <keyword>
    <id><id></id>
    <keyword>PAPIRHAT</keyword>
    <function/>
    <number>1272</number>
    <category>0</category>
    <mainkeyword>0</mainkeyword>
    <service/>
    <serviceid>0</serviceid>
    <frameworkaccept>0</frameworkaccept>
    <statusurl/>
    <state>reserved</state>
  </keyword>
  <status>201</status>
</response>
"""


async def test_a_keyword_is_reserved_as_the_manual_prints_it(link: Any) -> None:
    answer = await call(
        link, "POST", "keywords.json", b'{\n\t"number":"1272",\n\t"keyword":"papirhat"\n}'
    )
    assert (answer.status, answer.masked) == (201, RESERVED)


async def test_a_keyword_is_reserved_in_xml(link: Any) -> None:
    body = b"<keyword><number>1272</number><keyword>papirhat</keyword></keyword>"
    answer = await call(link, "POST", "keywords.xml", body)
    assert (answer.status, answer.masked) == (201, RESERVED_XML)


@pytest.mark.parametrize(("form", "expected"), [("json", RESERVED), ("xml", RESERVED_XML)])
async def test_a_deleted_keyword_is_answered_as_it_was_and_is_gone(
    link: Any, form: str, expected: bytes
) -> None:
    keyword_id = await reserved(link, "papirhat")
    answer = await call(link, "DELETE", f"keywords/{keyword_id}.{form}")
    assert (answer.status, answer.masked) == (201, expected)
    for method in ("DELETE", "GET"):
        again = await call(link, method, f"keywords/{keyword_id}.json")
        assert again.status == 404
        assert again.json == {"status": 404, "message": f"Keyword [{keyword_id}] was not found"}
    assert (await link.get("keywords.json")).json == {"keywords": [], "status": 200}
    assert await reserved(link, "papirhat") == keyword_id  # until the month ends it is still ours


async def test_keywords_are_listed_with_what_they_do(link: Any) -> None:
    service = await serviced(link)
    main = await reserved(link, "konkurrence")
    await reserved(link, "pileflet", serviceid=service)
    await reserved(link, "ja", mainkeyword=main)
    answer = await link.get("keywords.json")
    shown = [
        {
            k: v
            for k, v in keyword.items()
            if k in ("keyword", "function", "serviceid", "mainkeyword")
        }
        for keyword in answer.json["keywords"]
    ]
    assert shown == [
        {"keyword": "KONKURRENCE", "function": "subkeyword", "mainkeyword": "0", "serviceid": "0"},
        {"keyword": "PILEFLET", "function": "http", "mainkeyword": "0", "serviceid": service},
        {"keyword": "JA", "function": "", "mainkeyword": main, "serviceid": "0"},
    ]
    assert list(answer.json["keywords"][1]) == [
        "id", "keyword", "function", "number", "category", "mainkeyword", "serviceid",
        "frameworkaccept", "statusurl", "state",
    ]  # fmt: skip
    assert [keyword["frameworkaccept"] for keyword in answer.json["keywords"]] == ["1", "1", "0"]


async def test_no_keywords_are_an_empty_element(link: Any) -> None:
    expected = b'<?xml version="1.0"?>\n<response>\n  <%s/>\n  <status>200</status>\n</response>\n'
    assert (await link.get("keywords.xml")).body == expected % b"keywords"
    assert (await link.get("services/http.xml")).body == expected % b"services"


@pytest.mark.parametrize("path", ["1272/papirhat", "1272/PapirHat", "{id}", "+1272/papirhat"])
async def test_a_keyword_is_found_by_name_and_by_id(link: Any, path: str) -> None:
    keyword_id = await reserved(link, "papirhat")
    answer = await link.get(f"keywords/{path.replace('{id}', keyword_id)}.json")
    assert (answer.status, answer.masked) == (200, RESERVED.replace(b"201", b"200"))


async def test_a_keyword_of_any_letters_is_found(link: Any) -> None:
    await reserved(link, "smørrebrød")
    answer = await link.get("keywords/1272/sm%C3%B8rrebr%C3%B8d.json")
    assert answer.json["keyword"]["keyword"] == "SMØRREBRØD"


MISSING = {
    "by name": ("keywords/1272/hello.json", "Keyword [HELLO] was not found on number [1272]"),
    "on no number": ("keywords/x/hello.json", "Keyword [HELLO] was not found on number [x]"),
    "by id": ("keywords/1234.json", "Keyword [1234] was not found"),
    "by a word": ("keywords/hello.json", "Keyword [hello] was not found"),
    "above all": (f"keywords/{2**53}.json", f"Keyword [{2**53}] was not found"),
    "a service": ("services/http/1.json", "Service id [1] not found"),
    "a service by a word": ("services/http/x.json", "Service id [x] not found"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISSING)
async def test_what_is_not_there_is_404(link: Any, refused: Any, case: str) -> None:
    target, text = MISSING[case]
    answer = await refused(link.get(target))
    assert (answer.status, answer.json) == (404, {"status": 404, "message": text})


async def test_a_missing_keyword_in_xml(link: Any) -> None:
    answer = await link.get("keywords/1272/hello.xml")
    assert answer.body == (
        b'<?xml version="1.0"?>\n<response>\n  <status>404</status>\n'
        b"  <message>Keyword [HELLO] was not found on number [1272]</message>\n</response>\n"
    )


REFUSED = {
    "another's number": ({"number": "1919"}, 401, "User cannot access number [1919]"),
    "nobody's number": ({"number": "4242"}, 401, "User cannot access number [4242]"),
    "no number": ({"number": ""}, 400, "Number cannot be empty"),
    "null": ({"number": None}, 400, "Number cannot be empty"),
    "a word as number": ({"number": "abc"}, 400, "Number is not valid, 3 to 15 digits"),
    "no keyword": ({"keyword": " "}, 400, "Keyword cannot be empty"),
    "two words": ({"keyword": "a b"}, 400, "Keyword is not valid, use one word"),
    "a long word": ({"keyword": "a" * 41}, 400, "Keyword is not valid, more than 40 characters"),
    "a word that opts out": ({"keyword": "stop"}, 400, "Keyword [STOP] is already taken on [1272]"),
    "the owner's catch-all": ({"keyword": "*"}, 400, "Keyword [*] is already taken on [1272]"),
    "no such main keyword": ({"mainkeyword": "7"}, 404, "Keyword [7] was not found"),
    "no number of one": ({"mainkeyword": "x"}, 404, "Keyword [x] was not found"),
    "no such service": ({"serviceid": "7"}, 404, "Service id [7] not found"),
    "no number of a service": ({"serviceid": "x"}, 404, "Service id [x] not found"),
}


@pytest.mark.stores_nothing
@pytest.mark.parametrize("case", REFUSED)
async def test_a_keyword_that_cannot_be_reserved(link: Any, refused: Any, case: str) -> None:
    fields, status, text = REFUSED[case]
    body = {"number": "1272", "keyword": "papirhat", **fields}
    answer = await refused(call(link, "POST", "keywords.json", body))
    assert (answer.status, answer.json) == (status, {"status": status, "message": text})


async def test_a_keyword_that_is_taken(link: Any, refused: Any) -> None:
    other = await link.services.accounts.find("other")
    await link.services.keywords.reserve(other, "1272", "Papirhat")
    for form in ("json", "xml"):
        answer = await refused(
            call(link, "POST", f"keywords.{form}", {"number": 1272, "keyword": "papirhat"})
        )
        assert answer.status == 400
        assert b"Keyword [PAPIRHAT] is already taken on [1272]" in answer.body


PRINTED = {
    "another's number": (
        "POST",
        "keywords.json",
        b'{\n\t"number":"1919",\n\t"keyword":"papirhat"\n}',
        401,
        b'{"message":"User cannot access number [1919]","status":401}',
    ),
    "taken": (
        "POST",
        "keywords.json",
        b'{\n\t"number":"1272",\n\t"keyword":"papirhat"\n}',
        400,
        b'{"message":"Keyword [PAPIRHAT] is already taken on [1272]","status":400}',
    ),
    "taken, as XML": (
        "POST",
        "keywords.xml",
        b"<keyword><number>1272</number><keyword>papirhat</keyword></keyword>",
        400,
        b'<?xml version="1.0"?>\n<response>\n'
        b"  <message>Keyword [PAPIRHAT] is already taken on [1272]</message>\n"
        b"  <status>400</status>\n</response>\n",
    ),
    "deleted, but never there": (
        "DELETE",
        "keywords/1234.json",
        b"",
        404,
        b'{"message":"Keyword [1234] was not found","status":404}',
    ),
    "not on the number": (
        "GET",
        "keywords/1272/hello.json",
        b"",
        404,
        b'{"status":404,"message":"Keyword [HELLO] was not found on number [1272]"}',
    ),
    "a service without a URL": (
        "POST",
        "services/http.json",
        b'{"url":""}',
        400,
        b'{"status":400,"message":"Url cannot be empty"}',
    ),
}


@pytest.mark.parametrize("case", PRINTED)
async def test_refusals_have_the_printed_order(link: Any, case: str) -> None:
    method, target, body, status, expected = PRINTED[case]
    other = await link.services.accounts.find("other")
    await link.services.keywords.reserve(other, "1272", "Papirhat")
    answer = await call(link, method, target, body)
    assert (answer.status, answer.body) == (status, expected)


BODIES = [b"", b"[]", b"null", b'{"number":"1272","keywrod":"x"}', b'{"number":{}}', b"<keyword>"]


@pytest.mark.stores_nothing
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "keywords.json"),
        ("PUT", "keywords/1.json"),
        ("POST", "services/http.json"),
        ("PUT", "services/http/1.json"),
    ],
)
async def test_a_body_that_cannot_be_read(link: Any, method: str, target: str, body: bytes) -> None:
    before = await link.rows()
    answer = await call(link, method, target, body)
    assert 400 <= answer.status < 416
    assert answer.json["status"] == answer.status
    assert await link.rows() == before


async def test_services_are_created_changed_and_listed(link: Any) -> None:
    created = await call(
        link, "POST", "services/http.json", b'{\n\t"url":"http://www.test.com/incoming"\n}'
    )
    assert (created.status, created.masked) == (
        201,
        b'{"service":{"id":"<id>","url":"http://www.test.com/incoming","continuous":"0",'
        b'"charset":""},"status":201}',
    )
    service_id = created.json["service"]["id"]
    body = {"url": "https://domain.dk/test", "continuous": "1", "charset": "UTF-8"}
    changed = await call(link, "PUT", f"services/http/{service_id}.json", body)
    assert (changed.status, changed.masked) == (
        200,
        b'{"service":{"id":"<id>","url":"https://domain.dk/test","continuous":"1",'
        b'"charset":"utf-8"},"status":200}',
    )
    kept = await call(link, "PUT", f"services/http/{service_id}.json", {"url": URL})
    service = {"id": service_id, "url": URL, "continuous": "1", "charset": "utf-8"}
    assert kept.json == {"service": service, "status": 200}
    listed = await link.get("services/http.json")
    assert listed.json == {"services": [service], "status": 200}
    assert (await link.get(f"services/http/{service_id}.json")).json["service"] == service
    assert (await link.get("services/http.xml")).masked == (
        b'<?xml version="1.0"?>\n<response>\n  <services>\n    <id><id></id>\n'
        b"    <url>http://www.test.com/incoming</url>\n    <continuous>1</continuous>\n"
        b"    <charset>utf-8</charset>\n  </services>\n  <status>200</status>\n</response>\n"
    )


async def test_a_url_of_a_service_may_have_a_login(link: Any) -> None:
    """Bug: it was refused, though the manual asks for no more than a URL."""
    url = "https://me:secret@shop.example/incoming"
    created = await call(link, "POST", "services/http.json", {"url": url})
    assert (created.status, created.masked) == (
        201,
        b'{"service":{"id":"<id>","url":"https://me:secret@shop.example/incoming",'
        b'"continuous":"0","charset":""},"status":201}',
    )
    target = f"services/http/{created.json['service']['id']}.json"
    changed = await call(link, "PUT", target, {"url": url.replace("secret", "other")})
    assert changed.json["service"]["url"] == "https://me:other@shop.example/incoming"


NO_URL = "Url is not valid, not an http or https address"
NO_CHARSET = "Charset is not valid, use utf-8, iso-8859-1 or the like"
WRONG_SERVICES = {
    "no url": ({"url": ""}, "Url cannot be empty"),
    "no url at all": ({"url": None}, "Url cannot be empty"),
    "another scheme": ({"url": "ftp://a.example/"}, NO_URL),
    "no host": ({"url": "http:///x"}, NO_URL),
    "a line break": ({"url": "http://a.example/\r\nx"}, NO_URL),
    "NUL": ({"url": "http://a.example/\0"}, NO_URL),
    "too long": ({"url": "http://a.example/" + "a" * 2000}, NO_URL),
    "no charset": ({"charset": "klingon"}, NO_CHARSET),
    "a codec that is none": ({"charset": "rot13"}, NO_CHARSET),
    "neither on nor off": ({"continuous": "2"}, "Continuous is not valid, use true or false"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_SERVICES)
async def test_a_service_that_cannot_be(link: Any, refused: Any, case: str) -> None:
    fields, text = WRONG_SERVICES[case]
    service_id = await serviced(link)
    for method, target in (("POST", "http"), ("PUT", f"http/{service_id}")):
        body = {"url": URL, **fields}
        answer = await refused(call(link, method, f"services/{target}.json", body))
        assert answer.status == 400
        assert answer.json["message"].startswith(text)
    assert (await link.get("services/http.json")).json["services"][0]["url"] == URL


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "mail"),
        ("POST", "mail"),
        ("PUT", "mail/1"),
    ],
)
async def test_only_services_of_type_http_exist(
    link: Any, refused: Any, method: str, target: str
) -> None:
    answer = await refused(call(link, method, f"services/{target}.json", {"url": URL}))
    assert answer.json == {
        "status": 400, "message": "Service type [mail] is not supported, use [http]",
    }  # fmt: skip


async def test_a_service_is_attached_and_taken_off(link: Any) -> None:
    keyword_id, service_id = await reserved(link, "papirhat"), await serviced(link)
    target = f"keywords/{keyword_id}.json"
    answer = await call(link, "PUT", target, {"serviceid": int(service_id)})
    keyword = answer.json["keyword"]
    assert (answer.status, keyword["function"], keyword["serviceid"]) == (200, "http", service_id)
    assert link.services.inbound_routing.find("1272", ["PAPIRHAT"]).forwardings[0].url == URL
    assert (await call(link, "PUT", target, {})).json["message"] == "Serviceid cannot be empty"
    assert (await call(link, "PUT", target, {"serviceid": "5"})).status == 404
    answer = await call(
        link, "PUT", f"keywords/{keyword_id}.xml", b"<k><serviceid>0</serviceid></k>"
    )
    assert answer.masked == RESERVED_XML.replace(b"201", b"200")
    assert link.services.inbound_routing.find("1272", ["PAPIRHAT"]).forwardings == ()


async def test_another_accounts_are_as_if_they_were_not(link: Any, refused: Any) -> None:
    keyword_id, service_id = await reserved(link, "papirhat"), await serviced(link)
    link.key = "b" * 64  # the account `other`, which owns the number
    for method, target, body in (
        ("GET", f"keywords/{keyword_id}", None),
        ("GET", "keywords/1272/papirhat", None),
        ("DELETE", f"keywords/{keyword_id}", None),
        ("PUT", f"keywords/{keyword_id}", {"serviceid": "0"}),
        ("POST", "keywords", {"number": "1272", "keyword": "x", "mainkeyword": keyword_id}),
        ("POST", "keywords", {"number": "1272", "keyword": "x", "serviceid": service_id}),
        ("GET", f"services/http/{service_id}", None),
        ("PUT", f"services/http/{service_id}", {"url": URL}),
    ):
        assert (await refused(call(link, method, f"{target}.json", body))).status == 404, target
    assert (await link.get("keywords.json")).json["keywords"] == []
    assert (await link.get("services/http.json")).json["services"] == []


async def test_who_may_not_receive_may_not_ask(link: Any, refused: Any) -> None:
    await link.services.accounts.change("hn", revoke=frozenset({Permission.RECEIVE}))
    for method, target in (
        ("GET", "keywords"), ("GET", "keywords/1"), ("GET", "keywords/1272/x"),
        ("POST", "keywords"), ("PUT", "keywords/1"), ("DELETE", "keywords/1"),
        ("GET", "services/http"), ("GET", "services/http/1"), ("POST", "services/http"),
        ("PUT", "services/http/1"),
    ):  # fmt: skip
        answer = await refused(call(link, method, f"{target}.json", {}))
        assert answer.json == {
            "status": 403, "message": "Access denied, [aclIncoming] access is denied for user",
        }  # fmt: skip


HEADERS = {
    "as it is": ("PIZZA a+b=c&d", "PIZZA a+b=c&d"),
    "percent": ("50%", "50%25"),
    "line breaks and NUL": ("a\r\nX: y\0", "a%0D%0AX: y%00"),
    "letters": ("æ日👍", "%C3%A6%E6%97%A5%F0%9F%91%8D"),
    "spaces around": ("  a b ", "%20%20a b%20"),
    "only spaces": ("  ", "%20%20"),
    "marks of direction": ("\u202ea", "%E2%80%AEa"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize("case", HEADERS)
def test_the_header_is_safe_and_can_be_read_back(case: str) -> None:
    text, header = HEADERS[case]
    call = render_text(URL, TextFacts(inbound_id=1, sender="45", recipient="1272", text=text))
    assert call.headers[0] == ("SMS", header)


def test_a_long_header_ends_with_a_whole_character() -> None:
    text = "日" * 1000
    call = render_text(URL, TextFacts(inbound_id=1, sender="45", recipient="1272", text=text))
    assert call.headers[0][1] == "%E6%97%A5" * (MAX_HEADER // 9)
    assert call.body.count(b"%E6%97%A5") == 1000


def test_the_parameters_are_in_the_charset_of_the_service() -> None:
    facts = TextFacts(
        inbound_id=1, sender="45", recipient="1272", text="æ €日", charset="iso-8859-15"
    )
    call = render_text(URL, facts)
    assert call.body == b"SMS=%E6+%A4%3F&FROM=45&NUMBER=1272"
    assert call.headers[3][1] == "application/x-www-form-urlencoded; charset=iso-8859-15"


async def test_the_inbox_says_what_was_done_with_a_text(link: Any) -> None:
    await reserved(link, "papirhat", serviceid=await serviced(link))
    other = await link.services.accounts.find("other")
    await link.services.keywords.reserve(other, "1272", "hers")
    for text in ("Papirhat ja", "stop papirhat", "start papirhat", "hers"):
        await link._stored(
            lambda done, text=text: link.services.inbound.receive(
                InboundPartReport(
                    carrier="x", source="4512345678", destination="1272",
                    alphabet=Alphabet.GSM7, text=text,
                ),
                done,
            )
        )  # fmt: skip
    found = (await link.get("inbox/1.json")).json["query"]
    assert [text["message"] for text in found] == ["start papirhat", "stop papirhat", "Papirhat ja"]
    shown = []
    for text in found:
        details = (await link.get(f"inbox/lookup/{text['lookupid']}.json")).json["query"]
        shown.append((details["keyword"], details["function"]))
    assert shown == [("START", "start"), ("STOP", "stop"), ("PAPIRHAT", "http")]
    assert len(link.announced) == 3
