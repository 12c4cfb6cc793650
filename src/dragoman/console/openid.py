"""Signing in at an OpenID provider: the code flow with PKCE (OpenID Connect Core 1.0 s. 3.1).

Authlib and joserfc check what the provider signed. A provider that is away makes `ProviderAway`, an
answer that is wrong `ProviderRefused`; neither says anything secret.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec
import structlog

from dragoman.core.model.mail_addresses import is_email_address
from dragoman.kit.clock import Clock
from dragoman.web.http_connection import Fetched
from dragoman.web.outgoing import FetchError

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

METADATA_S: Final = 3600.0
"""How long the provider's description of itself is believed."""
KEYS_AGAIN_S: Final = 60.0
"""How often its keys are asked for at most, when it signs with one that is not known."""
ANSWER_LIMIT_BYTES: Final = 256 * 1024
LEEWAY_S: Final = 60
"""By which its clock may differ."""
MAX_SUBJECT: Final = 255
ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"),
    *("EdDSA", "Ed25519"),
)
SCOPE: Final = "openid email"

ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")
"""Of a provider's description, those that have to be there; browsers are sent to the first."""

Shape = TypeVar("Shape")

log = structlog.get_logger(__name__)


class OpenIdSettings(Protocol):
    """`[openid]` of the configuration."""

    @property
    def issuer(self) -> str: ...
    @property
    def client_id(self) -> str: ...
    @property
    def client_secret(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def link_by_email(self) -> bool: ...


class Fetcher(Protocol):
    """Calls the provider; `web.outgoing.GuardedClient` does."""

    async def request(
        self, method: str, url: str, *, headers: Any = (), body: bytes = b""
    ) -> Fetched: ...
    async def close(self) -> None: ...


class ProviderAway(Exception):
    """The provider cannot be reached, or has trouble of its own."""


class ProviderRefused(Exception):
    """The provider refused, or what it said is not to be believed; the text says why."""


class Flow(NamedTuple):
    """What a sign-in is known by when it comes back."""

    state: str
    nonce: str
    verifier: str
    redirect_uri: str


class Identity(NamedTuple):
    """Whom the provider vouches for."""

    issuer: str
    subject: str
    email: str
    """Empty unless the provider has verified it."""


class _Metadata(msgspec.Struct, frozen=True):
    """What is used of OpenID Connect Discovery 1.0 s. 3."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str
    access_token: str = ""


class OpenIdProvider:
    """The provider of the configuration."""

    def __init__(self, settings: OpenIdSettings, client: Fetcher, clock: Clock) -> None:
        self._settings = settings
        self._client = client
        self._clock = clock
        self._metadata: _Metadata | None = None
        self._metadata_until_s = 0.0
        self._keys: KeySet | None = None
        self._keys_after_s = 0.0

    @property
    def name(self) -> str:
        """What people call it."""
        return self._settings.name

    async def close(self) -> None:
        """Closes its connections."""
        await self._client.close()

    def new_flow(self, redirect_uri: str) -> Flow:
        """A sign-in that begins."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return Flow(state, nonce, verifier, redirect_uri)

    async def address_for(self, flow: Flow) -> str:
        """Where the browser is sent; raises `ProviderAway`, `ProviderRefused`."""
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
        from authlib.oauth2.rfc7636 import create_s256_code_challenge

        metadata = await self._load_metadata()
        return str(
            prepare_grant_uri(
                metadata.authorization_endpoint,
                self._settings.client_id,
                "code",
                redirect_uri=flow.redirect_uri,
                scope=SCOPE,
                state=flow.state,
                nonce=flow.nonce,
                code_challenge=create_s256_code_challenge(flow.verifier),
                code_challenge_method="S256",
            )
        )

    async def identify(self, flow: Flow, code: str) -> Identity:
        """Whom a code stands for; raises `ProviderAway`, `ProviderRefused`."""
        metadata = await self._load_metadata()
        tokens = await self._redeem(metadata, flow, code)
        claims = await self._check(metadata, tokens, flow.nonce)
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT:
            raise ProviderRefused("the ID token has no usable subject")
        email = ""
        if self._settings.link_by_email:
            if "email" not in claims and metadata.userinfo_endpoint and tokens.access_token:
                claims = await self._ask_about(metadata, tokens, subject)
            email = _verified_email(claims)
        return Identity(metadata.issuer, subject, email)

    async def _ask_about(
        self, metadata: _Metadata, tokens: _Tokens, subject: str
    ) -> Mapping[str, Any]:
        """What is not in the ID token (OpenID Connect Core 1.0 s. 5.3)."""
        headers = (("authorization", f"Bearer {tokens.access_token}"),)
        answer = await self._fetch("GET", metadata.userinfo_endpoint, headers)
        claims = _decode(answer, dict[str, Any], "user information")
        if claims.get("sub") != subject:
            raise ProviderRefused("its user information is about another subject")
        return claims

    async def _redeem(self, metadata: _Metadata, flow: Flow, code: str) -> _Tokens:
        settings = self._settings
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": flow.redirect_uri,
            "code_verifier": flow.verifier,
            "client_id": settings.client_id,
        }
        headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("accept", "application/json"),
        ]
        methods = metadata.token_endpoint_auth_methods_supported
        if settings.client_secret and "client_secret_basic" in methods:
            pair = f"{quote(settings.client_id, safe='')}:{quote(settings.client_secret, safe='')}"
            headers.append(("authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"))
        elif settings.client_secret:
            form["client_secret"] = settings.client_secret
        body = urlencode(form).encode()
        answer = await self._fetch("POST", metadata.token_endpoint, headers, body)
        return _decode(answer, _Tokens, "token endpoint")

    async def _check(self, metadata: _Metadata, tokens: _Tokens, nonce: str) -> Mapping[str, Any]:
        """The claims of an ID token (OpenID Connect Core 1.0 s. 3.1.3.7)."""
        from authlib.oidc.core import CodeIDToken
        from joserfc import jwt
        from joserfc.errors import JoseError

        client_id = self._settings.client_id
        options = {
            "iss": {"essential": True, "value": metadata.issuer},
            "aud": {"essential": True, "value": client_id},
            "nonce": {"essential": True, "value": nonce},
        }
        params = {
            "nonce": nonce,
            "client_id": client_id,
            "access_token": tokens.access_token,
        }
        for again in (False, True):
            keys = await self._load_keys(metadata, again=again)
            try:
                token = jwt.decode(tokens.id_token, keys, algorithms=ALGORITHMS)
                claims = CodeIDToken(token.claims, token.header, options, params)
                claims.validate(now=self._clock.now_ms() // 1000, leeway=LEEWAY_S)
                return dict(claims)
            except (JoseError, ValueError, KeyError, TypeError) as error:
                # It may sign with a key that it has made since.
                if again or not self._may_ask_for_keys():
                    reason = f"the ID token is not valid: {type(error).__name__}"
                    raise ProviderRefused(reason) from None
        raise AssertionError("unreachable")

    async def _load_metadata(self) -> _Metadata:
        now_s = self._clock.monotonic()
        if self._metadata is not None and now_s < self._metadata_until_s:
            return self._metadata
        from authlib.oidc.discovery import get_well_known_url

        issuer = self._settings.issuer
        answer = await self._fetch("GET", get_well_known_url(issuer, external=True))
        metadata = _decode(answer, _Metadata, "discovery document")
        if metadata.issuer != issuer:
            raise ProviderRefused("it calls itself otherwise than `[openid] issuer` does")
        for name in ENDPOINTS:
            if not _is_address(getattr(metadata, name)):
                raise ProviderRefused(f"its {name} is not an address")
        self._metadata, self._metadata_until_s = metadata, now_s + METADATA_S
        return metadata

    def _may_ask_for_keys(self) -> bool:
        return self._clock.monotonic() >= self._keys_after_s

    async def _load_keys(self, metadata: _Metadata, *, again: bool) -> KeySet:
        if self._keys is not None and not again:
            return self._keys
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        answer = await self._fetch("GET", metadata.jwks_uri)
        try:
            keys: Any = _decode(answer, dict[str, Any], "keys")
            self._keys = KeySet.import_key_set(keys)
        except (JoseError, ValueError, KeyError, TypeError):
            raise ProviderRefused("its keys cannot be read") from None
        self._keys_after_s = self._clock.monotonic() + (KEYS_AGAIN_S if again else 0.0)
        return self._keys

    async def _fetch(self, method: str, url: str, headers: Any = (), body: bytes = b"") -> Fetched:
        try:
            answer = await self._client.request(method, url, headers=headers, body=body)
        except FetchError as error:
            raise ProviderAway(error.reason) from None
        if answer.status >= 500:
            raise ProviderAway(f"it answered with status {answer.status}")
        if answer.status != 200:
            raise ProviderRefused(f"it answered with status {answer.status}")
        return answer


def _verified_email(claims: Mapping[str, Any]) -> str:
    """The address of some claims, if the provider says that it has verified it."""
    email = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(email, str):
        return ""
    return email if is_email_address(email) else ""


def _is_address(text: str) -> bool:
    """Whether a browser sent there leaves for a web server, and a header can hold it."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and text.isprintable()
    except ValueError:
        return False


def _decode(answer: Fetched, kind: type[Shape], what: str) -> Shape:
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except msgspec.DecodeError:
        raise ProviderRefused(f"its {what} cannot be read") from None
