"""Identifiers and texts of the calls on keywords and services, in the types programs send."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.inbound.keywords import check_may_receive
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.linkmobility.errors import WordedRefusal
from dragoman.dialects.linkmobility.paging import MAX_IDENTIFIER
from dragoman.dialects.linkmobility.reading import read_text
from dragoman.dialects.linkmobility.schemas import Flag, Text

_IDENTIFIER: Final = re.compile(r"[0-9]{1,16}", re.ASCII)
_SWITCHES: Final = MappingProxyType({"0": False, "false": False, "1": True, "true": True})


def check_incoming(account: Account) -> None:
    """Raises `Refused` unless the account may receive texts."""
    try:
        check_may_receive(account)
    except Refused as refused:
        text = "Access denied, [aclIncoming] access is denied for user"
        raise WordedRefusal(refused.code, text) from None


def read_identifier(value: Text) -> int | None:
    """An identifier, 0 where none is given; None for what none can be."""
    written = read_text(value)
    if not written:
        return 0
    if not _IDENTIFIER.fullmatch(written) or int(written) > MAX_IDENTIFIER:
        return None
    return int(written)


def read_switch(field: str, value: Flag) -> bool | None:
    """Whether something is on; None where nothing is given. Raises `Refused`."""
    if value is None or value == "":
        return None
    switch = _SWITCHES.get(str(value).strip().lower())
    if switch is None:
        raise Refused(RefusalCode.INVALID_FIELD, field, "use true or false")
    return switch
