"""The configuration that all nodes must share, as a digest for each key."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from dragoman.config import Settings

OWN: Final = ("data_dir", "http", "log", "admin", "metrics", "storage", "cluster")
"""Tables that may differ between nodes."""
OWN_KEYS: Final = frozenset(
    {
        "smpp_server.listen",
        "smpp_server.tls_listen",
        "smpp_server.tls_certificate_file",
        "mail.listen",
        "mail.tls_certificate_file",
    }
)
"""What else may: where each listens."""


def digests(settings: Settings) -> dict[str, str]:
    """A digest of each value by its key, as `routes.default.carriers`.

    Of what differs from its default alone: so a node of a version with a new setting, or without an
    old one, fits beside the others for as long as nobody has set it.
    Keyed with the secret of the cluster, since some values are short secrets themselves.
    """
    secret = settings.cluster.secret.encode()
    return {
        key: hmac.digest(secret, repr(value).encode(), "sha256").hex()[:32]
        for key, value in _flat("", _given(settings))
        if key.partition(".")[0] not in OWN and key not in OWN_KEYS
    }


def _given(value: Any) -> Any:
    """A value of plain types, in which secrets are their text; of tables, what is no default."""
    if isinstance(value, msgspec.Struct):
        config = value.__struct_config__
        kind = {config.tag_field: config.tag} if config.tag_field else {}
        found = ((field, getattr(value, field.name)) for field in msgspec.structs.fields(value))
        return kind | {field.name: _given(one) for field, one in found if one != _default(field)}
    if isinstance(value, Mapping):
        return {str(key): _given(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_given(one) for one in value]
    return msgspec.to_builtins(value, str_keys=True, enc_hook=str)


def _default(field: Any) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else str(key), inner)
    elif isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
        for index, inner in enumerate(value):
            first = next(iter(inner.values()), "") if inner else ""
            name = inner.get("name", first) or index
            yield from _flat(f"{prefix}.{name}", inner)
        yield prefix, [str(inner.get("name", "")) for inner in value]
    elif isinstance(value, list | tuple):
        yield prefix, [str(inner) for inner in value]
    else:
        yield prefix, str(value)
