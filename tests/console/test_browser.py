"""The console in Chromium: every page without a violation of its policy or of accessibility."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import async_playwright

from .scene import (
    CHROMIUM,
    DESKTOP,
    PAGES,
    PASSWORD,
    PHONE,
    USERNAME,
    Scene,
    running_scene,
)

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}"),
    pytest.mark.asyncio(loop_scope="module"),
]

MARKS = (
    "document.addEventListener('securitypolicyviolation',"
    " e => console.error('policy: ' + e.violatedDirective + ' ' + e.blockedURI))"
)


class Tab:
    """A page of a browser that notes what goes wrong."""

    def __init__(self, page: Any, scene: Scene) -> None:
        self.page = page
        self.scene = scene
        self.errors: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _note(self, message: Any) -> None:
        # A page that refuses says so by its status, which Chromium reports as an error.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.errors.append(message.text)

    async def open(self, path: str) -> None:
        await self.page.goto(self.scene.url + path)

    async def sign_in(self, password: str = PASSWORD) -> None:
        await self.open("/console/sign-in")
        await self.page.get_by_label("User name").fill(USERNAME)
        await self.page.get_by_label("Password").fill(password)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.wait_for_load_state()

    async def check(self) -> None:
        """Fails for what axe finds, what the policy blocks, and what is wider than the screen."""
        found = await Axe().run(self.page)
        where = self.page.url
        assert not found.response["violations"], f"{where}: {found.generate_report()}"
        assert not self.errors, f"{where}: {self.errors}"
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert await self.page.evaluate(wide) == 0, f"{where} is wider than the screen"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with running_scene(tmp_path_factory.mktemp("scene")) as scene:
        await scene.live_a_day()
        yield scene


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Any]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        await browser.close()


async def _tab(browser: Any, scene: Scene, **more: Any) -> Tab:
    context = await browser.new_context(**{"viewport": DESKTOP, **more})
    page = await context.new_page()
    await page.add_init_script(MARKS)
    return Tab(page, scene)


async def test_every_page_is_accessible_and_keeps_to_its_policy(browser: Any, scene: Scene) -> None:
    message = await scene.newest_message()
    paths = [*(path for path in PAGES.values() if path), f"/console/messages/{message}"]
    paths += ["/console/nothing", "/console/messages?number=x", "/console/enter?k=x"]
    for viewport, scheme in ((DESKTOP, "light"), (PHONE, "dark")):
        tab = await _tab(browser, scene, viewport=viewport, color_scheme=scheme)
        await tab.open("/console/sign-in")
        await tab.check()
        await tab.sign_in("wrong")
        await tab.check()
        await tab.sign_in()
        for path in paths:
            await tab.open(path)
            await tab.check()


async def test_first_message_is_written_and_found(browser: Any, scene: Scene) -> None:
    tab = await _tab(browser, scene)
    page = tab.page
    await tab.sign_in()
    await page.get_by_role("link", name="Write").click()
    await page.get_by_label("To", exact=True).fill("+45 30 12 34 56")
    await page.get_by_label("Text").fill("Hello")
    preview = page.get_by_label("What it becomes")
    await preview.get_by_text("room for 155 characters more").wait_for()
    await preview.get_by_text("1 credit for 1 recipient").wait_for()
    await page.get_by_label("Text").fill("Hello 😀")
    await preview.get_by_text("because of 😀").wait_for()
    await page.get_by_label("To", exact=True).fill("hello")
    await page.get_by_text("hello: this is no phone number").wait_for()
    await page.get_by_label("To", exact=True).fill("+45 30 12 34 56")
    await page.get_by_role("button", name="Send").click()
    await page.get_by_text("Accepted.").wait_for()
    await tab.check()
    await page.locator("tbody a").first.click()
    await page.get_by_role("heading", name="Message to +4530123456").wait_for()
    await tab.check()


async def test_a_time_that_is_chosen_sends_later(browser: Any, scene: Scene) -> None:
    tab = await _tab(browser, scene)
    await tab.sign_in()
    await tab.open("/console/compose")
    await tab.page.get_by_label("Time", exact=True).fill("2040-01-01T12:00")
    assert await tab.page.get_by_label("Later").is_checked()


async def test_console_works_without_script(browser: Any, scene: Scene) -> None:
    tab = await _tab(browser, scene, java_script_enabled=False)
    page = tab.page
    await tab.sign_in()
    await page.get_by_role("link", name="Write").click()
    await page.get_by_label("To", exact=True).fill("+45 30 12 34 56")
    await page.get_by_label("Text").fill("Hello")
    await page.get_by_role("button", name="Check").click()
    await page.get_by_text("1 credit for 1 recipient").wait_for()
    await page.get_by_role("button", name="Send").click()
    await page.get_by_text("Accepted.").wait_for()
    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_text("You are signed out.").wait_for()


async def test_console_is_used_by_keyboard_alone(browser: Any, scene: Scene) -> None:
    tab = await _tab(browser, scene)
    page = tab.page
    await tab.open("/console/sign-in")
    focused = "document.activeElement.id || document.activeElement.textContent.trim()"
    await page.keyboard.press("Tab")
    assert await page.evaluate(focused) == "Skip to the content"
    await page.keyboard.press("Enter")
    assert await page.evaluate(focused) == "main"
    await page.keyboard.press("Tab")
    await page.keyboard.type(USERNAME)
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await page.get_by_role("heading", name="Overview").wait_for()


async def test_policy_blocks_what_a_text_would_inject(browser: Any, scene: Scene) -> None:
    """The control: a page with an inline script has it blocked, and the tab notices."""
    tab = await _tab(browser, scene)
    await tab.open("/console/sign-in")
    await tab.page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.evil = 1';"
        " document.body.append(s); }"
    )
    assert await tab.page.evaluate("window.evil") is None
    assert any("policy: script-src" in error for error in tab.errors)
