"""What a program submits, read into a submission.

Texts are taken in whatever data_coding they come; a part of a long text keeps the header that it
has, or gets one from its SAR parameters, and stays a message of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from dragoman.core.accounts.model.smpp_logins import SmppOptions
from dragoman.core.messages.model.callbacks import SMPP, url_of_binds
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import CallbackRequest, Format, Submission
from dragoman.core.submission.admission import MAX_VALIDITY_S, MIN_VALIDITY_S
from dragoman.core.submission.replacements import Change
from dragoman.protocols.gsm.alphabet import Alphabet, NotEncodable, decode_gsm, try_encode_gsm
from dragoman.protocols.gsm.national import DEFAULT, decode_national, shift_in
from dragoman.protocols.gsm.segmentation import InvalidHeader, keep_halves, segment_headed
from dragoman.protocols.gsm.udh import (
    append_element,
    concatenation_element,
    parse_udh,
    split_udh,
)
from dragoman.protocols.smpp.constants import (
    ESM_TYPE_MASK,
    ESM_UDHI,
    REGISTERED_INTERMEDIATE,
    REGISTERED_RECEIPT_MASK,
    CommandStatus,
    Tag,
    Ton,
)
from dragoman.protocols.smpp.data_codings import CHARSETS, alphabet_of, class_of
from dragoman.protocols.smpp.pdus import DataSm, ReplaceSm, SubmitMulti, SubmitSm
from dragoman.protocols.smpp.times import parse_time
from dragoman.protocols.smpp.tlvs import Tlv, find_integer, find_tlv
from dragoman.smpp_server.overlong import OverlongTexts, Place
from dragoman.smpp_server.statuses import Unacceptable
from dragoman.smpp_server.terms import NOTHING_KNOWN, ReceiptTerms, Written, render_terms

Submit = SubmitSm | SubmitMulti | DataSm

SERVICE_TYPE: Final = "service_type"
URGENT: Final = 2
MOST_URGENT: Final = 3
MAX_TAGS: Final = 8
"""Vendor parameters of one submit that are kept."""
MAX_TAG_OCTETS: Final = 64
MAX_ECHOED_OCTETS: Final = 8
"""Of a parameter that comes back in receipts; SMPP 3.4 s. 5.3.2 has two for each."""
HANDSET_DISPLAY: Final = 1
"""dest_addr_subunit of a text that is shown at once (SMPP 3.4 s. 5.3.2.1)."""

_VENDOR_TAGS: Final = range(0x1400, 0x4000)
_ECHOED: Final = frozenset(
    {Tag.USER_MESSAGE_REFERENCE.value, Tag.SOURCE_PORT.value, Tag.DESTINATION_PORT.value}
)
_ACKNOWLEDGEMENTS: Final = frozenset({0x00, 0x08, 0x10})
"""esm_class types that a program may submit: a text, and acknowledgements of one."""
_IA5: Final = 0x01
_INTERNATIONAL: Final = Ton.INTERNATIONAL.value
_GSM_CONTROL: Final = re.compile(rb"[\x00-\x09\x0b\x0c\x0e-\x1f]")
"""What no text in ASCII contains: letters of the GSM alphabet, which some programs mean by IA5."""
_NUMBER: Final = re.compile(r"(\+|00)?[0-9]+")
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")

_ENDS: Final = frozenset(
    {
        State.DELIVERED,
        State.UNDELIVERED,
        State.EXPIRED,
        State.REJECTED,
        State.CANCELLED,
        State.UNKNOWN,
    }
)
STATES: Final = MappingProxyType(
    {
        0: frozenset[State](),
        1: _ENDS,
        2: _ENDS - {State.DELIVERED},
        3: frozenset({State.DELIVERED}),  # SMPP 5.0 s. 4.7.21; reserved in 3.4
    }
)
"""The states that each value of registered_delivery's bits 1-0 asks to be told."""


class Content(NamedTuple):
    """A text as the core takes it."""

    format: Format
    text: str
    udh: bytes
    message_class: int | None


class Times(NamedTuple):
    """When a message is due, and when it expires; None where the submit leaves it to us."""

    due_ms: int | None
    expires_ms: int | None


def read_submission(
    submit: Submit,
    recipients: tuple[str, ...],
    *,
    account_id: int,
    options: SmppOptions,
    overlong: OverlongTexts,
    now_ms: int,
    message_id: str = "",
) -> Submission:
    """Reads a submit; raises `Unacceptable`.

    `message_id` is the one that it is answered with, where that is not its batch's identifier.
    """
    content, place = read_content(submit, options)
    if place is not None and content.format is not Format.BINARY:
        addresses = (submit.source_addr, recipients[0])
        fits = _fits(content)
        if overlong.has(account_id, addresses, place, fits=fits, now_ms=now_ms):
            content, _ = read_content(submit, options, placed=False)
    due_ms = expires_ms = None
    urgent, protocol_id = False, 0
    if not isinstance(submit, DataSm):
        protocol_id = submit.protocol_id
        if submit.priority_flag > MOST_URGENT:
            raise Unacceptable(CommandStatus.ESME_RINVPRTFLG)
        urgent = submit.priority_flag >= URGENT
        if submit.schedule_delivery_time or submit.validity_period:
            due_ms, expires_ms = read_times(
                submit.schedule_delivery_time, submit.validity_period, now_ms
            )
    terms = _terms(submit, recipients, message_id)
    callback = _callback(submit.registered_delivery, account_id, terms)
    return Submission(
        dialect=SMPP,
        recipients=recipients,
        text=content.text,
        sender=_read_sender(submit.source_addr_ton, submit.source_addr),
        format=content.format,
        udh=content.udh,
        due_ms=due_ms,
        expires_ms=expires_ms,
        reference=_reference_of(terms),
        callback=callback,
        return_data=render_terms(terms) if callback is None and terms.tags else "",
        message_class=content.message_class,
        protocol_id=protocol_id,
        protocol="SMPP",
        urgent=urgent,
    )


def read_content(
    submit: Submit, options: SmppOptions, *, placed: bool = True
) -> tuple[Content, Place | None]:
    """Reads the text with its header, and the place where SAR parameters alone say it.

    That is in the header, too, unless it is not to be `placed`. Raises `Unacceptable`.
    """
    esm_class, tlvs = submit.esm_class, submit.tlvs
    if esm_class & ESM_TYPE_MASK not in _ACKNOWLEDGEMENTS:
        raise Unacceptable(CommandStatus.ESME_RINVESMCLASS)
    octets = b"" if isinstance(submit, DataSm) else submit.short_message
    if tlvs:
        payload = find_tlv(tlvs, Tag.MESSAGE_PAYLOAD)
        if payload and octets:
            raise Unacceptable(CommandStatus.ESME_ROPTPARNOTALLWD)
        octets = octets or payload or b""
    udh = b""
    if esm_class & ESM_UDHI:
        udh, octets = split_udh(octets)
        if not udh or parse_udh(udh) is None:
            raise Unacceptable(CommandStatus.ESME_RINVESMCLASS)
    message_class = class_of(submit.data_coding)
    place = None
    if tlvs:
        given = udh
        if placed:
            udh, place = _with_place(given, tlvs)
        if given:
            place = None  # its header is for a program on the phone, which is shown nothing
        if find_integer(tlvs, Tag.DEST_ADDR_SUBUNIT) == HANDSET_DISPLAY:
            message_class = 0
    format_, text = _read_text(submit.data_coding, udh, octets, latin_1=options.latin_1)
    return Content(format_, text, udh, message_class), place


def read_replacement(
    replace: ReplaceSm, *, account_id: int, options: SmppOptions, now_ms: int
) -> Change:
    """Reads what a message is to become; raises `Unacceptable`.

    Its text is in the GSM alphabet, or in Latin-1 for accounts that have that as data_coding 0:
    replace_sm has none.
    """
    _, text = _read_text(0, b"", replace.short_message, latin_1=options.latin_1)
    times = read_times(replace.schedule_delivery_time, replace.validity_period, now_ms)
    terms = ReceiptTerms(
        NOTHING_KNOWN.recipient,
        Written(replace.source_addr_ton, replace.source_addr_npi, _prefix_of(replace.source_addr)),
        replace.message_id,
    )
    return Change(
        text=text,
        due_ms=times.due_ms or (now_ms if replace.schedule_delivery_time else None),
        expires_ms=times.expires_ms,
        callback=_callback(replace.registered_delivery, account_id, terms),
        name=replace.message_id,
    )


def read_times(schedule: str, validity: str, now_ms: int) -> Times:
    """Reads both times, absolute or relative to now; raises `Unacceptable`.

    A time to send that is past means now, a validity that is past is refused; one beyond what the
    gateway keeps trying for is cut to that.
    """
    due = _read_time(schedule, now_ms, CommandStatus.ESME_RINVSCHED)
    due_ms = due if due is not None and due > now_ms else None
    expires_ms = _read_time(validity, now_ms, CommandStatus.ESME_RINVEXPIRY)
    if expires_ms is not None:
        from_ms = due_ms or now_ms
        if expires_ms <= from_ms:
            raise Unacceptable(CommandStatus.ESME_RINVEXPIRY)
        longest_ms = from_ms + MAX_VALIDITY_S * 1000
        expires_ms = max(min(expires_ms, longest_ms), from_ms + MIN_VALIDITY_S * 1000)
    return Times(due_ms, expires_ms)


def count_parts(submit: Submit) -> int:
    """About how many parts a submit has, for the account's rate: exactly, where it is one."""
    octets = 0 if isinstance(submit, DataSm) else len(submit.short_message)
    if not octets and submit.tlvs:
        octets = len(find_tlv(submit.tlvs, Tag.MESSAGE_PAYLOAD) or b"")
    room = 134 if alphabet_of(submit.data_coding) is not Alphabet.GSM7 else 153
    recipients = len(submit.dest_address) if isinstance(submit, SubmitMulti) else 1
    return max(1, recipients) * (1 if octets <= 160 else -(-octets // room))


def _read_text(coding: int, udh: bytes, octets: bytes, *, latin_1: bool) -> tuple[Format, str]:
    alphabet = alphabet_of(coding)
    if alphabet is Alphabet.BINARY:
        return Format.BINARY, octets.hex()
    if alphabet is Alphabet.UCS2:
        if len(octets) % 2:
            raise Unacceptable(CommandStatus.ESME_RINVMSGLEN)
        text = octets.decode("utf-16-be", "surrogatepass")
        if udh:
            return Format.UNICODE, keep_halves(text)
        return Format.UNICODE, _LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)
    shift = shift_in(parse_udh(udh)) if udh else DEFAULT
    charset = CHARSETS.get(coding)
    if coding == 0 and latin_1 and shift == DEFAULT:
        charset = "latin-1"
    if coding == _IA5 and _GSM_CONTROL.search(octets):
        charset = None
    if charset is not None:
        text = octets.decode(charset, "replace").replace("\0", "")
    else:
        text = decode_gsm(octets) if shift == DEFAULT else decode_national(octets, shift)
    if not udh:
        return Format.AUTO, text
    if charset is not None and try_encode_gsm(text) is None:
        return Format.UNICODE, text
    return Format.GSM, text


def _fits(content: Content) -> bool:
    """Whether a part has room for its header."""
    alphabet = Alphabet.UCS2 if content.format is Format.UNICODE else Alphabet.GSM7
    try:
        segment_headed(content.text, udh=content.udh, alphabet=alphabet)
    except InvalidHeader:
        return False
    except NotEncodable:
        pass  # which is what it is refused for
    return True


def _with_place(udh: bytes, tlvs: Sequence[Tlv]) -> tuple[bytes, Place | None]:
    """The header with the place of a part among others, where SAR parameters say it."""
    total = find_integer(tlvs, Tag.SAR_TOTAL_SEGMENTS)
    reference = find_integer(tlvs, Tag.SAR_MSG_REF_NUM)
    if total is None or reference is None or total < 2:
        return udh, None
    number = find_integer(tlvs, Tag.SAR_SEGMENT_SEQNUM) or 0
    header = parse_udh(udh) if udh else None
    if header is not None and header.concatenation is not None:
        return udh, None
    if not 0 < number <= total <= 255:
        raise Unacceptable(CommandStatus.ESME_RINVOPTPARAMVAL)
    # A part that is cut for the usual header has no room for one with 16 bits.
    element = concatenation_element(reference, total, number)
    try:
        return append_element(udh, element), Place(reference, total, number)
    except ValueError:
        raise Unacceptable(CommandStatus.ESME_RINVESMCLASS) from None


def _read_sender(ton: int, address: str) -> str:
    """A sender as it is known here.

    Names come under the type of numbers too: the examples of smpplib have it for any sender.
    """
    if ton == _INTERNATIONAL and address.startswith("00") and _NUMBER.fullmatch(address):
        return f"+{address[2:]}"
    return address


def _read_time(text: str, now_ms: int, wrong: CommandStatus) -> int | None:
    try:
        time = parse_time(text)
        if time is None:
            return None
        if isinstance(time, timedelta):
            return now_ms + int(time.total_seconds() * 1000)
        return int((time - _EPOCH).total_seconds() * 1000)
    except (ValueError, OverflowError):
        raise Unacceptable(wrong) from None


_EPOCH: Final = datetime.fromtimestamp(0, UTC)


def _reference_of(terms: ReceiptTerms) -> str | None:
    """The customer's own name of a message: the first of its vendor's parameters."""
    for name, value in terms.tags:
        if name != SERVICE_TYPE and value.isprintable():
            return value or None
    return None


def _callback(registered: int, account_id: int, terms: ReceiptTerms) -> CallbackRequest | None:
    states = STATES[registered & REGISTERED_RECEIPT_MASK]
    if registered & REGISTERED_INTERMEDIATE:
        states |= {State.SENT}
    if not states:
        return None
    return CallbackRequest(
        url=url_of_binds(account_id), return_data=render_terms(terms), states=states
    )


@lru_cache(maxsize=1_000)
def _usual_terms(
    ton: int, npi: int, prefix: str, sender_ton: int, sender_npi: int, sender_prefix: str
) -> ReceiptTerms:
    return ReceiptTerms(Written(ton, npi, prefix), Written(sender_ton, sender_npi, sender_prefix))


def _terms(submit: Submit, recipients: Sequence[str], message_id: str) -> ReceiptTerms:
    ton = npi = 1
    if not isinstance(submit, SubmitMulti):
        ton, npi = submit.dest_addr_ton, submit.dest_addr_npi
    echoed: tuple[tuple[int, str], ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    if submit.service_type:
        tags = ((SERVICE_TYPE, submit.service_type),)
    if submit.tlvs:
        echoed = _echoed_of(submit.tlvs)
        tags += tuple(
            (f"{tlv.tag:04x}", tlv.value.rstrip(b"\0").decode("latin-1").replace("\0", ""))
            for tlv in submit.tlvs
            if tlv.tag in _VENDOR_TAGS and len(tlv.value) <= MAX_TAG_OCTETS
        )[:MAX_TAGS]
    usual = _usual_terms(
        ton,
        npi,
        _prefix_of(recipients[0]),
        submit.source_addr_ton,
        submit.source_addr_npi,
        _prefix_of(submit.source_addr),
    )
    if not (message_id or echoed or tags):
        return usual
    return ReceiptTerms(usual.recipient, usual.sender, message_id, echoed, tags)


def _echoed_of(tlvs: Sequence[Tlv]) -> tuple[tuple[int, str], ...]:
    """What comes back in receipts: the first of each kind, as no PDU may have one twice."""
    found: dict[int, str] = {}
    for tlv in tlvs:
        if tlv.tag in _ECHOED and 0 < len(tlv.value) <= MAX_ECHOED_OCTETS:
            found.setdefault(tlv.tag, tlv.value.hex())
    return tuple(found.items())


def _prefix_of(address: str) -> str:
    if address.startswith("+"):
        return "+"
    return "00" if address.startswith("00") else ""
