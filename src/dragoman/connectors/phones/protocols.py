"""The phone protocols by name, and what their phones can do."""

from __future__ import annotations

from typing import Final

SMSGATE: Final = "smsgate"
CHT: Final = "cht"

WITHDRAWING: Final = frozenset({SMSGATE})
"""Protocols whose phones drop a fetched message when its validity ends, or on request.

A message that a phone of another protocol has fetched is never given to another phone.
"""
