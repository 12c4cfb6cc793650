"""Searches agree with a recount of the rows, whatever was sent and whatever is asked."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from dragoman.core.messages.model.lifecycle import TRANSITIONS, State
from dragoman.core.messages.sql import changes
from dragoman.core.messages.sql import paging as pages
from dragoman.core.messages.sql.changes import STATISTICS_NAMES
from dragoman.core.messages.sql.statistics import Counters, HourCount
from dragoman.core.messages.sql.tables import hourly_statistics, messages
from dragoman.core.model.errors import RefusalCode, TookTooLong
from dragoman.core.reporting.model.outbox import OutboxFilter
from dragoman.core.reporting.sql import outbox
from dragoman.kit.ids import first_at, time_of
from dragoman.storage import rows as stored_rows
from dragoman.storage.time_limit import time_limit
from dragoman.storage.work import Operation

HOUR = 3_600_000
NUMBERS = ("4511111111", "4522222222", "4533333333")
COUNTRIES = ("238", "240", "0")


class History:
    """Messages of three accounts by chance, each taken through states by chance."""

    def __init__(self, rows: Any, seed: int) -> None:
        self.rows = rows
        self.chance = random.Random(seed)
        self.states: dict[int, State] = {}
        self.made: list[tuple[Any, Any]] = []

    async def make(self, batches: int = 40) -> None:
        self.accounts = [await self.rows.account(f"a{n}") for n in range(3)]
        chance = self.chance
        for _ in range(batches):
            account = chance.choice(self.accounts)
            numbers = [chance.choice(NUMBERS) for _ in range(chance.choice((1, 1, 3)))]
            message = {"mcc": chance.choice(COUNTRIES), "parts": chance.randint(1, 3)}
            text = chance.choice(("Rødgrød med fløde", "RØDGRØD", "plain"))
            sender = chance.choice(("Shop", "Bank"))
            new = await self.rows.accepted(
                account, numbers, message=message, text=text, sender=sender
            )
            for stored in new.messages:
                self.made.append((stored, new))
                await self._live(account, new, stored)
            self.rows.clock.advance(chance.choice((1, 60, 1000, 3600, 20_000)))

    async def _live(self, account: Any, new: Any, stored: Any) -> None:
        state = State.QUEUED
        for _ in range(self.chance.randint(0, 3)):
            onward = sorted(TRANSITIONS[state] - {State.SENDING})
            if not onward:
                break
            after = self.chance.choice(onward)
            await self.rows.write(
                changes.record, self.rows.change(account, new, stored, state, after)
            )
            state = after
        self.states[stored.message_id] = state

    def expected(self, wanted: OutboxFilter) -> list[int]:
        """What a search must find, newest first, told from what was made."""
        return sorted(
            (
                stored.message_id
                for stored, new in self.made
                if stored.account_id in (wanted.account_id, *wanted.below)
                and wanted.recipient in ("", stored.recipient)
                and wanted.sender in ("", new.batch.sender)
                and wanted.batch_id in (None, stored.batch_id)
                and (not wanted.mccs or stored.mcc in wanted.mccs)
                and (not wanted.states or self.states[stored.message_id] in wanted.states)
                and all(piece in new.batch.text.lower() for piece in wanted.text)
                and (wanted.from_ms or 0) <= time_of(stored.message_id) <= (wanted.to_ms or 1 << 60)
            ),
            reverse=True,
        )

    def filter(self) -> OutboxFilter:
        chance, times = self.chance, [time_of(m.message_id) for m, _ in self.made]
        account, *others = chance.sample(self.accounts, 3)

        def perhaps(value: Any, nothing: Any, one_in: int = 3) -> Any:
            return value if chance.randrange(one_in) == 0 else nothing

        return OutboxFilter(
            account_id=account.account_id,
            below=perhaps(tuple(other.account_id for other in others), ()),
            recipient=perhaps(chance.choice(NUMBERS), "", 6),
            sender=perhaps("Shop", "", 6),
            batch_id=perhaps(chance.choice(self.made)[0].batch_id, None, 9),
            text=perhaps(("rødgrød",), (), 6),
            from_ms=perhaps(chance.choice(times) - chance.choice((0, 1, HOUR)), None),
            to_ms=perhaps(chance.choice(times) + chance.choice((0, 1, HOUR)), None),
            states=perhaps(
                chance.choice(
                    (
                        (State.DELIVERED,),
                        (State.SCHEDULED, State.QUEUED),
                        (State.SENDING, State.SENT),
                        (State.UNKNOWN, State.EXPIRED),
                        (State.UNDELIVERED, State.REJECTED, State.CANCELLED),
                    )
                ),
                (),
                2,
            ),
            mccs=perhaps(chance.choice((("238",), ("238", "0"), ("999",))), ()),
        )


@pytest.mark.parametrize("seed", range(3))
async def test_searches_find_what_a_recount_finds(rows: Any, seed: int) -> None:
    history = History(rows, seed)
    await history.make()
    parts = {stored.message_id: stored.parts for stored, _ in history.made}
    for _ in range(120):
        wanted, offset = history.filter(), history.chance.choice((0, 0, 3, 17))
        page = await rows.storage.read(lambda c, w=wanted, o=offset: outbox.search(c, w, o, 5))
        expected = history.expected(wanted)
        assert page.total == len(expected), wanted
        assert page.parts == sum(parts[found] for found in expected), wanted
        found = [view.message_id for view in page.messages]
        assert found == expected[offset : offset + 5], wanted


@pytest.mark.parametrize("seed", range(3))
async def test_searches_that_count_to_a_bound_find_the_same_page(
    rows: Any, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History(rows, seed)
    await history.make()
    for number in range(120):
        # Few identifiers are parameters of their own, many are one; few that wait are named.
        monkeypatch.setattr(stored_rows, "FEW", number % 2 * 20)
        monkeypatch.setattr(outbox, "FEW", number // 2 % 2 * 1_000)
        wanted, offset = history.filter(), history.chance.choice((0, 0, 3, 17))
        enough = history.chance.choice((0, 1, 10, 1_000))
        page = await rows.storage.read(
            lambda c, w=wanted, o=offset, e=enough: outbox.search(c, w, o, 5, e)
        )
        expected = history.expected(wanted)
        found = [view.message_id for view in page.messages]
        assert found == expected[offset : offset + 5], wanted
        if page.has_more:
            assert offset + 5 + enough < page.total, wanted
            assert page.total <= len(expected), wanted
        else:
            assert page.total == len(expected), wanted


def _hour(number: int, counted: int) -> HourCount:
    return HourCount(number * HOUR, counted, counted)


@pytest.mark.parametrize(
    ("enough", "counted", "is_cut"),
    [
        (0, 5, True),
        (4, 5, True),
        (5, 12, True),
        (11, 12, True),
        (12, 112, False),
        (999, 112, False),
    ],
)
def test_newest_hours_are_read_until_they_hold_enough(
    enough: int, counted: int, is_cut: bool
) -> None:
    now = 450_000  # hours
    stored = [_hour(now, 5), _hour(now - 30, 7), _hour(now - 24 * 700, 100)]

    def read(low: int | None, high: int | None) -> list[HourCount]:
        return [h for h in stored if (low or 0) <= h.hour_ms < (high or 1 << 60)]

    found = pages.newest_hours(read, lambda: first_at(now * HOUR), None, None, enough)
    assert (sum(hour.counted for hour in found.hours), found.is_cut) == (counted, is_cut)
    assert found.hours == [hour for hour in stored if hour.hour_ms >= (found.from_ms or 0)]


@pytest.mark.parametrize("seed", range(3))
async def test_counters_are_what_a_recount_of_the_messages_gives(rows: Any, seed: int) -> None:
    history = History(rows, seed)
    await history.make()
    recount: dict[tuple[int, int, str, str], tuple[int, int]] = {}
    for row in await rows.all(messages):
        hour = time_of(row["message_id"]) // HOUR * HOUR
        name = STATISTICS_NAMES[State(row["state"])]
        for dimension, value in (("sum", "sum"), ("mcc:status", f"{row['mcc']}:{name}")):
            key = (row["account_id"], hour, dimension, value)
            count, parts = recount.get(key, (0, 0))
            recount[key] = (count + 1, parts + row["parts"])
    counters = {
        (row["account_id"], row["hour_ms"], row["dimension"], row["value"]): (
            row["count"], row["parts"]
        )
        for row in await rows.all(hourly_statistics)
        if row["count"] and row["dimension"] in ("sum", "mcc:status")
    }  # fmt: skip
    assert counters == recount


TEXTS = [
    ("Rødgrød MED fløde", ("RØDGRØD",), True),
    ("RØDGRØD", ("rødgrød",), True),
    ("ÆØÅ", ("æøå",), True),
    ("ПРИВЕТ, мир", ("привет", "МИР"), True),
    ("Straße", ("straße",), True),
    ("one two three", ("ONE", "three"), True),
    ("one two three", ("three", "one"), False),
    ("first\nsecond", ("FIRST", "second"), True),
    ("50% [off]? (yes) a*b c\\d ^$ x.y {2} |", ("[OFF]?",), True),
    (
        "50% [off]? (yes) a*b c\\d ^$ x.y {2} |",
        ("(YES)", "a*b", "C\\D", "^$", "x.y", "{2} |"),
        True,
    ),
    ("xay", ("x.y",), False),
    ("xxy", ("x*y",), False),
    ("o", ("[off]",), False),
    ('it\'s "so" — 🎉', ('\'s "so"', "🎉"), True),
    ("a_b", ("A_B",), True),
    ("100% sure", ("0% S",), True),
    ("1000 sure", ("0% S",), False),
    ("Smørrebrød", ("SMØRREBR", "d"), True),
    ("Smorrebrod", ("smørre",), False),
    ("axb", ("a_b",), False),
    ("***", ("***",), True),
    ("(?i)", ("(?i)",), True),
]


@pytest.mark.parametrize(("text", "pieces", "found"), TEXTS)
async def test_text_is_found_alike_on_every_database(
    rows: Any, text: str, pieces: tuple[str, ...], found: bool
) -> None:
    account = await rows.account()
    await rows.accepted(account, text=text)
    wanted = OutboxFilter(account_id=account.account_id, text=pieces)
    page = await rows.storage.read(lambda c: outbox.search(c, wanted, 0, 10))
    assert page.total == len(page.messages) == int(found)


async def test_search_for_a_text_looks_at_the_newest_only(
    rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "TEXT_SCAN_LIMIT", 3)
    account = await rows.account()
    for text in ("old news", "news", "other", "News"):
        await rows.accepted(account, text=text)
        rows.clock.advance(1)
    wanted = OutboxFilter(account_id=account.account_id, text=("news",))
    page = await rows.storage.read(lambda c: outbox.search(c, wanted, 0, 10))
    assert [view.text for view in page.messages] == ["News", "news"]
    assert (page.total, page.parts) == (2, 2)


async def test_text_in_a_tree_is_looked_for_in_the_newest_of_all_its_accounts(
    rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = 7
    monkeypatch.setattr(outbox, "TEXT_SCAN_LIMIT", limit)
    history = History(rows, 5)
    await history.make()
    top, *others = (account.account_id for account in history.accounts)
    tree = OutboxFilter(account_id=top, below=tuple(others))
    newest_ms = time_of(max(history.states))
    for to_ms in (None, newest_ms, *(newest_ms - hours * HOUR // 2 for hours in range(1, 60, 7))):
        spans = msgspec.structs.replace(tree, to_ms=to_ms)
        wanted = msgspec.structs.replace(spans, text=("rødgrød",))
        page = await rows.storage.read(lambda c, w=wanted: outbox.search(c, w, 0, 50))
        looked_at = history.expected(spans)[:limit]
        expected = [one for one in history.expected(wanted) if one in looked_at]
        assert [view.message_id for view in page.messages] == expected


async def test_search_by_number_counts_no_further_than_its_bound(
    rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "SCAN_LIMIT", 3)
    account = await rows.account()
    for _ in range(5):
        await rows.accepted(account)
    wanted = OutboxFilter(account_id=account.account_id, recipient="4511111111")
    page = await rows.storage.read(lambda c: outbox.search(c, wanted, 2, 10))
    assert (page.total, len(page.messages)) == (3, 1)


async def test_page_goes_on_where_counters_promise_too_much(rows: Any) -> None:
    account = await rows.account()

    def promise(connection: Any, items: list[int]) -> list[None]:
        counters = Counters()
        for at_ms in items:
            counters.add(account.account_id, at_ms, "outbox", "sum", "sum", 1)
        counters.write(connection)
        return [None] * len(items)

    made = []
    for _ in range(3):
        made.append(await rows.accepted(account))
        await rows.write(Operation(promise), rows.clock.now_ms())
        rows.clock.advance(3600)
    wanted = OutboxFilter(account_id=account.account_id)
    page = await rows.storage.read(lambda c: outbox.search(c, wanted, 0, 10))
    expected = [new.messages[0].message_id for new in reversed(made)]
    assert [view.message_id for view in page.messages] == expected


async def test_a_reader_is_taken_from_a_question_that_takes_too_long(rows: Any) -> None:
    def ask(connection: Any) -> None:
        with time_limit(connection, 0.05):
            connection.exec_driver_sql(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99999999)"
                " SELECT count(*) FROM n"
            )

    with pytest.raises(TookTooLong) as refused:
        await rows.storage.read(ask)
    assert refused.value.code is RefusalCode.INVALID_FIELD
    account = await rows.account()
    await rows.accepted(account)
    wanted = OutboxFilter(account_id=account.account_id)
    assert (await rows.storage.read(lambda c: outbox.search(c, wanted, 0, 10))).total == 1


@pytest.mark.parametrize(
    ("from_ms", "to_ms", "late", "early"),
    [
        (None, None, None, None),
        (HOUR, 3 * HOUR - 1, None, None),
        (HOUR + 5, None, None, (HOUR + 5, 2 * HOUR - 1)),
        (None, HOUR + 5, (HOUR, HOUR + 5), None),
        (HOUR - 1, 2 * HOUR, (2 * HOUR, 2 * HOUR), (HOUR - 1, HOUR - 1)),
        (HOUR + 1, HOUR + 9, (HOUR + 1, HOUR + 9), None),
        (HOUR + 1, 2 * HOUR + 9, (HOUR + 1, 2 * HOUR + 9), None),
        (HOUR, HOUR + 9, (HOUR, HOUR + 9), None),
        (HOUR + 9, HOUR, (HOUR + 9, HOUR), None),
    ],
)
def test_ends_beside_whole_hours(
    from_ms: int | None, to_ms: int | None, late: Any, early: Any
) -> None:
    start = 1_790_000_000_000 // HOUR * HOUR

    def at(ms: int | None) -> int | None:
        return None if ms is None else start + ms

    expected = tuple(
        None if ends is None else pages.Span.of_times(at(ends[0]), at(ends[1]))
        for ends in (late, early)
    )
    assert pages.ragged_ends(at(from_ms), at(to_ms)) == expected


async def test_text_of_its_own_is_found_and_not_that_of_the_batch(rows: Any) -> None:
    account = await rows.account()
    own = {"text": "Hi Jack", "parts": 2}
    await rows.accepted(account, text="Hi [Name]", sender="Shop", message=own)
    await rows.accepted(account, text="Hi Jack", sender="Bank")
    for text, sender, parts in (
        ("jack", "", 3), ("jack", "Shop", 2), ("jack", "Bank", 1), ("name", "", 0), ("", "Shop", 2),
    ):  # fmt: skip
        pieces = (text,) if text else ()
        wanted = OutboxFilter(account_id=account.account_id, text=pieces, sender=sender)
        page = await rows.storage.read(lambda c, w=wanted: outbox.search(c, w, 0, 10))
        assert page.parts == sum(view.parts for view in page.messages) == parts, (text, sender)


async def test_batch_of_another_account_is_found_by_those_above_it_only(rows: Any) -> None:
    one, other = await rows.account("one"), await rows.account("other")
    new = await rows.accepted(other, NUMBERS)
    for number in ("", NUMBERS[0]):
        wanted = OutboxFilter(
            account_id=one.account_id, batch_id=new.batch.batch_id, recipient=number
        )
        found = []
        for below in ((), (other.account_id,)):
            with_below = msgspec.structs.replace(wanted, below=below)
            page = await rows.storage.read(lambda c, w=with_below: outbox.search(c, w, 0, 10))
            found.append(page.total)
        assert found == [0, 1 if number else 3]


async def test_queued_messages_are_counted_no_further_than_the_bound(
    rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "SCAN_LIMIT", 3)
    account = await rows.account()
    made = []
    for _ in range(5):
        made.append((await rows.accepted(account)).messages[0].message_id)
        rows.clock.advance(1800)
    states = (State.SCHEDULED, State.QUEUED)
    wanted = OutboxFilter(account_id=account.account_id, states=states)
    page = await rows.storage.read(lambda c: outbox.search(c, wanted, 0, 10))
    assert [view.message_id for view in page.messages] == made[:1:-1]
    assert page.total == 3
