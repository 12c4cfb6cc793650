"""The advanced key: what opens calls and fields that the manual keeps to a provider's own staff."""

from __future__ import annotations

import hmac

from dragoman.core.model.errors import RefusalCode
from dragoman.dialects.linkmobility.errors import WordedRefusal


def check_advanced(expected: str, given: str, purpose: str) -> None:
    """Raises `Refused` unless `given` is the advanced key; `purpose` names what asks for it."""
    offered = given.encode("utf-8", "surrogatepass")
    if not expected or not hmac.compare_digest(expected.encode(), offered):
        text = f"Access denied, [{purpose}] needs the advanced key"
        raise WordedRefusal(RefusalCode.PERMISSION_DENIED, text)
