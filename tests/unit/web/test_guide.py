"""The documentation as a site that a gateway serves, where it was built in."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from dragoman.web.docs_page import docs_routes
from dragoman.web.router import DialectApp

SCRIPT = "document.title = 'here'"
PAGE = f"<html><script src='bundle.js'></script><script>{SCRIPT}</script></html>"
DIGEST = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text(PAGE)
    (folder / "bundle.js").write_text("1")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


def application(sample: Any, site: Path) -> DialectApp:
    routes = docs_routes([sample()], version="1", site=site)
    return DialectApp([sample()], Starlette(routes=routes), body_timeout_s=30)


async def test_its_pages_run_only_what_is_theirs(sample: Any, serve: Any, site: Path) -> None:
    async with serve(application(sample, site)) as wire:
        front = await wire.ask("GET", "/docs/guide")
        assert (front.status, front.headers["location"]) == (307, "/docs/guide/index.html")
        page = await wire.ask("GET", "/docs/guide/index.html")
        policy = page.headers["content-security-policy"]
        assert f"script-src 'self' 'sha256-{DIGEST.lower()}';" in policy
        assert "default-src 'none'" in policy
        script = await wire.ask("GET", "/docs/guide/bundle.js")
        assert (script.status, script.body) == (200, b"1")
        assert script.headers["x-content-type-options"] == "nosniff"
        linked = await wire.ask("GET", "/docs")
        assert b'href="/docs/guide/index.html"' in linked.body
        assert (await wire.ask("GET", "/docs/sample")).status == 200


@pytest.mark.parametrize(
    "path", ["no.html", "../secret.txt", "..%2fsecret.txt", "%2e%2e/secret.txt"]
)
async def test_nothing_else_is_served(sample: Any, serve: Any, site: Path, path: str) -> None:
    async with serve(application(sample, site)) as wire:
        answer = await wire.ask("GET", f"/docs/guide/{path}")
        assert (answer.status, b"secret" in answer.body) == (404, False)


async def test_without_it_nothing_leads_there(sample: Any, serve: Any, tmp_path: Path) -> None:
    async with serve(application(sample, tmp_path)) as wire:
        assert b"/docs/guide" not in (await wire.ask("GET", "/docs")).body
        assert (await wire.ask("GET", "/docs/guide/index.html")).status == 404


@pytest.mark.parametrize("path", ["/docs/guide/", "/docs/guide/index.html"])
async def test_where_it_is_not_built_in_it_says_how(
    sample: Any, serve: Any, tmp_path: Path, path: str
) -> None:
    """Bug: a checkout answered `Not Found` and nothing else."""
    async with serve(application(sample, tmp_path / "none")) as wire:
        answer = await wire.ask("GET", path)
        assert (answer.status, b"script/site --in-gateway" in answer.body) == (404, True)
