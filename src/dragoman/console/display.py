"""How the console looks in a browser: its theme, and whether keys are shortcuts; in a cookie."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from dragoman.console.cookies import read_cookie
from dragoman.console.place import PREFIX
from dragoman.console.translation import lazy
from dragoman.web.requests import Request

THEMES: Final = (
    ("", lazy("as the system")),
    ("light", lazy("light")),
    ("dark", lazy("dark")),
)
KEPT_S: Final = 365 * 86_400
SHORTCUTS: Final = (
    ("/", "search", lazy("Search on this page, or for messages")),
    ("?", "/display", lazy("This list")),
    ("g o", "", lazy("Overview")),
    ("g m", "/messages", lazy("Messages")),
    ("g l", "/live", lazy("Live log")),
    ("g c", "/compose", lazy("Compose")),
    ("g n", "/campaigns", lazy("Campaigns")),
    ("g t", "/contacts", lazy("Contacts")),
    ("g v", "/conversations", lazy("Conversations")),
    ("g i", "/inbox", lazy("Inbox")),
    ("g b", "/callbacks", lazy("Callbacks")),
    ("g w", "/alerts", lazy("Alerts")),
    ("g k", "/keywords", lazy("Keywords")),
    ("g a", "/accounts", lazy("Accounts")),
    ("g p", "/people", lazy("People")),
    ("g s", "/me", lazy("Your sign-in")),
)
"""Keys, where they lead below `/console`, and what that is called."""
_VALUE: Final = re.compile(r"theme-(system|light|dark)_keys-(on|off)")


class Shortcut(NamedTuple):
    """One or two keys, and what they do."""

    keys: str
    target: str
    """`search`, or an address."""
    label: str


def shortcuts_without(closed: Collection[str]) -> list[Shortcut]:
    """Those that do not lead to an address that somebody may not open."""
    each = (
        Shortcut(keys, target if target == "search" else f"{PREFIX}{target}", label)
        for keys, target, label in SHORTCUTS
    )
    return [one for one in each if one.target not in closed]


def targets_of(shortcuts: Iterable[Shortcut]) -> dict[str, str]:
    """What the script is told."""
    return {one.keys: one.target for one in shortcuts}


class Display(NamedTuple):
    """What somebody chose."""

    theme: str = ""
    """`light` or `dark`; empty as the system has it."""
    keys: bool = True

    def render(self) -> str:
        """The value of the cookie."""
        return f"theme-{self.theme or 'system'}_keys-{'on' if self.keys else 'off'}"


def read_display(request: Request) -> Display:
    """What was chosen in the browser of a request."""
    match = _VALUE.fullmatch(read_cookie(request, "display"))
    if match is None:
        return Display()
    return Display("" if match[1] == "system" else match[1], match[2] == "on")
