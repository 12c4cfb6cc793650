"""Infobip SMS API."""

from __future__ import annotations

from .shape import JSON, Answer, Call, Case, Request

CASE = Case(
    credentials={"api_key": "KEY"},
    base_url="https://x.api.infobip.com",
    requests=(
        Request(
            line="POST https://x.api.infobip.com/sms/3/messages",
            headers={"Authorization": "App KEY", "Accept": "application/json"},
            content_type=JSON,
            body='{"messages":[{"sender":"Dragoman","destinations":[{"to":"4512345678","messageId":"dabc"}],"content":{"text":"hello"},"options":{"validityPeriod":{"amount":60,"timeUnit":"MINUTES"}},"webhooks":{"delivery":{"url":"https://sms.example.org/carriers/provider/token-of-the-callback-address?ref=dabc","intermediateReport":false}}}]}',
        ),
        Request(
            line="POST https://x.api.infobip.com/sms/3/messages",
            headers={"Authorization": "App KEY", "Accept": "application/json"},
            content_type=JSON,
            body='{"messages":[{"sender":"Dragoman","destinations":[{"to":"4512345678","messageId":"dabc"}],"content":{"text":"grüße 😀"},"options":{"validityPeriod":{"amount":60,"timeUnit":"MINUTES"}},"webhooks":{"delivery":{"url":"https://sms.example.org/carriers/provider/token-of-the-callback-address?ref=dabc","intermediateReport":false}}}]}',
            message={"text": "grüße 😀", "message_class": 0},
        ),
    ),
    answers=(
        Answer(
            body='{"bulkId":"b","messages":[{"messageId":"dabc","status":{"groupId":1,"groupName":"PENDING","id":26,"name":"PENDING_ACCEPTED"},"destination":"4512345678"}]}',
            meaning="accepted",
            ids=("dabc",),
        ),
        Answer(
            body='{"messages":[{"messageId":"dabc","status":{"groupId":0,"groupName":"ACCEPTED","id":0,"name":"MESSAGE_ACCEPTED"},"destination":"4512345678"}]}',
            meaning="accepted",
            ids=("dabc",),
        ),
        Answer(
            body='{"messages":[{"messageId":"dabc","status":{"groupId":5,"groupName":"REJECTED","id":52,"name":"REJECTED_DESTINATION"}}]}',
            meaning="invalid_destination",
        ),
        Answer(
            body='{"messages":[{"messageId":"dabc","status":{"groupId":5,"groupName":"REJECTED","id":12,"name":"REJECTED_NOT_ENOUGH_CREDITS"}}]}',
            meaning="credit",
        ),
        Answer(
            status=401,
            body='{"requestError":{"serviceException":{"messageId":"UNAUTHORIZED","text":"Invalid login details"}}}',
            meaning="setup",
        ),
        Answer(
            status=429,
            body='{"requestError":{"serviceException":{"messageId":"TOO_MANY_REQUESTS"}}}',
            meaning="throttled",
        ),
        Answer(
            status=400,
            body='{"requestError":{"serviceException":{"messageId":"BAD_REQUEST"}}}',
            meaning="refused_by_carrier",
        ),
        Answer(status=500, meaning="unknown"),
    ),
    calls=(
        Call(
            headers={"content-type": JSON},
            body=b'{"results":[{"bulkId":"b","messageId":"dabc","to":"4512345678","sentAt":"2026-09-21T14:13:20.000+0000","status":{"groupId":3,"groupName":"DELIVERED","id":5,"name":"DELIVERED_TO_HANDSET"},"error":{"groupId":0,"groupName":"OK","id":0,"name":"NO_ERROR","permanent":false}},{"messageId":"dabd","to":"4512345678","status":{"groupId":3,"groupName":"DELIVERED","id":2,"name":"DELIVERED_TO_OPERATOR"}}]}',
            reports=(
                ("dabc", "", "4512345678", "delivered", ""),
                ("dabd", "", "4512345678", "accepted", ""),
            ),
        ),
        Call(
            query="ref=dabc",
            headers={"content-type": JSON},
            body=b'{"results":[{"messageId":"dabc","to":"4512345678","status":{"groupId":2,"groupName":"UNDELIVERABLE","id":9,"name":"UNDELIVERABLE_NOT_DELIVERED"},"error":{"groupId":1,"name":"EC_UNKNOWN_SUBSCRIBER","permanent":true}}]}',
            reports=(("dabc", "", "4512345678", "undeliverable", "unknown_subscriber"),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"results":[{"messageId":"dabc","to":"4512345678","status":{"groupId":4,"groupName":"EXPIRED","id":15,"name":"EXPIRED_EXPIRED"},"error":{"name":"EC_ABSENT_SUBSCRIBER"}}]}',
            reports=(("dabc", "", "4512345678", "expired", "absent_subscriber"),),
        ),
        Call(
            headers={"content-type": JSON},
            body=b'{"results":[{"messageId":"817790313235066447","from":"4599999999","to":"4512720000","text":"JOIN \xc3\xa6","cleanText":"\xc3\xa6","keyword":"JOIN","receivedAt":"2026-09-21T14:13:20.678+0000","smsCount":1}],"messageCount":1,"pendingMessageCount":0}',
            texts=(("4599999999", "4512720000", "JOIN æ", 1, 1),),
        ),
    ),
)
