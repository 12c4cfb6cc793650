"""Identifiers, numbers and names as callers write them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from dragoman.core.contacts.model.contacts import MergeField
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.numbering_plans import parse_international
from dragoman.core.model.phone_numbers import normalise
from dragoman.dialects.linkmobility.errors import WordedRefusal
from dragoman.dialects.linkmobility.reading import MAX_IDENTIFIER, read_text
from dragoman.dialects.linkmobility.schemas import Number, Text
from dragoman.dialects.wording import quoted
from dragoman.web.requests import Request
from dragoman.web.xml_tree import element_name

MOBILE: Final = "Mobile"
"""The first key of an import, and so no name for a merge field."""
INVALID_MOBILE: Final = (
    "Mobile is not valid! Remember a valid number must contain a countrycode like +4512345678"
)
KEY_PREFIX: Final = "felt"

_KEY: Final = re.compile(r"felt([0-9]{1,20})", re.ASCII)
_DIGITS: Final = re.compile(r"[0-9]{1,20}", re.ASCII)


def path_identifier(request: Request, kind: str) -> int:
    """The identifier in the path; raises `Refused` for one that nothing can have."""
    written = request.path_params["id"]
    identifier = int(written[:20])
    if identifier > MAX_IDENTIFIER or not identifier:
        raise Refused(RefusalCode.NOT_FOUND, written, kind)
    return identifier


def read_list_id(name: str, value: Number) -> int | None:
    """A list that a field names; None for 0 and for nothing. Raises `Refused`."""
    written = "" if value is None else str(value).strip()
    if not written:
        return None
    if not _DIGITS.fullmatch(written):
        raise Refused(RefusalCode.INVALID_FIELD, name, "use a number")
    if int(written) > MAX_IDENTIFIER:
        raise Refused(RefusalCode.NOT_FOUND, written, "list")
    return int(written) or None


def read_mobile(value: Text) -> str:
    """The digits of a number with its country code; raises `Refused`."""
    written = read_text(value)
    if not written:
        raise Refused(RefusalCode.MISSING_FIELD, "mobile")
    mobile = parse_international(written)
    if mobile is None:
        raise WordedRefusal(RefusalCode.INVALID_FIELD, INVALID_MOBILE)
    return mobile


def read_searched_mobile(written: str) -> str:
    """The digits of a number that is looked for, with or without `+`; raises `Refused`."""
    if not written.strip():
        return ""
    try:
        return normalise(written)  # a plus that was not escaped arrived as a space
    except Refused:
        raise WordedRefusal(RefusalCode.INVALID_FIELD, INVALID_MOBILE) from None


def read_field_name(value: Text) -> str:
    """The name of a merge field; raises `Refused` for one that means something else."""
    name = read_text(value)
    if name.lower() == MOBILE.lower() or _KEY.fullmatch(name):
        text = f"Name [{quoted(name)}] is not valid, it has a meaning of its own"
        raise WordedRefusal(RefusalCode.INVALID_FIELD, text)
    return name


def is_field_key(written: str) -> bool:
    """Whether a merge field is named by its key."""
    return _KEY.fullmatch(written) is not None


def find_field(written: str, fields: Iterable[MergeField]) -> MergeField | None:
    """The merge field with a name or a key."""
    key = _KEY.fullmatch(written)
    if key is None:
        return next((field for field in fields if field.name == written), None)
    return next((field for field in fields if field.field_id == int(key[1])), None)


def read_column(written: str, fields: Iterable[MergeField]) -> str:
    """The name of the merge field that a name or a key means, there or new; raises `Refused`."""
    written = written.strip()
    if not is_field_key(written):
        return read_field_name(written)
    field = find_field(written, fields)
    if field is None:
        raise Refused(RefusalCode.NOT_FOUND, written.removeprefix(KEY_PREFIX), "merge field")
    return field.name


def read_values(values: Any, fields: list[MergeField], *, from_xml: bool) -> dict[str, str]:
    """Values by the names of merge fields, some of which may be new; raises `Refused`.

    An empty list is no values: so PHP writes an empty map.
    """
    if not values:
        return {}
    if not isinstance(values, Mapping):
        raise Refused(RefusalCode.INVALID_FIELD, "fields", "use names with values")
    names = {element_name(field.name): field.name for field in fields} if from_xml else {}
    names |= {field.name: field.name for field in fields}
    read: dict[str, str] = {}
    for written, value in values.items():
        if isinstance(value, bool) or not isinstance(value, str | int | float | None):
            raise Refused(RefusalCode.INVALID_FIELD, written, "use a text")
        name = read_column(names.get(str(written), str(written)), fields)
        read[name] = "" if value is None else str(value)
    return read


def is_xml(request: Request) -> bool:
    """Whether the body is XML; no JSON begins like it."""
    return request.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
