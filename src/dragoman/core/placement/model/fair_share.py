"""How many partitions a node is to own: the same for all, or one more."""

from __future__ import annotations

from collections.abc import Sequence

from dragoman.core.placement.model.views import Overview


def most_of(overview: Overview) -> int:
    """The most partitions that one node should own."""
    takers = sum(not node.is_dead and not node.draining for node in overview.nodes)
    return -(-len(overview.partitions) // takers) if takers else 0


def free(overview: Overview) -> list[int]:
    """The partitions that no living node owns."""
    return [
        number
        for number, claim in enumerate(overview.partitions)
        if overview.node(claim.node) is None
    ]


def to_give_back(overview: Overview, name: str, owned: Sequence[int]) -> int | None:
    """A partition that a node has too many; None where others have none to take.

    One at a time: the next overview says whether there are more.
    """
    node = overview.node(name)
    if not owned or node is None:
        return None
    if node.draining:
        return owned[-1] if any(not n.is_dead and not n.draining for n in overview.nodes) else None
    return owned[-1] if len(owned) > most_of(overview) else None
