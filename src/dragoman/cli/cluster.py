"""`dragoman cluster`: the nodes of a cluster, who owns what, and moving it; import and export."""

from __future__ import annotations

from typing import Annotated, Final

from dragoman.cli import moving
from dragoman.cli.command import Gateway, command
from dragoman.cli.groups import new_group
from dragoman.cli.options import argument
from dragoman.cli.output import print_table, show_time
from dragoman.core.placement.model.views import Claim, Node, Overview

app = new_group()
moving.add_to(app)

NodeName = Annotated[str, argument("The node's name, `node` of [cluster] there.")]


@command(app, "status")
def status(gateway: Gateway) -> None:
    """Show the nodes, and who owns which partition and holds which carrier since when."""
    gateway.show(gateway.get("cluster", answer=Overview), _print)


@command(app, "drain")
def drain(gateway: Gateway, node: NodeName) -> None:
    """Have a node give all that it has to the others, before it is stopped for good."""
    _switch(gateway, node, "drain")


@command(app, "resume")
def resume(gateway: Gateway, node: NodeName) -> None:
    """Have a node take its share again."""
    _switch(gateway, node, "resume")


@command(app, "move")
def move(
    gateway: Gateway,
    partition: Annotated[int, argument("The partition's number.")],
    node: NodeName,
) -> None:
    """Have a node take over a partition."""
    moved = gateway.call(
        "POST", "cluster", "partitions", partition, "owner", body={"node": node}, answer=Overview
    )
    gateway.show(moved, lambda _: print(f"{node} is taking over partition {partition}"))


def _switch(gateway: Gateway, node: str, verb: str) -> None:
    seen = gateway.call("POST", "cluster", "nodes", node, verb, answer=Overview)
    does = {"drain": "gives back what it has", "resume": "takes its share"}[verb]
    gateway.show(seen, lambda _: print(f"{node} {does}"))


def _print(seen: Overview) -> None:
    print_table(
        ("node", "is", "address", "version", "process", "since", "partitions", "carriers"),
        [
            (
                node.name,
                _state_of(node),
                node.base_url,
                node.version,
                str(node.pid),
                show_time(node.started_ms),
                " ".join(_of(node, seen.partitions)) or NOTHING,
                " ".join(_of(node, seen.carriers)) or NOTHING,
            )
            for node in seen.nodes
        ],
    )
    for kind, claims in (("partition", seen.partitions), ("carrier", seen.carriers)):
        for claim in claims:
            if seen.node(claim.node) is None:
                print(f"{kind} {claim.name} is nobody's since {show_time(claim.since_ms)}")


NOTHING: Final = "-"


def _state_of(node: Node) -> str:
    if node.is_dead:
        return f"silent for {node.silent_s:.0f} s"
    return "draining" if node.draining else "alive"


def _of(node: Node, claims: tuple[Claim, ...]) -> list[str]:
    return [claim.name for claim in claims if claim.node == node.name]
