"""Exceptions as failures: a stable code, and words for people."""

from __future__ import annotations

from dragoman.control.answers import Failure
from dragoman.core.model.errors import Refused, StorageUnavailable


def failure_of(error: Exception) -> Failure | None:
    """What a caller is told of an exception; None for one that nobody foresaw."""
    if isinstance(error, Refused):
        words = ": ".join(part for part in (error.subject, error.detail) if part)
        plain = error.code.value.replace("_", " ")
        return Failure(code=error.code.value, message=f"{plain}: {words}" if words else plain)
    if isinstance(error, StorageUnavailable):
        return Failure(code="unavailable", message=str(error))
    return None
