"""The settings in which SMSCs differ."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from dragoman.protocols.smpp.addresses import STANDARD, AddressProfile
from dragoman.protocols.smpp.message_ids import IdReading


class LongMessages(StrEnum):
    """How the parts of a long message are marked."""

    UDH = "udh"
    """A user data header in short_message (3GPP 23.040 s. 9.2.3.24.1)."""
    SAR = "sar"
    """The TLVs sar_msg_ref_num, sar_total_segments, sar_segment_seqnum (SMPP 3.4 s. 5.3.2.22)."""
    PAYLOAD = "payload"
    """Not in parts: one message_payload, which the SMSC segments; it answers with one id."""


class GsmCharset(StrEnum):
    """How text of the GSM alphabet travels in short_message."""

    SEPTETS = "gsm"
    """One septet an octet."""
    PACKED = "packed"
    """Eight septets in seven octets."""
    LATIN_1 = "latin-1"
    """ISO 8859-1; a text with characters outside it goes as UCS-2."""


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """How to address one SMSC; the defaults work with most."""

    name: str = "default"
    addresses: AddressProfile = STANDARD
    service_type: str = ""
    gsm_charset: GsmCharset = GsmCharset.SEPTETS
    gsm_data_coding: int = 0
    ucs2_data_coding: int = 8
    binary_data_coding: int = 4
    inbound_0_is_ucs2: bool = False
    """Whether texts come in UCS-2 under data_coding 0."""
    inbound_1_is_gsm: bool = False
    """Whether texts come in the GSM alphabet under data_coding 1."""
    long_messages: LongMessages = LongMessages.UDH
    registered_delivery: int = 1
    """Sent where a receipt is wanted (SMPP 3.4 s. 5.2.17)."""
    id_reading: IdReading = IdReading.AUTO
    """How receipts spell the ids that the SMSC gave in its responses."""
