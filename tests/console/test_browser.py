"""The console in Chromium: every page without a violation of its policy or of accessibility."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from .scene import PAGES, PASSWORD, USERNAME, Scene, running_scene
from .tabs import open_tab

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with running_scene(tmp_path_factory.mktemp("scene")) as scene:
        await scene.live_a_day()
        yield scene


async def test_every_page_is_accessible_and_keeps_its_policy(chromium: Any, scene: Scene) -> None:
    message = await scene.newest_message()
    paths = [*(path for path in PAGES.values() if path), f"/console/messages/{message}"]
    paths += ["/console/nothing", "/console/messages?number=x", "/console/enter?k=x"]
    tab = await open_tab(chromium, scene)
    await tab.open("/console/sign-in")
    await tab.check_looks()
    await tab.sign_in("wrong")
    await tab.check_looks()
    await tab.sign_in()
    for path in paths:
        await tab.open(path)
        await tab.check_looks()


async def test_first_message_is_written_and_found(chromium: Any, scene: Scene) -> None:
    tab = await open_tab(chromium, scene)
    page = tab.page
    await tab.sign_in()
    await page.get_by_role("link", name="Compose").click()
    await page.get_by_label("To", exact=True).fill("+45 30 12 34 56")
    await page.get_by_label("Text").fill("Hello")
    preview = page.get_by_label("Preview")
    await preview.get_by_text("155 characters left").wait_for()
    await preview.get_by_text("1 credit for 1 recipient").wait_for()
    await page.get_by_label("Text").fill("Hello 😀")
    await preview.get_by_text("because of “😀”").wait_for()
    await page.get_by_label("To", exact=True).fill("hello")
    await page.get_by_text("hello: not a valid phone number").wait_for()
    await page.get_by_label("To", exact=True).fill("+45 30 12 34 56")
    await page.get_by_role("button", name="Send").click()
    await page.get_by_text("Accepted.").wait_for()
    await tab.check()
    await page.locator("tbody a").first.click()
    await page.get_by_role("heading", name="Message to +4530123456").wait_for()
    await tab.check()


async def test_a_time_that_is_chosen_sends_later(chromium: Any, scene: Scene) -> None:
    tab = await open_tab(chromium, scene)
    await tab.sign_in()
    await tab.open("/console/compose")
    await tab.page.get_by_label("Time", exact=True).fill("2040-01-01T12:00")
    assert await tab.page.get_by_label("Send later").is_checked()


async def test_console_works_without_script(chromium: Any, scene: Scene) -> None:
    tab = await open_tab(chromium, scene, java_script_enabled=False)
    page = tab.page
    await tab.sign_in()
    await page.get_by_role("link", name="Compose").click()
    await page.get_by_label("To", exact=True).fill("+45 30 12 34 56")
    await page.get_by_label("Text").fill("Hello")
    await page.get_by_role("button", name="Check").click()
    await page.get_by_text("1 credit for 1 recipient").wait_for()
    await page.get_by_role("button", name="Send").click()
    await page.get_by_text("Accepted.").wait_for()
    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_text("You are signed out.").wait_for()


async def test_console_is_used_by_keyboard_alone(chromium: Any, scene: Scene) -> None:
    tab = await open_tab(chromium, scene)
    page = tab.page
    await tab.open("/console/sign-in")
    focused = "document.activeElement.id || document.activeElement.textContent.trim()"
    await page.keyboard.press("Tab")
    assert await page.evaluate(focused) == "Skip to content"
    await page.keyboard.press("Enter")
    assert await page.evaluate(focused) == "main"
    await page.keyboard.press("Tab")
    await page.keyboard.type(USERNAME)
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="Overview").wait_for()


async def test_keys_lead_to_pages_and_to_the_search(chromium: Any, scene: Scene) -> None:
    tab = await open_tab(chromium, scene)
    page = tab.page
    await tab.sign_in()
    await page.keyboard.press("g")
    await page.keyboard.press("m")
    await page.get_by_role("heading", name="Messages").wait_for()
    await page.keyboard.press("/")
    await page.keyboard.type("g i?")  # typed, not taken for shortcuts
    assert await page.get_by_label("Search", exact=True).input_value() == "g i?"
    await page.get_by_role("heading", name="Messages").click()
    await page.keyboard.press("?")
    await page.get_by_role("heading", name="Display and shortcuts").wait_for()
    await page.get_by_label("dark").check()
    await page.get_by_label("Keyboard shortcuts", exact=True).uncheck()
    await page.get_by_role("button", name="Save").click()
    await page.get_by_text("Saved.").wait_for()
    background = "getComputedStyle(document.body).backgroundColor"
    assert await page.evaluate(background) == "rgb(18, 23, 28)"
    await tab.check_looks()
    await page.keyboard.press("/")
    await tab.check()


async def test_policy_blocks_what_a_text_would_inject(chromium: Any, scene: Scene) -> None:
    """The control: a page with an inline script has it blocked, and the tab notices."""
    tab = await open_tab(chromium, scene)
    await tab.open("/console/sign-in")
    await tab.page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.evil = 1';"
        " document.body.append(s); }"
    )
    assert await tab.page.evaluate("window.evil") is None
    assert any("policy: script-src" in error for error in tab.errors)
