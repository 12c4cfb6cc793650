"""Passwords: verified once, not at each of a customer's connections."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from argon2 import PasswordHasher

from dragoman.core.accounts.credentials import Credentials
from dragoman.kit.clock import FixedClock
from dragoman.kit.ids import IdSource


class CountingHasher(PasswordHasher):
    """Counts what it verifies, right or wrong."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified = 0

    def verify(self, hash: str | bytes, password: str | bytes) -> Any:
        self.verified += 1
        return super().verify(hash, password)


@pytest.fixture
def credentials() -> Credentials:
    clock = FixedClock()
    credentials = Credentials(ids=IdSource(clock), clock=clock)
    credentials.hasher = CountingHasher()
    return credentials


def verified(credentials: Credentials) -> int:
    assert isinstance(credentials.hasher, CountingHasher)
    return credentials.hasher.verified


def digest_of(credentials: Credentials, password: str) -> bytes:
    return credentials.hasher.hash(password).encode()


async def test_many_connections_at_once_are_verified_once(credentials: Credentials) -> None:
    """Bug: after each change of any account all connections of all customers were verified anew."""
    digests = [digest_of(credentials, "an older one"), digest_of(credentials, "secret")]
    found = await asyncio.gather(*(credentials.matches(digests, "secret") for _ in range(32)))
    assert all(found)
    # As many as run at once may have begun before the first had ended, each against two hashes.
    assert verified(credentials) <= 4
    before = verified(credentials)
    assert await credentials.matches(digests, "secret")
    assert verified(credentials) == before


async def test_a_changed_password_is_verified_again(credentials: Credentials) -> None:
    old, new = digest_of(credentials, "secret"), digest_of(credentials, "other")
    assert await credentials.matches([old], "secret")
    assert not await credentials.matches([new], "secret")
    assert await credentials.matches([new], "other")
    assert verified(credentials) == 3


async def test_a_wrong_password_is_verified_each_time(credentials: Credentials) -> None:
    digest = digest_of(credentials, "secret")
    for _ in range(3):
        assert not await credentials.matches([digest], "wrong")
        assert not await credentials.matches([], "wrong")
    assert verified(credentials) == 6
