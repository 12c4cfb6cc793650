"""Codes that prove who reads the texts to a number: how they look, what is kept of them."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

CODE_DIGITS: Final = 6
MAX_TRIES: Final = 5
"""Wrong codes after which the right one counts no more."""
MAX_CODES: Final = 5
"""Codes that an account may send to a number within `WINDOW_MS`."""
WINDOW_MS: Final = 3_600_000
MIN_LIFETIME_S: Final = 60
MAX_LIFETIME_S: Final = 24 * 3600


def render_code(number: int) -> str:
    """A number below 10**CODE_DIGITS as a code."""
    return f"{number:0{CODE_DIGITS}}"


def digest_of_code(verification_id: int, code: str) -> bytes:
    """What is stored of a code, different for the same code at another time.

    It keeps codes out of copies and logs. From who can read the whole database a million codes
    are not to be hidden: the message that carries one lies there too.
    """
    key = verification_id.to_bytes(8)
    return hmac.digest(key, code.encode("utf-8", "surrogatepass"), hashlib.sha256)


def is_code(verification_id: int, code: str, digest: bytes) -> bool:
    """Whether a code has this digest; takes the same time whatever is wrong with it."""
    return hmac.compare_digest(digest_of_code(verification_id, code), digest)
