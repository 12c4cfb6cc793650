"""The providers, each a TOML file of the tables in `config/http.py`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec

from dragoman.config.http import Preset

_SUFFIX: Final = ".toml"


class Presets(Mapping[str, Preset]):
    """The presets by name; a file is read when its preset is asked for."""

    def __getitem__(self, name: str) -> Preset:
        if name not in _names():
            raise KeyError(name)
        return _load(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_names())

    def __len__(self) -> int:
        return len(_names())


PRESETS: Final = Presets()


@cache
def _names() -> tuple[str, ...]:
    found = (one.name for one in files(__name__).iterdir())
    return tuple(sorted(one.removesuffix(_SUFFIX) for one in found if one.endswith(_SUFFIX)))


@cache
def _load(name: str) -> Preset:
    text = files(__name__).joinpath(name + _SUFFIX).read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Preset)


def merge(preset: Any, own: Any) -> Any:
    """A table of a preset with what the operator wrote in the same table; the latter wins."""
    changed = {}
    for field in msgspec.structs.fields(type(own)):
        ours, theirs = getattr(own, field.name), getattr(preset, field.name)
        if isinstance(ours, msgspec.Struct):
            changed[field.name] = merge(theirs, ours)
        elif isinstance(ours, dict):
            changed[field.name] = theirs | ours
        else:
            changed[field.name] = ours or theirs
    return type(own)(**changed)
