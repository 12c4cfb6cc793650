"""E-mail addresses: whether mail servers would accept a text as one (RFC 5321 s. 4.1.2)."""

from __future__ import annotations

import re
from typing import Final

MAX_ADDRESS: Final = 254
"""Characters (RFC 5321 s. 4.5.3.1.3, less the brackets of a path)."""

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS: Final = re.compile(rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})+")


def is_email_address(text: str) -> bool:
    """Whether a text is an address at a domain with a dot; quoted local parts are not."""
    return len(text) <= MAX_ADDRESS and _ADDRESS.fullmatch(text) is not None
