"""Plivo Messaging API."""

from __future__ import annotations

from urllib.parse import parse_qsl

from .shape import FORM, JSON, Answer, Call, Case, Request, hmac_of, in_base64


def sign(call: Call) -> dict[str, str]:
    """Signs a call whose URL has parameters, and whose body is a form."""
    form = sorted(parse_qsl(call.body.decode(), keep_blank_values=True))
    signed = f"{call.url}.{''.join(name + value for name, value in form)}.123"
    return signed_as(in_base64(hmac_of("TOKEN", signed.encode())))


def signed_as(signature: str) -> dict[str, str]:
    return {"X-Plivo-Signature-V3-Nonce": "123", "X-Plivo-Signature-V3": signature}


CASE = Case(
    credentials={"auth_id": "MA1", "auth_token": "TOKEN"},
    requests=(
        Request(
            line="POST https://api.plivo.com/v1/Account/MA1/Message/",
            headers={"Authorization": "Basic TUExOlRPS0VO"},
            content_type=JSON,
            body='{"src":"Dragoman","dst":"4512345678","text":"hello","url":"https://sms.example.org/carriers/provider/token-of-the-callback-address?ref=dabc","method":"POST"}',
        ),
        Request(
            line="POST https://api.plivo.com/v1/Account/MA1/Message/",
            headers={"Authorization": "Basic TUExOlRPS0VO"},
            content_type=JSON,
            body='{"src":"Dragoman","dst":"4512345678","text":"grüße 😀","url":"https://sms.example.org/carriers/provider/token-of-the-callback-address?ref=dabc","method":"POST"}',
            message={"text": "grüße 😀", "message_class": 0},
        ),
    ),
    answers=(
        Answer(
            status=202,
            body='{"message":"message(s) queued","message_uuid":["db3ce55a-7f1d-11e1-8ea7-1231380bc196"],"api_id":"x"}',
            meaning="accepted",
            ids=("db3ce55a-7f1d-11e1-8ea7-1231380bc196",),
        ),
        Answer(
            status=400,
            body='{"api_id":"x","error":"dst is not a valid phone number"}',
            meaning="invalid_destination",
        ),
        Answer(status=401, body="Could not verify your access level", meaning="setup"),
        Answer(status=429, body='{"error":"throttled"}', meaning="throttled"),
        Answer(
            status=400,
            body='{"api_id":"x","error":"src parameter not present"}',
            meaning="refused_by_carrier",
        ),
    ),
    calls=(
        Call(
            query="ref=dabc",
            headers={"content-type": FORM},
            body=b"From=4511&MessageUUID=db3&ParentMessageUUID=db3&PartInfo=1+of+1&Status=delivered&To=4512345678&TotalRate=0.1&Units=1",
            sign=sign,
            reports=(("db3", "dabc", "4512345678", "delivered", ""),),
        ),
        Call(
            query="ref=dabc",
            headers={"content-type": FORM},
            body=b"MessageUUID=db4&ParentMessageUUID=db3&Status=undelivered&ErrorCode=70&To=4512345678",
            sign=sign,
            reports=(("db3", "dabc", "4512345678", "undeliverable", "unknown_subscriber"),),
        ),
        Call(
            query="ref=dabc",
            headers={"content-type": FORM},
            body=b"MessageUUID=db3&Status=sent&To=4512345678",
            sign=sign,
            reports=(("db3", "dabc", "4512345678", "accepted", ""),),
        ),
        # The signatures of these two, whose URLs have no parameters of ours, are by plivo 4.63.0.
        Call(
            headers={"content-type": FORM},
            body=b"From=4599999999&To=4512720000&Type=sms&Text=hello+%C3%A6&MessageUUID=in1",
            sign=lambda _: signed_as("hPWlNsEPEHgdi5rNSEb2fNYNJNZW0IBn4XgKYl9uAS4="),
            texts=(("4599999999", "4512720000", "hello æ", 1, 1),),
            answer=b"<Response/>",
        ),
        Call(
            method="GET",
            query="From=4599999999&To=4512720000&Type=sms&Text=hello+%C3%A6&MessageUUID=in1",
            sign=lambda _: signed_as("q6rgmtR1LMux0sqQfHG/NYT9rMKXNGgIL4Tp0j2zK7M="),
            texts=(("4599999999", "4512720000", "hello æ", 1, 1),),
            answer=b"<Response/>",
        ),
    ),
)
