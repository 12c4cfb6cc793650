"""The command line: one module a noun, each importing what it needs only when it runs."""

from __future__ import annotations

import gc

COLLECT_AFTER = 300_000
"""Objects made and still alive before the garbage collector runs: more than a gateway imports.

Going through what stays costs a seventh of its start. Once it runs, `running` lowers this.
"""


def main() -> None:
    """Runs `dragoman`; every problem is one line on standard error and an exit code."""
    gc.set_threshold(COLLECT_AFTER)
    try:
        from dragoman.cli.root import run

        run()
    finally:
        gc.freeze()  # the interpreter ends by looking through all that is left
