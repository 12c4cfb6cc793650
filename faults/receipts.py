"""R9, R10: receipts at odd times and places, and with odd spellings of the ID."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections import Counter
from types import MappingProxyType

from faults.gateway import carrier
from faults.ledger import Row
from faults.library import DAY_S
from faults.scene import Bench, Scene, scene, until
from faults.sink import Sink
from faults.smsc import DELIVERED, UNDELIVERABLE, Manners, SpellId, Submit, spell_decimal

LATE_S = 3 * DAY_S
MESSAGES = 40


def _uuid(number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))


def _from(first: int, spell: SpellId) -> SpellId:
    """The spelling of numbers that are large enough to have every digit."""
    return lambda number: spell(first + number)


SPELLINGS: MappingProxyType[str, SpellId] = MappingProxyType(
    {
        "decimal": spell_decimal,
        "hexadecimal, upper case": lambda n: (f"{n:X}", f"{n:X}"),
        "hexadecimal, lower case": lambda n: (f"{n:x}", f"{n:x}"),
        "decimal with zeros": lambda n: (f"{n:012d}", f"{n:012d}"),
        "hexadecimal, then decimal": lambda n: (f"{n:X}", str(n)),
        "decimal, then hexadecimal": lambda n: (str(n), f"{n:x}"),
        "upper, then lower case": lambda n: (f"{n:010X}", f"{n:010x}"),
        "with zeros, then without": lambda n: (f"{n:012d}", str(n)),
        "without zeros, then with": lambda n: (str(n), f"{n:012d}"),
        "UUID": lambda n: (_uuid(n), _uuid(n)),
        "UUID, then without dashes": lambda n: (_uuid(n), _uuid(n).replace("-", "")),
        "65 characters": lambda n: (f"{n:x}".rjust(65, "q"), f"{n:x}".rjust(65, "q")),
    }
)


async def receipts_at_odds(bench: Bench, row: Row) -> None:
    """R9."""
    count = bench.times(MESSAGES, 1000)
    ways: dict[str, Manners] = {
        "before the response": Manners(receipt_first=True),
        "on another link": Manners(on_other_link=True),
        "twice": Manners(receipt_times=2),
        "in one segment with the response": Manners(in_one_segment=True),
        "72 hours late": Manners(receipt_after_s=None),
    }
    row.times = f"{count} messages each: " + ", ".join(ways)
    for way, manners in ways.items():
        await _in_this_way(bench, row, way, manners, count)


async def _in_this_way(bench: Bench, row: Row, way: str, manners: Manners, count: int) -> None:
    def two_links(port: int) -> str:
        return carrier(port, links=2)

    is_late = manners.receipt_after_s is None
    first = bench.chance("R9").randrange(10**8, 10**9)
    manners.spell_id = _from(first, spell_decimal)
    sink = Sink()
    await sink.open()
    async with scene(bench, manners=manners, carriers=two_links, breakable=is_late) as stage:
        await stage.gateway.start()
        url = sink.url("/r9")
        await stage.customer.send_to_many("r9", count, status=True, statusurl=url)
        await until(lambda: len(stage.smsc.submits) >= count)
        if is_late:
            await _wait_72_hours(stage, first)
        await stage.finish(row)
        await until(lambda: len(_ends_told(sink)) >= count, 20)
        await asyncio.sleep(0.5)
        ends = _ends_told(sink)
        repeated = sum(times > 1 for times in ends.values())
        row.note(f"{way}: {len(ends)} of {count} told")
        row.check(len(ends) == count, f"{way}: {count - len(ends)} ends were not told")
        row.check(not repeated, f"{way}: {repeated} ends were told twice")
    sink.close()


def _ends_told(sink: Sink) -> Counter[str]:
    """How often the end of each message was told."""
    return Counter(call.query["msgid"] for call in sink.calls if call.query["status"] == "received")


async def _wait_72_hours(stage: Scene, first: int) -> None:
    """Lets three days pass by the clock of the gateway, and sends the receipts then."""
    await asyncio.sleep(1.0)
    stage.broken.move_clock(LATE_S)
    await asyncio.sleep(6.0)  # the deadlines are looked at every five seconds
    for number, submit in enumerate(list(stage.smsc.submits), first + 1):
        stage.smsc.owe_receipt(submit, str(number), DELIVERED)


async def spelled_otherwise(bench: Bench, row: Row) -> None:
    """R10: neighbouring numbers end differently, so that a wrong match shows."""
    count = bench.times(MESSAGES, 500)
    row.times = f"{count} messages in each of {len(SPELLINGS)} spellings"
    first = bench.chance("R10").randrange(10**6, 10**9)
    numbers = itertools.count()
    async with scene(bench) as stage:
        await stage.gateway.start()
        for name, spell in SPELLINGS.items():
            # Numbers of their own, as an SMSC has one spelling and never the same number twice.
            base = first + 10 * count * next(numbers)
            stage.smsc.manners.spell_id = _from(base, spell)
            stage.smsc.manners.receipt_state = _ends
            title = "r10 " + "".join(word[0] for word in name.split())
            await stage.customer.send_many(title, count)
        await stage.settle(20)
        _compare_all(stage, row, "")
    await _early_and_small(bench, row, count)


async def _early_and_small(bench: Bench, row: Row, count: int) -> None:
    """To one number, so that only the ids tell messages apart: 20 is also hexadecimal for 32."""
    row.times += f", and {count} with ids from 8 on whose receipts come before their responses"
    manners = Manners(receipt_first=True, answer_after_s=0.01, receipt_state=_ends)
    manners.spell_id = _from(7, spell_decimal)
    async with scene(bench, manners=manners) as stage:
        await stage.gateway.start()
        await stage.customer.send_many("r10 early", count)
        await stage.settle(20)
        _compare_all(stage, row, "early, small ids: ")


def _compare_all(stage: Scene, row: Row, which: str) -> None:
    row.check_verdict(stage.verdict(), window=None)
    wrong, unmatched = _compare(stage, row)
    row.note(f"{which}{unmatched} receipts not matched, {wrong} matched wrongly")


def _ends(submit: Submit) -> str:
    return UNDELIVERABLE if int(submit.text[-6:]) % 2 else DELIVERED


def _compare(stage: Scene, row: Row) -> tuple[int, int]:
    """How many messages ended as another should have, and how many did not end."""
    rows, wrong, unmatched = stage.gateway.rows(), Counter[str](), Counter[str]()
    for submit in stage.smsc.submits:
        state = rows[submit.text][0].state
        spelling = submit.text[:-7]
        wrong[spelling] += state >= 40 and state != (40 if _ends(submit) == DELIVERED else 41)
        unmatched[spelling] += state < 40
    for kind, counts in (("matched wrongly", wrong), ("not matched", unmatched)):
        for spelling, number in counts.items():
            row.check(not number, f"{spelling}: {number} {kind}")
    return sum(wrong.values()), sum(unmatched.values())
