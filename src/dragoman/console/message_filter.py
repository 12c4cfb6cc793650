"""The filters of message searches: what a query says, read into a search.

Lists, files and links to them share these; a link says what it means by the same names.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Final

import msgspec

from dragoman.console.labels import FAILURES, describe_refusal
from dragoman.console.page_request import PageRequest
from dragoman.console.reading import Unreadable, read_numbers, read_pieces, read_time
from dragoman.console.regions import region_of
from dragoman.console.translation import gettext, lazy
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.state_choices import read_states
from dragoman.core.model.countries import NAMES
from dragoman.core.model.errors import FailureCode, Refused
from dragoman.core.model.texts import is_storable
from dragoman.core.reporting.finder import read_identifiers
from dragoman.core.reporting.model.finding import Finding, Named
from dragoman.core.reporting.model.message_search import MessageFilter
from dragoman.core.submission.model.scheduled import ScheduledFilter
from dragoman.kit.zones import DAY_MS, HOUR_MS

FIELDS: Final = (
    *("q", "number", "id", "text", "state", "account", "sender", "route", "carrier"),
    *("dialect", "cause", "country", "period", "from", "to"),
)
MAX_FIELD: Final = 200
PERIODS: Final = MappingProxyType(
    {
        "": (lazy("any time"), None),
        "1h": (lazy("last hour"), HOUR_MS),
        "24h": (lazy("last 24 hours"), DAY_MS),
        "7d": (lazy("last 7 days"), 7 * DAY_MS),
        "30d": (lazy("last 30 days"), 30 * DAY_MS),
    }
)
"""By name: what it is called, and how long before now it begins."""
UNKNOWN_COUNTRY: Final = "0"
CAUSES: Final = tuple(code for code in FailureCode if code is not FailureCode.NONE)


_NOT_YET: Final = ("cause", "country", "route", "carrier")
"""What a message has once it is due."""


class Search(msgspec.Struct, kw_only=True):
    """What was asked for."""

    typed: dict[str, str]
    account_ids: tuple[int, ...]
    named: Finding | None = None
    """What stands in the search box, where it names something."""
    filter: dict[str, Any] = {}

    @property
    def is_scheduled(self) -> bool:
        """Whether it is about what is due later."""
        is_named = "batch_ids" in self.filter or "message_ids" in self.filter
        return self.filter.get("states") == (State.SCHEDULED,) and not is_named

    def of_messages(self) -> MessageFilter:
        """The search for messages."""
        return MessageFilter(account_ids=self.account_ids, **self.filter)

    def of_scheduled(self) -> ScheduledFilter:
        """The search for what is due later."""
        numbers = self.filter.get("recipients", ())
        names = ("sender", "dialect", "text", "from_ms", "to_ms")
        return ScheduledFilter(
            account_ids=self.account_ids,
            recipient=numbers[0] if numbers else "",
            **{name: self.filter[name] for name in names if name in self.filter},
        )


async def read_search(request: PageRequest) -> Search:
    """What the query asks for; what cannot be read is added to the problems of the request."""
    typed = {name: request.query.get(name, "").strip() for name in FIELDS}
    search = Search(typed=typed, account_ids=await request.tree())
    _read_fields(request, search)
    await _read_account(request, search)
    if typed["q"] and "q" not in request.problems:
        await _read_box(request, search, typed["q"])
    if typed["id"]:
        await _read_id(request, search, typed["id"])
    if search.is_scheduled:
        for name in filter(typed.get, _NOT_YET):
            request.problems[name] = gettext("What is scheduled has no {name} yet.").format(
                name=name
            )
    return search


def _read_fields(request: PageRequest, search: Search) -> None:
    region, now_ms = region_of(request), request.services.clock.now_ms()
    readers: dict[str, tuple[str, Callable[[str], Any]]] = {
        "q": ("", read_pieces),
        "number": ("recipients", lambda text: read_numbers(text, region)),
        "text": ("text", read_pieces),
        "state": ("states", read_states),
        "sender": ("sender", _read_word),
        "route": ("route", _read_word),
        "carrier": ("carrier", lambda text: _read_carrier(request, text)),
        "dialect": ("dialect", _read_word),
        "cause": ("failures", _read_cause),
        "country": ("mccs", _read_country),
        "period": ("from_ms", lambda text: _read_period(text, now_ms)),
        "from": ("from_ms", lambda text: read_time(text, request.zone)),
        "to": ("to_ms", lambda text: read_time(text, request.zone, ends=True)),
    }
    for name, (field, read) in readers.items():
        if not search.typed[name]:
            continue
        try:
            value = read(search.typed[name])
        except Unreadable as unreadable:
            request.problems[name] = str(unreadable)
        except Refused as refused:
            request.problems[name] = describe_refusal(refused)
        else:
            if field:
                search.filter[field] = value


async def _read_account(request: PageRequest, search: Search) -> None:
    """One account of the tree alone, without those below it."""
    name = search.typed["account"]
    if not name:
        return
    try:
        account = await request.services.accounts.find(name)
    except Refused:
        account = None
    if account is None or account.account_id not in search.account_ids:
        request.problems["account"] = gettext("You have no account with this username.")
    else:
        search.account_ids = (account.account_id,)


async def _read_box(request: PageRequest, search: Search, text: str) -> None:
    found = await request.services.finder.find(search.account_ids, text, region_of(request))
    search.named = found
    match found.named:
        case Named.NUMBER:
            search.filter["recipients"] = found.numbers
        case Named.WORDS:
            search.filter["text"] = found.words
        case Named.BATCH | Named.ORDER | Named.REFERENCE:
            search.filter["batch_ids"] = found.identifiers
        case Named.MESSAGE | Named.CARRIER_ID:
            search.filter["message_ids"] = found.identifiers
        case Named.CALLBACK:
            search.filter["message_ids"] = ()


async def _read_id(request: PageRequest, search: Search, text: str) -> None:
    """An identifier that a link names, and nothing else."""
    if len(text) > MAX_FIELD or not read_identifiers(text):
        request.problems["id"] = gettext("Not a message or batch ID.")
        return
    found = await request.services.finder.find_identifier(search.account_ids, text)
    if found is None or found.named is Named.CALLBACK:
        request.problems["id"] = gettext("You have no message or batch with this ID.")
        return
    search.named = found
    key = "message_ids" if found.named is Named.MESSAGE else "batch_ids"
    search.filter[key] = found.identifiers


def _read_word(text: str) -> str:
    if len(text) > MAX_FIELD or not is_storable(text):
        raise Unreadable(
            gettext("At most {max_field} characters, without control characters.").format(
                max_field=MAX_FIELD
            )
        )
    return text


def _read_carrier(request: PageRequest, text: str) -> str:
    if not request.account.may(Permission.OPERATE):
        raise Unreadable(gettext("Only operators see which carrier a message took."))
    return _read_word(text)


def _read_cause(text: str) -> tuple[FailureCode, ...]:
    try:
        code = FailureCode(text)
    except ValueError:
        raise Unreadable(gettext("No such cause. Choose one of the list.")) from None
    return (code,)


def _read_country(text: str) -> tuple[str, ...]:
    if text in NAMES or text == UNKNOWN_COUNTRY:
        return (text,)
    raise Unreadable(gettext("No such country. Choose one of the list."))


def _read_period(text: str, now_ms: int) -> int:
    if text not in PERIODS:
        raise Unreadable(gettext("No such period. Choose one of the list."))
    length_ms = PERIODS[text][1]
    return now_ms - (length_ms or 0)


def choices_of(request: PageRequest, typed: dict[str, str]) -> dict[str, list[tuple[str, str]]]:
    """What can be chosen in the lists of a form of filters; what is chosen is always among it."""
    machine, settings = request.context.machine, request.services.settings
    names: dict[str, list[tuple[str, str]]] = {
        "route": [(name, name) for name in machine.waiting()],
        "dialect": [(name, name) for name in (*settings.dialects.enabled, "console", "cli")],
        "cause": [(code.value, FAILURES[code]) for code in CAUSES],
        "country": sorted(((mcc, name) for mcc, name in NAMES.items()), key=lambda one: one[1]),
        "period": [(name, label) for name, (label, _) in PERIODS.items() if name],
    }
    if request.account.may(Permission.OPERATE):
        names["carrier"] = [(one.name, one.name) for one in machine.carriers()]
    for field, options in names.items():
        options.insert(0, ("", gettext("any")))
        if typed[field] not in {key for key, _ in options}:
            options.append((typed[field], typed[field]))
    return names
