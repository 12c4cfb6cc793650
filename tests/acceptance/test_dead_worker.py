"""A worker that dies ends the process, which says which one and why."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.passing_time import PATIENCE_S

PLANT = """
import asyncio, sys
from dragoman.core.retention.retention import Retention

async def run(self):
    await asyncio.sleep(0)
    raise RuntimeError("4512345678")

Retention.run = run
from dragoman.cli import main
sys.argv[0] = "dragoman"
main()
"""


def test_a_dead_worker_ends_the_process_with_its_name_and_reason(tmp_path: Path) -> None:
    command = [
        "dev",
        "--http",
        "127.0.0.1:0",
        "--smsc",
        "127.0.0.1:0",
        "--smpp",
        "127.0.0.1:0",
        "--data",
        str(tmp_path),
    ]
    result = subprocess.run(
        [sys.executable, "-c", PLANT, *command],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert result.returncode == 1
    assert "4512345678" not in result.stderr
    assert result.stderr.splitlines()[-1] == (
        "dragoman: worker retention ended: RuntimeError in __main__, line 7"
    )
