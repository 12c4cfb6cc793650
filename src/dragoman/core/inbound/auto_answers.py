"""Answers to STOP, START and HELP: off unless an account sets a text.

An answer is decided with the text that asks for it and stored in the same transaction, as a
callback that calls nobody (`core/submission/answering.py` sends it). So it is sent once, whatever
crashes in between. Two programs that answer each other are stopped by `ONCE_IN_S`, and STOP is
answered only by who had not opted out before.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import field
from typing import Final

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.inbound.model.auto_answers import (
    ANSWERS,
    ANY_NUMBER,
    MAX_ANSWER,
    AnswerKind,
    AutoAnswer,
)
from dragoman.core.inbound.model.inbound import StoredInbound
from dragoman.core.inbound.model.keywords import parse_own_number
from dragoman.core.inbound.sql import auto_answers
from dragoman.core.messages.model.callbacks import TextFacts, renderer_of_texts
from dragoman.core.messages.model.messages import Holder
from dragoman.core.messages.model.records import NewCallback
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.texts import check_text
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.kit.ids import IdSource
from dragoman.storage.engine import Storage

ONCE_IN_S: Final = 60.0
"""A number gets one answer of a kind from an account in this time."""
MAX_REMEMBERED: Final = 10_000
ORIGIN: Final = "answer:"
"""The origin of callbacks that call nobody."""

_Key = tuple[int, str, AnswerKind]


@use_case(kw_only=True)
class AutoAnswers:
    """Keeps what accounts answer, and finds the answer to a text."""

    storage: Storage
    ids: IdSource
    clock: Clock
    help_words: Collection[str]
    _answers: dict[_Key, AutoAnswer] = field(default_factory=dict, init=False)
    _answered: OrderedDict[tuple[int, str, AnswerKind], float] = field(
        default_factory=OrderedDict, init=False
    )

    async def load(self) -> None:
        """Loads what is stored."""
        found = await self.storage.read(auto_answers.load)
        self._answers = {(one.account_id, one.number, one.kind): one for one in found}

    def of_account(self, account_id: int) -> list[AutoAnswer]:
        """The answers of an account, those for all numbers first."""
        mine = [one for one in self._answers.values() if one.account_id == account_id]
        return sorted(mine, key=lambda one: (one.number, one.kind))

    def find(self, account_id: int, number: str, kind: AnswerKind) -> str:
        """What an account answers on a number; empty for nothing."""
        own = self._answers.get((account_id, number, kind))
        found = own or self._answers.get((account_id, ANY_NUMBER, kind))
        return found.text if found is not None else ""

    async def put(
        self, account: Account, number: str, kind: AnswerKind, text: str, known_ms: int | None
    ) -> AutoAnswer:
        """Sets an answer; raises `Refused`.

        The code is `ALREADY_EXISTS` where it is not as it was at `known_ms` (0: there was none);
        None overwrites whatever there is.
        """
        digits = parse_own_number(number) if number else ANY_NUMBER
        check_text("text", text, MAX_ANSWER)
        key = (account.account_id, digits, kind)
        self._check_current(key, known_ms)
        before = self._answers.get(key)
        at_ms = max(self.clock.now_ms(), before.changed_ms + 1 if before else 1)
        new = AutoAnswer(
            account_id=account.account_id, number=digits, kind=kind, text=text, changed_ms=at_ms
        )
        await self.storage.writer.write(auto_answers.put, new)
        self._answers[key] = new
        return new

    async def remove(
        self, account: Account, number: str, kind: AnswerKind, known_ms: int | None
    ) -> None:
        """Sends nothing any more, or what is set for all numbers; raises `Refused`."""
        digits = parse_own_number(number) if number else ANY_NUMBER
        key = (account.account_id, digits, kind)
        self._check_current(key, known_ms)
        gone = auto_answers.AnswerKey(account_id=account.account_id, number=digits, kind=kind.value)
        if not await self.storage.writer.write(auto_answers.remove, gone):
            raise Refused(RefusalCode.NOT_FOUND, kind.value, "answer")
        self._answers.pop(key, None)

    def asks_for_help(self, words: Sequence[str]) -> bool:
        """Whether a text of these words is a HELP and nothing else."""
        return len(words) == 1 and words[0] in self.help_words

    def about_text(
        self,
        text: StoredInbound,
        kind: AnswerKind,
        accounts: Sequence[int],
        holder: Holder | None,
    ) -> tuple[NewCallback, ...]:
        """The call that answers a text, from the first of some accounts that has an answer."""
        for account_id in accounts:
            answer = self.find(account_id, text.recipient, kind)
            if answer and self._may_answer(account_id, text.sender, kind):
                return (self._callback(text, account_id, answer, holder),)
        return ()

    def _callback(
        self, text: StoredInbound, account_id: int, answer: str, holder: Holder | None
    ) -> NewCallback:
        came_by = (holder.device_id, holder.sim or 0) if holder is not None else None
        facts = TextFacts(
            inbound_id=text.inbound_id,
            sender=text.sender,
            recipient=text.recipient,
            text=answer,
            carrier=text.carrier,
            service=ANSWERS,
            account_id=account_id,
            note="" if came_by is None else f"{came_by[0]}:{came_by[1]}",
        )
        callback_id = self.ids.next()
        return NewCallback(
            callback_id=callback_id,
            account_id=account_id,
            message_id=callback_id,
            dialect=renderer_of_texts(ANSWERS),
            origin=ORIGIN,
            url="",
            payload=msgspec.json.encode(facts).decode(),
            due_ms=self.clock.now_ms(),
        )

    def _may_answer(self, account_id: int, sender: str, kind: AnswerKind) -> bool:
        now, key = self.clock.monotonic(), (account_id, sender, kind)
        last = self._answered.get(key)
        if last is not None and now - last < ONCE_IN_S:
            return False
        self._answered[key] = now
        self._answered.move_to_end(key)
        if len(self._answered) > MAX_REMEMBERED:
            self._answered.popitem(last=False)
        return True

    def _check_current(self, key: _Key, known_ms: int | None) -> None:
        stored = self._answers.get(key)
        if known_ms is not None and known_ms != (stored.changed_ms if stored else 0):
            raise Refused(RefusalCode.ALREADY_EXISTS, "version", "someone else changed it")
