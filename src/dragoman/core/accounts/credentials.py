"""Keys and passwords: how they are generated, and what is stored of them.

API keys are random and stored as SHA-256; passwords are Argon2id, hashed and verified in threads, a
few at a time. A password that was verified is known by a keyed digest of it and of the stored hash,
so that it need not be verified again before one of them changes.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from dragoman.core.accounts.model.accounts import CredentialKind
from dragoman.core.accounts.sql.accounts import NewCredential
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.texts import is_storable
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource

KEY_BYTES = 32
"""64 hexadecimal digits, the form the LINK manual shows."""
MIN_KEY_LENGTH = 16
MAX_PASSWORD = 256
MAX_ARGON2_THREADS = 2
MAX_VERIFIED = 10_000
"""Verified passwords that are known; the one that was used longest ago is verified anew."""
DECOY = (
    "$argon2id$v=19$m=65536,t=3,p=4$ZHJhZ29tYW5kcmFnb21hbg"
    "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
"""A hash no password has."""


class Credentials:
    """Creates credentials, and verifies passwords."""

    def __init__(self, *, ids: IdSource, clock: Clock) -> None:
        self._ids = ids
        self._clock = clock
        self._hashing = asyncio.Semaphore(MAX_ARGON2_THREADS)
        self.hasher = PasswordHasher()
        self._secret = secrets.token_bytes(32)
        self._verified: OrderedDict[bytes, None] = OrderedDict()

    def of_key(self, account_id: int, key: str) -> NewCredential:
        """The credential for an API key; raises `Refused` for a short one."""
        if len(key) < MIN_KEY_LENGTH:
            detail = f"at least {MIN_KEY_LENGTH} characters"
            raise Refused(RefusalCode.INVALID_FIELD, "api_key", detail)
        return self._credential(account_id, CredentialKind.API_KEY, digest_of_key(key))

    def of_token(
        self, account_id: int, token: str, kind: CredentialKind = CredentialKind.ACCESS_TOKEN
    ) -> NewCredential:
        """The credential for an access token, or for another kind of token."""
        return self._credential(account_id, kind, digest_of_key(token))

    async def of_password(
        self, account_id: int, password: str, *, legacy_md5: bool
    ) -> tuple[NewCredential, ...]:
        """The credentials for a password, with the legacy login's; raises `Refused`."""
        _check_password(password)
        spellings = [(CredentialKind.PASSWORD, password)]
        if legacy_md5:
            spellings.append((CredentialKind.LEGACY_MD5, md5_of_password(password)))
        hashes = await asyncio.gather(*(self._hash(text) for _, text in spellings))
        return tuple(
            self._credential(account_id, kind, hash_)
            for (kind, _), hash_ in zip(spellings, hashes, strict=True)
        )

    async def of_smpp_password(self, account_id: int, password: str) -> NewCredential:
        """The credential for the password of an SMPP login."""
        digest = await self._hash(password)
        return self._credential(account_id, CredentialKind.SMPP_PASSWORD, digest)

    async def digest_of_password(self, password: str) -> bytes:
        """What is stored of a person's password; raises `Refused`."""
        _check_password(password)
        return await self._hash(password)

    async def _hash(self, password: str) -> bytes:
        async with self._hashing:
            return (await asyncio.to_thread(self.hasher.hash, password)).encode()

    async def matches(self, digests: Sequence[bytes], password: str) -> bool:
        """Whether a password has one of the digests; a wrong one takes as long without any."""
        secret = password.encode("utf-8", "surrogatepass")  # JSON can hold half a character
        known = [self._known_as(digest, secret) for digest in digests]
        if self._is_verified(known):
            return True
        async with self._hashing:
            # Many connections of one customer ask at once: all but the first find it verified.
            if self._is_verified(known):
                return True
            hashes = [digest.decode() for digest in digests] or [DECOY]
            matching = await asyncio.to_thread(self._find_matching, hashes, secret)
        if matching is None:
            return False
        self._verified[self._known_as(matching.encode(), secret)] = None
        if len(self._verified) > MAX_VERIFIED:
            self._verified.popitem(last=False)
        return True

    def _known_as(self, digest: bytes, password: bytes) -> bytes:
        return hmac.digest(self._secret, digest + b"\0" + password, "sha256")

    def _is_verified(self, known: Iterable[bytes]) -> bool:
        for name in known:
            if name in self._verified:
                self._verified.move_to_end(name)
                return True
        return False

    def _find_matching(self, hashes: Sequence[str], password: bytes) -> str | None:
        for hash_ in hashes:
            try:
                self.hasher.verify(hash_, password)
            except (VerificationError, InvalidHashError):
                continue
            return hash_
        return None

    def _credential(self, account_id: int, kind: CredentialKind, digest: bytes) -> NewCredential:
        return NewCredential(
            credential_id=self._ids.next(),
            account_id=account_id,
            kind=kind.value,
            digest=digest,
            created_ms=self._clock.now_ms(),
        )


def _check_password(password: str) -> None:
    if not 0 < len(password) <= MAX_PASSWORD or not is_storable(password):
        detail = f"1 to {MAX_PASSWORD} characters"
        raise Refused(RefusalCode.INVALID_FIELD, "password", detail)


def new_key() -> str:
    """A new API key."""
    return secrets.token_hex(KEY_BYTES)


def digest_of_key(key: str) -> bytes:
    """The digest of an API key, as it is stored."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def md5_of_password(password: str) -> str:
    """What legacy clients send in place of a password (LINK v2 s. 03, "Legacy auth")."""
    return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()
