"""The console over a real house on a SQLite file, asked in process as a browser asks it."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

import jinja2
import msgspec
import pytest
import pytest_asyncio
from lxml import html
from tests.passing_time import PATIENCE_S

from dragoman.assembly import build_services
from dragoman.config import Settings
from dragoman.console import rendering as rendering_module
from dragoman.console.context import ConsoleContext
from dragoman.console.routes import build_console
from dragoman.container import Services
from dragoman.core.accounts.model.accounts import DEFAULT_PERMISSIONS, Permission
from dragoman.core.callbacks.model.callback_lists import UnmatchedPage
from dragoman.core.callbacks.model.held_hosts import HeldHost
from dragoman.core.callbacks.model.hosts import CallbackHost, Tested
from dragoman.core.delivery.running import BindView, CarrierView, LinkView, Reloaded, Situation
from dragoman.core.messages.model.callbacks import CallbackFacts
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.kit.clock import FixedClock
from dragoman.web.router import DialectApp

from .scene import CHROMIUM

NOW_MS = 1_790_000_000_000  # 2026-09-21 14:13:20 UTC
PASSWORD = "correct horse battery"
HOST = "sms.example.org"


class CompiledTemplates(jinja2.FileSystemBytecodeCache):
    """Keeps compiled templates for the consoles of later tests, and in files for other workers."""

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder))
        self._codes: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Any) -> None:
        if code := self._codes.get(bucket.key):
            bucket.bytecode_from_string(code)
        else:
            super().load_bytecode(bucket)
            if bucket.code is not None:
                self._codes[bucket.key] = bucket.bytecode_to_string()

    def dump_bytecode(self, bucket: Any) -> None:
        super().dump_bytecode(bucket)
        self._codes[bucket.key] = bucket.bytecode_to_string()


@pytest.fixture(scope="session", autouse=True)
def templates_compiled_once(pytestconfig: pytest.Config) -> Iterator[None]:
    """Compiling a page's templates costs more than the rest of its test."""
    assert pytestconfig.cache is not None
    kept = CompiledTemplates(pytestconfig.cache.mkdir("console-templates"))
    environment = partial(jinja2.Environment, bytecode_cache=kept)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rendering_module.jinja2, "Environment", environment)
        yield


class Page(msgspec.Struct):
    """What a browser got, and what stands in it."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    @property
    def text(self) -> str:
        """What a reader reads, with single blanks."""
        (main,) = self.tree.xpath("//main")
        return " ".join(" ".join(main.itertext()).split())

    @property
    def tree(self) -> Any:
        return html.document_fromstring(self.body.decode())

    def header(self, name: str) -> str:
        return next((v.decode() for n, v in self.headers if n == name.encode()), "")

    def fields(self, action: str) -> dict[str, str]:
        """What a form holds as it stands, the last one of its action."""
        *_, form = self.tree.xpath("//form[@action=$action and @method='post']", action=action)
        areas = {area.name for area in form.iter("textarea")}
        # A browser leaves out the line break that a text area begins with.
        return {
            name: (value or "").removeprefix("\n" if name in areas else "")
            for name, value in form.form_values()
        }


class Machine:
    """A gateway that waits for nothing."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.hosts: tuple[HeldHost, ...] = ()
        self.told: list[tuple[str, str, object]] = []
        """What the other partitions of a cluster are to do too."""
        self.bound: list[BindView] = []
        self.reloads: list[bool] = []
        """Whether the configuration was only to be checked, each time."""
        self.mistake = ""
        """What is wrong with the configuration."""
        self.callback_hosts_now: tuple[CallbackHost, ...] = ()
        self.tested: list[tuple[int, str, str]] = []
        self.retried: list[tuple[int | None, str, int | None]] = []
        """What was asked to be tried now."""

    async def reload(self, *, check: bool) -> Reloaded:
        if self.mistake:
            detail = self.mistake
            raise Refused(RefusalCode.INVALID_FIELD, "configuration", detail)
        self.reloads.append(check)
        return Reloaded(changes=("route swedish: new",), at_restart=("http",), applied=not check)

    def held_hosts(self) -> tuple[HeldHost, ...]:
        return self.hosts

    def callback_hosts(self) -> tuple[CallbackHost, ...]:
        return self.callback_hosts_now

    def retry_callbacks(
        self, account_id: int | None, host: str = "", message_id: int | None = None
    ) -> list[tuple[int, str, int]]:
        self.retried.append((account_id, host, message_id))
        return []

    async def test_callback(
        self, account_id: int, dialect: str, url: str, facts: CallbackFacts
    ) -> Tested:
        self.tested.append((account_id, dialect, url))
        return Tested(status=200, answer="<b>thanks</b>", took_ms=12.0)

    async def situation(self) -> Situation:
        return Situation(
            carriers=self.carriers(),
            waiting=self.waiting(),
            oldest_s=self.oldest_waiting_s(),
            problems=tuple(self.problems()),
            warnings=tuple(self.warnings()),
            binds=self.binds(),
        )

    async def unmatched(self, carrier: str, before: int | None, limit: int) -> UnmatchedPage:
        return await self.services.callback_lists.unmatched(carrier, before, limit)

    async def end_bind(self, bind_id: int) -> BindView:
        return self.unbind(bind_id)

    async def tell_others(self, method: str, path: str, body: object = None) -> None:
        self.told.append((method, path, body))

    def warnings(self) -> list[str]:
        return []

    def problems(self) -> list[str]:
        return []

    def binds(self) -> tuple[BindView, ...]:
        return tuple(self.bound)

    def unbind(self, bind_id: int) -> BindView:
        for bind in self.bound:
            if bind.bind_id == bind_id:
                self.bound.remove(bind)
                return bind
        raise Refused(RefusalCode.NOT_FOUND, str(bind_id), "bind")

    def carriers(self) -> tuple[CarrierView, ...]:
        link = LinkView(
            name="simulator-1",
            bound=True,
            outstanding=2,
            waiting=0,
            reconnects=1,
            throttled=4,
            last_error="connection reset",
            window=10,
            rate_per_s=7.5,
        )
        return (
            CarrierView(
                name="simulator",
                up=True,
                in_flight=2,
                capacity=50,
                round_trip_ms=12.5,
                rate_per_s=None,
                links=(link,),
                kind="SMPP",
                outcomes={"accepted": 12, "unknown": 1},
            ),
        )

    def waiting(self) -> dict[str, int]:
        return {"default": 3}

    def oldest_waiting_s(self) -> dict[str, float]:
        return {"default": 75.0}


class Browser:
    """A browser with cookies; it sends forms as pages hold them."""

    def __init__(self, services: Services, clock: FixedClock, host: str = HOST) -> None:
        self.services = services
        self.clock = clock
        self.host = host
        self.cookies: dict[str, str] = {}
        self.machine = Machine(services)
        self.app = DialectApp(
            [build_console(ConsoleContext(services=services, machine=self.machine))],
            _outside,
            body_timeout_s=30,
        )

    def another(self, host: str = HOST) -> "Browser":
        """A second browser on the same console."""
        other = Browser(self.services, self.clock, host)
        other.app = self.app
        return other

    async def ask(self, method: str, target: str, body: bytes = b"", **headers: str) -> Page:
        path, _, query = target.partition("?")
        given = {
            "host": self.host,
            "content-type": "application/x-www-form-urlencoded",
            "content-length": str(len(body)),
            "cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
            "client": ("192.0.2.1", 40000),
        }
        sent: list[Any] = []

        bodies = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Any:
            if not bodies:
                await asyncio.Event().wait()  # it does not go away
            return bodies.pop()

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        start, *pieces = sent
        body = b"".join(piece["body"] for piece in pieces)
        page = Page(start["status"], start["headers"], body)
        for name, value in page.headers:
            if name == b"set-cookie":
                key, _, rest = value.decode().partition("=")
                self.cookies[key] = rest.partition(";")[0]
        return page

    async def get(self, target: str = "/console") -> Page:
        return await self.ask("GET", target)

    async def download(self, target: str) -> Page:
        """A file that is made while it is read."""
        return await self.ask("GET", target)

    async def post(self, action: str, **fields: str) -> Page:
        """Sends fields as they are."""
        origin = f"https://{self.host}"
        return await self.ask("POST", action, urlencode(fields).encode(), origin=origin)

    async def post_file(self, action: str, filename: str, data: bytes, **fields: str) -> Page:
        """Sends fields and a file as they are."""
        parts = [f'name="{field}"\r\n\r\n{value}'.encode() for field, value in fields.items()]
        parts.append(f'name="file"; filename="{filename}"\r\n\r\n'.encode() + data)
        body = b"".join(
            b"--boundary\r\nContent-Disposition: form-data; " + part + b"\r\n" for part in parts
        )
        return await self.ask(
            "POST",
            action,
            body + b"--boundary--\r\n",
            origin=f"https://{self.host}",
            content_type="multipart/form-data; boundary=boundary",
        )

    async def send(self, page: Page, action: str, **fields: str) -> Page:
        """Sends a form of a page with some fields filled in, and follows where it leads."""
        return await self.follow(await self.post(action, **page.fields(action) | fields))

    async def follow(self, page: Page) -> Page:
        return await self.get(page.header("location")) if page.status == 303 else page

    async def sign_in(self, username: str, password: str = PASSWORD) -> Page:
        page = await self.get("/console/sign-in")
        return await self.send(page, "/console/sign-in", username=username, password=password)

    @property
    def session(self) -> str:
        return self.cookies.get("__Host-dragoman-session", "")


async def _outside(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b"outside"})


def _settings(folder: Path) -> Settings:
    return Settings.development(folder, http="127.0.0.1:0", smsc="127.0.0.1:2775")


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database of accounts: one a role, a child, and a stranger."""
    folder = tmp_path_factory.mktemp("prepared")

    async def prepare() -> None:
        services = build_services(_settings(folder), FixedClock(NOW_MS))
        await services.open(migrate=True)
        for username, permissions in {
            "olga": DEFAULT_PERMISSIONS | {Permission.ADMINISTER, Permission.OPERATE},
            "adam": DEFAULT_PERMISSIONS | {Permission.ADMINISTER},
            "sena": DEFAULT_PERMISSIONS,
            "vera": frozenset[Permission](),
            "stranger": DEFAULT_PERMISSIONS,
        }.items():
            await services.accounts.create(
                username, password=PASSWORD, credits=1_000, permissions=permissions
            )
        adam = await services.accounts.find("adam")
        await services.accounts.create("adams-child", parent=adam, credits=5, giver=adam)
        await services.close()

    asyncio.run(prepare())
    return folder


@pytest.fixture
async def browser(prepared: Path, tmp_path: Path) -> AsyncIterator[Browser]:
    clock = FixedClock(NOW_MS)
    folder = tmp_path / "data"
    shutil.copytree(prepared, folder)
    services = build_services(_settings(folder), clock)
    await services.open(migrate=False)
    try:
        yield Browser(services, clock)
    finally:
        await services.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_chromium() -> AsyncIterator[Any]:
    """A real browser. Where there is none its tests are skipped, or fail with REQUIRE_BROWSER=1.

    Starting one costs as much as ten tests in it.
    """
    from playwright.async_api import async_playwright, expect

    if not CHROMIUM.exists():
        complain = pytest.fail if os.environ.get("REQUIRE_BROWSER") == "1" else pytest.skip
        complain(f"there is no {CHROMIUM}; install it (Debian: apt install chromium)")
    expect.set_options(timeout=PATIENCE_S * 1000)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--disable-gpu"]
        )
        yield chromium
        await chromium.close()


@pytest_asyncio.fixture(loop_scope="session")
async def chromium(shared_chromium: Any) -> AsyncIterator[Any]:
    """The browser without a page; what a test opens is closed after it, and so costs no more."""
    yield shared_chromium
    for context in shared_chromium.contexts:
        await context.close()


def path_of(page: Page) -> str:
    """Where a page sends on to."""
    return urlsplit(page.header("location")).path
