"""Counts what a message costs, on a busy machine too: bytecodes, instructions, or commits.

    python -m benchmarks.counts [A|B|O|W|S] [bytecodes|instructions|commits] [--top 40]

A and B are as in `accept`, O is A over the native API, W is the batch over HTTP of `providers`, S
the customers of `esme` with receipts. Bytecodes are those of a gateway's own process, by function;
they do not show what is done in C. Instructions are those of both processes in user mode, by C
function, and need valgrind. Under either a gateway is slow, so its groups are small. Commits are
counted at full speed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from benchmarks import batch, doors, esme, providers
from benchmarks.accept import link_request
from benchmarks.builds import HERE, ROOT
from benchmarks.processes import (
    SINK,
    Gateway,
    Instrument,
    free_port,
    generate_load,
    make_site,
    process,
    wait_until_ready,
)
from dragoman.storage.writer import PROBE_S

LINK, NATIVE = "linkmobility", "native"
WARM_S = 1.0
COUNTED_S = 5.0
DRAIN_S = 5.0
LOOKED_AFTER_S = 30.0
"""For the counts to be written, which takes a group of writes."""
RECIPIENTS = {"bytecodes": 1_000, "instructions": 1_000, "commits": 10_000}
"""Of the batch of W, and the messages of S; they are sent once before they are counted."""

Load = Callable[[float], int]
"""Puts load on a gateway for some seconds; how many messages it took."""


class Counter:
    """Counts in the process that it is in, as long as a file exists; then writes what it counted.

    It looks at each group of writes, on the event loop's thread, which is the one to be traced.
    """

    def __init__(self, flag: Path) -> None:
        self._flag = flag
        self._is_on = False
        self._counts: dict[CodeType, list[int]] = {}

    def look(self) -> None:
        """Begins or ends to count."""
        is_on = self._flag.exists()
        if is_on == self._is_on:
            return
        self._is_on = is_on
        sys.settrace(self._called if is_on else None)
        if not is_on:
            found = [
                (count, calls, f"{Path(code.co_filename).name}:{code.co_qualname}")
                for code, (count, calls) in self._counts.items()
                if code.co_filename != __file__
            ]
            part = self._flag.with_suffix(".part")
            part.write_text(json.dumps(sorted(found, reverse=True)))
            part.rename(self._flag.with_suffix(".json"))

    def _called(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        entry = self._counts.setdefault(frame.f_code, [0, 0])
        entry[1] += 1

        def count(_frame: FrameType, event: str, _argument: Any) -> Any:
            entry[0] += event == "opcode"
            return count

        return count


def serve(flag: Path, arguments: list[str]) -> None:
    """Runs `dragoman` with a counter in it."""
    from dragoman.cli import main as run_dragoman
    from dragoman.storage.runners import ChildRunner

    counter, run = Counter(flag), ChildRunner.run

    def look_and_run(*given: Any) -> None:
        counter.look()
        run(*given)

    setattr(ChildRunner, "run", look_and_run)  # noqa: B010 - it is not typed as what takes its place
    sys.argv = ["dragoman", *arguments]
    run_dragoman()


@contextlib.contextmanager
def gateway(
    folder: Path, which: str, program: list[str], recipients: int
) -> Iterator[tuple[Gateway, Load]]:
    """A gateway that a program serves, and the load of a benchmark for it."""
    over_http, over_smpp = which == "W", which == "S"
    carrier = Instrument(*(["provider_sink.py"] if over_http else ["smsc_sink.py", "--receipts"]))
    sink = Instrument("callback_sink.py") if which == "B" else None
    port = free_port()
    site = make_site(
        folder,
        carrier.port,
        (lambda database: HERE.fill_book(database, recipients)) if over_http else None,
        providers.CARRIER if over_http else SINK,
        esme.TABLES.format(port=port) if over_smpp else "",
        dialects=(NATIVE,) if which == "O" else (LINK,),
    )
    if over_smpp:
        esme.give_login(folder)
    request = link_request(site.http, sink.port if sink else None)
    command = [*program, "serve", "--config", str(site.config)]
    paths = f"{ROOT}:{ROOT / 'src'}"
    with process(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": paths}) as running:
        wait_until_ready(f"http://127.0.0.1:{site.http}/health/ready", running)
        served = Gateway(name="dragoman", http=site.http, pid=running.pid)
        if which == "O":
            request = doors.REQUESTS[NATIVE](site, served)
            doors.check(NATIVE, served, request)

        def load(seconds: float) -> int:
            if over_http:
                figure = batch.send(served, recipients)
                if figure.flaws:
                    print(*figure.flaws)
                return recipients
            if over_smpp:
                seen = esme.submit(
                    port, seconds=LOOKED_AFTER_S * seconds, receipts=True, messages=recipients
                )
                if seen["known_receipts"] != seen["accepted"]:
                    print(f"{seen['known_receipts']} receipts of {seen['accepted']}")
                return int(seen["accepted"])
            answered: int = generate_load(served, request, folder, seconds=seconds)["answered"]
            time.sleep(DRAIN_S)
            return answered

        yield served, load
    carrier.stop()
    if sink is not None:
        sink.stop()


def count_bytecodes(folder: Path, which: str) -> tuple[int, list[tuple[int, int, str]]]:
    """The messages, and the bytecodes, calls and name of each function."""
    folder.mkdir()
    flag = folder / "count"
    program = [sys.executable, "-m", "benchmarks.counts", "--serve", str(flag)]
    with gateway(folder / "site", which, program, RECIPIENTS["bytecodes"]) as (served, load):
        load(WARM_S)
        flag.touch()
        _have_it_look(served)
        messages = load(COUNTED_S)
        flag.unlink()
        until = time.monotonic() + LOOKED_AFTER_S
        found = flag.with_suffix(".json")
        while not found.exists() and time.monotonic() < until:
            _have_it_look(served)
    return messages, [tuple(row) for row in json.loads(found.read_text())]


def _have_it_look(served: Gateway) -> None:
    """Has a gateway write an empty group, so that it counts whole messages alone."""
    time.sleep(2 * PROBE_S)
    with urllib.request.urlopen(f"http://127.0.0.1:{served.http}/health/ready"):
        pass


def count_instructions(folder: Path, which: str) -> tuple[int, dict[str, str]]:
    """The messages, and what `callgrind_annotate` says of the gateway and of the writer."""
    folder.mkdir()
    program = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--log-file=/dev/null"]
    program += [f"--callgrind-out-file={folder}/out.%p", sys.executable]
    program += ["-c", "from dragoman.cli import main; main()"]
    with gateway(folder / "site", which, program, RECIPIENTS["instructions"]) as (served, load):
        children = Path(f"/proc/{served.pid}/task/{served.pid}/children").read_text().split()
        pids = {"gateway": str(served.pid), "writer": children[0]}
        load(WARM_S)
        for pid in pids.values():
            _control("-i", "on", pid)
        messages = load(COUNTED_S)
        for pid in pids.values():
            _control("-i", "off", pid)
            _control("-d", pid)
    reports = {}
    for name, pid in pids.items():
        dumped = max(folder.glob(f"out.{pid}*"), key=lambda path: path.stat().st_size)
        command = ["callgrind_annotate", "--threshold=100", "--show-percs=no", str(dumped)]
        reports[name] = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return messages, reports


def _control(*arguments: str) -> None:
    subprocess.run(["callgrind_control", *arguments], check=True, stdout=subprocess.DEVNULL)


def count_commits(folder: Path, which: str) -> tuple[int, int]:
    """The messages, and the commits for them."""
    folder.mkdir()
    program = [HERE.program]
    with gateway(folder / "site", which, program, RECIPIENTS["commits"]) as (served, load):
        load(WARM_S)
        before = _commits(served)
        messages = load(COUNTED_S)
        return messages, _commits(served) - before


def _commits(served: Gateway) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{served.http}/metrics") as answer:
        text: str = answer.read().decode()
    return int(re.findall(r"^dragoman_commit_duration_seconds_count (\d+)", text, re.M)[0])


def print_bytecodes(which: str, folder: Path, top: int) -> None:
    """Counts bytecodes and prints them by function."""
    messages, rows = count_bytecodes(folder, which)
    total, calls = sum(row[0] for row in rows), sum(row[1] for row in rows)
    print(f"{which}: {messages} messages, each {total / messages:,.0f} bytecodes", end="")
    print(f" in {calls / messages:,.0f} calls")
    for bytecodes, called, name in rows[:top]:
        print(f"{bytecodes / messages:9.1f} {called / messages:7.2f}  {name}")


def print_instructions(which: str, folder: Path, top: int) -> None:
    """Counts instructions and prints them by C function."""
    messages, reports = count_instructions(folder, which)
    for name, report in reports.items():
        rows = [
            (int(count.replace(",", "")), function)
            for count, function in re.findall(r"^ *([\d,]+) +(\S.*)$", report, re.M)
        ]
        (total, _), *functions = rows
        print(f"{which}, {name}: {messages} messages, {total / messages:,.0f} instructions each")
        for instructions, function in functions[:top]:
            print(f"{instructions / messages:12,.0f}  {function[:100]}")


def print_commits(which: str, folder: Path, _top: int) -> None:
    """Counts commits and prints how many messages share one."""
    messages, commits = count_commits(folder, which)
    print(f"{which}: {commits} commits for {messages} messages, {messages / commits:.1f} to each")


_PRINTS = {
    "bytecodes": print_bytecodes,
    "instructions": print_instructions,
    "commits": print_commits,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("which", nargs="?", choices=("A", "B", "O", "W", "S"), default="A")
    parser.add_argument("what", nargs="?", choices=tuple(_PRINTS), default="bytecodes")
    parser.add_argument("--top", type=int, default=40, help="functions that are shown")
    options = parser.parse_args()
    if options.what == "instructions" and shutil.which("valgrind") is None:
        parser.error("valgrind is not installed")
    with tempfile.TemporaryDirectory(prefix="dragoman-bench-") as name:
        _PRINTS[options.what](options.which, Path(name) / "site", options.top)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(Path(sys.argv[2]), sys.argv[3:])
    else:
        main()
