"""Programs tag their messages for routes: by a header in every dialect, by a field in Jasmin's."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.config.tables import RouteTable
from dragoman.core.accounts.model.accounts import DEFAULT_PERMISSIONS, Permission
from dragoman.core.messages.sql.tables import messages
from dragoman.dialects.httpsms import build_httpsms
from dragoman.dialects.jasmin import build_jasmin
from dragoman.web.router import DialectApp

from .in_process import ask, nowhere

KEY = "0123456789abcdef0123456789abcdef"
HTTPSMS = f"/api/sms/send_sms.php?key={KEY}&sender=Shop&msgtext=Hello&mobile=4520000000&ref=r1"
JASMIN = "/send?username=acme&password=correct+horse&to=4520000000&content=Hello"

CASES = [
    (HTTPSMS, [(b"dragoman-tag", b"otp")], "codes"),
    (HTTPSMS, [(b"dragoman-tag", b" otp ")], "codes"),
    (HTTPSMS, [(b"dragoman-tag", b"other")], "rest"),
    (HTTPSMS, [], "rest"),
    (HTTPSMS, [(b"dragoman-tag", b"otp\xe6")], "rest"),
    (HTTPSMS, [(b"dragoman-tag", b"o tp")], "rest"),
    (HTTPSMS, [(b"dragoman-tag", b"x" * 65)], "rest"),
    (JASMIN, [(b"dragoman-tag", b"otp")], "codes"),
    (f"{JASMIN}&tags=otp,more", [], "codes"),
    (f"{JASMIN}&tags=more,otp", [], "rest"),
    (f"{JASMIN}&tags=more", [(b"dragoman-tag", b"otp")], "rest"),
]


@pytest.mark.parametrize(("target", "headers", "route"), CASES)
async def test_tag_of_a_call_leads_to_its_route(
    make_harness: Any, target: str, headers: list[tuple[bytes, bytes]], route: str
) -> None:
    harness = await make_harness(
        start=False,
        carriers={"smsc": 1},
        routes=[
            RouteTable(name="rest", carriers=("smsc",)),
            RouteTable(name="codes", carriers=("smsc",), tags=("otp",)),
        ],
    )
    await harness.accounts.create(
        "acme",
        password="correct horse",
        api_key=KEY,
        credits=10,
        permissions=DEFAULT_PERMISSIONS | {Permission.ANY_SENDER},
    )
    dialects = [build_httpsms(harness.services).web, build_jasmin(harness.services).web]
    app = DialectApp(dialects, nowhere, body_timeout_s=30)
    answer = await ask(app, "GET", target, headers=headers)
    assert answer.status == 200, answer.body
    assert [row["route"] for row in await harness.rows(messages)] == [route]
