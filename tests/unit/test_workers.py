"""What the workers that run the tests tell."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.passing_time import until

ROOT = Path(__file__).parents[2]
CONFTEST = """
from tests import workers

def pytest_addoption(parser):
    workers.add_option(parser)

def pytest_configure(config):
    config.pluginmanager.register(workers.Workers(workers.number_of_workers(config)))
"""
TESTS = """
import os, pathlib, warnings
import pytest

@pytest.fixture(scope="module", autouse=True)
def shared():
    yield
    pathlib.Path("ended").open("a").write(f"{os.getpid()}\\n")

@pytest.mark.parametrize("number", range(3))
def test_passes(number, tmp_path):
    warnings.warn("look out")

def test_fails():
    print("printed before")
    assert 1 == 2

def test_dies():
    os._exit(3)

def test_after(): pass

@pytest.mark.skip(reason="no need")
def test_skipped(): pass
"""


LONG = """
import pathlib, time
import pytest

@pytest.fixture(scope="session")
def shared():
    yield
    pathlib.Path("ended").touch()

def test_long(shared):
    pathlib.Path("began").touch()
    time.sleep(600)
"""


def run(folder: Path, *arguments: str) -> str:
    """What pytest prints of such tests."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_many.py").write_text(TESTS)
    (folder / "test_other.py").write_text("def test_other(): pass\n")
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -rs -p no:xdist -p no:cacheprovider\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, "."],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def test_every_test_is_told_of_once_even_where_its_worker_dies(tmp_path: Path) -> None:
    told = run(tmp_path, "-n", "2")
    assert "2 failed, 5 passed, 1 skipped, 3 warnings" in told
    assert "its worker died: 3" in told
    assert "assert 1 == 2" in told
    assert "printed before" in told
    assert "no need" in told
    assert told.count("look out") == 2, "the warning and its line"
    assert len((tmp_path / "ended").read_text().splitlines()) == 1, (
        "the one that died ended nothing"
    )


async def test_what_tests_share_ends_where_all_is_interrupted(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:xdist -p no:cacheprovider\n")
    (tmp_path / "test_long.py").write_text(LONG)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-n", "2", "."),
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        stdout=subprocess.DEVNULL,
    )
    try:
        await until((tmp_path / "began").exists)
    finally:
        process.send_signal(signal.SIGINT)
    assert await process.wait() == 2
    assert (tmp_path / "ended").exists()


def test_it_stops_at_the_first_failure_when_told_to(tmp_path: Path) -> None:
    told = run(tmp_path, "-n", "1", "-x")
    assert "1 failed, 3 passed, 3 warnings" in told
    assert "stopping after 1 failures" in told
