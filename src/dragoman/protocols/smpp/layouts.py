"""The layout of every PDU body: its mandatory parameters in the order of the wire."""

from typing import Final

from dragoman.protocols.smpp import fields, pdus
from dragoman.protocols.smpp.constants import RESPONSE_BIT
from dragoman.protocols.smpp.fields import (
    Destinations,
    Field,
    LastText,
    Number,
    ShortMessage,
    Text,
    UnsuccessSmes,
)
from dragoman.protocols.smpp.pdus import Pdu

_SERVICE = Text("service_type", fields.SERVICE_TYPE)
_SOURCE = (
    Number("source_addr_ton"),
    Number("source_addr_npi"),
    Text("source_addr", fields.ADDRESS),
)
_DESTINATION = (
    Number("dest_addr_ton"),
    Number("dest_addr_npi"),
    Text("destination_addr", fields.ADDRESS),
)
_TIMES = (Text("schedule_delivery_time", fields.TIME), Text("validity_period", fields.TIME))
_MESSAGE = (
    Number("esm_class"),
    Number("protocol_id"),
    Number("priority_flag"),
    *_TIMES,
    Number("registered_delivery"),
    Number("replace_if_present_flag"),
    Number("data_coding"),
    Number("sm_default_msg_id"),
    ShortMessage(),
)
_MESSAGE_ID = Text("message_id", fields.MESSAGE_ID)
_ONLY_MESSAGE_ID = (LastText("message_id", fields.MESSAGE_ID),)
_BIND = (
    Text("system_id", fields.CREDENTIAL),
    Text("password", fields.CREDENTIAL),
    Text("system_type", fields.CREDENTIAL),
    Number("interface_version"),
    Number("addr_ton"),
    Number("addr_npi"),
    Text("address_range", fields.ADDRESS_RANGE),
)
_BIND_RESP = (LastText("system_id", fields.CREDENTIAL),)

LAYOUTS: Final[dict[type[Pdu], tuple[Field, ...]]] = {
    pdus.BindTransmitter: _BIND,
    pdus.BindTransmitterResp: _BIND_RESP,
    pdus.BindReceiver: _BIND,
    pdus.BindReceiverResp: _BIND_RESP,
    pdus.BindTransceiver: _BIND,
    pdus.BindTransceiverResp: _BIND_RESP,
    pdus.Outbind: (Text("system_id", fields.CREDENTIAL), Text("password", fields.CREDENTIAL)),
    pdus.Unbind: (),
    pdus.UnbindResp: (),
    pdus.GenericNack: (),
    pdus.SubmitSm: (_SERVICE, *_SOURCE, *_DESTINATION, *_MESSAGE),
    pdus.SubmitSmResp: _ONLY_MESSAGE_ID,
    pdus.SubmitMulti: (_SERVICE, *_SOURCE, Destinations(), *_MESSAGE),
    pdus.SubmitMultiResp: (_MESSAGE_ID, UnsuccessSmes()),
    pdus.DeliverSm: (_SERVICE, *_SOURCE, *_DESTINATION, *_MESSAGE),
    pdus.DeliverSmResp: _ONLY_MESSAGE_ID,
    pdus.DataSm: (
        _SERVICE,
        Number("source_addr_ton"),
        Number("source_addr_npi"),
        Text("source_addr", fields.DATA_SM_ADDRESS),
        Number("dest_addr_ton"),
        Number("dest_addr_npi"),
        Text("destination_addr", fields.DATA_SM_ADDRESS),
        Number("esm_class"),
        Number("registered_delivery"),
        Number("data_coding"),
    ),
    pdus.DataSmResp: _ONLY_MESSAGE_ID,
    pdus.QuerySm: (_MESSAGE_ID, *_SOURCE),
    pdus.QuerySmResp: (
        _MESSAGE_ID,
        Text("final_date", fields.TIME),
        Number("message_state"),
        Number("error_code"),
    ),
    pdus.CancelSm: (_SERVICE, _MESSAGE_ID, *_SOURCE, *_DESTINATION),
    pdus.CancelSmResp: (),
    pdus.ReplaceSm: (
        _MESSAGE_ID,
        *_SOURCE,
        *_TIMES,
        Number("registered_delivery"),
        Number("sm_default_msg_id"),
        ShortMessage(),
    ),
    pdus.ReplaceSmResp: (),
    pdus.EnquireLink: (),
    pdus.EnquireLinkResp: (),
    pdus.AlertNotification: (
        Number("source_addr_ton"),
        Number("source_addr_npi"),
        Text("source_addr", fields.DATA_SM_ADDRESS),
        Number("esme_addr_ton"),
        Number("esme_addr_npi"),
        Text("esme_addr", fields.DATA_SM_ADDRESS),
    ),
}
"""The fields of each body, in the order of its class, which is the order of SMPP 3.4 s. 4."""

PDU_CLASSES: Final[dict[int, type[Pdu]]] = {cls.command_id: cls for cls in LAYOUTS}
"""Every PDU of SMPP 3.4 by its command id."""

RESPONSE_CLASSES: Final[dict[type[Pdu], type[Pdu]]] = {
    cls: PDU_CLASSES[cls.command_id | RESPONSE_BIT]
    for cls in PDU_CLASSES.values()
    if not cls.command_id & RESPONSE_BIT and cls.command_id | RESPONSE_BIT in PDU_CLASSES
}
"""The class that answers each request; outbind and alert_notification have none."""
