"""Virtual phones: what each number received and sent, and what happens to its next messages.

They are the phones of the simulated SMSC, so everything here passes through the real gateway and
real SMPP: a text that is sent back is a `deliver_sm`, a failure is a receipt.
"""

from __future__ import annotations

import asyncio
from collections import deque
from enum import StrEnum
from itertools import count
from typing import Any, Final

import msgspec

from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.development.codes import find_codes
from dragoman.kit.clock import Clock
from dragoman.protocols.gsm.segmentation import segment_text
from dragoman.protocols.smpp.constants import CommandStatus, MessageState
from dragoman.testkit.simulator import Answer, Behaviour, ReceivedText, Simulator

MAX_TEXTS: Final = 10_000
"""Texts that are remembered, of all phones together."""
MAX_WAIT_S: Final = 60.0
MAX_DELAY_S: Final = 3600.0
MAX_TIMES: Final = 1_000_000
MAX_TEXT_PARTS: Final = 10
ACKNOWLEDGED_WITHIN_S: Final = 10.0
REPLY_NUMBER: Final = "1204"
"""Where phones send texts to, unless another number is named; it is the demo account's."""


class Fate(StrEnum):
    """What can happen to messages to a phone."""

    DELIVERED = "delivered"
    FAILED = "failed"
    """The carrier accepts it, and sends a receipt that it could not be delivered."""
    REFUSED = "refused"
    """The carrier rejects it."""
    LATE = "late"
    """Delivered, but the receipt is delayed."""
    NEVER = "never"
    """Accepted, and no receipt ever arrives."""
    DOUBLED = "doubled"
    """Delivered, and the receipt arrives twice."""


class PhoneText(msgspec.Struct, frozen=True, kw_only=True):
    """A text that a phone received, or sent."""

    text_id: int
    """Counts up from 1 since the gateway was started."""
    at_ms: int
    phone: str
    """Digits of the phone's number."""
    other: str
    """The sender of a text that was received; where a text was sent to."""
    incoming: bool
    """Whether the phone received it."""
    text: str
    """Hexadecimal where the alphabet is `binary`."""
    alphabet: str
    parts: int
    flash: bool = False
    codes: tuple[str, ...] = ()
    """One-time codes in it, the likeliest first."""


class PhoneView(msgspec.Struct, frozen=True, kw_only=True):
    """A phone: how many texts it has, and the newest."""

    number: str
    texts: int
    last: PhoneText
    next: Fate | None
    """What happens to its next messages."""


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """Faults of the simulated carrier; none by default."""

    throttle_per_s: float | None = None
    """Messages per second that it accepts; it answers ESME_RTHROTTLED to the rest."""
    slow_s: float = 0.0
    """How long it waits before it responds."""


class VirtualPhones:
    """The phones of one development gateway. Every refusal is `Refused`."""

    def __init__(
        self, simulator: Simulator, clock: Clock, *, delivered_after_s: float = 1.0
    ) -> None:
        self._simulator = simulator
        self._clock = clock
        self._delivered_after_s = delivered_after_s
        self._texts: deque[PhoneText] = deque(maxlen=MAX_TEXTS)
        self._number = count(1)
        self._changed: asyncio.Future[None] | None = None
        self._fates: dict[str, Fate] = {}
        self._closed = False
        self.faults = Faults()
        simulator.counts_texts = True
        simulator.on_text = self._received
        simulator.on_rule_spent = self._rule_spent
        self._set_default()

    def phones(self) -> list[PhoneView]:
        """Every phone with texts, the one with the newest first."""
        last: dict[str, PhoneText] = {}
        counts: dict[str, int] = {}
        for text in self._texts:
            last.pop(text.phone, None)
            last[text.phone] = text
            counts[text.phone] = counts.get(text.phone, 0) + 1
        return [
            PhoneView(number=number, texts=counts[number], last=text, next=self._fates.get(number))
            for number, text in reversed(last.items())
        ]

    def texts(
        self, number: str = "", *, after: int = 0, sent_too: bool = True
    ) -> tuple[PhoneText, ...]:
        """The texts of a phone, or of all, oldest first; those behind a text if one is named."""
        digits = read_number(number) if number else ""
        return tuple(
            text
            for text in self._texts
            if text.text_id > after
            and (not digits or text.phone == digits)
            and (sent_too or text.incoming)
        )

    async def wait(
        self, number: str = "", *, after: int = 0, wait_s: float = 0.0
    ) -> tuple[PhoneText, ...]:
        """Texts that a phone received; if there is none yet, waits up to `wait_s` for one."""
        loop = asyncio.get_running_loop()
        end = loop.time() + min(wait_s, MAX_WAIT_S)
        while not (found := self.texts(number, after=after, sent_too=False)):
            left = end - loop.time()
            if left <= 0 or self._closed:
                break
            await self.change(left)
        return found

    async def change(self, timeout_s: float) -> bool:
        """Waits until a phone receives or sends a text; whether one did."""
        if self._changed is None or self._changed.done():
            self._changed = asyncio.get_running_loop().create_future()
        done, _ = await asyncio.wait([self._changed], timeout=timeout_s)
        return bool(done)

    def close(self) -> None:
        """Ends every wait."""
        self._closed = True
        self._notify()

    def forget(self, number: str = "") -> int:
        """Forgets the texts of a phone, or of all; how many there were."""
        digits = read_number(number) if number else ""
        kept = [text for text in self._texts if digits and text.phone != digits]
        forgotten = len(self._texts) - len(kept)
        self._texts.clear()
        self._texts.extend(kept)
        return forgotten

    async def send(self, number: str, text: str, to: str = "") -> PhoneText:
        """Sends a text from a phone and returns once the gateway has it on disk.

        Without `to` it goes to the number that wrote to the phone last, or, where that was a name,
        to `REPLY_NUMBER`.
        """
        digits = read_number(number)
        destination = read_number(to, shortest=3) if to else self._reply_to(digits)
        if not text:
            raise Refused(RefusalCode.EMPTY_TEXT)
        segmentation = segment_text(text)
        if segmentation.count > MAX_TEXT_PARTS:
            detail = f"at most {MAX_TEXT_PARTS} parts"
            raise Refused(RefusalCode.TEXT_TOO_LONG, "text", detail)
        sending = self._simulator.send_text(digits, destination, text)
        try:
            async with asyncio.timeout(ACKNOWLEDGED_WITHIN_S):
                await sending
        except TimeoutError:
            raise Refused(
                RefusalCode.UNAVAILABLE, "phone", "the gateway did not acknowledge the text in time"
            ) from None
        return self._remember(
            phone=digits,
            other=destination,
            incoming=False,
            text=text,
            alphabet=segmentation.alphabet.value,
            parts=segmentation.count,
        )

    def choose(
        self,
        number: str,
        fate: Fate,
        *,
        times: int | None = 1,
        code: int | None = None,
        delay_s: float | None = None,
    ) -> None:
        """Decides what happens to the next messages to a phone; with `times` None, to all.

        `code` is the error of a failed message's report (0 to 999; 1 is an unknown subscriber, 6 an
        absent one), or the SMPP status of a refused one. `delay_s` is how late `late` is.
        """
        digits = read_number(number)
        if times is not None and not 1 <= times <= MAX_TIMES:
            raise Refused(RefusalCode.INVALID_FIELD, "times", f"from 1 to {MAX_TIMES}")
        behaviour = self._behaviour(fate, code, delay_s)
        if fate is Fate.DELIVERED and times is None:
            self._fates.pop(digits, None)
        else:
            self._fates[digits] = fate
        while len(self._fates) > MAX_TEXTS:
            del self._fates[next(iter(self._fates))]
        self._simulator.behave(digits, behaviour, times=times)

    def set_faults(self, faults: Faults) -> None:
        """Makes the carrier throttle or slow, or removes that."""
        per_s = faults.throttle_per_s
        if per_s is not None and not 0.01 <= per_s <= 1e6:
            raise Refused(RefusalCode.INVALID_FIELD, "throttle_per_s", "from 0.01 to 1000000")
        if not 0 <= faults.slow_s <= MAX_DELAY_S:
            raise Refused(RefusalCode.INVALID_FIELD, "slow_s", f"from 0 to {MAX_DELAY_S:g}")
        self.faults = faults
        self._simulator.throttle(per_s)
        self._set_default()

    def cut_links(self) -> int:
        """Cuts every connection between gateway and carrier; how many there were."""
        links = len(self._simulator.wires)
        self._simulator.reset_links()
        return links

    def lose_responses(self, times: int = 1) -> None:
        """Accepts the next messages without a response: the gateway cannot know their outcome."""
        if not 1 <= times <= MAX_TIMES:
            raise Refused(RefusalCode.INVALID_FIELD, "lose_responses", f"from 1 to {MAX_TIMES}")
        lost = msgspec.structs.replace(self._behaviour(Fate.DELIVERED), answer=Answer.LOST)
        self._simulator.behave("", lost, times=times)

    def reset(self) -> None:
        """Removes all faults and choices; the texts stay."""
        self._simulator.forget_behaviours()
        self._fates.clear()
        self.set_faults(Faults())

    def _behaviour(
        self, fate: Fate, code: int | None = None, delay_s: float | None = None
    ) -> Behaviour:
        usual = Behaviour(
            receipt_delay_s=self._delivered_after_s, answer_delay_s=self.faults.slow_s
        )
        replace = msgspec.structs.replace
        if delay_s is not None and not 0 <= delay_s <= MAX_DELAY_S:
            raise Refused(RefusalCode.INVALID_FIELD, "delay_s", f"from 0 to {MAX_DELAY_S:g}")
        if fate is Fate.FAILED:
            error = 1 if code is None else code
            if not 0 <= error <= 999:
                raise Refused(RefusalCode.INVALID_FIELD, "code", "from 0 to 999")
            return replace(usual, state=MessageState.UNDELIVERABLE, error=f"{error:03d}")
        if fate is Fate.REFUSED:
            status = CommandStatus.ESME_RINVDSTADR.value if code is None else code
            if not 1 <= status <= 0x4FF:
                raise Refused(RefusalCode.INVALID_FIELD, "code", "an SMPP status, 1 to 1279")
            return replace(usual, status=status)
        if fate is Fate.LATE:
            return replace(usual, receipt_delay_s=_LATE_S if delay_s is None else delay_s)
        # Without a receipt the phone has the text all the same.
        return {
            Fate.DELIVERED: usual,
            Fate.NEVER: replace(usual, state=None),
            Fate.DOUBLED: replace(usual, receipts=2),
        }[fate]

    def _set_default(self) -> None:
        self._simulator.default = self._behaviour(Fate.DELIVERED)

    def _rule_spent(self, number: str) -> None:
        self._fates.pop(number, None)

    def _received(self, number: str, shown: ReceivedText) -> None:
        self._remember(
            phone=number,
            other=shown.sender,
            incoming=True,
            text=shown.text,
            alphabet=shown.alphabet.value,
            parts=shown.parts,
            flash=shown.flash,
            codes=tuple(find_codes(shown.text)),
        )

    def _remember(self, **fields: Any) -> PhoneText:
        text = PhoneText(text_id=next(self._number), at_ms=self._clock.now_ms(), **fields)
        self._texts.append(text)
        self._notify()
        return text

    def _notify(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)

    def _reply_to(self, digits: str) -> str:
        for text in reversed(self._texts):
            if text.phone == digits and text.incoming and text.other.isdigit():
                return text.other
        return REPLY_NUMBER


_LATE_S: Final = 30.0


def read_number(text: str, shortest: int = 4) -> str:
    """The digits of a number as people write it; raises `Refused`."""
    digits = "".join(character for character in text if character not in " +-()./")
    if not (digits.isascii() and digits.isdigit() and shortest <= len(digits) <= 15):
        raise Refused(RefusalCode.INVALID_FIELD, "number", "a number with its country code")
    return digits
