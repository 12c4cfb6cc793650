"""What several dialects need to word a refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final, NamedTuple

from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.web.refusals import RefusalKind

MAX_QUOTED: Final = 100
"""Characters of a caller's input that an answer repeats."""

CODES_OF_KIND: Final = MappingProxyType(
    {
        RefusalKind.UNKNOWN_PATH: RefusalCode.NOT_FOUND,
        RefusalKind.WRONG_METHOD: RefusalCode.NOT_SUPPORTED,
        RefusalKind.MALFORMED: RefusalCode.MALFORMED_REQUEST,
        RefusalKind.BAD_CHARSET: RefusalCode.MALFORMED_REQUEST,
        RefusalKind.TOO_LARGE: RefusalCode.MALFORMED_REQUEST,
        RefusalKind.TOO_DEEP: RefusalCode.MALFORMED_REQUEST,
        RefusalKind.TOO_SLOW: RefusalCode.MALFORMED_REQUEST,
        RefusalKind.UNSUPPORTED_TYPE: RefusalCode.MALFORMED_REQUEST,
        RefusalKind.UNSUPPORTED_CODING: RefusalCode.MALFORMED_REQUEST,
        RefusalKind.INTERNAL: RefusalCode.UNAVAILABLE,
    }
)
"""What a request that cannot even be read counts as, where an API has no answer of its own."""


class Wording(NamedTuple):
    """A text with places for what a refusal is about, and the HTTP status it goes with."""

    text: str
    status: int = 400


@contextmanager
def reworded(word: Callable[[Refused], Refused]) -> Iterator[None]:
    """Raises what `word` makes of a refusal in the block."""
    try:
        yield
    except Refused as refused:
        raise word(refused) from None


@contextmanager
def instead_of(code: RefusalCode, refusal: Refused) -> Iterator[None]:
    """Raises `refusal` where the block is refused with `code`."""
    try:
        yield
    except Refused as refused:
        if refused.code is code:
            raise refusal from None
        raise


def quoted(text: str) -> str:
    """A caller's input as an answer repeats it: short, and without control characters."""
    return "".join(c if c.isprintable() else "?" for c in text[:MAX_QUOTED])
