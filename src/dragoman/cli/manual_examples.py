"""What the examples of LINK's manual need of a gateway for development."""

from __future__ import annotations

from typing import Final

SHORT_CODE: Final = "1272"
COUNTRY_CODE: Final = "45"
"""The short code of LINK's manual: recipients are charged under it, and keywords reserved on it."""
ADVANCED_KEY: Final = "advanced"
"""Opens what LINK's manual calls advanced."""
