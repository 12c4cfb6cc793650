"""MM7's envelopes: read whatever edition they are of, written in the carrier's own.

Elements are found by their local names, as MMSCs mix the namespaces of editions. A document with a
DOCTYPE is refused, so nothing in it can be expanded or fetched.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from lxml import etree

ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SCHEMAS: Final = "http://www.3gpp.org/ftp/Specs/archive/23_series/23.140/schema/"
MAX_VALUE: Final = 500
"""Characters of a value that is kept."""


class NotMm7(Exception):
    """A document is no MM7 envelope; the argument says why, without quoting it."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What an envelope holds: the body's element and every leaf below it, by local name."""

    name: str
    transaction_id: str
    values: dict[str, str]
    """The first value of each name."""

    def value(self, name: str) -> str:
        """A leaf's text; empty where there is none."""
        return self.values.get(name, "")


def parse_envelope(octets: bytes) -> Envelope:
    """Reads an envelope, with a SOAP fault's detail as its body; raises `NotMm7`."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True
    )
    try:
        root = etree.fromstring(octets, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise NotMm7("not well-formed XML") from None
    if root.getroottree().docinfo.doctype:
        raise NotMm7("a document with a DOCTYPE")
    if _local(root) != "Envelope":
        raise NotMm7("no SOAP envelope")
    header, body = _child(root, "Header"), _child(root, "Body")
    content = next(_elements(body), None)
    if content is not None and _local(content) == "Fault":
        detail = _child(content, "detail")
        content = next(_elements(detail), content)
    if content is None:
        raise NotMm7("an empty SOAP body")
    transaction = _child(header, "TransactionID")
    values: dict[str, str] = {}
    for element in content.iter(etree.Element):
        values.setdefault(_local(element), _text(element))
    return Envelope(name=_local(content), transaction_id=_text(transaction), values=values)


def new_envelope(schema: str, transaction_id: str, name: str) -> tuple[Any, Any]:
    """An envelope and the element of that name in its body, which is to be filled."""
    namespace = SCHEMAS + schema
    root = etree.Element(f"{{{ENVELOPE}}}Envelope", nsmap={"env": ENVELOPE})
    header = etree.SubElement(root, f"{{{ENVELOPE}}}Header")
    transaction = etree.SubElement(
        header, f"{{{namespace}}}TransactionID", nsmap={"mm7": namespace}
    )
    transaction.set(f"{{{ENVELOPE}}}mustUnderstand", "1")
    transaction.text = transaction_id
    body = etree.SubElement(root, f"{{{ENVELOPE}}}Body")
    content = etree.SubElement(body, f"{{{namespace}}}{name}", nsmap={None: namespace})
    return root, content


def add(parent: Any, name: str, text: str | None = None) -> Any:
    """Appends an element of the parent's namespace."""
    element = etree.SubElement(parent, f"{{{etree.QName(parent).namespace}}}{name}")
    element.text = text
    return element


def render_envelope(root: Any) -> bytes:
    octets: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return octets


def _elements(parent: Any) -> Iterator[Any]:
    return iter(()) if parent is None else parent.iterchildren(etree.Element)


def _child(parent: Any, name: str) -> Any:
    return next((child for child in _elements(parent) if _local(child) == name), None)


def _local(element: Any) -> str:
    name: str = etree.QName(element).localname
    return name


def _text(element: Any) -> str:
    text = "" if element is None else element.text or ""
    return text.strip()[:MAX_VALUE]
