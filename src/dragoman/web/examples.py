"""An example of each call of an OpenAPI document: what it requires, filled in.

`$NAME` stands for what its reader has: the variables that `dragoman dev` writes for shells.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

Schema = dict[str, Any]

MAX_DEPTH: Final = 4
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
KINDS: Final = (JSON, FORM, "multipart/form-data")
"""The bodies that an example can have, the first that a call takes."""
VARIABLE: Final = re.compile(r"\$([A-Z_]+)")
_SID: Final = re.compile(r"\$[A-Z_]*SID")
_VARIABLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("key", "apikey"), "$KEY"),
        **dict.fromkeys(("username", "user", "login", "email"), "$ACCOUNT"),
        **dict.fromkeys(("password", "pass"), "$PASSWORD"),
        **dict.fromkeys(("device", "device_id", "deviceid"), "$DEVICE"),
        "token": "$TOKEN",
        "sid": "$SID",
        "account_sid": "$TWILIO_ACCOUNT_SID",
    }
)
_NUMBERS: Final = (
    *("to", "mobile", "number", "recipient", "msisdn", "phone", "full_number", "numbers"),
    *("recipients", "phonenumbers", "phone_number", "phone_numbers"),
    *("phonenumber", "sendto"),
)
_WORDS: Final = ("text", "body", "message", "msgtext", "content")
NUMBER: Final = "+4512345678"
TEXT: Final = "Hello"


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A call with what it requires and little more."""

    method: str
    template: str
    """The path, with placeholders in braces."""
    in_path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)
    """What it signs in with, where that is a header."""
    user: str = ""
    """Name and password of HTTP's basic authentication, with a colon between."""
    kind: str = ""
    """The media type of its body; empty for a call without one."""
    body: Any = None
    """What the body says; the fields of a form by their names."""

    @property
    def target(self) -> str:
        """The path and the query."""
        path = self.template
        for name, value in self.in_path.items():
            path = path.replace(f"{{{name}}}", value)
        query = "&".join(f"{quote(name)}={_in_query(one)}" for name, one in self.query.items())
        return f"{path}?{query}" if query else path

    @property
    def fields(self) -> Mapping[str, Any]:
        """The fields of its body, where it has any."""
        return self.body if isinstance(self.body, dict) else {}

    @property
    def json(self) -> str:
        """Its body as JSON, for people."""
        return json.dumps(self.body, indent=2, ensure_ascii=False)

    @property
    def variables(self) -> list[str]:
        """The names of what its reader must have, each once."""
        values = (self.in_path, self.query, self.headers, self.user, self.body)
        found = VARIABLE.findall(json.dumps(values))
        return list(dict.fromkeys(found))


def make_example(
    document: Schema, path: str, method: str, operation: Schema, login: str
) -> Example:
    """An example of one operation of an OpenAPI document.

    `login` are options of curl (`-H`, `-u`), or what goes into the query.
    """
    headers, user, query = _read_login(login)
    kind, body = _body(document, operation)
    fields = body if isinstance(body, dict) else {}
    in_path: dict[str, str] = {}
    for parameter in operation["parameters"]:
        name, place, schema = parameter["name"], parameter["in"], parameter["schema"]
        if place == "path":
            # An account in a path is called as it signs in.
            sid = _SID.search(login) if name == "account" else None
            value = sid[0] if sid else str(_example(document, name, schema))
            in_path[name] = "KEY" if value == "$KEY" else value  # in a path it is some other key
        elif place == "query" and parameter.get("required") and name not in (*fields, *query):
            query[name] = render_plain(_example(document, name, schema))
    return Example(
        method=method.upper(),
        template=path,
        in_path=in_path,
        query=query,
        headers=headers,
        user=user,
        kind=kind,
        body=body,
    )


def render_plain(value: Any) -> str:
    """A value as the text of a field."""
    return json.dumps(value) if isinstance(value, dict | list | bool) else str(value)


def _read_login(login: str) -> tuple[dict[str, str], str, dict[str, str]]:
    """The headers, the name with its password, and the query that a login consists of."""
    headers: dict[str, str] = {}
    user = ""
    if login and not login.startswith("-"):
        name, _, value = login.partition("=")
        return headers, user, {name: value}
    words = iter(shlex.split(login))
    for option, value in zip(words, words, strict=True):
        if option == "-u":
            user = value
        else:
            name, _, text = value.partition(": ")
            headers[name] = text
    return headers, user, {}


def _body(document: Schema, operation: Schema) -> tuple[str, Any]:
    """The media type of a body, and what it says."""
    content = operation.get("requestBody", {}).get("content", {})
    kind = next((one for one in KINDS if one in content), "")
    return kind, _example(document, "body", content[kind]["schema"]) if kind else None


def _example(document: Schema, name: str, schema: Schema, depth: int = 0) -> Any:
    """A value that fits a schema: the required fields, or else the first that names a number."""
    if "$ref" in schema:
        target = schema["$ref"].rpartition("/")[2]
        return _example(document, name, document["components"]["schemas"][target], depth)
    if "anyOf" in schema:
        return _example(document, name, schema["anyOf"][0], depth)
    for key in ("default", "const"):
        if schema.get(key) not in (None, ""):
            return schema[key]
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "array":
        items = schema.get("items", {})
        return [_example(document, name.removesuffix("s"), items, depth + 1)] if items else []
    if "properties" in schema:
        if depth >= MAX_DEPTH:
            return {}
        fields = schema["properties"]
        wanted = [*schema.get("required", ()), *filter(_is_telling, fields)]
        return {
            one: _example(document, one, fields[one], depth + 1) for one in dict.fromkeys(wanted)
        }
    if kind in ("integer", "number"):
        return max(schema.get("minimum", 1), 1)
    if kind == "boolean":
        return True
    return _text(name)


def _text(name: str) -> str:
    plain = name.lower()
    if plain in _VARIABLES:
        return _VARIABLES[plain]
    if plain in _NUMBERS:
        return NUMBER
    return TEXT if plain in _WORDS else name.upper()


def _is_telling(name: str) -> bool:
    return name.lower() in (*_NUMBERS, *_WORDS)


def _in_query(value: Any) -> str:
    text = render_plain(value)
    return text if text.startswith("$") else quote(text, safe="")
