"""Whose mails are sent next."""

from dragoman.core.campaigns.model.mailings import EmailService
from dragoman.core.campaigns.turns import LOOK_AGAIN_S, SHARE, AccountTurns, Turn
from dragoman.kit.clock import FixedClock


class Bought:
    """What accounts have bought, as the database says."""

    def __init__(self, **services: EmailService) -> None:
        self.services = {int(name[1:]): service for name, service in services.items()}

    async def find(self, account_id: int) -> EmailService | None:
        return self.services.get(account_id)


async def test_accounts_with_mails_waiting_take_turns() -> None:
    clock = FixedClock()
    turns = AccountTurns(clock, Bought().find)
    for account_id in (1, 2, 3):
        turns.add(account_id, clock.now_ms())
    order = []
    for _ in range(6):
        turn = await turns.take()
        assert turn is not None
        assert turn.limit == SHARE
        order.append(turn.account_id)
        turns.end(turn, SHARE, clock.now_ms())
    assert order == [1, 2, 3, 1, 2, 3]


async def test_account_waits_until_its_next_mail_is_due() -> None:
    clock = FixedClock()
    turns = AccountTurns(clock, Bought().find)
    turns.add(1, clock.now_ms())
    turn = await turns.take()
    assert turn == Turn(account_id=1, limit=SHARE)
    turns.end(turn, 1, clock.now_ms() + 5_000)
    assert await turns.take() is None
    clock.advance(5)
    assert await turns.take() == turn


async def test_mail_that_is_added_during_a_turn_is_not_forgotten() -> None:
    clock = FixedClock()
    turns = AccountTurns(clock, Bought().find)
    turns.add(1, clock.now_ms())
    turn = await turns.take()
    assert turn is not None
    turns.add(1, clock.now_ms())
    turns.end(turn, 0, None)
    assert await turns.take() == turn


async def test_bandwidth_counts_what_was_sent() -> None:
    clock = FixedClock()
    turns = AccountTurns(clock, Bought(_1=EmailService(bandwidth=600.0)).find)
    turns.add(1, clock.now_ms())
    turn = await turns.take()
    assert turn == Turn(account_id=1, limit=10)  # what a quiet minute saved
    turns.end(turn, 8, clock.now_ms())
    turn = await turns.take()
    assert turn == Turn(account_id=1, limit=2)
    turns.end(turn, 2, clock.now_ms())
    assert await turns.take() is None
    clock.advance(6.1)
    assert await turns.take() == Turn(account_id=1, limit=1)


async def test_service_that_is_off_holds_mails_until_it_is_on() -> None:
    clock = FixedClock()
    bought = Bought(_1=EmailService(enabled=False))
    turns = AccountTurns(clock, bought.find)
    turns.add(1, clock.now_ms())
    assert await turns.take() is None
    bought.services = {}
    clock.advance(LOOK_AGAIN_S + 1)
    assert await turns.take() == Turn(account_id=1, limit=SHARE)


async def test_nobody_waits_longer_when_the_clock_is_set_back() -> None:
    clock = FixedClock()
    turns = AccountTurns(clock, Bought().find)
    turns.add(1, clock.now_ms() + 5_000)
    clock.jump(-86_400)
    turns.set_back(86_400_000)
    assert await turns.take() is None
    clock.advance(5)
    assert await turns.take() == Turn(account_id=1, limit=SHARE)
