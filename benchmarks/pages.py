"""K: every page of the console over a month of messages, with each of its usual filters.

The pages are those of the console itself, so that a new one is asked for without being named here;
one whose address has a part that nobody here can fill in stops the benchmark. They are asked for
over HTTP, signed in, by the account above all and by a customer's.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from sqlalchemy import func, select

from benchmarks.belongings import batch_of, callback_of, service_of
from benchmarks.drafts import make_drafts
from benchmarks.month import CUSTOMER, NUMBER, OPERATOR, PASSWORD, Month, fill
from benchmarks.processes import Gateway, dragoman, free_port, processor_s
from benchmarks.queries import DAY_MS, OFTEN
from benchmarks.session import CONSOLE, Session
from dragoman.console.page import Page
from dragoman.console.views import PAGES
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.model.people import widest_role
from dragoman.core.accounts.sql.accounts import find_by_id
from dragoman.core.messages.sql.tables import messages
from dragoman.storage.engine import Storage

ACCOUNTS: Final = 2_000
RUNS: Final = 40
WARM_UP: Final = 2
SAMPLES: Final = 200
BOUND_MS: Final = 200.0
FILES: Final = frozenset({"/messages/export.csv", "/report.csv"})
NOT_ASKED: Final = FILES | {
    *("/invitation", "/openid", "/openid/callback"),  # for a token, or with a provider, only
    *("/contacts/import/{key}", "/contacts/import/{key}/faults"),  # while a file is read
    "/prices/{carrier}.csv",  # a file, where there is a list
    "/accounts/{account_id:int}/credentials",  # where the dialect twilio is enabled
    "/accounts/{account_id:int}/people",  # as /people, for another account
    "/accounts/{account_id:int}/people/{person_id:int}",
}
"""What is made while it is read, and as long as what it holds."""
_PLACE: Final = re.compile(r"\{(\w+)(?::\w+)?\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """The times of one page with one filter; milliseconds from the request to the whole answer."""

    reader: str
    page: str
    filter: str
    p50_ms: float
    p95_ms: float
    max_ms: float
    cpu_ms: float
    """Processor time of the gateway's own process for one: with SQLite all there is to it."""
    statuses: tuple[int, ...]
    size: int
    """Bytes of the last answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A message that can be asked for."""

    message_id: int
    batch_id: int
    recipient: str
    account_id: int


class Reader(Session):
    """Somebody who is signed in to the console, and what may be asked for."""

    def __init__(
        self,
        port: int,
        account: Account,
        samples: list[Sample],
        month: Month,
        drafts: Mapping[str, str],
    ) -> None:
        super().__init__(port)
        self.account = account
        self.drafts = drafts
        """What stands in addresses for what it has made."""
        self.month = month
        self.chance = random.Random(7)
        self._samples = samples

    def message(self) -> Sample:
        """A message by chance."""
        return self.chance.choice(self._samples)

    def batch(self) -> int:
        """A batch of many messages by chance."""
        shared = [one.batch_id for one in self._samples if one.batch_id != one.message_id]
        return self.chance.choice(shared or [0])

    def day(self) -> str:
        """A date of the month by chance."""
        at_ms = self.chance.randrange(self.month.begin_ms, self.month.end_ms - DAY_MS)
        return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%d")


Filter = Callable[[Reader], Mapping[str, str]]


def _of(**fields: str) -> Filter:
    return lambda _reader: fields


def _on_a_day(**fields: str) -> Filter:
    def make(reader: Reader) -> Mapping[str, str]:
        day = reader.day()
        return {"from": f"{day}T00:00", "to": f"{day}T23:59", **fields}

    return make


def _before_by_chance(reader: Reader) -> Mapping[str, str]:
    return {"before": str(reader.message().message_id)}


def _filters() -> dict[str, dict[str, Filter]]:
    """The usual filters of pages, by address and name; a page without any is asked for as it is."""
    a_number: Filter = lambda reader: {"number": f"+{reader.message().recipient}"}  # noqa: E731
    return {
        "": {
            "24 hours": _of(),
            "7 days": _of(time="7d"),
            "30 days": _of(time="30d"),
            "24 hours, compared": _of(compare="1"),
        },
        "/callbacks": {
            "none": _of(),
            "given up": _of(state="given_up"),
            "of a host": _of(host="https://shop1.example.org", state="delivered"),
        },
        "/figures.csv": {"24 hours": _of(), "30 days": _of(time="30d")},
        "/messages": {
            "none": _of(),
            "deep": _before_by_chance,
            "a number": a_number,
            "a number with 1 % of all": _of(number=f"+{OFTEN}"),
            "the same, deep": lambda r: {"number": f"+{OFTEN}", **_before_by_chance(r)},
            "a number, failed": _of(number=f"+{OFTEN}", state="failed"),
            "the box, a number": lambda r: {"q": f"+{r.message().recipient}"},
            "the box, an ID": lambda r: {"q": str(r.message().message_id)},
            "the box, words": _of(q="order 4711"),
            "the box, nothing's": _of(q="xyzzy-1"),
            "a message": lambda reader: {"id": str(reader.message().message_id)},
            "a batch of many": lambda reader: {"id": str(reader.batch())},
            "text in all": _of(text="order"),
            "text in none": _of(text="xyzzy"),
            "text in one batch, a day": _on_a_day(text="4711"),
            "delivered": _of(state="delivered"),
            "failed": _of(state="failed"),
            "failed, deep": lambda r: {"state": "failed", **_before_by_chance(r)},
            "a cause": _of(cause="absent_subscriber"),
            "a country": _of(country="240"),
            "a country of none": _of(country="602"),
            "a route of none": _of(route="nowhere"),
            "an API of none": _of(dialect="nothing"),
            "a sender of none": _of(sender="Nobody"),
            "scheduled": _of(state="scheduled"),
            "expired": _of(state="expired"),
            "waiting": _of(state="waiting"),
            "a day": _on_a_day(),
            "a day, failed": _on_a_day(state="failed"),
        },
        "/live": {"none": _of(), "failed": _of(state="undelivered"), "a prefix": _of(to="4511")},
        "/inbox": {
            "none": _of(),
            "page 100": _of(page="100"),
            "a number": lambda r: {"sender": f"+451{1_000_000 + r.chance.randrange(1_000_000)}"},
            "our number": _of(number=NUMBER),
            "text in all": _of(text="club"),
            "text in none": _of(text="xyzzy"),
            "a day": _on_a_day(),
        },
        "/opt-outs": {"none": _of(), "page 100": _of(page="100"), "digits": _of(digits="777")},
        "/accounts": {
            "none": _of(),
            "page 30": _of(page="30"),
            "a name": lambda r: {"name": f"account-{r.chance.randrange(3, r.month.accounts + 1)}"},
        },
        "/accounts/{account_id:int}/ledger": {"newest": _of(), "deep": _before_by_chance},
        "/accounts/{account_id:int}/changes": {"newest": _of(), "deep": _before_by_chance},
        "/senders": {"waiting": _of(), "all": _of(state="all"), "page 10": _of(page="10")},
    }  # fmt: skip


def _fill_in(reader: Reader, match: re.Match[str]) -> str:
    name = match[1]
    return reader.drafts[name] if name in reader.drafts else str(_PLACES[name](reader))


_PLACES: Final[Mapping[str, Callable[[Reader], int]]] = {
    "message_id": lambda reader: reader.message().message_id,
    "account_id": lambda _reader: CUSTOMER,
    "batch_id": lambda reader: batch_of(reader.account.account_id),
    "callback_id": lambda reader: callback_of(reader.account.account_id),
    "service_id": lambda reader: service_of(reader.account.account_id),
}


def pages_to_ask(account: Account) -> list[Page]:
    """The console's pages that an account can look at; streams (see L) are none."""
    return [
        page
        for page in PAGES
        if page.show is not None
        and not page.background
        and page.is_open_to(account, widest_role(account))
        and page.path not in NOT_ASKED
    ]


def run(
    folder: Path, url: str, count: int, *, accounts: int = ACCOUNTS, runs: int = RUNS
) -> Iterator[Figure]:
    """Fills the database, which must be empty, and asks a gateway on it for every page."""
    storage = Storage(url)
    try:
        storage.migrate()
        month = fill(storage, count, accounts)
        readers = [_read_about(storage, one) for one in (OPERATOR, CUSTOMER)]
    finally:
        storage.close()
    drafts = make_drafts(folder.with_name(f"{folder.name}-drafts"), url)
    yield from ask(folder, url, month, readers, runs, drafts)


def ask(
    folder: Path,
    url: str,
    month: Month,
    known: list[tuple[Account, list[Sample]]],
    runs: int,
    drafts: Mapping[int, Mapping[str, str]],
) -> Iterator[Figure]:
    """Starts a gateway on a filled database and asks it."""
    tables = f'{CONSOLE}\n[storage]\nurl = "{url}"\n'
    with dragoman(folder, free_port(), carriers="", tables=tables) as gateway:
        for account, samples in known:
            reader = Reader(gateway.http, account, samples, month, drafts[account.account_id])
            reader.sign_in(account.username, PASSWORD)
            for page in pages_to_ask(account):
                for name, make in _filters().get(page.path, {"": _of()}).items():
                    yield _measure(gateway, reader, page, name, make, runs)
            reader.close()


def _measure(
    gateway: Gateway, reader: Reader, page: Page, name: str, make: Filter, runs: int
) -> Figure:
    times: list[float] = []
    statuses = set()
    before = 0.0
    for number in range(WARM_UP + runs):
        if number == WARM_UP:
            before = processor_s(gateway.pid)[0]
        target = _PLACE.sub(partial(_fill_in, reader), page.address)
        query = urlencode(make(reader))
        begin = time.perf_counter()
        status = reader.ask(f"{target}?{query}" if query else target)
        if number >= WARM_UP:
            times.append((time.perf_counter() - begin) * 1000)
            statuses.add(status)
    cpu_ms = (processor_s(gateway.pid)[0] - before) / runs * 1000
    times.sort()
    return Figure(
        reader=reader.account.username,
        page=page.address,
        filter=name,
        p50_ms=round(times[len(times) // 2], 1),
        p95_ms=round(times[max(0, round(len(times) * 0.95) - 1)], 1),
        max_ms=round(times[-1], 1),
        cpu_ms=round(cpu_ms, 1),
        statuses=tuple(sorted(statuses)),
        size=len(reader.body),
    )


def _read_about(storage: Storage, account_id: int) -> tuple[Account, list[Sample]]:
    chance = random.Random(account_id)
    found = []
    with storage._read_engine.connect() as connection:
        account = find_by_id(connection, account_id)
        low, high = connection.execute(
            select(func.min(messages.c.message_id), func.max(messages.c.message_id))
        ).one()
        query = select(*(messages.c[name] for name in Sample.__slots__)).limit(1)
        if account_id == CUSTOMER:
            query = query.where(messages.c.account_id == account_id)
        for _ in range(SAMPLES):
            at = messages.c.message_id <= chance.randint(low, high)
            row = connection.execute(query.where(at).order_by(messages.c.message_id.desc())).first()
            if row is not None:
                found.append(Sample(**row._mapping))
    assert account is not None
    return account, found
