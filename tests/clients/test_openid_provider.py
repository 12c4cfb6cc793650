"""oidc-provider from npm, run by Node.js, where people of the console sign in."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest
import pytest_asyncio
from lxml import html
from tests.passing_time import PATIENCE_S
from yarl import URL

from dragoman.config import Settings
from dragoman.config.sections import OpenId
from dragoman.config.values import Secret
from dragoman.core.accounts.model.people import Role
from dragoman.gateway import Gateway

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.process]

CLIENT, SECRET = "dragoman", "a secret: of both sides"


class Scene:
    """A gateway whose people sign in at a provider in a process of its own."""

    def __init__(self, gateway: Gateway, url: str, provider: asyncio.subprocess.Process) -> None:
        self.gateway = gateway
        self.url = url
        self.provider = provider


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(npm: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        http = f"127.0.0.1:{probe.getsockname()[1]}"
    url = f"http://{http}"
    provider = await asyncio.create_subprocess_exec(
        *("node", "oidc-provider.mjs", CLIENT, SECRET, f"{url}/console/openid/callback"),
        cwd=npm,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert provider.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        issuer = msgspec.json.decode(await provider.stdout.readline())["issuer"]
    folder = tmp_path_factory.mktemp("openid")
    settings = msgspec.structs.replace(
        Settings.development(folder, http=http, smsc="127.0.0.1:1"),
        openid=OpenId(issuer=issuer, client_id=CLIENT, client_secret=Secret(SECRET), name="Node"),
    )
    gateway = Gateway(settings)
    await gateway.start(migrate=True)
    services = gateway.services
    made = await services.accounts.create("library")
    for name in ("anna@example.org", "ben@example.org"):
        await services.people.invite(made.account, name, Role.SENDER, by=Role.ADMINISTRATOR)
    try:
        yield Scene(gateway, url, provider)
    finally:
        await gateway.stop()
        if provider.stdin is not None:
            provider.stdin.close()
        async with asyncio.timeout(PATIENCE_S):
            await provider.wait()


async def _sign_in(browser: aiohttp.ClientSession, scene: Scene, name: str) -> tuple[int, URL, str]:
    """Where somebody is after the pages of the provider: its login, and its consent."""
    answer = await browser.get(f"{scene.url}/console/openid?next=/compose")
    while "/interaction/" in answer.url.path:
        form = html.document_fromstring(await answer.text()).forms[0]
        fields = dict(form.form_values())
        if fields["prompt"] == "login":
            fields |= {"login": name, "password": "anything"}
        answer = await browser.post(answer.url.join(URL(form.action)), data=fields)
    return answer.status, answer.url, await answer.text()


@pytest_asyncio.fixture(loop_scope="module")
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    jar = aiohttp.CookieJar(unsafe=True)  # of hosts without a name
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield session


async def test_a_person_signs_in(browser: aiohttp.ClientSession, scene: Scene) -> None:
    status, url, text = await _sign_in(browser, scene, "anna")
    assert (status, url.path) == (200, "/console/compose")
    assert "anna@example.org" in text
    person = await scene.gateway.services.people.find_by_name("anna@example.org")
    assert person.subject == "anna"


async def test_a_stranger_is_told_what_to_do(browser: aiohttp.ClientSession, scene: Scene) -> None:
    status, url, text = await _sign_in(browser, scene, "eve")
    assert (status, url.path) == (403, "/console/openid/callback")
    assert "Ask an administrator to invite" in text
    assert (await browser.get(f"{scene.url}/console/compose")).status == 401


async def test_a_provider_that_ends_in_between_is_away(
    browser: aiohttp.ClientSession, scene: Scene
) -> None:
    """The last test: it takes the provider away."""
    answer = await browser.get(f"{scene.url}/console/openid", allow_redirects=False)
    state = URL(answer.headers["location"]).query["state"]
    assert scene.provider.stdin is not None
    scene.provider.stdin.close()
    async with asyncio.timeout(PATIENCE_S):
        await scene.provider.wait()
    at = f"{scene.url}/console/openid/callback?state={state}&code=x"
    answer = await browser.get(at)
    assert answer.status == 503
    assert "Node cannot be reached right now" in await answer.text()
