"""A changed configuration for all nodes: each has it and can take it, or none takes it.

Whichever node is told to reload reads its own file and asks the others whether theirs says the
same. Then the shared schema says so, by which nodes that join are measured, and all take it. One
that did not hear of it finds another number there, and takes it a few seconds later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

import msgspec
import structlog

from dragoman.cluster.configuration import digests
from dragoman.cluster.peers import NODE, Peers, Unreachable
from dragoman.config import ConfigError, Settings
from dragoman.config.differences import RELOADED
from dragoman.core.delivery.running import Reloaded
from dragoman.core.model.errors import RefusalCode, Refused, StorageUnavailable
from dragoman.core.placement.membership import Membership
from dragoman.core.placement.model.views import Node, differing
from dragoman.web.operations import Dialect, Operation
from dragoman.web.refusals import Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import TEXT, Response

PREFIX: Final = "/node"
LOOK_EVERY_S: Final = 5.0
MAX_KEYS_TOLD: Final = 20

log = structlog.get_logger(__name__)


class Taker(Protocol):
    """What of a node a configuration changes."""

    settings: Settings

    async def check(self, settings: Settings) -> Reloaded:
        """What a configuration would change; raises `Refused` where that cannot be."""
        ...

    async def take(self, settings: Settings) -> Reloaded:
        """Takes a configuration."""
        ...


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a node has the same configuration, and whether it is to take it."""

    digests: dict[str, str]
    takes: bool


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What it says: a problem, or what changes."""

    problem: str = ""
    moved: int = 0


def taken(old: Settings, new: Settings) -> Settings:
    """What a running node takes of a configuration; the rest waits for its restart."""
    return msgspec.structs.replace(old, **{name: getattr(new, name) for name in RELOADED})


class ClusterReload:
    """Reloads on all nodes."""

    def __init__(
        self,
        node: Taker,
        name: str,
        load: Callable[[], Settings] | None,
        membership: Membership,
        peers: Peers,
    ) -> None:
        """`load` reads and checks the configuration of the node called `name`."""
        self._node = node
        self._name = name
        self._load = load
        self._membership = membership
        self._peers = peers
        self._busy = asyncio.Lock()
        self._version = -1
        """Of the configuration that this node has."""
        self._told = -1

    def dialect(self) -> Dialect:
        """What other nodes ask this one."""
        return Dialect(
            name="node",
            title="",
            description="What nodes ask each other.",
            prefixes=(PREFIX,),
            operations=(
                Operation(
                    methods=("POST",),
                    path=f"{PREFIX}/configuration",
                    handler=self._answer,
                    summary="Whether the node has the same configuration, and takes it",
                ),
            ),
            refuse=_refuse,
        )

    async def note_version(self) -> None:
        """Remembers which configuration this node joined with."""
        self._version = await self._membership.configuration_version()

    async def reload(self, *, check: bool) -> Reloaded:
        """Takes a changed configuration on all nodes; raises `Refused`, and then none took it."""
        async with self._busy:
            new = await self._read()
            told = await self._node.check(new)
            asked = Asked(digests=digests(new), takes=False)
            for name, said in (await self._ask_others(asked)).items():
                if said.problem:
                    detail = f"node {name}: {said.problem}"
                    raise Refused(RefusalCode.INVALID_FIELD, "configuration", detail)
            if check:
                return told
            try:
                version = await self._membership.put_configuration(asked.digests)
            except StorageUnavailable as error:
                raise Refused(RefusalCode.UNAVAILABLE, detail=str(error)) from None
            told = await self._node.take(new)
            self._version = version
            others = await self._ask_others(msgspec.structs.replace(asked, takes=True))
        for name, said in others.items():
            if said.problem:  # it finds the new version by itself
                log.warning("node_not_reloaded", node=name, reason=said.problem)
        moved = told.moved + sum(said.moved for said in others.values())
        return msgspec.structs.replace(told, moved=moved)

    async def run(self) -> None:
        """Takes what this node did not hear of; runs until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                version = await self._membership.configuration_version()
                if version != self._version and not self._busy.locked():
                    async with self._busy:
                        await self._catch_up(version)
            except (StorageUnavailable, Refused) as error:
                log.warning("configuration_not_taken", reason=str(error))

    async def _catch_up(self, version: int) -> None:
        new = await self._read()
        keys = differing(digests(new), await self._membership.configuration())
        if not keys:
            await self._node.take(new)
            self._version = version
        elif self._told != version:
            self._told = version
            log.error("another_configuration_counts", keys=keys[:MAX_KEYS_TOLD])

    async def _read(self) -> Settings:
        if self._load is None:
            detail = "this node has no configuration file"
            raise Refused(RefusalCode.NOT_SUPPORTED, "reload", detail)
        try:
            return await asyncio.to_thread(self._load)
        except (ConfigError, OSError, ValueError) as error:
            raise Refused(RefusalCode.INVALID_FIELD, "configuration", str(error)) from None

    async def _ask_others(self, asked: Asked) -> dict[str, Said]:
        try:
            overview = await self._membership.overview()
        except StorageUnavailable as error:
            raise Refused(RefusalCode.UNAVAILABLE, detail=str(error)) from None
        others = [node for node in overview.nodes if node.name != self._name and not node.is_dead]
        answers = await asyncio.gather(*(self._ask(node, asked) for node in others))
        return {node.name: said for node, said in zip(others, answers, strict=True)}

    async def _ask(self, node: Node, asked: Asked) -> Said:
        request = Request(
            "POST",
            f"{PREFIX}/configuration",
            dialect=_NODE,
            headers=[(b"host", b"node")],
            body=msgspec.json.encode(asked),
        )
        try:
            answer = await self._peers.send(node.address, 0, NODE, request, 0)
        except Unreachable:
            return Said(problem="it is not reached")
        if answer.status != 200:
            return Said(problem=f"it answers {answer.status}")
        return msgspec.json.decode(answer.body, type=Said)

    async def _answer(self, request: Request) -> Response:
        asked = msgspec.json.decode(request.body, type=Asked)
        try:
            async with asyncio.timeout(1):  # two nodes that ask each other do not wait for ever
                await self._busy.acquire()
        except TimeoutError:
            return _said(Said(problem="it is reloading already"))
        try:
            return _said(await self._said(asked))
        except Refused as refused:
            return _said(Said(problem=refused.detail or refused.code.value))
        finally:
            self._busy.release()

    async def _said(self, asked: Asked) -> Said:
        new = await self._read()
        keys = differing(digests(new), asked.digests)
        if keys:
            return Said(problem=f"its configuration differs in: {', '.join(keys[:MAX_KEYS_TOLD])}")
        if not asked.takes:
            await self._node.check(new)
            return Said()
        told = await self._node.take(new)
        await self.note_version()
        return Said(moved=told.moved)


def _said(said: Said) -> Response:
    return Response(200, msgspec.json.encode(said))


def _refuse(_request: Request, refusal: Refusal) -> Response:
    return Response(refusal.status, f"{refusal.reason}\n".encode(), TEXT)


_NODE: Final = Dialect(
    name="node", title="", description="", prefixes=(), operations=(), refuse=_refuse
)
