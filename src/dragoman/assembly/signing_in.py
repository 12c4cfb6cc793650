"""The services by which people sign in to the console, and programs by API keys."""

from __future__ import annotations

from typing import NamedTuple

from dragoman.config import Settings
from dragoman.config.dialects import WITH_KEYS
from dragoman.core.accounts.accounts import Accounts
from dragoman.core.accounts.api_keys import ApiKeys
from dragoman.core.accounts.audit_log import AuditLog
from dragoman.core.accounts.console_sessions import ConsoleSessions
from dragoman.core.accounts.people import People
from dragoman.core.accounts.second_factors import SecondFactors
from dragoman.core.accounts.sign_ins import Policy, SignIns
from dragoman.kit.clock import Clock
from dragoman.kit.sealing import Sealer
from dragoman.storage.engine import Storage


class SigningIn(NamedTuple):
    """What signing in consists of."""

    sessions: ConsoleSessions
    people: People
    second_factors: SecondFactors
    sign_ins: SignIns
    api_keys: ApiKeys


def build_sign_in(
    *,
    settings: Settings,
    storage: Storage,
    accounts: Accounts,
    audit_log: AuditLog,
    sealer: Sealer,
    clock: Clock,
) -> SigningIn:
    """Builds them over the accounts."""
    sessions = ConsoleSessions(
        storage=storage,
        accounts=accounts,
        clock=clock,
        idle_s=settings.console.idle_s,
        longest_s=settings.console.longest_s,
    )
    people = People(storage=storage, accounts=accounts, sessions=sessions, clock=clock)
    factors = SecondFactors(storage=storage, accounts=accounts, sealer=sealer, clock=clock)
    sign_ins = SignIns(
        people=people,
        sessions=sessions,
        second_factors=factors,
        audit_log=audit_log,
        clock=clock,
        policy=Policy(settings.console.second_factor),
    )
    keys = ApiKeys(
        storage=storage,
        accounts=accounts,
        clock=clock,
        apis=WITH_KEYS.intersection(settings.dialects.enabled),
    )
    return SigningIn(sessions, people, factors, sign_ins, keys)
