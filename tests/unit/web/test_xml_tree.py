"""XML in and out: plain trees, hostile documents, and the LINK manual's own layout."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.web.refusals import MalformedBody, RefusalKind
from dragoman.web.xml_tree import parse_xml, render_xml

LAUGHS = b"""<?xml version="1.0"?><!-- ha --><!DOCTYPE lolz [<!ENTITY a "ha">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<message>&c;</message>"""


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"<a/>", ("a", "")),
        (b"<a></a>", ("a", "")),
        (b"<a>x</a>", ("a", "x")),
        (b"<a> x &amp; &#x41; </a>", ("a", " x & A ")),
        (b"<a><![CDATA[<!DOCTYPE b>]]></a>", ("a", "<!DOCTYPE b>")),
        (b"<a>1<!-- no -->2<?php no ?>3</a>", ("a", "123")),
        (b"<a>\n <b>1</b>\n <c/>\n</a>", ("a", {"b": "1", "c": ""})),
        (b"<a><b>1</b><c/><b>2</b><b/></a>", ("a", {"b": ["1", "2", ""], "c": ""})),
        (b"<a><l>1</l></a>", ("a", {"l": ["1"]})),
        (b"<a><l/></a>", ("a", {"l": []})),
        (b'<x:a xmlns:x="u" k="v"><x:b>1</x:b></x:a>', ("a", {"b": "1"})),
        ("<a>blå €</a>".encode(), ("a", "blå €")),
        (b"\xef\xbb\xbf<a>bl\xc3\xa5</a>", ("a", "blå")),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<a>bl\xe5</a>', ("a", "blå")),
        ('\ufeff<?xml version="1.0" encoding="utf-16"?><a>å</a>'.encode("utf-16-le"), ("a", "å")),
        (b"\n <a>1</a>\n", ("a", "1")),
    ],
)
def test_xml_reads_as_a_tree(data: bytes, expected: object) -> None:
    assert parse_xml(data, lists={"l"}) == expected


def test_declared_charset_of_the_request_wins() -> None:
    document = b'<?xml version="1.0" encoding="utf-8"?><a>\xe5</a>'
    assert parse_xml(document, charset="iso-8859-1") == ("a", "å")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", RefusalKind.MALFORMED),
        (b"{}", RefusalKind.MALFORMED),
        (b"<a>", RefusalKind.MALFORMED),
        (b"<a></b>", RefusalKind.MALFORMED),
        (b"<a/><b/>", RefusalKind.MALFORMED),
        (b"<a>&nbsp;</a>", RefusalKind.MALFORMED),
        (b"<a>\x00</a>", RefusalKind.MALFORMED),
        (b"<a>\x0b</a>", RefusalKind.MALFORMED),
        (b"<a>&#0;</a>", RefusalKind.MALFORMED),
        (b"<a>\xff</a>", RefusalKind.BAD_CHARSET),
        (b'<?xml version="1.0" encoding="EBCDIC-INT"?><a/>', RefusalKind.BAD_CHARSET),
        (LAUGHS, RefusalKind.MALFORMED),
        (LAUGHS.decode().encode("utf-16"), RefusalKind.MALFORMED),
        (b"<!DOCTYPE a><a/>", RefusalKind.MALFORMED),
        (b'<?pi <!x ?>\n<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', RefusalKind.MALFORMED),
        (b'<!DOCTYPE a [<!ENTITY e SYSTEM "http://h/">]><a>&e;</a>', RefusalKind.MALFORMED),
        (b'<!DOCTYPE a [<!ENTITY % p "x"> %p;]><a/>', RefusalKind.MALFORMED),
        (b"<!-- " * 50_000 + b"<!DOCTYPE a>", RefusalKind.MALFORMED),
        (b"<!-- -->" * 50_000 + b"<a", RefusalKind.MALFORMED),
        (b"<a>" * 33 + b"</a>" * 33, RefusalKind.TOO_DEEP),
        (b"<a>" * 100_000, RefusalKind.TOO_DEEP),
        (b"<a>" * 100_000 + b"</a>" * 100_000, RefusalKind.TOO_DEEP),
    ],
)
def test_xml_is_refused(data: bytes, kind: RefusalKind) -> None:
    with pytest.raises(MalformedBody) as caught:
        parse_xml(data)
    assert caught.value.refusal.kind is kind


@pytest.mark.parametrize(
    "data",
    [
        LAUGHS,
        LAUGHS.decode().encode("utf-16"),
        b"<!DOCTYPE a><a/>",
        b'<!DOCTYPE a [<!ENTITY never "closed',
    ],
)
def test_doctype_is_named_as_the_reason(data: bytes) -> None:
    with pytest.raises(MalformedBody, match="DOCTYPE"):
        parse_xml(data)


def test_xml_renders_as_the_link_manual_prints_it() -> None:
    value = {
        "list": {"id": 69, "parent": "0", "name": "test42", "contacts": []},
        "status": 201,
    }
    assert render_xml("response", value) == (
        b'<?xml version="1.0"?>\n'
        b"<response>\n"
        b"  <list>\n"
        b"    <id>69</id>\n"
        b"    <parent>0</parent>\n"
        b"    <name>test42</name>\n"
        b"    <contacts/>\n"
        b"  </list>\n"
        b"  <status>201</status>\n"
        b"</response>\n"
    )


@pytest.mark.parametrize(
    ("value", "inner"),
    [
        ({"a": ["1", "2"]}, b"  <a>1</a>\n  <a>2</a>\n"),
        (
            {"a": [{"b": 1}, {"b": 2}]},
            b"  <a>\n    <b>1</b>\n  </a>\n  <a>\n    <b>2</b>\n  </a>\n",
        ),
        ({"a": [["x", "y"]]}, b"  <a>\n    <item>x</item>\n    <item>y</item>\n  </a>\n"),
        ({"a": True, "b": False, "c": None}, b"  <a>true</a>\n  <b>false</b>\n  <c/>\n"),
        ({"a": "", "b": {}}, b"  <a/>\n  <b/>\n"),
        ({"a": 'x<y>&"z"\r\n'}, b'  <a>x&lt;y&gt;&amp;"z"&#13;\n</a>\n'),
        ({"a": "1\x002\x0b3\ud8004\uffff5"}, b"  <a>12345</a>\n"),
        ({"a": "blå €\U0001f600"}, "  <a>blå €\U0001f600</a>\n".encode()),
        ({"For navn": "x", "0": "y", "a/b": "z", "å": 1}, None),
    ],
)
def test_xml_renders(value: object, inner: bytes | None) -> None:
    if inner is None:
        inner = "  <For_navn>x</For_navn>\n  <_0>y</_0>\n  <a_b>z</a_b>\n  <å>1</å>\n".encode()
    document = render_xml("r", value)
    assert document == b'<?xml version="1.0"?>\n<r>\n' + inner + b"</r>\n"


names = st.text("abcXYZ_", min_size=1, max_size=5)
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))
trees = st.recursive(
    texts.filter(bool),
    lambda inner: st.dictionaries(
        names, inner | st.lists(inner, min_size=2, max_size=3), min_size=1
    ),
    max_leaves=12,
)


@given(trees)
def test_xml_reads_back_what_was_rendered(tree: object) -> None:
    assert parse_xml(render_xml("root", tree)) == ("root", tree)


@given(st.text(), st.text())
def test_xml_of_any_text_is_well_formed(name: str, text: str) -> None:
    parse_xml(render_xml("root", {name: text}))
