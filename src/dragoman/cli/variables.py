"""Variables of the environment that commands share."""

from __future__ import annotations

from typing import Final

DATA_VARIABLE: Final = "DRAGOMAN_DATA"
"""The folder of a development gateway, for commands that are not given one; in dev.env."""
