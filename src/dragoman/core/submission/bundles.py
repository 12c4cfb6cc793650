"""Bundles: submissions of one request, accepted together or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.model.messages import Submission
from dragoman.core.model.errors import Refused
from dragoman.core.submission.decisions import Decision
from dragoman.core.submission.sql import bundles
from dragoman.core.submission.sql.submissions import accept as accept_batches
from dragoman.core.submission.submission import SubmissionService
from dragoman.storage.short_ids import ShortIds


class RefusedInBundle(Refused):
    """A refused submission refuses its whole bundle; `index` counts from 0."""

    def __init__(self, refused: Refused, index: int) -> None:
        super().__init__(refused.code, refused.subject, refused.detail)
        self.index = index


class Bundles:
    """Submits several at once; one refusal stores nothing and uses no credits."""

    def __init__(self, submission: SubmissionService, short_ids: ShortIds) -> None:
        self._submission = submission
        self._short_ids = short_ids

    async def submit(
        self, account: Account, submissions: Sequence[Submission], *, title: str | None = None
    ) -> range:
        """Stores submissions in one transaction, in their order; raises `RefusedInBundle`.

        Returns the short IDs of their batches. `title` is the customer's name for them. It
        completes even if the caller goes away.
        """
        return await asyncio.shield(self._submit(account, submissions, title))

    async def _submit(
        self, account: Account, submissions: Sequence[Submission], title: str | None
    ) -> range:
        # At once: some wait for attachments, or for what is stored of an account.
        found = await asyncio.gather(
            *(self._submission.decide(account, submission) for submission in submissions),
            return_exceptions=True,
        )
        decisions: list[Decision] = []
        for index, result in enumerate(found):
            if isinstance(result, Refused):
                raise RefusedInBundle(result, index)
            if isinstance(result, BaseException):
                raise result
            decisions.append(result)
        taken = await self._short_ids.take(len(decisions))
        batches = tuple(
            msgspec.structs.replace(decision.new, short_id=short_id)
            for decision, short_id in zip(decisions, taken, strict=True)
        )
        if len(batches) == 1 and title is None:  # joins others in their statements
            try:
                await self._submission.store_all(decisions, accept_batches, batches[0])
            except Refused as refused:
                raise RefusedInBundle(refused, 0) from None
        else:
            bundle = bundles.Bundle(batches=batches, title=title)
            await self._submission.store_all(decisions, bundles.accept, bundle)
        return taken
