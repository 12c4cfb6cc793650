"""What programs submit, and what becomes of it: texts, times, codings, credits."""

from __future__ import annotations

from typing import Any

import pytest
from tests.passing_time import until

from dragoman.core.accounts.account_fields import AccountFields
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.sql.pending import load_batches
from dragoman.kit.ids import time_of
from dragoman.protocols.smpp.pdus import (
    CancelSm,
    DataSm,
    DistributionList,
    QuerySm,
    ReplaceSm,
    SmeAddress,
    SubmitMulti,
)
from dragoman.protocols.smpp.tlvs import Tlv
from dragoman.smpp_server.terms import parse_terms
from dragoman.work_queue.port import Lane

from .conftest import NUMBER, SHARED, Site, submit

pytestmark = SHARED
PAYLOAD = 0x0424
LONG = b"A long text that needs two parts. " * 6


@pytest.fixture
def site(shop: Site) -> Site:
    """An account of its own at the gateway that all tests here share."""
    return shop


async def accepted(site: Site, **more: Any) -> Any:
    """The message that a submit became."""
    esme = await site.bind()
    answer = await esme.ask(submit(**more))
    assert answer.command_status == 0, hex(answer.command_status)
    (message,) = await site.messages()
    assert answer.message_id == str(message.batch_id)
    return message


@pytest.mark.parametrize(
    ("coding", "octets", "text", "format_"),
    [
        (0, b"Hello \x00 \x1be", "Hello @ €", "auto"),
        (1, b"plain @ ASCII", "plain @ ASCII", "auto"),
        (1, b"GSM \x00", "GSM @", "auto"),
        (3, b"\xe5 \xe9 @", "å é @", "auto"),
        (8, "Привет 😀".encode("utf-16-be"), "Привет 😀", "unicode"),
        (0x18, "é".encode("utf-16-be"), "é", "unicode"),
        (5, "テスト".encode("shift_jis"), "テスト", "auto"),
        (6, "Да".encode("iso8859-5"), "Да", "auto"),
        (7, "שלום".encode("iso8859-8"), "שלום", "auto"),
        (9, b"Pictogram", "Pictogram", "auto"),
        (0x0E, "안녕".encode("euc_kr"), "안녕", "auto"),
        (2, b"\x01\xff", "01ff", "binary"),
        (4, b"\x01\xff", "01ff", "binary"),
        (0xF5, b"\x01\xff", "01ff", "binary"),
        (0xF0, b"Flash", "Flash", "auto"),
        (0xC8, b"Waiting", "Waiting", "auto"),
        (0xE0, "é".encode("utf-16-be"), "é", "unicode"),
    ],
)
async def test_every_data_coding_is_read(
    site: Site, coding: int, octets: bytes, text: str, format_: str
) -> None:
    message = await accepted(site, text=octets, data_coding=coding)
    assert (message.text, message.format) == (text, format_)


@pytest.mark.parametrize(
    ("more", "message_class"),
    [
        ({"data_coding": 0xF0}, 0),
        ({"data_coding": 0xF2}, 2),
        ({"data_coding": 0x10}, 0),
        ({"data_coding": 0x00}, None),
        ({"data_coding": 0xC8}, None),
        ({"tlvs": (Tlv(0x0005, b"\x01"),)}, 0),
        ({"tlvs": (Tlv(0x0005, b"\x02"),)}, None),
    ],
)
async def test_the_class_of_a_message(
    site: Site, more: dict[str, Any], message_class: int | None
) -> None:
    message = await accepted(site, **more)
    assert message.options.message_class == message_class


async def test_latin_1_where_the_account_asks_for_it(site: Site) -> None:
    account = await site.account_with_login("latin", latin_1=True)
    esme = await site.bind(system_id="latin")
    await esme.ask(submit(b"\xe5 @"))
    (message,) = await site.messages(account)
    assert message.text == "å @"


async def test_a_long_payload_is_one_message_of_several_parts(site: Site) -> None:
    message = await accepted(site, text=b"", tlvs=(Tlv(PAYLOAD, LONG),))
    assert (message.text, message.parts) == (LONG.decode(), 2)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            {"text": b"\x05\x00\x03\x07\x02\x01one ", "esm_class": 0x40},
            {"text": b"\x05\x00\x03\x07\x02\x02two", "esm_class": 0x40},
        ),
        (
            {"text": b"\x06\x08\x04\x01\x07\x02\x01one ", "esm_class": 0x43},
            {"text": b"\x06\x08\x04\x01\x07\x02\x02two", "esm_class": 0x43},
        ),
        *(
            tuple(
                {
                    "text": text,
                    "tlvs": (
                        Tlv(0x020C, reference),
                        Tlv(0x020E, b"\x02"),
                        Tlv(0x020F, bytes((number,))),
                    ),
                }
                for number, text in ((1, b"one "), (2, b"two"))
            )
            for reference in (b"\x00\x07", b"\x12\x34")
        ),
        (
            {
                "text": b"\x05\x00\x03\x07\x02\x01" + "один ".encode("utf-16-be"),
                "esm_class": 0x40,
                "data_coding": 8,
            },
            {
                "text": b"\x05\x00\x03\x07\x02\x02" + "два".encode("utf-16-be"),
                "esm_class": 0x40,
                "data_coding": 8,
            },
        ),
    ],
)
async def test_parts_are_messages_and_arrive_as_one_text(
    site: Site, first: dict[str, Any], second: dict[str, Any]
) -> None:
    esme = await site.bind()
    ids = [
        (await esme.ask(submit(registered_delivery=1, **part))).message_id
        for part in (first, second)
    ]
    assert len(set(ids)) == 2
    await site.until_states(State.DELIVERED, State.DELIVERED)
    messages = await site.messages()
    assert [message.parts for message in messages] == [1, 1]
    receipts = await esme.until_delivered(2)
    assert {receipt.tlvs[0].value.rstrip(b"\0").decode() for receipt in receipts} == set(ids)
    (text,) = site.simulator.phone(NUMBER).received
    assert text.text in ("one two", "один два")


def sar(number: int, total: int) -> tuple[Tlv, ...]:
    return (
        Tlv(0x020C, b"\x00\x07"),
        Tlv(0x020E, bytes((total,))),
        Tlv(0x020F, bytes((number,))),
    )


# They were refused 0x43.
@pytest.mark.parametrize(
    ("octets", "more", "parts"),
    [
        (b"x" * 154, {}, 1),
        (b"x" * 160, {}, 1),
        (b"x" * 254, {}, 2),
        (("д" * 70).encode("utf-16-be"), {"data_coding": 8}, 1),
        (b"x" * 160, {"data_coding": 3}, 1),
    ],
)
@pytest.mark.parametrize("as_payload", [False, True])
async def test_parts_without_room_for_their_place_are_texts_of_their_own(
    site: Site, octets: bytes, more: dict[str, Any], parts: int, as_payload: bool
) -> None:
    esme = await site.bind()
    last = "fin".encode("utf-16-be") if more.get("data_coding") == 8 else b"fin"
    for number, text in ((1, octets), (2, octets), (3, last)):
        tlvs = sar(number, 3)
        if as_payload:
            text, tlvs = b"", (*tlvs, Tlv(PAYLOAD, text))
        assert (await esme.ask(submit(text, tlvs=tlvs, **more))).command_status == 0
    await site.until_states(*[State.DELIVERED] * 3)
    messages = await site.messages()
    assert sorted(message.parts for message in messages) == sorted((parts, parts, 1))
    whole = octets.decode("utf-16-be") if more.get("data_coding") == 8 else octets.decode()
    shown = [text.text for text in site.simulator.phone(NUMBER).received]
    assert sorted(shown) == sorted([whole, whole, "fin"])


# With a reference beyond 255 they were refused 0x43.
@pytest.mark.parametrize("reference", [b"\x00\x07", b"\x12\x34", b"\x07"])
@pytest.mark.parametrize(
    ("octets", "coding"), [(b"x" * 153, 0), (("д" * 67).encode("utf-16-be"), 8)]
)
async def test_parts_that_are_full_beside_the_usual_header_arrive_as_one_text(
    site: Site, octets: bytes, coding: int, reference: bytes
) -> None:
    esme = await site.bind()
    for number in (1, 2):
        tlvs = (Tlv(0x020C, reference), *sar(number, 2)[1:])
        answer = await esme.ask(submit(octets, data_coding=coding, tlvs=tlvs))
        assert answer.command_status == 0
    await site.until_states(State.DELIVERED, State.DELIVERED)
    (text,) = site.simulator.phone(NUMBER).received
    assert text.text == octets.decode("utf-16-be" if coding else "ascii") * 2


# The last part waited on the phone for ever.
async def test_a_last_part_that_is_refused_at_first_is_a_text_of_its_own(site: Site) -> None:
    esme = await site.bind()
    past = {"validity_period": "200101000000000+"}
    for text, number, more in ((b"x" * 160, 1, {}), (b"fin", 2, past), (b"fin", 2, {})):
        answer = await esme.ask(submit(text, tlvs=sar(number, 2), **more))
        assert answer.command_status == (0x62 if more else 0)
    await site.until_states(State.DELIVERED, State.DELIVERED)
    shown = [text.text for text in site.simulator.phone(NUMBER).received]
    assert sorted(shown) == sorted(["x" * 160, "fin"])


async def test_a_text_after_one_without_room_for_places_is_whole_again(site: Site) -> None:
    esme = await site.bind()
    for text, number in ((b"x" * 160, 1), (b"fin", 2), (b"one ", 1), (b"two", 2)):
        assert (await esme.ask(submit(text, tlvs=sar(number, 2)))).command_status == 0
    await site.until_states(*[State.DELIVERED] * 4)
    shown = [text.text for text in site.simulator.phone(NUMBER).received]
    assert sorted(shown) == sorted(["x" * 160, "fin", "one two"])


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"destination_addr": "no number"}, 0x0B),
        ({"destination_addr": ""}, 0x0B),
        ({"source_addr_ton": 1, "source_addr": "far too long a name"}, 0x0A),
        ({"text": b""}, 0x01),
        ({"text": b"odd", "data_coding": 8}, 0x01),
        ({"priority_flag": 4}, 0x06),
        ({"esm_class": 0x04}, 0x43),
        ({"esm_class": 0x40, "text": b"\x20no header"}, 0x43),
        ({"esm_class": 0x40, "text": b"\x05\x00\x09\x07\x02\x01one"}, 0x43),
        ({"schedule_delivery_time": "tomorrow"}, 0x61),
        ({"schedule_delivery_time": "991231235959000+"}, 0x61),
        ({"validity_period": "nonsense"}, 0x62),
        ({"validity_period": "200101000000000+"}, 0x62),
        ({"tlvs": (Tlv(PAYLOAD, b"both"),)}, 0xC1),
        ({"tlvs": (Tlv(0x020C, b"\0\1"), Tlv(0x020E, b"\2"), Tlv(0x020F, b"\3"))}, 0xC4),
        ({"text": b"x" * 141, "esm_class": 0x40, "data_coding": 4}, 0x43),
        ({"text": b"x" * 135, "data_coding": 4, "tlvs": sar(1, 2)}, 0x43),
        ({"text": b"\x03\x70\x01\x00" + b"x" * 153, "esm_class": 0x40, "tlvs": sar(1, 2)}, 0x43),
    ],
)
async def test_what_cannot_be_is_refused_with_its_status(
    site: Site, more: dict[str, Any], status: int
) -> None:
    esme = await site.bind()
    esme.raw = b""
    answer = await esme.ask(submit(registered_delivery=1, **more))
    assert hex(answer.command_status) == hex(status)
    assert esme.raw[:8] == b"\x00\x00\x00\x10\x80\x00\x00\x04"  # no body beside an error
    assert await site.messages() == []


@pytest.mark.parametrize("registered", [4, 0x0C, 0xE0, 0x1F])
@pytest.mark.parametrize("esm_class", [0x00, 0x01, 0x02, 0x03, 0x08, 0x80])
async def test_bits_that_mean_nothing_here_are_taken(
    site: Site, registered: int, esm_class: int
) -> None:
    await accepted(site, registered_delivery=registered, esm_class=esm_class)


async def test_no_credit_has_the_status_that_the_account_has_for_it(site: Site) -> None:
    for name, status in (("poor", 0x45), ("clickatell", 0x400)):
        account = await site.account_with_login(name, credits=1, no_credit_status=status)
        esme = await site.bind(system_id=name)
        first, second = esme.send(submit()), esme.send(submit())
        await until(lambda e=esme, s=second: s in e.answers)
        assert esme.answers[first].command_status == 0
        assert esme.answers[second].command_status == status
        assert len(await site.messages(account)) == 1


async def test_a_sender_that_is_not_approved(site: Site) -> None:
    account = await site.account_with_login("strict")
    await site.services.accounts.change(account.username, revoke=frozenset({Permission.ANY_SENDER}))
    esme = await site.bind(system_id="strict")
    assert (await esme.ask(submit())).command_status == 0x0A


async def test_one_that_opted_out_is_refused(site: Site) -> None:
    await site.services.opt_outs.add(site.account, NUMBER, sender="")
    esme = await site.bind()
    assert (await esme.ask(submit())).command_status == 0x45
    assert await site.messages() == []


async def test_a_priority_is_a_lane(site: Site) -> None:
    esme = await site.bind()
    for priority in range(4):
        assert not (await esme.ask(submit(priority_flag=priority))).command_status
    ids = [message.batch_id for message in await site.messages()]
    stored = await site.services.storage.read(lambda c: load_batches(c, ids))
    assert [stored[id_].lane == Lane.URGENT for id_ in ids] == [False, False, True, True]


async def test_a_vendors_parameter_is_the_reference(site: Site) -> None:
    esme = await site.bind()
    tlvs = (Tlv(0x1400, b"order 7\0"), Tlv(0x1401, b"cost centre"), Tlv(0x1402, bytes(65)))
    answer = await esme.ask(submit(service_type="CMT", tlvs=tlvs))
    batch_id = int(answer.message_id)
    stored = await site.services.storage.read(lambda c: load_batches(c, [batch_id]))
    assert stored[batch_id].reference == "order 7"
    assert parse_terms(stored[batch_id].options.return_data).tags == (
        ("service_type", "CMT"),
        ("1400", "order 7"),
        ("1401", "cost centre"),
    )


async def test_what_a_receipt_brings_back_is_bounded(site: Site) -> None:
    tlvs = (
        Tlv(0x0204, b""),
        Tlv(0x0204, b"\0\7"),
        Tlv(0x0204, b"\0\x08"),
        Tlv(0x020A, bytes(2000)),
    )
    esme = await site.bind()
    assert (await esme.ask(submit(registered_delivery=1, tlvs=tlvs))).command_status == 0
    (receipt,) = await esme.until_delivered(1)
    assert receipt.tlvs[2:] == (Tlv(0x0204, b"\0\7"),)


async def test_an_empty_payload_beside_a_text_is_none(site: Site) -> None:
    message = await accepted(site, tlvs=(Tlv(PAYLOAD, b""),))
    assert message.text == "Hello"


async def test_times_both_ways(site: Site) -> None:
    esme = await site.bind()
    answer = await esme.ask(
        submit(schedule_delivery_time="000000010000000R", validity_period="000002000000000R")
    )
    batch = await site.services.queries.batch(site.account, int(answer.message_id))
    assert batch.due_ms - time_of(batch.batch_id) in range(3_600_000 - 1000, 3_600_001)
    assert await site.messages() == []
    past = await esme.ask(submit(schedule_delivery_time="200101000000000+"))
    assert past.command_status == 0
    assert len(await site.messages()) == 1


async def test_a_name_under_the_type_of_numbers_is_a_name(site: Site) -> None:
    """As Apprise has it, and whoever begins with the examples of smpplib."""
    esme = await site.bind()
    sent = await esme.ask(submit(source_addr_ton=1, source_addr_npi=0, source_addr="Dragoman"))
    assert sent.command_status == 0
    (message,) = await site.messages()
    assert message.sender == "Dragoman"


async def test_submit_multi_names_whom_it_does_not_reach(site: Site) -> None:
    esme = await site.bind()
    destinations = (
        SmeAddress(1, 1, "4511111111"),
        SmeAddress(1, 1, "nobody"),
        SmeAddress(1, 1, "4522222222"),
    )
    answer = await esme.ask(
        SubmitMulti(
            source_addr_ton=5,
            source_addr="Dragoman",
            dest_address=destinations,
            registered_delivery=1,
            short_message=b"Hello",
        )
    )
    assert answer.command_status == 0
    assert [(one.destination_addr, one.error_status_code) for one in answer.unsuccess_sme] == [
        ("nobody", 0x0B)
    ]
    receipts = await esme.until_delivered(2)
    assert {receipt.source_addr for receipt in receipts} == {"4511111111", "4522222222"}
    assert {receipt.tlvs[0].value for receipt in receipts} == {answer.message_id.encode() + b"\0"}
    lists = SubmitMulti(dest_address=(DistributionList("staff"),), short_message=b"Hello")
    assert (await esme.ask(lists)).command_status == 0x34
    assert (await esme.ask(SubmitMulti(short_message=b"Hello"))).command_status == 0x33


async def test_submit_multi_to_nobody_is_refused_and_not_answered_with_an_empty_id(
    site: Site,
) -> None:
    esme = await site.bind()
    nobody = (SmeAddress(1, 1, "nobody"), SmeAddress(1, 1, "12"))
    answer = await esme.ask(SubmitMulti(dest_address=nobody, short_message=b"Hello"))
    assert answer.command_status == 0x0B
    assert await site.messages() == []


async def test_data_sm_is_submitted(site: Site) -> None:
    esme = await site.bind()
    answer = await esme.ask(
        DataSm(
            source_addr_ton=5,
            source_addr="Dragoman",
            destination_addr=NUMBER,
            registered_delivery=1,
            tlvs=(Tlv(PAYLOAD, b"Hello"),),
        )
    )
    (receipt,) = await esme.until_delivered(1)
    assert receipt.tlvs[0].value == answer.message_id.encode() + b"\0"


async def test_query_cancel_and_replace(site: Site) -> None:
    esme = await site.bind()
    later = await esme.ask(submit(schedule_delivery_time="000001000000000R"))
    names = {"message_id": later.message_id, "source_addr_ton": 5, "source_addr": "Dragoman"}
    found = await esme.ask(QuerySm(**names))
    assert (found.command_status, found.message_state, found.final_date) == (0, 1, "")
    assert (await esme.ask(QuerySm(**names | {"source_addr": "Other"}))).command_status == 0x67
    assert (await esme.ask(QuerySm(**names | {"message_id": "nonsense"}))).command_status == 0x67
    cancel = CancelSm(**names, destination_addr=NUMBER)
    assert (await esme.ask(cancel)).command_status == 0
    assert (await esme.ask(cancel)).command_status == 0x11
    sent = await esme.ask(submit(registered_delivery=1))
    await esme.until_delivered(1)
    found = await esme.ask(QuerySm(message_id=sent.message_id, source_addr="Dragoman"))
    assert (found.message_state, found.error_code, len(found.final_date)) == (2, 0, 16)
    over = CancelSm(message_id=sent.message_id, source_addr="Dragoman")
    assert (await esme.ask(over)).command_status == 0x11
    replace = ReplaceSm(message_id=sent.message_id, source_addr="Dragoman", short_message=b"x")
    assert (await esme.ask(replace)).command_status == 0x13


@pytest.mark.parametrize("version", [0x33, 0x34])
@pytest.mark.parametrize("message_id", ["9" * 20, str(2**63), "z" * 20, "-1", "0", "x" * 64])
async def test_an_id_that_nobody_has_is_not_found(
    site: Site, version: int, message_id: str
) -> None:
    esme = await site.bind(version=version)
    names = {"message_id": message_id, "source_addr": "Dragoman"}
    assert (await esme.ask(QuerySm(**names))).command_status == 0x67
    assert (await esme.ask(CancelSm(**names))).command_status == 0x11
    assert (await esme.ask(ReplaceSm(**names, short_message=b"x"))).command_status == 0x13


@pytest.mark.parametrize(
    ("ton", "source"), [(0, ""), (0, "004511223344"), (2, "0011223344"), (1, "+4511223344")]
)
async def test_a_message_is_found_by_the_sender_that_it_was_submitted_with(
    site: Site, ton: int, source: str
) -> None:
    fields = AccountFields(default_sender="Dragoman")
    await site.services.accounts.change(site.account.username, fields)
    esme = await site.bind()
    names = {"source_addr_ton": ton, "source_addr": source}
    later = submit(**names, schedule_delivery_time="000001000000000R")
    first, second = [(await esme.ask(later)).message_id for _ in range(2)]
    assert (await esme.ask(QuerySm(message_id=first, **names))).message_state == 1
    replace_ = ReplaceSm(message_id=first, **names, short_message=b"x")
    assert (await esme.ask(replace_)).command_status == 0
    assert (await esme.ask(CancelSm(message_id=first, **names))).command_status == 0
    every = CancelSm(**names, destination_addr=NUMBER)
    assert (await esme.ask(every)).command_status == 0
    assert (await esme.ask(CancelSm(message_id=second, **names))).command_status == 0x11


async def test_a_message_that_is_due_later_is_replaced(site: Site) -> None:
    account = await site.account_with_login("paying", credits=10)
    esme = await site.bind(system_id="paying")
    later = await esme.ask(
        submit(LONG[:200], schedule_delivery_time="000001000000000R", registered_delivery=1)
    )
    balance = await site.services.accounts.balance(account)
    assert (balance.available, balance.held) == (8, 2)
    names = {"message_id": later.message_id, "source_addr_ton": 5, "source_addr": "Dragoman"}
    for text in (b"Second", b"Third \x00"):
        replace = ReplaceSm(
            **names,
            schedule_delivery_time="000000000000000R" if text == b"Third \x00" else "",
            registered_delivery=1,
            short_message=text,
        )
        assert (await esme.ask(replace)).command_status == 0
        assert (await esme.ask(QuerySm(**names))).message_state in (1, 2)
    balance = await site.services.accounts.balance(account)
    assert balance.available == 9
    (receipt,) = await esme.until_delivered(1)
    assert receipt.short_message.startswith(f"id:{later.message_id} ".encode())
    assert [text.text for text in site.simulator.phone(NUMBER).received] == ["Third @"]
    assert (await esme.ask(QuerySm(**names))).message_state == 2
    assert (await esme.ask(replace)).command_status == 0x13
    strange = ReplaceSm(message_id="7", source_addr="Dragoman", short_message=b"x")
    assert (await esme.ask(strange)).command_status == 0x13


async def test_cancel_by_addresses(site: Site) -> None:
    esme = await site.bind()
    for number in (NUMBER, NUMBER, "4587654321"):
        answer = await esme.ask(
            submit(schedule_delivery_time="000001000000000R", destination_addr=number)
        )
    cancel = CancelSm(source_addr_ton=5, source_addr="Dragoman", destination_addr=NUMBER)
    assert (await esme.ask(cancel)).command_status == 0
    assert (await esme.ask(cancel)).command_status == 0x11
    batch = await site.services.queries.batch(site.account, int(answer.message_id))
    assert batch.unsent == 1


async def test_a_program_of_version_3_3_asks_by_its_id(site: Site) -> None:
    esme = await site.bind(version=0x33)
    later = await esme.ask(submit(schedule_delivery_time="000001000000000R"))
    names = {"message_id": later.message_id, "source_addr": "Dragoman"}
    assert (await esme.ask(QuerySm(**names))).message_state == 1
    assert (await esme.ask(CancelSm(**names))).command_status == 0


async def test_parameters_of_a_program_that_says_no_version_are_read(site: Site) -> None:
    esme = await site.bind(version=0x00)
    answer = await esme.ask(submit(b"", tlvs=(Tlv(PAYLOAD, LONG), Tlv(0x1400, b"order"))))
    assert answer.command_status == 0
    (message,) = await site.messages()
    stored = await site.services.storage.read(lambda c: load_batches(c, [message.batch_id]))
    assert (message.text, stored[message.batch_id].reference) == (LONG.decode(), "order")


async def test_half_a_character_at_the_edge_of_a_part_arrives(site: Site) -> None:
    octets = ("x" * 66 + "😀" + "y" * 20).encode("utf-16-be")
    parts = [
        bytes((5, 0, 3, 9, 2, number)) + piece
        for number, piece in enumerate((octets[:134], octets[134:]), 1)
    ]
    esme = await site.bind()
    for part in parts:
        answer = await esme.ask(submit(text=part, data_coding=8, esm_class=0x40))
        assert answer.command_status == 0
    await until(lambda: site.simulator.phone(NUMBER).received)
    assert [one.pdu.short_message for one in list(site.simulator.submits)[-2:]] == parts
