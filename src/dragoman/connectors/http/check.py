"""What is wrong with the table of an HTTP carrier, said so that a person finds the line."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from typing import Final

from dragoman.config.errors import Mistake
from dragoman.config.http import Preset
from dragoman.config.reading import suggest
from dragoman.config.tables import HttpTable
from dragoman.connectors.http.build import compile_carrier
from dragoman.connectors.http.presets import PRESETS
from dragoman.connectors.http.templates import VALUES, Unfilled

MIN_TOKEN: Final = 16
GENERIC: Final = "generic"


def find_mistakes(carrier: HttpTable) -> Iterator[Mistake]:
    """Every mistake of a carrier's table, beyond the types of its values."""
    key = f"carriers.{carrier.name}"
    preset = PRESETS.get(carrier.preset)
    if preset is None:
        names = ", ".join(PRESETS)
        hint = suggest(carrier.preset, PRESETS) or f"; there are {names}"
        yield Mistake(f"{key}.preset", f"unknown preset `{carrier.preset}`{hint}")
        return
    named = {*preset.credentials, *preset.optional}
    if carrier.preset != GENERIC:
        for name in carrier.credentials:
            if name not in named:
                yield Mistake(f"{key}.credentials.{name}", _unknown("credential", name, named))
    checks, missing = carrier.public_url and carrier.verify_signatures, False
    for name, what in preset.credentials.items():
        only_checks = f"{{{name}}}" in preset.signature.key and f"{{{name}" not in _used(preset)
        if not carrier.credentials.get(name) and (checks or not only_checks):
            missing = True
            yield Mistake(f"{key}.credentials.{name}", f"missing: {what}")
    if not (preset.base_url or carrier.base_url):
        yield Mistake(f"{key}.base_url", "missing; the preset cannot know it")
    yield from _check_callbacks(carrier, key)
    try:
        compile_carrier(carrier, preset)
    except Unfilled as error:
        known = {*VALUES, *named, *carrier.credentials}
        yield Mistake(key, _unknown("placeholder", error.name, known))
    except ValueError as error:
        if not missing:  # else it may be the same once more
            yield Mistake(key, str(error))


def _used(preset: Preset) -> str:
    """What a preset sends, as text."""
    return repr((preset.request, preset.login, preset.poll.request))


def _check_callbacks(carrier: HttpTable, key: str) -> Iterator[Mistake]:
    token = carrier.callback_token
    if carrier.public_url and not token:
        fresh = secrets.token_urlsafe(24)
        yield Mistake(f"{key}.callback_token", f"missing; any random text, such as {fresh}")
    elif token and (
        len(token) < MIN_TOKEN or not token.replace("-", "").replace("_", "").isalnum()
    ):
        yield Mistake(
            f"{key}.callback_token",
            f"expected {MIN_TOKEN} letters and digits or more, chosen at random",
        )
    elif token and not token.isascii():
        yield Mistake(f"{key}.callback_token", "expected ASCII")


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    hint = suggest(name, names) or (
        f"; there are {', '.join(names)}" if names else "; there are none"
    )
    return f"unknown {kind} `{name}`{hint}"
