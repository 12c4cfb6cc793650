"""The cluster: its nodes, who owns which partition and holds which carrier, and moving them."""

from __future__ import annotations

from typing import Final

from dragoman.admin.calls import Body, Call
from dragoman.admin.context import Admin
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.placement.model.views import Cluster, Overview


async def show_cluster(admin: Admin) -> Overview:
    """Show the nodes of the cluster, and who owns which partition and holds which carrier."""
    return await _cluster(admin).overview()


async def drain_node(admin: Admin, name: str, verb: str) -> Overview:
    """Have a node give its partitions and carriers to the others, or take its share again."""
    cluster = _cluster(admin)
    if not await cluster.drain(name, verb == "drain"):
        raise Refused(RefusalCode.NOT_FOUND, name[:64], "no such node")
    return await cluster.overview()


class Move(Body, frozen=True, kw_only=True):
    """The node that is to own a partition."""

    node: str


async def move_partition(admin: Admin, partition: str, body: Move) -> Overview:
    """Have a node take over a partition; others may then get one of its own."""
    cluster = _cluster(admin)
    overview = await cluster.overview()
    number = int(partition)
    if number >= len(overview.partitions):
        last = len(overview.partitions) - 1
        raise Refused(RefusalCode.NOT_FOUND, partition[:64], f"partitions are 0 to {last}")
    node = overview.node(body.node)
    if node is None or node.draining:
        raise Refused(RefusalCode.NOT_FOUND, body.node[:64], "no node that takes partitions")
    await cluster.move(number, node.name)
    return await cluster.overview()


def _cluster(admin: Admin) -> Cluster:
    if admin.cluster is None:
        raise Refused(RefusalCode.NOT_SUPPORTED, detail="this gateway is not in a cluster")
    return admin.cluster


CALLS: Final = (
    Call("GET", "/cluster", show_cluster),
    Call("POST", "/cluster/nodes/{name}/{verb:drain|resume}", drain_node),
    Call("POST", "/cluster/partitions/{partition:int}/owner", move_partition),
)
