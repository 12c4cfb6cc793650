"""An example of a call for the shell: curl, with the variables that `dragoman dev` writes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

Schema = dict[str, Any]

MAX_DEPTH: Final = 4
_SID: Final = re.compile(r"\$[A-Z_]*SID")
_VARIABLE: Final = re.compile(r"(\$[A-Z_]+)")
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


def render_curl(document: Schema, path: str, method: str, operation: Schema, login: str) -> str:
    """The command of one operation of an OpenAPI document, with what it requires and little more.

    `login` are options of curl, or what goes into the query.
    """
    options = [login] if login.startswith("-") else []
    query = [login] if login and not options else []
    fields, body = _body(document, operation)
    for parameter in operation["parameters"]:
        name, place, schema = parameter["name"], parameter["in"], parameter["schema"]
        if place == "path":
            # An account in a path is called as it signs in.
            sid = _SID.search(login) if name == "account" else None
            value = sid[0] if sid else str(_example(document, name, schema))
            if value == "$KEY":  # in a path it is some other key
                value = "KEY"
            path = path.replace(f"{{{name}}}", value)
        elif place == "query" and parameter.get("required"):
            known = name in fields or any(pair.startswith(f"{name}=") for pair in query)
            if not known:
                query.append(f"{quote(name)}={_in_query(_example(document, name, schema))}")
    address = f"$URL{path}" + (f"?{'&'.join(query)}" if query else "")
    verb = "" if method == "get" else f"-X {method.upper()} "
    return " \\\n  ".join([f'curl {verb}"{address}"', *options, *body])


def _body(document: Schema, operation: Schema) -> tuple[frozenset[str], list[str]]:
    """The fields of a body, and the options of curl for it."""
    content = operation.get("requestBody", {}).get("content", {})
    kinds = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
    kind = next((one for one in kinds if one in content), "")
    if not kind:
        return frozenset(), []
    value = _example(document, "body", content[kind]["schema"])
    fields = value if isinstance(value, dict) else {}
    if kind != kinds[0]:
        pairs = (f'--data-urlencode "{name}={_plain(one)}"' for name, one in fields.items())
        return frozenset(fields), list(pairs)
    # Between single quotes no variable is replaced: each gets out of them.
    text = _VARIABLE.sub("""'"\\1"'""", json.dumps(value, ensure_ascii=False))
    return frozenset(fields), ['-H "Content-Type: application/json"', f"-d '{text}'"]


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


def _plain(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict | list | bool) else str(value)


def _in_query(value: Any) -> str:
    text = _plain(value)
    return text if text.startswith("$") else quote(text, safe="")
