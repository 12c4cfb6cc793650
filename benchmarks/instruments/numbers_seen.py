"""How often each of many running numbers came, in one octet each."""

from __future__ import annotations

import re
from collections import Counter

_NUMBER = re.compile(rb"\d{10}")


class Numbers:
    """Counts numbers of ten digits, which begin at 1 and have no gaps."""

    def __init__(self) -> None:
        self._times = bytearray()

    def note(self, text: bytes) -> None:
        """Counts the last number in a text."""
        number = int(_NUMBER.findall(text)[-1])
        if number >= len(self._times):
            self._times.extend(bytes(number + 1 - len(self._times)))
        self._times[number] = min(self._times[number] + 1, 255)

    def counted(self) -> dict[int, int]:
        """How many numbers came once, twice and so on."""
        return {times: found for times, found in Counter(self._times).items() if times}
