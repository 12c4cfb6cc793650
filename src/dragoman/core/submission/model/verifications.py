"""Codes that verify who reads the texts to a number: their form, and what is stored."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

CODE_DIGITS: Final = 6
"""Where nothing else is asked for."""
MAX_TRIES: Final = 5
"""Wrong codes after which the right one counts no more."""
MAX_CODES: Final = 5
"""Codes that an account may send to a number within `WINDOW_MS`."""
WINDOW_MS: Final = 3_600_000
MIN_LIFETIME_S: Final = 60
MAX_LIFETIME_S: Final = 24 * 3600


ENDED: Final = -1
"""`tries_left` of a code that was accepted, or that somebody ended."""
EXHAUSTED: Final = -1
"""The result of trying a code of which no tries are left."""
NONE_ALIVE: Final = -2
"""The result of trying a code where there is none."""


def render_code(number: int, digits: int = CODE_DIGITS) -> str:
    """A number below 10**digits as a code."""
    return f"{number:0{digits}}"


def digest_of_code(verification_id: int, code: str) -> bytes:
    """The stored digest of a code, different each time a code is sent.

    It keeps codes out of copies and logs. It cannot hide a million codes from someone who can read
    the whole database, which contains the message with the code.
    """
    key = verification_id.to_bytes(8)
    return hmac.digest(key, code.encode("utf-8", "surrogatepass"), hashlib.sha256)


def is_code(verification_id: int, code: str, digest: bytes) -> bool:
    """Whether a code has this digest; in constant time."""
    return hmac.compare_digest(digest_of_code(verification_id, code), digest)
