"""Takes the pictures in docs/screenshots: every page at desktop and at phone width.

Run it from the root: `make screenshots`.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright
from tests.console.further_pages import PHONE_NUMBER, build_workbench, set_up_further_pages
from tests.console.picture_pages import set_up_picture_pages
from tests.console.scene import (
    CHROMIUM,
    DESKTOP,
    PAGES,
    PASSWORD,
    PHONE,
    TEXTS,
    USERNAME,
    Scene,
    running_scene,
)

FOLDER = Path("docs/screenshots")
SHOTS = {"sign-in": "/console/sign-in", **PAGES, "message": "", "api": "/docs/httpsms"}
IN_THE_DARK = {"overview", "messages", "message", "live", "campaign", "conversation", "api"}
"""Tests look at all pages in the dark; these show what it is like."""
TALLEST = 1_200
BEGINS_MS = 1_796_305_800_000
"""2026-12-03 13:50 UTC, so that pictures of one day differ from those of another in little."""
LOOKS: tuple[tuple[str, dict[str, int], str], ...] = (
    ("desktop", DESKTOP, "light"),
    ("phone", PHONE, "light"),
    ("dark", DESKTOP, "dark"),
)


async def main(only: set[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with (
            running_scene(Path(folder), build_workbench, BEGINS_MS) as scene,
            async_playwright() as playwright,
        ):
            await scene.live_a_day()
            scene.further_pages = await set_up_further_pages(scene.gateway, scene.account)
            account = await scene.gateway.services.accounts.find(USERNAME)
            scene.further_pages |= await set_up_picture_pages(scene.gateway, account)
            for text in TEXTS:
                await scene.submit(account, PHONE_NUMBER, text)
            await scene.gateway.workbench.phones.send(PHONE_NUMBER, "See you at 19:30!")
            browser = await playwright.chromium.launch(executable_path=CHROMIUM)
            for look, viewport, scheme in LOOKS:
                context = await browser.new_context(viewport=viewport, color_scheme=scheme)
                await _take(await context.new_page(), scene, look, only)
            await browser.close()


async def _take(page: Any, scene: Scene, look: str, only: set[str]) -> None:
    for name, path in (SHOTS | scene.further_pages).items():
        if path:
            await page.goto(scene.url + path)
        if name == "phones":
            await page.get_by_role("button", name="Create code").click()
            await page.locator("code.key").wait_for()
        if name == "api":
            await page.get_by_text("Try it", exact=False).first.click()
            await page.evaluate("scrollTo(0, 0)")
        if name == "message":
            await page.goto(f"{scene.url}/console/messages?state=undelivered")
            await page.locator("tbody tr", has_text="undelivered").locator("a").first.click()
            await page.wait_for_load_state()
        if name == "compose":
            await page.get_by_label("To", exact=True).fill("+45 30 12 34 56\n+46 73 123 45 67")
            await page.get_by_label("Text").fill("Grüße aus dem Hafencafé – bis morgen! 😀")
            await page.get_by_text("2 credits").wait_for()
        if name in (only or SHOTS | scene.further_pages) and (
            look != "dark" or name in IN_THE_DARK
        ):
            tall = await page.evaluate("document.documentElement.scrollHeight")
            wide = page.viewport_size["width"]
            clip = {"x": 0, "y": 0, "width": wide, "height": min(tall, TALLEST)}
            file = FOLDER / f"{name}-{look}.png"
            await page.screenshot(path=file, full_page=True, clip=clip)
        if name == "sign-in":
            await page.get_by_label("Username").fill(USERNAME)
            await page.get_by_label("Password").fill(PASSWORD)
            await page.get_by_role("button", name="Sign in").click()
            await page.wait_for_load_state()


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(set(sys.argv[1:])))
