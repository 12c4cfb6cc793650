"""Vonage (Nexmo) SMS API."""

from __future__ import annotations

from .shape import FORM, JSON, Answer, Call, Case, Request

CASE = Case(
    credentials={"api_key": "KEY", "api_secret": "SECRET"},
    requests=(
        Request(
            line="POST https://rest.nexmo.com/sms/json",
            content_type=FORM,
            body="api_key=KEY&api_secret=SECRET&from=Dragoman&to=4512345678&text=hello&status-report-req=1&callback=https%3A%2F%2Fsms.example.org%2Fcarriers%2Fprovider%2Ftoken-of-the-callback-address%3Fref%3Ddabc&client-ref=dabc&ttl=3600000&type=text",
        ),
        Request(
            line="POST https://rest.nexmo.com/sms/json",
            content_type=FORM,
            body="api_key=KEY&api_secret=SECRET&from=Dragoman&to=4512345678&text=gr%C3%BC%C3%9Fe+%F0%9F%98%80&status-report-req=1&callback=https%3A%2F%2Fsms.example.org%2Fcarriers%2Fprovider%2Ftoken-of-the-callback-address%3Fref%3Ddabc&client-ref=dabc&ttl=3600000&type=unicode&message-class=0",
            message={"text": "grüße 😀", "message_class": 0},
        ),
    ),
    answers=(
        Answer(
            body='{"message-count":"1","messages":[{"to":"4512345678","message-id":"0A0000000123ABCD1","status":"0","remaining-balance":"3.14","network":"23801"}]}',
            meaning="accepted",
            ids=("0A0000000123ABCD1",),
        ),
        Answer(
            body='{"message-count":"2","messages":[{"message-id":"A1","status":"0"},{"message-id":"A2","status":"0"}]}',
            meaning="accepted",
            ids=("A1", "A2"),
        ),
        Answer(
            body='{"message-count":"2","messages":[{"message-id":"A1","status":"0"},{"status":"1","error-text":"Throughput Rate Exceeded - please wait [ 250 ] and retry"}]}',
            meaning="refused_by_carrier",
            ids=("A1",),
        ),
        Answer(
            body='{"message-count":"1","messages":[{"status":"1","error-text":"Throughput Rate Exceeded - please wait [ 250 ] and retry"}]}',
            meaning="throttled",
            wait_s=0.25,
        ),
        Answer(
            body='{"messages":[{"status":"9","error-text":"Quota Exceeded - rejected"}]}',
            meaning="credit",
        ),
        Answer(
            body='{"messages":[{"status":"4","error-text":"Bad Credentials"}]}', meaning="setup"
        ),
        Answer(
            body='{"messages":[{"status":"5","error-text":"Internal Error"}]}', meaning="temporary"
        ),
        Answer(
            body='{"messages":[{"status":"15","error-text":"Illegal Sender Address - rejected"}]}',
            meaning="invalid_sender",
        ),
        Answer(body="<html>", meaning="unknown"),
    ),
    calls=(
        Call(
            method="GET",
            query="ref=dabc&msisdn=4512345678&to=Dragoman&network-code=23801&messageId=0A1&price=0.03&status=delivered&scts=2609211413&err-code=0&api-key=KEY&client-ref=dabc&message-timestamp=2026-09-21+14%3A13%3A20",
            reports=(("0A1", "dabc", "4512345678", "delivered", ""),),
        ),
        Call(
            query="ref=dabc",
            headers={"content-type": JSON},
            body=b'{"msisdn":"4512345678","to":"Dragoman","messageId":"0A1","status":"failed","err-code":"3","client-ref":"dabc"}',
            reports=(("0A1", "dabc", "4512345678", "undeliverable", "unknown_subscriber"),),
        ),
        Call(
            query="ref=dabc",
            headers={"content-type": FORM},
            body=b"msisdn=4512345678&messageId=0A1&status=accepted&err-code=0",
            reports=(("0A1", "dabc", "4512345678", "accepted", ""),),
        ),
        Call(
            headers={"content-type": FORM},
            body=b"msisdn=4599999999&to=4512720000&messageId=0B1&text=first+&type=text&keyword=FIRST&message-timestamp=2026-09-21+14%3A13%3A20&concat=true&concat-ref=39&concat-total=2&concat-part=1",
            texts=(("4599999999", "4512720000", "first ", 1, 2),),
        ),
        Call(
            headers={"content-type": FORM},
            body=b"msisdn=4599999999&to=4512720000&messageId=0B2&text=second&concat=true&concat-ref=39&concat-total=2&concat-part=2",
            texts=(("4599999999", "4512720000", "second", 2, 2),),
        ),
        Call(
            method="GET",
            query="msisdn=4599999999&to=4512720000&messageId=0B3&text=hello+%C3%A6&type=unicode",
            texts=(("4599999999", "4512720000", "hello æ", 1, 1),),
        ),
    ),
)
