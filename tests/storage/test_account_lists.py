"""Accounts of a tree in lists: pages in the tree's order, and names."""

from __future__ import annotations

from typing import Any

import pytest

from dragoman.core.accounts.account_tree import AccountTree
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.sql import account_tree
from dragoman.kit.ids import render_base36


async def _below(rows: Any, username: str, parent: Account | None = None) -> Account:
    rows.clock.advance(1)
    path = render_base36(rows.ids.next() + 1)  # what the account is going to be called
    made: Account = await rows.account(
        username,
        path=f"{parent.path}/{path}" if parent else path,
        parent_id=parent.account_id if parent else None,
    )
    return made


@pytest.fixture
async def tree(rows: Any) -> dict[str, Account]:
    """Two trees; `top` has two below it, and `Anna` one more."""
    top = await _below(rows, "top")
    anna = await _below(rows, "Anna", top)
    bert = await _below(rows, "bert", top)
    below = await _below(rows, "anna's shop", anna)
    other = await _below(rows, "anna of another")
    found = (top, anna, bert, below, other)
    return {account.username: account for account in found}


@pytest.mark.parametrize(
    ("name", "offset", "limit", "expected", "total"),
    [
        ("", 0, 10, ["top", "Anna", "anna's shop", "bert"], 4),
        ("", 1, 2, ["Anna", "anna's shop"], 4),
        ("", 4, 2, [], 4),
        ("ANNA", 0, 10, ["Anna", "anna's shop"], 2),
        ("a's s", 0, 10, ["anna's shop"], 1),
        ("%", 0, 10, [], 0),
        ("_", 0, 10, [], 0),
        ("zoe", 0, 10, [], 0),
        ("an\0na", 0, 10, [], 0),
    ],
)
async def test_search_gives_a_page_of_the_tree(
    rows: Any,
    tree: dict[str, Account],
    name: str,
    offset: int,
    limit: int,
    expected: list[str],
    total: int,
) -> None:
    service = AccountTree(accounts=Any, storage=rows.storage, ids=rows.ids, clock=rows.clock)
    views, found = await service.search(tree["top"], name, offset, limit)
    assert [view.account.username for view in views] == expected
    assert found == total


async def test_names_are_given_of_the_own_tree_alone(rows: Any, tree: dict[str, Account]) -> None:
    wanted = {account.account_id for account in tree.values()}
    deletion = account_tree.AccountDeletion(
        account_id=tree["bert"].account_id,
        username="bert (deleted)",
        wallet_id=tree["bert"].wallet_id,
        heir=tree["top"].wallet_id,
        entry_ids=(rows.ids.next(), rows.ids.next()),
        at_ms=rows.clock.now_ms(),
    )
    await rows.write(account_tree.delete, deletion)

    async def names(top: str, living: bool) -> list[str]:
        found = await rows.storage.read(
            lambda c: account_tree.load_names(c, tree[top], wanted, living)
        )
        return sorted(found.values())

    assert await names("top", False) == ["Anna", "anna's shop", "bert (deleted)", "top"]
    assert await names("top", True) == ["Anna", "anna's shop", "top"]
    assert await names("Anna", False) == ["Anna", "anna's shop"]
