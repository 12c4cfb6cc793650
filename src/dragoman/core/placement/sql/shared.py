"""The shared schema of a cluster: who owns what, and what must be unique over all partitions.

It is PostgreSQL's alone, and small: a row for each node, partition, carrier and key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, text

from dragoman.core.placement.model.views import (
    DEAD_AFTER_S,
    GONE_AFTER_S,
    Claim,
    Node,
    Overview,
    PartitionsDiffer,
    differing,
)
from dragoman.core.placement.sql import copies
from dragoman.storage.partitions import CLUSTER_LOCK, SETUP_LOCK, SHARED_SCHEMA, schema_of
from dragoman.storage.short_ids import LIMIT

CARRIER_LOCK: Final = CLUSTER_LOCK + 1
NODE_LOCK: Final = CLUSTER_LOCK + 2
PARTITIONS: Final = "partitions"
"""The setting of the cluster that is chosen once."""

_SCHEMA: Final = f"""
CREATE SCHEMA IF NOT EXISTS {SHARED_SCHEMA};
SET LOCAL search_path = {SHARED_SCHEMA};
CREATE TABLE IF NOT EXISTS settings (key text PRIMARY KEY, value text NOT NULL);
CREATE TABLE IF NOT EXISTS nodes (
    name text PRIMARY KEY, run text NOT NULL, base_url text NOT NULL, address text NOT NULL,
    pid integer NOT NULL, version text NOT NULL, draining boolean NOT NULL DEFAULT false,
    backend integer NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE IF NOT EXISTS partitions (
    partition integer PRIMARY KEY, node text, epoch bigint NOT NULL DEFAULT 0,
    wanted_by text,
    since_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE IF NOT EXISTS carriers (
    carrier text PRIMARY KEY, node text, epoch bigint NOT NULL DEFAULT 0,
    since_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE IF NOT EXISTS directory (
    kind text NOT NULL, key text NOT NULL, partition integer NOT NULL,
    PRIMARY KEY (kind, key)
);
CREATE OR REPLACE FUNCTION keep_directory() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    old_key text; new_key text; own integer := TG_ARGV[2];
BEGIN
    IF TG_OP <> 'INSERT' THEN old_key := to_jsonb(OLD) ->> TG_ARGV[1]; END IF;
    IF TG_OP <> 'DELETE' AND to_jsonb(NEW) ->> 'revoked_ms' IS NULL THEN
        new_key := to_jsonb(NEW) ->> TG_ARGV[1];
    END IF;
    IF old_key IS NOT DISTINCT FROM new_key THEN RETURN NULL; END IF;
    IF old_key IS NOT NULL THEN
        DELETE FROM {SHARED_SCHEMA}.directory
        WHERE kind = TG_ARGV[0] AND key = old_key AND partition = own;
    END IF;
    IF new_key IS NOT NULL THEN
        INSERT INTO {SHARED_SCHEMA}.directory VALUES (TG_ARGV[0], new_key, own)
        ON CONFLICT DO NOTHING;
        PERFORM 1 FROM {SHARED_SCHEMA}.directory
        WHERE kind = TG_ARGV[0] AND key = new_key AND partition = own;
        IF NOT FOUND THEN
            RAISE unique_violation USING MESSAGE = 'another partition has this ' || TG_ARGV[0];
        END IF;
    END IF;
    RETURN NULL;
END $$;
"""
_TRIGGERS: Final = (
    ("accounts", "username", "username", ""),
    ("credentials", "key", "digest", "api_key access_token login_token"),
    ("smpp_logins", "system_id", "system_id", ""),
    ("console_sessions", "key", "digest", ""),
    ("one_time_links", "key", "digest", ""),
    ("scoped_tokens", "key", "access_digest", ""),
    ("scoped_tokens", "key", "refresh_digest", ""),
    ("auth_tokens", "public_id", "public_id", ""),
    ("dialect_records", "record", "name", "key keys"),
    ("people", "person", "name", ""),
    ("people", "key", "invitation", ""),
    ("devices", "key", "token_digest", ""),
    ("device_registrations", "code", "digest", ""),
    ("numbers", "number", "number", ""),
    ("admin_tokens", "key", "digest", ""),
    ("short_links", "link", "token", ""),
)
"""(table, kind in the directory, column, the kinds of rows that count)."""


def lock_setup(connection: Connection) -> None:
    """Waits for others that make schemas; until the transaction ends."""
    lock = text("SELECT pg_advisory_xact_lock(:cluster, :setup)")
    connection.execute(lock, {"cluster": CLUSTER_LOCK, "setup": SETUP_LOCK})


def find_partitions(connection: Connection) -> int | None:
    """The number of partitions of the cluster in this database; None where there is none."""
    found = connection.scalar(text(f"SELECT to_regclass('{SHARED_SCHEMA}.settings')"))
    if found is None:
        return None
    query = text(f"SELECT value FROM {SHARED_SCHEMA}.settings WHERE key = :key")
    value = connection.scalar(query, {"key": PARTITIONS})
    return None if value is None else int(value)


def make_shared(connection: Connection, partitions: int) -> None:
    """Makes the shared schema, and one for each partition; raises `PartitionsDiffer`."""
    found = find_partitions(connection)
    if found is not None and found != partitions:
        raise PartitionsDiffer(
            f"the cluster has {found} partitions, cluster.partitions says {partitions}:"
            " their number is chosen once"
        )
    connection.exec_driver_sql(_SCHEMA)
    connection.exec_driver_sql(copies.SCHEMA)
    put = text(f"INSERT INTO {SHARED_SCHEMA}.settings VALUES (:key, :value) ON CONFLICT DO NOTHING")
    connection.execute(put, {"key": PARTITIONS, "value": str(partitions)})
    for partition in range(partitions):
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {schema_of(partition)}"))
        row = text(
            f"INSERT INTO {SHARED_SCHEMA}.partitions VALUES (:partition) ON CONFLICT DO NOTHING"
        )
        connection.execute(row, {"partition": partition})


def make_triggers(connection: Connection, partition: int, partitions: int) -> None:
    """Has the tables of a partition keep the directory; its short IDs begin in their range."""
    schema = schema_of(partition)
    made = {row.name: row.comment for row in connection.execute(_MADE, {"schema": schema})}
    for table, kind, column, counted in _TRIGGERS:
        name = f"directory_{table}_{column}"
        kinds = ", ".join(f"'{one}'" for one in counted.split())
        when = f"WHEN (NEW.kind IN ({kinds}))" if kinds else ""
        call = (
            f"EXECUTE FUNCTION {SHARED_SCHEMA}.keep_directory('{kind}', '{column}', '{partition}')"
        )
        for event, suffix, condition in (
            ("INSERT OR UPDATE", "", when),
            ("DELETE", "_gone", when.replace("NEW", "OLD")),
        ):
            rest = f"AFTER {event} ON {schema}.{table} FOR EACH ROW {condition} {call}"
            if made.get(name + suffix) == rest:
                continue  # nodes may write meanwhile: their tables' locks are left alone
            on = f"{name}{suffix} ON {schema}.{table}"
            connection.execute(text(f"DROP TRIGGER IF EXISTS {on}"))
            connection.execute(text(f"CREATE TRIGGER {name}{suffix} {rest}"))
            quoted = rest.replace("'", "''")
            connection.execute(text(f"COMMENT ON TRIGGER {on} IS '{quoted}'"))
    first = partition * (LIMIT // partitions)
    counter = text(
        f"INSERT INTO {schema}.short_id_counter (counter, last) VALUES (1, :first)"
        " ON CONFLICT DO NOTHING"
    )
    connection.execute(counter, {"first": first})


_MADE: Final = text(
    "SELECT t.tgname AS name, obj_description(t.oid, 'pg_trigger') AS comment FROM pg_trigger t"
    " JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = to_regnamespace(:schema)"
)
"""The triggers of a partition; each has the statement that made it as its comment."""


def find_partition(connection: Connection, kind: str, key: str) -> int | None:
    """The partition that a key of a kind belongs to."""
    found: int | None = connection.scalar(_FIND, {"kind": kind, "key": key})
    return found


_FIND: Final = text(
    f"SELECT partition FROM {SHARED_SCHEMA}.directory WHERE kind = :kind AND key = :key"
)


def find_keys(connection: Connection, kind: str, limit: int) -> list[str]:
    """Some keys of a kind."""
    query = text(
        f"SELECT key FROM {SHARED_SCHEMA}.directory WHERE kind = :kind ORDER BY key LIMIT :limit"
    )
    return [*connection.scalars(query, {"kind": kind, "limit": limit})]


# Nodes


def take_name(connection: Connection, name: str) -> bool:
    """Locks the name of a node for as long as the session lives."""
    lock = text("SELECT pg_try_advisory_lock(:cluster, hashtext(:name))")
    return bool(connection.scalar(lock, {"cluster": NODE_LOCK, "name": name}))


def put_node(connection: Connection, node: Node) -> None:
    """Enters a node that joins, or again after its session was lost."""
    put = text(
        f"INSERT INTO {SHARED_SCHEMA}.nodes"
        " (name, run, base_url, address, pid, version, backend) VALUES"
        " (:name, :run, :base_url, :address, :pid, :version, pg_backend_pid())"
        " ON CONFLICT (name) DO UPDATE SET run = excluded.run, base_url = excluded.base_url,"
        " address = excluded.address, pid = excluded.pid, version = excluded.version,"
        " draining = nodes.draining AND nodes.run = excluded.run, backend = excluded.backend,"
        " started_at = CASE WHEN nodes.run = excluded.run THEN nodes.started_at"
        " ELSE clock_timestamp() END, seen_at = clock_timestamp()"
    )
    fields = ("name", "run", "base_url", "address", "pid", "version")
    connection.execute(put, {field: getattr(node, field) for field in fields})


def beat(connection: Connection, name: str, run: str) -> bool:
    """Says that a node lives; False where its name is another's by now."""
    update = text(
        f"UPDATE {SHARED_SCHEMA}.nodes SET seen_at = clock_timestamp()"
        " WHERE name = :name AND run = :run"
    )
    return connection.execute(update, {"name": name, "run": run}).rowcount == 1


def drop_node(connection: Connection, name: str, run: str) -> None:
    """Takes out a node that has left."""
    delete = text(f"DELETE FROM {SHARED_SCHEMA}.nodes WHERE name = :name AND run = :run")
    connection.execute(delete, {"name": name, "run": run})


def drain(connection: Connection, name: str, draining: bool) -> bool:
    """Has a node give back its partitions, or take some again; False for an unknown one."""
    update = text(f"UPDATE {SHARED_SCHEMA}.nodes SET draining = :draining WHERE name = :name")
    return connection.execute(update, {"name": name, "draining": draining}).rowcount == 1


def load_overview(connection: Connection) -> Overview:
    """All nodes, partitions and carriers, and who has which."""
    nodes = connection.execute(_NODES)
    return Overview(
        nodes=tuple(Node(**row) for row in nodes.mappings()),
        partitions=_claims(connection, _PARTITIONS),
        carriers=_claims(connection, _CARRIERS),
    )


def _claims(connection: Connection, query: Any) -> tuple[Claim, ...]:
    return tuple(Claim(**row) for row in connection.execute(query).mappings())


_LIVES: Final = (
    f"(n.seen_at > clock_timestamp() - interval '{GONE_AFTER_S} s'"
    f" OR n.seen_at > clock_timestamp() - interval '{DEAD_AFTER_S} s'"
    " AND EXISTS (SELECT 1 FROM pg_locks l WHERE l.locktype = 'advisory'"
    f" AND l.classid::bigint = {NODE_LOCK} AND l.granted"
    " AND l.objid::bigint = (hashtext(n.name)::bigint & 4294967295)))"
)
"""Of a row `n` of nodes: its session holds its name, and it was heard not long ago."""

_NODES: Final = text(
    f"SELECT NOT {_LIVES} AS is_dead, name, run, base_url, address, pid, version, draining,"
    " extract(epoch FROM clock_timestamp() - seen_at)::float8 AS silent_s,"
    " (extract(epoch FROM started_at) * 1000)::bigint AS started_ms"
    f" FROM {SHARED_SCHEMA}.nodes n ORDER BY name"
)
_PARTITIONS: Final = text(
    "SELECT partition::text AS name, node, epoch, wanted_by,"
    " (extract(epoch FROM since_at) * 1000)::bigint AS since_ms"
    f" FROM {SHARED_SCHEMA}.partitions ORDER BY partition"
)
_CARRIERS: Final = text(
    "SELECT carrier AS name, node, epoch,"
    " (extract(epoch FROM since_at) * 1000)::bigint AS since_ms"
    f" FROM {SHARED_SCHEMA}.carriers ORDER BY carrier"
)


# Claims

_OWNERLESS: Final = (
    " AND (node IS NULL OR node = :node OR NOT EXISTS (SELECT 1"
    f" FROM {SHARED_SCHEMA}.nodes n WHERE n.name = t.node AND {_LIVES}))"
)


def claim_partition(connection: Connection, partition: int, node: str) -> int | None:
    """Claims a partition that no living node owns; its new epoch, None where one does."""
    update = text(
        f"UPDATE {SHARED_SCHEMA}.partitions t SET node = :node, epoch = epoch + 1,"
        " since_at = clock_timestamp(), wanted_by = NULLIF(wanted_by, :node)"
        f" WHERE partition = :partition {_OWNERLESS}"
        " RETURNING epoch"
    )
    epoch: int | None = connection.scalar(update, {"partition": partition, "node": node})
    return epoch


def release_partition(connection: Connection, partition: int, epoch: int) -> None:
    """Gives back a partition, if the claim still stands."""
    update = text(
        f"UPDATE {SHARED_SCHEMA}.partitions SET node = NULL, since_at = clock_timestamp()"
        " WHERE partition = :partition AND epoch = :epoch"
    )
    connection.execute(update, {"partition": partition, "epoch": epoch})


def move_partition(connection: Connection, partition: int, node: str) -> None:
    """Notes that a node is to own a partition."""
    update = text(
        f"UPDATE {SHARED_SCHEMA}.partitions SET wanted_by = :node WHERE partition = :partition"
    )
    connection.execute(update, {"partition": partition, "node": node})


def end_writers(connection: Connection, partition: int) -> int:
    """Ends the sessions that hold or await a partition's lock; how many there were."""
    return _end(connection, CLUSTER_LOCK, partition)


def count_writers(connection: Connection, partition: int) -> int:
    """The sessions that hold or await a partition's lock."""
    count = text(f"SELECT count(*) {_HOLDERS}")
    return int(connection.scalar(count, {"lock": CLUSTER_LOCK, "key": partition}) or 0)


def count_all_writers(connection: Connection) -> int:
    """The sessions that hold or await the lock of any partition."""
    query = text(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = :lock"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND objid::bigint <> :setup AND objsubid = 2"
    )
    return int(connection.scalar(query, {"lock": CLUSTER_LOCK, "setup": SETUP_LOCK}) or 0)


def claim_carrier(connection: Connection, carrier: str, node: str) -> int | None:
    """Claims a carrier that no living node holds; its new epoch, None where one does.

    Its lock is the session's that claims it. Whoever let the links go meanwhile has it already: it
    is locked once all the same, as `release_carrier` frees it once.
    """
    values = {"carrier": carrier, "node": node, "lock": CARRIER_LOCK}
    insert = f"INSERT INTO {SHARED_SCHEMA}.carriers VALUES (:carrier) ON CONFLICT DO NOTHING"
    connection.execute(text(insert), values)
    if not connection.scalar(_HAS_CARRIER, values) and not connection.scalar(_LOCK_CARRIER, values):
        return None
    update = text(
        f"UPDATE {SHARED_SCHEMA}.carriers t SET node = :node, epoch = epoch + 1,"
        f" since_at = clock_timestamp() WHERE carrier = :carrier {_OWNERLESS} RETURNING epoch"
    )
    epoch: int | None = connection.scalar(update, values)
    if epoch is None:
        connection.execute(text("SELECT pg_advisory_unlock(:lock, hashtext(:carrier))"), values)
    return epoch


_HAS_CARRIER: Final = text(
    "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted"
    " AND pid = pg_backend_pid() AND classid::bigint = :lock AND objsubid = 2"
    " AND objid::bigint = (hashtext(:carrier)::bigint & 4294967295))"
)
_LOCK_CARRIER: Final = text("SELECT pg_try_advisory_lock(:lock, hashtext(:carrier))")


def release_carrier(connection: Connection, carrier: str, epoch: int) -> None:
    """Gives back a carrier, if the claim still stands."""
    values = {"carrier": carrier, "epoch": epoch, "lock": CARRIER_LOCK}
    update = text(
        f"UPDATE {SHARED_SCHEMA}.carriers SET node = NULL, since_at = clock_timestamp()"
        " WHERE carrier = :carrier AND epoch = :epoch"
    )
    connection.execute(update, values)
    connection.execute(text("SELECT pg_advisory_unlock(:lock, hashtext(:carrier))"), values)


def end_holder(connection: Connection, carrier: str) -> int:
    """Ends the session that holds a carrier's lock."""
    key = connection.scalar(text("SELECT hashtext(:carrier)"), {"carrier": carrier})
    return _end(connection, CARRIER_LOCK, int(key or 0))


_HOLDERS: Final = (
    " FROM pg_locks WHERE locktype = 'advisory'"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND classid::bigint = :lock AND objid::bigint = :key AND objsubid = 2"
    " AND pid <> pg_backend_pid()"
)


def _end(connection: Connection, lock: int, key: int) -> int:
    end = text(f"SELECT count(pg_terminate_backend(pid)) {_HOLDERS}")
    return int(connection.scalar(end, {"lock": lock, "key": key & 0xFFFFFFFF}) or 0)


# The configuration that all must share


def compare_configuration(
    connection: Connection, digests: Mapping[str, str], run: str
) -> list[str]:
    """The keys in which a configuration differs from that of the living nodes; else it counts."""
    others = text(f"SELECT count(*) FROM {SHARED_SCHEMA}.nodes n WHERE run <> :run AND {_LIVES}")
    if connection.scalar(others, {"run": run}):
        return differing(digests, load_configuration(connection))
    if load_configuration(connection) != digests:
        put_configuration(connection, digests)
    return []


def load_configuration(connection: Connection) -> dict[str, str]:
    """The digests of the configuration that counts, by key."""
    rows = text(f"SELECT key, value FROM {SHARED_SCHEMA}.settings WHERE key LIKE '{_CONFIG}%'")
    return {row.key.removeprefix(_CONFIG): row.value for row in connection.execute(rows)}


def find_configuration_version(connection: Connection) -> int:
    """How often another configuration has counted."""
    query = text(f"SELECT value FROM {SHARED_SCHEMA}.settings WHERE key = '{_VERSION}'")
    return int(connection.scalar(query) or 0)


def put_configuration(connection: Connection, digests: Mapping[str, str]) -> int:
    """Has another configuration count; its version."""
    count = text(
        f"INSERT INTO {SHARED_SCHEMA}.settings VALUES ('{_VERSION}', '1') ON CONFLICT (key)"
        " DO UPDATE SET value = (settings.value::bigint + 1)::text RETURNING value"
    )
    version = int(connection.scalar(count) or 0)
    connection.execute(text(f"DELETE FROM {SHARED_SCHEMA}.settings WHERE key LIKE '{_CONFIG}%'"))
    put = text(f"INSERT INTO {SHARED_SCHEMA}.settings VALUES (:key, :value)")
    rows = [{"key": _CONFIG + key, "value": value} for key, value in digests.items()]
    connection.execute(put, rows)
    return version


_CONFIG: Final = "config:"
_VERSION: Final = "configuration version"
