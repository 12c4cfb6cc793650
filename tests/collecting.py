"""Keeps low what it costs to collect twelve thousand tests, and to compile what is new of them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from _pytest.assertion import rewrite
from hypothesis.internal.conjecture import providers

from tests.workers import FORKING

_OF_VALUES: Final = re.compile(r"/dragoman/(?:kit|protocols|web)/|/dragoman/.*/model/")
"""The modules whose functions are tried with values that Hypothesis makes up."""


def compile_modules(config: pytest.Config) -> None:
    """Rewrites the asserts of the test modules that never were, on all cores.

    After a fresh checkout that takes longer than to collect.
    """
    new = [path for path in _modules(config) if not _compiled(path).exists()]
    cores = os.cpu_count() or 1
    helpers = [
        FORKING.Process(target=_compile, args=(config, new[first::cores])) for first in range(cores)
    ]
    for helper in helpers:
        helper.start()
    for helper in helpers:
        helper.join()


def _compile(config: pytest.Config, paths: Sequence[Path]) -> None:
    state = config.stash[rewrite.assertstate_key]
    for path in paths:
        if rewrite.try_makedirs(_compiled(path).parent):
            source_hash, code = rewrite._rewrite_test(path, config)
            rewrite._write_pyc(state, code, source_hash, _compiled(path))


def _compiled(path: Path) -> Path:
    return rewrite.get_cache_dir(path) / f"{path.stem}{rewrite.PYC_TAIL}"


def _modules(config: pytest.Config) -> list[Path]:
    """The test modules that are going to be imported, or some more."""
    roots = {Path(config.invocation_params.dir, one.partition("::")[0]) for one in config.args}
    found = {
        path
        for root in roots
        for kind in ("test_*", "conftest")
        for path in root.rglob(f"{kind}.py")
    }
    return sorted(found)


def take_constants_of_few() -> None:
    """Has Hypothesis read the constants of those modules alone that it makes up values for.

    Otherwise it reads every module of ours that is imported, which takes each worker four seconds.
    """
    is_local = providers.is_local_module_file
    providers.is_local_module_file = lambda path: bool(_OF_VALUES.search(path)) and is_local(path)
