"""Looks at the provider for a message whose answer never came, before `on_unknown` decides.

What can go wrong, and what then holds:

- It is there: it is accepted, under the provider's ID, and not sent a second time.
- It is not there, or cannot be looked for: it stays unknown, and `on_unknown` decides as ever.
  That a list has no message does not prove that none was taken: lists are behind.
- Where the provider is asked for our reference, what it has is the message. Where it is only known
  by recipient, text and time, it must be the only one of its kind: not one whose answer came, and
  none while another of the same text to the same recipient is unanswered.

Bounded: a message is looked for a few times, few at a time, and those that are looked for keep
their places in the carrier's window.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Final

import structlog

from dragoman.config.http import LookupTable
from dragoman.connectors.http.answers import MAX_ID, decode
from dragoman.connectors.http.paths import compile_path, compile_text
from dragoman.connectors.http.requests import HttpRequest, RequestRenderer
from dragoman.connectors.http.templates import Compiler, Filling
from dragoman.core.messages.model.messages import Outgoing
from dragoman.core.messages.model.outcomes import Accepted, Unknown
from dragoman.web.outgoing import Fetched, FetchError

AT_A_TIME: Final = 2
MOST_KNOWN: Final = 10_000
"""IDs of accepted messages that are remembered, so that none is taken for another."""
CLOCKS_DIFFER_MS: Final = 2_000
"""A message that is older by more than this is not the one that was sent."""
NOT_THERE: Final = "the provider has no such message"
NOT_LOOKED: Final = "it could not be looked up"
SEVERAL: Final = "the provider has several such messages"
_ANSWERED: Final = range(200, 300)

log = structlog.get_logger(__name__)

Settle = Callable[[Outgoing, "Accepted | Unknown"], None]
Ask = Callable[[HttpRequest, Callable[[Fetched | FetchError], None]], None]


class LookupReader:
    """A provider's table of how a message is looked for, for one carrier."""

    def __init__(self, table: LookupTable, base_url: str, compiler: Compiler) -> None:
        """Raises ValueError for a path that is none, `Unfilled` for a gap that nothing fills."""
        self._request = RequestRenderer(table.request, base_url, compiler)
        self._list = compile_path(table.list) if table.list else None
        self._id = compile_text(table.id)
        self._created = compile_text(table.created)
        self._match = tuple(
            (compile_text(path), *compiler.text(template)) for path, template in table.match.items()
        )
        self.by_time = bool(table.created)
        """Whether the provider does not know our reference."""
        self.after_s: Sequence[float] = table.after_s
        self.exists = bool(table.after_s and table.match and not table.off)

    def render(self, filling: Filling) -> HttpRequest:
        """The question."""
        return self._request.render(filling)

    def find(self, body: bytes, filling: Filling, sent_ms: int) -> list[str] | None:
        """The IDs of the messages that may be the one; None where the answer says nothing."""
        tree: Any = decode(body, "json")
        if tree is None:
            return None
        wanted = [
            (read, text if fill is None else str(fill(filling))) for read, text, fill in self._match
        ]
        found = []
        for item in self._list(tree) if self._list is not None else [tree]:
            if all(read(item).strip() == text.strip() for read, text in wanted) and (
                not self.by_time or self._is_new(item, sent_ms)
            ):
                found.append(self._id(item)[:MAX_ID].strip() or filling.ref)
        return found

    def _is_new(self, item: Any, sent_ms: int) -> bool:
        created_ms = _ms_of(self._created(item))
        return created_ms is not None and created_ms >= sent_ms - CLOCKS_DIFFER_MS


class _Sought:
    __slots__ = ("looks", "message", "sent_ms", "timer", "unknown")

    def __init__(self, message: Outgoing, unknown: Unknown, sent_ms: int) -> None:
        self.message = message
        self.unknown = unknown
        self.sent_ms = sent_ms
        self.looks = 0
        self.timer: asyncio.TimerHandle | None = None


class Lookup:
    """The messages of one carrier that are looked for."""

    def __init__(
        self,
        reader: LookupReader,
        *,
        fill: Callable[[Outgoing], Filling],
        ask: Ask,
        settle: Settle,
        in_flight: Callable[[], Iterable[Outgoing]],
    ) -> None:
        """`in_flight` are the messages whose answer may still come."""
        self._reader = reader
        self._fill = fill
        self._ask = ask
        self._settle = settle
        self._in_flight = in_flight
        self._sought: dict[int, _Sought] = {}
        self._due: deque[_Sought] = deque()
        self._free = AT_A_TIME
        self._known: dict[str, None] = {}

    def __len__(self) -> int:
        """Messages that are looked for."""
        return len(self._sought)

    def note_accepted(self, ids: Iterable[str]) -> None:
        """These are other messages, whose answer came."""
        if not self._reader.by_time:
            return
        for id_ in ids:
            self._known[id_] = None
        while len(self._known) > MOST_KNOWN:
            del self._known[next(iter(self._known))]

    def begin(self, message: Outgoing, unknown: Unknown, sent_ms: int) -> None:
        """Looks for a message, and settles it: accepted, or else unknown as before."""
        sought = _Sought(message, unknown, sent_ms)
        self._sought[message.message_id] = sought
        self._schedule(sought)

    def stop(self) -> Mapping[int, tuple[Outgoing, Unknown]]:
        """Looks for nothing any more; the messages that nobody has settled."""
        left, self._sought = self._sought, {}
        for sought in left.values():
            if sought.timer is not None:
                sought.timer.cancel()
        self._due.clear()
        return {one: (sought.message, sought.unknown) for one, sought in left.items()}

    def _schedule(self, sought: _Sought) -> None:
        after_s = self._reader.after_s
        wait_s = after_s[sought.looks] - (after_s[sought.looks - 1] if sought.looks else 0.0)
        loop = asyncio.get_running_loop()
        sought.timer = loop.call_later(max(0.0, wait_s), self._look, sought)

    def _look(self, sought: _Sought) -> None:
        self._due.append(sought)
        self._ask_due()

    def _ask_due(self) -> None:
        while self._due and self._free:
            sought = self._due.popleft()
            if self._reader.by_time and self._has_twin(sought.message):
                self._leave(sought, SEVERAL)
                continue
            self._free -= 1
            sought.looks += 1
            request = self._reader.render(self._fill(sought.message))
            self._ask(request, partial(self._answered, sought))

    def _has_twin(self, message: Outgoing) -> bool:
        others = (*self._in_flight(), *(one.message for one in self._sought.values()))
        return any(
            one.message_id != message.message_id
            and (one.recipient, one.text) == (message.recipient, message.text)
            for one in others
        )

    def _answered(self, sought: _Sought, result: Fetched | FetchError) -> None:
        self._free += 1
        if self._sought.get(sought.message.message_id) is sought:  # else a stop has settled it
            self._take(sought, self._read(sought, result))
        self._ask_due()

    def _read(self, sought: _Sought, result: Fetched | FetchError) -> list[str] | None:
        """What was found; None where nothing is said."""
        if isinstance(result, FetchError) or result.status not in _ANSWERED:
            return None
        try:
            filling = self._fill(sought.message)
            return self._reader.find(result.body, filling, sought.sent_ms)
        except Exception as error:  # it must not be looked for, in its carrier's window, for ever
            log.error("http_search_not_read", reason=type(error).__name__)
            return None

    def _take(self, sought: _Sought, found: list[str] | None) -> None:
        ids = [id_ for id_ in found or () if id_ not in self._known]
        if ids and self._reader.by_time and self._has_twin(sought.message):
            self._leave(sought, SEVERAL)  # sent since it was asked: it may be that one's
        elif len(ids) == 1 or (ids and not self._reader.by_time):
            self._end(sought, Accepted(carrier_ids=(ids[0],)))
        elif ids:
            self._leave(sought, SEVERAL)
        elif sought.looks < len(self._reader.after_s):
            self._schedule(sought)
        else:
            self._leave(sought, NOT_LOOKED if found is None else NOT_THERE)

    def _leave(self, sought: _Sought, why: str) -> None:
        unknown = sought.unknown
        detail = f"{unknown.detail}; {why}"
        self._end(sought, Unknown(detail=detail, carrier_ids=unknown.carrier_ids))

    def _end(self, sought: _Sought, outcome: Accepted | Unknown) -> None:
        del self._sought[sought.message.message_id]
        if isinstance(outcome, Accepted):
            self.note_accepted(outcome.carrier_ids)
        self._settle(sought.message, outcome)


def _ms_of(written: str) -> int | None:
    """A time as providers write it (RFC 5322, or ISO 8601); None where it is none."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            at = read(written)
        except (ValueError, TypeError, OverflowError):
            continue
        return int((at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp() * 1000)
    return None
