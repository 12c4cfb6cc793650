"""`dragoman reload`: a changed configuration without a restart."""

from __future__ import annotations

from typing import Annotated

from dragoman.cli.command import Gateway
from dragoman.cli.options import option
from dragoman.cli.output import show_count
from dragoman.core.delivery.running import Reloaded


def reload(
    gateway: Gateway,
    check: Annotated[bool, option("Only tell what would change.", "--check")] = False,
) -> None:
    """Let a running gateway take changed carriers, routes and prices at once.

    Everything is checked first: a mistake changes nothing. Links of carriers that did not change
    stay bound. SIGHUP does the same.
    """
    gateway.show(gateway.post("reload", answer=Reloaded, check=check), _print_reloaded)


def _print_reloaded(reloaded: Reloaded) -> None:
    for line in reloaded.changes:
        print(line)
    if not reloaded.changes:
        print("nothing changed")
    elif not reloaded.applied:
        print("Nothing was changed: run it without --check.")
    if reloaded.moved:
        print(f"{show_count(reloaded.moved, 'message')} moved to other routes")
    if reloaded.at_restart:
        print(f"At the next start: {', '.join(reloaded.at_restart)}")
