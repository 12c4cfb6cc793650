"""The nodes of a cluster, who owns what since when, and moving it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NamedTuple

from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.translation import gettext, lazy
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.placement.model.views import Claim, Cluster, Node, Overview
from dragoman.web.responses import Response

MAX_NAME: Final = 64


class NodeShown(NamedTuple):
    """A node, its status with the class of its badge, and what it has."""

    node: Node
    status: str
    badge: str
    partitions: Sequence[str]
    carriers: Sequence[str]


def build_cluster_pages(
    cluster: Cluster, kill: Callable[[Node], None] | None = None
) -> tuple[Page, ...]:
    """The page of a cluster; with `kill`, as in development, it has buttons that end nodes."""
    pages = _ClusterPages(cluster, kill)
    page = partial(Page, needs=Permission.OPERATE)
    return (
        page("/cluster", lazy("Cluster"), menu=lazy("Cluster"), show=pages.show, act=pages.act),
    )


class _ClusterPages:
    def __init__(self, cluster: Cluster, kill: Callable[[Node], None] | None) -> None:
        self._cluster = cluster
        self._kill = kill

    async def show(self, request: PageRequest) -> Response:
        """Nodes, partitions and carriers."""
        return await self._show(request)

    async def _show(self, request: PageRequest, status: int = 200) -> Response:
        seen = await self._cluster.overview()
        alive = [node.name for node in seen.nodes if not node.is_dead and not node.draining]
        return request.show(
            "cluster.html",
            status,
            nodes=[_shown(node, seen) for node in seen.nodes],
            ownerless=_ownerless(seen),
            partitions=seen.partitions,
            carriers=seen.carriers,
            owners={node.name for node in seen.nodes if not node.is_dead},
            partition_choices=[(claim.name, claim.name) for claim in seen.partitions],
            node_choices=[(name, name) for name in alive],
            asked={name: request.form.get(name, "") for name in ("partition", "node")},
            may_kill=self._kill is not None,
        )

    async def act(self, request: PageRequest) -> Response:
        """Drains a node, lets it take its share again, moves a partition, or kills a node."""
        do, name = request.form.get("do", ""), request.form.get("node", "")[:MAX_NAME]
        if do == "move":
            return await self._move(request, name)
        if do in ("drain", "resume"):
            if not await self._cluster.drain(name, do == "drain"):
                raise Refused(RefusalCode.NOT_FOUND, name, "no such node")
            await request.note(f"{do}_node", name)
        elif do == "kill" and self._kill is not None:
            node = (await self._cluster.overview()).node(name)
            if node is None:
                raise Refused(RefusalCode.NOT_FOUND, name, "no such node")
            await request.note("kill_node", name)
            self._kill(node)
        else:
            raise Refused(RefusalCode.NOT_FOUND, do[:MAX_NAME])
        return request.go("/cluster", "saved")

    async def _move(self, request: PageRequest, name: str) -> Response:
        partition = request.form.get("partition", "")
        seen = await self._cluster.overview()
        if partition not in {claim.name for claim in seen.partitions}:
            request.problems["partition"] = gettext("Choose a partition.")
        node = seen.node(name)
        if node is None or node.draining:
            request.problems["node"] = gettext("Choose a node that takes partitions.")
        if request.problems:
            return await self._show(request, 422)
        await self._cluster.move(int(partition), name)
        await request.note("move_partition", f"{partition} to {name}")
        return request.go("/cluster", "saved")


def _shown(node: Node, seen: Overview) -> NodeShown:
    if node.is_dead:
        status, badge = gettext("dead"), "undelivered"
    elif node.draining:
        status, badge = gettext("draining"), "unknown"
    else:
        status, badge = gettext("alive"), "delivered"
    return NodeShown(node, status, badge, _of(node, seen.partitions), _of(node, seen.carriers))


def _of(node: Node, claims: tuple[Claim, ...]) -> list[str]:
    return [claim.name for claim in claims if claim.node == node.name]


def _ownerless(seen: Overview) -> list[str]:
    """What no living node has, in words."""
    kinds = (
        (gettext("partition {name}"), seen.partitions),
        (gettext("carrier {name}"), seen.carriers),
    )
    return [
        kind.format(name=claim.name)
        for kind, claims in kinds
        for claim in claims
        if seen.node(claim.node) is None
    ]
