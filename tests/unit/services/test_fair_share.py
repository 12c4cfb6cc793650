"""Each node has as many partitions as the others, or one more."""

from __future__ import annotations

import pytest

from dragoman.core.placement.model.fair_share import (
    carrier_to_give_back,
    free,
    most_of,
    to_give_back,
)
from dragoman.core.placement.model.views import Claim, Node, Overview


def overview(owners: str, nodes: str = "abc", dead: str = "", draining: str = "") -> Overview:
    """Partitions by their owners, `-` for none."""
    return Overview(
        nodes=tuple(
            Node(
                name=name,
                run=name,
                base_url="",
                address=f"{name}:1",
                pid=1,
                version="",
                is_dead=name in dead,
                draining=name in draining,
            )
            for name in nodes
        ),
        partitions=tuple(
            Claim(name=str(number), node=None if owner == "-" else owner, epoch=1, since_ms=0)
            for number, owner in enumerate(owners)
        ),
        carriers=(),
    )


@pytest.mark.parametrize(
    ("seen", "most", "ownerless", "given_back"),
    [
        (overview("aabb", "ab"), 2, [], ""),
        (overview("aabb"), 2, [], "ab"),  # c has none yet
        (overview("aab-"), 2, [3], ""),  # c takes that one
        (overview("aabc"), 2, [], ""),
        (overview("aaaa"), 2, [], "a"),
        (overview("aabbcc", dead="b"), 3, [2, 3], ""),
        (overview("aabbcc", draining="b"), 3, [], "b"),
        (overview("aa", "a", draining="a"), 0, [], ""),  # nobody would take them
    ],
)
def test_partitions_are_shared(
    seen: Overview, most: int, ownerless: list[int], given_back: str
) -> None:
    assert most_of(seen) == most
    assert free(seen) == ownerless
    givers = ""
    for node in seen.nodes:
        owned = [int(claim.name) for claim in seen.partitions if claim.node == node.name]
        if not node.is_dead and to_give_back(seen, node.name, owned) is not None:
            givers += node.name
    assert givers == given_back


def test_a_partition_is_reached_where_its_living_owner_is() -> None:
    seen = overview("ab-", dead="b")
    assert [seen.address_of(number) for number in range(4)] == ["a:1", None, None, None]


@pytest.mark.parametrize(
    ("holders", "more", "given_back"),
    [
        ("aa", {"nodes": "ab"}, "a"),
        ("ab", {"nodes": "ab"}, ""),
        ("aab", {"nodes": "ab"}, ""),
        ("aabb", {}, "ab"),  # c has none yet
        ("aab-", {}, ""),  # c takes that one
        ("a", {}, ""),  # there is one for somebody only
        ("aabb", {"dead": "c"}, ""),
        ("aabb", {"draining": "c"}, ""),
    ],
)
def test_carriers_are_shared(holders: str, more: dict[str, str], given_back: str) -> None:
    partitions = overview("", **more)
    claims = tuple(
        Claim(name=f"carrier {number}", node=None if one == "-" else one, epoch=1, since_ms=0)
        for number, one in enumerate(holders)
    )
    seen = Overview(nodes=partitions.nodes, partitions=(), carriers=claims)
    names = [claim.name for claim in claims]
    givers = ""
    for node in seen.nodes:
        held = [claim.name for claim in claims if claim.node == node.name]
        spare = carrier_to_give_back(seen, node.name, held, names)
        givers += node.name if spare is not None else ""
    assert givers == given_back
