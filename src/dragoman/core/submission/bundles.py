"""Bundles: submissions of one request, accepted together or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.model.messages import Submission
from dragoman.core.model.errors import Refused
from dragoman.core.submission.sql import bundles
from dragoman.core.submission.submission import AcceptedBatch, Decision, SubmissionService


class RefusedInBundle(Refused):
    """A refused submission refuses its whole bundle; `index` counts from 0."""

    def __init__(self, refused: Refused, index: int) -> None:
        super().__init__(refused.code, refused.subject, refused.detail)
        self.index = index


class Bundles:
    """Submits several at once; one refusal stores nothing and uses no credits."""

    def __init__(self, submission: SubmissionService) -> None:
        self._submission = submission

    async def submit(
        self, account: Account, submissions: Sequence[Submission], *, title: str | None = None
    ) -> list[AcceptedBatch]:
        """Stores submissions in one transaction, in their order; raises `RefusedInBundle`.

        `title` is the customer's name for them. It completes even if the caller goes away.
        """
        if len(submissions) == 1 and title is None:  # joins others in their statements
            try:
                return [await self._submission.submit(account, submissions[0])]
            except Refused as refused:
                raise RefusedInBundle(refused, 0) from None
        return await asyncio.shield(self._submit_together(account, submissions, title))

    async def _submit_together(
        self, account: Account, submissions: Sequence[Submission], title: str | None
    ) -> list[AcceptedBatch]:
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
        bundle = bundles.Bundle(batches=tuple(one.new for one in decisions), title=title)
        await self._submission.store_all(decisions, bundles.accept, bundle)
        return [decision.accepted for decision in decisions]
