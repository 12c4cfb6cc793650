"""Credits under fire: whatever many callers do at once, the ledger is balanced.

Several callers send, cancel, move credits, buy and undo purchases, while carriers take, refuse or
lose messages, all through the real services and the group-commit writer. Readers look at snapshots
of the database meanwhile. Each seed is another story; the interleaving is the event loop's.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, create_engine, select
from sqlalchemy.engine import make_url
from tests.passing_time import PATIENCE_S

from dragoman.assembly import build_services
from dragoman.config import Settings
from dragoman.config.sections import Limits
from dragoman.config.sections import Storage as StorageSection
from dragoman.config.tables import SmppTable
from dragoman.config.values import Secret
from dragoman.container import Services
from dragoman.core.accounts.account_fields import AccountFields
from dragoman.core.accounts.account_tree import Changes
from dragoman.core.accounts.credits import Purchase, TypeMove
from dragoman.core.accounts.model.accounts import DEFAULT_PERMISSIONS, Account, Permission
from dragoman.core.accounts.sql.credits import GENERAL
from dragoman.core.billing.model.payments import Payer
from dragoman.core.billing.sql.tables import ledger_entries, wallets
from dragoman.core.delivery import backlog as backlog_module
from dragoman.core.inbound.model.inbound import OptOutOrigin
from dragoman.core.messages.live import LiveMessage
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import Submission
from dragoman.core.messages.model.outcomes import Accepted, Rejected, Unknown
from dragoman.core.messages.sql import changes
from dragoman.core.messages.sql.tables import batches, messages
from dragoman.core.model.errors import FailureCode, Refused
from dragoman.core.submission import batches as batches_module
from dragoman.kit.clock import FixedClock

SEEDS = range(3)
CALLERS = 5
STEPS = 30
MOST_STEPS = 300
"""Callers go on beyond `STEPS` until each of `NEEDED` was done: in some orders all are refused."""
NEEDED = frozenset({"send", "carry", "give", "buy", "transfer", "top_up"})
DEEDS = (
    *("send", "send", "send", "carry", "carry", "report", "cancel", "come_and_go"),
    *("give", "take", "transfer", "top_up", "buy", "buy", "give_back", "undo"),
)
REFUSER = "4599999999"
"""Wants no messages: what is sent to it is rejected as it is accepted."""
OPERATOR = "operator"
"""The note of what comes from outside, or goes there."""
SIDES = ("available", "held", "spent")
REFUNDED = frozenset({State.REJECTED, State.EXPIRED, State.CANCELLED})


class Story:
    """A superaccount, accounts below it that pay in every way, and what is done with them."""

    def __init__(self, services: Services, choose: random.Random) -> None:
        self.services = services
        self.choose = choose
        self.accounts: list[Account] = []
        self.batch_ids: list[tuple[Account, int]] = []
        self.sent: list[LiveMessage] = []
        self.names = itertools.count(1)
        self.refusals: Counter[str] = Counter()
        self.done: Counter[str] = Counter()

    async def begin(self) -> None:
        parent = None
        wishes = (
            (Payer.OWN, 200),
            (Payer.OWN, 40),
            (Payer.PARENT, 0),
            (Payer.BOTH, 30),
            (Payer.BOTH, 20),
        )
        for index, (payer, credits) in enumerate(wishes):
            created = await self.services.accounts.create(
                f"account{index}",
                api_key="k" * 16 + str(index),
                credits=credits,
                permissions=DEFAULT_PERMISSIONS | {Permission.ADMINISTER},
                parent=parent,
                fields=AccountFields(payer=payer),
            )
            self.accounts.append(created.account)
            # The last one lies below an account that pays in two ways itself.
            parent = self.accounts[3] if index == 3 else self.accounts[0]
        await self.services.opt_outs.add_all(self.accounts[0], [REFUSER], OptOutOrigin.WEB)
        (general, *_) = self.services.credits.types
        await self.services.credits.top_up(self.accounts[0], general, 60)

    async def do_something(self) -> None:
        deed = self.choose.choice(DEEDS)
        try:
            await getattr(self, f"_{deed}")()
        except Refused as refused:
            self.refusals[f"{deed} {refused.code.value}"] += 1
        else:
            self.done[deed] += 1

    async def carry(self, most: int) -> None:
        """Takes messages as a dispatcher does, and tells what a carrier made of them."""
        services = self.services
        works = [
            work
            for name in services.router.routes
            for work in services.queue.consume(name, lambda: 0).take(most)
        ]
        for work in works:
            message = services.live.get(work.message_id)
            if message is None or message.state is not State.QUEUED:
                continue
            message.state = State.SENDING
            await services.storage.writer.write(changes.mark_sending, [message.message_id])
            stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            what = self.choose.randrange(5)
            if what <= 1:
                ids = tuple(f"{message.message_id}.{n}" for n in range(message.part_count))
                services.delivery.accepted(
                    message, "main", Accepted(carrier_ids=ids), stored.set_result
                )
                self.sent.append(message)
            elif what == 2:
                refusal = Rejected(code=FailureCode.INVALID_DESTINATION)
                services.delivery.rejected(message, "main", refusal, stored.set_result)
            elif what == 3:
                services.delivery.expire(message, stored.set_result)
            else:
                lost = Unknown(detail="no answer")
                assert not services.delivery.unanswered(message, "main", lost, stored.set_result)
            assert await stored

    async def finish(self) -> None:
        """Until every batch has become messages, and each of these has ended."""
        unsent = select(messages.c.message_id).where(messages.c.state < State.SENT.value).limit(1)
        waiting = select(batches.c.batch_id).where(batches.c.waiting_recipients.is_not(None))
        async with asyncio.timeout(PATIENCE_S):
            while await self.services.storage.read(
                lambda c: (
                    c.execute(unsent).first() is not None
                    or c.execute(waiting.limit(1)).first() is not None
                )
            ):
                await self.carry(100)
                await asyncio.sleep(0.01)

    # Deeds

    async def _send(self) -> None:
        account, types = self._account(), list(self.services.credits.types)
        message_type = self.choose.choice([None, *types])
        count = self.choose.randint(1, 5)
        recipients = [f"45{self.choose.randrange(10**8):08}" for _ in range(count)]
        if not self.choose.randrange(3):
            recipients.append(REFUSER)
        payments = await self.services.credits.payments(account, message_type)
        submission = Submission(
            dialect="test",
            recipients=tuple(recipients),
            text="hello " * self.choose.choice((1, 40)),
            sender="Dragoman",
            due_ms=self.services.clock.now_ms() + self.choose.choice((0, 0, 60_000)),
            payments=payments if message_type is not None else (),
            message_type=message_type,
        )
        accepted = await self.services.submission.submit(account, submission)
        self.batch_ids.append((account, accepted.batch_id))

    async def _carry(self) -> None:
        await self.carry(self.choose.randint(1, 4))

    async def _report(self) -> None:
        if self.sent:
            message = self.sent.pop()
            after = self.choose.choice((State.DELIVERED, State.UNDELIVERED, State.EXPIRED))
            stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            self.services.delivery.change(
                message, after, stored.set_result, carrier="main", reported=True
            )
            assert await stored

    async def _cancel(self) -> None:
        if self.batch_ids:
            await self.services.batches.cancel(*self.choose.choice(self.batch_ids))

    async def _give(self) -> None:
        await self._move(gives=True)

    async def _take(self) -> None:
        await self._move(gives=False)

    async def _move(self, *, gives: bool) -> None:
        moves = [
            TypeMove(
                message_type=self.choose.choice(list(self.services.credits.types)),
                amount=self.choose.randint(1, 30),
                gives=gives,
            )
            for _ in range(self.choose.randint(1, 3))
        ]
        child = self.choose.choice(self.accounts[1:4])
        await self.services.credits.move(self.accounts[0], child, moves)

    async def _top_up(self) -> None:
        amount = self.choose.choice((-40, -10, 10, 25))
        if self.choose.randrange(2):
            await self.services.accounts.top_up(self._account(), amount, "")
        else:
            message_type = self.choose.choice(list(self.services.credits.types))
            await self.services.credits.top_up(self._account(), message_type, amount)

    async def _transfer(self) -> None:
        change = Changes(credits=self.choose.choice((-20, -5, 5, 15)))
        child = self.choose.choice(self.accounts[1:4])
        await self.services.account_tree.change(self.accounts[0], child.account_id, change)

    async def _buy(self, *, gives: bool = True) -> None:
        types = [one.name for one in self.services.credits.types]
        bought = [
            Purchase(
                amount=self.choose.randint(1, 200),
                prices={self.choose.choice(types): self.choose.randint(1, 9)},
                gives=gives,
            )
            for _ in range(self.choose.randint(1, 2))
        ]
        await self.services.credits.buy(self.choose.choice(self.accounts[3:5]), bought)

    async def _give_back(self) -> None:
        await self._buy(gives=False)

    async def _undo(self) -> None:
        account = self.choose.choice(self.accounts[3:5])
        views, _ = await self.services.credits.purchases(account, 0, 100)
        if views:
            chosen = self.choose.choice(views).purchase.purchase_id
            await self.services.credits.undo_purchase(account, chosen)

    async def _come_and_go(self) -> None:
        """An account is made with credits, sends, and is deleted; the rest goes to its parent."""
        parent = self.accounts[0]
        created = await self.services.accounts.create(
            f"guest{next(self.names)}",
            api_key="g" * 16,
            credits=self.choose.randint(1, 20),
            parent=parent,
            giver=parent,
            fields=AccountFields(payer=self.choose.choice(list(Payer))),
        )
        guest = created.account
        try:
            submission = Submission(
                dialect="test", recipients=("4511111111",), text="hello", sender="Dragoman"
            )
            await self.services.submission.submit(guest, submission)
        finally:
            await self.services.account_tree.delete(parent, guest.account_id)

    def _account(self) -> Account:
        return self.choose.choice(self.accounts)


def check(connection: Connection) -> int:
    """The books are right: every wallet is its entries, none is below zero, nothing twice.

    Returns how much came into the house by transfers, which is not to change: what one account
    gives, another gets.
    """
    sides: dict[int, Counter[str]] = defaultdict(Counter)
    held: dict[tuple[int, int], int] = defaultdict(int)
    bought: dict[str, list[int]] = defaultdict(list)
    outside = given = 0
    for entry in connection.execute(select(ledger_entries).order_by(ledger_entries.c.entry_id)):
        assert entry.amount >= 0
        sides[entry.wallet_id][entry.debit] -= entry.amount
        sides[entry.wallet_id][entry.credit] += entry.amount
        outside += (entry.credit == "outside") * entry.amount
        outside -= (entry.debit == "outside") * entry.amount
        if entry.kind == "transfer" and entry.note != OPERATOR:
            given += (entry.debit == "outside") * entry.amount
            given -= (entry.credit == "outside") * entry.amount
        if entry.kind == "purchase":
            bought[entry.note].append(entry.amount if entry.debit == "outside" else -entry.amount)
        if entry.kind == "reserve":
            held[entry.batch_id, entry.wallet_id] += entry.amount
        elif entry.kind in ("commit", "refund"):
            held[entry.batch_id, entry.wallet_id] -= entry.amount
    assert all(sum(moved) >= 0 or moved[0] < 0 for moved in bought.values())
    held_by_wallet: Counter[int] = Counter()
    for (batch_id, wallet_id), amount in held.items():
        assert amount >= 0, f"batch {batch_id} settled more than it held"
        held_by_wallet[wallet_id] += amount
    total = 0
    for row in connection.execute(select(wallets)).all():
        stored = {side: getattr(row, side) for side in SIDES}
        assert stored == {side: sides[row.wallet_id][side] for side in SIDES}, row.kind
        assert row.unlimited or row.available >= 0
        assert row.held >= 0
        assert row.spent >= 0
        assert row.held == held_by_wallet[row.wallet_id]
        total += sum(stored.values())
    assert total + outside == 0
    return given


def check_ended(connection: Connection) -> None:
    """Nothing is held any more; each message was paid for or refunded by each payer, once."""
    assert not any(row.held for row in connection.execute(select(wallets)))
    spent: Counter[int] = Counter()
    for row in connection.execute(select(messages)):
        assert row.state >= State.SENT
        # What is reported as failed had left: it is paid for all the same.
        if row.sent_ms is not None or State(row.state) not in REFUNDED:
            spent[row.batch_id] += row.credits
    booked: dict[str, Counter[tuple[int, int]]] = defaultdict(Counter)
    for entry in connection.execute(select(ledger_entries)):
        booked[entry.kind][entry.batch_id, entry.wallet_id] += entry.amount
    assert +booked["reserve"] == booked["commit"] + booked["refund"]
    own = {
        row.account_id: row.wallet_id
        for row in connection.execute(select(wallets))
        if row.kind == GENERAL
    }
    due: Counter[tuple[int, int]] = Counter()
    for row in connection.execute(select(batches)):
        payers = msgspec.json.decode(row.options).get("payments") or [
            {"wallet_id": own[row.account_id]}
        ]
        for payer in payers:
            amount = spent[row.batch_id] * payer.get("per_credit", 1)
            due[row.batch_id, payer["wallet_id"]] += amount
    assert +booked["commit"] == +due


@pytest.fixture
async def services(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Services]:
    """Services whose batches of more than three are expanded in the background."""
    for module in (batches_module, backlog_module):
        monkeypatch.setattr(module, "POLL_S", 0.01)
    settings = msgspec.structs.replace(
        Settings.development(tmp_path, http="127.0.0.1:0", smsc="127.0.0.1:2775"),
        storage=StorageSection(url=Secret(database_url)),
        limits=Limits(inline_recipients=3),
        carriers=(SmppTable(name="main", host="127.0.0.1", system_id="x", on_unknown="hold"),),
    )
    services = build_services(settings, FixedClock())
    await services.open(migrate=False)
    await services.backlog.restore(services.ids.last)
    workers = [asyncio.create_task(run()) for run in (services.batches.run, services.backlog.run)]
    yield services
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    await services.close()


@pytest.mark.parametrize("seed", SEEDS)
async def test_ledger_is_balanced_when_many_send_transfer_refund_and_buy_at_once(
    services: Services, database_url: str, seed: int
) -> None:
    choose = random.Random(seed)
    story = Story(services, choose)
    await story.begin()
    snapshots = _open_snapshots(database_url)
    given = _look(snapshots)

    async def act() -> None:
        for step in range(MOST_STEPS):
            if step >= STEPS and set(story.done) >= NEEDED:
                return
            await story.do_something()
            assert isinstance(services.clock, FixedClock)
            services.clock.advance(1)

    try:
        acting = asyncio.gather(*(act() for _ in range(CALLERS)))
        while not acting.done():
            assert await asyncio.to_thread(_look, snapshots) == given
            await asyncio.sleep(0.02)
        await acting
        assert isinstance(services.clock, FixedClock)
        services.clock.advance(60)
        await story.finish()
        assert await asyncio.to_thread(_look, snapshots) == given
        await services.storage.read(check_ended)
    finally:
        snapshots.dispose()
    # The story had all of it in it, and not everything was refused.
    assert set(story.done) >= NEEDED
    assert story.refusals


def _open_snapshots(database_url: str) -> Any:
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        return create_engine(url)
    url = url.set(drivername="postgresql+psycopg")
    return create_engine(url, isolation_level="REPEATABLE READ")


def _look(snapshots: Any) -> int:
    with snapshots.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
        return check(connection)
