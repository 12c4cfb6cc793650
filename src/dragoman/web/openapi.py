"""The OpenAPI 3.1 document of a dialect, made from its operation table and its own types."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from dragoman.web.operations import (
    AnswerFormat,
    Dialect,
    Operation,
    Placeholder,
    parse_template,
)
from dragoman.web.refusals import STATUS
from dragoman.web.requests import BodyFormat, name_of_call, scope_of_call

Schema = dict[str, Any]

REF_TEMPLATE: Final = "#/components/schemas/{name}"
MEDIA_TYPES: Final[dict[BodyFormat | AnswerFormat, str]] = {
    "json": "application/json",
    "jsonl": "application/jsonl",
    "xml": "text/xml",
    "form": "application/x-www-form-urlencoded",
    "multipart": "multipart/form-data",
    "text": "text/plain",
    "html": "text/html",
}
PROBLEM: Final = "application/problem+json"
REASONS: Final = {
    200: "Done",
    201: "Created",
    202: "Accepted",
    204: "Done, nothing to say",
    400: "The request is wrong",
    401: "Not authenticated",
    402: "Not enough credits",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "The body took too long",
    409: "Not as things stand",
    413: "Too large",
    415: "The body has another type",
    500: "Internal error",
    503: "Nothing can be stored now",
}


def render_openapi(dialect: Dialect, *, version: str) -> Schema:
    """Renders the OpenAPI 3.1 document of a dialect as plain values."""
    shapes = _shapes(dialect)
    schemas, components = msgspec.json.schema_components(shapes, ref_template=REF_TEMPLATE)
    refs: dict[type[msgspec.Struct], Schema] = dict(zip(shapes, schemas, strict=True))
    for component in components.values():
        _hint_xml(component)
    paths: dict[str, Schema] = {}
    for operation in dialect.operations:
        item = paths.setdefault(_plain_template(operation.path), {})
        for method in operation.methods:
            item[method.lower()] = _operation(dialect, operation, method, refs)
    document: Schema = {
        "openapi": "3.1.0",
        "info": {"title": dialect.title, "version": version, "description": dialect.description},
        "paths": paths,
        "components": {"schemas": components},
    }
    if dialect.bearer:
        document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"key": []}]
    return document


def _shapes(dialect: Dialect) -> list[type[msgspec.Struct]]:
    found: dict[type[msgspec.Struct], None] = {}
    for operation in dialect.operations:
        if operation.body is not None:
            found[operation.body] = None
        found.update((shape, None) for shape in operation.answers.values() if shape is not None)
        more = (shape for shapes in operation.variants.values() for shape in shapes)
        found.update((shape, None) for shape in more if issubclass(shape, msgspec.Struct))
    return list(found)


def _operation(
    dialect: Dialect, operation: Operation, method: str, refs: dict[type[msgspec.Struct], Schema]
) -> Schema:
    described: Schema = {
        "operationId": operation.name or _operation_id(dialect, operation, method),
        "x-scope": scope_of_call(dialect.name, method.lower(), operation.path, operation.name),
        "summary": operation.summary,
        "tags": list(operation.tags),
        "parameters": [
            *_path_parameters(operation),
            *_query_parameters(operation),
            *_header_parameters(operation),
        ],
        "responses": {
            str(status): _answer(dialect, operation, status, refs)
            for status in sorted({*operation.answers, *operation.variants})
        }
        or {"default": {"description": "See the manual"}},
    }
    if operation.description:
        described["description"] = operation.description
    if operation.source:
        described["x-source"] = operation.source
    if operation.body is not None and method not in ("GET", "HEAD"):
        described["requestBody"] = {
            "required": True,
            "content": {
                MEDIA_TYPES[name]: {"schema": _body_schema(refs[operation.body], operation, name)}
                for name in operation.body_formats
            },
        }
    return described


def _operation_id(dialect: Dialect, operation: Operation, method: str) -> str:
    return name_of_call(dialect.name, method.lower(), operation.path)


def _placeholders(operation: Operation) -> Iterator[Placeholder]:
    for segment in parse_template(operation.path):
        yield from (part for part in segment if isinstance(part, Placeholder))


def _plain_template(path: str) -> str:
    segments = parse_template(path)
    return "".join(
        "/"
        + "".join(f"{{{part.name}}}" if isinstance(part, Placeholder) else part for part in segment)
        for segment in segments
    )


def _path_parameters(operation: Operation) -> Iterator[Schema]:
    for placeholder in _placeholders(operation):
        schema: Schema = {"type": "integer" if placeholder.digits else "string"}
        if placeholder.choices:
            schema["enum"] = list(placeholder.choices)
        yield {"name": placeholder.name, "in": "path", "required": True, "schema": schema}


def _query_parameters(operation: Operation) -> Iterator[Schema]:
    if operation.query is None:
        return
    for name, schema, required in struct_properties(operation.query):
        parameter: Schema = {"name": name, "in": "query", "required": required}
        if description := schema.pop("description", ""):
            parameter["description"] = description
        yield {**parameter, "schema": schema}


def _header_parameters(operation: Operation) -> Iterator[Schema]:
    for name, description in operation.headers.items():
        schema: Schema = {"type": "string"}
        yield {"name": name, "in": "header", "description": description, "schema": schema}


def struct_properties(shape: type[msgspec.Struct]) -> Iterator[tuple[str, Schema, bool]]:
    """Lists a flat struct's fields: encoded name, JSON schema, required."""
    _, components = msgspec.json.schema_components([shape], ref_template=REF_TEMPLATE)
    component = components[shape.__name__]
    required = component.get("required", ())
    for name, schema in component["properties"].items():
        yield name, dict(schema), name in required


def _body_schema(ref: Schema, operation: Operation, name: BodyFormat) -> Schema:
    if not operation.wrapper:
        return ref
    if name == "json":
        return {
            "type": "object",
            "properties": {operation.wrapper: ref},
            "required": [operation.wrapper],
        }
    return {**ref, "xml": {"name": operation.wrapper}} if name == "xml" else ref


def _answer(
    dialect: Dialect,
    operation: Operation,
    status: int,
    refs: dict[type[msgspec.Struct], Schema],
) -> Schema:
    shape, formats = operation.answers.get(status), operation.answer_formats
    answer: Schema = {"description": REASONS.get(status, f"Status {status}")}
    schemas = [] if shape is None else [refs[shape]]
    for more in operation.variants.get(status, ()):
        schemas.append(refs[more] if issubclass(more, msgspec.Struct) else {"type": "integer"})
    if schemas and formats == ("text",) and status >= 400:
        formats = ("json",)  # a refusal has fields even where the answer is bare text
    if shape is not None and shape is dialect.problem:
        answer["content"] = {PROBLEM: {"schema": refs[shape]}}
    elif schemas:
        whole = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
        answer["content"] = {
            MEDIA_TYPES[name]: {"schema": _answer_schema(whole, dialect, name)} for name in formats
        }
    elif formats == ("html",) or ("text" in formats and status not in STATUS.values()):
        name: AnswerFormat = "text" if "text" in formats else "html"
        answer["content"] = {MEDIA_TYPES[name]: {"schema": {"type": "string"}}}
    return answer


def _answer_schema(ref: Schema, dialect: Dialect, name: AnswerFormat) -> Schema:
    if name == "text":
        return {"type": "string"}
    return {**ref, "xml": {"name": dialect.answer_root}} if name == "xml" else ref


def _hint_xml(component: Schema) -> None:
    """Marks every list: its elements repeat under the list's own name, without a wrapper."""
    for name, schema in component.get("properties", {}).items():
        variants: Sequence[Schema] = schema.get("anyOf", [schema])
        for variant in variants:
            if variant.get("type") == "array":
                schema["xml"] = {"name": name, "wrapped": False}
