"""Pages that tell what to type are followed to the letter, against real gateways."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.ports import free_port

from .following import PATIENCE_S, Reader, plain_environment
from .markdown import PAGES, ROOT, Page
from .processes import Group

pytestmark = pytest.mark.process
DRAGOMAN = str(Path(sys.executable).parent / "dragoman")
FOLLOWED = {
    "docs/tutorial.md": "fresh",
    "docs/howto/send-with-the-dragoman-api.md": "development",
    "docs/howto/move-a-program.md": "development",
    "docs/howto/move-from-linkmobility.md": "development",
    "docs/howto/move-from-httpsms.md": "development",
    "docs/howto/move-from-smsend.md": "development",
    "docs/howto/move-from-smsgateway24.md": "with_phone",
    "docs/howto/move-from-smsgate.md": "with_phone",
    "docs/howto/point-a-twilio-sdk-here.md": "development",
    "docs/howto/move-from-kannel.md": "nothing",
    "docs/howto/move-from-jasmin.md": "nothing",
    "docs/howto/give-a-customer-an-smpp-account.md": "development",
    "docs/howto/connect-a-carrier.md": "nothing",
    "docs/howto/send-over-your-providers-http-api.md": "nothing",
    "docs/howto/route-messages.md": "nothing",
    "docs/howto/use-phones.md": "nothing",
    "docs/howto/tls-proxy.md": "nothing",
    "docs/howto/backups-and-upgrades.md": "development",
    "docs/howto/monitoring.md": "development",
    "docs/howto/notify-from-monitoring.md": "development",
    "docs/howto/privacy.md": "development",
    "docs/howto/your-first-campaign.md": "development",
}
"""The pages that are followed, and the gateway that is there when their reader begins."""
UNTOUCHED = {
    "docs/howto/mail.md",
    "docs/howto/mailings.md",
    "docs/howto/people.md",
    "docs/howto/run-a-cluster.md",
    "docs/howto/run-in-containers.md",
}
"""Guides without anything to type."""
Running = tuple[Path, dict[str, Any]]
"""The folder of a development gateway, and what it says of itself."""


@contextmanager
def developing(folder: Path, *more: str) -> Iterator[Running]:
    """A `dragoman dev` with its data in `dragoman-data`."""
    said = folder / "said"
    with said.open("wb") as output:
        gateway = Group(
            [
                DRAGOMAN,
                "dev",
                "--http",
                "127.0.0.1:0",
                "--smsc",
                "127.0.0.1:0",
                "--smpp",
                "127.0.0.1:0",
                *more,
            ],
            folder=folder,
            environment=plain_environment(),
            output=output,
        )
    try:
        told = folder / "dragoman-data" / "dev.json"
        deadline = time.monotonic() + PATIENCE_S
        while not told.exists():
            assert gateway.process.poll() is None, said.read_text()
            assert time.monotonic() < deadline, said.read_text()
            time.sleep(0.05)
        yield folder, json.loads(told.read_bytes())
        gateway.process.terminate()
        assert gateway.process.wait(PATIENCE_S) == 0, said.read_text()
    finally:
        gateway.end()


@pytest.fixture
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with developing(tmp_path_factory.mktemp("fresh")) as running:
        yield running


@pytest.fixture(scope="module")
def development(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with developing(tmp_path_factory.mktemp("development")) as running:
        yield running


@pytest.fixture(scope="module")
def with_phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with developing(tmp_path_factory.mktemp("with-phone"), "--phone") as running:
        yield running


@pytest.mark.parametrize("name", FOLLOWED)
def test_a_page_is_true_to_the_letter(
    name: str, tmp_path: Path, request: pytest.FixtureRequest, development: Running
) -> None:
    begins_with = FOLLOWED[name]
    ports = {printed: str(free_port()) for printed in ("8080", "3000", "13013", "1401")}
    ports["2775"] = str(development[1]["smsc_port"])
    if begins_with != "nothing":
        folder, told = request.getfixturevalue(begins_with)
        os.symlink(folder / "dragoman-data", tmp_path / "dragoman-data")
        ports["8080"] = told["base_url"].rpartition(":")[2]
    hosts = {"smsc.example.net": "127.0.0.1", "smsc.example.dk": "127.0.0.1"}
    Reader(Page(ROOT / name), tmp_path, ports=ports, hosts=hosts).follow()


def test_every_guide_is_followed() -> None:
    guides = {page.name for page in map(Page, PAGES) if page.name.startswith("docs/howto/")}
    assert guides - set(FOLLOWED) == set(UNTOUCHED)
