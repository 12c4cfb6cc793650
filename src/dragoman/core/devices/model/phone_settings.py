"""Settings that phones fetch."""

from __future__ import annotations

Groups = dict[str, dict[str, str | int | float | bool]]
