"""A page of Chromium that notes what goes wrong, and checks that nothing did."""

from __future__ import annotations

from typing import Any, Final

from axe_playwright_python.async_playwright import Axe
from axe_playwright_python.base import AXE_SCRIPT
from tests.passing_time import PATIENCE_S

from .scene import DESKTOP, PASSWORD, PHONE, USERNAME, Scene

MARKS: Final = (
    "document.addEventListener('securitypolicyviolation',"
    " e => console.error('policy: ' + e.violatedDirective + ' ' + e.blockedURI))"
)
LOOKS: Final = ((DESKTOP, "light"), (PHONE, "dark"))
"""Both sizes and both schemes; no colour depends on the size."""
TOO_WIDE: Final = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


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
        await self.page.get_by_label("Username").fill(USERNAME)
        await self.page.get_by_label("Password").fill(password)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.wait_for_load_state()

    async def look(self, viewport: dict[str, int], scheme: str) -> None:
        """Takes another size and another scheme."""
        await self.page.set_viewport_size(viewport)
        await self.page.emulate_media(color_scheme=scheme)

    async def check(self) -> None:
        """Fails for what axe finds, what the policy blocks, and what is wider than the screen."""
        is_there = await self.page.evaluate("'axe' in window")
        axe = Axe("" if is_there else AXE_SCRIPT)
        found = await axe.run(self.page, options={"resultTypes": ["violations"]})
        where = f"{self.page.url} at {self.page.viewport_size}"
        assert not found.response["violations"], f"{where}: {found.generate_report()}"
        assert not self.errors, f"{where}: {self.errors}"
        assert await self.page.evaluate(TOO_WIDE) == 0, f"{where} is wider than the screen"

    async def check_looks(self) -> None:
        """Checks the page as it is in both sizes and both schemes."""
        for viewport, scheme in LOOKS:
            await self.look(viewport, scheme)
            await self.check()


async def open_tab(chromium: Any, scene: Scene, **more: Any) -> Tab:
    """A tab with cookies of its own; nothing moves, so that colours are looked at as they are."""
    usual = {"viewport": DESKTOP, "reduced_motion": "reduce"}
    context = await chromium.new_context(**{**usual, **more})
    context.set_default_timeout(PATIENCE_S * 1000)
    page = await context.new_page()
    await page.add_init_script(MARKS)
    return Tab(page, scene)
