"""Both sides of a session: the state table, the window, deadlines and peers that misbehave."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from dragoman.protocols.smpp.codec import decode, encode
from dragoman.protocols.smpp.constants import MAX_SEQUENCE_NUMBER, CommandStatus
from dragoman.protocols.smpp.errors import LocalProtocolError, NotBound, WindowFull
from dragoman.protocols.smpp.events import (
    BindRefused,
    BindRequested,
    Bound,
    Closed,
    CloseReason,
    RequestReceived,
    ResponseReceived,
    ResponseTimedOut,
    Unbinding,
)
from dragoman.protocols.smpp.framing import Framer
from dragoman.protocols.smpp.layouts import PDU_CLASSES
from dragoman.protocols.smpp.pdus import (
    AlertNotification,
    Bind,
    BindReceiver,
    BindReceiverResp,
    BindTransceiver,
    BindTransceiverResp,
    BindTransmitter,
    BindTransmitterResp,
    DataSm,
    DeliverSm,
    DeliverSmResp,
    EnquireLink,
    EnquireLinkResp,
    GenericNack,
    Pdu,
    QuerySm,
    QuerySmResp,
    SubmitSm,
    SubmitSmResp,
    Unbind,
    UnbindResp,
)
from dragoman.protocols.smpp.session import _MOST_EARLY, Session
from dragoman.protocols.smpp.session_settings import SessionSettings
from dragoman.protocols.smpp.states import TRANSITIONS, Move, Role, State
from dragoman.protocols.smpp.tlvs import Tlv

SETTINGS = SessionSettings(
    silent_while_unbinding=False,
    window=3,
    response_timeout_s=10,
    bind_timeout_s=4,
    session_init_timeout_s=5,
    enquire_interval_s=20,
    enquire_timeout_s=6,
    unbind_timeout_s=3,
)
TRANSCEIVER = BindTransceiver()
TRANSCEIVER_RESP = BindTransceiverResp(system_id="SMSC")
SUBMIT = SubmitSm(destination_addr="4511111111", short_message=b"hi")


def frame(pdu: Pdu, sequence: int) -> bytes:
    data = encode(pdu)
    return data[:12] + sequence.to_bytes(4, "big") + data[16:]


def written(session: Session[Any]) -> list[Pdu]:
    return [decode(one) for one in Framer().feed(session.data_to_send())]


def client(settings: SessionSettings = SETTINGS) -> Session[str]:
    return Session(Role.CLIENT, settings, now=0.0)


def server(settings: SessionSettings = SETTINGS) -> Session[str]:
    return Session(Role.SERVER, settings, now=0.0)


def bound_client(request: Bind = TRANSCEIVER, answer: Pdu = TRANSCEIVER_RESP) -> Session[str]:
    session = client()
    session.bind(request, 0.0)
    (sent,) = written(session)
    session.receive_data(frame(answer, sent.sequence_number), 0.0)
    assert isinstance(session.events_received()[0], Bound)
    return session


def bound_server(request: Bind = TRANSCEIVER) -> Session[str]:
    session = server()
    session.receive_data(frame(request, 1), 0.0)
    (event,) = session.events_received()
    assert isinstance(event, BindRequested)
    answers: dict[type[Pdu], Pdu] = {
        BindTransceiver: BindTransceiverResp(),
        BindReceiver: BindReceiverResp(),
        BindTransmitter: BindTransmitterResp(),
    }
    session.respond(event.request, answers[type(request)])
    session.data_to_send()
    return session


# Binding


@pytest.mark.parametrize(
    ("request_", "answer", "state"),
    [
        (BindTransmitter(), BindTransmitterResp(), State.BOUND_TX),
        (BindReceiver(), BindReceiverResp(), State.BOUND_RX),
        (BindTransceiver(), BindTransceiverResp(), State.BOUND_TRX),
    ],
)
def test_both_sides_reach_the_state_of_the_bind(request_: Bind, answer: Pdu, state: State) -> None:
    esme, smsc = client(), server()
    esme.bind(request_, 0.0)
    assert esme.state is State.BINDING
    smsc.receive_data(esme.data_to_send(), 0.0)
    (asked,) = smsc.events_received()
    assert isinstance(asked, BindRequested)
    smsc.respond(asked.request, answer)
    esme.receive_data(smsc.data_to_send(), 0.0)
    assert [type(event) for event in esme.events_received()] == [Bound]
    assert (esme.state, smsc.state) == (state, state)


@pytest.mark.parametrize(
    "answer",
    [
        BindTransceiverResp(command_status=CommandStatus.ESME_RINVPASWD),
        BindTransceiverResp(command_status=0x450),
        GenericNack(command_status=CommandStatus.ESME_RINVCMDID),
    ],
)
def test_refused_bind_is_an_event_with_its_status(answer: Pdu) -> None:
    session = client()
    session.bind(BindTransceiver(), 0.0)
    (sent,) = written(session)
    session.receive_data(frame(answer, sent.sequence_number), 1.0)
    (event,) = session.events_received()
    assert isinstance(event, BindRefused)
    assert event.response.command_status == answer.command_status
    assert session.state is State.OPEN


def test_deliver_in_the_segment_of_the_bind_response_arrives_after_it() -> None:
    session = client()
    session.bind(BindTransceiver(), 0.0)
    (sent,) = written(session)
    session.receive_data(
        frame(BindTransceiverResp(), sent.sequence_number)
        + frame(DeliverSm(short_message=b"first"), 7),
        0.0,
    )
    events = session.events_received()
    assert [type(event) for event in events] == [Bound, RequestReceived]


# It was refused 0x04, and a receipt was lost.
@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize(
    ("request_", "answer"),
    [(BindTransceiver(), BindTransceiverResp()), (BindReceiver(), BindReceiverResp())],
)
def test_delivery_before_the_bind_response_waits_for_it(
    request_: Bind, answer: Pdu, apart: bool
) -> None:
    session = client()
    session.bind(request_, 0.0)
    (sent,) = written(session)
    pdus = [
        frame(DeliverSm(short_message=b"first"), 7),
        frame(EnquireLink(), 8),
        frame(DataSm(), 9),
        frame(answer, sent.sequence_number),
        frame(DeliverSm(short_message=b"last"), 10),
    ]
    for data in pdus if apart else [b"".join(pdus)]:
        session.receive_data(data, 0.0)
    bound, *received = session.events_received()
    assert isinstance(bound, Bound)
    assert [event.request.sequence_number for event in received] == [7, 9, 10]
    assert written(session) == [EnquireLinkResp(sequence_number=8)]
    for event in received:
        session.acknowledge(event.request, 0)
    assert [pdu.sequence_number for pdu in written(session)] == [7, 9, 10]


def test_delivery_before_a_refused_bind_is_not_answered_so_that_it_comes_again() -> None:
    session = client()
    session.bind(BindTransceiver(), 0.0)
    (sent,) = written(session)
    refused = BindTransceiverResp(command_status=CommandStatus.ESME_RBINDFAIL)
    session.receive_data(frame(DeliverSm(), 7) + frame(refused, sent.sequence_number), 0.0)
    assert [type(event) for event in session.events_received()] == [BindRefused]
    assert written(session) == []
    assert (session.early, session.refused_requests) == (0, 1)


def test_more_deliveries_than_can_wait_for_the_bind_response_are_to_come_again() -> None:
    session = client()
    session.bind(BindTransceiver(), 0.0)
    (sent,) = written(session)
    session.receive_data(b"".join(frame(DeliverSm(), 1 + i) for i in range(_MOST_EARLY + 2)), 0.0)
    assert [(pdu.sequence_number, pdu.command_status) for pdu in written(session)] == [
        (_MOST_EARLY + 1, CommandStatus.ESME_RX_T_APPN),
        (_MOST_EARLY + 2, CommandStatus.ESME_RX_T_APPN),
    ]
    session.receive_data(frame(BindTransceiverResp(), sent.sequence_number), 0.0)
    assert len(session.events_received()) == 1 + _MOST_EARLY


def test_delivery_before_the_response_to_a_transmitter_is_refused() -> None:
    session = client()
    session.bind(BindTransmitter(), 0.0)
    (sent,) = written(session)
    session.receive_data(frame(DeliverSm(), 7), 0.0)
    session.receive_data(frame(BindTransmitterResp(), sent.sequence_number), 0.0)
    assert [type(event) for event in session.events_received()] == [Bound]
    (answer,) = written(session)
    assert answer.command_status == CommandStatus.ESME_RINVBNDSTS


def test_bind_is_not_answered_in_time_closes() -> None:
    session = client()
    session.bind(BindTransceiver(), 1.0)
    assert session.next_deadline() == 5.0
    session.handle_timeouts(5.0)
    assert session.events_received() == [Closed(CloseReason.BIND_TIMEOUT)]
    assert session.next_deadline() is None


def test_peer_that_never_binds_is_closed_by_the_session_init_timer() -> None:
    session = server()
    assert session.next_deadline() == 5.0
    session.handle_timeouts(4.9)
    assert session.events_received() == []
    session.handle_timeouts(5.0)
    assert session.events_received() == [Closed(CloseReason.SESSION_INIT_TIMEOUT)]


def test_second_bind_is_answered_already_bound() -> None:
    session = bound_server()
    session.receive_data(frame(BindTransmitter(), 2), 0.0)
    (answer,) = written(session)
    assert isinstance(answer, BindTransmitterResp)
    assert answer.command_status == CommandStatus.ESME_RALYBND
    assert session.state is State.BOUND_TRX


def test_submit_before_the_bind_is_refused_and_the_session_goes_on() -> None:
    session = server()
    session.receive_data(frame(SUBMIT, 9), 0.0)
    (answer,) = written(session)
    assert isinstance(answer, SubmitSmResp)
    assert answer.command_status == CommandStatus.ESME_RINVBNDSTS
    assert answer.sequence_number == 9
    assert session.refused_requests == 1
    assert session.events_received() == []


@pytest.mark.parametrize("status", [0, CommandStatus.ESME_RINVPASWD])
def test_what_comes_behind_a_bind_waits_for_its_answer(status: int) -> None:
    session = server()
    early = [frame(SUBMIT, 2), frame(EnquireLink(), 3), frame(Unbind(), 4)]
    session.receive_data(frame(BindTransceiver(), 1) + b"".join(early), 0.0)
    (requested,) = session.events_received()
    assert isinstance(requested, BindRequested)
    assert [type(pdu) for pdu in written(session)] == [EnquireLinkResp]
    assert session.early == 2
    session.respond(requested.request, BindTransceiverResp(command_status=status))
    events = session.events_received()
    answers = [(pdu.sequence_number, pdu.command_status) for pdu in written(session)]
    assert session.early == 0
    if status:
        refused = CommandStatus.ESME_RINVBNDSTS
        assert (events, answers) == ([], [(1, status), (2, refused), (4, refused)])
    else:
        (submitted,) = events
        assert isinstance(submitted, RequestReceived)
        assert answers == [(1, 0)]
        session.respond(submitted.request, SubmitSmResp(message_id="1"))
        answers = [(pdu.sequence_number, pdu.command_status) for pdu in written(session)]
        assert answers == [(2, 0), (4, 0)]
        assert session.closed


def test_submit_over_a_receiver_bind_is_refused() -> None:
    session = bound_server(BindReceiver())
    session.receive_data(frame(SUBMIT, 9), 0.0)
    assert [pdu.command_status for pdu in written(session)] == [CommandStatus.ESME_RINVBNDSTS]


# Misuse is our bug


def test_requests_out_of_state_raise() -> None:
    with pytest.raises(NotBound):
        client().request(SUBMIT, "m", 0.0)
    with pytest.raises(NotBound):
        bound_client(BindReceiver(), BindReceiverResp()).request(SUBMIT, "m", 0.0)
    with pytest.raises(NotBound):
        bound_client().request(DeliverSm(), "m", 0.0)
    with pytest.raises(NotBound):
        client().unbind(0.0)
    with pytest.raises(LocalProtocolError):
        bound_client().bind(BindTransceiver(), 0.0)
    with pytest.raises(LocalProtocolError):
        server().bind(BindTransceiver(), 0.0)


def test_full_window_raises_and_sends_nothing() -> None:
    session = bound_client()
    for name in "abc":
        session.request(SUBMIT, name, 0.0)
    assert session.window_free == 0
    session.data_to_send()
    with pytest.raises(WindowFull):
        session.request(SUBMIT, "d", 0.0)
    assert session.data_to_send() == b""


def test_answer_of_the_wrong_kind_raises() -> None:
    session = bound_client()
    session.receive_data(frame(DeliverSm(), 3), 0.0)
    (event,) = session.events_received()
    assert isinstance(event, RequestReceived)
    with pytest.raises(LocalProtocolError):
        session.respond(event.request, SubmitSmResp())


@pytest.mark.parametrize("state", State)
def test_every_state_lists_where_it_leads_and_closed_leads_nowhere(state: State) -> None:
    assert (Move.CLOSE in TRANSITIONS[state]) is (state is not State.CLOSED)


# Requests and their answers


def test_answers_hand_the_contexts_back_in_one_batch() -> None:
    session = bound_client()
    sequences = [session.request(SUBMIT, name, 1.0) for name in "abc"]
    session.data_to_send()
    session.receive_data(
        b"".join(frame(SubmitSmResp(message_id=f"id{s}"), s) for s in reversed(sequences)), 3.5
    )
    events = session.events_received()
    assert [event.context for event in events if isinstance(event, ResponseReceived)] == [
        "c",
        "b",
        "a",
    ]
    assert all(isinstance(e, ResponseReceived) and e.elapsed_s == 2.5 for e in events)
    assert session.window_free == 3


def test_requests_are_written_in_one_piece() -> None:
    session = bound_client()
    first, second = session.request(SUBMIT, "a", 0.0), session.request(SUBMIT, "b", 0.0)
    assert [pdu.sequence_number for pdu in written(session)] == [first, second]
    assert second == first + 1


def test_generic_nack_answers_the_request_it_names() -> None:
    session = bound_client()
    sequence = session.request(SUBMIT, "a", 0.0)
    session.receive_data(frame(GenericNack(command_status=3), sequence), 0.0)
    (event,) = session.events_received()
    assert isinstance(event, ResponseReceived)
    assert isinstance(event.response, GenericNack)


@pytest.mark.parametrize(
    "answer", [SubmitSmResp(message_id="x"), EnquireLinkResp(), UnbindResp(), BindTransceiverResp()]
)
def test_answer_nobody_waits_for_is_counted_and_ignored(answer: Pdu) -> None:
    session = bound_client()
    session.receive_data(frame(answer, 4711), 0.0)
    assert session.events_received() == []
    assert session.ignored_responses == 1
    assert session.state is State.BOUND_TRX


def test_answer_of_another_operation_does_not_settle_a_request() -> None:
    session = bound_client()
    sequence = session.request(SUBMIT, "a", 0.0)
    session.receive_data(frame(QuerySmResp(message_id="x"), sequence), 0.0)
    assert session.events_received() == []
    assert session.outstanding == 1


def test_each_request_has_its_own_deadline() -> None:
    session = bound_client()
    session.request(SUBMIT, "early", 0.0)
    session.request(SUBMIT, "late", 4.0)
    session.receive_data(frame(EnquireLink(), 1), 5.0)
    session.data_to_send()
    session.events_received()
    assert session.next_deadline() == 10.0
    session.handle_timeouts(10.0)
    assert session.events_received() == [ResponseTimedOut("early")]
    assert session.next_deadline() == 14.0
    session.handle_timeouts(14.0)
    assert session.events_received() == [ResponseTimedOut("late")]


def test_a_request_to_a_silent_peer_is_in_doubt_until_the_peer_says_that_it_lives() -> None:
    session = bound_client()
    session.request(SUBMIT, "a", 1.0)
    session.handle_timeouts(11.0)
    assert session.events_received() == []
    assert session.window_free == session.window - 1
    (_, enquiry) = written(session)
    assert isinstance(enquiry, EnquireLink)
    assert session.next_deadline() == 17.0, "nothing to do before the answer is overdue"
    session.receive_data(frame(EnquireLinkResp(), enquiry.sequence_number), 12.0)
    session.handle_timeouts(12.0)
    assert session.events_received() == [ResponseTimedOut("a")]


def test_requests_to_a_peer_that_never_says_that_it_lives_are_in_doubt_together() -> None:
    session = bound_client()
    session.request(SUBMIT, "a", 1.0)
    session.request(SUBMIT, "b", 2.0)
    session.handle_timeouts(11.0)
    session.data_to_send()
    session.handle_timeouts(17.0)
    (event,) = session.events_received()
    assert event == Closed(CloseReason.LINK_DEAD, unanswered=("a", "b"))


def test_answer_after_the_deadline_is_ignored() -> None:
    session = bound_client()
    sequence = session.request(SUBMIT, "a", 0.0)
    session.receive_data(frame(EnquireLink(), 1), 1.0)
    session.handle_timeouts(10.0)
    session.receive_data(frame(SubmitSmResp(message_id="x"), sequence), 11.0)
    assert session.events_received() == [ResponseTimedOut("a")]
    assert session.ignored_responses == 1


def test_sequence_numbers_wrap_to_one_and_skip_those_outstanding() -> None:
    session = bound_client()
    held = session.request(SUBMIT, "held", 0.0)
    session._requests._sequence = MAX_SEQUENCE_NUMBER - 1
    assert session.request(SUBMIT, "last", 0.0) == MAX_SEQUENCE_NUMBER
    session._requests._sequence = held - 1
    assert session.request(SUBMIT, "next", 0.0) == held + 1
    session._requests._sequence = MAX_SEQUENCE_NUMBER
    session.receive_data(frame(EnquireLink(), 1), 1.0)
    session.handle_timeouts(10.0)
    assert session.request(SUBMIT, "wrapped", 10.0) == 1


def test_request_without_a_response_takes_no_window() -> None:
    session = bound_server()
    session.request(AlertNotification(source_addr="45"), "alert", 0.0)
    assert session.outstanding == 0
    assert [type(pdu) for pdu in written(session)] == [AlertNotification]


# Requests of the peer


def test_deliver_is_acknowledged_only_when_told() -> None:
    session = bound_client()
    session.receive_data(frame(DeliverSm(short_message=b"in"), 77), 0.0)
    (event,) = session.events_received()
    assert isinstance(event, RequestReceived)
    assert session.data_to_send() == b""
    session.respond(event.request, DeliverSmResp())
    (answer,) = written(session)
    assert (type(answer), answer.sequence_number) == (DeliverSmResp, 77)


def test_answer_after_the_end_is_dropped() -> None:
    session = bound_client()
    session.receive_data(frame(DeliverSm(), 77), 0.0)
    session.receive_eof()
    request = session.events_received()[0]
    assert isinstance(request, RequestReceived)
    session.respond(request.request, DeliverSmResp())
    assert session.data_to_send() == b""


@pytest.mark.parametrize("make", [client, server, bound_client, bound_server])
def test_enquire_link_is_answered_in_every_state(make: Any) -> None:
    session = make()
    session.receive_data(frame(EnquireLink(), 5), 0.0)
    (answer,) = written(session)
    assert (type(answer), answer.sequence_number) == (EnquireLinkResp, 5)
    assert session.events_received() == []


def test_unknown_command_gets_a_generic_nack_and_the_session_goes_on() -> None:
    session = bound_client()
    unknown = struct.pack(">IIII", 20, 0x00010203, 0, 42) + b"what"
    session.receive_data(unknown + frame(DeliverSm(), 43), 0.0)
    (answer,) = written(session)
    assert isinstance(answer, GenericNack)
    assert (answer.command_status, answer.sequence_number) == (CommandStatus.ESME_RINVCMDID, 42)
    assert [type(event) for event in session.events_received()] == [RequestReceived]


def test_unreadable_request_is_refused_with_its_own_response() -> None:
    session = bound_client()
    broken = struct.pack(">IIII", 18, 0x00000005, 0, 44) + b"\0\1"
    session.receive_data(broken, 0.0)
    (answer,) = written(session)
    assert isinstance(answer, DeliverSmResp)
    assert answer.sequence_number == 44
    assert answer.command_status != 0
    assert session.bound


def test_unreadable_response_leaves_the_outcome_unknown() -> None:
    session = bound_client()
    sequence = session.request(SUBMIT, "a", 0.0)
    broken = struct.pack(">IIII", 18, 0x80000004, 0, sequence) + b"ab"
    session.receive_data(broken, 0.0)
    events = session.events_received()
    # A codec that can make sense of an unterminated id may; what must not happen is silence.
    assert len(events) == 1
    assert session.outstanding == 0


CUT_TLV = b"\x00\x1d\x00\x09hi"
STRAYS = {
    "tlv_cut_in_its_value": CUT_TLV,
    "tlv_cut_in_its_header": b"\x04\x24\x00",
    "garbage": b"\xff",
}
GOOD_TLV = Tlv(0x1401, b"x")


def with_stray(pdu: Pdu, sequence: int, stray: bytes) -> bytes:
    data = frame(pdu, sequence) + stray
    return len(data).to_bytes(4, "big") + data[4:]


# Such a response counted as no answer, so the text was sent again and again.
@pytest.mark.parametrize("stray", STRAYS.values(), ids=STRAYS)
@pytest.mark.parametrize("status", [0, 0x58])
def test_response_counts_whatever_stands_behind_its_last_field(status: int, stray: bytes) -> None:
    session = bound_client()
    sequence = session.request(SUBMIT, "a", 0.0)
    answer = SubmitSmResp(command_status=status, message_id="7b", tlvs=(GOOD_TLV,))
    session.receive_data(with_stray(answer, sequence, stray), 1.0)
    (event,) = session.events_received()
    assert isinstance(event, ResponseReceived)
    assert isinstance(event.response, SubmitSmResp)
    assert (event.response.command_status, event.response.message_id) == (status, "7b")
    assert event.response.tlvs == (GOOD_TLV,)
    assert session.cut_pdus == (status == 0)  # beside an error, nothing else was ever expected


# The carrier never came up.
@pytest.mark.parametrize("stray", STRAYS.values(), ids=STRAYS)
def test_bind_response_counts_whatever_stands_behind_its_last_field(stray: bytes) -> None:
    session = client()
    session.bind(TRANSCEIVER, 0.0)
    (sent,) = written(session)
    session.receive_data(with_stray(TRANSCEIVER_RESP, sent.sequence_number, stray), 0.0)
    assert [type(event) for event in session.events_received()] == [Bound]
    assert (session.state, session.cut_pdus) == (State.BOUND_TRX, 1)


# The SMSC was answered 0xC2 and repeated the delivery for ever.
@pytest.mark.parametrize("stray", STRAYS.values(), ids=STRAYS)
@pytest.mark.parametrize(
    "delivery", [DeliverSm(short_message=b"hi", tlvs=(GOOD_TLV,)), DataSm(tlvs=(GOOD_TLV,))]
)
def test_delivery_counts_whatever_stands_behind_its_last_field(delivery: Pdu, stray: bytes) -> None:
    session = bound_client()
    session.receive_data(with_stray(delivery, 7, stray), 0.0)
    (event,) = session.events_received()
    assert isinstance(event, RequestReceived)
    assert event.request == structs.replace(delivery, sequence_number=7)
    assert (session.cut_pdus, session.refused_requests) == (1, 0)
    assert written(session) == []


def with_length(pdu: Pdu, sequence: int, sm_length: int) -> bytes:
    """A PDU whose text, the last of it, is said to have another length."""
    data = frame(pdu, sequence)
    assert isinstance(pdu, SubmitSm | DeliverSm)
    at = len(data) - len(pdu.short_message) - 1
    return data[:at] + bytes((sm_length,)) + data[at + 1 :]


# The SMSC was answered 0x01 and repeated the delivery for ever.
@pytest.mark.parametrize("validity", ["", "000002000000000R"])
@pytest.mark.parametrize("sm_length", [3, 255])
def test_delivery_of_less_text_than_it_says_counts(sm_length: int, validity: str) -> None:
    delivery = DeliverSm(short_message=b"hi", validity_period=validity)
    session = bound_client()
    session.receive_data(with_length(delivery, 7, sm_length), 0.0)
    (event,) = session.events_received()
    assert isinstance(event, RequestReceived)
    assert event.request == structs.replace(delivery, sequence_number=7)
    assert (session.cut_pdus, session.refused_requests) == (1, 0)


def test_client_is_told_of_less_text_than_its_submit_says() -> None:
    session = bound_server()
    session.receive_data(with_length(SUBMIT, 7, 3), 0.0)
    (answer,) = written(session)
    assert answer.command_status == CommandStatus.ESME_RINVMSGLEN
    assert session.events_received() == []


# The link never came up, and an unbind was not seen to be answered.
@pytest.mark.parametrize("number", [0, 1, 4711, 0xFFFFFFFF])
def test_response_to_bind_and_unbind_counts_whatever_its_number(number: int) -> None:
    session = client()
    session.bind(TRANSCEIVER, 0.0)
    session.receive_data(frame(TRANSCEIVER_RESP, number), 0.0)
    assert [type(event) for event in session.events_received()] == [Bound]
    session.unbind(0.0)
    session.receive_data(frame(UnbindResp(), number), 0.0)
    assert session.events_received() == [Closed(CloseReason.UNBOUND)]


# A client's response behind its bind raised.
@pytest.mark.parametrize("answer", [TRANSCEIVER_RESP, GenericNack(), UnbindResp(), SubmitSmResp()])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_response_behind_a_bind_answers_nothing(answer: Pdu, number: int) -> None:
    session = server()
    session.receive_data(frame(TRANSCEIVER, 1) + frame(answer, number), 0.0)
    (event,) = session.events_received()
    assert isinstance(event, BindRequested)
    session.respond(event.request, TRANSCEIVER_RESP)
    assert session.bound
    assert session.ignored_responses == 1


def test_response_to_unbind_counts_under_the_number_of_a_request_that_waits() -> None:
    session = bound_client()
    number = session.request(SUBMIT, "a", 0.0)
    session.data_to_send()
    session.unbind(0.0)
    session.receive_data(frame(UnbindResp(), number), 0.0)
    assert session.events_received() == [Closed(CloseReason.UNBOUND, ("a",), ())]


def test_client_is_told_of_a_cut_parameter_of_its_submit() -> None:
    session = bound_server()
    session.receive_data(with_stray(SUBMIT, 7, CUT_TLV), 0.0)
    (answer,) = written(session)
    assert answer.command_status == CommandStatus.ESME_RINVPARLEN
    assert session.events_received() == []


@pytest.mark.parametrize("length", [0, 4, 15, 0xFFFFFFFF])
def test_lost_framing_closes_after_the_good_pdus_before_it(length: int) -> None:
    session = bound_client()
    sequence = session.request(SUBMIT, "a", 0.0)
    session.data_to_send()
    bad = struct.pack(">IIII", length, 5, 0, 1)
    session.receive_data(frame(DeliverSm(), 3) + bad, 0.0)
    received, closed = session.events_received()
    assert isinstance(received, RequestReceived)
    assert closed == Closed(CloseReason.FRAMING_LOST, ("a",), ())
    assert sequence
    session.receive_data(frame(DeliverSm(), 4), 0.0)
    assert session.events_received() == []


def test_peer_reusing_a_sequence_number_is_answered_each_time() -> None:
    session = bound_client()
    session.receive_data(frame(DeliverSm(), 1) + frame(DeliverSm(), 1), 0.0)
    for event in session.events_received():
        assert isinstance(event, RequestReceived)
        session.respond(event.request, DeliverSmResp())
    assert [pdu.sequence_number for pdu in written(session)] == [1, 1]


# Life and death


def test_silent_peer_is_asked_and_then_given_up() -> None:
    session = bound_client()
    assert session.next_deadline() == 20.0
    session.handle_timeouts(20.0)
    assert [type(pdu) for pdu in written(session)] == [EnquireLink]
    assert session.next_deadline() == 26.0
    session.handle_timeouts(26.0)
    assert session.events_received() == [Closed(CloseReason.LINK_DEAD)]


@pytest.mark.parametrize("proof", [EnquireLinkResp(), DeliverSm(), SubmitSmResp(), GenericNack()])
def test_any_pdu_proves_life(proof: Pdu) -> None:
    session = bound_client()
    session.handle_timeouts(20.0)
    (question,) = written(session)
    session.receive_data(frame(proof, question.sequence_number), 25.0)
    session.handle_timeouts(26.0)
    assert session.bound
    assert session.next_deadline() == 45.0


def test_half_a_pdu_proves_nothing() -> None:
    session = bound_client()
    session.handle_timeouts(20.0)
    session.data_to_send()
    session.receive_data(frame(DeliverSm(), 1)[:10], 25.0)
    session.handle_timeouts(26.0)
    assert session.state is State.CLOSED


def test_busy_link_is_not_asked() -> None:
    session = bound_client()
    session.receive_data(frame(DeliverSm(), 1), 15.0)
    session.handle_timeouts(20.0)
    assert session.data_to_send() == b""
    assert session.next_deadline() == 35.0


def test_loss_tells_written_from_never_written() -> None:
    session = bound_client()
    session.request(SUBMIT, "written", 0.0)
    session.data_to_send()
    session.request(SUBMIT, "waiting", 0.0)
    session.receive_eof()
    assert session.events_received() == [
        Closed(CloseReason.CONNECTION_LOST, ("written",), ("waiting",))
    ]
    assert session.data_to_send() == b""


def test_requests_reported_unwritten_are_not_written_behind_an_unbind_response() -> None:
    session = bound_client()
    session.request(SUBMIT, "waiting", 0.0)
    session.receive_data(frame(Unbind(), 1), 0.0)
    assert session.events_received() == [Closed(CloseReason.PEER_UNBOUND, (), ("waiting",))]
    assert [type(pdu) for pdu in written(session)] == [UnbindResp]


# Whether the server had taken them was unknown, and they were sent twice or not at all.
def test_servers_unbind_is_answered_behind_the_responses_that_still_come() -> None:
    session = bound_client()
    first, second = session.request(SUBMIT, "a", 0.0), session.request(SUBMIT, "b", 0.0)
    session.data_to_send()
    session.request(SUBMIT, "unwritten", 0.0)
    session.receive_data(frame(DeliverSm(), 3) + frame(Unbind(), 4), 1.0)
    delivered, unbinding = session.events_received()
    assert isinstance(delivered, RequestReceived)
    assert unbinding == Unbinding(("unwritten",))
    assert (session.bound, session.is_ending, session.outstanding) == (False, True, 2)
    assert not session.has_room_for(SubmitSm.command_id)
    assert session.data_to_send() == b""
    session.receive_data(frame(SubmitSmResp(message_id="x"), first), 2.0)
    session.receive_data(frame(EnquireLink(), 5), 2.0)
    answered = SubmitSmResp(message_id="y")
    session.receive_data(frame(answered, second), 2.0)
    assert [event.context for event in session.events_received()] == ["a", "b"]
    session.acknowledge(delivered.request, 0)
    assert session.events_received() == [Closed(CloseReason.PEER_UNBOUND)]
    assert written(session) == [
        EnquireLinkResp(sequence_number=5),
        DeliverSmResp(sequence_number=3),
        UnbindResp(sequence_number=4),
    ]


def test_unbind_does_not_wait_for_what_has_no_answer() -> None:
    session = bound_client()
    session.receive_data(frame(AlertNotification(), 3) + frame(Unbind(), 4), 1.0)
    alerted, closed = session.events_received()
    assert isinstance(alerted, RequestReceived)
    assert closed == Closed(CloseReason.PEER_UNBOUND)


def test_servers_unbind_waits_no_longer_than_ours_would() -> None:
    session = bound_client()
    session.request(SUBMIT, "a", 0.0)
    session.data_to_send()
    session.receive_data(frame(Unbind(), 4) + frame(DeliverSm(), 5), 1.0)
    assert session.events_received() == [Unbinding()]
    assert session.next_deadline() == 1 + SETTINGS.unbind_timeout_s
    session.handle_timeouts(1 + SETTINGS.unbind_timeout_s)
    assert session.events_received() == [Closed(CloseReason.PEER_UNBOUND, ("a",))]
    assert written(session) == [UnbindResp(sequence_number=4)]
    assert not session.is_ending


@pytest.mark.parametrize("ending", ["unreadable", "late", "lost"])
def test_servers_unbind_ends_with_the_last_request_whatever_becomes_of_it(ending: str) -> None:
    session = bound_client()
    sequence = session.request(QuerySm(message_id="7b"), "a", 0.0)
    session.data_to_send()
    session.receive_data(frame(Unbind(), 4), 9.0)
    session.events_received()
    if ending == "unreadable":
        session.receive_data(struct.pack(">IIII", 18, 0x80000003, 0, sequence) + b"7b", 9.0)
        expected: list[Any] = [CloseReason.PEER_UNBOUND]
    elif ending == "late":
        session.handle_timeouts(10.0)
        expected = [CloseReason.PEER_UNBOUND]
    else:
        session.receive_eof()
        expected = [CloseReason.CONNECTION_LOST]
    events = session.events_received()
    assert [event.reason for event in events if isinstance(event, Closed)] == expected
    unanswered = [event.unanswered for event in events if isinstance(event, Closed)]
    assert unanswered == [("a",) if ending == "lost" else ()]


def test_unbind_waits_for_answers_still_on_their_way() -> None:
    session = bound_client()
    sequence = session.request(SUBMIT, "a", 0.0)
    session.unbind(0.0)
    submit, unbind = written(session)
    assert (type(submit), type(unbind)) == (SubmitSm, Unbind)
    session.receive_data(
        frame(SubmitSmResp(message_id="x"), sequence) + frame(UnbindResp(), unbind.sequence_number),
        0.0,
    )
    answered, closed = session.events_received()
    assert isinstance(answered, ResponseReceived)
    assert closed == Closed(CloseReason.UNBOUND)


def test_unbind_without_an_answer_closes() -> None:
    session = bound_client()
    session.unbind(1.0)
    assert session.next_deadline() == 4.0
    session.handle_timeouts(4.0)
    assert session.events_received() == [Closed(CloseReason.UNBIND_TIMEOUT)]


def test_deliver_while_unbinding_is_refused_so_that_it_comes_again() -> None:
    session = bound_client()
    session.unbind(0.0)
    session.data_to_send()
    session.receive_data(frame(DeliverSm(), 9), 0.0)
    (answer,) = written(session)
    assert isinstance(answer, DeliverSmResp)
    assert answer.command_status != 0


# Anything at all


@given(pieces=st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_events_do_not_depend_on_how_the_stream_is_cut(pieces: list[int]) -> None:
    stream = b"".join(
        frame(DeliverSm(source_addr=str(n), short_message=b"x" * n), n) for n in range(1, 12)
    )
    session = bound_client()
    position = 0
    for size in pieces:
        session.receive_data(stream[position : position + size], 0.0)
        position += size
    session.receive_data(stream[position:], 0.0)
    events = session.events_received()
    assert [
        int(event.request.source_addr)
        for event in events
        if isinstance(event, RequestReceived) and isinstance(event.request, DeliverSm)
    ] == list(range(1, 12))


@given(
    data=st.binary(max_size=300)
    | st.builds(
        lambda command, status, sequence, body: (
            struct.pack(">IIII", 16 + len(body), command, status, sequence) + body
        ),
        st.sampled_from([0x80000000, 1, 4, 5, 6, 9, 0x15, 0x80000004, 0x80000009, 0x103, 0x21]),
        st.integers(0, 0xFFFFFFFF),
        st.integers(0, 5),
        st.binary(max_size=80),
    ),
    make=st.sampled_from([client, server, bound_client, bound_server]),
)
def test_nothing_a_peer_sends_raises(data: bytes, make: Any) -> None:
    session = make()
    if session.role is Role.CLIENT and session.bound:
        session.request(SUBMIT, "m", 0.0)
    session.receive_data(data, 1.0)
    session.events_received()
    session.data_to_send()
    session.handle_timeouts(1.0)


@given(
    pdus=st.lists(st.tuples(st.sampled_from([*PDU_CLASSES.values()]), st.integers(0, 5))),
    make=st.sampled_from([client, server, bound_client, bound_server]),
)
def test_no_order_of_pdus_raises_or_loses_a_request(pdus: list[Any], make: Any) -> None:
    session = make()
    waiting = ["a", "b"] if session.bound else []
    ours = SUBMIT if session.role is Role.CLIENT else DeliverSm()
    for context in waiting:
        session.request(ours, context, 0.0)
        session.data_to_send()
    for kind, number in pdus:
        session.receive_data(frame(kind(), number), 1.0)
    session.receive_eof()
    back = []
    for event in session.events_received():
        if isinstance(event, ResponseReceived | ResponseTimedOut):
            back.append(event.context)
        elif isinstance(event, Closed):
            back += [*event.unanswered, *event.unwritten]
    assert sorted(back) == waiting
    assert session.closed


def test_unbind_is_answered_behind_the_requests_that_came_before_it() -> None:
    session = bound_server()
    requests = [SUBMIT, SUBMIT, Unbind(), SUBMIT, EnquireLink()]
    session.request(DeliverSm(), "receipt", 0)
    written(session)
    session.receive_data(b"".join(frame(pdu, 7 + i) for i, pdu in enumerate(requests)), 1)
    taken = [event.request for event in session.events_received()]
    assert [pdu.sequence_number for pdu in taken] == [7, 8]
    assert [type(pdu) for pdu in written(session)] == [EnquireLinkResp]
    assert not session.has_room_for(DeliverSm.command_id)
    for request, message_id in zip(taken, "ab", strict=True):
        assert not session.closed
        session.accept(request, message_id)
    assert written(session) == [
        SubmitSmResp(sequence_number=7, message_id="a"),
        SubmitSmResp(sequence_number=8, message_id="b"),
        UnbindResp(sequence_number=9),
    ]
    assert session.events_received() == [Closed(CloseReason.PEER_UNBOUND, ("receipt",), ())]


def test_unbind_behind_a_request_that_is_never_answered_ends_in_time() -> None:
    session = bound_server()
    session.receive_data(frame(SUBMIT, 7) + frame(Unbind(), 8), 1)
    assert session.next_deadline() == 1 + SETTINGS.unbind_timeout_s
    session.handle_timeouts(1 + SETTINGS.unbind_timeout_s)
    assert session.events_received()[-1] == Closed(CloseReason.UNBIND_TIMEOUT, (), ())


@pytest.mark.parametrize("stray", STRAYS.values(), ids=STRAYS)
def test_request_without_fields_counts_whatever_stands_behind_it(stray: bytes) -> None:
    session = bound_server()
    session.receive_data(with_stray(EnquireLink(), 7, stray) + with_stray(Unbind(), 8, stray), 1)
    assert written(session) == [
        EnquireLinkResp(sequence_number=7),
        UnbindResp(sequence_number=8),
    ]
    assert session.closed


# They stayed unanswered, though they were being stored.
@pytest.mark.parametrize("length", [0, 15, 0xFFFFFFFF])
@pytest.mark.parametrize("more", [b"", frame(Unbind(), 9)])
def test_requests_before_lost_framing_are_answered_before_the_end(length: int, more: bytes) -> None:
    session = bound_server()
    session.receive_data(frame(SUBMIT, 7) + frame(SUBMIT, 8), 1.0)
    session.receive_data(struct.pack(">IIII", length, 4, 0, 9) + more, 2.0)
    session.receive_data(frame(SUBMIT, 10), 3.0)
    taken = [event.request for event in session.events_received()]
    assert [pdu.sequence_number for pdu in taken] == [7, 8]
    assert not session.has_room_for(DeliverSm.command_id)
    assert written(session) == []
    for request in taken:
        assert not session.closed
        session.accept(request, "id")
    assert written(session) == [
        SubmitSmResp(sequence_number=7, message_id="id"),
        SubmitSmResp(sequence_number=8, message_id="id"),
        GenericNack(command_status=CommandStatus.ESME_RINVCMDLEN),
    ]
    assert session.events_received() == [Closed(CloseReason.FRAMING_LOST)]


def test_lost_framing_behind_a_request_that_is_never_answered_ends_in_time() -> None:
    session = bound_server()
    session.receive_data(frame(SUBMIT, 7) + bytes(16), 1.0)
    assert session.next_deadline() == 1 + SETTINGS.unbind_timeout_s
    session.handle_timeouts(1 + SETTINGS.unbind_timeout_s)
    assert session.events_received()[-1] == Closed(CloseReason.FRAMING_LOST)


def test_lost_framing_behind_an_unbind_changes_nothing() -> None:
    session = bound_server()
    session.receive_data(frame(SUBMIT, 7) + frame(Unbind(), 8) + bytes(16), 1.0)
    (event,) = session.events_received()
    assert isinstance(event, RequestReceived)
    session.accept(event.request, "id")
    assert [pdu.sequence_number for pdu in written(session)] == [7, 8]
    assert session.events_received() == [Closed(CloseReason.PEER_UNBOUND)]
