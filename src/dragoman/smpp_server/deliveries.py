"""What is delivered to a bind: receipts and inbound texts, as deliver_sm.

The text of a receipt has the fields of SMPP 3.4 App. B in its order, which is what the parsers of
Kannel and jsmpp take; a bind of version 3.4 gets the same as optional parameters.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import msgspec

from dragoman.core.messages.model.callbacks import (
    SMPP,
    CallbackFacts,
    TextFacts,
    renderer_of_texts,
)
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode
from dragoman.kit.ids import time_of
from dragoman.protocols.gsm.alphabet import Alphabet
from dragoman.protocols.gsm.segmentation import (
    Segmentation,
    segment_binary,
    segment_headed,
    segment_text,
)
from dragoman.protocols.smpp.addresses import address_recipient, address_sender
from dragoman.protocols.smpp.constants import (
    ESM_TYPE_DELIVERY_RECEIPT,
    ESM_TYPE_INTERMEDIATE_NOTIFICATION,
    ESM_UDHI,
    DataCoding,
    MessageState,
    Tag,
)
from dragoman.protocols.smpp.fields import ADDRESS
from dragoman.protocols.smpp.pdus import DeliverSm
from dragoman.protocols.smpp.receipts import write_receipt
from dragoman.protocols.smpp.tlvs import Tlv, integer_tlv, text_tlv
from dragoman.smpp_server.terms import NOTHING_KNOWN, Written, parse_terms

RECEIPT: Final = SMPP
TEXT: Final = renderer_of_texts(SMPP)
"""What a delivery is, as a callback says it."""

MINUTE_MS: Final = 60_000
GSM_NETWORK: Final = 3
"""Network type of network_error_code (SMPP 3.4 s. 5.3.2.31)."""
_OCTETS: Final = 0x04
_LONGEST_ERROR: Final = 3

STATES: Final = MappingProxyType(
    {
        State.SCHEDULED: MessageState.ENROUTE,
        State.QUEUED: MessageState.ENROUTE,
        State.SENDING: MessageState.ENROUTE,
        State.SENT: MessageState.ENROUTE,
        State.UNKNOWN: MessageState.UNKNOWN,
        State.DELIVERED: MessageState.DELIVERED,
        State.UNDELIVERED: MessageState.UNDELIVERABLE,
        State.EXPIRED: MessageState.EXPIRED,
        State.REJECTED: MessageState.REJECTED,
        State.CANCELLED: MessageState.DELETED,
    }
)
"""How each state is called in receipts and answers to query_sm, in words of SMPP 3.4 alone."""

ERRORS: Final = MappingProxyType(
    {
        FailureCode.NONE: 0,
        FailureCode.UNKNOWN_SUBSCRIBER: 1,
        FailureCode.ABSENT_SUBSCRIBER: 27,
        FailureCode.BARRED: 13,
        FailureCode.HANDSET: 31,
        FailureCode.HANDSET_MEMORY_FULL: 32,
        FailureCode.NETWORK: 34,
        FailureCode.NETWORK_TIMEOUT: 36,
        FailureCode.CONGESTION: 51,
        FailureCode.INVALID_DESTINATION: 100,
        FailureCode.INVALID_SENDER: 101,
        FailureCode.INVALID_CONTENT: 102,
        FailureCode.TEXT_TOO_LONG: 103,
        FailureCode.DUPLICATE: 104,
        FailureCode.EXPIRED: 105,
        FailureCode.CANCELLED: 106,
        FailureCode.NO_ROUTE: 107,
        FailureCode.OPTED_OUT: 108,
        FailureCode.NOT_ALLOWED: 109,
        FailureCode.NOT_BILLABLE: 110,
        FailureCode.NO_REPORT: 111,
        FailureCode.RESPONSE_LOST: 112,
        FailureCode.REFUSED_BY_CARRIER: 113,
        FailureCode.UNSPECIFIED: 255,
    }
)
"""The number of each failure where the carrier gave none: errors of MAP (3GPP 29.002 s. 17.6) below
100, our own from there. docs/dialects/smpp.md lists them."""

_decode_facts: Final = msgspec.json.Decoder(CallbackFacts).decode
_decode_text: Final = msgspec.json.Decoder(TextFacts).decode
_MESSAGE_STATES: Final = {state: integer_tlv(Tag.MESSAGE_STATE, state, 1) for state in MessageState}


def make_pdus(
    kind: str,
    facts: CallbackFacts | str | bytes,
    *,
    zone: tzinfo,
    with_tlvs: bool,
    payload: bool,
) -> list[DeliverSm]:
    """What a bind is sent for a delivery: several PDUs only for a long text.

    Facts that were read back are JSON. `zone` is the one that the dates of receipts are in;
    `payload` has a long text in one PDU.
    """
    if isinstance(facts, CallbackFacts):
        return [make_receipt(facts, zone=zone, with_tlvs=with_tlvs)]
    if kind == RECEIPT:
        return [make_receipt(_decode_facts(facts), zone=zone, with_tlvs=with_tlvs)]
    return make_texts(_decode_text(facts), payload=payload and with_tlvs)


def make_receipt(facts: CallbackFacts, *, zone: tzinfo, with_tlvs: bool) -> DeliverSm:
    """The receipt or intermediate notification for a state."""
    terms = parse_terms(facts.return_data) if facts.return_data else NOTHING_KNOWN
    message_id = terms.message_id or str(facts.batch_id)
    state = STATES[facts.state]
    error = _error_of(facts)
    text = write_receipt(
        message_id,
        state,
        _date(time_of(facts.batch_id) // MINUTE_MS, zone),
        _date(facts.at_ms // MINUTE_MS, zone),
        error,
    )
    intermediate = state is MessageState.ENROUTE
    tlvs: tuple[Tlv, ...] = ()
    if with_tlvs:
        tlvs = (
            text_tlv(Tag.RECEIPTED_MESSAGE_ID, message_id),
            _MESSAGE_STATES[state],
        )
        if facts.failure or error != "000":
            code = int(error) if error.isascii() and error.isdigit() else _number_of(facts)
            value = bytes((GSM_NETWORK,)) + code.to_bytes(2, "big")
            tlvs += (Tlv(Tag.NETWORK_ERROR_CODE, value),)
        if terms.echoed:
            tlvs += tuple(Tlv(tag, bytes.fromhex(value)) for tag, value in terms.echoed)
    return DeliverSm(
        source_addr_ton=terms.recipient.ton,
        source_addr_npi=terms.recipient.npi,
        source_addr=_written(facts.recipient, terms.recipient),
        dest_addr_ton=terms.sender.ton,
        dest_addr_npi=terms.sender.npi,
        destination_addr=_written(facts.sender, terms.sender),
        esm_class=ESM_TYPE_INTERMEDIATE_NOTIFICATION if intermediate else ESM_TYPE_DELIVERY_RECEIPT,
        short_message=text,
        tlvs=tlvs,
    )


def make_texts(facts: TextFacts, *, payload: bool) -> list[DeliverSm]:
    """An inbound text: whole, or in parts behind the header that says so."""
    source = address_sender(f"+{facts.sender}" if facts.sender.isdigit() else facts.sender[:20])
    destination = (
        address_recipient(facts.recipient)
        if facts.recipient.isdigit() and len(facts.recipient) > _LONGEST_SHORT_CODE
        else address_sender(facts.recipient)
    )
    cut = _cut(facts)
    coding = _CODINGS[cut.alphabet]
    # The identifier's time and sequence bits both vary, as in a message's own parts.
    parts = cut.user_data((facts.inbound_id ^ facts.inbound_id >> 12) & 0xFFFF)
    whole = Tlv(Tag.MESSAGE_PAYLOAD, b"".join(cut.bodies))
    carried: list[tuple[bytes, bytes, tuple[Tlv, ...]]]
    if payload and len(parts) > 1 and not cut.header:
        carried = [(b"", b"", (whole,))]
    else:
        carried = [(part.udh, part.data, ()) for part in parts]
    return [
        DeliverSm(
            source_addr_ton=source.ton,
            source_addr_npi=source.npi,
            source_addr=_fitting(source.addr),
            dest_addr_ton=destination.ton,
            dest_addr_npi=destination.npi,
            destination_addr=_fitting(destination.addr),
            esm_class=ESM_UDHI if udh else 0,
            data_coding=coding,
            short_message=udh + data,
            tlvs=tlvs,
        )
        for udh, data, tlvs in carried
    ]


_LONGEST_SHORT_CODE: Final = 6
_CODINGS: Final = MappingProxyType(
    {Alphabet.GSM7: 0, Alphabet.UCS2: DataCoding.UCS2.value, Alphabet.BINARY: _OCTETS}
)


def _cut(facts: TextFacts) -> Segmentation:
    """The text in parts, each behind the header that it came with."""
    header = bytes.fromhex(facts.header)
    if facts.charset == Alphabet.BINARY:
        try:
            return segment_binary(bytes.fromhex(facts.text), udh=header)
        except ValueError:  # a text that was forgotten meanwhile is none any more
            pass
    cut = segment_text(facts.text)
    if not header or cut.count > 1 or cut.alphabet.value != facts.charset:
        return cut
    try:
        return segment_headed(facts.text, udh=header, alphabet=cut.alphabet)
    except ValueError:  # it leaves too little room, or names tables that lack a character
        return cut


def _error_of(facts: CallbackFacts) -> str:
    """Three characters: the carrier's own error where it gave one, else the number of ours."""
    own = facts.detail.strip()
    if facts.failure and own.isascii() and own.isalnum() and len(own) <= _LONGEST_ERROR:
        return own.rjust(_LONGEST_ERROR, "0")
    return f"{_number_of(facts):03d}"


def _number_of(facts: CallbackFacts) -> int:
    return ERRORS[FailureCode(facts.failure)]


def _written(address: str, how: Written) -> str:
    """An address as the customer writes it."""
    digits = address.removeprefix("+")
    if not digits.isdigit():
        return _fitting(address)
    return f"{how.prefix}{digits}"[: ADDRESS - 1]


def _fitting(address: str) -> str:
    """An address as a PDU has room for it; phones get texts from names in any alphabet."""
    octets = address.replace("\0", "?").encode("latin-1", "replace")
    return octets[: ADDRESS - 1].decode("latin-1")


@lru_cache(maxsize=1_000)
def _date(minute: int, zone: tzinfo) -> str:
    """A minute since the epoch as receipts write it."""
    return f"{datetime.fromtimestamp(minute * 60, UTC).astimezone(zone):%y%m%d%H%M}"
