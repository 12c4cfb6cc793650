"""The faults in their order, and how their table is written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from faults import (
    binds,
    callbacks,
    carriers,
    clocks,
    cluster,
    disks,
    hostile,
    hour,
    kills,
    lives,
    receipts,
    servers,
)
from faults.ledger import Row
from faults.scene import Bench


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table: a fault, what must hold, and who makes it."""

    fault: str
    done: str
    holds: str
    """What must hold; of a control, what must not."""
    run: Callable[[Bench, Row], Awaitable[None]]
    is_control: bool = False


CASES = (
    Case(
        "R1",
        "the gateway, its writing process or both are killed at random moments under load",
        "nothing lost; at most a window doubled after a kill, and marked",
        kills.killed_under_load,
    ),
    Case(
        "R2",
        "the power is cut under load: what was not synced is dropped, whole or sector by sector",
        "nothing lost",
        disks.power_cut,
    ),
    Case(
        "R2",
        "control: the same, but syncs do nothing, as with `synchronous=OFF`",
        "must lose",
        disks.power_cut_unsynced,
        is_control=True,
    ),
    Case(
        "R3",
        "a sync fails under load, once or from then on; then the power is cut",
        "nothing accepted after the failure; health says so; nothing lost",
        disks.sync_fails,
    ),
    Case(
        "R3",
        "a sync fails, and the gateway is killed and started again",
        "nothing refused is sent later; nothing lost",
        disks.sync_fails_then_killed,
    ),
    Case(
        "R3",
        "control: the same, but the failure is hidden from the gateway",
        "must lose",
        disks.sync_fails_unseen,
        is_control=True,
    ),
    Case(
        "R4",
        "the disk is full under load, and has room again",
        "sends refused with 503, reads answered, back within 5 s, nothing lost",
        disks.disk_full,
    ),
    Case(
        "R5",
        "a carrier is unreachable, half-open, cut in mid-PDU, or sends one octet at a time",
        "noticed within 3 s; the other carrier keeps 95 % of its rate; nothing lost",
        carriers.carrier_breaks,
    ),
    Case(
        "R6",
        "the wall clock jumps a day ahead and back, and a day back, over a restart too",
        "nothing scheduled goes early; identifiers are unique and in order",
        clocks.clock_jumps,
    ),
    Case(
        "R7",
        "messages wait for a silent carrier, and another carrier has traffic",
        "memory stays bounded; the other's p99 rises by less than 20 %",
        carriers.waiting_beside,
    ),
    Case(
        "R8",
        "the carrier throttles (0x58, 0x14)",
        "95 % of what it allows goes through; nothing fails, no attempt is counted",
        carriers.throttled,
    ),
    Case(
        "R9",
        "receipts come at odd times and places",
        "all matched; each end told once",
        receipts.receipts_at_odds,
    ),
    Case(
        "R10",
        "receipts spell message IDs differently from responses",
        "all matched, none wrongly",
        receipts.spelled_otherwise,
    ),
    Case(
        "R11",
        "links are reset when messages have arrived, before their responses",
        "`hold`: nothing doubled; `resend`: at most a window, marked; nothing lost",
        carriers.response_lost,
    ),
    Case(
        "R12",
        "the same request many times at once (smSend's `order_id`, SMSGate's `id`)",
        "exactly one message",
        kills.repeated_at_once,
    ),
    Case(
        "R13",
        "the power is cut between the arrival of receipts and texts and their commit",
        "whatever was acknowledged is stored",
        kills.killed_before_commit,
    ),
    Case(
        "R14",
        "customers' servers are in trouble",
        "everything told afterwards, in order; the healthy server waits no longer",
        callbacks.customers_in_trouble,
    ),
    Case(
        "R15",
        "one of three nodes is killed under load, the one that holds the carrier",
        "nothing lost; at most a window doubled after a kill, and marked; taken over within 15 s",
        cluster.node_is_killed,
    ),
    Case(
        "R15",
        "the node that holds the carrier stands still, and goes on after others have taken over",
        "nothing lost; at most a window doubled each time, and marked",
        cluster.node_stands_still,
    ),
    Case(
        "R15",
        "NATS is killed under load and started again, with or without its store",
        "nothing lost; nothing doubled beyond a window, and marked",
        cluster.nats_is_lost,
    ),
    Case(
        "R16",
        "PostgreSQL is killed, out of connections, beside an open transaction",
        "nothing lost; the rate falls by at most 10 % beside the transaction",
        servers.server_fails,
    ),
    Case(
        "R17",
        "a carrier sends what is no SMPP",
        "no crash, no hang, bounded memory; a link closes only when framing is lost",
        hostile.hostile_carrier,
    ),
    Case(
        "R17",
        "programs send what is no request",
        "no 5xx, no hang, bounded memory",
        hostile.hostile_program,
    ),
    Case(
        "R18",
        "SIGTERM under load, `dragoman migrate`, and a start",
        "stopped within 30 s; nothing lost, nothing doubled",
        lives.stopped_under_load,
    ),
    Case(
        "R18",
        "a start with many messages waiting",
        "ready within 10 s",
        lives.started_with_many,
    ),
    Case(
        "R19",
        "two gateways on one SQLite file, one PostgreSQL database, one port, one bind",
        "the second refuses and says why; the first is not disturbed",
        lives.two_of_a_kind,
    ),
    Case(
        "R20",
        "the gateway, its writing process or both are killed while customers submit over SMPP",
        "each `message_id` that was answered is that of a stored message; nothing lost; a receipt"
        " for each",
        binds.killed_under_binds,
    ),
    Case(
        "R21",
        "of three nodes any is killed, paused, stopped or cut off from a server, and the servers"
        " are killed, at random, one after the other",
        "nothing lost; at most two windows doubled each time, as what one fault leaves in doubt may"
        " last until the next, and marked; taken over within 15 s after a kill, 20 s after a pause"
        " or cut",
        hour.everything_happens,
    ),
    Case(
        "R22",
        "the node that holds the carrier is killed while it is owed thousands of receipts, which"
        " come to the next holder all at once",
        "nothing lost; every receipt finds its message",
        cluster.receipts_are_owed,
    ),
)

_TOP = """\
<!-- Written by `{command}`; run it again instead of changing this page. -->

# Reliability

What Dragoman is put through, and what was seen. `make faults` (minutes) and `make faults-long` (an
hour) run every fault against a real gateway and write this page. They need a C compiler; R4 mounts
a small file system if it may.

Two witnesses judge, which share no code with Dragoman ([`faults/`](../faults)): a ledger, which has
every accepted message on disk before it counts, and an SMSC, which notes every message it receives.
*Lost* is a message that was accepted and never reached the SMSC; *doubled* one that reached it once
more than needed; *marked* a double whose message says that it may be one (`possible_duplicate`).
SMPP cannot exclude doubles: if a response is lost, nobody knows whether the message arrived.

A control is the same check with the protection taken away. It must lose messages; if it did not,
the check would prove nothing.
"""


def render(rows: Sequence[Row], waiting: Sequence[Case], command: str, where: str) -> str:
    """The page; `waiting` are the cases that have not been run yet."""
    held = sum(not row.flaws for row in rows)
    lines = [_TOP.format(command=command), f"{where}\n"]
    lines.append(f"**{held} of {len(rows)} hold.**" + (" Not run yet: " if waiting else ""))
    if waiting:
        lines[-1] += ", ".join(dict.fromkeys(case.fault for case in waiting)) + "."
    lines += [
        "",
        "| | what was done | how often | accepted | lost | doubled | marked | time | holds |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [_line(row) for row in rows]
    lines += ["", "## What must hold, and what was seen", ""]
    holds = {(case.fault, case.done): case.holds for case in CASES}
    for fault, group in groupby(rows, key=lambda row: row.fault):
        for row in group:
            lines.append(f"- **{fault}** {row.done}. *{_capital(holds[row.fault, row.done])}.*")
            lines += [f"  - {figure}" for figure in row.seen]
            lines += [f"  - **not so: {flaw}**" for flaw in row.flaws]
    lines += ["", _REST]
    return "\n".join(lines)


_REST = """\
## What is not shown

- R21 over an hour: `--minutes 57` has it go on for so long. A node that is cut from PostgreSQL or
  from NATS is also in `tests/cluster/test_outages.py`.
- Going back to an earlier version: a backup is what leads back.
- Receipts that overtake their responses, to one number, from an SMSC with short IDs that it spells
  in another base: `20` may be hexadecimal for 32, or the ID of a later message. `id_reading` of the
  carrier says which it is.
- A power cut drops what was written to the SQLite file, its WAL and its journal and not synced.
  Directory entries are not dropped, and PostgreSQL's files are not watched.
"""


def _line(row: Row) -> str:
    verdict = "**no**" if row.flaws else "yes"
    if row.is_control:
        verdict = "**lost nothing**" if row.flaws else "loses, as it must"
    cells = (
        row.fault,
        row.done,
        row.times,
        f"{row.accepted:,}",
        f"{row.lost:,}",
        f"{row.doubled:,}",
        f"{row.marked:,}",
        f"{row.seconds:.0f} s",
        verdict,
    )
    return f"| {' | '.join(cells)} |"


def _capital(text: str) -> str:
    return text if text.startswith("`") else text[0].upper() + text[1:]
