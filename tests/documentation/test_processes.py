"""What the tests start ends with them, even where they are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .following import PATIENCE_S, plain_environment
from .markdown import ROOT
from .processes import Group

pytestmark = pytest.mark.process

STARTS_AND_WAITS = """
import sys, time
from pathlib import Path
from tests.documentation.processes import Group
with open("output", "wb") as output:
    command = ["sh", "-c", "sleep 600 & sleep 600"]
    group = Group(command, folder=Path(), environment={}, output=output)
print(group.process.pid, flush=True)
time.sleep(600)
"""


def is_there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_group_ends_with_all_that_it_started(tmp_path: Path) -> None:
    with (tmp_path / "output").open("wb") as output:
        group = Group(
            ["sh", "-c", "sleep 600 & sleep 600"], folder=tmp_path, environment={}, output=output
        )
    assert is_there(group.process.pid)
    group.end()
    assert not is_there(group.process.pid)


def test_a_group_ends_when_the_tests_are_killed(tmp_path: Path) -> None:
    environment = plain_environment()
    environment["PYTHONPATH"] += f":{ROOT}"
    tests = subprocess.Popen(
        [sys.executable, "-c", STARTS_AND_WAITS],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
    )
    assert tests.stdout is not None
    with tests.stdout:
        group = int(tests.stdout.readline())
    assert is_there(group)
    tests.send_signal(signal.SIGKILL)
    tests.wait()
    deadline = time.monotonic() + PATIENCE_S
    while is_there(group):
        assert time.monotonic() < deadline
        time.sleep(0.01)
