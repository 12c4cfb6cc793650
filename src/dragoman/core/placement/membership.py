"""A node as a member of its cluster: it joins, says that it lives, claims and gives back.

Every time is PostgreSQL's. What is claimed here is protected by the locks of the sessions that use
it (`storage/connections.py` for partitions, this session for carriers), not by this module.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final

from dragoman.core.model.errors import StorageUnavailable
from dragoman.core.model.use_case import use_case
from dragoman.core.placement.model.views import Node, Overview
from dragoman.core.placement.sql import moves, shared
from dragoman.storage import upgrades
from dragoman.storage.partitions import partition_url
from dragoman.storage.shared import SharedSession

LOOK_AGAIN_S: Final = 0.05
ENDING: Final = 40
"""How often a lock is asked for whose session is ending."""
MAX_KEYS_TOLD: Final = 20


class CannotJoin(Exception):
    """Why a node may not take part, in a line."""


def open_membership(url: str, node: Node, partitions: int) -> Membership:
    """The session of a node, which connects when it joins."""
    return Membership(session=SharedSession(url), node=node, partitions=partitions)


def claimed_url(url: str, partition: int, epoch: int) -> str:
    """The URL by which a partition is opened under a claim."""
    return partition_url(url, partition, epoch)


@use_case(kw_only=True)
class Membership:
    """The session of one node with the shared schema."""

    session: SharedSession
    node: Node
    partitions: int
    _opened: int = field(default=0, init=False)

    async def join(self, configuration: Mapping[str, str]) -> None:
        """Joins with the digests of the configuration by key; raises `CannotJoin`.

        Raises `StorageUnavailable` without a database, or with a pooler before it.
        """
        await self.session.check_direct()
        partitions = await self.session.run(shared.find_partitions)
        if partitions is None:
            raise CannotJoin("the database has no partitions yet: run `dragoman migrate` first")
        if partitions != self.partitions:
            raise CannotJoin(
                f"the cluster has {partitions} partitions, cluster.partitions says"
                f" {self.partitions}: their number is chosen once"
            )
        problem = await self.session.run(lambda c: upgrades.problem_of_any(c, partitions))
        if problem:
            raise CannotJoin(problem)
        if await self.session.run(lambda c: moves.find_setting(c, moves.SOURCE)) is not None:
            raise CannotJoin(
                "a gateway is moving in: run `dragoman cluster import` until it has ended"
            )
        await self._enter()
        run = self.node.run

        keys = await self.session.run(lambda c: shared.compare_configuration(c, configuration, run))
        if keys:
            await self.leave()
            told = ", ".join(keys[:MAX_KEYS_TOLD]) + (", …" if len(keys) > MAX_KEYS_TOLD else "")
            raise CannotJoin(f"the configuration differs from that of the other nodes in: {told}")

    async def _enter(self) -> None:
        """Takes the name of the node in this session, which holds it."""
        name = self.node.name

        def enter(connection: Any) -> int | None:
            if not shared.take_name(connection, name):
                return None
            shared.put_node(connection, self.node)
            return self.session.opened

        opened = await self.session.run(enter)
        if opened is None:
            raise CannotJoin(f"another node is called {name}: each has a cluster.node of its own")
        self._opened = opened

    async def beat(self) -> tuple[Overview, bool]:
        """Says that the node lives; how the cluster is, and whether its own session is a new one.

        A new session holds no carriers any more. Raises `StorageUnavailable`, and `CannotJoin`
        where another node has taken the name meanwhile.
        """
        name, run = self.node.name, self.node.run

        def say(connection: Any) -> tuple[bool, bool]:
            lives = shared.beat(connection, name, run)
            return lives, self.session.opened != self._opened

        lives, is_new = await self.session.run(say)
        if is_new or not lives:
            try:
                await self._enter()
            except CannotJoin as error:
                if lives:  # the server has not seen yet that the last session is gone
                    raise StorageUnavailable(str(error)) from error
                raise
        return await self.session.run(shared.load_overview), is_new

    async def configuration(self) -> Mapping[str, str]:
        """The digests of the configuration that counts, by key."""
        return await self.session.run(shared.load_configuration)

    async def configuration_version(self) -> int:
        """Which configuration counts: another number is another one."""
        return await self.session.run(shared.find_configuration_version)

    async def put_configuration(self, configuration: Mapping[str, str]) -> int:
        """Has another configuration count; its version."""
        return await self.session.run(lambda c: shared.put_configuration(c, configuration))

    async def find(self, kind: str, key: str) -> int | None:
        """The partition of a key, None where there is no such key in the cluster."""
        if not key.isprintable():
            return None
        return await self.session.run(lambda c: shared.find_partition(c, kind, key))

    async def overview(self) -> Overview:
        """How the cluster is."""
        return await self.session.run(shared.load_overview)

    async def claim(self, partition: int) -> int | None:
        """Claims a partition without a living owner and ends who could still write to it.

        Its epoch, or None where somebody was faster.
        """
        name = self.node.name
        epoch = await self.session.run(lambda c: shared.claim_partition(c, partition, name))
        if epoch is not None:
            await self.session.run(lambda c: shared.end_writers(c, partition))
        return epoch

    async def is_lock_free(self, partition: int, timeout_s: float) -> bool:
        """Whether nobody has a partition's lock any more, within a time."""
        async with asyncio.timeout(timeout_s + 1):
            for _ in range(max(1, round(timeout_s / LOOK_AGAIN_S))):
                if not await self.session.run(lambda c: shared.count_writers(c, partition)):
                    return True
                await asyncio.sleep(LOOK_AGAIN_S)
        return False

    async def release(self, partition: int, epoch: int) -> None:
        """Gives a partition back, once nothing of it is open any more."""
        await self.session.run(lambda c: shared.release_partition(c, partition, epoch))

    async def claim_carrier(self, carrier: str, *, dead: bool) -> int | None:
        """Claims a carrier without a living holder; its epoch, or None.

        With `dead`, the session of a holder that hangs is ended first. A session that was opened
        again claims nothing before `beat` has said that it is a new one.
        """
        name, opened = self.node.name, self._opened

        def claim(connection: Any) -> int | None:
            if self.session.opened != opened:
                return None
            return shared.claim_carrier(connection, carrier, name)

        if dead:
            await self.session.run(lambda c: shared.end_holder(c, carrier))
        for _ in range(ENDING if dead else 1):  # a session that was told to end still holds it
            epoch = await self.session.run(claim)
            if epoch is not None:
                return epoch if self._opened == opened else None
            await asyncio.sleep(LOOK_AGAIN_S)
        return None

    async def release_carrier(self, carrier: str, epoch: int) -> None:
        """Gives a carrier back, once its links are closed."""
        await self.session.run(lambda c: shared.release_carrier(c, carrier, epoch))

    async def drain(self, name: str, draining: bool) -> bool:
        """Has a node give back its partitions, or take some again; False for an unknown one."""
        return await self.session.run(lambda c: shared.drain(c, name, draining))

    async def move(self, partition: int, node: str) -> None:
        """Has a node take over a partition."""
        await self.session.run(lambda c: shared.move_partition(c, partition, node))

    async def leave(self) -> None:
        """Takes the node out; its name is free again when the session is closed."""
        name, run = self.node.name, self.node.run
        await self.session.run(lambda c: shared.drop_node(c, name, run))

    async def close(self) -> None:
        """Ends the session, and with it its locks."""
        await self.session.close()
