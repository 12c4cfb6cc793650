"""How many partitions a node is to own: the same for all, or one more."""

from __future__ import annotations

from collections import Counter
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


def is_meant_for_another(overview: Overview, name: str, partition: int) -> bool:
    """Whether an operator wants another node, which lives, to own a partition."""
    wanted_by = overview.partitions[partition].wanted_by
    return wanted_by not in (None, name) and overview.node(wanted_by) is not None


def to_give_back(overview: Overview, name: str, owned: Sequence[int]) -> int | None:
    """A partition that a node has too many; None where others have none to take.

    Of what it owns, in the order of taking, the one that it has had longest. One at a time: the
    next overview says whether there are more.
    """
    node = overview.node(name)
    takers = [n.name for n in overview.nodes if not n.is_dead and not n.draining]
    if not owned or node is None or not takers:
        return None
    moved = next((one for one in owned if is_meant_for_another(overview, name, one)), None)
    if moved is not None:
        return moved
    if node.draining or len(owned) > most_of(overview):
        return owned[0]
    counts = Counter(claim.node for claim in overview.partitions)
    least = len(overview.partitions) // len(takers)
    is_uneven = len(owned) > least and any(counts[taker] < least for taker in takers)
    return owned[0] if is_uneven and not free(overview) else None


def carrier_to_give_back(
    overview: Overview, name: str, held: Sequence[str], carriers: Sequence[str]
) -> str | None:
    """A carrier that a node has too many of `carriers`; None where others have none to take.

    Of what it holds, in the order of taking, the one that it has had longest.
    """
    node = overview.node(name)
    takers = [n.name for n in overview.nodes if not n.is_dead and not n.draining]
    holders = {claim.name: claim.node for claim in overview.carriers if claim.node is not None}
    if node is None or name not in takers or any(one not in holders for one in carriers):
        return None  # what is free is taken first
    counts = Counter(holders[one] for one in carriers)
    least, more = divmod(len(carriers), len(takers))
    most = least + bool(more)
    is_uneven = len(held) > least and any(counts[taker] < least for taker in takers)
    return held[0] if len(held) > most or is_uneven else None
