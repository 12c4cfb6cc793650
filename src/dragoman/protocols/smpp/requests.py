"""What one side of a session asks the other: its numbers, what is written, what is unanswered."""

from __future__ import annotations

from typing import Final, Generic

from dragoman.protocols.smpp.codec import encode
from dragoman.protocols.smpp.constants import MAX_SEQUENCE_NUMBER, RESPONSE_BIT
from dragoman.protocols.smpp.events import Context
from dragoman.protocols.smpp.pdus import GenericNack, Pdu

NOT_OURS: Final = 0
"""Instead of a command ID, where a number is that of no request."""


class Requests(Generic[Context]):
    """The requests of our side, in the order of their sending.

    Those of the session itself (bind, enquire_link, unbind) are known by their command ID, one of
    each; all others by a context of the caller.
    """

    __slots__ = ("_controls", "_out", "_sequence", "_unwritten", "_wrapped", "unanswered")

    def __init__(self, out: list[bytes]) -> None:
        """`out` is what is to be written, answers to the peer included."""
        self._out = out
        # One time-out for all keeps a dict, which remembers insertion, in order of deadline.
        self.unanswered: dict[int, tuple[float, int, Context]] = {}
        """Sequence number -> (sent at, command id, context) of those of the caller; to be read."""
        self._unwritten: list[int] = []
        self._controls: dict[int, int] = {}
        """Command ID -> number of the last."""
        self._sequence = 0
        self._wrapped = False
        """Whether numbers are used again, of which some may still be in use."""

    @property
    def written(self) -> int:
        """How many of those of the caller are written and unanswered."""
        return len(self.unanswered) - len(self._unwritten)

    def send(self, pdu: Pdu, context: Context, now: float) -> int:
        """Sends a request of the caller and returns its number."""
        sequence = self._next_sequence()
        self._out.append(encode(pdu, sequence))
        self._sequence = sequence
        self.unanswered[sequence] = (now, pdu.command_id, context)
        self._unwritten.append(sequence)
        return sequence

    def send_control(self, pdu: Pdu) -> None:
        """Sends a request of the session itself."""
        self._controls[pdu.command_id] = self.send_only(pdu)

    def send_only(self, pdu: Pdu) -> int:
        """Sends a request that has no answer and returns its number."""
        sequence = self._next_sequence()
        self._out.append(encode(pdu, sequence))
        self._sequence = sequence
        return sequence

    def note_written(self) -> None:
        """All that was to be written is on its way."""
        self._unwritten.clear()

    # Answers

    def take_answered(self, answer: Pdu) -> tuple[float, int, Context] | None:
        """Takes the request of the caller that is answered, as `unanswered` has it.

        None where no request waits under the number, or one of another operation.
        """
        found = self.unanswered.get(answer.sequence_number)
        if found is None or (
            answer.command_id != found[1] | RESPONSE_BIT and type(answer) is not GenericNack
        ):
            return None
        del self.unanswered[answer.sequence_number]
        return found

    def take(self, sequence: int) -> Context:
        """Takes a request of the caller that will get no answer."""
        return self.unanswered.pop(sequence)[2]

    def control_of(self, sequence: int) -> int:
        """The command ID of the request of the session that has a number; else `NOT_OURS`."""
        for command_id, number in self._controls.items():
            if number == sequence:
                return command_id
        return NOT_OURS

    def forget_control(self, command_id: int) -> None:
        """A request of the session is answered."""
        del self._controls[command_id]

    # Ends

    def oldest(self) -> tuple[int, float] | None:
        """The number of the oldest request of the caller, and when it was sent."""
        for sequence, (sent_at, _, _) in self.unanswered.items():
            return sequence, sent_at
        return None

    def take_unwritten(self) -> tuple[Context, ...]:
        """Takes those that are not written; they never are."""
        if not self._unwritten:
            return ()
        unwritten = frozenset(self._unwritten)
        self._unwritten.clear()
        self._out[:] = [frame for frame in self._out if _request_number(frame) not in unwritten]
        taken = [sequence for sequence in self.unanswered if sequence in unwritten]
        return tuple([self.take(sequence) for sequence in taken])

    def take_all(self) -> tuple[Context, ...]:
        """Takes all that are left."""
        contexts = tuple([context for _, _, context in self.unanswered.values()])
        self.unanswered.clear()
        return contexts

    def _next_sequence(self) -> int:
        """A number that no request waits under; it is used once the request is written."""
        sequence = self._sequence
        if not self._wrapped and sequence + 1 < MAX_SEQUENCE_NUMBER:
            return sequence + 1
        self._wrapped = True
        while True:
            sequence = sequence + 1 if sequence < MAX_SEQUENCE_NUMBER else 1
            if sequence not in self.unanswered and sequence not in self._controls.values():
                return sequence


def _request_number(frame: bytes) -> int:
    """Returns the sequence number of a request of ours; 0 for an answer to the peer's."""
    return 0 if frame[4] & 0x80 else int.from_bytes(frame[12:16], "big")
