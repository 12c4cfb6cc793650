"""Tests whose calls do not meet share a gateway with the others of their module."""

from __future__ import annotations

import inspect

import pytest
from tests.dialects.in_process import shared_by


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Runs such tests on the loop of the gateway that they share."""
    for item in items:
        if inspect.iscoroutinefunction(getattr(item, "function", None)) and shared_by(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)
