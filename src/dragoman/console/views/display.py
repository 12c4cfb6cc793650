"""How the console looks in this browser: theme and keyboard shortcuts."""

from __future__ import annotations

from typing import Final

from dragoman.console.cookies import set_cookie
from dragoman.console.display import KEPT_S, THEMES, Display
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.translation import lazy
from dragoman.web.responses import Response


async def show_display(request: PageRequest) -> Response:
    """The choices, and the shortcuts there are."""
    return request.show("display.html", themes=THEMES)


async def change_display(request: PageRequest) -> Response:
    """Keeps the choices in a cookie of this browser."""
    theme = request.form.get("theme", "")
    chosen = Display(
        theme=theme if theme in dict(THEMES) else "", keys=request.form.get("keys") == "on"
    )
    request.cookies.append(set_cookie(request.http, "display", chosen.render(), KEPT_S))
    return request.go("/display", "saved")


PAGES: Final = (
    Page("/display", lazy("Display and shortcuts"), show=show_display, act=change_display),
)
