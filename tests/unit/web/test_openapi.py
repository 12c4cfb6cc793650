"""The OpenAPI document of a dialect and the pages made from it."""

import re
from html.parser import HTMLParser

import msgspec
import pytest
from lxml.html import document_fromstring
from starlette.applications import Starlette

from dragoman.web.docs_page import docs_routes
from dragoman.web.openapi import render_openapi
from dragoman.web.operations import Dialect, Operation
from dragoman.web.responses import Response
from dragoman.web.router import DialectApp


@pytest.fixture
def document(sample) -> dict:
    return render_openapi(sample(), version="1.2.3")


def test_document_describes_the_dialect(document) -> None:
    assert document["openapi"] == "3.1.0"
    assert document["info"] == {
        "title": "Sample",
        "version": "1.2.3",
        "description": "A sample of an API",
    }
    assert list(document["paths"]) == [
        "/v9/text.{format}",
        "/v9/texts/{page}.{format}",
        "/v9/text/{id}",
        "/v9/send.php",
        "/v9/fail",
        "/v9/locate",
    ]
    assert set(document["paths"]["/v9/text/{id}"]) == {"get", "delete"}
    assert set(document["paths"]["/v9/send.php"]) == {"get", "post"}


def test_parameters_come_from_the_path_and_the_query_struct(document) -> None:
    operation = document["paths"]["/v9/texts/{page}.{format}"]["get"]
    assert operation["parameters"] == [
        {"name": "page", "in": "path", "required": True, "schema": {"type": "integer"}},
        {
            "name": "format",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "enum": ["json", "xml"]},
        },
        {
            "name": "key",
            "in": "query",
            "required": False,
            "description": "The account's key",
            "schema": {"type": "string", "default": ""},
        },
        {
            "name": "page",
            "in": "query",
            "required": False,
            "schema": {"type": "integer", "default": 1},
        },
    ]


def test_body_is_described_for_each_format(document) -> None:
    content = document["paths"]["/v9/text.{format}"]["post"]["requestBody"]["content"]
    ref = {"$ref": "#/components/schemas/Text"}
    assert {media: entry["schema"] for media, entry in content.items()} == {
        "application/json": {
            "type": "object",
            "properties": {"text": ref},
            "required": ["text"],
        },
        "text/xml": {**ref, "xml": {"name": "text"}},
        "application/x-www-form-urlencoded": ref,
        "multipart/form-data": ref,
    }


def test_answers_are_described_for_each_format(document) -> None:
    responses = document["paths"]["/v9/text.{format}"]["post"]["responses"]
    assert responses["201"]["content"]["text/xml"]["schema"]["xml"] == {"name": "response"}
    assert responses["400"] == {"description": "The request is wrong"}
    schema = document["components"]["schemas"]["Listed"]
    assert schema["properties"]["texts"]["xml"] == {"name": "texts", "wrapped": False}


def test_operation_ids_are_unique(document) -> None:
    ids = [
        operation["operationId"]
        for item in document["paths"].values()
        for operation in item.values()
    ]
    assert len(ids) == len(set(ids)) == 8


def test_every_reference_has_its_target(document) -> None:
    text = msgspec.json.encode(document).decode()
    targets = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert targets
    assert targets <= set(document["components"]["schemas"])


class Page(HTMLParser):
    """Collects what a page loads and where it leads, and checks that its tags close in order."""

    VOID = frozenset({"input", "link", "meta"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.scripts: set[str] = set()
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs) -> None:
        named = dict(attrs)
        self.tags.add(tag)
        assert "style" not in named
        assert not any(name.startswith("on") for name in named)
        if "id" in named:
            assert named["id"] not in self.ids
            self.ids.add(named["id"])
        if tag == "script":
            self.scripts.add(named["src"])
        if "href" in named:
            self.links.add(named["href"])
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        self.text += data


@pytest.fixture
async def wire(sample, serve):
    evil = sample(name="evil", title="<script>alert(1)</script>", prefixes=("/v9",))
    routes = docs_routes([sample(), evil], version="1.2.3")
    async with serve(DialectApp([sample()], Starlette(routes=routes), body_timeout_s=30)) as wire:
        yield wire


@pytest.mark.parametrize("path", ["/docs", "/docs/sample", "/docs/evil"])
async def test_page_loads_nothing_from_elsewhere(wire, path) -> None:
    answer = await wire.ask("GET", path)
    page = Page(answer.body.decode())
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'self'; ")
    assert "unsafe" not in policy
    assert ("script-src" in policy) == bool(page.scripts) == (path != "/docs")
    assert page.scripts <= {"/docs/try.js"}
    assert not page.tags & {"style", "img", "iframe", "object"}
    assert all(link.startswith(("/docs", "#")) for link in page.links)
    assert {link[1:] for link in page.links if link.startswith("#")} <= page.ids


async def test_dialect_page_shows_every_call_with_its_fields(wire) -> None:
    page = Page((await wire.ask("GET", "/docs/sample")).body.decode())
    for expected in (
        "Send a text",
        "Sample v9 s. 1",
        "/v9/text.{format}",
        "text.to",
        "text.tags",
        "list of string",
        "The words to send",
        "json | xml",
        "The account's key",
        "application/x-www-form-urlencoded",
        "texts[].text",
    ):
        assert expected in page.text


async def test_calls_of_all_dialects_are_searched(wire) -> None:
    page = Page((await wire.ask("GET", "/docs?q=SEND+text")).body.decode())
    assert {link for link in page.links if "#" in link and link.startswith("/docs/")} >= {
        "/docs/sample#sample_post_v9_text_format"
    }
    nothing = await wire.ask("GET", "/docs?q=%3Cscript%3Ealert(1)")
    assert nothing.status == 200
    assert b"<script>" not in nothing.body
    assert b"No call has all of these words" in nothing.body


async def test_each_call_has_an_example_for_the_shell(wire) -> None:
    page = Page((await wire.ask("GET", "/docs/sample")).body.decode())
    assert 'curl -X POST "$URL/v9/text.json' in page.text
    assert """'{"text": {"to": "+4512345678", "text": "Hello"}}'""" in page.text


async def test_each_call_has_a_form_with_what_it_takes(wire) -> None:
    tree = document_fromstring((await wire.ask("GET", "/docs/sample")).body)
    forms = tree.xpath("//form[@class='call-form']")
    assert len(forms) == 8
    form = forms[0]
    assert (form.get("data-method"), form.get("data-path")) == ("POST", "/v9/text.{format}")
    inputs = {
        (one.get("data-in"), one.get("data-name")): one.get("value") for one in form.iter("input")
    }
    assert inputs == {("path", "format"): "json", ("query", "key"): "", ("query", "page"): ""}
    (body,) = form.iter("textarea")
    assert msgspec.json.decode(body.text) == {"text": {"to": "+4512345678", "text": "Hello"}}
    assert not tree.xpath(
        "//form[not(@method)]//*[@name and not(ancestor::form[@id='credentials'])]"
    )


@pytest.mark.parametrize(
    ("login", "headers", "user", "query"),
    [
        ('-H "Authorization: Bearer $KEY"', {"Authorization": "Bearer $KEY"}, "", ""),
        ('-u "$ACCOUNT:$PASSWORD"', {}, "$ACCOUNT:$PASSWORD", ""),
        ("apikey=$KEY", {}, "", "$KEY"),
        (
            '-H "user_key: $USER_KEY" -H "Session_key: $SESSION_KEY"',
            {"user_key": "$USER_KEY", "Session_key": "$SESSION_KEY"},
            "",
            "",
        ),
    ],
)
async def test_a_form_signs_in_as_its_dialect_does(
    sample, serve, login, headers, user, query
) -> None:
    routes = docs_routes([sample(login=login)], version="1", demo="/dev/account")
    async with serve(DialectApp([sample()], Starlette(routes=routes), body_timeout_s=30)) as wire:
        tree = document_fromstring((await wire.ask("GET", "/docs/sample")).body)
    form = tree.xpath("//form[@class='call-form']")[0]
    assert msgspec.json.decode(form.get("data-headers")) == headers
    assert form.get("data-user") == user
    assert form.xpath("string(.//input[@data-name='apikey']/@value)") == query
    (credentials,) = tree.xpath("//form[@id='credentials']")
    assert credentials.get("data-demo") == "/dev/account"
    names = [one.get("name") for one in credentials.iter("input")]
    assert names == list(dict.fromkeys(re.findall(r"\$([A-Z_]+)", login)))
    assert not any(one.get("value") for one in credentials.iter("input"))


async def test_pages_take_the_theme_of_the_console(wire) -> None:
    for cookie, shown in (
        ("dragoman-display-8080=theme-dark_keys-on", b'data-theme="dark"'),
        ("__Host-dragoman-display=theme-light_keys-on", b'data-theme="light"'),
        ("dragoman-display=theme-evil_keys-on", b'<html lang="en">'),
    ):
        answer = await wire.ask("GET", "/docs", cookie=cookie)
        assert shown in answer.body


async def test_document_and_stylesheet_are_served(wire, document) -> None:
    answer = await wire.ask("GET", "/docs/sample/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == document
    script = await wire.ask("GET", "/docs/try.js")
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    style = await wire.ask("GET", "/docs/docs.css")
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    assert b"url(" not in style.body
    assert b"@import" not in style.body


@pytest.mark.parametrize("path", ["/docs/nobody", "/docs/nobody/openapi.json"])
async def test_unknown_dialect_is_not_found(wire, path) -> None:
    assert (await wire.ask("GET", path)).status == 404


def test_dialect_without_answers_or_tags_still_has_a_document() -> None:
    async def handler(_request):
        return Response(200)

    bare = Operation(methods=("GET",), path="/x", handler=handler, summary="X")
    dialect = Dialect(
        name="x",
        title="X",
        description="",
        prefixes=("/x",),
        operations=(bare,),
        refuse=lambda _request, refusal: Response(refusal.status),
    )
    operation = render_openapi(dialect, version="1")["paths"]["/x"]["get"]
    assert operation["responses"] == {"default": {"description": "See the manual"}}


class Sum(msgspec.Struct):
    total: int


class Fault(msgspec.Struct):
    reason: str


def test_a_status_may_have_several_bodies_and_a_refusal_of_a_text_is_json() -> None:
    async def handle(request: object) -> Response:
        return Response(200, b"0")

    dialect = Dialect(
        name="mixed",
        title="Mixed",
        description="",
        prefixes=("/mixed",),
        operations=(
            Operation(
                methods=("GET",),
                path="/mixed/sum",
                handler=handle,
                summary="A sum, or how many there were",
                answers={200: Sum, 400: Fault},
                variants={200: (int, Fault), 202: (int,)},
            ),
            Operation(
                methods=("GET",),
                path="/mixed/text",
                handler=handle,
                summary="A text",
                answers={200: None, 400: Fault, 401: Fault},
                answer_formats=("text",),
            ),
            Operation(
                methods=("GET",),
                path="/mixed/html",
                handler=handle,
                summary="A text that is called HTML",
                answers=dict.fromkeys((202, 400, 403)),
                answer_formats=("html",),
            ),
        ),
        refuse=lambda request, refusal: Response(500),
    )
    paths = render_openapi(dialect, version="1")["paths"]
    total, text = (paths[path]["get"]["responses"] for path in ("/mixed/sum", "/mixed/text"))
    fault = {"$ref": "#/components/schemas/Fault"}
    assert total["200"]["content"]["application/json"]["schema"] == {
        "anyOf": [{"$ref": "#/components/schemas/Sum"}, {"type": "integer"}, fault]
    }
    assert total["202"]["content"] == {"application/json": {"schema": {"type": "integer"}}}
    assert text["200"]["content"] == {"text/plain": {"schema": {"type": "string"}}}
    bare = paths["/mixed/html"]["get"]["responses"]  # Kannel's were declared as text/plain
    assert [list(bare[status]["content"]) for status in ("202", "400", "403")] == [
        ["text/html"]
    ] * 3
    for status in ("400", "401"):  # of smSend, 401 was declared as text
        assert text[status]["content"] == {"application/json": {"schema": fault}}
