"""Quotes: parts and cost of a submission, computed by the code that sends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.inbound.opt_outs import OptOuts
from dragoman.core.messages.model.messages import Submission
from dragoman.core.messages.model.records import NewBatch
from dragoman.core.messages.model.routing import Router
from dragoman.core.submission.submission import SubmissionService
from dragoman.protocols.gsm.alphabet import Alphabet
from dragoman.protocols.gsm.look_alikes import replaced_in
from dragoman.protocols.gsm.segmentation import segment_text

MAX_ROUTED: Final = 1_000
"""Recipients whose routes are included."""


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """A text as it would be split."""

    alphabet: Alphabet
    parts: int
    units_left: int
    """Characters left in the last part; GSM extension characters take two."""
    forced_by: tuple[str, ...]
    """The characters that force UCS-2, each once, in the order of the text."""
    replaced: Mapping[str, str]
    """The look-alikes with which it would be GSM; none where it cannot be, or is."""


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """The parts and cost of a submission; not binding."""

    recipients: int
    credits: int
    """That would be held, of all wallets together."""
    routes: Mapping[str, int]
    """Recipients by route, of the first `MAX_ROUTED`."""
    opted_out: int
    """Recipients that would be rejected, of the same."""
    sender: str
    due_ms: int


class Quotes:
    """Quotes submissions."""

    def __init__(self, *, submission: SubmissionService, router: Router, opt_outs: OptOuts) -> None:
        self._submission = submission
        self._router = router
        self._opt_outs = opt_outs

    async def quote(self, account: Account, submission: Submission) -> Quote:
        """Quotes a submission to numbers; raises `Refused` as sending it would."""
        decision = await self._submission.decide(account, submission)
        return self._read(account, decision.new)

    def cut(self, account: Account, text: str) -> Cut:
        """Splits an account's text to anybody into any number of parts."""
        repertoire = self._router.repertoire(account.username, ())
        segmentation = segment_text(text, repertoire=repertoire)
        return Cut(
            alphabet=segmentation.alphabet,
            parts=segmentation.count,
            units_left=segmentation.units_left,
            forced_by=tuple(dict.fromkeys(one.character for one in segmentation.forced_by)),
            replaced=replaced_in(text),
        )

    def _read(self, account: Account, new: NewBatch) -> Quote:
        batch, held = new.batch, new.reservation
        if new.messages:
            numbers = [message.recipient for message in new.messages]
            routes = Counter(message.route for message in new.messages)
        else:
            waiting = (batch.waiting_recipients or b"").decode()
            numbers = waiting.split(",", MAX_ROUTED)[:MAX_ROUTED]
            chosen = (self._router.choose(account.username, number) for number in numbers)
            routes = Counter(route.name for route in chosen if route is not None)
        return Quote(
            recipients=batch.recipients,
            credits=held.amount + sum(more.amount for more in held.also),
            routes=routes,
            opted_out=len(self._opt_outs.among(batch.account_id, batch.sender, numbers)),
            sender=batch.sender,
            due_ms=batch.due_ms,
        )
