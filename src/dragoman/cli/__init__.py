"""The command line: one module a noun, each importing what it needs only when it runs."""

from __future__ import annotations


def main() -> None:
    """Runs `dragoman`; every problem is one line on standard error and an exit code."""
    from dragoman.cli.root import run

    run()
