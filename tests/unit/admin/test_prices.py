"""Importing what carriers charge: compared, refused with its lines, effective at once, kept."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.admin.client import Failed
from dragoman.container import Services
from dragoman.core.billing.model.costs import CostList, Costs, parse_price_list
from dragoman.core.delivery import price_lists
from dragoman.core.delivery.price_lists import PriceLists

from .conftest import Caller

FIRST = "prefix,price\n45,0.03\n46,0.04\n"
SECOND = "prefix,price,from\n45,0.05,\n45,0.06,2030-01-01\n"


def cost(services: Services, digits: str = "4512345678") -> int | None:
    return services.selection.costs.cost_of("simulator", digits, services.clock.now_ms())


async def put(call: Caller, content: str, **more: Any) -> Any:
    return await call("POST", "prices", "simulator", content=content, **more)


async def test_a_list_is_compared_and_then_imported(call: Caller, services: Services) -> None:
    checked = await put(call, FIRST, check=True)
    assert (checked["summary"], checked["applied"]) == ("2 new", False)
    assert checked["lines"] == ["+ 45: 0.03", "+ 46: 0.04"]
    assert cost(services) is None
    assert (await call("GET", "prices"))["price_lists"] == []
    assert (await put(call, FIRST))["applied"]
    assert cost(services) == 30_000
    changed = await put(call, SECOND)
    assert changed["summary"] == "1 new, 1 changed, 1 removed"
    assert changed["lines"] == ["~ 45: 0.05, was 0.03", "+ 45 from 2030-01-01: 0.06", "- 46: 0.04"]
    assert (cost(services), cost(services, "4612345678")) == (50_000, None)


async def test_rows_are_added(call: Caller, services: Services) -> None:
    await put(call, FIRST)
    added = await put(call, "prefix,price\n46,0.02\n47,0.07\n", add=True)
    assert (added["summary"], added["rows"]) == ("1 new, 1 changed", 3)
    assert (cost(services), cost(services, "4612345678")) == (30_000, 20_000)
    exported = await call("GET", "prices", "simulator")
    assert exported["content"] == "prefix,price,from,until\n45,0.03,,\n46,0.02,,\n47,0.07,,\n"


async def test_a_list_with_mistakes_changes_nothing(call: Caller, services: Services) -> None:
    await put(call, FIRST)
    with pytest.raises(Failed) as caught:
        await put(call, "prefix,price\n45,free\n46,1\nx,1\n")
    assert caught.value.code == "invalid_field"
    assert "line 2: 'free' is not a price; line 4: 'x' is not a prefix" in str(caught.value)
    assert cost(services) == 30_000


async def test_imported_lists_are_there_after_a_start(call: Caller, services: Services) -> None:
    await put(call, FIRST)
    costs = Costs()
    again = PriceLists(
        storage=services.storage, clock=services.clock, costs=costs, in_files=frozenset()
    )
    await again.restore()
    assert costs.cost_of("simulator", "4512345678", 0) == 30_000
    assert [(one.carrier, one.rows) for one in await again.views()] == [("simulator", 2)]


async def test_a_list_is_removed(call: Caller, services: Services) -> None:
    assert await call.refused("DELETE", "prices", "simulator") == "not_found"
    await put(call, FIRST)
    assert (await call("DELETE", "prices", "simulator"))["price_lists"] == []
    assert cost(services) is None
    assert await call.refused("GET", "prices", "simulator") == "not_found"


async def test_an_unknown_carrier_is_told_what_may_be_meant(call: Caller) -> None:
    with pytest.raises(Failed) as caught:
        await call("POST", "prices", "simulater", content=FIRST)
    assert (caught.value.code, "simulator" in str(caught.value)) == ("not_found", True)


async def test_a_carrier_with_a_file_has_its_prices_from_there(
    call: Caller, services: Services
) -> None:
    await put(call, FIRST)
    listed = CostList(parse_price_list("prefix,price\n45,0.01\n"))
    services.price_lists.take_files({"simulator": listed})
    assert cost(services) == 10_000
    for method in ("POST", "DELETE"):
        given = {"content": SECOND} if method == "POST" else {}
        assert await call.refused(method, "prices", "simulator", **given) == "not_supported"
    (shown,) = (await call("GET", "prices"))["price_lists"]
    assert (shown["rows"], shown["imported_ms"]) == (1, None)
    services.price_lists.take_files({})
    assert cost(services) == 30_000, "the import counts again"


async def test_many_differences_are_counted(call: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(price_lists, "LINES_SHOWN", 3)
    content = "prefix,price\n" + "".join(f"45{n},1\n" for n in range(10))
    change = await put(call, content)
    assert (len(change["lines"]), change["more"], change["new"]) == (3, 7, 10)


async def test_a_list_that_is_too_long_is_refused(
    call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(price_lists, "MAX_LIST_BYTES", len(FIRST) - 1)
    assert await call.refused("POST", "prices", "simulator", content=FIRST) == "invalid_field"


async def test_imports_are_in_the_audit_log(call: Caller, services: Services) -> None:
    await call("POST", "accounts", username="boss", grant=["operate"])
    await put(call, FIRST, check=True)
    await put(call, FIRST)
    await call("DELETE", "prices", "simulator")
    boss = await services.accounts.find("boss")
    changes = await services.audit_log.changes(boss, boss, None, 10)
    notes = [repr(one) for one in changes]
    assert sum("import_prices" in note for note in notes) == 1
    assert sum("remove_prices" in note for note in notes) == 1
