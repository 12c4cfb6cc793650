"""Keeps low what it costs to collect twelve thousand tests, which every worker does for itself."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from _pytest.assertion import rewrite
from hypothesis.internal.conjecture import providers

_OF_VALUES: Final = re.compile(r"/dragoman/(?:kit|protocols|web)/|/dragoman/.*/model/")
"""The modules whose functions are tried with values that Hypothesis makes up."""


def compile_share(config: pytest.Config) -> None:
    """Rewrites the asserts of this worker's share of the test modules that never were.

    Workers import the same modules in the same order: after a fresh checkout each would rewrite all
    of them. A few are rewritten twice here, which does no harm: pytest replaces files whole.
    """
    worker = getattr(config, "workerinput", None)
    if worker is None:
        return
    first, count = int(worker["workerid"].removeprefix("gw")), worker["workercount"]
    state = config.stash[rewrite.assertstate_key]
    for path in _modules(config)[first::count]:
        compiled = rewrite.get_cache_dir(path) / f"{path.stem}{rewrite.PYC_TAIL}"
        if not compiled.exists() and rewrite.try_makedirs(compiled.parent):
            source_hash, code = rewrite._rewrite_test(path, config)
            rewrite._write_pyc(state, code, source_hash, compiled)


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
