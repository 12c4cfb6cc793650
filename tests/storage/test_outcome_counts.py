"""What is counted by route and country is what a recount of the messages gives."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from dragoman.core.messages.model.lifecycle import State as S
from dragoman.core.messages.model.outcomes import STEPS_S
from dragoman.core.messages.sql import changes
from dragoman.core.messages.sql.changes import STATISTICS_NAMES
from dragoman.core.messages.sql.outcome_counts import step_of
from dragoman.core.messages.sql.tables import hourly_statistics, messages
from dragoman.core.model.errors import FailureCode
from dragoman.kit.ids import time_of

HOUR = 3_600_000
WAYS = (
    (S.QUEUED, S.SENDING),
    (S.QUEUED, S.SENDING, S.SENT),
    (S.QUEUED, S.SENDING, S.SENT, S.DELIVERED),
    (S.QUEUED, S.SENDING, S.SENT, S.UNKNOWN),
    (S.QUEUED, S.SENDING, S.SENT, S.UNKNOWN, S.DELIVERED),
    (S.QUEUED, S.SENDING, S.SENT, S.UNDELIVERED),
    (S.QUEUED, S.SENDING, S.REJECTED),
    (S.QUEUED, S.EXPIRED),
    (S.QUEUED, S.CANCELLED),
)
FAILING = {
    S.UNDELIVERED: FailureCode.ABSENT_SUBSCRIBER,
    S.REJECTED: FailureCode.BARRED,
    S.EXPIRED: FailureCode.EXPIRED,
}

OTHERS = ("sum", "mcc:status", "mcc:credits", "mcc:price")
"""What is counted of messages besides their outcomes."""


@pytest.mark.parametrize("seed", range(2))
async def test_counts_by_route_and_country_are_what_a_recount_gives(rows: Any, seed: int) -> None:
    chance = random.Random(seed)
    accounts = [await rows.account(name) for name in ("acme", "other")]
    for _ in range(40):
        account, route = chance.choice(accounts), chance.choice(("default", "sea:north"))
        new = await rows.accepted(account, message={"route": route})
        (message,) = new.messages
        sent_ms = None
        for before, after in zip(way := chance.choice(WAYS), way[1:], strict=False):
            rows.clock.advance(chance.choice((0, 0.5, 7, 90, 5_000)))
            change = rows.change(
                account,
                new,
                message,
                before,
                after,
                route=route,
                sent_ms=sent_ms,
                failure=FAILING.get(after, FailureCode.NONE),
            )
            if after is S.SENT:
                sent_ms = change.at_ms
            await rows.write(changes.record, change)

    expected: Counter[tuple[int, int, str, str]] = Counter()
    for row in await rows.all(messages):
        state = S(row["state"])
        key = (row["account_id"], time_of(row["message_id"]) // HOUR * HOUR)
        if state >= S.SENT:
            expected[*key, "route:status", f"{row['route']}:{STATISTICS_NAMES[state]}"] += 1
        for side in ("route", "mcc"):
            if state in FAILING:
                expected[*key, f"{side}:failure", f"{row[side]}:{row['failure']}"] += 1
            if state is S.DELIVERED:
                step = step_of(row["final_ms"] - row["sent_ms"])
                expected[*key, f"{side}:seconds", f"{row[side]}:{step}"] += 1
    found = {
        (row["account_id"], row["hour_ms"], row["dimension"], row["value"]): row["count"]
        for row in await rows.all(hourly_statistics)
        if row["count"] and row["dimension"] not in OTHERS
    }
    assert found == expected


@pytest.mark.parametrize(
    ("elapsed_ms", "step"),
    [
        (-5, "1"),
        (0, "1"),
        (1_000, "1"),
        (1_001, "2"),
        (86_400_000, "86400"),
        (86_400_001, "longer"),
    ],
)
def test_a_time_is_counted_under_the_first_step_it_does_not_exceed(
    elapsed_ms: int, step: str
) -> None:
    assert step_of(elapsed_ms) == step
    assert list(STEPS_S) == sorted(STEPS_S)
