"""A customer's server, which keeps what it was called with and answers as told."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qsl

from aiohttp import web
from tests.passing_time import PATIENCE_S


class HeardCall:
    """A call that a customer got."""

    def __init__(self, request: web.Request, url: str, body: str) -> None:
        self.method = request.method
        self.path = request.path
        self.url = url
        self.body = body
        self.signature = request.headers["X-Twilio-Signature"]
        self.is_json = request.content_type == "application/json"
        is_form = bool(body) and not self.is_json
        self.form = dict(parse_qsl(body, keep_blank_values=True)) if is_form else {}


class Customer:
    """Answers each path with TwiML or with nothing."""

    def __init__(self) -> None:
        self.calls: asyncio.Queue[HeardCall] = asyncio.Queue()
        self.answers: dict[str, str] = {}
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application)
        self.url = ""

    async def start(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        body = await request.text()
        self.calls.put_nowait(HeardCall(request, f"{self.url}{request.path_qs}", body))
        text = self.answers.get(request.path, "")
        return web.Response(text=text, content_type="text/xml" if text else "text/plain")

    async def next(self) -> HeardCall:
        async with asyncio.timeout(PATIENCE_S):
            return await self.calls.get()
