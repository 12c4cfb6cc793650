"""Opt-outs on both databases: entered together, found by time, number and origin."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.core.inbound.model.inbound import OptOutFilter, OptOutOrigin
from dragoman.core.inbound.opt_outs import OptOuts
from dragoman.core.inbound.sql.tables import opt_outs
from dragoman.core.model.errors import Refused

API, WEB, STOP = OptOutOrigin.API, OptOutOrigin.WEB, OptOutOrigin.STOP


@pytest.fixture
def service(rows: Any) -> OptOuts:
    return OptOuts(storage=rows.storage, ids=rows.ids)


async def test_many_are_entered_together_or_not_at_all(rows: Any, service: OptOuts) -> None:
    shop, other = await rows.account("shop"), await rows.account("other")
    numbers = [f"+45{n}" for n in range(20_000_100, 20_000_000, -1)]
    with pytest.raises(Refused):
        await service.add_all(shop, [*numbers, "12"], API)
    assert await rows.all(opt_outs) == []
    assert not service.among(shop.account_id, "x", ["4520000001"])
    await service.add(shop, numbers[50])
    assert await service.add_all(shop, [*numbers, numbers[0], "004520000001"], API) == 100
    assert await service.add_all(shop, [], API) == 0
    stored = await rows.all(opt_outs)
    assert [row["origin"] for row in stored] == ["web", *["api"] * 99]
    plain = {number.removeprefix("+") for number in numbers}
    asked = [*sorted(plain), "4520000000", "4520000101"]
    again = OptOuts(storage=rows.storage, ids=rows.ids)
    await again.load()
    for known in (service, again):
        assert known.among(shop.account_id, "x", asked) == plain
        assert known.among(other.account_id, "x", asked) == set()
    await service.remove(shop, numbers[0])
    assert service.among(shop.account_id, "x", asked) == plain - {"4520000100"}


async def test_search_narrows_by_all_that_is_given(rows: Any, service: OptOuts) -> None:
    shop, other = await rows.account("shop"), await rows.account("other")
    times = []
    for number, origin in [("4511111111", API), ("4522222222", WEB), ("4611111111", STOP)]:
        rows.clock.advance(60)
        times.append(rows.clock.now_ms())
        await service.add(shop, number, origin=origin)
    await service.add(shop, "4533333333", "News")
    await service.add(other, "4544444444")

    async def found(offset: int = 0, limit: int = 10, **wanted: Any) -> tuple[list[str], int]:
        filter_ = OptOutFilter(account_id=shop.account_id, **wanted)
        page = await service.search(filter_, offset, limit)
        return [opt_out.recipient[:3] for opt_out in page.opt_outs], page.total

    assert await found() == (["451", "452", "461"], 3)
    assert await found(1, 1) == (["452"], 3)
    assert await found(3, 10) == ([], 3)
    assert await found(from_ms=times[1]) == (["452", "461"], 2)
    assert await found(before_ms=times[1]) == (["451"], 1)
    assert await found(from_ms=times[1], before_ms=times[1]) == ([], 0)
    assert await found(digits="1111") == (["451", "461"], 2)
    assert await found(digits="5222") == (["452"], 1)
    assert await found(digits="%") == ([], 0)
    assert await found(origins=(API, STOP)) == (["451", "461"], 2)
    assert await found(origins=()) == ([], 0)
    assert await found(digits="46", origins=(API,)) == ([], 0)
    assert await found(with_senders=True) == (["451", "452", "461", "453"], 4)
