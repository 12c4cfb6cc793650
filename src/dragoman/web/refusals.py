"""What the kit refuses before a dialect's handler is called, as values.

The kit renders no answers: a `Refusal` goes to `Dialect.refuse`, which renders it in the provider's
own error format.
"""

from enum import StrEnum
from typing import Final

import msgspec


class RefusalKind(StrEnum):
    """Why the kit refused a request."""

    UNKNOWN_PATH = "unknown_path"
    WRONG_METHOD = "wrong_method"
    MALFORMED = "malformed"
    BAD_CHARSET = "bad_charset"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    TOO_SLOW = "too_slow"
    UNSUPPORTED_TYPE = "unsupported_type"
    UNSUPPORTED_CODING = "unsupported_coding"
    INTERNAL = "internal"


STATUS: Final = {
    RefusalKind.UNKNOWN_PATH: 404,
    RefusalKind.WRONG_METHOD: 405,
    RefusalKind.MALFORMED: 400,
    RefusalKind.BAD_CHARSET: 400,
    RefusalKind.TOO_LARGE: 413,
    RefusalKind.TOO_DEEP: 400,
    RefusalKind.TOO_SLOW: 408,
    RefusalKind.UNSUPPORTED_TYPE: 415,
    RefusalKind.UNSUPPORTED_CODING: 415,
    RefusalKind.INTERNAL: 500,
}


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One refusal: its kind, a reason that the caller may see, and what it is about.

    `field` is the path of the offending value (`message.recipients[0]`), empty where the body as
    a whole is meant. `reference` is the id under which an internal error was logged.
    """

    kind: RefusalKind
    reason: str
    field: str = ""
    reference: str = ""

    @property
    def status(self) -> int:
        """The HTTP status a provider would conventionally use; a dialect may choose another."""
        return STATUS[self.kind]


class Refused(Exception):
    """A request cannot be read; carries the `Refusal` to be rendered by its dialect."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


class MalformedBody(Refused):
    """A body or query is not what its format, its charset or its declared shape allows."""

    def __init__(
        self, reason: str, *, kind: RefusalKind = RefusalKind.MALFORMED, field: str = ""
    ) -> None:
        super().__init__(Refusal(kind=kind, reason=reason, field=field))
