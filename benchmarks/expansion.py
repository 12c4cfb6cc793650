"""I: a list of contacts becomes messages with texts of their own; nothing is sent."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import book
from benchmarks.processes import memory_mb
from dragoman.assembly import build_services
from dragoman.config import Settings
from dragoman.core.contacts.model.filters import Filter, Match, Operation, Rule
from dragoman.core.delivery import backlog
from dragoman.core.messages.model.audiences import Audience
from dragoman.core.messages.model.messages import Submission
from dragoman.core.writer_process import start_writer

CONTACTS = 100_000
RULE = Rule(field="Town", operation=Operation.NOT, value="nowhere")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One run."""

    recipients: int
    per_s: int
    per_cpu_s: int
    """By the processor time of this process, the one that writes apart."""
    grown_mb: int
    """Resident memory at the end, beyond that at the start."""
    flaws: tuple[str, ...]


def run(folder: Path, contacts: int = CONTACTS) -> Figure:
    """Expands one batch to a list with a filter that all pass and two merge fields."""
    folder.mkdir(parents=True)
    return asyncio.run(_run(folder, contacts))


async def _run(folder: Path, contacts: int) -> Figure:
    settings = Settings.development(folder, http="127.0.0.1:0", smsc="127.0.0.1:1")
    services = build_services(settings, writer=start_writer())
    services.storage.migrate()
    services.storage.start()
    await services.accounts.create("bench")
    account = await services.accounts.find("bench")
    await services.storage.writer.stop()
    with services.storage._write_engine.begin() as connection:
        book.write(connection, account.account_id, contacts)
    services.storage.close()
    services = build_services(settings, writer=start_writer())
    await services.open(migrate=False)
    services.backlog.room = _room  # type: ignore[method-assign]
    only = Filter(match=Match.ALL, rules=(RULE,))
    accepted = await services.submission.submit(
        account,
        Submission(
            dialect="linkmobility",
            recipients=(),
            audience=Audience(lists=(book.LIST_ID,), filter=only),
            text=book.TEXT,
            sender="TEST",
        ),
    )
    await services.batches._step()
    before_mb = memory_mb(os.getpid())
    started, cpu = time.perf_counter(), time.process_time()
    while await services.batches._step():
        pass
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    grown_mb = memory_mb(os.getpid()) - before_mb
    progress = await services.queries.batch(account, accepted.batch_id)
    await services.close()
    flaws = () if progress.recipients == contacts else (f"{progress.recipients} recipients",)
    return Figure(
        recipients=progress.recipients,
        per_s=round(contacts / seconds),
        per_cpu_s=round(contacts / cpu_s),
        grown_mb=grown_mb,
        flaws=flaws,
    )


def _room(route: str, account_id: int) -> int:
    """Room on every route: what is measured is the expansion, not the sending behind it."""
    return backlog.MAX_QUEUED
