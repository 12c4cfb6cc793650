"""Counts the bytecodes that a gateway's own process executes for a message, by function.

    python -m benchmarks.bytecodes [A|B] [--api native] [--top 40]

Unlike times, such counts are the same on a busy machine, but for what goes on beside messages; they
do not show what is done in C. The process that writes is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from benchmarks.accept import link_request
from benchmarks.builds import ROOT
from benchmarks.doors import REQUESTS
from benchmarks.processes import (
    Gateway,
    Instrument,
    generate_load,
    make_site,
    process,
    wait_until_ready,
)

LINK = "linkmobility"
WARM_S = 2.0
COUNTED_S = 10.0
DRAIN_S = 5.0
LOOKED_AFTER_S = 30.0
"""For the counts to be written, which takes a group of writes."""


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


def count(folder: Path, *, callbacks: bool, api: str) -> tuple[int, list[tuple[int, int, str]]]:
    """The messages, and the bytecodes, calls and name of each function.

    Callbacks are asked for of LINK's API alone.
    """
    smsc = Instrument("smsc_sink.py", "--receipts")
    sink = Instrument("callback_sink.py") if callbacks else None
    site = make_site(folder, smsc.port, dialects=tuple({LINK, api}))
    flag = folder / "count"
    command = [sys.executable, "-m", "benchmarks.bytecodes", "--serve", str(flag)]
    command += ["serve", "--config", str(site.config)]
    with process(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}) as running:
        wait_until_ready(f"http://127.0.0.1:{site.http}/health/ready", running)
        gateway = Gateway(name="dragoman", http=site.http, pid=running.pid)
        request = REQUESTS[api](site, gateway)
        if sink is not None:
            request = link_request(site.http, sink.port)
        generate_load(gateway, request, folder, seconds=WARM_S)
        flag.touch()
        load = generate_load(gateway, request, folder, seconds=COUNTED_S)
        time.sleep(DRAIN_S)
        flag.unlink()
        until = time.monotonic() + LOOKED_AFTER_S
        found = flag.with_suffix(".json")
        while not found.exists() and time.monotonic() < until:
            generate_load(gateway, request, folder, seconds=0.1, connections=1)
    smsc.stop()
    if sink is not None:
        sink.stop()
    return load["answered"], [tuple(row) for row in json.loads(found.read_text())]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("which", nargs="?", choices=("A", "B"), default="A")
    parser.add_argument("--api", choices=REQUESTS, default=LINK, help="of A")
    parser.add_argument("--top", type=int, default=40, help="functions that are shown")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dragoman-bench-") as name:
        messages, rows = count(Path(name) / "site", callbacks=options.which == "B", api=options.api)
    total, calls = sum(row[0] for row in rows), sum(row[1] for row in rows)
    print(f"{options.which} {options.api}: {messages} messages", end="")
    print(f", each {total / messages:,.0f} bytecodes", end="")
    print(f" in {calls / messages:,.0f} calls")
    for bytecodes, called, name in rows[: options.top]:
        print(f"{bytecodes / messages:9.1f} {called / messages:7.2f}  {name}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(Path(sys.argv[2]), sys.argv[3:])
    else:
        main()
