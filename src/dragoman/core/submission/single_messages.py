"""Messages that are submitted one by one: each with an identifier from when it is accepted."""

from __future__ import annotations

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.model.messages import ALONE, Submission
from dragoman.core.model.errors import FailureCode, RefusalCode, Refused
from dragoman.core.model.use_case import use_case
from dragoman.core.submission.decisions import AcceptedBatch
from dragoman.core.submission.idempotency_keys import IdempotencyKeys
from dragoman.core.submission.sql import submissions
from dragoman.core.submission.submission import SubmissionService


@use_case(kw_only=True)
class SingleMessages:
    """Accepts a message for one recipient, and refuses it where that one has opted out."""

    submission: SubmissionService
    idempotency_keys: IdempotencyKeys

    async def submit(
        self, account: Account, submission: Submission, key: str = ""
    ) -> AcceptedBatch:
        """Stores a message and queues it; raises `Refused`, `ALREADY_EXISTS` for a used key.

        The failure of a message that would end at once is the subject of the refusal. One for later
        has a key in any case, which keeps its number when it is cancelled.
        """
        submission = msgspec.structs.replace(submission, protocol=ALONE)
        decision = await self.submission.decide(account, submission)
        if decision.new.rejections:
            failure = decision.new.rejections[0].failure
            opted_out = failure is FailureCode.OPTED_OUT
            code = RefusalCode.RECIPIENT_NOT_ALLOWED if opted_out else RefusalCode.NO_ROUTE
            raise Refused(code, failure.value, submission.recipients[0])
        if key or decision.new.batch.waiting_recipients is not None:
            return await self.idempotency_keys.store(decision, key)
        return await self.submission.store(decision, submissions.accept, decision.new)
