"""The pages under `/docs`: every dialect's calls, rendered on the server from its OpenAPI document.

Examples for the shell use the variables that `dragoman dev` writes, so that they run as they are
with its demo account. The page of a dialect also has a form for each call, which a script of ours
sends from the browser: the call comes from its reader's address, with the credentials that were
entered. What is to be read needs no script, and nothing is fetched from elsewhere.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import jinja2
import markupsafe
import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from dragoman.web import guide
from dragoman.web.curl import render_curl
from dragoman.web.examples import JSON, Example, make_example, render_plain
from dragoman.web.openapi import Schema, render_openapi
from dragoman.web.operations import Dialect

POLICY: Final = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}
CALLING: Final = {
    **HEADERS,
    "content-security-policy": f"{POLICY}; script-src 'self'; connect-src 'self'",
}
"""For the pages whose script makes calls."""
SHOWN: Final = frozenset({"ACCOUNT", "DEVICE", "SID", "TWILIO_ACCOUNT_SID"})
"""Of what a reader enters, that which is no secret."""
MAX_FIELD_DEPTH: Final = 6
MAX_QUERY: Final = 100
MAX_FOUND: Final = 100
_HTML: Final = b'<html lang="en">'
_THEME: Final = re.compile(r"dragoman-display(?:-\d+)?=theme-(light|dark)_")


def docs_routes(
    dialects: Iterable[Dialect],
    *,
    version: str,
    console: bool = False,
    demo: str = "",
    site: Path = guide.FOLDER,
) -> list[BaseRoute]:
    """Builds the routes `/docs`, `/docs/<dialect>` and `/docs/<dialect>/openapi.json`.

    With `console` the pages link to it. `demo` is where a development gateway tells what its demo
    account signs in with. The guides are at `/docs/guide` where `site` is there; else it says how
    to build them.
    """
    guides = (site / "index.html").is_file()
    pages = DocsPages(tuple(dialects), version=version, console=console, guides=guides, demo=demo)

    async def index(request: Request) -> Response:
        wanted = request.query_params.get("q", "")[:MAX_QUERY].strip()
        body = pages.render_search(wanted) if wanted else pages.render_index()
        return Response(_themed(request, body), 200, HEADERS, "text/html")

    async def front(_request: Request) -> Response:
        return RedirectResponse(f"{guide.PATH}/index.html")

    not_built = PlainTextResponse(guide.NOT_BUILT, 404, HEADERS)
    return [
        Route("/docs", index),
        Route(guide.PATH, front),  # before those of dialects, which would match
        Mount(guide.PATH, guide.Guide(site) if guides else not_built),
        Route("/docs/docs.css", _serve(lambda _: read_static("docs.css"), "text/css")),
        Route("/docs/try.js", _serve(lambda _: read_static("try.js"), "text/javascript")),
        Route("/docs/{dialect}", _serve(pages.render_dialect, "text/html", CALLING)),
        Route("/docs/{dialect}/openapi.json", _serve(pages.render_document, "application/json")),
    ]


def render_prose(text: str) -> markupsafe.Markup:
    """Our own text as HTML; text between backticks is code."""
    pieces = text.split("`")
    return markupsafe.Markup("").join(
        markupsafe.Markup("<code>{}</code>").format(piece) if index % 2 else piece
        for index, piece in enumerate(pieces)
    )


class DocsPages:
    """Renders the documentation of some dialects; each page once."""

    def __init__(
        self,
        dialects: tuple[Dialect, ...],
        *,
        version: str,
        console: bool = False,
        guides: bool = False,
        demo: str = "",
    ) -> None:
        self._dialects = {dialect.name: dialect for dialect in dialects}
        self._version = version
        self._templates = jinja2.Environment(
            loader=jinja2.PackageLoader("dragoman.web", "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )
        self._templates.globals.update(
            version=version, console=console, guides=guides, demo=demo, wanted="", shown=SHOWN
        )
        self._templates.filters["prose"] = render_prose
        self.render_index = cache(self._render_index)
        self._page = cache(self._render_page)
        self._entries = cache(self._find_entries)
        self._document = cache(self._render_document)

    def render_dialect(self, name: str) -> bytes | None:
        """Renders a dialect's page, if there is such a dialect."""
        return self._page(name) if name in self._dialects else None

    def render_document(self, name: str) -> bytes | None:
        """Renders a dialect's OpenAPI document, if there is such a dialect."""
        return self._document(name) if name in self._dialects else None

    def render_search(self, wanted: str) -> bytes:
        """The calls of all dialects that have every word of a search."""
        words = wanted.lower().split()
        found = [
            (dialect, entry)
            for dialect in self._dialects.values()
            for entry in self._entries(dialect.name)
            if all(word in entry["words"] for word in words)
        ]
        template = self._templates.get_template("docs_search.html")
        shown = found[:MAX_FOUND]
        return template.render(wanted=wanted, found=shown, left=len(found) - len(shown)).encode()

    def _find_entries(self, name: str) -> list[Schema]:
        document = render_openapi(self._dialects[name], version=self._version)
        entries = [entry for group in list_groups(document).values() for entry in group]
        for entry in entries:
            names = (row["name"] for row in (*entry["parameters"], *entry["body"]))
            fields = ("id", "scope", "method", "path", "summary", "description", "source")
            texts = (name, *(entry[field] for field in fields), *names)
            entry["words"] = " ".join(texts).lower()
        return entries

    def _render_index(self) -> bytes:
        template = self._templates.get_template("docs_index.html")
        return template.render(dialects=list(self._dialects.values())).encode()

    def _render_page(self, name: str) -> bytes:
        dialect = self._dialects[name]
        document = render_openapi(dialect, version=self._version)
        template = self._templates.get_template("docs_dialect.html")
        groups = list_groups(document, dialect.login)
        needed = [entry["example"].variables for group in groups.values() for entry in group]
        variables = list(dict.fromkeys(name for names in needed for name in names))
        return template.render(dialect=dialect, groups=groups, variables=variables).encode()

    def _render_document(self, name: str) -> bytes:
        document = msgspec.json.encode(render_openapi(self._dialects[name], version=self._version))
        return msgspec.json.format(document, indent=2)


def list_groups(document: Schema, login: str = "") -> dict[str, list[Schema]]:
    """Lists the operations of a document by their first tag, in the document's order."""
    groups: dict[str, list[Schema]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            tag = operation["tags"][0] if operation["tags"] else "Calls"
            entry = _entry(document, path, method, operation)
            entry["example"] = example = make_example(document, path, method, operation, login)
            entry["curl"] = render_curl(example)
            entry["inputs"] = list_inputs(example, entry)
            groups.setdefault(tag, []).append(entry)
    return groups


def list_inputs(example: Example, entry: Schema) -> list[tuple[str, str, str]]:
    """What can be entered for a call: where it goes, its name, and what the example has there."""
    known = {"path": example.in_path, "query": example.query, "field": {}}
    if example.kind != JSON:
        known["field"] = {name: render_plain(one) for name, one in example.fields.items()}
    places = [(row["place"], row["name"]) for row in entry["parameters"]]
    if example.kind and example.kind != JSON:
        places += [("field", row["name"]) for row in entry["body"] if "." not in row["name"]]
    places += [(place, name) for place, values in known.items() for name in values]
    return [
        (place, name, known.get(place, {}).get(name, "")) for place, name in dict.fromkeys(places)
    ]


def read_static(name: str) -> bytes:
    """A file of ours that these pages load."""
    return files("dragoman.web").joinpath("static", name).read_bytes()


def list_fields(document: Schema, schema: Schema, prefix: str = "", depth: int = 0) -> list[Schema]:
    """Lists the fields of a schema, inner ones by their dotted path (`message.recipients[]`)."""
    schema = _resolve(document, schema)
    required = schema.get("required", ())
    rows = []
    for name, inner in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        rows.append(
            {
                "name": path,
                "type": describe_type(document, inner),
                "required": name in required,
                "description": inner.get("description", ""),
                "default": inner.get("default"),
            }
        )
        if depth < MAX_FIELD_DEPTH:
            for variant, suffix in _inner_objects(document, inner):
                rows += list_fields(document, variant, f"{path}{suffix}.", depth + 1)
    return rows


def describe_type(document: Schema, schema: Schema) -> str:
    """Describes a schema's type: `string`, `integer or null`, `list of object`, `a | b`."""
    if "anyOf" in schema:
        return " or ".join(describe_type(document, variant) for variant in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    if "$ref" in schema:
        target = _resolve(document, schema)
        return describe_type(document, target) if "enum" in target else "object"
    if schema.get("type") == "array":
        return f"list of {describe_type(document, schema.get('items', {}))}"
    kind = schema.get("type", "any")
    limits = [
        f"{phrase} {schema[key]}"
        for key, phrase in (
            ("minLength", "at least"),
            ("maxLength", "at most"),
            ("minimum", "from"),
            ("maximum", "to"),
        )
        if key in schema
    ]
    return ", ".join([str(kind), *limits])


def _entry(document: Schema, path: str, method: str, operation: Schema) -> Schema:
    body = operation.get("requestBody", {}).get("content", {})
    first = next(iter(body.values()), None)
    return {
        "id": operation["operationId"],
        "scope": operation["x-scope"],
        "method": method.upper(),
        "path": path,
        "summary": operation["summary"],
        "description": operation.get("description", ""),
        "source": operation.get("x-source", ""),
        "parameters": [
            {
                "name": parameter["name"],
                "place": parameter["in"],
                "type": describe_type(document, parameter["schema"]),
                "required": parameter.get("required", False),
                "description": parameter.get("description", ""),
                "default": parameter["schema"].get("default"),
            }
            for parameter in operation["parameters"]
        ],
        "body_formats": list(body),
        "body": list_fields(document, first["schema"]) if first is not None else [],
        "answers": [
            {
                "status": status,
                "description": answer["description"],
                "formats": list(answer.get("content", {})),
                "fields": _answer_fields(document, answer),
            }
            for status, answer in operation["responses"].items()
        ],
    }


def _answer_fields(document: Schema, answer: Schema) -> list[Schema]:
    first: Any = next(iter(answer.get("content", {}).values()), None)
    return list_fields(document, first["schema"]) if first is not None else []


def _resolve(document: Schema, schema: Schema) -> Schema:
    if "$ref" not in schema:
        return schema
    target: Schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return target


def _inner_objects(document: Schema, schema: Schema) -> list[tuple[Schema, str]]:
    if "anyOf" in schema:
        return [pair for variant in schema["anyOf"] for pair in _inner_objects(document, variant)]
    if schema.get("type") == "array":
        inner = _inner_objects(document, schema.get("items", {}))
        return [(variant, f"[]{suffix}") for variant, suffix in inner]
    return [(schema, "")] if "properties" in _resolve(document, schema) else []


def _themed(request: Request, body: bytes) -> bytes:
    """A page in the theme that was chosen in the console, by its cookie."""
    match = _THEME.search(request.headers.get("cookie", ""))
    if match is None:
        return body
    return body.replace(_HTML, _HTML[:-1] + f' data-theme="{match[1]}">'.encode(), 1)


def _serve(
    render: Callable[[str], bytes | None], media_type: str, headers: Mapping[str, str] = HEADERS
) -> Callable[[Request], Response]:
    async def answer(request: Request) -> Response:
        body = render(request.path_params.get("dialect", ""))
        if body is None:
            return Response("Unknown dialect.\n", 404, HEADERS, "text/plain")
        return Response(_themed(request, body), 200, headers, media_type)

    return answer  # type: ignore[return-value]
