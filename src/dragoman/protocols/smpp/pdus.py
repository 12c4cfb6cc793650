"""The operations of SMPP 3.4 as values, one class a PDU, fields named as in the specification.

Strings are Latin-1 on the wire, so that any octet a peer sends survives the round trip. Counts and
lengths (`sm_length`, `number_of_dests`, `no_unsuccess`) are not fields: the codec derives them.
Every PDU carries `tlvs`, in the order received and with unknown tags kept, because peers add
optional parameters where the specification has none.

Build them with keywords. The classes are not keyword-only for one reason: the codec builds twenty
fields positionally in a seventh of the time, and that is most of what a decode costs.
"""

from typing import ClassVar

import msgspec

from dragoman.protocols.smpp.constants import INTERFACE_VERSION_34, CommandId
from dragoman.protocols.smpp.tlvs import Tlv


class Pdu(msgspec.Struct, frozen=True, gc=False):
    """What every operation has: its number, status and sequence (SMPP 3.4 s. 3.2)."""

    command_id: ClassVar[int]

    command_status: int = 0
    sequence_number: int = 0
    tlvs: tuple[Tlv, ...] = ()


class Bind(Pdu, frozen=True, gc=False):
    """The parameters that the three binds share (SMPP 3.4 s. 4.1)."""

    system_id: str = ""
    password: str = ""
    system_type: str = ""
    interface_version: int = INTERFACE_VERSION_34
    addr_ton: int = 0
    addr_npi: int = 0
    address_range: str = ""


class BindTransmitter(Bind, frozen=True, gc=False):
    """Ask to send messages only (SMPP 3.4 s. 4.1.1)."""

    command_id: ClassVar[int] = CommandId.BIND_TRANSMITTER.value


class BindReceiver(Bind, frozen=True, gc=False):
    """Ask to receive messages only (SMPP 3.4 s. 4.1.3)."""

    command_id: ClassVar[int] = CommandId.BIND_RECEIVER.value


class BindTransceiver(Bind, frozen=True, gc=False):
    """Ask to send and receive messages (SMPP 3.4 s. 4.1.5)."""

    command_id: ClassVar[int] = CommandId.BIND_TRANSCEIVER.value


class BindResp(Pdu, frozen=True, gc=False):
    """What the three bind responses share; the server's version is a TLV (SMPP 3.4 s. 4.1)."""

    system_id: str = ""


class BindTransmitterResp(BindResp, frozen=True, gc=False):
    """Answer to bind_transmitter (SMPP 3.4 s. 4.1.2)."""

    command_id: ClassVar[int] = CommandId.BIND_TRANSMITTER_RESP.value


class BindReceiverResp(BindResp, frozen=True, gc=False):
    """Answer to bind_receiver (SMPP 3.4 s. 4.1.4)."""

    command_id: ClassVar[int] = CommandId.BIND_RECEIVER_RESP.value


class BindTransceiverResp(BindResp, frozen=True, gc=False):
    """Answer to bind_transceiver (SMPP 3.4 s. 4.1.6)."""

    command_id: ClassVar[int] = CommandId.BIND_TRANSCEIVER_RESP.value


class Outbind(Pdu, frozen=True, gc=False):
    """The server asks the client to bind as a receiver; has no response (SMPP 3.4 s. 4.1.7)."""

    command_id: ClassVar[int] = CommandId.OUTBIND.value

    system_id: str = ""
    password: str = ""


class Unbind(Pdu, frozen=True, gc=False):
    """Ask to end the session (SMPP 3.4 s. 4.2.1)."""

    command_id: ClassVar[int] = CommandId.UNBIND.value


class UnbindResp(Pdu, frozen=True, gc=False):
    """Answer to unbind (SMPP 3.4 s. 4.2.2)."""

    command_id: ClassVar[int] = CommandId.UNBIND_RESP.value


class GenericNack(Pdu, frozen=True, gc=False):
    """Refuse a PDU whose header is not understood (SMPP 3.4 s. 4.3.1)."""

    command_id: ClassVar[int] = CommandId.GENERIC_NACK.value


class MessagePdu(Pdu, frozen=True, gc=False):
    """The parameters that submit_sm and deliver_sm share (SMPP 3.4 s. 4.4.1, 4.6.1)."""

    service_type: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""
    esm_class: int = 0
    protocol_id: int = 0
    priority_flag: int = 0
    schedule_delivery_time: str = ""
    validity_period: str = ""
    registered_delivery: int = 0
    replace_if_present_flag: int = 0
    data_coding: int = 0
    sm_default_msg_id: int = 0
    short_message: bytes = b""


class SubmitSm(MessagePdu, frozen=True, gc=False):
    """Hand one message to the server (SMPP 3.4 s. 4.4.1)."""

    command_id: ClassVar[int] = CommandId.SUBMIT_SM.value


class SubmitSmResp(Pdu, frozen=True, gc=False):
    """Answer to submit_sm (SMPP 3.4 s. 4.4.2)."""

    command_id: ClassVar[int] = CommandId.SUBMIT_SM_RESP.value

    message_id: str = ""


class SmeAddress(msgspec.Struct, frozen=True, gc=False):
    """One number in a submit_multi (SMPP 3.4 s. 4.5.1.1)."""

    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""


class DistributionList(msgspec.Struct, frozen=True, gc=False):
    """One list of numbers kept by the server, named in a submit_multi (SMPP 3.4 s. 4.5.1.2)."""

    dl_name: str = ""


class UnsuccessSme(msgspec.Struct, frozen=True, gc=False):
    """One destination that submit_multi could not serve (SMPP 3.4 s. 4.5.2.1)."""

    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""
    error_status_code: int = 0


class SubmitMulti(Pdu, frozen=True, gc=False):
    """Hand one message for up to 254 destinations to the server (SMPP 3.4 s. 4.5.1)."""

    command_id: ClassVar[int] = CommandId.SUBMIT_MULTI.value

    service_type: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    dest_address: tuple[SmeAddress | DistributionList, ...] = ()
    esm_class: int = 0
    protocol_id: int = 0
    priority_flag: int = 0
    schedule_delivery_time: str = ""
    validity_period: str = ""
    registered_delivery: int = 0
    replace_if_present_flag: int = 0
    data_coding: int = 0
    sm_default_msg_id: int = 0
    short_message: bytes = b""


class SubmitMultiResp(Pdu, frozen=True, gc=False):
    """Answer to submit_multi (SMPP 3.4 s. 4.5.2)."""

    command_id: ClassVar[int] = CommandId.SUBMIT_MULTI_RESP.value

    message_id: str = ""
    unsuccess_sme: tuple[UnsuccessSme, ...] = ()


class DeliverSm(MessagePdu, frozen=True, gc=False):
    """Hand an inbound text or a receipt to the client (SMPP 3.4 s. 4.6.1)."""

    command_id: ClassVar[int] = CommandId.DELIVER_SM.value


class DeliverSmResp(Pdu, frozen=True, gc=False):
    """Answer to deliver_sm; its message_id is unused and empty (SMPP 3.4 s. 4.6.2)."""

    command_id: ClassVar[int] = CommandId.DELIVER_SM_RESP.value

    message_id: str = ""


class DataSm(Pdu, frozen=True, gc=False):
    """Hand over a message whose text is a message_payload TLV (SMPP 3.4 s. 4.7.1)."""

    command_id: ClassVar[int] = CommandId.DATA_SM.value

    service_type: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""
    esm_class: int = 0
    registered_delivery: int = 0
    data_coding: int = 0


class DataSmResp(Pdu, frozen=True, gc=False):
    """Answer to data_sm (SMPP 3.4 s. 4.7.2)."""

    command_id: ClassVar[int] = CommandId.DATA_SM_RESP.value

    message_id: str = ""


class QuerySm(Pdu, frozen=True, gc=False):
    """Ask for the state of a message (SMPP 3.4 s. 4.8.1)."""

    command_id: ClassVar[int] = CommandId.QUERY_SM.value

    message_id: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""


class QuerySmResp(Pdu, frozen=True, gc=False):
    """Answer to query_sm (SMPP 3.4 s. 4.8.2)."""

    command_id: ClassVar[int] = CommandId.QUERY_SM_RESP.value

    message_id: str = ""
    final_date: str = ""
    message_state: int = 0
    error_code: int = 0


class CancelSm(Pdu, frozen=True, gc=False):
    """Ask to drop messages that are not delivered yet (SMPP 3.4 s. 4.9.1)."""

    command_id: ClassVar[int] = CommandId.CANCEL_SM.value

    service_type: str = ""
    message_id: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    dest_addr_ton: int = 0
    dest_addr_npi: int = 0
    destination_addr: str = ""


class CancelSmResp(Pdu, frozen=True, gc=False):
    """Answer to cancel_sm (SMPP 3.4 s. 4.9.2)."""

    command_id: ClassVar[int] = CommandId.CANCEL_SM_RESP.value


class ReplaceSm(Pdu, frozen=True, gc=False):
    """Change a message that is not delivered yet (SMPP 3.4 s. 4.10.1)."""

    command_id: ClassVar[int] = CommandId.REPLACE_SM.value

    message_id: str = ""
    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    schedule_delivery_time: str = ""
    validity_period: str = ""
    registered_delivery: int = 0
    sm_default_msg_id: int = 0
    short_message: bytes = b""


class ReplaceSmResp(Pdu, frozen=True, gc=False):
    """Answer to replace_sm (SMPP 3.4 s. 4.10.2)."""

    command_id: ClassVar[int] = CommandId.REPLACE_SM_RESP.value


class EnquireLink(Pdu, frozen=True, gc=False):
    """Ask whether the peer is alive (SMPP 3.4 s. 4.11.1)."""

    command_id: ClassVar[int] = CommandId.ENQUIRE_LINK.value


class EnquireLinkResp(Pdu, frozen=True, gc=False):
    """Answer to enquire_link (SMPP 3.4 s. 4.11.2)."""

    command_id: ClassVar[int] = CommandId.ENQUIRE_LINK_RESP.value


class AlertNotification(Pdu, frozen=True, gc=False):
    """Report that a phone is reachable again; has no response (SMPP 3.4 s. 4.12.1)."""

    command_id: ClassVar[int] = CommandId.ALERT_NOTIFICATION.value

    source_addr_ton: int = 0
    source_addr_npi: int = 0
    source_addr: str = ""
    esme_addr_ton: int = 0
    esme_addr_npi: int = 0
    esme_addr: str = ""


class UnknownPdu(Pdu, frozen=True, kw_only=True, gc=False):
    """An operation this codec does not know; `raw` is everything after the header."""

    command_id: int  # type: ignore[misc]  # the one PDU whose number is not its class's
    raw: bytes = b""
