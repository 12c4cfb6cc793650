"""Short IDs: none twice, whoever takes them, and the same for the same identifier."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.submission.sql import submissions
from dragoman.storage.short_ids import BLOCK, LIMIT, ShortIds, short_ids


async def test_no_short_id_is_handed_out_twice(storage: Any) -> None:
    """Several processes take from one counter; one that ends leaves a gap."""
    several = [ShortIds(storage) for _ in range(3)]
    takes = [one.take(count) for one in several for count in (1, BLOCK - 1, 2, 3 * BLOCK)]
    taken = [short_id for some in await asyncio.gather(*takes) for short_id in some]
    again = await ShortIds(storage).next()
    assert len({*taken, again}) == len(taken) + 1 == 3 * (4 * BLOCK + 2) + 1
    assert min(taken) > 0
    assert again > max(taken)
    assert again < LIMIT


async def test_an_identifier_keeps_its_short_id(storage: Any) -> None:
    shown, identifiers = ShortIds(storage), [5 << 40, 6 << 40]
    first, *others = await asyncio.gather(
        shown.of(identifiers), shown.of(identifiers), ShortIds(storage).of(identifiers)
    )
    assert others == [first, first]
    assert await shown.of(identifiers[1:]) == {identifiers[1]: first[identifiers[1]]}
    assert await shown.of([]) == {}
    for identifier, short_id in first.items():
        assert await shown.identifier_of(short_id) == identifier
    assert await shown.identifier_of(LIMIT - 1) is None


async def test_a_long_identifier_is_read_as_it_is(storage: Any) -> None:
    """Programs keep what they were shown by an earlier release."""
    assert await ShortIds(storage).identifier_of(LIMIT) == LIMIT


async def test_a_batch_is_stored_with_its_short_id_or_not_at_all(rows: Any) -> None:
    account = await rows.account(credits=1)
    paid, unpaid = (
        msgspec.structs.replace(rows.batch(account), short_id=short_id) for short_id in (7, 8)
    )
    await rows.write(submissions.accept, paid)
    with pytest.raises(Refused) as refused:
        await rows.write(submissions.accept, unpaid)
    assert refused.value.code is RefusalCode.INSUFFICIENT_CREDIT
    stored = await rows.all(short_ids)
    assert stored == [{"short_id": 7, "identifier": paid.batch.batch_id}]
