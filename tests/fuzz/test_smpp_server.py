"""Whatever a customer sends, the server side answers or closes; it raises nothing."""

from __future__ import annotations

from datetime import UTC

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.core.accounts.model.smpp_logins import SmppOptions
from dragoman.core.messages.model.callbacks import CallbackFacts, TextFacts
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode
from dragoman.kit.ids import first_at
from dragoman.protocols.proxy_protocol import HeaderReader, NoHeader
from dragoman.protocols.smpp.codec import DecodeError, decode, encode
from dragoman.protocols.smpp.events import BindRequested, Closed, RequestReceived
from dragoman.protocols.smpp.framing import DEFAULT_MAX_LENGTH
from dragoman.protocols.smpp.layouts import PDU_CLASSES, RESPONSE_CLASSES
from dragoman.protocols.smpp.pdus import (
    BindTransceiver,
    BindTransceiverResp,
    DataSm,
    DeliverSmResp,
    EnquireLink,
    QuerySm,
    SmeAddress,
    SubmitMulti,
    SubmitSm,
)
from dragoman.protocols.smpp.session import Session
from dragoman.protocols.smpp.session_settings import SessionSettings
from dragoman.protocols.smpp.states import Role
from dragoman.protocols.smpp.tlvs import Tlv
from dragoman.smpp_server.deliveries import RECEIPT, TEXT, make_pdus
from dragoman.smpp_server.overlong import OverlongTexts
from dragoman.smpp_server.statuses import Unacceptable
from dragoman.smpp_server.submissions import count_parts, read_submission
from dragoman.smpp_server.terms import parse_terms

SETTINGS = SessionSettings(
    silent_while_unbinding=True,
    window=10,
    response_timeout_s=60,
    bind_timeout_s=10,
    enquire_interval_s=60,
    enquire_timeout_s=60,
)
SEEDS = [
    BindTransceiver(system_id="me", password="secret"),
    SubmitSm(source_addr="Shop", destination_addr="4512345678", short_message=b"Hello"),
    SubmitMulti(dest_address=(SmeAddress(1, 1, "4512345678"),), short_message=b"Hello"),
    DataSm(destination_addr="4512345678", tlvs=(Tlv(0x0424, b"Hello"),)),
    QuerySm(message_id="7"),
    EnquireLink(),
    DeliverSmResp(),
]
NOW_MS = 1_790_000_000_000
OVERLONG = OverlongTexts()

octets = st.binary(max_size=200)
command_ids = st.sampled_from(sorted(PDU_CLASSES)) | st.integers(0, 0xFFFFFFFF)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A PDU of a customer with some octets changed, its length mostly right."""
    frame = bytearray(encode(draw(st.sampled_from(SEEDS))))
    for _ in range(draw(st.integers(0, 6))):
        frame[draw(st.integers(4, len(frame) - 1))] = draw(st.integers(0, 255))
    frame += draw(st.binary(max_size=20))
    if draw(st.booleans()):
        frame[:4] = len(frame).to_bytes(4, "big")
    return bytes(frame)


@given(st.lists(octets | mutated(), max_size=12), st.booleans(), st.integers(1, 64))
@settings(max_examples=300)
def test_a_session_takes_any_octets(pieces: list[bytes], binds: bool, size: int) -> None:
    session: Session[None] = Session(Role.SERVER, SETTINGS, now=0.0)
    if binds:
        bind = BindTransceiver(system_id="me", password="secret", sequence_number=1)
        session.receive_data(encode(bind), 0.0)
        session.events_received()
        session.respond(bind, BindTransceiverResp())
    stream = b"".join(pieces)
    for at in range(0, len(stream), size):
        session.receive_data(stream[at : at + size], 1.0)
        for event in session.events_received():
            if isinstance(event, BindRequested):
                refusal = RESPONSE_CLASSES[type(event.request)](command_status=0x0D)
                session.respond(event.request, refusal)
            elif isinstance(event, RequestReceived):
                session.respond(event.request, RESPONSE_CLASSES[type(event.request)]())
            else:
                assert isinstance(event, Closed)
        assert session._framer.buffered <= DEFAULT_MAX_LENGTH
        assert len(session.data_to_send()) <= 40 * (len(stream) + 16)
    session.handle_timeouts(1000.0)
    session.receive_eof()
    assert session.closed


@given(mutated())
@settings(max_examples=500)
def test_a_submit_is_read_or_refused(frame: bytes) -> None:
    try:
        pdu = decode(frame[:4] + frame[4:])
    except DecodeError:
        return
    if not isinstance(pdu, (SubmitSm, SubmitMulti, DataSm)):
        return
    recipients = ("4512345678",)
    assert count_parts(pdu) >= 1
    for latin_1 in (False, True):
        try:
            submission = read_submission(
                pdu,
                recipients,
                account_id=1,
                options=SmppOptions(latin_1=latin_1),
                overlong=OVERLONG,
                now_ms=NOW_MS,
            )
        except Unacceptable:
            continue
        submission.text.encode()  # no half of a character is left in it


@given(
    st.integers(0, 255),
    st.integers(0, 255),
    st.integers(0, 255),
    octets,
    st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=12)), max_size=4),
    st.text(max_size=17),
    st.text(max_size=17),
)
@settings(max_examples=500)
def test_every_combination_of_fields_is_read_or_refused(
    coding: int,
    esm_class: int,
    registered: int,
    text: bytes,
    tlvs: list[tuple[int, bytes]],
    schedule: str,
    validity: str,
) -> None:
    pdu = SubmitSm(
        data_coding=coding,
        esm_class=esm_class,
        registered_delivery=registered,
        short_message=text,
        schedule_delivery_time=schedule,
        validity_period=validity,
        tlvs=tuple(Tlv(*tlv) for tlv in tlvs),
    )
    try:
        submission = read_submission(
            pdu,
            ("45",),
            account_id=1,
            options=SmppOptions(),
            overlong=OVERLONG,
            now_ms=NOW_MS,
        )
    except Unacceptable:
        return
    if submission.callback is not None:
        parse_terms(submission.callback.return_data)


@given(st.lists(octets, max_size=6))
@settings(max_examples=300)
def test_a_proxy_header_is_read_or_refused(pieces: list[bytes]) -> None:
    for start in (b"", b"PROXY ", b"\r\n\r\n\x00\r\nQUIT\n"):
        reader = HeaderReader()
        try:
            for piece in [start, *pieces]:
                if piece and reader.feed(piece) is not None:
                    break
                assert len(reader._data) <= 2000
        except NoHeader:
            pass


@given(
    st.sampled_from(State),
    st.sampled_from(FailureCode),
    st.text(max_size=12),
    st.text(max_size=60),
    st.text(max_size=30),
    st.booleans(),
)
@settings(max_examples=300)
def test_every_fact_makes_a_receipt(
    state: State, failure: FailureCode, detail: str, return_data: str, sender: str, tlvs: bool
) -> None:
    facts = CallbackFacts(
        message_id=1,
        batch_id=first_at(NOW_MS),
        state=state,
        at_ms=NOW_MS,
        recipient="4512345678",
        sender=sender.encode("latin-1", "ignore").decode("latin-1").replace("\0", ""),
        failure=failure,
        detail=detail,
        return_data=return_data,
    )
    body = msgspec.json.encode(facts)
    (pdu,) = make_pdus(RECEIPT, body, zone=UTC, with_tlvs=tlvs, payload=False)
    assert decode(encode(pdu)).short_message == pdu.short_message  # type: ignore[attr-defined]


@given(st.text(max_size=400), st.sampled_from(["gsm7", "ucs2", "binary"]), st.booleans())
@settings(max_examples=300)
@pytest.mark.parametrize("sender", ["4512345678", "1234", "Shop", "", "x" * 40])
def test_every_text_makes_deliveries(sender: str, text: str, alphabet: str, payload: bool) -> None:
    facts = TextFacts(
        inbound_id=first_at(NOW_MS),
        sender=sender,
        recipient="4599000000",
        text=text.encode().hex() if alphabet == "binary" else text,
        charset=alphabet,
    )
    body = msgspec.json.encode(facts)
    pdus = make_pdus(TEXT, body, zone=UTC, with_tlvs=True, payload=payload)
    assert pdus
    assert len(b"".join(map(encode, pdus))) < 20_000
