"""What became of texts, what came in, and which phones there are."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from tests.dialects.in_process import forget

from dragoman.admin.context import Admin
from dragoman.admin.messages import find_status
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.devices.model.devices import AssignmentState, Device, DeviceSettings, Limits
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import Holder, InboundPartReport
from dragoman.core.model.errors import FailureCode
from dragoman.dialects.smsgateway24 import asking, mapping
from dragoman.protocols.gsm.alphabet import Alphabet

from .conftest import OTHER_TOKEN, TOKEN, WAYS, Gate

SENDING = (State.SENDING,)
SENT = (*SENDING, State.SENT)
WAYS_OF_TEXTS: dict[str, tuple[tuple[State, ...], FailureCode, str, int, str]] = {
    "accepted": ((), FailureCode.NONE, "", 1, "New"),
    "with a carrier": (SENDING, FailureCode.NONE, "", 2, "sending"),
    "sent": (SENT, FailureCode.NONE, "", 6, "sent"),
    "no report": ((*SENT, State.UNKNOWN), FailureCode.NO_REPORT, "", 6, "sent"),
    "delivered": ((*SENT, State.DELIVERED), FailureCode.NONE, "", 7, "delivered"),
    "undelivered": ((*SENT, State.UNDELIVERED), FailureCode.HANDSET, "", 8, "not delivered"),
    "expired": ((State.EXPIRED,), FailureCode.EXPIRED, "", 8, "not delivered"),
    "cancelled": ((State.CANCELLED,), FailureCode.CANCELLED, "", 8, "not delivered"),
    "failed": (
        (*SENDING, State.REJECTED),
        FailureCode.NETWORK,
        "RESULT_ERROR_GENERIC_FAILURE",
        9,
        "not sent: generic failure",
    ),
    "no service": (
        (*SENDING, State.REJECTED),
        FailureCode.NETWORK,
        "RESULT_ERROR_NO_SERVICE",
        10,
        "not sent: no service",
    ),
    "null PDU": (
        (*SENDING, State.REJECTED),
        FailureCode.INVALID_CONTENT,
        "RESULT_ERROR_NULL_PDU",
        11,
        "not sent: null PDU",
    ),
    "radio off": (
        (*SENDING, State.REJECTED),
        FailureCode.NETWORK,
        "RESULT_ERROR_RADIO_OFF",
        12,
        "not sent: radio off",
    ),
    "opted out": ((State.REJECTED,), FailureCode.OPTED_OUT, "", 100, "not sent: not allowed"),
    "barred": (
        (*SENDING, State.REJECTED),
        FailureCode.BARRED,
        "RESULT_ERROR_FDN_CHECK_FAILURE",
        101,
        "not sent: not allowed at all",
    ),
}


@pytest.mark.parametrize("case", WAYS_OF_TEXTS)
async def test_each_state_has_its_status_and_is_found_by_it(gate: Gate, case: str) -> None:
    states, failure, detail, status, title = WAYS_OF_TEXTS[case]
    sms_id = await gate.send()
    await gate.move(await gate.message(sms_id), *states, failure=failure, detail=detail)
    answer = await gate.call("getsmsstatus", token=TOKEN, sms_id=sms_id)
    assert answer.body == (
        b'{"error":0,"sms_id":%d,"status":%d,"status_description":"%s","message":"Ok"}'
        % (sms_id, status, title.encode())
    )
    found = await gate.sms(sms_id)
    assert (found["status"], found["statustitle"]) == (status, title)
    for wanted in mapping.TITLES:
        listed = await gate.ok("getallsms", status=wanted)
        assert list(listed["smss"]) == ([str(sms_id)] if wanted == status else []), wanted


STAGES = [
    (AssignmentState.ASSIGNED, 1, "New"),
    (AssignmentState.FETCHED, 3, "queued"),
    (AssignmentState.HELD, 2, "sending"),
    (AssignmentState.PROCESSED, 2, "sending"),
]


@pytest.mark.parametrize(("stage", "status", "title"), STAGES)
async def test_a_text_for_a_phone_is_new_until_it_is_fetched_then_queued_then_sending(
    gate: Gate, stage: AssignmentState, status: int, title: str
) -> None:
    device = await gate.phone()
    sms_id = await gate.send(device_id=device.device_id)
    assert await gate.status(sms_id) == (1, "New")
    message = await gate.message(sms_id)
    await gate.move(message, State.SENDING)
    await gate.hand_over(message, device, stage)
    assert await gate.status(sms_id) == (status, title)
    for wanted in mapping.TITLES:
        listed = await gate.ok("getallsms", status=wanted)
        assert list(listed["smss"]) == ([str(sms_id)] if wanted == status else []), wanted
    await gate.move(message, State.SENT)
    assert await gate.status(sms_id) == (6, "sent")
    await gate.move(message, State.DELIVERED)
    assert await gate.status(sms_id) == (7, "delivered")


async def test_a_text_for_no_phone_in_particular_shows_the_one_that_got_it(gate: Gate) -> None:
    device = await gate.phone(sims=2)
    sms_id = await gate.send()
    assert (await gate.sms(sms_id))["deviceid"] is None
    message = await gate.message(sms_id)
    await gate.move(message, State.SENDING)
    await gate.hand_over(message, device, AssignmentState.FETCHED, slot=2)
    found = await gate.sms(sms_id, device_id=device.device_id, sim=1)
    assert (found["deviceid"], found["sim"]) == (device.device_id, 1)


@pytest.mark.parametrize("way", WAYS)
async def test_the_list_is_printed_as_the_provider_prints_it(gate: Gate, way: str) -> None:
    device = await gate.phone()
    sms_id = await gate.send(
        body="Hello! Thank you for Order! ", device_id=device.device_id, timetosend="2020-01-01"
    )
    created = (await gate.sms(sms_id, timezone="Europe/Paris"))["created"]["date"]
    answer = await gate.call("getallsms", way, token=TOKEN, timezone="Europe/Paris")
    date = b'{"date":"%s","timezone_type":3,"timezone":"Europe/Paris"}'
    assert answer == (
        200,
        "application/json",
        b'{"error":0,"smss":{"%(id)d":{"id":%(id)d,"sendto":"+4915752982212",'
        b'"body":"Hello! Thank you for Order! ","customerid":null,"status":1,"statustitle":"New",'
        b'"deviceid":%(device)d,"urgent":null,"created":%(created)s,"senttime":null,'
        b'"timetosend":%(due)s,"sim":0,"paketid":null,"pakettitle":null,"paketbody":null}},'
        b'"count":1,"message":"Ok"}'
        % {
            b"id": sms_id,
            b"device": device.device_id,
            b"created": date % created.encode(),
            b"due": date % b"2020-01-01 01:00:00.000000",
        },
    )


async def test_nothing_found_is_an_empty_object(gate: Gate) -> None:
    answer = await gate.call("getallsms", token=TOKEN)
    assert answer.body == b'{"error":0,"smss":{},"count":0,"message":"Ok"}'
    answer = await gate.call("getallsms", token=TOKEN, onlycount=1)
    assert answer.body == b'{"error":0,"count":0,"message":"Ok"}'


async def receive(
    gate: Gate,
    device: Device,
    sender: str,
    text: str,
    slot: int = 1,
    alphabet: Alphabet = Alphabet.GSM7,
) -> None:
    """A text that a phone hands in."""
    stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    gate.services.inbound.receive(
        InboundPartReport(
            carrier=device.carrier,
            source=sender,
            destination="",
            alphabet=alphabet,
            text=text,
            holder=Holder(
                account_id=device.account_id,
                device_id=device.device_id,
                event_id=f"event-{text}",
                sim=slot,
            ),
        ),
        stored.set_result,
    )
    assert await stored


async def test_filters_narrow_the_list(gate: Gate) -> None:
    first, second = [await gate.phone(sims=2) for _ in range(2)]
    a = await gate.send(device_id=first.device_id, customerid=1)
    b = await gate.send(device_id=first.device_id, sim=1, sendto="+4917642111111")
    c = await gate.send(device_id=second.device_id, customerid=12)
    d = await gate.send(sendto="+4917642111111", timetosend="2027-01-01")
    await receive(gate, second, "+4915752982212", "in", slot=2)
    everything = await gate.ok("getallsms")
    [received] = [int(sms["id"]) for sms in everything["smss"].values() if sms["status"] == 5]
    cases: list[tuple[dict[str, Any], list[int]]] = [
        ({}, [a, b, c, d, received]),
        ({"orderbydesc": 1}, [received, d, c, b, a]),
        ({"device_id": first.device_id}, [a, b]),
        ({"device_id": second.device_id}, [c, received]),
        ({"device_id": first.device_id, "sim": 0}, [a]),
        ({"sim": 1}, [b, received]),
        ({"customerid": 1}, [a]),
        ({"customerid": 12}, [c]),
        ({"phone": "+4917642111111"}, [b, d]),
        ({"phone": "4915752982212"}, [a, c, received]),
        ({"phone": "nobody"}, []),
        ({"status": "1"}, [a, b, c, d]),
        ({"status": "5"}, [received]),
        ({"status": "1,5"}, [a, b, c, d, received]),
        ({"status": "7"}, []),
        ({"begindate": "2020-01-01", "enddate": "2020-12-31"}, []),
        ({"begindate": "2020-01-01"}, [a, b, c, d, received]),
        ({"enddate": "2999-12-31 23:59:59"}, [a, b, c, d, received]),
    ]
    for given, expected in cases:
        answer = await gate.ok("getallsms", **given)
        assert [int(sms_id) for sms_id in answer["smss"]] == expected, given
        assert answer["count"] == len(expected)
        counted = await gate.ok("getallsms", onlycount=1, **given)
        assert counted["count"] == len(expected), given


async def test_a_received_text_is_shown_with_its_phone(gate: Gate) -> None:
    device = await gate.phone(sims=2)
    await receive(gate, device, "+4917642111111", "Hallo", slot=2)
    await receive(gate, device, "Bank", "Your code", slot=0)
    shown = list((await gate.ok("getallsms", status=5))["smss"].values())
    assert [(s["sendto"], s["body"], s["deviceid"], s["sim"]) for s in shown] == [
        ("+4917642111111", "Hallo", device.device_id, 1),
        ("Bank", "Your code", device.device_id, None),
    ]
    assert [(s["status"], s["statustitle"], s["timetosend"]) for s in shown] == [
        (5, "incoming", None)
    ] * 2
    assert await gate.status(shown[0]["id"]) == (5, "incoming")
    assert (await gate.ok("getallsms", token=OTHER_TOKEN))["smss"] == {}


async def test_of_very_many_the_newest_are_shown_and_all_counted(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "MAX_SHOWN", 2)
    ids = [await gate.send() for _ in range(4)]
    answer = await gate.ok("getallsms")
    assert (list(answer["smss"]), answer["count"]) == ([str(one) for one in ids[2:]], 4)


ASKED_BADLY: dict[str, tuple[str, dict[str, Any], str]] = {
    "unknown text": ("getsmsstatus", {"sms_id": 22074698}, "Sms not found"),
    "text that is no number": ("getsmsstatus", {"sms_id": "x"}, "Sms not found"),
    "text beyond all numbers": ("getsmsstatus", {"sms_id": "9" * 40}, "Sms not found"),
    "no text": ("getsmsstatus", {}, "Parameter sms_id is required"),
    "unknown phone": ("getdevicestatus", {"device_id": 260}, "Device not found"),
    "no phone": ("getdevicestatus", {}, "Parameter device_id is required"),
    "list of an unknown phone": ("getallsms", {"device_id": 260}, "Device not found"),
    "unknown status": (
        "getallsms",
        {"status": 55},
        "Parameter status is not valid: no such status",
    ),
    "status in words": (
        "getallsms",
        {"status": "new"},
        "Parameter status is not valid: no such status",
    ),
    "unknown zone": (
        "getallsms",
        {"timezone": "Mars/Olympus"},
        "Parameter timezone is not valid: no such zone",
    ),
    "zone that is a folder": (
        "getallsms",
        {"timezone": "Europe"},
        "Parameter timezone is not valid: no such zone",
    ),
    "zone outside": (
        "getallsms",
        {"timezone": "../../etc/passwd"},
        "Parameter timezone is not valid: no such zone",
    ),
    "offset beyond all": (
        "getallsms",
        {"timezone": "+99:00"},
        "Parameter timezone is not valid: no such zone",
    ),
    "day of nonsense": (
        "getallsms",
        {"begindate": "yesterday"},
        "Parameter begindate is not valid: not of the form YYYY-MM-DD HH:MM:SS",
    ),
    "year 0": (
        "getallsms",
        {"enddate": "0000-01-01"},
        "Parameter enddate is not valid: no such date",
    ),
    "SIM of no phone": ("getallsms", {"sim": 9}, "Parameter sim is not valid: 0 to 2"),
    "count as nonsense": (
        "getallsms",
        {"onlycount": "perhaps"},
        "Parameter onlycount is not valid: neither 0 nor 1",
    ),
}


@pytest.mark.stores_nothing
@pytest.mark.parametrize("case", ASKED_BADLY)
async def test_a_bad_question_is_refused(gate: Gate, case: str) -> None:
    name, given, expected = ASKED_BADLY[case]
    assert await gate.refused(name, **given) == expected


async def test_phones_of_another_account_are_unknown(gate: Gate) -> None:
    other: Account = await gate.services.accounts.find("other")
    device = await gate.phone(other)
    given = {"device_id": device.device_id}
    assert await gate.refused("getdevicestatus", **given) == "Device not found"
    assert await gate.refused("getallsms", **given) == "Device not found"
    assert (await gate.ok("getalldevices"))["device"] == {}


@pytest.mark.parametrize("way", WAYS)
async def test_phones_are_printed_as_the_provider_prints_them(gate: Gate, way: str) -> None:
    device = await gate.phone(sims=2, name="AOSP_on_IA_Emulator")
    devices = gate.services.devices
    await devices.change_sim(device.device_id, 2, number="+15555215554", label="Android")
    answer = await gate.call("getalldevices", way, token=TOKEN)
    shown = answer.json["device"][str(device.device_id)]
    date, human = shown["created"]["date"], shown["createdhumanformat"]
    seen, seen_human = shown["lastseen"]["date"], shown["lastseenhumanformat"]
    time = '{"date":"%s","timezone_type":3,"timezone":"UTC"}'
    sim = '{"Slot":"%d","IccId":"","Number":"%s","Roaming":"0","CountryIso":"","CarrierName":"%s"}'
    assert answer.body.decode() == (
        f'{{"count":1,"device":{{"{device.device_id}":{{"id":{device.device_id},'
        '"title":"AOSP_on_IA_Emulator","number":"+15555215554","imei":null,'
        f'"created":{time % date},"createdhumanformat":"{human}",'
        f'"lastseen":{time % seen},"lastseenhumanformat":"{seen_human}",'
        f'"serialnumber":"unknown","siminfo":[{sim % (0, "", "o2")},'
        f"{sim % (1, '+15555215554', 'Android')}],"
        '"appversion":"1.68","isappversionactual":true,"delaybetweeneachsms":3,'
        '"delaybetweenrequest":1,"subscription":true}},"error":0,"message":"OK"}'
    )
    day, month, year = human[:10].split(".")
    assert date == f"{year}-{month}-{day} {human[11:]}.000000"


async def test_a_phone_without_a_gap_has_no_delay(gate: Gate) -> None:
    device = await gate.phone()
    settings = DeviceSettings(limits=Limits())
    await gate.services.devices.change_settings(device.device_id, settings)
    [shown] = (await gate.ok("getalldevices"))["device"].values()
    assert shown["delaybetweeneachsms"] is None


@pytest.mark.parametrize("way", WAYS)
async def test_a_phone_is_online_until_it_is_silent_or_disabled(gate: Gate, way: str) -> None:
    device = await gate.phone()
    answer = await gate.call("getdevicestatus", way, token=TOKEN, device_id=device.device_id)
    status = answer.json
    assert status["diffseconds"] in range(30)
    assert answer.body == (
        b'{"online":true,"error":0,"message":"OK","device_id":%d,'
        b'"lastseen":{"date":"%s","timezone_type":1,"timezone":"+00:00"},'
        b'"diffseconds":%d,"title":"SM-F NIK!"}'
        % (device.device_id, status["lastseen"]["date"].encode(), status["diffseconds"])
    )
    await gate.services.devices.set_enabled(device.device_id, enabled=False)
    assert not (await gate.ok("getdevicestatus", device_id=device.device_id))["online"]


def test_every_state_and_failure_has_a_status() -> None:
    for state in State:
        for failure in FailureCode:
            assert mapping.status_of(state, failure, "") in mapping.TITLES
    assert mapping.status_of(None, FailureCode.NONE, "") == mapping.INCOMING


def test_each_status_finds_what_has_it_and_nothing_else() -> None:
    """Every state, failure and detail is found by one status alone: its own."""
    details = ("", "RESULT_ERROR_GENERIC_FAILURE", *mapping.OF_DETAIL)
    for state in State:
        for failure in FailureCode:
            for detail in details:
                for stage in (None, *AssignmentState):
                    own = mapping.status_of(state, failure, detail, stage)
                    found = [
                        status
                        for status in mapping.TITLES
                        for kind in mapping.kinds_of(status)
                        if _fits(kind, state, failure, detail, stage)
                    ]
                    assert found == [own], (state, failure, detail, stage)


def _fits(
    kind: Any, state: State, failure: str, detail: str, stage: AssignmentState | None
) -> bool:
    return (
        state in kind.states
        and (not kind.assignments or stage in kind.assignments)
        and stage not in kind.other_assignments
        and (not kind.failures or failure in kind.failures)
        and failure not in kind.other_failures
        and (not kind.details or detail in kind.details)
        and detail not in kind.other_details
    )


def test_a_note_comes_back_as_it_was_kept() -> None:
    note = mapping.Note(due_ms=1, device_id=2, slot=3, zone="Europe/Rome", newsletter=True)
    assert mapping.parse_note(mapping.render_note(note)) == note
    assert mapping.parse_note("") == mapping.Note()
    assert msgspec.json.decode(mapping.render_note(mapping.Note())) == {}


async def test_identifiers_fit_32_bits_and_longer_ones_stay_good(gate: Gate) -> None:
    """A program in Java lost the answer to a text that was accepted, and sent it again."""
    device = await gate.phone()
    tag_id = (await gate.ok("savetag", title="Clients"))["tag_id"]
    contact = await gate.ok("savecontact", phone="+4917642111111", ctag_id=tag_id)
    newsletter = await gate.ok("savepaket", title="N", body="x", tags=tag_id)
    sms_id = await gate.send(device_id=device.device_id)
    await receive(gate, device, "+4917642111111", "Hallo")
    listed = (await gate.ok("getallsms"))["smss"]
    found = [tag_id, contact["contact_id"], newsletter["paket_id"], sms_id, *map(int, listed)]
    found += [one["deviceid"] for one in listed.values()]
    assert len(listed) == 2
    assert [one for one in found if not 0 < one < 1 << 31] == []
    assert list((await gate.ok("getallsms"))["smss"]) == list(listed)
    long_id = await gate.services.short_ids.identifier_of(sms_id)
    assert long_id > 1 << 31
    answer = await gate.ok("getsmsstatus", sms_id=long_id)
    assert (answer["sms_id"], answer["status"]) == (long_id, 1)
    status = await find_status(Admin(services=gate.services), str(sms_id))
    assert (status.account, getattr(status, "batch_id", 0)) == ("acme", long_id)


async def test_what_was_deleted_is_listed_without_text_and_number(gate: Gate) -> None:
    device = await gate.phone()
    sms_id = await gate.send(customerid="77")
    await gate.move(await gate.message(sms_id), State.SENDING, State.SENT, State.DELIVERED)
    await receive(gate, device, "+4917642111111", "secret")
    await forget(gate.services)
    shown = (await gate.ok("getallsms"))["smss"]
    assert {(one["body"], one["sendto"]) for one in shown.values()} == {("", "0")}
    assert (shown[str(sms_id)]["customerid"], shown[str(sms_id)]["status"]) == (77, 7)
