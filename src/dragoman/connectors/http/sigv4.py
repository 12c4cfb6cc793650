"""Signs requests to Amazon (Signature Version 4: "Create a signed AWS API request")."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import msgspec

_ALGORITHM: Final = "AWS4-HMAC-SHA256"


class AwsKey(msgspec.Struct, frozen=True, kw_only=True):
    """An access key, and what it signs for."""

    access_key_id: str
    secret_access_key: str
    region: str
    service: str

    def __repr__(self) -> str:
        return f"AwsKey({self.service} in {self.region})"


def sign(
    key: AwsKey,
    method: str,
    url: str,
    headers: tuple[tuple[str, str], ...],
    body: bytes,
    now_ms: int,
) -> tuple[tuple[str, str], ...]:
    """The headers of a request and those that sign it; the URL has no query."""
    at = datetime.fromtimestamp(now_ms // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    parts = urlsplit(url)
    all_headers = (*headers, ("X-Amz-Date", at))
    signed = sorted(
        [(name.lower(), value.strip()) for name, value in all_headers] + [("host", parts.netloc)]
    )
    names = ";".join(name for name, _ in signed)
    request = "\n".join(
        (
            method,
            parts.path or "/",
            parts.query,
            "".join(f"{name}:{value}\n" for name, value in signed),
            names,
            hashlib.sha256(body).hexdigest(),
        )
    )
    scope = f"{at[:8]}/{key.region}/{key.service}/aws4_request"
    text = "\n".join((_ALGORITHM, at, scope, hashlib.sha256(request.encode()).hexdigest()))
    secret = f"AWS4{key.secret_access_key}".encode()
    for step in (at[:8], key.region, key.service, "aws4_request"):
        secret = hmac.digest(secret, step.encode(), "sha256")
    signature = hmac.digest(secret, text.encode(), "sha256").hex()
    authorization = (
        f"{_ALGORITHM} Credential={key.access_key_id}/{scope}, SignedHeaders={names},"
        f" Signature={signature}"
    )
    return (*all_headers, ("Authorization", authorization))
