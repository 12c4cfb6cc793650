"""The admin interface on a Unix socket in the data folder, for the gateway's own user."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path
from typing import Any

from dragoman.admin.context import Admin
from dragoman.admin.operations import build_admin
from dragoman.admin.socket_path import make_folder, socket_path
from dragoman.kit.supervisor import Spawn, spawn_unwatched
from dragoman.web.router import Call, DialectApp, HandOver
from dragoman.web.server import Server, build_server


def build_admin_app(
    admin: Admin, calls: type[Call] = Call, hand_over: HandOver | None = None
) -> DialectApp:
    """The application of the local operations."""
    timeout_s = admin.services.settings.http.request_timeout_s
    app = DialectApp(
        [build_admin(admin)], _not_found, body_timeout_s=timeout_s, hand_over=hand_over
    )
    app.call_type = calls
    return app


class AdminServer:
    """Answers until it is stopped."""

    def __init__(self, app: DialectApp, data_dir: Path) -> None:
        self._data_dir = data_dir
        self.path = socket_path(data_dir)
        self._app = app
        self._server: Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self, spawn: Spawn = spawn_unwatched) -> None:
        """Listens; a socket that an earlier process left behind is replaced.

        Only the process that holds the database may call this.
        """
        make_folder(self.path, self._data_dir)
        self.path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)  # no other user may open it, not even for a moment
        try:
            listener.bind(os.fspath(self.path))
        finally:
            os.umask(before)
        listener.setblocking(False)
        self._server = build_server(self._app, host="", port=0)
        self._serving = spawn("admin", self._server.serve(sockets=[listener]))
        await self._server.listening.wait()

    async def stop(self) -> None:
        """Closes the socket, and ends what is under way."""
        if self._server is None or self._serving is None:
            return
        self.path.unlink(missing_ok=True)
        self._server.should_exit = True
        await asyncio.gather(self._serving, return_exceptions=True)
        self._server = None


async def _not_found(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})
