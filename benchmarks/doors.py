"""O: what a message costs through each API, beside LINK's call.

All are asked of one gateway, in turns: one recipient a request, over 32 kept-alive connections,
without callbacks. Cost is processor time of the gateway and of the process that writes, for each
message accepted.
"""

from __future__ import annotations

import base64
import json
import socket
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from benchmarks.accept import link_request
from benchmarks.processes import (
    KEY,
    PASSWORD,
    USERNAME,
    Gateway,
    Instrument,
    Site,
    generate_load,
    make_site,
    processor_s,
)

SECONDS = 5.0
QUIET_S = 1.5
NUMBER: Final = "4512345678"
TEXT: Final = "Hello world number {n}"
DIGITS: Final = 10
"""The running number's, in place of `{n}`."""
FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One turn of one API."""

    dialect: str
    accepted_per_s: int
    cost_us: int
    flaws: tuple[str, ...]


def run(folder: Path, turns: int) -> list[list[Figure]]:
    """Asks all APIs in turns, LINK's first."""
    smsc = Instrument("smsc_sink.py", "--receipts")
    site = make_site(folder, smsc.port, dialects=tuple(REQUESTS))
    try:
        with site.serving() as gateway:
            for name, make in REQUESTS.items():
                check(name, gateway, make(site, gateway))
            return [
                [
                    _measure(name, gateway, make(site, gateway), folder / f"{name}-{turn}")
                    for name, make in REQUESTS.items()
                ]
                for turn in range(turns)
            ]
    finally:
        smsc.stop()


def check(name: str, gateway: Gateway, request: bytes) -> None:
    """Raises if the request is not accepted: several of these APIs refuse with status 200."""
    with socket.create_connection(("127.0.0.1", gateway.http), timeout=10) as caller:
        caller.sendall(request.replace(b"{n}", b"0" * DIGITS))
        answer = caller.recv(65_536)
    if SAYS_YES[name] not in answer:
        raise ValueError(f"{name} refused: {answer.rpartition(_BLANK_LINE)[2][:200]!r}")


_BLANK_LINE: Final = b"\r\n\r\n"


def _measure(name: str, gateway: Gateway, request: bytes, folder: Path) -> Figure:
    folder.mkdir()
    time.sleep(QUIET_S)
    before = processor_s(gateway.pid)[1]
    load = generate_load(gateway, request, folder, seconds=SECONDS)
    time.sleep(QUIET_S)
    spent = processor_s(gateway.pid)[1] - before
    refused = {code: n for code, n in load["statuses"].items() if code not in ACCEPTED}
    return Figure(
        dialect=name,
        accepted_per_s=load["per_second"],
        cost_us=round(spent / max(1, load["answered"]) * 1e6),
        flaws=(f"refused: {refused}",) if refused else (),
    )


ACCEPTED: Final = frozenset({"200", "201", "202"})


def _request(target: str, *, port: int, body: str = "", kind: str = "", login: str = "") -> bytes:
    """A whole request; `{n}` in it counts as ten octets."""
    method, lines = "GET", ""
    if kind:
        length = len(body.encode()) + body.count("{n}") * (DIGITS - len("{n}"))
        method, lines = "POST", f"Content-Type: {kind}\r\nContent-Length: {length}\r\n"
    if login:
        lines += f"Authorization: Basic {base64.b64encode(login.encode()).decode()}\r\n"
    return f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{lines}\r\n{body}".encode()


def _query(**values: str) -> str:
    return urllib.parse.urlencode(values, safe="{}")


def _link(_site: Site, gateway: Gateway) -> bytes:
    return link_request(gateway.http, None)


def _httpsms(_site: Site, gateway: Gateway) -> bytes:
    # The reference alone may carry the number: with an earlier one it would be the same message.
    text = TEXT.replace("{n}", "0" * DIGITS)
    query = _query(
        key=KEY, mobile=NUMBER, sender="TEST", msgtext=text, ref=f"{time.time_ns()}-{{n}}"
    )
    return _request(f"/api/sms/send_sms.php?{query}", port=gateway.http)


def _smsend(_site: Site, gateway: Gateway) -> bytes:
    prefix = "/API/v1.0/REST"
    answer = _fetch(gateway, f"{prefix}/token?{_query(username=USERNAME, password=PASSWORD)}")
    user_key, token = answer.split(";")
    message = {"message_type": "N", "message": TEXT, "recipient": [f"+{NUMBER}"], "sender": "TEST"}
    request = _request(f"{prefix}/sms", port=gateway.http, body=json.dumps(message), kind=JSON)
    keys = f"\r\nuser_key: {user_key}\r\nAccess_token: {token}\r\nHost:"
    return request.replace(b"\r\nHost:", keys.encode(), 1)


def _smsgateway24(site: Site, gateway: Gateway) -> bytes:
    site.command("account", "set", USERNAME, "--sender", "TEST")
    login = _query(email=USERNAME, **{"pass": PASSWORD})
    token = json.loads(_fetch(gateway, f"/getdata/gettoken?{login}"))["token"]
    body = _query(token=token, sendto=f"+{NUMBER}", body=TEXT)
    return _request("/getdata/addsms", port=gateway.http, body=body, kind=FORM)


def _smsgate(_site: Site, gateway: Gateway) -> bytes:
    body = {"textMessage": {"text": TEXT}, "phoneNumbers": [f"+{NUMBER}"]}
    return _request(
        "/api/3rdparty/v1/messages",
        port=gateway.http,
        body=json.dumps(body),
        kind=JSON,
        login=f"{USERNAME}:{PASSWORD}",
    )


def _kannel(_site: Site, gateway: Gateway) -> bytes:
    query = _query(**{"username": USERNAME, "password": PASSWORD, "to": NUMBER, "from": "TEST"})
    return _request(f"/cgi-bin/sendsms?{query}&{_query(text=TEXT)}", port=gateway.http)


def _jasmin(_site: Site, gateway: Gateway) -> bytes:
    query = _query(**{"username": USERNAME, "password": PASSWORD, "to": NUMBER, "from": "TEST"})
    return _request(f"/send?{query}&{_query(content=TEXT)}", port=gateway.http)


def _twilio(site: Site, gateway: Gateway) -> bytes:
    shown: dict[str, Any] = json.loads(site.command("account", "auth-token", USERNAME, "--json"))
    sid, token = shown["account_sid"], shown["auth_token"]
    return _request(
        f"/2010-04-01/Accounts/{sid}/Messages.json",
        port=gateway.http,
        body=_query(To=f"+{NUMBER}", From="TEST", Body=TEXT),
        kind=FORM,
        login=f"{sid}:{token}",
    )


def _native(_site: Site, gateway: Gateway) -> bytes:
    body = {"to": f"+{NUMBER}", "from": "TEST", "text": TEXT}
    request = _request("/api/v1/messages", port=gateway.http, body=json.dumps(body), kind=JSON)
    key = f"\r\nAuthorization: Bearer {KEY}\r\nHost:"
    return request.replace(b"\r\nHost:", key.encode(), 1)


def _fetch(gateway: Gateway, target: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{gateway.http}{target}") as answer:
        text: str = answer.read().decode()
        return text


REQUESTS: Final[Mapping[str, Callable[[Site, Gateway], bytes]]] = MappingProxyType(
    {
        "linkmobility": _link,
        "httpsms": _httpsms,
        "smsend": _smsend,
        "smsgateway24": _smsgateway24,
        "smsgate": _smsgate,
        "kannel": _kannel,
        "jasmin": _jasmin,
        "twilio": _twilio,
        "native": _native,
    }
)
"""Makes, by dialect, a request whose text has the running number."""

SAYS_YES: Final[Mapping[str, bytes]] = MappingProxyType(
    {
        "linkmobility": b'"status":201',
        "httpsms": _BLANK_LINE + b"200",
        "smsend": b'"result":"OK"',
        "smsgateway24": b'"error":0',
        "smsgate": b'"state":"Pending"',
        "kannel": b"0: Accepted",
        "jasmin": b'Success "',
        "twilio": b'"status":"queued"',
        "native": b'"state":"queued"',
    }
)
"""What an answer has that accepts the message."""
