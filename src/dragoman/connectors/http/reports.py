"""Reads what a provider says when it calls: delivery reports and inbound texts, by its tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from dragoman.config.http import InboundTable, StatusTable
from dragoman.connectors.http.paths import Condition, Find, Read, compile_path, compile_text
from dragoman.core.messages.model.lifecycle import ReceiptState
from dragoman.core.messages.model.messages import InboundPartReport, ReceiptReport
from dragoman.core.model.errors import FailureCode
from dragoman.protocols.gsm.alphabet import Alphabet, try_encode_gsm
from dragoman.protocols.smpp.message_ids import IdReading

MOST_ITEMS: Final = 500
MAX_ID: Final = 255
MAX_CODE: Final = 64
MAX_NUMBER: Final = 32
MAX_PARTS: Final = 255

STATES: Final = MappingProxyType({state.name.lower(): state for state in ReceiptState})
"""Our words for the states of a report."""
# Looking a member up in its class costs more than the rest.
_AS_SENT: Final = IdReading.AS_SENT
_ENROUTE: Final = ReceiptState.ENROUTE
_NO_FAILURE: Final = FailureCode.NONE
_HEX_DIGITS: Final = frozenset("0123456789abcdefABCDEF")
_GROUP_BITS: Final = 0xFFFF


class StatusReader:
    """Reads the delivery reports of one provider."""

    def __init__(self, table: StatusTable, carrier: str) -> None:
        """Raises ValueError for a path or a state that is none."""
        self.table = table
        self._carrier = carrier
        self._when = Condition(table.when)
        self._list = compile_path(table.list) if table.list else None
        self._id = compile_text(table.id)
        self._ref = compile_text(table.ref)
        self._recipient = compile_text(table.recipient)
        self._words = tuple(map(compile_text, table.state.split("|")))
        self._codes = tuple(map(compile_text, table.code.split("|"))) if table.code else ()
        self._states = {word.lower(): _state(name) for word, name in table.states.items()}
        self._failures = {
            code.lower(): FailureCode(failure) for code, failure in table.failures.items()
        }
        self.exists = bool(table.state)

    def matches(self, item: Any) -> bool:
        """Whether an item is such a report."""
        return self.exists and (self._when.holds(item) if self._when else True)

    def items(self, tree: Any) -> list[Any]:
        """The reports of one call."""
        return _items(self._list, tree)

    def read(self, item: Any, ref: str = "") -> ReceiptReport | None:
        """One report; `ref` is our reference from the URL. None for one that names no message."""
        id_ = self._id(item)[:MAX_ID].strip()
        ref = (ref or self._ref(item))[:MAX_ID].strip()
        if not (id_ or ref):
            return None
        word = _known(self._words, item, self._states).lower()
        code, failure = "", _NO_FAILURE
        if self._codes and (code := _known(self._codes, item, self._failures)[:MAX_CODE].strip()):
            failure = self._failures.get(code.lower(), _NO_FAILURE)
        recipient = self._recipient(item).strip().removeprefix("+")
        known = recipient.isascii() and recipient.isdigit()
        return ReceiptReport(
            carrier=self._carrier,
            message_id=id_ or ref,
            reading=_AS_SENT,
            # A word that nobody has listed ends nothing.
            state=self._states.get(word, _ENROUTE),
            recipient=recipient[:MAX_NUMBER] if known else "",
            error=code or word[:MAX_CODE],
            failure=failure,
            other_id=ref if id_ and ref != id_ else "",
        )


class InboundReader:
    """Reads the inbound texts of one provider."""

    def __init__(self, table: InboundTable, carrier: str) -> None:
        self.table = table
        self._carrier = carrier
        self._when = Condition(table.when)
        self._list = compile_path(table.list) if table.list else None
        self._id = compile_text(table.id)
        self._source = compile_text(table.source)
        self._number_called = table.destination.removeprefix("=")
        fixed = table.destination.startswith("=")
        self._destination = None if fixed else compile_text(table.destination)
        self._text = compile_text(table.text)
        self._coded = compile_text(table.coded or table.text)
        self._decode = _FORMS[table.text_form or "plain"]
        self._coding = Condition(table.coding)
        self._reference = compile_text(table.reference)
        self._total = compile_text(table.total)
        self._number = compile_text(table.number)
        self.exists = bool(table.text)

    def matches(self, item: Any) -> bool:
        """Whether an item is such a text."""
        return self.exists and (self._when.holds(item) if self._when else True)

    def items(self, tree: Any) -> list[Any]:
        """The texts of one call."""
        return _items(self._list, tree)

    def read(self, item: Any) -> InboundPartReport | None:
        """One text; None for one without a sender."""
        source = self._source(item).strip()[:MAX_NUMBER]
        if not source:
            return None
        if self._coding and not self._coding.holds(item):
            text = self._text(item)
        else:
            text = self._decode(self._coded(item))
        reference, total, number = self._place(item)
        id_ = self._id(item)[:MAX_ID].strip()
        return InboundPartReport(
            carrier=self._carrier,
            source=source,
            destination=self._called(item),
            alphabet=Alphabet.UCS2 if try_encode_gsm(text) is None else Alphabet.GSM7,
            text=text,
            reference=reference,
            total=total,
            number=number,
            # Some providers give all parts the same.
            provider_id=f"{id_} {number}" if id_ and total > 1 else id_,
        )

    def _called(self, item: Any) -> str:
        if self._destination is None:
            return self._number_called
        return self._destination(item).strip()[:MAX_NUMBER]

    def _place(self, item: Any) -> tuple[int | None, int, int]:
        """Reference, total and number of a part; a text of one part has no reference."""
        shared = self._reference(item)
        total, number = _small(self._total(item)), _small(self._number(item))
        if not shared or not (1 < total <= MAX_PARTS and 1 <= number <= total):
            return None, 1, 1
        if shared.isascii() and shared.isdigit() and len(shared) <= 5:
            return int(shared) & _GROUP_BITS, total, number
        folded = 0
        for octet in shared.encode():
            folded = (folded * 31 + octet) & _GROUP_BITS
        return folded, total, number


def _known(reads: tuple[Read, ...], item: Any, table: Mapping[str, Any]) -> str:
    """What stands first at some paths and is in a table; else what stands first there."""
    if len(reads) == 1:
        return reads[0](item).strip()
    first = ""
    for read in reads:
        text = read(item).strip()
        if text.lower() in table:
            return text
        first = first or text
    return first


def _items(find: Find | None, tree: Any) -> list[Any]:
    if find is not None:
        return find(tree)[:MOST_ITEMS]
    return tree[:MOST_ITEMS] if isinstance(tree, list) else [tree]


def _state(name: str) -> ReceiptState:
    try:
        return STATES[name]
    except KeyError:
        raise ValueError(f"{name!r} is none of {', '.join(STATES)}") from None


def _small(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else 0


def _plain(text: str) -> str:
    return text


def _from_hex(text: str) -> str:
    """UTF-16BE in hexadecimal; as it is, where it is not that."""
    if len(text) % 4 or not _HEX_DIGITS.issuperset(text):
        return text
    return bytes.fromhex(text).decode("utf-16-be", "replace")


def _from_percent(text: str) -> str:
    octets = unquote_to_bytes(text.replace("+", " "))
    return text if len(octets) % 2 else octets.decode("utf-16-be", "replace")


_FORMS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {"plain": _plain, "hex": _from_hex, "percent": _from_percent}
)
