"""Sessions live while they are used, and are bounded."""

from __future__ import annotations

from dragoman.core.accounts import sessions as module
from dragoman.core.accounts.sessions import Sessions
from dragoman.kit.clock import FixedClock


def make() -> tuple[Sessions, FixedClock]:
    clock = FixedClock()
    return Sessions(clock=clock, idle_s=300), clock


def test_session_is_its_accounts_only() -> None:
    sessions, _ = make()
    key = sessions.open(1)
    assert sessions.renew(1, key)
    assert not sessions.renew(2, key)
    assert not sessions.is_alive(1, "")


def test_looking_does_not_renew() -> None:
    sessions, clock = make()
    key = sessions.open(1)
    clock.advance(200)
    assert sessions.is_alive(1, key)
    clock.advance(100)
    assert not sessions.is_alive(1, key)
    assert not sessions.renew(1, key)


def test_use_renews() -> None:
    sessions, clock = make()
    key = sessions.open(1)
    for _ in range(5):
        clock.advance(299)
        assert sessions.renew(1, key)


def test_one_account_cannot_end_the_sessions_of_others(monkeypatch) -> None:
    monkeypatch.setattr(module, "MAX_PER_ACCOUNT", 3)
    sessions, _ = make()
    other = sessions.open(2)
    first, second, third = (sessions.open(1) for _ in range(3))
    sessions.renew(1, first)
    fourth = sessions.open(1)
    alive = [sessions.is_alive(1, key) for key in (first, second, third, fourth)]
    assert alive == [True, False, True, True]  # the one that was used longest ago has gone
    assert sessions.is_alive(2, other)


def test_ending_all_keeps_the_one_that_asks() -> None:
    sessions, _ = make()
    first, second = sessions.open(1), sessions.open(1)
    sessions.end_all(1, but=second)
    assert [sessions.is_alive(1, key) for key in (first, second)] == [False, True]
    sessions.end_all(1)
    assert not sessions.is_alive(1, second)
    sessions.end_all(1)


def test_dead_sessions_do_not_pile_up() -> None:
    sessions, clock = make()
    for account_id in range(100):
        sessions.open(account_id)
    clock.advance(300)
    for _ in range(100):
        sessions.open(1_000)
    assert len(sessions._used) == 1
