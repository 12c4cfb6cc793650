"""Which configurations nodes may have beside each other."""

from __future__ import annotations

from dragoman.cluster.configuration import digests
from dragoman.config import Settings
from dragoman.config.sections import Cluster, Http, Limits
from dragoman.config.tables import RouteTable, SmppTable
from dragoman.config.values import Secret
from dragoman.core.placement.model.views import differing


def carrier(**more: object) -> SmppTable:
    return SmppTable(name="smsc", host="127.0.0.1", system_id="x", password=Secret("x"), **more)  # type: ignore[arg-type]


def test_what_is_left_at_its_default_is_not_compared() -> None:
    """Else a version with a new setting could not start beside the one before."""
    assert digests(Settings()) == {}
    assert digests(Settings(limits=Limits(max_parts=Limits().max_parts))) == {}


def test_what_is_set_is_compared_but_for_what_is_a_nodes_own() -> None:
    one = Settings(http=Http(listen="127.0.0.1:1"), carriers=(carrier(window=5),))
    other = Settings(
        http=Http(listen="127.0.0.1:2"), carriers=(carrier(window=6),), limits=Limits(max_parts=3)
    )
    found = differing(digests(one), digests(other))
    assert found == ["carriers.smsc.window", "limits.max_parts"]
    assert differing(digests(one), digests(one)) == []


def test_a_secret_is_compared_and_told_to_nobody() -> None:
    settings = Settings(carriers=(carrier(),), cluster=Cluster(secret=Secret("of the cluster")))
    told = digests(settings)
    assert "carriers.smsc.password" in told
    assert all(len(digest) == 32 for digest in told.values())
    other = Settings(carriers=(carrier(),), cluster=Cluster(secret=Secret("another")))
    assert digests(other)["carriers.smsc.password"] != told["carriers.smsc.password"]


def test_the_order_of_tables_counts() -> None:
    routes = tuple(RouteTable(name=name, carriers=("smsc",)) for name in ("a", "b"))
    one, other = Settings(routes=routes), Settings(routes=routes[::-1])
    assert differing(digests(one), digests(other)) == ["routes"]


def test_another_secret_is_named_and_not_all_that_is_made_with_it() -> None:
    one, other = (
        digests(Settings(carriers=(carrier(),), cluster=Cluster(secret=Secret(secret))))
        for secret in ("of the cluster", "another")
    )
    assert differing(one, other) == ["cluster.secret"]
