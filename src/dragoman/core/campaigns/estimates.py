"""What a campaign would be: its recipients read as the expansion reads them, and nothing stored.

A million recipients take many seconds, so the reading is done in slices, and says how far it is.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.campaigns.model.text_campaigns import Estimate, Sample, ZoneCount
from dragoman.core.inbound.opt_outs import OptOuts
from dragoman.core.messages.model.records import StoredAudience
from dragoman.core.model.errors import FailureCode
from dragoman.core.model.number_zones import offset_of_zone, zone_of_number
from dragoman.core.model.use_case import use_case
from dragoman.core.submission.audiences import Audiences, Recipient
from dragoman.core.submission.decisions import Decision
from dragoman.core.submission.message_maker import MessageMaker
from dragoman.kit.clock import Clock

SLICE: Final = 1_000
"""Recipients that are looked at between two looks at other work."""
SAMPLES: Final = 10
LOOK_FOR_S: Final = 0.1
"""How long the first recipients are looked for, where a filter lets few pass."""
_MESSAGES_OF: Final = {
    FailureCode.INVALID_CONTENT: "The text would be empty, or has characters that cannot be sent.",
    FailureCode.TEXT_TOO_LONG: "The text would be too long.",
    FailureCode.OPTED_OUT: "Opted out: gets nothing.",
    FailureCode.NOT_ALLOWED: "Not a number that your account may send to.",
}


@use_case(kw_only=True)
class Estimates:
    """Counts what a decision that is not stored would send."""

    audiences: Audiences
    maker: MessageMaker
    opt_outs: OptOuts
    clock: Clock

    async def count(
        self,
        account: Account,
        decision: Decision,
        *,
        by_zone: bool,
        on_progress: Callable[[Estimate], None] = lambda _: None,
    ) -> Estimate:
        """Counts recipients, parts and credits, and the zones where they matter."""
        now_ms = self.clock.now_ms()
        totals: Counter[str] = Counter()
        zones: Counter[str] = Counter()
        walk = await self.audiences.open_draft(decision.live, _draft_of(decision))
        progress, finished = walk.progress, False
        while not finished:
            chunk = await self.audiences.read(walk, SLICE, progress)
            progress, finished = chunk.progress, chunk.finished
            self._add(account, decision, chunk.recipients, totals)
            if by_zone:
                zones.update(zone_of_number(one.number) for one in chunk.recipients)
            on_progress(_estimate(now_ms, totals, Counter(), is_complete=False))
            await asyncio.sleep(0)
        return _estimate(now_ms, totals, zones, is_complete=True)

    async def samples(self, account: Account, decision: Decision, most: int) -> list[Sample]:
        """What the first recipients would get."""
        walk = await self.audiences.open_draft(decision.live, _draft_of(decision))
        progress, finished, until = walk.progress, False, monotonic() + LOOK_FOR_S
        recipients: list[Recipient] = []
        while not finished and len(recipients) < most and monotonic() < until:
            # A filter may let few pass, so it looks at many for the first ones.
            chunk = await self.audiences.read(walk, SLICE, progress)
            progress, finished = chunk.progress, chunk.finished
            recipients += chunk.recipients
        recipients = recipients[: min(most, SAMPLES)]
        stored = decision.live.stored
        refusers = self.opt_outs.among(
            account.account_id, stored.sender, [one.number for one in recipients]
        )
        found = []
        for one in recipients:
            failure = FailureCode.OPTED_OUT if one.number in refusers else one.failure
            parts = one.parts if one.text is not None else decision.live.segmentation.count
            found.append(
                Sample(
                    number=one.number,
                    text=stored.text if one.text is None else one.text,
                    parts=0 if failure else parts,
                    problem=_MESSAGES_OF.get(failure, failure.value.replace("_", " ")),
                )
            )
        return found

    def _add(
        self,
        account: Account,
        decision: Decision,
        recipients: Sequence[Recipient],
        totals: Counter[str],
    ) -> None:
        stored = decision.live.stored
        numbers = [one.number for one in recipients]
        refusers = self.opt_outs.among(account.account_id, stored.sender, numbers)
        totals["recipients"] += len(recipients)
        for one in recipients:
            if one.failure:
                totals["unsendable"] += 1
            elif one.number in refusers:
                totals["opted_out"] += 1
            elif not self.maker.reaches(account, one.number, None):
                totals["unreachable"] += 1
            else:
                parts = one.parts if one.text is not None else decision.live.segmentation.count
                price = self.maker.price_of(one.number, stored.options.credits_per_part)
                totals["messages"] += 1
                totals["parts"] += parts
                totals["credits"] += parts * price.credits


def _draft_of(decision: Decision) -> StoredAudience:
    draft = decision.new.audience
    assert draft is not None, "a campaign has an audience"
    return draft


def _estimate(
    now_ms: int, totals: Counter[str], zones: Counter[str], *, is_complete: bool
) -> Estimate:
    alike: dict[int, list[str]] = {}
    for zone in sorted(zones, key=lambda zone: (-zones[zone], zone)):
        alike.setdefault(offset_of_zone(zone, now_ms), []).append(zone)
    return Estimate(
        at_ms=now_ms,
        **totals,
        zones=tuple(
            ZoneCount(zones=tuple(names), recipients=sum(zones[name] for name in names))
            for _, names in sorted(alike.items(), reverse=True)
        ),
        counted=totals["recipients"],
        is_complete=is_complete,
    )
