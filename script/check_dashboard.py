"""Reads the dashboard of `deploy/grafana` with Grafana's own model, and says what that lacks.

Run by `script/check-deploy`, in the environment that it makes: grafana-foundation-sdk is made from
Grafana's schemas.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

ROOT = Path(__file__).resolve().parents[1]
OUTSIDE = re.compile(r"\.__requires|\.templating\.list\[\d+\]\.definition")
"""What is in exported dashboards and in no schema: Grafana's own exports have it."""


def lost(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """The paths of what is not there any more, or is another value."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            inner = f"{path}.{key}"
            if key in after:
                yield from lost(value, after[key], inner)
            else:
                yield inner
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from lost(one, other, f"{path}[{index}]")
    elif before != after:
        yield path


plugins.register_default_plugins()
board = json.loads((ROOT / "deploy/grafana/dragoman.json").read_text())
read_back = json.loads(JSONEncoder().encode(Dashboard.from_json(board)))
if unknown := [path for path in lost(board, read_back) if not OUTSIDE.fullmatch(path)]:
    sys.exit("Grafana's schemas have no " + ", ".join(unknown))
print(f"Grafana's schemas know all that the dashboard's {len(board['panels'])} panels say")
