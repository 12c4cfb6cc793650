"""Reads delivery receipts in their many formats, and renders one for a simulator.

The text of a receipt is not standard (SMPP 3.4 App. B only suggests one), so reading never raises
and never insists. A PDU is marked as a receipt by its esm_class or its receipted_message_id. Some
servers mark none, and a phone could write such a text: of those, only the ID can tell.
"""

import re
from datetime import datetime
from typing import Final

import msgspec

from dragoman.protocols.gsm.udh import parse_udh, split_udh
from dragoman.protocols.smpp.constants import (
    ESM_TYPE_DELIVERY_RECEIPT,
    ESM_TYPE_INTERMEDIATE_NOTIFICATION,
    ESM_TYPE_MASK,
    ESM_UDHI,
    DataCoding,
    MessageState,
    Tag,
)
from dragoman.protocols.smpp.content import octets_of
from dragoman.protocols.smpp.pdus import DataSm, DeliverSm
from dragoman.protocols.smpp.tlvs import find_tlv

NaiveTime = tuple[int, int, int, int, int, int]
"""Year, month, day, hour, minute, second in the carrier's time zone, which no receipt names."""

FINAL_STATES: Final = frozenset(
    {
        MessageState.DELIVERED,
        MessageState.EXPIRED,
        MessageState.DELETED,
        MessageState.UNDELIVERABLE,
        MessageState.REJECTED,
    }
)
"""Final states. UNKNOWN is not one, as a better receipt may follow, and neither is SKIPPED of
SMPP 5.0: where nothing better follows, the report horizon ends the message."""

# Members that every message asks for: looking one up in its class costs more than the rest.
_UCS2 = DataCoding.UCS2


class Receipt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One delivery receipt; missing values are empty, and `message_id` may be.

    `state` is None where the receipt says none, or says it with a word nobody knows.
    """

    message_id: str
    state: MessageState | None
    final: bool
    other_id: str = ""
    """The ID in the text, where the TLV has another."""
    marked: bool = True
    """Whether the PDU says that it is a receipt; if not, only its text looks like one."""
    error: str = ""
    submit_date: str = ""
    done_date: str = ""
    text: str = ""

    @property
    def submitted(self) -> NaiveTime | None:
        """When the carrier took the message, or None if its date is zero or unreadable."""
        return parse_date(self.submit_date)

    @property
    def done(self) -> NaiveTime | None:
        """When the message reached its state, or None if its date is zero or unreadable."""
        return parse_date(self.done_date)


_RECEIPT_TYPES: Final = frozenset({ESM_TYPE_DELIVERY_RECEIPT, ESM_TYPE_INTERMEDIATE_NOTIFICATION})

# The fields in their usual order in one match; anything else goes field by field.
_USUAL: Final = re.compile(
    r"id:(?P<id>[^\s:]+) sub:\d* dlvrd:\d* submit ?date:(?P<submitdate>\d*) "
    r"done ?date:(?P<donedate>\d*) stat:(?P<stat>[a-z]+) err:(?P<err>[^\s:]*)"
    r"(?: text:(?P<text>.*))?\Z",
    re.DOTALL | re.IGNORECASE,
)
_TIME_LENGTH: Final = 16
_FIELDS: Final = tuple(_USUAL.groupindex)
_KEY: Final = (
    r"(?:(?:msg)?id|sub|dlvrd|submit[ _]?date|done[ _]?date|stat(?:e|us)?|err|text)[ \t]*:"
)
_FIELD: Final = re.compile(
    rf"(?<![a-z0-9])((?:msg)?id|submit[ _]?date|done[ _]?date|stat(?:e|us)?|err)[ \t]*:[ \t]*"
    rf"(?!{_KEY})"
    rf"((?:(?![,;|]{_KEY})\S)*)",
    re.IGNORECASE,
)
_SAME_KEYS: Final = {"msgid": "id", "state": "stat", "status": "stat"}
_TEXT: Final = re.compile(r"(?<![a-z0-9])text[ \t]*:(.*)", re.IGNORECASE | re.DOTALL)

_STATES: Final[dict[str, MessageState]] = {
    "DELIVRD": MessageState.DELIVERED,
    "DELIVERD": MessageState.DELIVERED,
    "DELIVERED": MessageState.DELIVERED,
    "DLVRD": MessageState.DELIVERED,
    "EXPIRED": MessageState.EXPIRED,
    "EXPIRD": MessageState.EXPIRED,
    "DELETED": MessageState.DELETED,
    "DELETD": MessageState.DELETED,
    "UNDELIV": MessageState.UNDELIVERABLE,
    "UNDELIVERABLE": MessageState.UNDELIVERABLE,
    "UNDELIVERED": MessageState.UNDELIVERABLE,
    "UNDLVRD": MessageState.UNDELIVERABLE,
    "FAILED": MessageState.UNDELIVERABLE,
    "ACCEPTD": MessageState.ACCEPTED,
    "ACCEPTED": MessageState.ACCEPTED,
    "UNKNOWN": MessageState.UNKNOWN,
    "UNKNOWD": MessageState.UNKNOWN,
    "REJECTD": MessageState.REJECTED,
    "REJECTED": MessageState.REJECTED,
    "ENROUTE": MessageState.ENROUTE,
    "SCHEDULED": MessageState.SCHEDULED,
    "SCHEDLD": MessageState.SCHEDULED,
    # Words of vendors, met in the field as jsmpp issue 9 lists them; SKIPPED became a state in
    # SMPP 5.0 s. 4.7.15. None of these is an end.
    "ACKED": MessageState.ENROUTE,
    "BUFFRED": MessageState.ENROUTE,
    "BUFFERED": MessageState.ENROUTE,
    "SKIPPED": MessageState.SKIPPED,
    **{str(state.value): state for state in MessageState},
}
_STATES_BY_NUMBER: Final[dict[int, MessageState]] = {state.value: state for state in MessageState}
_VAGUE_STATES: Final = frozenset({MessageState.SCHEDULED, MessageState.UNKNOWN})

_WORDS: Final[dict[MessageState, str]] = {
    MessageState.SCHEDULED: "SCHEDLD",
    MessageState.ENROUTE: "ENROUTE",
    MessageState.DELIVERED: "DELIVRD",
    MessageState.EXPIRED: "EXPIRED",
    MessageState.DELETED: "DELETED",
    MessageState.UNDELIVERABLE: "UNDELIV",
    MessageState.ACCEPTED: "ACCEPTD",
    MessageState.UNKNOWN: "UNKNOWN",
    MessageState.REJECTED: "REJECTD",
    MessageState.SKIPPED: "SKIPPED",
}


def read_receipt(pdu: DeliverSm | DataSm) -> Receipt | None:
    """Read a receipt or intermediate notification; None if the PDU is neither. Never raises.

    Where TLVs and text both speak, the TLVs win (SMPP 3.4 s. 4.6.1) unless they say nothing: a
    state SCHEDULED or UNKNOWN, or a network error of zero. A PDU that is not marked has to have an
    ID in its text, and a known state or a date.
    """
    kind = pdu.esm_class & ESM_TYPE_MASK
    tlvs = pdu.tlvs
    receipted_id = find_tlv(tlvs, Tag.RECEIPTED_MESSAGE_ID) if tlvs else None
    marked = kind in _RECEIPT_TYPES or bool(receipted_id)
    text = _text_of(pdu)
    if not marked and (pdu.esm_class & ESM_UDHI or "stat" not in text.lower()):
        return None
    message_id, submit_date, done_date, word, error, quoted = _parse_text(text)
    other_id = ""
    state = _STATES.get(word.upper())
    if not marked and not (message_id and (state is not None or done_date)):
        return None
    if tlvs:
        if receipted_id:
            other_id = message_id
            message_id = receipted_id.split(b"\0", 1)[0].decode("latin-1").strip() or message_id
            other_id = "" if other_id == message_id else other_id
        state = _choose_state(find_tlv(tlvs, Tag.MESSAGE_STATE), state)
        error = _choose_error(find_tlv(tlvs, Tag.NETWORK_ERROR_CODE), error)
    return Receipt(
        message_id=message_id,
        state=state,
        final=state in FINAL_STATES and kind != ESM_TYPE_INTERMEDIATE_NOTIFICATION,
        other_id=other_id,
        marked=marked,
        error=error,
        submit_date=submit_date,
        done_date=done_date,
        text=quoted,
    )


def render_receipt(
    *,
    message_id: str,
    state: MessageState,
    submitted: datetime,
    done: datetime,
    error: str = "000",
    text: bytes = b"",
    parts: int = 1,
) -> bytes:
    """Write the text of a receipt as SMPP 3.4 App. B has it; `text` is cut to 20 octets."""
    return write_receipt(
        message_id, state, f"{submitted:%y%m%d%H%M}", f"{done:%y%m%d%H%M}", error, text, parts
    )


def write_receipt(
    message_id: str,
    state: MessageState,
    submit_date: str,
    done_date: str,
    error: str = "000",
    text: bytes = b"",
    parts: int = 1,
) -> bytes:
    """Write the text of a receipt whose dates, of ten digits, are written already."""
    delivered = parts if state is MessageState.DELIVERED else 0
    head = (
        f"id:{message_id} sub:{parts:03d} dlvrd:{delivered:03d} "
        f"submit date:{submit_date} done date:{done_date} "
        f"stat:{_WORDS[state]} err:{error} text:"
    )
    return head.encode("latin-1") + text[:20]


def parse_date(raw: str) -> NaiveTime | None:
    """Read a date of 10, 12 or 14 digits; None if it is zero, empty or no date.

    Twelve digits are YYMMDDhhmmss; where that is no date, they are YYYYMMDDhhmm. Some servers write
    an absolute time as PDUs have it (SMPP 3.4 s. 7.1.1.1), YYMMDDhhmmsstnnp.
    """
    if len(raw) == _TIME_LENGTH and raw[-1] in "+-":
        raw = raw[:12]
    if not (raw.isascii() and raw.isdigit()):
        return None
    match len(raw):
        case 10:
            return _valid_time(f"20{raw}00")
        case 12:
            return _valid_time(f"20{raw}") or _valid_time(f"{raw}00")
        case 14:
            return _valid_time(raw)
        case _:
            return None


def _valid_time(digits: str) -> NaiveTime | None:
    """Take YYYYMMDDhhmmss apart; None if the calendar has no such time."""
    at = (
        int(digits[:4]),
        int(digits[4:6]),
        int(digits[6:8]),
        int(digits[8:10]),
        int(digits[10:12]),
        int(digits[12:]),
    )
    try:
        datetime(*at)
    except ValueError:
        return None
    return at


def _text_of(pdu: DeliverSm | DataSm) -> str:
    octets = octets_of(pdu)
    if pdu.esm_class & ESM_UDHI:
        udh, rest = split_udh(octets)
        header = parse_udh(udh)
        # Some SMSCs copy the bit of the message, and have no header.
        octets = rest if header is not None and header.elements else octets
    # Some SMSCs say UCS-2 under another data_coding, too, or with the lower octet first; no text in
    # Latin-1 begins with NUL or has it behind each letter. A byte order mark may come before all.
    if octets[3:4] == b"\0" and octets[5:6] == b"\0":
        return octets.decode("utf-16-le", "replace").removeprefix("\ufeff")
    if octets[:1] == b"\0" or (pdu.data_coding == _UCS2 and b"\0" in octets):
        return octets.decode("utf-16-be", "replace")
    return octets.decode("latin-1")


def _parse_text(text: str) -> tuple[str, ...]:
    """What the text says, empty where it says nothing: id, dates, state, error, message."""
    usual = _USUAL.match(text)
    return usual.groups("") if usual is not None else _parse_fields(text)


def _parse_fields(text: str) -> tuple[str, ...]:
    """Collect the fields in any order; the first of each counts.

    What follows `text:` is the customer's and may look like fields, so it is searched only for
    what the part before it did not say.
    """
    said: dict[str, str] = {}
    quoted = _TEXT.search(text)
    head = text[: quoted.start()] if quoted else text
    for part in (head, quoted[1]) if quoted else (head,):
        for key, value in _FIELD.findall(part):
            said.setdefault(_plain(key), value.strip(",;\0"))
        if "id" in said and "stat" in said:
            break
    if quoted:
        said["text"] = quoted[1]
    return tuple([said.get(key, "") for key in _FIELDS])


def _plain(key: str) -> str:
    plain = key.lower().replace(" ", "").replace("_", "")
    return _SAME_KEYS.get(plain, plain)


def _choose_state(octets: bytes | None, said: MessageState | None) -> MessageState | None:
    if not octets:
        return said
    state = _STATES_BY_NUMBER.get(int.from_bytes(octets[:4], "big"))
    if state is None:  # written out, as a word or a digit
        state = _STATES.get(octets.rstrip(b"\0").decode("latin-1").upper())
    if state is None or (state in _VAGUE_STATES and said is not None):
        return said
    return state


def _choose_error(octets: bytes | None, said: str) -> str:
    """Prefer network_error_code, its network type left out, in the three digits of `err`."""
    if octets is None or len(octets) != 3:
        return said
    code = int.from_bytes(octets[1:], "big")
    return f"{code:03d}" if code or not said else said
