"""Writes the client's calls and types from the gateway's OpenAPI document.

`python clients/python/generate.py` writes them; with `--check` it only says whether they are
current.
"""

from __future__ import annotations

import keyword
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dragoman.assembly import build_services
from dragoman.config import Settings
from dragoman.dialects.native import build_native
from dragoman.web.openapi import render_openapi

TARGET = Path(__file__).parent / "src/dragoman_client/_api.py"
Schema = dict[str, Any]

HEAD = '''"""The calls of the API; written by generate.py, so change that instead."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict, cast
from urllib.parse import quote

from dragoman_client._transport import UNSET, AsyncTransport, Call, SyncTransport, Unset
'''


def document() -> Schema:
    """The OpenAPI document of the API."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.development(Path(folder), http="127.0.0.1:8080", smsc="127.0.0.1:2775")
        return render_openapi(build_native(build_services(settings)).web, version="1")


def type_of(schema: Schema) -> str:
    """A schema as a Python type."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(map(type_of, schema["anyOf"])))
    if "enum" in schema:
        return f"Literal[{', '.join(map(repr, schema['enum']))}]"
    kind = schema.get("type")
    if kind == "array":
        return f"list[{type_of(schema.get('items', {}))}]"
    if kind == "object":
        return f"dict[str, {type_of(schema.get('additionalProperties') or {})}]"
    names = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}
    return names.get(str(kind), "None" if kind == "null" else "Any")


def types(components: Schema) -> Iterator[str]:
    """Each component as a `TypedDict`."""
    for name, schema in sorted(components.items()):
        required = set(schema.get("required", ()))
        kinds = {
            field: type_of(inner) if field in required else f"NotRequired[{type_of(inner)}]"
            for field, inner in schema["properties"].items()
        }
        if any(map(keyword.iskeyword, kinds)):  # quoted, as a type may be defined below
            body = ", ".join(f"{field!r}: {kind!r}" for field, kind in kinds.items())
            yield f"{name} = TypedDict({name!r}, {{{body}}})"
        else:
            yield f"class {name}(TypedDict):"
            yield f'    """{schema.get("description", name).partition(chr(10))[0]}"""'
            yield ""
            yield from (f"    {field}: {kind}" for field, kind in kinds.items())


def safe(name: str) -> str:
    """A name as an argument."""
    return f"{name}_" if keyword.iskeyword(name) else name.replace("-", "_")


def methods(paths: Schema, components: Schema, *, is_async: bool) -> Iterator[str]:
    """Each call as a method."""
    for path, item in paths.items():
        for method, operation in item.items():
            yield "\n".join(_method(path, method, operation, components, is_async))


def _method(
    path: str, method: str, operation: Schema, components: Schema, is_async: bool
) -> Iterator[str]:
    parameters = operation["parameters"]
    in_path = [one["name"] for one in parameters if one["in"] == "path"]
    in_query = [one for one in parameters if one["in"] == "query"]
    keyed = any(one["in"] == "header" for one in parameters)
    body = operation.get("requestBody")
    arguments = [f"{safe(name)}: str" for name in in_path]
    keywords: list[str] = []
    fields: Schema = {}
    if body is not None:
        ref = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        component = components[ref]
        fields, required = component["properties"], set(component.get("required", ()))
        ordered = sorted(fields, key=lambda name: name not in required)
        keywords += [_field(name, fields[name], name in required) for name in ordered]
    keywords += [_keyword(one["name"], one["schema"], one["required"]) for one in in_query]
    if keyed:
        keywords.append("idempotency_key: str | None = None")
    if keywords:
        arguments += ["*", *keywords]
    answer = next(v for k, v in sorted(operation["responses"].items()) if k.startswith("2"))
    content = answer.get("content", {}).get("application/json")
    returned = type_of(content["schema"]) if content else "None"
    prefix, wait = ("async ", "await ") if is_async else ("", "")
    target = path
    for name in in_path:
        target = target.replace(f"{{{name}}}", f"{{quote({safe(name)}, safe='')}}")
    yield f"    {prefix}def {operation['operationId']}(self, {', '.join(arguments)}) -> {returned}:"
    yield f'        """{operation["summary"]}."""'
    names = [one["name"] for one in in_query]
    query = "{" + ", ".join(f"{name!r}: {safe(name)}" for name in names) + "}" if names else "None"
    sent = "{" + ", ".join(f"{name!r}: {safe(name)}" for name in fields) + "}" if fields else "None"
    key = "idempotency_key" if keyed else "None"
    text = f'f"{target}"' if in_path else repr(target)
    call = f"Call({method.upper()!r}, {text}, {query}, {sent}, {key}, sends={keyed})"
    if returned == "None":
        yield f"        {wait}self._call({call})"
    else:
        yield f"        return cast({returned!r}, {wait}self._call({call}))"
    yield ""


def _field(name: str, schema: Schema, required: bool) -> str:
    """An argument of a body: null is not the same as not given."""
    kind = type_of(schema)
    if required:
        return f"{safe(name)}: {kind}"
    kinds = kind.split(" | ")
    ordered = sorted([*kinds, "Unset"], key=lambda one: one == "None")
    return f"{safe(name)}: {' | '.join(ordered)} = UNSET"


def _keyword(name: str, schema: Schema, required: bool) -> str:
    kind = type_of(schema)
    if required:
        return f"{safe(name)}: {kind}"
    if "None" not in kind.split(" | "):
        kind += " | None"
    return f"{safe(name)}: {kind} = None"


def render() -> str:
    """The whole module, formatted."""
    described = document()
    components = described["components"]["schemas"]
    lines = [HEAD, *types(components)]
    for name, base, is_async in (
        ("Client", "SyncTransport", False),
        ("AsyncClient", "AsyncTransport", True),
    ):
        lines += ["", "", f"class {name}({base}):"]
        lines.append('    """The API at a URL, such as `http://127.0.0.1:8080`, with a key."""')
        lines += ["", *methods(described["paths"], components, is_async=is_async)]
    ruff = Path(sys.executable).parent / "ruff"
    command = [str(ruff), "format", "--stdin-filename", str(TARGET), "-"]
    formatted = subprocess.run(
        command, input="\n".join(lines), stdout=subprocess.PIPE, text=True, check=True
    )
    return formatted.stdout


def main() -> None:
    text = render()
    if "--check" not in sys.argv:
        TARGET.write_text(text)
    elif TARGET.read_text() != text:
        sys.exit("clients/python is out of date: run python clients/python/generate.py")


if __name__ == "__main__":
    main()
