"""Where a delivery has its text: in `short_message`, or in the parameter `message_payload`."""

from __future__ import annotations

from dragoman.protocols.smpp.constants import Tag
from dragoman.protocols.smpp.pdus import DataSm, DeliverSm
from dragoman.protocols.smpp.tlvs import find_tlv


def octets_of(pdu: DeliverSm | DataSm) -> bytes:
    """Returns the text of a delivery with its header.

    No PDU may have it in both places (SMPP 3.4 s. 3.2.3). Of one that does, the longer counts: some
    servers put the beginning of a long text into `short_message`, others a text beside a payload
    of a few octets.
    """
    octets = pdu.short_message if isinstance(pdu, DeliverSm) else b""
    if not pdu.tlvs:
        return octets
    payload = find_tlv(pdu.tlvs, Tag.MESSAGE_PAYLOAD)
    return payload if payload is not None and len(payload) > len(octets) else octets
