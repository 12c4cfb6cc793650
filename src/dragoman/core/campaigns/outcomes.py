"""The meaning of a mail server's answer, and when to retry; pure decisions."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

import msgspec

from dragoman.core.campaigns.model.mailings import DeliveryState

MAX_ANSWER: Final = 300
"""Characters kept of a server's answer."""
FACTOR: Final = 2.0
JITTER: Final = 0.2

_ENHANCED: Final = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})\b")
_ABOUT_ADDRESS: Final = frozenset({(1, 0), (1, 1), (1, 2), (1, 3), (1, 6), (1, 10), (2, 1)})
"""Subject and detail (RFC 3463) of addresses that do not exist."""


class Stage(Enum):
    """The step of a mail transaction that an answer, or a failure, belongs to."""

    CONNECTION = "connection"
    """Greeting, TLS, login, or MAIL FROM: says nothing about the recipient."""
    RECIPIENT = "recipient"
    CONTENT = "content"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a mail transaction; `code` is None if the server did not answer."""

    stage: Stage
    code: int | None
    text: str = ""

    @property
    def is_accepted(self) -> bool:
        """Whether the server accepted the mail."""
        return self.stage is Stage.CONTENT and self.code is not None and self.code < 300

    @property
    def is_lost(self) -> bool:
        """Whether the server may have accepted the mail although its answer was lost."""
        return self.stage is Stage.CONTENT and self.code is None

    @property
    def is_trouble(self) -> bool:
        """Whether the problem is the relay and not this mail."""
        return self.stage is Stage.CONNECTION or self.code is None or self.code == 421


class MailSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """Exponential delays, with jitter."""

    first_s: float
    longest_s: float
    give_up_after_s: float

    def judge(self, answer: Answer, age_s: float) -> DeliveryState:
        """The next state of a mail that is `age_s` old; PENDING is retried."""
        if answer.is_accepted:
            return DeliveryState.SENT
        refused = answer.code is not None and answer.code >= 500
        if refused and answer.stage is not Stage.CONNECTION:
            return DeliveryState.BOUNCED if is_hard_bounce(answer) else DeliveryState.FAILED
        return DeliveryState.FAILED if age_s >= self.give_up_after_s else DeliveryState.PENDING

    def delay_s(self, attempts: int, random: float) -> float:
        """Seconds until the next attempt after so many; `random` is in [0, 1)."""
        planned = min(self.first_s * FACTOR ** min(attempts - 1, 30), self.longest_s)
        return planned * (1 + JITTER * (2 * random - 1))


def is_hard_bounce(answer: Answer) -> bool:
    """Whether a permanent rejection says that the address does not exist.

    An enhanced status code decides; without one, any rejection of the recipient by 550, 551 or 553
    counts. A rejection of the content does not.
    """
    enhanced = _ENHANCED.match(answer.text)
    if enhanced is not None:
        return (int(enhanced[2]), int(enhanced[3])) in _ABOUT_ADDRESS
    return answer.stage is Stage.RECIPIENT and answer.code in {550, 551, 553}
