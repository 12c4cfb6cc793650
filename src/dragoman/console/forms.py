"""Forms: whether one was sent by a page of ours, what is wrong in it, and whether it is stale."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from dragoman.console.translation import gettext, lazy
from dragoman.core.model.errors import Refused
from dragoman.web.requests import Request

TOKEN_FIELD: Final = "form_token"  # noqa: S105 - a field's name
VERSION_FIELD: Final = "version"
_SAME: Final = frozenset({b"same-origin", b"none"})


EDITED_SINCE: Final = lazy(
    "Someone else changed this after you opened the page, so your changes were not saved. The"
    " current values are shown next to yours; save again to overwrite them."
)


class Forged(Exception):
    """A form that no page of ours sent, or one for another session."""


class EditConflict(Exception):
    """What a form was filled in from is not what is stored now."""


def token_for(secret: str) -> str:
    """What a form must hold to be heeded in a session (or before one, by the form cookie)."""
    return hashlib.sha256(f"dragoman console form\0{secret}".encode()).hexdigest()[:40]


def is_same_origin(request: Request) -> bool:
    """Whether the browser says that a page of this site sent the request."""
    site = request.header(b"sec-fetch-site")
    if site:
        return site in _SAME
    origin = request.header(b"origin").decode("latin-1")
    if not origin:
        return True  # neither: an old browser; the token decides
    return urlsplit(origin).netloc.encode() == request.header(b"host")


def check_token(form: Mapping[str, str], secret: str) -> None:
    """Raises `Forged` unless a form holds the token that goes with a secret."""
    given = form.get(TOKEN_FIELD, "")
    if not secret or not hmac.compare_digest(given.encode(), token_for(secret).encode()):
        raise Forged


def version_of(*values: Any) -> str:
    """A mark of what is stored, which a form carries so that two editors cannot overwrite."""
    return hashlib.sha256(msgspec.json.encode(values, order="deterministic")).hexdigest()[:24]


def is_current(form: Mapping[str, str], *values: Any) -> bool:
    """Whether what a form was filled in from is what is stored now."""
    return form.get(VERSION_FIELD) == version_of(*values)


def check_version(form: Mapping[str, str], *values: Any) -> None:
    """Raises `EditConflict` where what a form was filled in from has changed."""
    if not is_current(form, *values):
        raise EditConflict


class Problems(dict[str, str]):
    """What is wrong with a form: a sentence by field; "" is the form as a whole."""

    def add(self, refused: Refused, fields: Iterable[str], sentence: str) -> None:
        """Puts a refusal to the field it is about, or to the form."""
        self[refused.subject if refused.subject in set(fields) else ""] = sentence

    def add_conflicts(self, stored: Mapping[str, str], typed: Mapping[str, str]) -> None:
        """Reports an edit conflict, with the stored value at each field that differs."""
        self[""] = EDITED_SINCE
        for field, value in stored.items():
            if typed[field] != value:
                self[field] = gettext("Current value: {value}").format(
                    value=value or gettext("empty")
                )
