"""Calls of Amazon SNS: verified by the certificate that signed them; subscriptions confirmed.

Only a certificate from Amazon's own host is fetched, only one topic is believed, and only a
verified confirmation is followed (SNS guide, "Verifying the signatures of Amazon SNS messages").
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from dragoman.connectors.http.signature_check import MISSING, WRONG, SignatureCheck
from dragoman.web.outgoing import FetchError, GuardedClient
from dragoman.web.requests import Request

CONFIRMATION: Final = "SubscriptionConfirmation"
NOTIFICATION: Final = "Notification"
CERTIFICATES_KEPT: Final = 8
_HOST: Final = r"https://sns\.[a-z]{2}(?:-[a-z]+)+-[0-9]\.amazonaws\.com(?:\.cn)?"
_CERTIFICATE: Final = re.compile(rf"{_HOST}/[A-Za-z0-9_-]{{1,128}}\.pem")
_SUBSCRIPTION: Final = re.compile(rf"{_HOST}/\?[!-~]{{1,2048}}")
_OK: Final = 200
_SIGNED: Final = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    CONFIRMATION: (
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
    ),
    "UnsubscribeConfirmation": (
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
    ),
}  # fmt: skip
_HASHES: Final = {"1": hashes.SHA1, "2": hashes.SHA256}

log = structlog.get_logger(__name__)


class SnsCheck(SignatureCheck):
    """Checks and opens the envelopes of one topic."""

    fetches = True

    def __init__(self, topic_arn: str) -> None:
        self._topic_arn = topic_arn
        self._keys: dict[str, rsa.RSAPublicKey] = {}

    async def fetch_and_check(self, request: Request, client: GuardedClient) -> str:
        envelope = _open(request)
        if envelope is None:
            return MISSING
        if envelope.get("TopicArn") != self._topic_arn:
            return "another topic"
        key = await self._key(envelope.get("SigningCertURL", ""), client)
        if key is None or not _is_signed(envelope, key):
            return WRONG
        if envelope["Type"] == CONFIRMATION:
            return await self._confirm(envelope["SubscribeURL"], client)
        return ""

    def content(self, request: Request) -> Any:
        envelope = _open(request) or {}
        if envelope.get("Type") != NOTIFICATION:
            return {}
        try:
            return msgspec.json.decode(envelope.get("Message", ""))
        except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
            return {}

    async def _key(self, url: str, client: GuardedClient) -> rsa.RSAPublicKey | None:
        if (known := self._keys.get(url)) is not None:
            return known
        if not _CERTIFICATE.fullmatch(url):
            return None
        try:
            answer = await client.request("GET", url)
            key = x509.load_pem_x509_certificate(answer.body).public_key()
        except (FetchError, ValueError):
            return None
        if answer.status != _OK or not isinstance(key, rsa.RSAPublicKey):
            return None
        if len(self._keys) >= CERTIFICATES_KEPT:
            self._keys.clear()
        self._keys[url] = key
        return key

    async def _confirm(self, url: str, client: GuardedClient) -> str:
        if not _SUBSCRIPTION.fullmatch(url):
            return WRONG
        try:
            answer = await client.request("GET", url)
        except FetchError as error:
            return f"the subscription was not confirmed: {error.reason}"
        if answer.status != _OK:
            return f"the subscription was not confirmed: HTTP {answer.status}"
        log.info("sns_subscription_confirmed")
        return ""


def _open(request: Request) -> Mapping[str, str] | None:
    """The envelope of a call; None where it is none."""
    try:
        found = msgspec.json.decode(request.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("Type") not in _SIGNED:
        return None
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _is_signed(envelope: Mapping[str, str], key: rsa.RSAPublicKey) -> bool:
    algorithm = _HASHES.get(envelope.get("SignatureVersion", ""))
    if algorithm is None:
        return False
    names = _SIGNED[envelope["Type"]]
    signed = "".join(f"{name}\n{envelope[name]}\n" for name in names if name in envelope)
    try:
        signature = base64.b64decode(envelope.get("Signature", ""), validate=True)
        key.verify(signature, signed.encode(), padding.PKCS1v15(), algorithm())
    except (InvalidSignature, ValueError):
        return False
    return True
