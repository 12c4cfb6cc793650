"""Programs of other people that Node.js runs: one call after another over a pipe."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from tests.passing_time import PATIENCE_S


class NodeClient:
    """The client in its own process: one call after the other."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def call(self, name: str, *given: Any) -> Any:
        answer = await self._ask(name, *given)
        assert "error" not in answer, answer
        return answer["answer"]

    async def failure(self, name: str, *given: Any) -> str:
        return str((await self._ask(name, *given))["error"])

    async def _ask(self, name: str, *given: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode([name, *given]) + b"\n")
        async with asyncio.timeout(PATIENCE_S):
            return msgspec.json.decode(await self._process.stdout.readline())


@asynccontextmanager
async def node_client(folder: Path, script: str, *arguments: str) -> AsyncIterator[NodeClient]:
    """A script that reads calls, with its arguments; it ends well when no more come."""
    process = await asyncio.create_subprocess_exec(
        *("node", script, *arguments),
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    yield NodeClient(process)
    assert process.stdin is not None
    process.stdin.close()
    async with asyncio.timeout(PATIENCE_S):
        assert await process.wait() == 0
