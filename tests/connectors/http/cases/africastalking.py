"""Africa's Talking, SMS."""

from __future__ import annotations

from .shape import FORM, Answer, Call, Case, Request

CASE = Case(
    credentials={"username": "app", "api_key": "KEY"},
    requests=(
        Request(
            line="POST https://api.africastalking.com/version1/messaging",
            headers={"apiKey": "KEY", "Accept": "application/json"},
            content_type=FORM,
            body="username=app&to=%2B4512345678&message=hello&from=Dragoman&enqueue=1",
        ),
        Request(
            line="POST https://api.africastalking.com/version1/messaging",
            headers={"apiKey": "KEY", "Accept": "application/json"},
            content_type=FORM,
            body="username=app&to=%2B4512345678&message=gr%C3%BC%C3%9Fe+%F0%9F%98%80&from=Dragoman&enqueue=1",
            message={"text": "grüße 😀", "message_class": 0},
        ),
    ),
    answers=(
        Answer(
            status=201,
            body='{"SMSMessageData":{"Message":"Sent to 1/1 Total Cost: KES 0.8000","Recipients":[{"statusCode":101,"number":"+4512345678","status":"Success","cost":"KES 0.8000","messageId":"ATXid_1"}]}}',
            meaning="accepted",
            ids=("ATXid_1",),
        ),
        Answer(
            status=201,
            body='{"SMSMessageData":{"Message":"x","Recipients":[{"statusCode":403,"number":"+4512345678","status":"InvalidPhoneNumber","cost":"0","messageId":"None"}]}}',
            meaning="invalid_destination",
        ),
        Answer(
            status=201,
            body='{"SMSMessageData":{"Recipients":[{"statusCode":405,"status":"InsufficientBalance","messageId":"None"}]}}',
            meaning="credit",
        ),
        Answer(
            status=201,
            body='{"SMSMessageData":{"Recipients":[{"statusCode":406,"status":"UserInBlacklist"}]}}',
            meaning="opted_out",
        ),
        Answer(
            status=201,
            body='{"SMSMessageData":{"Message":"Invalid sender id","Recipients":[]}}',
            meaning="invalid_sender",
        ),
        Answer(
            status=201,
            body='{"SMSMessageData":{"Message":"InvalidSenderId","Recipients":[]}}',
            meaning="invalid_sender",
        ),
        Answer(
            status=201,
            body='{"SMSMessageData":{"Message":"InsufficientBalance","Recipients":[]}}',
            meaning="credit",
        ),
        # Nobody is on the list: nothing was sent, and nothing is unknown.
        Answer(
            status=201,
            body='{"SMSMessageData":{"Message":"Sent to 0/1 Total Cost: 0","Recipients":[]}}',
            meaning="refused_by_carrier",
        ),
        Answer(status=401, body="The supplied authentication is invalid", meaning="setup"),
    ),
    calls=(
        Call(
            headers={"content-type": FORM},
            body=b"id=ATXid_1&status=Success&phoneNumber=%2B4512345678&networkCode=63902",
            reports=(("ATXid_1", "", "4512345678", "delivered", ""),),
        ),
        Call(
            headers={"content-type": FORM},
            body=b"id=ATXid_1&status=Failed&phoneNumber=%2B4512345678&failureReason=UserInBlackList",
            reports=(("ATXid_1", "", "4512345678", "undeliverable", "opted_out"),),
        ),
        Call(
            headers={"content-type": FORM},
            body=b"id=ATXid_1&status=Submitted&phoneNumber=%2B4512345678",
            reports=(("ATXid_1", "", "4512345678", "accepted", ""),),
        ),
        Call(
            headers={"content-type": FORM},
            body=b"date=2026-09-21T14%3A13%3A20Z&from=%2B4599999999&id=in1&linkId=l1&text=hello+%C3%A6&to=12345&networkCode=63902",
            texts=(("+4599999999", "12345", "hello æ", 1, 1),),
        ),
    ),
)
