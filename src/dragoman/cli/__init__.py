"""The command line: one module a noun, each importing what it needs only when it runs."""

from __future__ import annotations

import gc

COLLECT_AFTER = 50_000
"""Objects made and still alive before the garbage collector runs: what is imported stays."""


def main() -> None:
    """Runs `dragoman`; every problem is one line on standard error and an exit code."""
    gc.set_threshold(COLLECT_AFTER)
    from dragoman.cli.root import run

    run()
