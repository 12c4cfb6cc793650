"""Amazon: requests signed with Signature Version 4, and calls in signed envelopes of SNS."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from dragoman.connectors.http.carrier import HttpCarrier
from dragoman.connectors.http.sigv4 import AwsKey, sign
from dragoman.web.outgoing import Fetched, GuardedClient

from .cases.aws import CASE
from .cases.shape import JSON, Call
from .peers import RecordedEvents, build, call, table

TOPIC = CASE.credentials["topic_arn"]
CERTIFICATE_URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789.pem"
SUBSCRIBE_URL = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37"
REPORT = json.dumps(
    {
        "eventType": "TEXT_DELIVERED",
        "isFinal": True,
        "originationPhoneNumber": "+4511",
        "destinationPhoneNumber": "+4512345678",
        "messageId": "862a8790",
        "messageStatus": "DELIVERED",
        "context": {"ref": "dabc"},
    }
)
TEXT = json.dumps(
    {
        "originationNumber": "+4599999999",
        "destinationNumber": "+4512720000",
        "messageKeyword": "JOIN",
        "messageBody": "hello æ",
        "inboundMessageId": "in1",
    }
)


@cache
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def certificate() -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private_key().public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(private_key(), hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


class Amazon:
    """Answers for Amazon's hosts, and remembers what was fetched."""

    def __init__(self) -> None:
        self.fetched: list[str] = []

    async def request(self, method: str, url: str, **_: Any) -> Fetched:
        assert method == "GET"
        self.fetched.append(url)
        body = certificate() if url.endswith(".pem") else b"<ConfirmSubscriptionResponse/>"
        return Fetched(200, {}, body)


@pytest.fixture
def amazon(monkeypatch: pytest.MonkeyPatch) -> Amazon:
    amazon = Amazon()
    monkeypatch.setattr(
        GuardedClient, "request", lambda _, method, url: amazon.request(method, url)
    )
    return amazon


def envelope(message: str = REPORT, *, version: str = "2", **more: str) -> dict[str, str]:
    """A signed envelope; `more` is in it before it is signed."""
    fields = {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Message": message,
        "Timestamp": "2026-09-21T14:13:20.000Z",
        **more,
    }
    names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    if fields["Type"] != "Notification":
        names = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    signed = "".join(f"{name}\n{fields[name]}\n" for name in names if name in fields)
    algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()
    signature = private_key().sign(signed.encode(), padding.PKCS1v15(), algorithm)
    return {
        "SignatureVersion": version,
        "Signature": base64.b64encode(signature).decode(),
        "SigningCertURL": CERTIFICATE_URL,
        **fields,
    }


def carrier_of(events: RecordedEvents) -> HttpCarrier:
    return build(table("aws", credentials=CASE.credentials), events)


async def post(carrier: HttpCarrier, fields: dict[str, str]) -> int:
    made = Call(headers={"content-type": "text/plain"}, body=json.dumps(fields).encode())
    return (await call(carrier, made)).status


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [{}, {"Subject": "x"}])
async def test_a_notification_is_opened(
    amazon: Amazon, version: str, subject: dict[str, str]
) -> None:
    events = RecordedEvents()
    carrier = carrier_of(events)
    for message in (REPORT, REPORT, TEXT):
        assert await post(carrier, envelope(message, version=version, **subject)) == 200
    first, again = events.reports
    assert first == again
    assert (first.message_id, first.other_id, first.state.name) == ("862a8790", "dabc", "DELIVERED")
    assert [(one.source, one.text) for one in events.texts] == [("+4599999999", "hello æ")]
    assert amazon.fetched == [CERTIFICATE_URL]  # once


async def test_a_subscription_confirms_itself(amazon: Amazon) -> None:
    confirmation = envelope(
        "You have chosen to subscribe …",
        Type="SubscriptionConfirmation",
        Token="2336412f37",
        SubscribeURL=SUBSCRIBE_URL,
    )
    assert await post(carrier_of(RecordedEvents()), confirmation) == 200
    assert amazon.fetched == [CERTIFICATE_URL, SUBSCRIBE_URL]


FORGED = {
    "another signature": envelope() | {"Signature": base64.b64encode(bytes(256)).decode()},
    "no signature": {k: v for k, v in envelope().items() if k != "Signature"},
    "another message": envelope() | {"Message": TEXT},
    "another topic": envelope(TopicArn=TOPIC + "x"),
    "another version": envelope() | {"SignatureVersion": "3"},
    "another host": envelope()
    | {"SigningCertURL": "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem"},
    "a host before it": envelope()
    | {"SigningCertURL": "https://evil.example/sns.eu-west-1.amazonaws.com/a.pem"},
    "no TLS": envelope() | {"SigningCertURL": CERTIFICATE_URL.replace("https", "http")},
    "a user name": envelope()
    | {"SigningCertURL": "https://sns.eu-west-1.amazonaws.com@evil.example/a.pem"},
    "a query": envelope() | {"SigningCertURL": CERTIFICATE_URL + "?a=.pem"},
    "no envelope": json.loads(REPORT),
}


@pytest.mark.parametrize("how", FORGED)
async def test_a_forged_envelope_is_refused_and_nothing_of_it_followed(
    amazon: Amazon, how: str
) -> None:
    events = RecordedEvents()
    assert await post(carrier_of(events), FORGED[how]) == 403
    assert (events.reports, events.texts) == ([], [])
    assert set(amazon.fetched) <= {CERTIFICATE_URL}


async def test_a_confirmation_leads_to_amazon_alone(amazon: Amazon) -> None:
    confirmation = envelope(
        "x", Type="SubscriptionConfirmation", Token="t", SubscribeURL="http://169.254.169.254/"
    )
    assert await post(carrier_of(RecordedEvents()), confirmation) == 403
    assert amazon.fetched == [CERTIFICATE_URL]


async def test_nonsense_in_an_envelope_stores_nothing(amazon: Amazon) -> None:
    events = RecordedEvents()
    carrier = carrier_of(events)
    for message in ("", "{", "[]", "null", '{"a":' * 5_000):
        assert await post(carrier, envelope(message)) == 200
    deep = Call(headers={"content-type": JSON}, body=b'{"Type":' * 5_000)
    assert (await call(carrier, deep)).status == 403
    assert (events.reports, events.texts) == ([], [])


def test_a_request_is_signed_as_in_amazons_own_test_suite() -> None:
    """The case `post-vanilla` of the Signature Version 4 test suite."""
    key = AwsKey(
        access_key_id="AKIDEXAMPLE",
        secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        region="us-east-1",
        service="service",
    )
    at = round(datetime(2015, 8, 30, 12, 36, tzinfo=UTC).timestamp() * 1000)
    headers = dict(sign(key, "POST", "https://example.amazonaws.com/", (), b"", at))
    assert headers == {
        "X-Amz-Date": "20150830T123600Z",
        "Authorization": "AWS4-HMAC-SHA256"
        " Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request,"
        " SignedHeaders=host;x-amz-date,"
        " Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    }
    assert "wJalr" not in repr(key)
