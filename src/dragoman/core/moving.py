"""A single gateway moves into a cluster, with all it has, and a cluster into a single gateway.

Rows keep their identifiers. A tree of accounts goes to the partition that the name of its root
says, as a new one would. What was brought is compared at the end, table by table and column by
column; only then may a node start.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from dragoman.core.accounts.sql.roots import load_roots
from dragoman.core.contacts import moved_uploads
from dragoman.core.identifiers import last_identifier
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.ownership import Of, kept_by, owner_of
from dragoman.core.placement.placement import FIRST, partition_of_root
from dragoman.core.placement.sql import moves, shared
from dragoman.core.tables import metadata
from dragoman.storage import copying
from dragoman.storage.moving import folder_of as folder_of
from dragoman.storage.moving import opened_cluster, opened_source, opened_target
from dragoman.storage.short_ids import LIMIT

assert metadata.tables, "every table is known from here on"


class MovedTable(msgspec.Struct, frozen=True, kw_only=True):
    """A table that has been moved, with all or with some more of its rows."""

    name: str
    rows: int
    unit: str = "rows"
    is_done: bool = True


class Difference(Exception):
    """What came is not what was there: which table and column."""


Tell = Callable[[MovedTable], None]
SECRETS: Final = "secrets"
MAY_MEET: Final = frozenset(
    {"carrier_texts", "receipt_keys", "retention_leftovers", "retention_positions"}
)
"""Tables whose keys are no identifiers: where two partitions have the same, the first's is kept."""


def move_in(
    source_url: str, cluster_url: str, partitions: int, tell: Tell, uploads: Path | None = None
) -> int:
    """Brings a single gateway into an empty cluster; how many rows. Both must be stopped.

    `uploads` is the folder with its files of contacts that are not imported yet.
    One that was interrupted goes on where it stopped. Raises `Refused`, `Difference`,
    `AlreadyInUse`, `StorageUnavailable`.
    """
    with opened_source(source_url) as source, opened_cluster(cluster_url, partitions) as cluster:
        _begin(cluster, source_url, partitions)
        short_id = moves.source_counter(source)
        if short_id >= LIMIT // partitions:
            detail = f"its short IDs reach {short_id}: the first partition has no room for them"
            raise Refused(RefusalCode.NOT_SUPPORTED, "partitions", detail)
        roots = load_roots(source)
        places = {
            account_id: partition_of_root(username, partitions) for account_id, username in roots
        }
        total = 0
        for table in copying.tables():
            total += _move_table(source, cluster, table, places, partitions, tell)
        _compare(source, cluster, partitions)
        if uploads is not None:
            files = _checked(
                moved_uploads.bring_in, cluster, uploads, lambda owner: places.get(owner, FIRST)
            )
            if files:
                tell(MovedTable(name="uploads", rows=files, unit="files"))
        moves.put_setting(cluster, moves.NEWEST, str(last_identifier(source)))
        moves.put_setting(cluster, moves.NEWEST_SHORT, str(short_id))
        moves.raise_counter(cluster, FIRST, short_id)
        moves.drop_setting(cluster, moves.SOURCE)
        moves.forget_positions(cluster)
        cluster.commit()
        return total


def _begin(cluster: Any, source_url: str, partitions: int) -> None:
    found = shared.find_partitions(cluster)
    if found != partitions:
        detail = "run `dragoman migrate` first" if found is None else f"the cluster has {found}"
        raise Refused(RefusalCode.NOT_SUPPORTED, "partitions", detail)
    digest = hashlib.sha256(source_url.encode()).hexdigest()
    moving = moves.find_setting(cluster, moves.SOURCE)
    if moving is None and moves.has_accounts(cluster):
        raise Refused(RefusalCode.ALREADY_EXISTS, "cluster", "it has accounts already")
    if moving not in (None, digest):
        raise Refused(RefusalCode.ALREADY_EXISTS, "cluster", "another gateway is moving in")
    moves.put_setting(cluster, moves.SOURCE, digest)
    cluster.commit()


def _move_table(
    source: Any, cluster: Any, table: Any, places: dict[int, int], partitions: int, tell: Tell
) -> int:
    keeper = kept_by(table.name)
    if keeper is Of.NONE:
        return 0
    position, count = moves.position_of(cluster, table.name)
    for rows in copying.read_rows(source, table, owner_of(table.name), position):
        shares: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
        for account_id, row in rows:
            if keeper is Of.ALL:
                for partition in range(partitions):
                    shares[partition].append(row)
            else:
                shares[places.get(account_id or 0, FIRST)].append(row)
        for partition, share in shares.items():
            copying.write_rows(cluster, table, share, partition)
        count += len(rows)
        moves.note_position(cluster, table.name, copying.key_of(table, rows[-1][1]), count)
        cluster.commit()
        tell(MovedTable(name=table.name, rows=count, is_done=False))
    if count:
        tell(MovedTable(name=table.name, rows=count))
    return count


def _compare(source: Any, cluster: Any, partitions: int) -> None:
    """Raises `Difference` unless everything of a single gateway is in a cluster, and no more."""
    for table in copying.tables():
        keeper = kept_by(table.name)
        if keeper is Of.NONE:
            continue
        expected = copying.measure(source, table)
        found = _measure(cluster, table, partitions)
        for one in found if keeper is Of.ALL else [_sum(found)]:
            _check(table.name, expected, one)


def _measure(cluster: Any, table: Any, partitions: int) -> list[copying.Measures]:
    return [copying.measure(cluster, table, partition) for partition in range(partitions)]


def _sum(measures: list[copying.Measures]) -> copying.Measures:
    first, *others = measures
    for one in others:
        first = first + one
    return first


def _check(table: str, expected: copying.Measures, found: copying.Measures) -> None:
    if found != expected:
        columns = [c for c in expected.sums if expected.sums[c] != found.sums[c]]
        raise Difference(
            f"{table}: {found.rows} rows of {expected.rows}; different:"
            f" {', '.join(columns) or 'their number'}"
        )


def move_out(
    cluster_url: str, partitions: int, target_url: str, tell: Tell, uploads: Path | None = None
) -> int:
    """Brings a cluster back into an empty database of a single gateway; how many rows.

    Its uploaded files come to the folder `uploads`. The nodes must be stopped. It is one
    transaction: one that was interrupted is begun anew. Raises as `move_in` does.
    """
    with opened_cluster(cluster_url, partitions) as cluster, opened_target(target_url) as target:
        if shared.find_partitions(cluster) != partitions:
            raise Refused(RefusalCode.NOT_SUPPORTED, "partitions", "the cluster has others")
        if load_roots(target):
            raise Refused(RefusalCode.ALREADY_EXISTS, "target", "it has accounts already")
        total = 0
        for table in copying.tables():
            keeper = kept_by(table.name)
            if keeper is Of.NONE:
                continue
            if table.name == SECRETS:
                _check_secrets(cluster, table, partitions)
            count = 0
            for partition in range(partitions):
                for rows in copying.read_rows(cluster, table, None, None, partition):
                    values = [row for _, row in rows]
                    new_only = keeper is Of.ALL or table.name in MAY_MEET
                    copying.write_rows(target, table, values, None, new_only=new_only)
                    count += len(rows)
            if count:
                tell(MovedTable(name=table.name, rows=count))
            total += count
            if keeper is not Of.ALL and table.name not in MAY_MEET:
                expected = _sum(_measure(cluster, table, partitions))
                _check(table.name, expected, copying.measure(target, table))
        moves.put_counter(target, moves.counters(cluster, partitions))
        if uploads is not None:
            files = _checked(moved_uploads.bring_out, cluster, uploads, partitions)
            if files:
                tell(MovedTable(name="uploads", rows=files, unit="files"))
        target.commit()
        return total


def _checked(bring: Callable[..., int], *arguments: Any) -> int:
    try:
        return bring(*arguments)
    except moved_uploads.Changed as changed:
        raise Difference(f"uploaded file {changed} has not the length that it had") from None


def _check_secrets(cluster: Any, table: Any, partitions: int) -> None:
    """Raises `Refused` where partitions made secrets of their own: one gateway has but one."""
    known: dict[str, bytes] = {}
    for partition in range(partitions):
        for rows in copying.read_rows(cluster, table, None, None, partition):
            for _, row in rows:
                if known.setdefault(row["name"], row["secret"]) != row["secret"]:
                    detail = "opt-outs were erased with different keys in different partitions"
                    raise Refused(RefusalCode.NOT_SUPPORTED, row["name"], detail)
