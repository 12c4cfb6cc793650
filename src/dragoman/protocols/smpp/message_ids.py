"""Finds the message of a receipt although its ID is spelled differently than in the response.

Between submit_sm_resp and receipt a carrier may change case, add or strip leading zeros, drop the
dashes of a UUID, or go from hexadecimal to decimal and back (SMPP 3.3 said hexadecimal, the
receipt of SMPP 3.4 App. B says decimal). The rule:

1. Store every key of `stored_keys` for the id in the response. There is one when the id is written
   plainly (lower case, no leading zeros), else two: as sent and, behind a `~`, folded.
2. Look up the keys of `id_spellings` for the id in the receipt one after the other and stop at the
   first that is stored. As sent comes first, so ids that differ only in case (base 62 counters)
   are not confused; then folded; then converted, so conversion never beats a direct hit.
3. A number can still be read both ways: decimal `123` is also hexadecimal `123`, and a carrier
   that counts up hands out both. Either the carrier's `IdReading` says which it is, or, with
   `AUTO`, the caller skips a hit whose recipient is not the sender of the receipt. With one or the
   other no wrong message is found.
"""

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Final

_HEXADECIMAL: Final = re.compile(r"[0-9a-fA-F]{1,64}")
_DECIMAL: Final = re.compile(r"[0-9]{1,64}")
_UUID_LENGTH: Final = 36
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class IdReading(StrEnum):
    """How a carrier spells the id of the response in its receipts."""

    AUTO = "auto"
    AS_SENT = "as_sent"
    HEX_TO_DEC = "hex_to_dec"
    """Hexadecimal in the response, decimal in the receipt."""
    DEC_TO_HEX = "dec_to_hex"
    """Decimal in the response, hexadecimal in the receipt."""


_HEX_TO_DEC: Final = IdReading.HEX_TO_DEC
_DEC_TO_HEX: Final = IdReading.DEC_TO_HEX


def stored_keys(message_id: str) -> tuple[str, ...]:
    """Return the keys to store for the id in a submit_sm_resp: one or two, none if it is empty."""
    message_id = message_id.strip()
    if not message_id:
        return ()
    folded = _fold(message_id)
    return (message_id,) if folded == message_id else (message_id, f"~{folded}")


def id_spellings(message_id: str, reading: IdReading = IdReading.AUTO) -> tuple[str, ...]:
    """Return the keys to look up for the id in a receipt, the likeliest first."""
    message_id = message_id.strip()
    if not message_id:
        return ()
    return _LOOKUPS[reading](message_id)


def likeliest_spelling(message_id: str, reading: IdReading = IdReading.AUTO) -> str:
    """Return the first of `id_spellings`, which nearly always fits; "" for an empty id."""
    if reading is _HEX_TO_DEC or reading is _DEC_TO_HEX:
        return next(iter(id_spellings(message_id, reading)), "")
    return message_id.strip()


def _fold(message_id: str) -> str:
    folded = message_id.lower()
    if len(folded) == _UUID_LENGTH and _UUID.fullmatch(folded):
        folded = folded.replace("-", "")
    return folded.lstrip("0") or "0"


def _either(folded: str) -> tuple[str, str]:
    """Return both places where an id with this folded form can be stored."""
    return folded, f"~{folded}"


def _as_sent(message_id: str) -> tuple[str, ...]:
    folded = _fold(message_id)
    if folded == message_id:
        return _either(folded)
    return message_id, *_either(folded)


def _to_hexadecimal(message_id: str) -> tuple[str, ...]:
    return _either(f"{int(message_id):x}") if _DECIMAL.fullmatch(message_id) else ()


def _to_decimal(message_id: str) -> tuple[str, ...]:
    return _either(str(int(message_id, 16))) if _HEXADECIMAL.fullmatch(message_id) else ()


def _auto(message_id: str) -> tuple[str, ...]:
    keys = _as_sent(message_id) + _to_hexadecimal(message_id) + _to_decimal(message_id)
    return tuple(dict.fromkeys(keys))


_LOOKUPS: Final[dict[IdReading, Callable[[str], tuple[str, ...]]]] = {
    IdReading.AUTO: _auto,
    IdReading.AS_SENT: _as_sent,
    IdReading.HEX_TO_DEC: lambda message_id: _to_hexadecimal(message_id) or _as_sent(message_id),
    IdReading.DEC_TO_HEX: lambda message_id: _to_decimal(message_id) or _as_sent(message_id),
}
