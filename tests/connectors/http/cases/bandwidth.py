"""Bandwidth Messaging, v2."""

from __future__ import annotations

from .shape import JSON, Answer, Call, Case, Request, basic

CASE = Case(
    credentials={
        "account_id": "99",
        "username": "user",
        "password": "pass",
        "application_id": "app",
        "callback_user": "cb",
        "callback_password": "secret",
    },
    requests=(
        Request(
            line="POST https://messaging.bandwidth.com/api/v2/users/99/messages",
            headers={"Authorization": "Basic dXNlcjpwYXNz"},
            content_type=JSON,
            body='{"applicationId":"app","to":["+4512345678"],"from":"Dragoman","text":"hello","tag":"dabc","expiration":"2026-09-21T15:13:20Z"}',
        ),
        Request(
            line="POST https://messaging.bandwidth.com/api/v2/users/99/messages",
            headers={"Authorization": "Basic dXNlcjpwYXNz"},
            content_type=JSON,
            body='{"applicationId":"app","to":["+4512345678"],"from":"Dragoman","text":"grüße 😀","tag":"dabc","expiration":"2026-09-21T15:13:20Z"}',
            message={"text": "grüße 😀", "message_class": 0},
        ),
    ),
    answers=(
        Answer(
            status=202,
            body='{"id":"14762070468292kw2fuqty55yp2b2","time":"2026-09-21T14:13:20Z","to":["+4512345678"],"tag":"dabc","segmentCount":1}',
            meaning="accepted",
            ids=("14762070468292kw2fuqty55yp2b2",),
        ),
        Answer(
            status=400,
            body='{"type":"request-validation","description":"x","fieldErrors":[{"fieldName":"to","description":"x"}]}',
            meaning="refused_by_carrier",
        ),
        Answer(status=401, body='{"type":"unauthorized","description":"x"}', meaning="setup"),
        Answer(status=429, body='{"type":"too-many-requests"}', meaning="throttled"),
        Answer(status=500, body="oops", meaning="temporary"),
    ),
    calls=(
        Call(
            headers={"content-type": JSON},
            body=b'[{"type":"message-delivered","time":"2026-09-21T14:13:20Z","description":"ok","to":"+4512345678","message":{"id":"147","tag":"dabc","direction":"out","owner":"+4511","to":["+4512345678"],"from":"+4511","text":"","segmentCount":1}}]',
            sign=lambda _: {"Authorization": basic("cb", "secret")},
            reports=(("147", "dabc", "4512345678", "delivered", ""),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'[{"type":"message-failed","description":"rejected-spam","errorCode":4770,"to":"+4512345678","message":{"id":"147","tag":"dabc","direction":"out"}}]',
            sign=lambda _: {"Authorization": basic("cb", "secret")},
            reports=(("147", "dabc", "4512345678", "undeliverable", "invalid_content"),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'[{"type":"message-sending","to":"+4512345678","message":{"id":"147","tag":"dabc"}}]',
            sign=lambda _: {"Authorization": basic("cb", "secret")},
            reports=(("147", "dabc", "4512345678", "enroute", ""),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'[{"type":"message-sent","to":"+4512345678","message":{"id":"147","tag":"dabc"}}]',
            sign=lambda _: {"Authorization": basic("cb", "secret")},
            reports=(("147", "dabc", "4512345678", "accepted", ""),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'[{"type":"message-read","to":"+4512345678","message":{"id":"147","tag":"dabc"}}]',
            sign=lambda _: {"Authorization": basic("cb", "secret")},
            reports=(("147", "dabc", "4512345678", "delivered", ""),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'[{"type":"message-received","description":"Incoming message received","to":"+4512720000","message":{"id":"in1","owner":"+4512720000","direction":"in","to":["+4512720000"],"from":"+4599999999","text":"hello \xc3\xa6"}}]',
            sign=lambda _: {"Authorization": basic("cb", "secret")},
            texts=(("+4599999999", "+4512720000", "hello æ", 1, 1),),
        ),
    ),
)
