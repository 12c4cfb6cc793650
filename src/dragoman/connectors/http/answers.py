"""Reads a provider's answer: accepted, or why not, and what that says about whom.

A refusal's code decides first, then a phrase in it, then the HTTP status. What no table knows is
decided by the status alone: a 4xx refuses the message, 429 asks to be slower, 503 to come back, and
any other 5xx leaves open whether the message was taken (providers send in spite of a 500).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

import msgspec

from dragoman.config.http import AnswerTable
from dragoman.connectors.http.paths import Condition, compile_path, text_of
from dragoman.core.callbacks.schedule import parse_retry_after
from dragoman.core.model.errors import FailureCode
from dragoman.web.outgoing import Fetched
from dragoman.web.refusals import MalformedBody
from dragoman.web.xml_tree import parse_xml

MAX_CODE: Final = 64
MAX_WAIT_S: Final = 3_600.0
MAX_ID: Final = 255
_SUCCESS: Final = (200, 201, 202)
_PHRASE: Final = "text "
"""What a key of a table of refusals begins with that is a part of the answer, in any case."""
_CODE: Final = re.compile(r"[0-9A-Za-z_.:-]{1,64}")


class Meaning(StrEnum):
    """What an answer means, where it is not the message's own failure."""

    ACCEPTED = "accepted"
    TEMPORARY = "temporary"
    """Not taken now; the message may be fine."""
    THROTTLED = "throttled"
    """Not taken: too fast."""
    CREDIT = "credit"
    """Not taken: the account is empty."""
    SETUP = "setup"
    """Not taken, and no other will be: a key, an address or a URL is wrong."""
    SESSION = "session"
    """Not taken: the session has ended."""
    UNKNOWN = "unknown"
    """It may have been taken."""


class Answer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a provider said about one message."""

    meaning: Meaning | FailureCode
    ids: tuple[str, ...] = ()
    detail: str = ""
    """HTTP status and code, for people: never what the provider quotes."""
    wait_s: float = 0.0
    """How long it asks to wait."""


# Looking a member up in its class costs more than the rest.
_ACCEPTED: Final = Meaning.ACCEPTED
_BY_STATUS: Final = MappingProxyType[str, Meaning | FailureCode](
    {
        "http 3xx": Meaning.SETUP,
        "http 401": Meaning.SETUP,
        "http 402": Meaning.CREDIT,
        "http 403": Meaning.SETUP,
        "http 404": Meaning.SETUP,
        "http 405": Meaning.SETUP,
        "http 407": Meaning.SETUP,
        "http 408": Meaning.TEMPORARY,
        "http 413": FailureCode.INVALID_CONTENT,
        "http 425": Meaning.TEMPORARY,
        "http 429": Meaning.THROTTLED,
        "http 4xx": FailureCode.REFUSED_BY_CARRIER,
        "http 503": Meaning.TEMPORARY,
    }
)
MEANINGS: Final = MappingProxyType[str, Meaning | FailureCode](
    {one.value: one for one in (*Meaning, *FailureCode) if one.value}
)
"""The words that a table of refusals may use."""


class AnswerReader:
    """Reads the answers of one provider."""

    def __init__(self, table: AnswerTable, refusals: Mapping[str, str]) -> None:
        """Raises ValueError for a path, an expression or a meaning that is none."""
        self._format = table.format or "json"
        self._statuses = frozenset(table.status or _SUCCESS)
        self._success = Condition(table.success)
        self._tests = bool(self._success)
        self._pattern = expression(table.pattern)
        self._refusal_pattern = expression(table.refusal_pattern)
        self._ids = compile_path(table.id) if table.id else None
        self._codes = tuple(map(compile_path, table.code))
        self._wait = expression(table.wait_pattern)
        self._meanings = {key.lower(): _meaning(word) for key, word in refusals.items()}
        self._phrases = tuple(
            (key.removeprefix(_PHRASE), meaning)
            for key, meaning in self._meanings.items()
            if key.startswith(_PHRASE)
        )

    def read(self, answer: Fetched, now_ms: Callable[[], int]) -> Answer:
        """What an answer means; never raises. `now_ms` is asked where it says when to come back."""
        if self._format == "text":
            return self._read_text(answer, now_ms)
        tree = decode(answer.body, self._format)
        if answer.status in self._statuses and tree is not None:
            # Without a test of its own, what has an ID is accepted.
            ids = self._find_ids(tree)
            passes = self._success.holds(tree) if self._tests else bool(ids or self._ids is None)
            if passes:
                return Answer(meaning=_ACCEPTED, ids=ids)
        taken = answer.status in self._statuses
        refusal = self._refusal(answer, self._code(tree), taken, now_ms)
        if taken and tree is not None and self._success.holds_for_some(tree):
            # Some parts are on their way: sending all of them again would double those.
            ids = self._find_ids(tree)
            meaning = FailureCode.REFUSED_BY_CARRIER
            return Answer(meaning=meaning, ids=ids, detail=f"{refusal.detail}, some parts taken")
        return refusal

    def _find_ids(self, tree: Any) -> tuple[str, ...]:
        found = self._ids(tree) if self._ids is not None else ()
        if len(found) == 1:  # nearly always
            text = text_of(found[0])[:MAX_ID]
            return (text,) if text else ()
        return tuple(text for one in found if (text := text_of(one)[:MAX_ID]))

    def _read_text(self, answer: Fetched, now_ms: Callable[[], int]) -> Answer:
        text = answer.body.decode("utf-8", "replace")
        taken = answer.status in self._statuses
        if taken:
            found = self._pattern.search(text) if self._pattern is not None else None
            if found is not None or self._pattern is None:
                groups = found.groupdict() if found is not None else {}
                id_ = (groups.get("id") or "").strip()[:MAX_ID]
                return Answer(meaning=Meaning.ACCEPTED, ids=(id_,) if id_ else ())
        refused = self._refusal_pattern.search(text) if self._refusal_pattern else None
        code = (refused.groupdict().get("code") or "") if refused is not None else ""
        return self._refusal(answer, code[:MAX_CODE], taken, now_ms)

    def _code(self, tree: Any) -> str:
        """The code that the table knows, else the first."""
        first = ""
        for find in self._codes:
            for value in find(tree):
                # Amazon puts a name space before it.
                text = text_of(value).rpartition("#")[2][:MAX_CODE]
                if text.lower() in self._meanings:
                    return text
                first = first or text
        return first

    def _refusal(
        self, answer: Fetched, code: str, taken: bool, now_ms: Callable[[], int]
    ) -> Answer:
        status = answer.status
        shown = f" code {code}" if _CODE.fullmatch(code) else ""
        exact, class_ = f"http {status}", f"http {status // 100}xx"
        own = self._meanings
        meaning = own.get(code.lower()) if code else None
        meaning = meaning or self._by_phrase(answer) or own.get(exact) or own.get(class_)
        if meaning is None and taken:
            # 200 with an error inside that nobody has listed refuses the message, if it is one.
            meaning = FailureCode.REFUSED_BY_CARRIER if code else Meaning.UNKNOWN
        meaning = meaning or _BY_STATUS.get(exact) or _BY_STATUS.get(class_) or Meaning.UNKNOWN
        return Answer(
            meaning=meaning,
            detail=f"HTTP {status}{shown}" if not taken or shown else f"HTTP {status}, not as told",
            wait_s=self._wait_s(answer, now_ms),
        )

    def _by_phrase(self, answer: Fetched) -> Meaning | FailureCode | None:
        if not self._phrases:
            return None
        text = answer.body.decode("utf-8", "replace").lower()
        return next((meaning for phrase, meaning in self._phrases if phrase in text), None)

    def _wait_s(self, answer: Fetched, now_ms: Callable[[], int]) -> float:
        wait_s = (
            parse_retry_after(asked, now_ms())
            if (asked := answer.headers.get("retry-after"))
            else None
        )
        if wait_s is None and self._wait is not None:
            found = self._wait.search(answer.body.decode("utf-8", "replace"))
            if found is not None and found[1].isdecimal():
                wait_s = float(found[1][:9]) / 1000
        return min(wait_s or 0.0, MAX_WAIT_S)


def expression(pattern: str) -> re.Pattern[str] | None:
    """A regular expression, None for an empty one; raises ValueError where it is none."""
    try:
        return re.compile(pattern) if pattern else None
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from None


def decode(body: bytes, form: str) -> Any:
    """A body as a tree; None where it is not of that format."""
    try:
        if form == "xml":
            root, tree = parse_xml(body)
            return {root: tree}
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, MalformedBody, UnicodeDecodeError, ValueError, RecursionError):
        return None


def _meaning(word: str) -> Meaning | FailureCode:
    try:
        return MEANINGS[word]
    except KeyError:
        raise ValueError(f"{word!r} is none of {', '.join(sorted(MEANINGS))}") from None
