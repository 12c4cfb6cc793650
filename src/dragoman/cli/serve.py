"""`dragoman serve`: the gateway in production."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

from dragoman.cli.options import ConfigOption, load_settings, option, read_settings

if TYPE_CHECKING:
    from dragoman.cluster.development import Development
    from dragoman.config import Settings
    from dragoman.kit.child_process import ChildProcess


def serve(
    config: ConfigOption = None,
    development: Annotated[
        str,
        option("Where `dragoman dev --nodes` answers /dev.", "--development", hidden=True),
    ] = "",
) -> None:
    """Run the gateway of a configuration until it is told to stop.

    SIGTERM or Ctrl-C lets it finish what is in flight; a second one ends it at once. SIGHUP has it
    take a changed configuration, as `dragoman reload` does.
    """
    import os

    from dragoman.cli.running import check_port, run_loop
    from dragoman.core.writer_process import fork_writer
    from dragoman.kit import logging

    settings = load_settings(config, complete=True)
    os.umask(0o077)  # the database holds texts and numbers: nobody else's business
    logging.configure(settings.log.level, settings.log.format)
    host, port = settings.http.address
    check_port(host, port, "choose another with `listen` of [http]")
    if settings.cluster.partitions:
        run_loop(_serve_node(settings, lambda: read_settings(config), development))
    else:
        run_loop(_serve(settings, fork_writer(), lambda: read_settings(config)))


async def _serve_node(
    settings: Settings, reload_settings: Callable[[], Settings], development: str
) -> None:
    import structlog

    from dragoman import __version__
    from dragoman.cli.running import run_gateway
    from dragoman.cluster.node import ClusterNode

    log = structlog.get_logger("dragoman")
    node = ClusterNode(
        settings,
        reload_settings=reload_settings,
        development=_development(development) if development else None,
    )

    @asynccontextmanager
    async def ready() -> AsyncIterator[None]:
        address = settings.http.listen
        log.info("started", version=__version__, address=address, node=node.node.name)
        yield
        log.info("stopping")

    await run_gateway(node, migrate=False, while_ready=ready(), reloads=True)
    log.info("stopped")


def _development(address: str) -> Development:
    from dragoman.cluster.development import Development

    return Development(address)


async def _serve(
    settings: Settings, writer: ChildProcess, reload_settings: Callable[[], Settings]
) -> None:
    import structlog

    from dragoman import __version__
    from dragoman.cli.running import build_gateway, run_gateway

    log = structlog.get_logger("dragoman")

    @asynccontextmanager
    async def ready() -> AsyncIterator[None]:
        log.info(
            "started",
            version=__version__,
            address=settings.http.listen,
            dialects=list(settings.dialects.enabled),
            carriers=[carrier.name for carrier in settings.carriers],
        )
        yield
        log.info("stopping")

    gateway = build_gateway(settings, writer, reload_settings=reload_settings)
    await run_gateway(gateway, migrate=False, while_ready=ready(), reloads=True)
    log.info("stopped")
