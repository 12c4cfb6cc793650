"""`X-Twilio-Signature`: what a program knows our calls by (Twilio, "Webhooks security")."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

from dragoman.core.model.urls import add_query

HEADER: Final = "X-Twilio-Signature"


def sign(token: str, url: str, parameters: Mapping[str, str]) -> str:
    """The signature of a call to a URL with the parameters of a form; none in a GET or in JSON."""
    data = url + "".join(f"{name}{parameters[name]}" for name in sorted(parameters))
    return base64.b64encode(hmac.digest(token.encode(), data.encode(), "sha1")).decode()


def with_digest(url: str, body: bytes) -> str:
    """The URL of a call whose body is no form: the signed URL names the digest of the body."""
    return add_query(url, f"bodySHA256={hashlib.sha256(body).hexdigest()}")
