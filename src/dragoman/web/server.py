"""The HTTP server: uvicorn with limits set and defaults switched off."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Generator
from typing import Any, Final

import uvicorn

from dragoman.web.direct import DirectHttpProtocol

KEEP_ALIVE_S: Final = 75
GRACE_S: Final = 25
BACKLOG: Final = 2048


class Server(uvicorn.Server):
    """A uvicorn server that leaves signals to the application; stop it by `should_exit`."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Installs no signal handlers."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens; who waits for `listening` hears of it, also where it failed."""
        try:
            await super().startup(sockets)
        finally:
            self.listening.set()


def build_server(
    app: Any,
    *,
    host: str,
    port: int,
    tls: Callable[[], ssl.SSLContext] | None = None,
    grace_s: int = GRACE_S,
    protocol: type[DirectHttpProtocol] = DirectHttpProtocol,
) -> Server:
    """Builds the server; run it in the current loop with `await server.serve(sockets=…)`.

    Peers' addresses are read by `ClientAddressReader`, so uvicorn's own reading of forwarded
    headers is off. The loop is the caller's: run the process with `uvloop.run`. Where `app` is a
    `DialectApp`, calls to its dialects take the fast path of `DirectHttpProtocol`.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="none",
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=True,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=grace_s,
        ssl_context_factory=(lambda _config, _default: tls()) if tls is not None else None,
    )
    return Server(config)
