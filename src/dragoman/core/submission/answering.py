"""Sends automatic answers to texts: once each, exempt from the opt-out that they confirm."""

from __future__ import annotations

from typing import Final

import structlog

from dragoman.core.accounts.accounts import Accounts
from dragoman.core.inbound.model.auto_answers import ANSWERS
from dragoman.core.messages.model.callbacks import CallbackAnswer, OwnAnswer, TextFacts
from dragoman.core.messages.model.messages import ALONE, Submission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.use_case import use_case
from dragoman.core.submission.idempotency_keys import IdempotencyKeys

DIALECT: Final = "console"
"""What sends on its own behalf is shown with what people send."""

log = structlog.get_logger(__name__)


@use_case(kw_only=True)
class Answering:
    """Makes messages of answers; the identifier of the callback is the key that each has once."""

    accounts: Accounts
    idempotency_keys: IdempotencyKeys

    def render(self, _url: str, facts: TextFacts) -> OwnAnswer:
        """Calls nobody: the answer is known."""
        return OwnAnswer(body=facts.text.encode())

    async def take(self, answer: CallbackAnswer) -> bool:
        """Sends an answer; True where it is settled, also where it is refused."""
        facts = answer.facts
        account = await self.accounts.find_by_id(answer.account_id)
        if account is None or not isinstance(facts, TextFacts):
            return True
        device, _, sim = facts.note.partition(":")
        submission = Submission(
            dialect=DIALECT,
            protocol=ALONE,
            recipients=(f"+{facts.sender}",),
            text=facts.text,
            sender=facts.recipient,
            allow_any_sender=True,
            reference=f"answer to {facts.inbound_id}",
            urgent=True,
            device_id=int(device) if device else None,
            sim=int(sim) or None if sim else None,
            ignores_opt_outs=True,
        )
        key = f"{ANSWERS}:{answer.callback_id}"
        try:
            await self.idempotency_keys.submit(account, submission, key)
        except Refused as refused:
            if refused.code is RefusalCode.UNAVAILABLE:
                raise
            if refused.code is not RefusalCode.ALREADY_EXISTS:
                log.warning("answer_not_sent", account=account.username, reason=refused.code.value)
        return True
