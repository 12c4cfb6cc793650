"""smSend and its brands (Skebby, Trendoo, Aruba, Mobyt, Esendex.it, …), REST v1.0."""

from __future__ import annotations

from .shape import JSON, Answer, Case, Request

CASE = Case(
    credentials={"username": "user", "password": "pass"},
    session={"user_key": "USER", "session_key": "SESSION"},
    requests=(
        Request(
            line="POST https://app.gateway.smsend.it/API/v1.0/REST/sms",
            headers={"user_key": "USER", "Session_key": "SESSION"},
            content_type=JSON,
            body='{"message_type":"N","message":"hello","recipient":["+4512345678"],"sender":"Dragoman","order_id":"dabc"}',
        ),
        Request(
            line="POST https://app.gateway.smsend.it/API/v1.0/REST/sms",
            headers={"user_key": "USER", "Session_key": "SESSION"},
            content_type=JSON,
            body='{"message_type":"N","message":"grüße 😀","recipient":["+4512345678"],"sender":"Dragoman","order_id":"dabc","encoding":"ucs2"}',
            message={"text": "grüße 😀", "message_class": 0},
        ),
    ),
    answers=(
        Answer(
            status=201,
            body='{"result":"OK","order_id":"dabc","total_sent":1}',
            meaning="accepted",
            ids=("dabc",),
        ),
        Answer(status=401, body="Unauthorized", meaning="session"),
        Answer(
            status=404, body='{"result":"Invalid value for parameter [user_key]"}', meaning="setup"
        ),
        Answer(
            status=400,
            body='{"result":"Insufficient credit","error_code":400,"error_message":"Insufficient credit"}',
            meaning="credit",
        ),
        Answer(status=400, body='{"result":"[dabc] already exists"}', meaning="accepted"),
        Answer(
            status=400, body='{"result":"Invalid recipient [x]"}', meaning="invalid_destination"
        ),
        Answer(status=429, body='{"message":"Too Many Requests"}', meaning="throttled"),
    ),
    calls=(),
)
