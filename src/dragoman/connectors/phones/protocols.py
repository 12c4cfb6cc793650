"""The phone protocols by name, and what their phones can do."""

from __future__ import annotations

from typing import Final

SMSGATE: Final = "smsgate"
CHT: Final = "cht"

WITHDRAWING: Final = frozenset({SMSGATE})
"""Those whose phones do not send what they fetched once its validity is over, or when asked not to.

What a phone of any other has fetched is never given to another.
"""
