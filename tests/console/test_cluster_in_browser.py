"""The page of a cluster in Chromium, wide and narrow, and without script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dragoman import gateway as gateway_module
from dragoman.console.views import PAGES
from dragoman.console.views.cluster import build_cluster_pages

from .scene import running_scene
from .tabs import open_tab
from .test_cluster import FakeCluster

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_it_is_accessible_and_works_without_script(
    chromium: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = FakeCluster()
    pages = (*PAGES, *build_cluster_pages(cluster, cluster.kill))
    monkeypatch.setattr(gateway_module, "PAGES", pages)
    async with running_scene(tmp_path) as scene:
        tab = await open_tab(chromium, scene)
        await tab.sign_in()
        await tab.open("/console/cluster")
        await tab.check_looks()
        plain = await open_tab(chromium, scene, java_script_enabled=False)
        await plain.sign_in()
        await plain.open("/console/cluster")
        await plain.page.get_by_role("button", name="Kill a").click()
        await plain.page.get_by_text("Saved.").wait_for()
        assert cluster.killed == [11]
