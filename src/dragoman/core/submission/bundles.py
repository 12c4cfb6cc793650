"""Bundles: submissions of one request, accepted all together or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.model.messages import Submission
from dragoman.core.messages.model.records import NewBatch
from dragoman.core.model.errors import Refused
from dragoman.core.submission.sql import bundles
from dragoman.core.submission.submission import AcceptedBatch, SubmissionService
from dragoman.storage.writer import Writer

Told = Callable[[Exception | None], None]


class Bundles:
    """Submits several at once; a refusal of one stores nothing and moves no credit."""

    def __init__(self, *, submission: SubmissionService, writer: Writer) -> None:
        self._submission = submission
        self._writer = writer

    async def submit(
        self, account: Account, submissions: Sequence[Submission], *, title: str | None = None
    ) -> list[AcceptedBatch]:
        """Stores submissions in one transaction, in their order; raises `RefusedInBundle`.

        `title` is what the customer calls them. A caller that goes away stops nothing.
        """
        if len(submissions) == 1 and title is None:  # joins others in their statements
            return [await self._submit_alone(account, submissions[0])]
        gathering = _Gathering(len(submissions), partial(self._write, title))
        whole = asyncio.gather(
            *(
                self._submit_one(account, index, submission, gathering)
                for index, submission in enumerate(submissions)
            ),
            return_exceptions=True,
        )
        accepted: list[AcceptedBatch] = []
        for result in await asyncio.shield(whole):
            if isinstance(result, BaseException):
                raise gathering.failure or result
            accepted.append(result)
        return accepted

    async def _submit_alone(self, account: Account, submission: Submission) -> AcceptedBatch:
        try:
            return await self._submission.submit(account, submission)
        except Refused as refused:
            raise RefusedInBundle(refused, 0) from None

    async def _submit_one(
        self, account: Account, index: int, submission: Submission, gathering: _Gathering
    ) -> AcceptedBatch:
        try:
            return await self._submission.submit(
                account, submission, store=partial(gathering.store, index)
            )
        except Refused as refused:
            gathering.abandon(RefusedInBundle(refused, index))
            raise
        except BaseException as error:
            gathering.abandon(error)
            raise

    def _write(self, title: str | None, batches: tuple[NewBatch, ...], told: Told) -> None:
        self._writer.submit(bundles.accept, bundles.Bundle(batches=batches, title=title), told)


class RefusedInBundle(Refused):
    """A submission of a bundle is refused, and with it all of them; `index` counts from 0."""

    def __init__(self, refused: Refused, index: int) -> None:
        super().__init__(refused.code, refused.subject, refused.detail)
        self.index = index


class _Gathering:
    """Waits until every submission of a bundle is ready to be stored."""

    def __init__(self, count: int, write: Callable[[tuple[NewBatch, ...], Told], None]) -> None:
        self.failure: BaseException | None = None
        self._missing = count
        self._write = write
        self._ready: dict[int, tuple[NewBatch, Told]] = {}

    def store(self, index: int, new: NewBatch, told: Told) -> None:
        """Takes a submission that was found good; stores them all with the last one."""
        self._ready[index] = (new, told)
        self._missing -= 1
        if self.failure is not None:
            self._tell(_as_exception(self.failure))
        elif not self._missing:
            self._write(tuple(self._ready[at][0] for at in sorted(self._ready)), self._tell)

    def abandon(self, failure: BaseException) -> None:
        """Nothing is stored, for one of them cannot be; the first reason counts."""
        if self.failure is None:
            self.failure = failure
        self._tell(_as_exception(self.failure))

    def _tell(self, result: Exception | None) -> None:
        waiting, self._ready = self._ready, {}
        for at in sorted(waiting):
            waiting[at][1](result)


def _as_exception(failure: BaseException) -> Exception:
    return failure if isinstance(failure, Exception) else RuntimeError(type(failure).__name__)
