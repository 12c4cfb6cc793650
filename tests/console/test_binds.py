"""The page of binds: who is bound, and unbinding."""

from __future__ import annotations

import msgspec

from dragoman.core.delivery.running import BindView

from .conftest import Browser

BIND = BindView(
    bind_id=7,
    account_id=0,
    account="shop",
    system_id="shop-1",
    kind="transceiver",
    version="3.4",
    address="192.0.2.7",
    tls=True,
    since_ms=1_790_000_000_000,
    idle_s=3.0,
    received=1_234,
    per_s=4.5,
    pending=2,
    delivered=99,
    outstanding=1,
    window=10,
    last_error="submit_sm answered 0x00000058",
    logged=True,
)


async def test_a_bind_is_shown_and_ended(browser: Browser) -> None:
    account = await browser.services.accounts.find("olga")
    browser.machine.bound.append(msgspec.structs.replace(BIND, account_id=account.account_id))
    await browser.sign_in("olga")
    page = await browser.get("/console/binds")
    assert "shop-1 transceiver SMPP 3.4, TLS" in page.text
    assert "192.0.2.7" in page.text
    assert "4.5/s, 2 unanswered" in page.text
    assert "99 1 of 10 in flight" in page.text
    assert "submit_sm answered 0x00000058" in page.text
    assert "dragoman bind log 7" in page.text
    page = await browser.send(page, "/console/binds")
    assert browser.machine.bound == []
    changes = await browser.get(f"/console/accounts/{account.account_id}/changes")
    assert "unbound shop-1 from 192.0.2.7" in changes.text


async def test_without_a_server_the_page_says_so(browser: Browser) -> None:
    await browser.sign_in("olga")
    page = await browser.get("/console/binds")
    assert "The SMPP server is not configured" in page.text
