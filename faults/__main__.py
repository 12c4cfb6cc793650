"""Runs the faults, prints what was seen, and writes the page after each.

    python -m faults [--only R2,R3] [--repeat N] [--minutes M] [--seed S] [--long] [--page PAGE]

Everything is random by the seed, which is printed: the same seed makes the same choices. With
--only nothing is written unless --page says where.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import os
import platform
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from faults.ledger import Row
from faults.library import NotPossible
from faults.scene import Bench
from faults.table import CASES, Case, render

PAGE = Path(__file__).parent.parent / "docs" / "reliability.md"
LONGEST_S = 1800.0
"""A fault that takes longer hangs."""


async def run_case(bench: Bench, case: Case) -> Row:
    """One line of the table; whatever goes wrong in it is its flaw."""
    row = Row(
        fault=case.fault, done=case.done, times="", seed=bench.seed, is_control=case.is_control
    )
    began = time.monotonic()
    try:
        async with asyncio.timeout(LONGEST_S + bench.seconds(0, 0)):
            await case.run(bench, row)
    except NotPossible as error:
        row.check(False, f"not run: {error}")
    except TimeoutError:
        row.check(False, f"not over after {LONGEST_S:.0f} s")
    except Exception as error:
        row.check(False, f"the run broke off: {type(error).__name__}: {error}")
    row.seconds = time.monotonic() - began
    return row


def show(row: Row) -> None:
    print(
        f"{row.fault:<4} {row.done}\n"
        f"     {row.times}\n"
        f"     accepted {row.accepted:,}  lost {row.lost:,}  doubled {row.doubled:,}"
        f"  marked {row.marked:,}  in {row.seconds:.1f} s, seed {row.seed}"
    )
    for figure in row.seen:
        print(f"     {figure}")
    for flaw in row.flaws:
        print(f"     NOT SO: {flaw}")
    if not row.flaws:
        print("     loses, as it must" if row.is_control else "     holds")
    sys.stdout.flush()


def run(options: argparse.Namespace, cases: Sequence[Case]) -> bool:
    """Runs cases in their order; whether all of them held."""
    page = options.page or (None if options.only else PAGE)
    command = "make faults-long" if options.long else "make faults"
    today = datetime.datetime.now(datetime.UTC)
    where = (
        f"{today:%Y-%m-%d}, seed {options.seed}, {os.cpu_count()} cores,"
        f" load {os.getloadavg()[0]:.0f} at the start, Python {platform.python_version()},"
        f" {platform.system()}."
    )
    rows: list[Row] = []
    folder = Path(tempfile.mkdtemp(prefix="dragoman-faults-"))
    bench = Bench(folder, options.seed, options.repeat, options.long, options.minutes)
    print(f"seed {options.seed}")
    for number, case in enumerate(cases, 1):
        rows.append(asyncio.run(run_case(bench, case)))
        show(rows[-1])
        if page is not None:
            page.write_text(render(rows, cases[number:], command, where))
    broken = sum(bool(row.flaws) for row in rows)
    if broken:
        print(f"logs and databases are in {folder}")
    else:
        shutil.rmtree(folder)
    print(f"{len(rows) - broken} of {len(rows)} hold")
    return not broken


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="such as R2,R3; all of them if not given")
    parser.add_argument("--repeat", type=int, help="how often each fault is made, for all of them")
    parser.add_argument("--minutes", type=float, help="how long R21 goes on")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--long", action="store_true", help="about an hour instead of minutes")
    parser.add_argument("--page", type=Path, help="where to write the table")
    options = parser.parse_args()
    wanted = {name.strip().upper() for name in options.only.split(",") if name.strip()}
    unknown = wanted - {case.fault for case in CASES}
    if unknown:
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    cases = [case for case in CASES if not wanted or case.fault in wanted]
    if not run(options, cases):
        sys.exit(1)


if __name__ == "__main__":
    main()
