"""Tests whose calls are all refused share a gateway with the others of their module."""

from __future__ import annotations

import pytest
from tests.dialects.in_process import STORES_NOTHING


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Runs such tests on the loop of the gateway that they share."""
    for item in items:
        if item.get_closest_marker(STORES_NOTHING):
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)
