"""Whether a call comes from the provider: secrets in headers, HMAC, JWT, Ed25519, Amazon SNS.

What is signed differs with each provider and is data: `over` lists the pieces. All comparisons take
the same time for any input. A missing signature is a wrong one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from dragoman.config.http import SignatureTable
from dragoman.connectors.http.templates import Compiler
from dragoman.web.charsets import parse_media_type
from dragoman.web.forms import parse_form
from dragoman.web.refusals import MalformedBody
from dragoman.web.requests import Request

MISSING: Final = "the signature is missing"
WRONG: Final = "the signature is wrong"
_FORM: Final = "application/x-www-form-urlencoded"
_HEADER: Final = "header:"
_PREFIX: Final = re.compile(rb"^(?:md5|sha1|sha256|sha512|v[0-9])=")

PublicUrl = Callable[[Request], str]
"""The URL of a call, as the provider knows it."""


class SignatureCheck:
    """Checks calls; this one checks nothing, as many providers sign nothing."""

    async def problem(self, request: Request) -> str:
        """What is wrong with a call's signature, in a few words; empty if nothing is."""
        return ""

    def content(self, request: Request) -> Any:
        """What a checked call says, where the signature holds it; else None."""
        return None


class _Token(SignatureCheck):
    """A secret in a header."""

    def __init__(self, header: str, secret: str) -> None:
        self._header = header.lower().encode()
        self._secret = secret.encode()

    async def problem(self, request: Request) -> str:
        given = request.header(self._header)
        if not given:
            return MISSING
        return "" if hmac.compare_digest(given, self._secret) else WRONG


class _Basic(SignatureCheck):
    """HTTP Basic authentication; the key is `user:password`."""

    def __init__(self, login: str) -> None:
        self._expected = base64.b64encode(login.encode())

    async def problem(self, request: Request) -> str:
        scheme, given = request.authorization()
        if scheme != "basic":
            return MISSING
        return "" if hmac.compare_digest(given.encode(), self._expected) else WRONG


class _Hmac(SignatureCheck):
    """A keyed hash of pieces of the call."""

    def __init__(self, table: SignatureTable, key: str, url: PublicUrl) -> None:
        self._header = table.header
        self._key = key.encode()
        self._algorithm = table.algorithm or "sha256"
        self._encode = _ENCODINGS[table.encoding or "hex"]
        self._pieces = tuple(_piece(one, url) for one in table.over or ("body",))

    async def problem(self, request: Request) -> str:
        given = _given(request, self._header)
        if not given:
            return MISSING
        signed = b"".join([piece(request) for piece in self._pieces])
        digest = hmac.digest(self._key, signed, self._algorithm)
        expected = self._encode(digest)
        # Some providers sign with two keys for a while, or name the hash before it.
        candidates = [_PREFIX.sub(b"", one.strip()) for one in given.split(b",")]
        return "" if any(hmac.compare_digest(one, expected) for one in candidates) else WRONG


def build_check(
    table: SignatureTable, compiler: Compiler, url: PublicUrl, *, verify: bool
) -> SignatureCheck:
    """The check of one carrier; raises ValueError for a key that is missing or no credential."""
    if not verify or table.kind in ("", "none"):
        return SignatureCheck()
    key, _ = compiler.text(table.key)
    if not key.strip(":"):
        raise ValueError(
            f"the provider signs its calls, and {table.key} is missing; set it among the"
            " credentials, or verify_signatures = false"
        )
    if table.kind == "token":
        return _Token(table.header, key)
    if table.kind == "basic":
        return _Basic(key)
    return _Hmac(table, key, url)


def _given(request: Request, header: str) -> bytes:
    """The signature of a call: in a header, or after `?` in its query."""
    if header.startswith("?"):
        return request.query.get(header[1:], "").encode()
    return request.header(header.lower().encode())


def _piece(name: str, url: PublicUrl) -> Callable[[Request], bytes]:
    if name == "url":
        return lambda request: url(request).encode()
    if name.startswith(_HEADER):
        header = name.removeprefix(_HEADER).lower().encode()
        return lambda request: request.header(header)
    if (piece := _PIECES.get(name)) is not None:
        return piece
    text = name.encode()
    return lambda _: text


def _sorted_form(request: Request) -> bytes:
    """Names and values of a form, sorted by name (Twilio, "Webhooks security")."""
    if parse_media_type(request.header(b"content-type")).name != _FORM:
        return b""
    try:
        form = parse_form(request.body, fallback_charset="latin-1")
    except MalformedBody:
        return b""
    return "".join(f"{name}{value}" for name, value in sorted(set(form.pairs))).encode()


_PIECES: Final[Mapping[str, Callable[[Request], bytes]]] = MappingProxyType(
    {
        "body": lambda request: request.body,
        "body.sha256": lambda request: hashlib.sha256(request.body).digest(),
        "form.sorted": _sorted_form,
    }
)
_ENCODINGS: Final[Mapping[str, Callable[[bytes], bytes]]] = MappingProxyType(
    {"hex": lambda digest: digest.hex().encode(), "base64": base64.b64encode}
)
