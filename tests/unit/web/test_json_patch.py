"""JSON Patch: the examples of RFC 6902 and RFC 6901, and what is refused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman.web.json_patch import (
    MAX_OPERATIONS,
    PatchOperation,
    PatchRefused,
    apply_patch,
    parse_pointer,
)


def patch(document: str, operations: str) -> Any:
    steps = msgspec.json.decode(operations, type=list[PatchOperation])
    return apply_patch(msgspec.json.decode(document), steps)


EXAMPLES = [  # RFC 6902, appendix A
    (
        "A.1",
        '{"foo":"bar"}',
        '[{"op":"add","path":"/baz","value":"qux"}]',
        '{"foo":"bar","baz":"qux"}',
    ),
    (
        "A.2",
        '{"foo":["bar","baz"]}',
        '[{"op":"add","path":"/foo/1","value":"qux"}]',
        '{"foo":["bar","qux","baz"]}',
    ),
    ("A.3", '{"baz":"qux","foo":"bar"}', '[{"op":"remove","path":"/baz"}]', '{"foo":"bar"}'),
    (
        "A.4",
        '{"foo":["bar","qux","baz"]}',
        '[{"op":"remove","path":"/foo/1"}]',
        '{"foo":["bar","baz"]}',
    ),
    (
        "A.5",
        '{"baz":"qux","foo":"bar"}',
        '[{"op":"replace","path":"/baz","value":"boo"}]',
        '{"baz":"boo","foo":"bar"}',
    ),
    (
        "A.6",
        '{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}',
        '[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]',
        '{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}',
    ),
    (
        "A.7",
        '{"foo":["all","grass","cows","eat"]}',
        '[{"op":"move","from":"/foo/1","path":"/foo/3"}]',
        '{"foo":["all","cows","eat","grass"]}',
    ),
    (
        "A.8",
        '{"baz":"qux","foo":["a",2,"c"]}',
        '[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}]',
        '{"baz":"qux","foo":["a",2,"c"]}',
    ),
    (
        "A.10",
        '{"foo":"bar"}',
        '[{"op":"add","path":"/child","value":{"grandchild":{}}}]',
        '{"foo":"bar","child":{"grandchild":{}}}',
    ),
    (
        "A.11",
        '{"foo":"bar"}',
        '[{"op":"add","path":"/baz","value":"qux","xyz":123}]',
        '{"foo":"bar","baz":"qux"}',
    ),
    ("A.14", '{"/":9,"~1":10}', '[{"op":"test","path":"/~01","value":10}]', '{"/":9,"~1":10}'),
    (
        "A.16",
        '{"foo":["bar"]}',
        '[{"op":"add","path":"/foo/-","value":["abc","def"]}]',
        '{"foo":["bar",["abc","def"]]}',
    ),
    ("whole", '{"foo":1}', '[{"op":"replace","path":"","value":[1]}]', "[1]"),
    ("null", '{"foo":1}', '[{"op":"replace","path":"/foo","value":null}]', '{"foo":null}'),
    (
        "copy",
        '{"a":{"b":[1]}}',
        '[{"op":"copy","from":"/a/b","path":"/c"},{"op":"add","path":"/c/-","value":2}]',
        '{"a":{"b":[1]},"c":[1,2]}',
    ),
    (
        "in place",
        '{"a":[[1],[2]]}',
        '[{"op":"replace","path":"/a/1/0","value":3}]',
        '{"a":[[1],[3]]}',
    ),
    ("deep remove", '{"a":[{"b":1},2]}', '[{"op":"remove","path":"/a/0/b"}]', '{"a":[{},2]}'),
    ("move to itself", '{"a":1}', '[{"op":"move","from":"/a","path":"/a"}]', '{"a":1}'),
    ("number", '{"a":1}', '[{"op":"test","path":"/a","value":1.0}]', '{"a":1}'),
]


@pytest.mark.parametrize(
    ("document", "operations", "expected"),
    [example[1:] for example in EXAMPLES],
    ids=[example[0] for example in EXAMPLES],
)
def test_document_is_patched_as_the_standard_says(
    document: str, operations: str, expected: str
) -> None:
    before = msgspec.json.decode(document)
    assert patch(document, operations) == msgspec.json.decode(expected)
    steps = msgspec.json.decode(operations, type=list[PatchOperation])
    kept = msgspec.json.decode(document)
    apply_patch(kept, steps)
    assert kept == before


REFUSED = [
    ("A.9", '{"baz":"qux"}', '[{"op":"test","path":"/baz","value":"bar"}]', "the test failed"),
    (
        "A.12",
        '{"foo":"bar"}',
        '[{"op":"add","path":"/baz/bat","value":"qux"}]',
        "nothing at the path",
    ),
    ("A.15", '{"/":9,"~1":10}', '[{"op":"test","path":"/~01","value":"10"}]', "the test failed"),
    ("true is not 1", '{"a":true}', '[{"op":"test","path":"/a","value":1}]', "the test failed"),
    ("unknown op", "{}", '[{"op":"spread","path":"/a"}]', "operation 1: no such op"),
    ("no value", "{}", '[{"op":"add","path":"/a"}]', "no value"),
    ("no from", "{}", '[{"op":"copy","path":"/a"}]', "no from"),
    ("no slash", "{}", '[{"op":"add","path":"a","value":1}]', "not a JSON Pointer"),
    ("bad escape", "{}", '[{"op":"add","path":"/~2","value":1}]', "not a JSON Pointer"),
    ("replace nothing", "{}", '[{"op":"replace","path":"/a","value":1}]', "nothing at the path"),
    ("remove nothing", "{}", '[{"op":"remove","path":"/a"}]', "nothing at the path"),
    ("remove all", "{}", '[{"op":"remove","path":""}]', "whole document"),
    ("into itself", '{"a":{}}', '[{"op":"move","from":"/a","path":"/a/b"}]', "into itself"),
    ("leading zero", '{"a":[1,2]}', '[{"op":"remove","path":"/a/01"}]', "no such place"),
    ("past the end", '{"a":[1]}', '[{"op":"add","path":"/a/2","value":1}]', "no such place"),
    ("minus", '{"a":[1]}', '[{"op":"remove","path":"/a/-"}]', "no such place"),
    (
        "second of two",
        "{}",
        '[{"op":"add","path":"/a","value":1},{"op":"remove","path":"/b"}]',
        "operation 2",
    ),
    ("text", '{"a":"xy"}', '[{"op":"remove","path":"/a/0"}]', "nothing at the path"),
    ("too deep", "{}", '[{"op":"add","path":"' + "/a" * 33 + '","value":1}]', "too long"),
]


@pytest.mark.parametrize(
    ("document", "operations", "reason"),
    [example[1:] for example in REFUSED],
    ids=[example[0] for example in REFUSED],
)
def test_patch_is_refused_when_it_does_not_fit(document: str, operations: str, reason: str) -> None:
    with pytest.raises(PatchRefused, match=reason):
        patch(document, operations)


def test_copying_again_and_again_costs_no_more_than_its_operations() -> None:
    double = [
        PatchOperation(op="copy", from_="/a", path="/b"),
        PatchOperation(op="add", path="/a", value=[]),
        PatchOperation(op="copy", from_="/b", path="/a/0"),
        PatchOperation(op="copy", from_="/b", path="/a/1"),
    ]
    apply_patch({"a": ["x" * 1_000] * 2}, double * (MAX_OPERATIONS // 4))
    with pytest.raises(PatchRefused, match="at most"):
        apply_patch({"a": [1]}, double * (MAX_OPERATIONS // 4 + 1))


def test_pointer_is_read_as_the_standard_says() -> None:
    assert parse_pointer("") == ()
    assert parse_pointer("/") == ("",)
    assert parse_pointer("/a~1b/m~0n/~01/") == ("a/b", "m~n", "~1", "")
