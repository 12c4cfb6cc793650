"""Finding in Chromium: search, files, what is scheduled, callbacks; by keyboard, without script."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from dragoman.core.messages.model.messages import CallbackRequest, Submission
from dragoman.core.submission.model.scheduled import ScheduledFilter

from .scene import DESKTOP, PHONE, USERNAME, Scene, running_scene
from .tabs import open_tab

pytestmark = pytest.mark.asyncio(loop_scope="session")
HOUR_MS = 3_600_000
PICTURES = os.environ.get("PICTURES", "")
"""A folder for pictures of each page, for whoever wants to look at them."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with running_scene(tmp_path_factory.mktemp("scene")) as scene:
        await scene.live_a_day()
        services = scene.gateway.services
        account = await services.accounts.find(USERNAME)
        now_ms = services.clock.now_ms()
        for hours, numbers in ((2, ("+4530123456",)), (30, ("+4530123457", "+46731234567"))):
            await services.submission.submit(
                account,
                Submission(
                    dialect="httpsms",
                    recipients=numbers,
                    text="Your table is ready in ten minutes.",
                    sender="Dragoman",
                    due_ms=now_ms + hours * HOUR_MS,
                ),
            )
        for path in ("dlr", "other"):
            await services.submission.submit(
                account,
                Submission(
                    dialect="linkmobility",
                    recipients=("+4530123458",),
                    text="Hello",
                    sender="Dragoman",
                    reference=f"order-{path}",
                    callback=CallbackRequest(url=f"http://127.0.0.1:9/{path}"),
                ),
            )
        await services.callback_lists.pause(account.account_id, "https://shop.example")
        yield scene


async def _picture(tab: Any, name: str) -> None:
    if PICTURES:
        for look, size, scheme in (("desktop", DESKTOP, "light"), ("phone", PHONE, "dark")):
            await tab.look(size, scheme)
            await tab.page.screenshot(path=Path(PICTURES) / f"{name}-{look}.png", full_page=True)


def _read(path: Path) -> str:
    return path.read_text()


async def test_pages_of_finding_are_accessible_in_every_look(chromium: Any, scene: Scene) -> None:
    tab = await open_tab(chromium, scene)
    await tab.sign_in()
    services = scene.gateway.services
    account = await services.accounts.find(USERNAME)
    wanted = ScheduledFilter(account_ids=(account.account_id,))
    (first, _) = (await services.scheduled_batches.page(wanted, None, 2)).batches
    for name, path in {
        "overview": "/console",
        "overview-days": "/console?from=2026-11-01&compare=1",
        "messages": "/console/messages",
        "search": "/console/messages?q=30123456",
        "filters": "/console/messages?state=failed&country=238",
        "wrong": "/console/messages?state=gone&from=x",
        "scheduled": "/console/messages?state=scheduled",
        "schedule": f"/console/batches/{first.batch_id}/schedule",
        "live-scheduled": "/console/live?state=scheduled",
        "export": "/console/messages/export?state=failed",
        "callbacks": "/console/callbacks",
        "callbacks-wrong": "/console/callbacks?state=gone",
        "receipts": "/console/callbacks/receipts",
    }.items():
        await tab.open(path)
        await tab.check_looks()
        await _picture(tab, name)
    await tab.open("/console/callbacks?state=given_up")
    await tab.page.locator("section:has(#calls) tbody th a").first.click()
    await tab.page.get_by_role("heading", name="Payload").wait_for()
    await tab.check_looks()
    await _picture(tab, "callback")


async def test_message_is_found_by_keyboard_alone(chromium: Any, scene: Scene) -> None:
    tab = await open_tab(chromium, scene)
    page = tab.page
    await tab.sign_in()
    await tab.open("/console/messages")
    await page.get_by_label("Search", exact=True).focus()
    await page.keyboard.type("order-dlr")
    await page.keyboard.press("Enter")
    await page.get_by_text("Messages with this reference.").wait_for()
    await page.locator("tbody th a").first.focus()
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="Message to +4530123458").wait_for()


async def test_whole_row_is_the_link(chromium: Any, scene: Scene) -> None:
    tab = await open_tab(chromium, scene)
    await tab.sign_in()
    await tab.open("/console/messages?q=order-dlr")
    await tab.page.locator("tbody tr").first.locator("td").nth(2).click(force=True)
    await tab.page.get_by_role("heading", name="Message to +4530123458").wait_for()


async def test_first_result_is_on_the_first_screen_of_a_phone(chromium: Any, scene: Scene) -> None:
    tab = await open_tab(chromium, scene, viewport=PHONE)
    await tab.sign_in()
    await tab.open("/console/messages")
    row = await tab.page.locator("tbody tr").first.bounding_box()
    assert row["y"] + row["height"] <= PHONE["height"]


@pytest.mark.parametrize("script", [True, False])
async def test_file_is_downloaded_and_its_progress_shown(
    chromium: Any, scene: Scene, script: bool
) -> None:
    tab = await open_tab(chromium, scene, java_script_enabled=script)
    page = tab.page
    await tab.sign_in()
    await tab.open("/console/messages?state=failed")
    await page.get_by_role("link", name="Download CSV").click()
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Download CSV").click()
    assert _read(await (await downloading.value).path()).startswith("accepted,message ID,")
    if not script:
        await page.get_by_role("link", name="Show progress").click()
    await page.get_by_text("messages, complete.").wait_for()


@pytest.mark.parametrize("script", [True, False])
async def test_scheduled_message_is_moved_and_cancelled(
    chromium: Any, scene: Scene, script: bool
) -> None:
    tab = await open_tab(chromium, scene, java_script_enabled=script)
    page = tab.page
    await tab.sign_in()
    await page.get_by_role("link", name="Messages").click()
    await page.get_by_role("link", name="Scheduled", exact=True).click()
    await page.locator("tbody tr").first.get_by_role("link", name="Change time").click()
    day = (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%d")
    await page.get_by_label("New time").fill(f"{day}T12:00")
    await page.get_by_role("button", name="Change time").click()
    await page.get_by_text("The new time is saved.").wait_for()
    await page.get_by_text(f"{day} 12:00").first.wait_for()
    if not script:
        row = page.locator("tbody tr", has_text=day)
        await row.get_by_role("button", name="Cancel").first.click()
        await page.get_by_text("Cancelled. The credits were refunded.").wait_for()


async def test_host_is_paused_and_a_test_is_sent(chromium: Any, scene: Scene) -> None:
    tab = await open_tab(chromium, scene)
    page = tab.page
    await tab.sign_in()
    await page.get_by_role("link", name="Callbacks").click()
    await page.get_by_role("button", name="Resume shop.example").click()
    await page.get_by_text("Resumed.").wait_for()
    await page.get_by_label("URL").fill("http://127.0.0.1:9/dlr")
    await page.get_by_role("button", name="Send test").click()
    await page.get_by_text("No answer.").wait_for()
    await tab.check()
