"""What accounts of the month own besides messages: a number, services, keywords and phones."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, insert

from dragoman.core.devices.sql.tables import devices, sims
from dragoman.core.inbound.sql.tables import forwardings, keywords, numbers

SERVICES: Final = 20
KEYWORDS: Final = 500
DEVICES: Final = 500
_SERVICES_OF_ONE: Final = 1_000
"""The services of an account are numbered from so many times its identifier."""


def service_of(account_id: int, number: int = 0) -> int:
    """The identifier of a service of an account that has some."""
    return account_id * _SERVICES_OF_ONE + number


def add_belongings(
    connection: Connection, owners: tuple[int, ...], number: str, accounts: int, now_ms: int
) -> None:
    """Gives each owner services and keywords on one number, and phones to all accounts in turn."""
    shared = {"number_id": 1, "number": number, "account_id": owners[0], "shared": True}
    connection.execute(insert(numbers), [shared])
    for owner in owners:
        connection.execute(insert(forwardings), [_service(owner, n) for n in range(SERVICES)])
        connection.execute(insert(keywords), [_keyword(owner, number, n) for n in range(KEYWORDS)])
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
