"""Message types: qualities that an operator sells by name, each with its own credits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec


class MessageType(msgspec.Struct, frozen=True, kw_only=True):
    """A quality of messages."""

    name: str
    aliases: tuple[str, ...] = ()
    """What other brands call it."""
    credits: int = 1
    """For each part, whatever the destination."""
    receipts: bool = True
    custom_sender: bool = True
    """Whether the customer chooses the sender."""
    max_length: int = 1000
    """Characters of a text in the GSM alphabet."""
    route: str = ""
    """The route it takes; empty leaves it to the routes' own rules."""

    @property
    def brand_name(self) -> str:
        """Its name for brands that do not use its own name."""
        return self.aliases[0] if self.aliases else self.name


class MessageTypes:
    """The configured types, in the operator's order."""

    def __init__(self, types: Iterable[MessageType]) -> None:
        self._types = tuple(types)
        self._by_name = {name: one for one in self._types for name in (*one.aliases, one.name)}

    def __iter__(self) -> Iterator[MessageType]:
        return iter(self._types)

    def find(self, name: str) -> MessageType | None:
        """The type with a name or alias."""
        return self._by_name.get(name)


DEFAULT_TYPES = (
    MessageType(name="N", aliases=("GP", "PRM")),
    MessageType(name="L", aliases=("GS", "TI", "MND"), receipts=False),
    MessageType(
        name="LL", aliases=("SI", "AD"), receipts=False, custom_sender=False, max_length=160
    ),
    MessageType(name="EE", credits=2),
)
"""High quality with receipts, medium, low cost, and the export quality of Skebby."""
