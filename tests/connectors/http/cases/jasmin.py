"""Jasmin SMS Gateway, HTTP API."""

from __future__ import annotations

from .shape import FORM, Answer, Call, Case, Request

CASE = Case(
    credentials={"username": "user", "password": "pass"},
    base_url="http://127.0.0.1:1401",
    requests=(
        Request(
            line="POST http://127.0.0.1:1401/send",
            content_type=FORM,
            body="username=user&password=pass&to=4512345678&from=Dragoman&validity-period=60&dlr=yes&dlr-level=2&dlr-url=https%3A%2F%2Fsms.example.org%2Fcarriers%2Fprovider%2Ftoken-of-the-callback-address%3Fref%3Ddabc&dlr-method=POST&coding=0&content=hello",
        ),
        Request(
            line="POST http://127.0.0.1:1401/send",
            content_type=FORM,
            body="username=user&password=pass&to=4512345678&from=Dragoman&validity-period=60&dlr=yes&dlr-level=2&dlr-url=https%3A%2F%2Fsms.example.org%2Fcarriers%2Fprovider%2Ftoken-of-the-callback-address%3Fref%3Ddabc&dlr-method=POST&coding=8&hex-content=0067007200fc00df00650020d83dde00",
            message={"text": "grüße 😀", "message_class": 0},
        ),
    ),
    answers=(
        Answer(
            body='Success "07033084-5cfd-4812-90a4-e4d24ffb6e3d"',
            meaning="accepted",
            ids=("07033084-5cfd-4812-90a4-e4d24ffb6e3d",),
        ),
        Answer(
            status=403,
            body='Error "Cannot charge submit_sm, check RouterPB log file for details"',
            meaning="credit",
        ),
        Answer(
            status=403, body='Error "Authentication failure for username:user"', meaning="setup"
        ),
        Answer(status=412, body='Error "No route found"', meaning="no_route"),
        Answer(
            status=400,
            body='Error "Value filter failed for user [user] (destination_address filter mismatch)."',
            meaning="invalid_destination",
        ),
        Answer(
            status=500,
            body='Error "Cannot send submit_sm, check SMPPClientManagerPB log file for details"',
            meaning="temporary",
        ),
        Answer(status=400, body='Error "Argument [x] is unknown."', meaning="refused_by_carrier"),
        Answer(body="ok", meaning="unknown"),
    ),
    calls=(
        Call(
            query="ref=dabc",
            headers={"content-type": FORM},
            body=b"message_status=DELIVRD&level=2&id=07033084-5cfd-4812-90a4-e4d24ffb6e3d&connector=c&id_smsc=1&sub=001&dlvrd=001&subdate=2609211413&donedate=2609211414&err=000&text=",
            reports=(("07033084-5cfd-4812-90a4-e4d24ffb6e3d", "dabc", "", "delivered", ""),),
            answer=b"ACK/Jasmin",
        ),
        Call(
            query="ref=dabc",
            headers={"content-type": FORM},
            body=b"message_status=UNDELIV&level=2&id=07033084&err=001",
            reports=(("07033084", "dabc", "", "undeliverable", ""),),
            answer=b"ACK/Jasmin",
        ),
        Call(
            query="ref=dabc",
            headers={"content-type": FORM},
            body=b"message_status=ESME_ROK&level=1&id=07033084",
            reports=(("07033084", "dabc", "", "accepted", ""),),
            answer=b"ACK/Jasmin",
        ),
        Call(
            headers={"content-type": FORM},
            body=b"id=a1&from=4599999999&to=4512720000&origin-connector=c&priority=0&coding=0&content=hello&binary=68656c6c6f",
            texts=(("4599999999", "4512720000", "hello", 1, 1),),
            answer=b"ACK/Jasmin",
        ),
        Call(
            headers={"content-type": FORM},
            body=b"id=a2&from=4599999999&to=4512720000&coding=8&content=%00h%00%C3%A9&binary=006800e9",
            texts=(("4599999999", "4512720000", "hé", 1, 1),),
            answer=b"ACK/Jasmin",
        ),
    ),
)
