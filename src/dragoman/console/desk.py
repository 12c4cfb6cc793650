"""What views may use: the services, and what can be read off the running gateway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from dragoman.console.repeats import Repeats
from dragoman.kit.clock import Clock
from dragoman.services.account_tree import AccountTree
from dragoman.services.accounts import Accounts
from dragoman.services.batches import Batches
from dragoman.services.console_sessions import ConsoleSessions
from dragoman.services.credits import Credits
from dragoman.services.one_time_links import OneTimeLinks
from dragoman.services.opt_outs import OptOuts
from dragoman.services.queries import Queries
from dragoman.services.quotes import Quotes
from dragoman.services.submission import SubmissionService
from dragoman.services.traffic import Traffic


class Machine(Protocol):
    """The running gateway, to look at."""

    def problems(self) -> list[str]:
        """Why it cannot take traffic now, in plain words; empty when it can."""
        ...

    def waiting(self) -> Mapping[str, int]:
        """Messages queued in memory, by route."""
        ...

    def oldest_waiting_s(self) -> Mapping[str, float]:
        """Age of the oldest message in the queue, by route."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The services that views call."""

    accounts: Accounts
    account_tree: AccountTree
    sessions: ConsoleSessions
    one_time_links: OneTimeLinks
    credits: Credits
    queries: Queries
    traffic: Traffic
    submission: SubmissionService
    batches: Batches
    quotes: Quotes
    repeats: Repeats
    opt_outs: OptOuts
    machine: Machine
    clock: Clock
    time_zone: str
    """For accounts without one of their own."""
