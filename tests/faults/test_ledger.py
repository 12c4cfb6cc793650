"""The witnesses of the fault table: what they must find, and that they know nothing of Dragoman."""

from __future__ import annotations

import ast
import asyncio
import random
import shutil
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from faults.ledger import Ledger, Row, judge
from faults.library import DAY_S, Machine, NotPossible, Sync, compile_library
from faults.smsc import HEAD, SUBMIT_SM, Smsc, read_submit
from faults.table import CASES, render
from tests.passing_time import until

import faults

needs_compiler = pytest.mark.skipif(
    shutil.which("cc") is None, reason="needs a C compiler (Debian: gcc)"
)


def test_the_ledger_keeps_what_was_accepted(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    ledger.accept("a")
    ledger.accept("b")
    ledger.close()
    assert (tmp_path / "ledger").read_text() == "a\nb\n"
    assert ledger.accepted == {"a", "b"}


def test_the_verdict_finds_what_is_lost() -> None:
    verdict = judge({"a", "b"}, [(0, "a")], marked=())
    assert (verdict.accepted, verdict.lost, verdict.doubled) == (2, 1, 0)
    row = Row(fault="R0", done="", times="")
    row.check_verdict(verdict, window=20)
    assert row.flaws == ("1 lost",)


def test_the_verdict_finds_what_is_doubled() -> None:
    arrived = [(0, "a"), (0, "b"), (1, "a"), (1, "b"), (2, "b")]
    verdict = judge({"a", "b"}, arrived, marked={"a"})
    assert (verdict.lost, verdict.doubled, verdict.marked, verdict.most_at_once) == (0, 3, 1, 2)
    row = Row(fault="R0", done="", times="")
    row.check_verdict(verdict, window=1)
    assert row.flaws == ("2 doubles are not marked", "2 doubled at once, more than 1")


def test_the_verdict_is_content_with_marked_doubles_within_the_window() -> None:
    row = Row(fault="R0", done="", times="")
    row.check_verdict(judge({"a"}, [(0, "a"), (1, "a")], marked={"a"}), window=1)
    assert row.flaws == ()


def test_a_double_is_put_down_to_the_fault_that_left_it_in_doubt() -> None:
    """Two faults in quick succession: what the first left in doubt is sent after the second."""
    verdict = judge({"a", "b"}, [(0, "a"), (1, "b"), (2, "a"), (2, "b")], marked={"a", "b"})
    assert (verdict.doubled, verdict.most_at_once) == (2, 1)


def test_a_control_that_loses_nothing_is_a_flaw() -> None:
    row = Row(fault="R0", done="", times="", is_control=True)
    row.check_verdict(judge({"a"}, [(0, "a")], marked=()), window=1)
    assert row.flaws == ("nothing was lost: the check proves nothing",)


def test_the_page_says_what_did_not_hold() -> None:
    first, second, *rest = CASES
    rows = [
        Row(fault=first.fault, done=first.done, times="3 kills", accepted=1_234, lost=1),
        Row(fault=second.fault, done=second.done, times="1 cut", seen=("a figure",)),
    ]
    rows[0].check(False, "1 lost")
    page = render(rows, rest, "make faults", "a day, seed 1.")
    assert "| R1 | " in page
    assert "| 1,234 | 1 | 0 | 0 | 0 s | **no** |" in page
    assert "**not so: 1 lost**" in page
    assert "**1 of 2 hold.** Not run yet: R2, R3" in page


@pytest.mark.parametrize("path", sorted(Path(faults.__file__).parent.glob("*.py")), ids=str)
def test_the_witnesses_share_no_code_with_dragoman(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        assert not [name for name in names if name.split(".")[0] in {"dragoman", "tests"}]


def test_a_submit_is_read() -> None:
    body = b"\0\5\0FAULTS\0\1\x014512345678\0\0\0\0\0\0\1\0\0\0\5hello"
    pdu = HEAD.pack(16 + len(body), SUBMIT_SM, 0, 7) + body
    assert read_submit(pdu) == ("4512345678", "hello", True)


async def test_the_smsc_owes_a_text_until_it_is_acknowledged() -> None:
    smsc = Smsc()
    await smsc.open()
    try:
        for is_last in (False, True):
            reader, writer = await asyncio.open_connection("127.0.0.1", smsc.port)
            writer.write(HEAD.pack(16, 0x09, 0, 1))
            await reader.readexactly(21)
            if not is_last:
                smsc.owe_text("4520000001", "1204", "hello")
            length, command, _, sequence = HEAD.unpack(await reader.readexactly(16))
            assert command == 0x05
            assert (await reader.readexactly(length - 16)).endswith(b"\5hello")
            if is_last:
                writer.write(struct.pack(">IIII", 17, 0x80000005, 0, sequence) + b"\0")
                await until(lambda: not smsc.owed)
            writer.close()
            await until(lambda: not smsc.links)
    finally:
        smsc.close()
    assert smsc.acknowledged == 1


_WRITES = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA journal_mode=WAL")
connection.execute("PRAGMA synchronous=FULL")
connection.execute("CREATE TABLE IF NOT EXISTS t (x)")
for x in range(3):
    connection.execute("INSERT INTO t VALUES (?)", (x,))
import os
os.kill(os.getpid(), 9)
"""


@needs_compiler
@pytest.mark.parametrize(
    ("sync", "kept"), [(Sync.REAL, 3), (Sync.LIE, None)], ids=["synced", "control"]
)
def test_a_power_cut_drops_what_was_not_synced(
    tmp_path: Path, sync: Sync, kept: int | None
) -> None:
    database = tmp_path / "some.db"
    database.touch()
    machine = Machine(compile_library(tmp_path), tmp_path, database)
    machine.set_sync(sync)
    subprocess.run(
        [sys.executable, "-c", _WRITES, str(database)], env=machine.environment, check=False
    )
    machine.cut_power(random.Random(1) if sync is Sync.REAL else None)
    machine.close()
    with closing(sqlite3.connect(database)) as connection:
        if kept is None:
            assert not connection.execute("SELECT * FROM sqlite_master").fetchall()
        else:
            assert connection.execute("SELECT count(*) FROM t").fetchone() == (kept,)


_ASKS = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
try:
    connection.execute("CREATE TABLE t (x)")
except sqlite3.OperationalError as error:
    print(error)
print(round((time.time() - time.clock_gettime(time.CLOCK_TAI)) / 86_400))
"""


@needs_compiler
@pytest.mark.parametrize(
    ("breaks", "said"),
    [
        (lambda machine: machine.set_full(True), "database or disk is full\n0\n"),
        (lambda machine: machine.set_sync(Sync.FAIL), "disk I/O error\n0\n"),
        (lambda machine: machine.move_clock(-3 * DAY_S), "-3\n"),
    ],
    ids=["full", "sync fails", "clock"],
)
def test_a_machine_breaks(tmp_path: Path, breaks: Callable[[Machine], None], said: str) -> None:
    database = tmp_path / "some.db"
    machine = Machine(compile_library(tmp_path), tmp_path, database)
    breaks(machine)
    asked = subprocess.run(
        [sys.executable, "-c", _ASKS, str(database)],
        env=machine.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    machine.close()
    assert asked.stdout == said


def test_without_a_compiler_the_reason_is_plain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotPossible, match="no C compiler; on Debian: apt-get install gcc"):
        compile_library(tmp_path)
