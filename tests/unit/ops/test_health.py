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
    trouble = low_space = ""
    busy_s = 0.0

    def __init__(self, **state: Any) -> None:
        vars(self).update(state)

    async def check(self) -> None:
        """Writes nothing."""


class Carrier:
    def __init__(self, up: bool) -> None:
        self.up = up


def health_of(carriers: dict[str, bool], **state: Any) -> Any:
    connectors: Any = {name: Carrier(up) for name, up in carriers.items()}
    writer: Any = Writer(**state)
    return Health(writer, connectors)


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
    ("carriers", "warnings"),
    [
        ({"smsc": True}, []),
        ({"smsc": False}, ["carrier smsc is down"]),
        ({"smsc": False, "other": True}, ["carrier smsc is down"]),
        ({}, []),
    ],
)
async def test_a_carrier_that_is_down_is_a_warning_for_messages_are_accepted(
    carriers: dict[str, bool], warnings: list[str]
) -> None:
    """Bug: proxies took a gateway out of service whose carriers were all down."""
    health = health_of(carriers)
    assert health.problems() == ["not running"]
    health.note_phase("")
    ready = await ask(pages_of(health), "GET", "/health/ready")
    assert ready.status == 200
    assert json.loads(ready.body) == {"ready": True, "problems": [], "warnings": warnings}


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        ({"trouble": "database or disk is full"}, "database or disk is full"),
        ({"low_space": "little is free"}, "little is free"),
        ({"busy_s": 7.2}, "the database has not answered for 7 s"),
    ],
)
async def test_a_gateway_that_refuses_messages_is_not_ready(
    state: dict[str, Any], problem: str
) -> None:
    health = health_of({"smsc": True}, **state)
    health.note_phase("")
    ready = await ask(pages_of(health), "GET", "/health/ready")
    assert ready.status == 503
    assert json.loads(ready.body) == {"ready": False, "problems": [problem], "warnings": []}


async def test_a_dead_worker_is_named_by_both_pages() -> None:
    health = health_of({"smsc": True})
    health.note_phase("")
    pages = pages_of(health)
    live, ready = await ask(pages, "GET", "/health/live"), await ask(pages, "GET", "/health/ready")
    assert (live.status, live.body) == (200, b"live\n")
    assert (ready.status, json.loads(ready.body)) == (
        200,
        {"ready": True, "problems": [], "warnings": []},
    )
    health.note_failure("worker receipts ended: ValueError: x")
    health.note_failure("worker backlog ended: it returned")
    live, ready = await ask(pages, "GET", "/health/live"), await ask(pages, "GET", "/health/ready")
    assert (live.status, live.body) == (503, b"worker receipts ended: ValueError: x\n")
    assert ready.status == 503
    assert json.loads(ready.body)["problems"] == ["worker receipts ended: ValueError: x"]
