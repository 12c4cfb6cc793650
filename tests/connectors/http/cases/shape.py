"""The shape of a preset's table."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

PUBLIC = "https://sms.example.org/carriers/provider/token-of-the-callback-address"
STATUS_URL = f"{PUBLIC}?ref=dabc"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a message becomes; the usual one is `hello` from Dragoman to 4512345678."""

    line: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = ""
    body: str = ""
    message: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What an answer means."""

    status: int = 200
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    meaning: str
    ids: tuple[str, ...] = ()
    wait_s: float = 0.0


Report = tuple[str, str, str, str, str]
"""ID, our reference, recipient, state, failure."""
Text = tuple[str, str, str, int, int]
"""Sender, number, text, part, parts."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call of the provider, and what it says."""

    method: str = "POST"
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    sign: Callable[[Call], Mapping[str, str]] | None = None
    """The headers that sign it; those are also what a forger changes."""
    reports: tuple[Report, ...] = ()
    texts: tuple[Text, ...] = ()
    answer_status: int = 200
    answer: bytes = b""

    @property
    def signed(self) -> bool:
        return self.sign is not None

    @property
    def url(self) -> str:
        return PUBLIC + (f"?{self.query}" if self.query else "")

    def all_headers(self) -> dict[str, str]:
        own = self.sign(self) if self.sign is not None else {}
        return {name.lower(): value for name, value in {**self.headers, **own}.items()}

    def forged(self, how: str) -> Call:
        """The same call with another signature, another body, or no signature."""
        assert self.sign is not None
        headers = dict(self.sign(self))
        if how == "body":
            body, query = self.body, self.query
            if body:
                body = body.replace(b"1", b"2", 1) if b"1" in body else body + b" "
            else:
                query = query.replace("1", "2", 1)
            return replace(
                self, body=body, query=query, sign=None, headers={**self.headers, **headers}
            )
        if how == "missing":
            return replace(self, sign=None)
        changed = {name: _other(value) for name, value in headers.items()}
        return replace(self, sign=None, headers={**self.headers, **changed})


def _other(value: str) -> str:
    """A signature with its middle turned over."""
    middle = len(value) // 2
    turned = "A" if value[middle] != "A" else "B"
    return value[:middle] + turned + value[middle + 1 :]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A preset's table."""

    credentials: Mapping[str, str]
    base_url: str = ""
    session: Mapping[str, str] = field(default_factory=dict)
    """What a login gave."""
    requests: tuple[Request, ...]
    answers: tuple[Answer, ...]
    calls: tuple[Call, ...] = ()


def hmac_of(key: str, octets: bytes, algorithm: str = "sha256") -> bytes:
    return hmac.digest(key.encode(), octets, algorithm)


def in_base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def sha256(octets: bytes) -> bytes:
    return hashlib.sha256(octets).digest()


def jwt(key: str, claims: bytes, algorithm: str = "HS256") -> str:
    """A token with an HMAC."""

    def encode(octets: bytes) -> str:
        return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()

    head = f'{{"alg":"{algorithm}","typ":"JWT"}}'.encode()
    signed = f"{encode(head)}.{encode(claims)}"
    return f"{signed}.{encode(hmac_of(key, signed.encode(), algorithm.replace('HS', 'sha')))}"
