"""The steps in which delivery times are counted."""

from __future__ import annotations

from typing import Final

STEPS_S: Final = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600, 14_400, 86_400)
"""Delivery times are counted under the first of these that they do not exceed."""


LONGER: Final = "longer"
