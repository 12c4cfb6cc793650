"""Whether a call comes from the provider: secrets in headers, HMAC, JWT, Ed25519, Amazon SNS.

What is signed differs with each provider and is data: `over` lists the pieces. All comparisons take
the same time for any input. A missing signature is a wrong one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Container, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from dragoman.config.http import SignatureTable
from dragoman.connectors.http.calls import REF, read_call, read_form
from dragoman.connectors.http.paths import text_of
from dragoman.connectors.http.signature_check import (
    MISSING,
    REFUSED_STATUS,
    WRONG,
    SignatureCheck,
)
from dragoman.connectors.http.templates import Compiler
from dragoman.web.forms import parse_form
from dragoman.web.refusals import MalformedBody
from dragoman.web.requests import Request

OTHER_KEY: Final = "signed with a key that is not among the credentials"
_HEADER: Final = "header:"
_PREFIX: Final = re.compile(rb"^(?:md5|sha1|sha256|sha512|v[0-9])=")
_JWT_HASHES: Final = MappingProxyType({"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"})
_OTHER_HASH: Final = re.compile(rb"\balgorithm=HMAC_(SHA1|SHA256|SHA512)\b", re.IGNORECASE)
_PORT: Final = re.compile(
    r"(https?://(?:[^/?#@]*@)?(?:\[[^\]]*\]|[^/:?#\[]+))(:[0-9]+)?(?=[/?#]|$)", re.IGNORECASE
)

PublicUrl = Callable[[Request], str]
"""The URL of a call, as the provider knows it."""
Piece = Callable[[Request], bytes]
"""A part of what is signed."""


class _Token(SignatureCheck):
    """A secret in a header."""

    def __init__(self, header: str, secret: str) -> None:
        self._header = header
        self._secret = secret.encode()

    def problem(self, request: Request) -> str:
        given = _given(request, self._header)
        if not given:
            return MISSING
        return "" if hmac.compare_digest(given, self._secret) else WRONG


class _Basic(SignatureCheck):
    """HTTP Basic authentication; the key is `user:password`."""

    def __init__(self, login: str) -> None:
        self._expected = base64.b64encode(login.encode())

    def problem(self, request: Request) -> str:
        scheme, given = request.authorization()
        if scheme != "basic":
            return MISSING
        return "" if hmac.compare_digest(given.encode(), self._expected) else WRONG


class _Hmac(SignatureCheck):
    """A keyed hash of pieces of the call."""

    def __init__(self, table: SignatureTable, key: str, url: PublicUrl) -> None:
        self._header = table.header
        self._key = key.encode()
        self._other_header = table.other_header.lower().encode()
        self._other_key = table.other_key.encode()
        self._algorithm: str = table.algorithm or "sha256"
        self._encode = _ENCODINGS[table.encoding or "hex"]
        self._folds = (table.encoding or "hex") == "hex"
        urls = (url, lambda request: _other_port(url(request))) if table.either_port else (url,)
        signed = [_pieces_of(table, one) for one in urls]
        if "fields.sorted" in table.over:
            # Nobody says whether what our own URL has counts among the fields.
            signed.append(_pieces_of(table, url, unsigned=REF))
        self._signed = tuple(signed)

    def problem(self, request: Request) -> str:
        given = _given(request, self._header)
        if not given:
            return MISSING
        key, algorithm = self._key, self._algorithm
        if self._other_header and (settings := request.header(self._other_header)):
            other = _OTHER_HASH.search(settings)
            if not self._other_key or other is None:
                return OTHER_KEY
            key, algorithm = self._other_key, other[1].decode().lower()
        if self._folds:
            given = given.lower()
        # Some providers sign with two keys for a while, or name the hash before it.
        candidates = [_PREFIX.sub(b"", one.strip()) for one in given.split(b",")]
        for pieces in self._signed:
            signed = b"".join([piece(request) for piece in pieces])
            expected = self._encode(hmac.digest(key, signed, algorithm))
            if any(hmac.compare_digest(one, expected) for one in candidates):
                return ""
        return WRONG


class _Ed25519(SignatureCheck):
    """A signature with the provider's own key (RFC 8032); ours is the public one."""

    def __init__(self, table: SignatureTable, key: str, url: PublicUrl) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        self._header = table.header
        self._pieces = _pieces_of(table, url)
        try:
            self._key = Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
        except ValueError:
            raise ValueError(f"{table.key} is no public key: 32 octets in base64") from None

    def problem(self, request: Request) -> str:
        from cryptography.exceptions import InvalidSignature

        given = _given(request, self._header)
        if not given:
            return MISSING
        signed = b"".join([piece(request) for piece in self._pieces])
        try:
            self._key.verify(base64.b64decode(given, validate=True), signed)
        except (InvalidSignature, ValueError):
            return WRONG
        return ""


class _Jwt(SignatureCheck):
    """A JWT with an HMAC (RFC 7518 s. 3.2), whose claims hash the call or are what it says.

    Its times are not looked at: providers repeat a call for hours with the first one's, and a call
    that comes again changes nothing.
    """

    def __init__(self, table: SignatureTable, key: str, url: PublicUrl) -> None:
        self._header = table.header
        self._key = key.encode()
        self._claims = tuple((name, _piece(piece, url)) for name, piece in table.claims.items())
        self._body_claim = table.body_claim

    def problem(self, request: Request) -> str:
        given = _given(request, self._header)
        if not given:
            return MISSING
        claims = self._read(given)
        if claims is None:
            return WRONG
        for name, piece in self._claims:
            expected = piece(request)
            # Without a body there is no hash of it.
            if not expected and name not in claims:
                continue
            text = claims.get(name)
            if not isinstance(text, str) or not hmac.compare_digest(
                text.lower().encode("utf-8", "replace"), expected.hex().encode()
            ):
                return WRONG
        return ""

    def content(self, request: Request) -> Any:
        return self._read(_given(request, self._header)) if self._body_claim else None

    def _read(self, given: bytes) -> Any:
        """The claims of a token that we could have signed; None of any other."""
        token = given.strip().removeprefix(b"Bearer ").strip()
        signed, _, signature = token.rpartition(b".")
        header, _, claims = signed.partition(b".")
        try:
            head = msgspec.json.decode(_from_base64url(header))
            given_digest = _from_base64url(signature)
            found = msgspec.json.decode(_from_base64url(claims))
        except (ValueError, msgspec.MsgspecError, RecursionError):
            return None
        algorithm = _JWT_HASHES.get(str(head.get("alg"))) if isinstance(head, Mapping) else None
        if algorithm is None:
            return None  # "none" and other keys' algorithms are the oldest trick
        digest = hmac.digest(self._key, signed, algorithm)
        if not hmac.compare_digest(digest, given_digest) or not isinstance(found, Mapping):
            return None
        return found


def build_check(
    table: SignatureTable, compiler: Compiler, url: PublicUrl, *, verify: bool
) -> SignatureCheck:
    """The check of one carrier; raises ValueError for a key that is missing or no credential."""
    if not verify or table.kind in ("", "none"):
        return SignatureCheck()
    key, _ = compiler.text(table.key)
    if not key.strip(":"):
        if table.optional:
            return SignatureCheck()
        raise ValueError(
            f"the provider signs its calls, and {table.key} is missing; set it among the"
            " credentials, or verify_signatures = false"
        )
    table = msgspec.structs.replace(table, other_key=compiler.text(table.other_key)[0])
    check = _KINDS[table.kind](table, key, url)
    check.missing_status = table.missing_status or REFUSED_STATUS
    return check


def _sns(table: SignatureTable, key: str, url: PublicUrl) -> SignatureCheck:
    from dragoman.connectors.http.sns import SnsCheck

    return SnsCheck(topic_arn=key)


_KINDS: Final[Mapping[str, Callable[[SignatureTable, str, PublicUrl], SignatureCheck]]] = (
    MappingProxyType(
        {
            "token": lambda table, key, _: _Token(table.header, key),
            "basic": lambda table, key, _: _Basic(key),
            "hmac": _Hmac,
            "jwt": _Jwt,
            "ed25519": _Ed25519,
            "sns": _sns,
        }
    )
)


def _given(request: Request, headers: str) -> bytes:
    """The signature of a call: in the first header that it has, or after `?` among its
    parameters."""
    if headers.startswith("?"):
        fields = read_call(request)
        given = fields.get(headers[1:]) if isinstance(fields, Mapping) else None
        return given.encode() if isinstance(given, str) else b""
    for header in headers.lower().encode().split(b"|"):
        if found := request.header(header):
            return found
    return b""


def _pieces_of(table: SignatureTable, url: PublicUrl, unsigned: str = "") -> tuple[Piece, ...]:
    fields = (table.header.removeprefix("?"), unsigned)
    return tuple(
        _sorted_fields(fields) if one == "fields.sorted" else _piece(one, url)
        for one in table.over or ("body",)
    )


def _piece(name: str, url: PublicUrl) -> Piece:
    if name == "url":
        return lambda request: url(request).encode()
    if name == "url.sha256":
        return lambda request: hashlib.sha256(url(request).encode()).digest()
    if name == "call.sorted":
        return lambda request: _sorted_call(url(request), request)
    if name.startswith(_HEADER):
        header = name.removeprefix(_HEADER).lower().encode()
        return lambda request: request.header(header)
    if (piece := _PIECES.get(name)) is not None:
        return piece
    text = name.encode()
    return lambda _: text


def _sorted_form(request: Request) -> bytes:
    """Names and values of a form, sorted by name (Twilio, "Webhooks security")."""
    return "".join(f"{name}{value}" for name, value in sorted(set(_form_of(request)))).encode()


def _form_of(request: Request) -> Sequence[tuple[str, str]]:
    """Names and values of a form; none where the body is no form."""
    try:
        form = read_form(request)
    except MalformedBody:
        return ()
    return form.pairs if form is not None else ()


def _sorted_call(url: str, request: Request) -> bytes:
    """A URL with its parameters decoded and sorted, and the form behind it (Plivo,
    "Signature validation", V3). Which marks are between them depends on what there is."""
    address, _, query = url.partition("?")
    named = "&".join(f"{name}={value}" for name, value in sorted(parse_form(query.encode()).pairs))
    form = "".join(f"{name}{value}" for name, value in sorted(_form_of(request)))
    mark = "?" if named or form else ""
    return f"{address}{mark}{named}{'.' if named and form else ''}{form}".encode()


def _other_port(url: str) -> str:
    """A URL with its scheme's port where it names none, and without a port where it names one."""
    if (found := _PORT.match(url)) is None:
        return url
    host, port = found.groups()
    rest = url[found.end() :]
    if port:
        return f"{host}{rest}"
    return f"{host}:{443 if host.lower().startswith('https') else 80}{rest}"


def _sorted_fields(but: Container[str]) -> Piece:
    """`&name=value` for each parameter but some (Vonage, "Signing messages")."""

    def piece(request: Request) -> bytes:
        fields = read_call(request)
        if not isinstance(fields, Mapping):
            return b""
        pairs = sorted(
            (name, text_of(value).replace("&", "_").replace("=", "_"))
            for name, value in fields.items()
            if name not in but
        )
        return "".join(f"&{name}={value}" for name, value in pairs).encode()

    return piece


def _from_base64url(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))


_PIECES: Final[Mapping[str, Piece]] = MappingProxyType(
    {
        "body": lambda request: request.body,
        "body.sha256": lambda request: (
            hashlib.sha256(request.body).digest() if request.body else b""
        ),
        "form.sorted": _sorted_form,
    }
)
_ENCODINGS: Final[Mapping[str, Callable[[bytes], bytes]]] = MappingProxyType(
    {"hex": lambda digest: digest.hex().encode(), "base64": base64.b64encode}
)
