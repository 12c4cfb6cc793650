"""What accounts of the month own besides messages: a number, services, keywords and phones."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, insert

from dragoman.core.devices.sql.tables import devices, sims
from dragoman.core.inbound.sql.tables import forwardings, keywords, numbers
from dragoman.core.messages.sql.tables import batches, callbacks

SERVICES: Final = 20
KEYWORDS: Final = 500
DEVICES: Final = 500
SCHEDULED: Final = 1_000
CALLS: Final = 5_000
_FAR_MS: Final = 3_000_000_000_000
"""When what is scheduled is due, whenever the month was."""
_YOUNG: Final = 1 << 52
"""Identifiers of callbacks begin here: old ones that ended are deleted."""
_APART: Final = 16
"""Between identifiers of batches, so that entries of the ledger may be numbered from theirs."""
_SERVICES_OF_ONE: Final = 1_000
"""The services of an account are numbered from so many times its identifier."""


def service_of(account_id: int, number: int = 0) -> int:
    """The identifier of a service of an account that has some."""
    return account_id * _SERVICES_OF_ONE + number


def batch_of(account_id: int, number: int = 0) -> int:
    """The identifier of a batch of an account that is due later."""
    return (account_id * SCHEDULED + number) * _APART


def callback_of(account_id: int, number: int = 0) -> int:
    """The identifier of a callback of an account."""
    return _YOUNG + account_id * CALLS + number


def add_belongings(
    connection: Connection, owners: tuple[int, ...], number: str, accounts: int, now_ms: int
) -> None:
    """Gives each owner services and keywords on one number, and phones to all accounts in turn."""
    shared = {"number_id": 1, "number": number, "account_id": owners[0], "shared": True}
    connection.execute(insert(numbers), [shared])
    for owner in owners:
        connection.execute(insert(forwardings), [_service(owner, n) for n in range(SERVICES)])
        connection.execute(insert(keywords), [_keyword(owner, number, n) for n in range(KEYWORDS)])
        connection.execute(insert(batches), [_batch(owner, n) for n in range(SCHEDULED)])
        connection.execute(insert(callbacks), [_callback(owner, n, now_ms) for n in range(CALLS)])
    phones = [_device(n, 1 + n % accounts, now_ms) for n in range(DEVICES)]
    connection.execute(insert(devices), phones)
    connection.execute(insert(sims), [_sim(n, slot) for n in range(DEVICES) for slot in (1, 2)])


def _service(owner: int, number: int) -> dict[str, Any]:
    return {
        "forwarding_id": service_of(owner, number),
        "account_id": owner,
        "kind": "http",
        "dialect": "linkmobility",
        "url": f"https://shop{number}.example.org/texts",
        "charset": "utf-8",
        "continuous": False,
    }


def _batch(owner: int, number: int) -> dict[str, Any]:
    due_ms = _FAR_MS + number * 60_000
    return {
        "batch_id": batch_of(owner, number),
        "account_id": owner,
        "dialect": "httpsms",
        "protocol": "HTTP",
        "reference": None,
        "sender": "Dragoman",
        "format": "auto",
        "text": f"Reminder {number}",
        "options": "{}",
        "lane": 1,
        "due_ms": due_ms,
        "expires_ms": due_ms + 86_400_000,
        "state": 0,
        "recipients": 1,
        "expanded": 0,
        "waiting_recipients": b"4530123456",
        "unsent": 1,
        "buffered": 0,
        "received": 0,
        "failed": 0,
    }


def _callback(owner: int, number: int, now_ms: int) -> dict[str, Any]:
    origin = f"https://shop{number % SERVICES}.example.org"
    return {
        "callback_id": callback_of(owner, number),
        "account_id": owner,
        "message_id": number,
        "dialect": "linkmobility",
        "origin": origin,
        "url": f"{origin}/dlr",
        "payload": "{}",
        "state": 1 + number % 2,
        "attempts": 2,
        "next_attempt_ms": now_ms,
        "answered_ms": now_ms,
        "answer_status": 200,
        "answer": "ok",
    }


def _keyword(owner: int, number: str, count: int) -> dict[str, Any]:
    return {
        "keyword_id": owner * KEYWORDS + count,
        "account_id": owner,
        "number": number,
        "main_keyword_id": 0,
        "keyword": f"WORD{owner}N{count}",
        "forwarding_id": service_of(owner, count % SERVICES),
        "free_ms": 0,
    }


def _device(number: int, owner: int, now_ms: int) -> dict[str, Any]:
    return {
        "device_id": _device_id(number),
        "account_id": owner,
        "carrier": "phones",
        "protocol": "smsgate",
        "name": f"Phone {number}",
        "enabled": number % 10 != 9,
        "app_version": "1.2.3",
        "push_token": "",
        "signing_key": f"key {number}",
        "settings": "{}",
        "health": '{"at_ms":1,"status":"pass","checks":{"battery:level":80,"sms:queue":3}}',
        "created_ms": now_ms,
        "seen_ms": now_ms,
        "token_digest": f"token {number}".encode(),
    }


def _sim(number: int, slot: int) -> dict[str, Any]:
    return {
        "device_id": _device_id(number),
        "slot": slot,
        "carrier": "Telia",
        "reported_number": "*4711",
        "present": True,
        "label": "",
        "number": "",
        "limits": "{}",
    }


def _device_id(number: int) -> int:
    return 1_000 + number
