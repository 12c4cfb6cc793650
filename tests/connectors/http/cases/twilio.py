"""Twilio Programmable Messaging (also SignalWire and other clones)."""

from __future__ import annotations

from urllib.parse import parse_qsl

from .shape import FORM, Answer, Call, Case, Request, hmac_of, in_base64


def sign(call: Call) -> dict[str, str]:
    return signed(call, call.url)


def signed(call: Call, url: str) -> dict[str, str]:
    form = sorted(parse_qsl(call.body.decode(), keep_blank_values=True))
    text = url + "".join(name + value for name, value in form)
    return {"X-Twilio-Signature": in_base64(hmac_of("TOKEN", text.encode(), "sha1"))}


def sign_as_a_rule_says(call: Call) -> dict[str, str]:
    """Signs with the shared key of a webhook rule."""
    form = sorted(parse_qsl(call.body.decode(), keep_blank_values=True))
    text = call.url + "".join(name + value for name, value in form)
    return {
        "X-Twilio-Webhooks-Signature-Settings": "key=SK1,algorithm=HMAC_SHA256",
        "X-Twilio-Signature": in_base64(hmac_of("SHARED", text.encode(), "sha256")),
    }


def sign_as_signalwire(call: Call) -> dict[str, str]:
    (signature,) = sign(call).values()
    return {"X-SignalWire-Signature": signature}


CASE = Case(
    credentials={"account_sid": "AC1", "auth_token": "TOKEN", "shared_key": "SHARED"},
    requests=(
        Request(
            line="POST https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json",
            headers={"Authorization": "Basic QUMxOlRPS0VO"},
            content_type=FORM,
            body="To=%2B4512345678&From=Dragoman&Body=hello&StatusCallback=https%3A%2F%2Fsms.example.org%2Fcarriers%2Fprovider%2Ftoken-of-the-callback-address%3Fref%3Ddabc&ValidityPeriod=3600",
        ),
        Request(
            line="POST https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json",
            headers={"Authorization": "Basic QUMxOlRPS0VO"},
            content_type=FORM,
            body="To=%2B4512345678&From=Dragoman&Body=gr%C3%BC%C3%9Fe+%F0%9F%98%80&StatusCallback=https%3A%2F%2Fsms.example.org%2Fcarriers%2Fprovider%2Ftoken-of-the-callback-address%3Fref%3Ddabc&ValidityPeriod=3600",
            message={"text": "grüße 😀", "message_class": 0},
        ),
        Request(
            line="POST https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json",
            headers={"Authorization": "Basic QUMxOlRPS0VO"},
            content_type=FORM,
            body="To=%2B4512345678&From=%2B4512720000&Body=hello&StatusCallback=https%3A%2F%2Fsms.example.org%2Fcarriers%2Fprovider%2Ftoken-of-the-callback-address%3Fref%3Ddabc&ValidityPeriod=3600",
            message={"sender": "4512720000"},
        ),
    ),
    answers=(
        Answer(
            status=201,
            body='{"sid":"SM87105da94bff44b999e4e6eb90d8eb6a","status":"queued","error_code":null}',
            meaning="accepted",
            ids=("SM87105da94bff44b999e4e6eb90d8eb6a",),
        ),
        Answer(
            status=400,
            body='{"code":21211,"message":"The \'To\' number is not a valid phone number.","more_info":"https://www.twilio.com/docs/errors/21211","status":400}',
            meaning="invalid_destination",
        ),
        Answer(status=400, body='{"code":21610,"message":"x","status":400}', meaning="opted_out"),
        Answer(status=400, body='{"code":21606,"status":400}', meaning="invalid_sender"),
        Answer(
            status=429,
            body='{"code":20429,"message":"Too Many Requests","status":429}',
            headers={"retry-after": "2"},
            meaning="throttled",
            wait_s=2.0,
        ),
        Answer(status=400, body='{"code":21611,"status":400}', meaning="throttled"),
        # A day's limit: asking again in a second, as for 20429, would hold all that waits here.
        Answer(
            status=429,
            body='{"code":63038,"message":"Account AC1 exceeded the 9 daily messages limit","status":429}',
            meaning="credit",
        ),
        Answer(
            status=401, body='{"code":20003,"message":"Authenticate","status":401}', meaning="setup"
        ),
        Answer(status=500, body='{"code":20500,"status":500}', meaning="unknown"),
        Answer(status=503, meaning="temporary"),
        Answer(status=400, body='{"code":99999,"status":400}', meaning="refused_by_carrier"),
    ),
    calls=(
        Call(
            query="ref=dabc",
            headers={"content-type": FORM},
            body=b"SmsSid=SM8&SmsStatus=delivered&MessageStatus=delivered&To=%2B4512345678&MessageSid=SM8&AccountSid=AC1&From=%2B4511&ApiVersion=2010-04-01",
            sign=sign,
            reports=(("SM8", "dabc", "4512345678", "delivered", ""),),
        ),
        # Twilio signs the URL with a port, or without: its own libraries try both.
        Call(
            query="ref=dabc",
            headers={"content-type": FORM},
            body=b"MessageStatus=delivered&To=%2B4512345678&MessageSid=SM8",
            sign=lambda call: signed(call, call.url.replace(".org/", ".org:443/")),
            reports=(("SM8", "dabc", "4512345678", "delivered", ""),),
        ),
        Call(
            query="ref=dabc",
            headers={"content-type": FORM},
            body=b"MessageStatus=delivered&To=%2B4512345678&MessageSid=SM8",
            sign=sign_as_a_rule_says,
            reports=(("SM8", "dabc", "4512345678", "delivered", ""),),
        ),
        Call(
            query="ref=dabc",
            headers={"content-type": FORM},
            body=b"MessageStatus=delivered&To=%2B4512345678&MessageSid=SM8",
            sign=sign_as_signalwire,
            reports=(("SM8", "dabc", "4512345678", "delivered", ""),),
        ),
        Call(
            query="ref=dabc",
            headers={"content-type": FORM},
            body=b"MessageStatus=sent&To=%2B4512345678&MessageSid=SM8",
            sign=sign,
            reports=(("SM8", "dabc", "4512345678", "accepted", ""),),
        ),
        Call(
            query="ref=dabc",
            headers={"content-type": FORM},
            body=b"MessageStatus=undelivered&ErrorCode=30005&To=%2B4512345678&MessageSid=SM8",
            sign=sign,
            reports=(("SM8", "dabc", "4512345678", "undeliverable", "unknown_subscriber"),),
        ),
        Call(
            query="ref=dabc",
            headers={"content-type": FORM},
            body=b"MessageStatus=somethingnew&To=%2B4512345678&MessageSid=SM8",
            sign=sign,
            reports=(("SM8", "dabc", "4512345678", "enroute", ""),),
        ),
        Call(
            headers={"content-type": FORM},
            body=b"ToCountry=DK&SmsMessageSid=SM9&NumMedia=0&SmsSid=SM9&SmsStatus=received&Body=hello+%26+%C3%A6&To=%2B4512720000&NumSegments=1&MessageSid=SM9&AccountSid=AC1&From=%2B4599999999&ApiVersion=2010-04-01",
            sign=sign,
            texts=(("+4599999999", "+4512720000", "hello & æ", 1, 1),),
            answer=b"<Response/>",
        ),
    ),
)
