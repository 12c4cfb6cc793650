"""The headers of the HTTP call that is being answered, for what is the same in every dialect."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

TAG_HEADER: Final = b"dragoman-tag"
MAX_TAG: Final = 64

HEADER: Final[ContextVar[Callable[[bytes], bytes] | None]] = ContextVar("HEADER", default=None)
"""Finds a header of the call by its name in lower case; empty if absent."""


def tag_of_call() -> str:
    """The tag that the caller put on its messages; empty for none, or for what cannot be one."""
    header = HEADER.get()
    tag = header(TAG_HEADER).strip() if header is not None else b""
    if not tag or len(tag) > MAX_TAG or not tag.isascii():
        return ""
    text = tag.decode("ascii")
    return text if text.isprintable() and " " not in text else ""
