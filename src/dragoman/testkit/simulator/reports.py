"""The receipts of the simulated SMSC."""

from __future__ import annotations

from datetime import UTC, datetime

from dragoman.protocols.smpp.constants import ESM_TYPE_DELIVERY_RECEIPT, MessageState, Tag
from dragoman.protocols.smpp.pdus import DeliverSm, SubmitSm
from dragoman.protocols.smpp.receipts import render_receipt
from dragoman.protocols.smpp.tlvs import Tlv, integer_tlv, text_tlv
from dragoman.testkit.simulator.behaviour import Behaviour, ReceiptStyle


def build_receipt(
    submit: SubmitSm, receipt_id: str, behaviour: Behaviour, state: MessageState
) -> DeliverSm:
    """Makes the receipt for a submit, its addresses turned round."""
    tlvs: tuple[Tlv, ...] = ()
    if behaviour.style is not ReceiptStyle.TEXT:
        tlvs = (
            text_tlv(Tag.RECEIPTED_MESSAGE_ID, receipt_id),
            integer_tlv(Tag.MESSAGE_STATE, state.value, 1),
        )
    text = b""
    if behaviour.style is not ReceiptStyle.TLVS:
        now = datetime.now(UTC)
        text = render_receipt(
            message_id=receipt_id, state=state, submitted=now, done=now, error=behaviour.error
        )
    return DeliverSm(
        source_addr_ton=submit.dest_addr_ton,
        source_addr_npi=submit.dest_addr_npi,
        source_addr=submit.destination_addr,
        dest_addr_ton=submit.source_addr_ton,
        dest_addr_npi=submit.source_addr_npi,
        destination_addr=submit.source_addr,
        esm_class=ESM_TYPE_DELIVERY_RECEIPT,
        short_message=text,
        tlvs=tlvs,
    )
