"""XML as a plain tree of dicts, lists and strings, and back, without external access.

Any DOCTYPE is refused, so there are no entities to expand and nothing to fetch. Attributes,
comments and processing instructions have no meaning in the APIs served and are dropped.
"""

import re
from collections.abc import Container, Mapping, Sequence
from functools import cache, lru_cache
from typing import Final

import msgspec
from lxml import etree

from dragoman.web.charsets import codec_of, decode_text
from dragoman.web.refusals import MalformedBody, RefusalKind

Tree = str | dict[str, "Tree"] | list["Tree"]

DECLARATION: Final = b'<?xml version="1.0"?>\n'
MAX_DEPTH: Final = 32
INDENT: Final = "  "
NESTED_ITEM: Final = "item"

_BOMS: Final = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_DECLARED: Final = re.compile(
    rb"\A\s*<\?xml[^>]{0,200}?\bencoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']"
)
_XML_DECLARATION: Final = re.compile(r"\A\s*(?:<\?xml\s[^>]*\?>)?")
# The prolog: white space, comments and processing instructions (XML 1.0 s. 2.8).
_DOCTYPE_IN_PROLOG: Final = re.compile(
    r"\A(?:\s+|<!--.*?-->|<\?.*?\?>)*+<!DOCTYPE", re.DOTALL | re.IGNORECASE
)
_ILLEGAL: Final = "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
# NameStartChar and NameChar (XML 1.0 s. 2.3), without the colon of namespaces.
_NAME_START: Final = (
    "A-Z_a-z\xc0-\xd6\xd8-\xf6\xf8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d\u2070-\u218f"
    "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_NAME_REST: Final = _NAME_START + "\\-.0-9\xb7\u0300-\u036f\u203f\u2040"
_NAME: Final = f"[{_NAME_START}][{_NAME_REST}]*"
_NOT_NAME_CHARACTER: Final = f"[^{_NAME_REST}]"
# What nearly every name and text is.
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_PLAIN: Final = re.compile(r"[\x20-%'-;=?-~]*")
_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})


def parse_xml(
    data: bytes, *, charset: str = "", lists: Container[str] = (), max_depth: int = MAX_DEPTH
) -> tuple[str, Tree]:
    """Reads a document into its root's name and value; raises `MalformedBody`.

    A leaf is its text, `""` where empty; an element that occurs again beside itself becomes a
    list; elements named in `lists` are a list even where they occur once, and an empty one where
    they occur once and are empty. Namespaces are dropped.
    """
    root = _parse_root(data, charset)
    return _local_name(root), _value(root, lists, max_depth)


class Element(msgspec.Struct, frozen=True, kw_only=True):
    """An element with what a tree of values leaves out: its attributes, and the order within."""

    name: str
    attributes: Mapping[str, str]
    text: str
    """All text directly in it, in front of its children, between and behind them."""
    children: "tuple[Element, ...]"


def parse_element(data: bytes, *, charset: str = "", max_depth: int = MAX_DEPTH) -> Element:
    """Reads a document into its root, for formats in which order counts; raises `MalformedBody`."""
    return _element(_parse_root(data, charset), max_depth)


def _element(node: etree._Element, max_depth: int) -> Element:
    if max_depth == 0:
        raise MalformedBody("the XML is nested too deep", kind=RefusalKind.TOO_DEEP)
    return Element(
        name=_local_name(node),
        attributes={str(name): str(value) for name, value in node.attrib.items()},
        text="".join([node.text or "", *(child.tail or "" for child in node)]),
        children=tuple(_element(child, max_depth - 1) for child in node),
    )


def _parse_root(data: bytes, charset: str) -> etree._Element:
    text = _decode(data, charset)
    text = text[_end_of_declaration(text) :]
    if _DOCTYPE_IN_PROLOG.match(text):
        raise MalformedBody("a DOCTYPE is not accepted")
    try:
        root = etree.fromstring(text.encode(), _new_parser())
    except etree.XMLSyntaxError as error:
        too_deep = error.code == etree.ErrorTypes.ERR_RESOURCE_LIMIT or "depth" in (error.msg or "")
        raise MalformedBody(
            "the XML is nested too deep" if too_deep else _syntax_reason(error),
            kind=RefusalKind.TOO_DEEP if too_deep else RefusalKind.MALFORMED,
        ) from None
    except (UnicodeEncodeError, ValueError):
        raise MalformedBody("the XML holds characters that XML does not allow") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise MalformedBody("a DOCTYPE is not accepted")
    return root


def render_xml(root: str, value: object) -> bytes:
    """Writes a tree as a document: UTF-8, two spaces a level, lists as repeated elements.

    Empty lists, dicts and strings, and None, become `<name/>`; booleans `true` and `false`; the
    characters XML 1.0 cannot hold are dropped. A list directly in a list has `<item>` elements.
    """
    lines: list[str] = []
    _write(lines, "", element_name(root), value)
    return DECLARATION + "".join(lines).encode("utf-8", "surrogatepass")


@lru_cache(maxsize=4096)
def element_name(name: str) -> str:
    """Returns a key as an element name: what may not stand in one becomes `_`."""
    if _PLAIN_NAME.fullmatch(name) or _compiled(_NAME).fullmatch(name):
        return name
    name = _compiled(_NOT_NAME_CHARACTER).sub("_", name)
    return name if _compiled(_NAME).fullmatch(name) else f"_{name}"


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compiles a pattern over all of Unicode when it is first needed: that takes milliseconds."""
    return re.compile(pattern)


def _decode(data: bytes, charset: str) -> str:
    for bom, codec in _BOMS:
        if data.startswith(bom):
            return decode_text(data[len(bom) :], codec)
    if not charset and (declared := _DECLARED.match(data)):
        charset = declared[1].decode().lower()
    return decode_text(data, codec_of(charset))


def _end_of_declaration(text: str) -> int:
    match = _XML_DECLARATION.match(text)
    return match.end() if match else 0


def _new_parser() -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def _syntax_reason(error: etree.XMLSyntaxError) -> str:
    line, column = error.position
    return f"the XML is malformed at line {line}, column {column}"


def _local_name(element: etree._Element) -> str:
    name = str(element.tag)
    return name[name.rfind("}") + 1 :]


def _value(element: etree._Element, lists: Container[str], depth_left: int) -> Tree:
    if not len(element):
        return element.text or ""
    if depth_left <= 1:
        raise MalformedBody("the XML is nested too deep", kind=RefusalKind.TOO_DEEP)
    children: dict[str, Tree] = {}
    repeated: dict[str, list[Tree]] = {}
    for child in element:
        name = _local_name(child)
        value = _value(child, lists, depth_left - 1)
        if name in repeated:
            repeated[name].append(value)
        elif name in children:
            children[name] = repeated[name] = [children[name], value]
        elif name in lists:
            children[name] = repeated[name] = [value] if value != "" else []
        else:
            children[name] = value
    return children


def _write(lines: list[str], indent: str, name: str, value: object) -> None:
    if isinstance(value, str | int) or value is None:
        text = _text(value)
        lines.append(f"{indent}<{name}>{text}</{name}>\n" if text else f"{indent}<{name}/>\n")
    elif isinstance(value, Mapping):
        if not value:
            lines.append(f"{indent}<{name}/>\n")
            return
        lines.append(f"{indent}<{name}>\n")
        for key, inner in value.items():
            _write(lines, indent + INDENT, element_name(str(key)), inner)
        lines.append(f"{indent}</{name}>\n")
    elif isinstance(value, Sequence):
        if not value:
            lines.append(f"{indent}<{name}/>\n")
        for item in value:
            inner_list = isinstance(item, Sequence) and not isinstance(item, str)
            _write(lines, indent, name, {NESTED_ITEM: item} if inner_list and item else item)
    else:
        _write(lines, indent, name, str(value))


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if _PLAIN.fullmatch(text):
        return text
    return _compiled(_ILLEGAL).sub("", text).translate(_ESCAPES)
