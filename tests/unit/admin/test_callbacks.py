"""Held hosts, as operators see them, and trying them now."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.admin.answers import Finding
from dragoman.admin.diagnosis import MAX_HOSTS_NAMED, check_host, diagnose
from dragoman.container import Services
from dragoman.core.callbacks.model.held_hosts import HeldHost
from dragoman.core.callbacks.model.hosts import CallbackHost
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import CallbackRequest, Submission

from .conftest import Caller

NEXT_TRY_MS = 1_790_000_007_000  # 2026-09-21 14:13:27 UTC
ORIGIN = "https://shop.example"


def held(account_id: int, origin: str = ORIGIN) -> HeldHost:
    return HeldHost(
        account_id=account_id,
        origin=origin,
        reason="it answered 503",
        waiting=12,
        since_ms=NEXT_TRY_MS - 60_000,
        next_try_ms=NEXT_TRY_MS,
    )


@pytest.fixture
async def shop(call: Caller, services: Services) -> Any:
    """An account with a held host."""
    await services.accounts.create("shop", default_sender="Shop")
    account = await services.accounts.find("shop")
    call.running.hosts = (held(account.account_id),)
    return account


async def test_held_hosts_are_listed(call: Caller, shop: Any) -> None:
    assert await call("GET", "callbacks") == {
        "waiting": 12,
        "held": [
            {
                "account": "shop",
                "host": ORIGIN,
                "reason": "it answered 503",
                "waiting": 12,
                "since_ms": NEXT_TRY_MS - 60_000,
                "next_try_ms": NEXT_TRY_MS,
            }
        ],
    }


@pytest.mark.parametrize(
    ("given", "host"), [({}, ""), ({"account": "shop"}, ""), ({"host": "a.example"}, "a.example")]
)
async def test_hosts_are_tried_now_and_that_is_written_down(
    call: Caller, services: Services, shop: Any, given: dict[str, str], host: str
) -> None:
    answer = await call("POST", "callbacks", "retry", **given)
    assert answer == {"retried": [{"account": "shop", "host": ORIGIN, "waiting": 12}]}
    account_id = shop.account_id if given.get("account") else None
    assert call.running.retried == [(account_id, host, None)]
    (change, *_) = await services.audit_log.changes(shop, shop, None, 5)
    assert (change.action, change.entry.subject) == ("retry_callbacks", ORIGIN)
    assert change.by_command


async def test_the_callback_of_a_message_is_tried_first(
    call: Caller, services: Services, shop: Any
) -> None:
    request = CallbackRequest(url=f"{ORIGIN}/dlr?key=secret", states=frozenset({State.CANCELLED}))
    accepted = await services.submission.submit(
        shop,
        Submission(
            dialect="linkmobility",
            recipients=("+4530123456",),
            text="x",
            sender="Shop",
            callback=request,
        ),
    )
    identifier = str(accepted.batch_id)
    await call("POST", "callbacks", "retry", message=identifier)
    assert call.running.retried == []  # nothing is to be told yet
    await call("POST", "messages", identifier, "cancel")
    await call("POST", "callbacks", "retry", message=identifier)
    ((account_id, origin, message_id),) = call.running.retried
    assert (account_id, origin) == (shop.account_id, ORIGIN)
    story = await call("GET", "messages", identifier)
    assert story["message_id"] == message_id
    (callback,) = story["callbacks"]
    assert (callback["held"], callback["next_attempt_ms"]) == ("it answered 503", NEXT_TRY_MS)
    assert await call.refused("POST", "callbacks", "retry", message="1") == "not_found"


async def test_the_doctor_names_held_hosts_and_the_remedy(call: Caller, shop: Any) -> None:
    check = check_host(held(shop.account_id), "shop")
    assert check.finding is Finding.WARNING
    assert check.detail == (
        f"12 to {ORIGIN} are held: host failing, next try at 14:13:27 UTC (it answered 503)"
    )
    assert check.remedy.endswith("`dragoman callback retry --account shop`")
    found = [c for c in (await diagnose(call.admin)).checks if c.name.startswith("callbacks")]
    assert [c.name for c in found] == ["callbacks", "callbacks of shop"]


async def test_the_doctor_counts_held_hosts_beyond_a_few(call: Caller, shop: Any) -> None:
    call.running.hosts = tuple(
        held(shop.account_id, f"https://shop{n}.example") for n in range(MAX_HOSTS_NAMED + 3)
    )
    found = [c for c in (await diagnose(call.admin)).checks if c.name.startswith("callbacks")]
    assert len(found) == 1 + MAX_HOSTS_NAMED
    assert "3 more are held" in found[0].detail


async def test_the_doctor_names_paused_hosts(call: Caller, shop: Any) -> None:
    call.running.hosts = ()
    call.running.callback_hosts_now = (
        CallbackHost(
            account_id=shop.account_id,
            origin="https://shop.example",
            waiting=3,
            calling=0,
            since_ms=1_790_000_000_000,
            is_paused=True,
        ),
    )
    checks = (await call("GET", "diagnosis"))["checks"]
    (check,) = [one for one in checks if one["name"] == "callbacks of shop"]
    assert check["finding"] == "warning"
    assert check["detail"] == ("3 to https://shop.example wait: paused since 2026-09-21 14:13 UTC")
