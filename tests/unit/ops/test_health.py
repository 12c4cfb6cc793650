"""What the health pages answer, from a gateway that starts to one whose worker died."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.applications import Starlette
from tests.dialects.in_process import ask

from dragoman.core.health import Health
from dragoman.ops.health import build_pages
from dragoman.web.client_address import ClientAddressReader


class Writer:
    failed = False


class Carrier:
    def __init__(self, up: bool) -> None:
        self.up = up


def health_of(carriers: dict[str, bool], phones: tuple[str, ...] = ()) -> Any:
    connectors: Any = {name: Carrier(up) for name, up in carriers.items()}
    writer: Any = Writer()
    return Health(writer, connectors, phones)


def pages_of(health: Health) -> Starlette:
    measured: Any = None
    return build_pages(
        health=health,
        measured=measured,
        dialects=(),
        addresses=ClientAddressReader(()),
        public_metrics=False,
    )


@pytest.mark.parametrize(
    ("carriers", "phones", "problems"),
    [
        ({"smsc": True}, (), []),
        ({"smsc": False}, (), ["carrier smsc is down"]),
        ({"smsc": False, "other": True}, (), []),
        ({"smsc": False, "phones": False}, ("phones",), []),
        ({}, (), []),
    ],
)
def test_a_gateway_is_ready_while_a_carrier_is_up_or_phones_may_call(
    carriers: dict[str, bool], phones: tuple[str, ...], problems: list[str]
) -> None:
    health = health_of(carriers, phones)
    assert health.problems() == ["not running"]
    health.note_phase("")
    assert health.problems() == problems


async def test_a_dead_worker_is_named_by_both_pages() -> None:
    health = health_of({"smsc": True})
    health.note_phase("")
    pages = pages_of(health)
    live, ready = await ask(pages, "GET", "/health/live"), await ask(pages, "GET", "/health/ready")
    assert (live.status, live.body) == (200, b"live\n")
    assert (ready.status, json.loads(ready.body)) == (200, {"ready": True, "problems": []})
    health.note_failure("worker receipts ended: ValueError: x")
    health.note_failure("worker backlog ended: it returned")
    live, ready = await ask(pages, "GET", "/health/live"), await ask(pages, "GET", "/health/ready")
    assert (live.status, live.body) == (503, b"worker receipts ended: ValueError: x\n")
    assert ready.status == 503
    assert json.loads(ready.body)["problems"] == ["worker receipts ended: ValueError: x"]
