"""LINK Mobility Denmark, API v2 (also Zumosms)."""

from __future__ import annotations

from .shape import FORM, JSON, Answer, Call, Case, Request

CASE = Case(
    credentials={"apikey": "KEY"},
    requests=(
        Request(
            line="POST https://api.linkmobility.dk/v2/message.json?apikey=KEY",
            content_type=JSON,
            body='{"message":{"recipients":"+4512345678","sender":"Dragoman","message":"hello","status":true,"statusurl":"https://sms.example.org/carriers/provider/token-of-the-callback-address?ref=dabc","returndata":"dabc","validity":60,"format":"GSM"}}',
        ),
        Request(
            line="POST https://api.linkmobility.dk/v2/message.json?apikey=KEY",
            content_type=JSON,
            body='{"message":{"recipients":"+4512345678","sender":"Dragoman","message":"grüße 😀","status":true,"statusurl":"https://sms.example.org/carriers/provider/token-of-the-callback-address?ref=dabc","returndata":"dabc","validity":60,"format":"UNICODE","class":0}}',
            message={"text": "grüße 😀", "message_class": 0},
        ),
    ),
    answers=(
        Answer(
            status=201,
            body='{"stat":{"buffered":0,"received":0,"rejected":0},"details":{"sendtime":"21-09-2026 14:13:20","batchid":96231,"state":"QUEUED"},"status":201}',
            meaning="accepted",
            ids=("96231",),
        ),
        Answer(
            status=401,
            body='{"status":401,"message":"Access denied [abcd] authentication failed"}',
            meaning="setup",
        ),
        Answer(
            status=403,
            body='{"status":403,"message":"Message not created, not enough credits"}',
            meaning="credit",
        ),
        Answer(
            status=400,
            body='{"status":400,"message":"Recipient [x] is not valid! Remember a valid number must contain a countrycode like +4512345678"}',
            meaning="invalid_destination",
        ),
        Answer(
            status=400,
            body='{"status":400,"message":"List ID 12 not found"}',
            meaning="refused_by_carrier",
        ),
        Answer(status=500, meaning="unknown"),
    ),
    calls=(
        Call(
            method="GET",
            query="ref=dabc&status=received&reason=&receivetime=1790000000&msgid=0123456789abcdef0123456789abcdef&to=4512345678&statuscode=0&returndata=dabc&logdate=2026_09_21&mcc=238&mnc=0&batchid=96231&push_price=0",
            reports=(("96231", "dabc", "4512345678", "delivered", "unknown_subscriber"),),
        ),
        Call(
            method="GET",
            query="status=rejected&msgid=a1&to=4512345678&statuscode=107&returndata=dabc&batchid=96231",
            reports=(("96231", "dabc", "4512345678", "undeliverable", "absent_subscriber"),),
        ),
        Call(
            method="GET",
            query="status=buffered&msgid=a1&to=4512345678&statuscode=&returndata=dabc&batchid=96231",
            reports=(("96231", "dabc", "4512345678", "enroute", ""),),
        ),
        Call(
            method="GET",
            query="status=expired&msgid=a1&to=4512345678&statuscode=10&returndata=dabc&batchid=96231",
            reports=(("96231", "dabc", "4512345678", "expired", "network_timeout"),),
        ),
        Call(
            headers={"content-type": FORM},
            body=b"SMS=pizza+%C3%A6&FROM=4599999999&NUMBER=1272",
            texts=(("4599999999", "1272", "pizza æ", 1, 1),),
        ),
    ),
)
