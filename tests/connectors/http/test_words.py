"""The words of the providers' manuals: what each refusal, state and reason becomes.

Each row takes an answer or a call of the preset's table and puts other words in the place of one.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from dragoman.core.model.errors import FailureCode
from dragoman.dialects.twilio.mapping import ERRORS
from dragoman.web.outgoing import Fetched

from .peers import RecordedEvents, call
from .test_presets import CASES, build

REFUSALS: dict[str, tuple[str, dict[str, str]]] = {
    "twilio": (
        "|21606",
        {
            "throttled": "20429 21611 63017 63018",
            "credit": "63038",
            "setup": "10001 20003 20005 20404 21609 21701 21704 21705",
            "invalid_destination": "21211 21265 21266 21268 21604 21614 21635",
            "invalid_sender": "21212 21267 21401 21601 21603 21607 21657 21659 21660 21661",
            "invalid_content": "21602 21619",
            "text_too_long": "21617",
            "not_allowed": "21408 21608",
            "no_route": "21612 21703",
            "opted_out": "21610",
        },
    ),
    "vonage": (
        '"status":"|15',
        {
            "throttled": "1",
            "temporary": "5 10",
            "credit": "9",
            "setup": "4 8 11 14 32",
            "refused_by_carrier": "2 3 22",
            "invalid_destination": "6",
            "barred": "7",
            "text_too_long": "12",
            "not_allowed": "29",
            "unknown_subscriber": "33",
        },
    ),
    "vonage-messages": (
        "#|1120",
        {
            "throttled": "1000",
            "temporary": "1030 1100",
            "credit": "1070 low-balance",
            "setup": "1060 1080 unauthorized",
            "refused_by_carrier": "1010 1020 1021 1130",
            "invalid_destination": "1040",
            "barred": "1050",
            "text_too_long": "1090",
        },
    ),
    "infobip": (
        '"id":|52',
        {
            "no_route": "6 19",
            "invalid_destination": "8 51",
            "not_allowed": "10 18",
            "invalid_sender": "11 13",
            "credit": "12 17",
            "barred": "14",
            "temporary": "21",
            "accepted": "23",
            "invalid_content": "24",
            "text_too_long": "25",
        },
    ),
    "telnyx": (
        "|40300",
        {
            "throttled": "10011 40011 40318",
            "temporary": "40002 40006",
            "setup": "10009 10010 40312 40314 40321",
            "credit": "20100",
            "invalid_destination": "10002 10016 40001 40012 40310",
            "invalid_sender": "10001 40010 40013 40305 40306",
            "invalid_content": "40003 40009 40316 40322",
            "text_too_long": "40302",
            "not_allowed": "40309",
        },
    ),
    "messagebird": (
        '"code":|9',
        {
            "setup": "2 20 98",
            "refused_by_carrier": "10",
            "credit": "25",
            "temporary": "99",
        },
    ),
    "bandwidth": (
        "|request-validation",
        {
            "setup": "unauthorized forbidden access-denied not-found",
            "throttled": "too-many-requests",
        },
    ),
    "clickatell": (
        '"code":|105',
        {
            "setup": "401",
            "credit": "301 402",
            "refused_by_carrier": "404",
            "no_route": "410 114",
            "throttled": "429",
            "temporary": "503",
            "text_too_long": "113",
        },
    ),
    "aws": (
        "|AccessDeniedException",
        {
            "setup": "ResourceNotFoundException UnrecognizedClientException ExpiredTokenException",
            "refused_by_carrier": "ValidationException ConflictException",
            "temporary": "ServiceQuotaExceededException",
            "throttled": "ThrottlingException",
            "unknown": "InternalServerException",
        },
    ),
    "africastalking": (
        '"statusCode":|403',
        {
            "refused_by_carrier": "401 502",
            "invalid_sender": "402",
            "invalid_destination": "404",
            "credit": "405",
            "opted_out": "406",
            "no_route": "407",
            "not_allowed": "409",
            "temporary": "500",
            "network": "501",
        },
    ),
}
"""Where an answer of the table has a word (what stands before it, a bar, the word), and others that
can stand there, by what they mean."""

STATES: dict[str, tuple[str, dict[str, str]]] = {
    "twilio": (
        "MessageStatus=|delivered",
        {
            "enroute": "queued sending accepted scheduled",
            "accepted": "sent",
            "delivered": "read",
            "undeliverable": "undelivered failed",
            "deleted": "canceled",
        },
    ),
    "vonage": (
        "status=|delivered",
        {
            "accepted": "accepted",
            "enroute": "buffered",
            "expired": "expired",
            "undeliverable": "failed",
            "rejected": "rejected",
            "unknown": "unknown",
        },
    ),
    "vonage-messages": ('"status":"|delivered', {"undeliverable": "undeliverable"}),
    "infobip": (
        '"groupName":"|EXPIRED","id":15,"name":"EXPIRED_EXPIRED',
        {
            "enroute": "PENDING/PENDING_WAITING_DELIVERY PENDING/PENDING_ENROUTE PENDING/OTHER",
            "accepted": "DELIVERED/DELIVERED_TO_OPERATOR ACCEPTED/OTHER",
            "delivered": "DELIVERED/DELIVERED_TO_HANDSET DELIVERED/OTHER",
            "expired": "EXPIRED/SIGNALS_BLOCKED",
            "unknown": "EXPIRED/EXPIRED_DLR_UNKNOWN",
            "undeliverable": "UNDELIVERABLE/UNDELIVERABLE_REJECTED_OPERATOR UNDELIVERABLE/OTHER",
            "rejected": "REJECTED/REJECTED_DESTINATION_BLOCKLISTED REJECTED/SIGNALS_BLOCKED",
        },
    ),
    "telnyx": (
        '"status":"|delivered',
        {
            "enroute": "queued sending",
            "accepted": "sent delivery_unconfirmed",
            "undeliverable": "sending_failed delivery_failed",
            "expired": "expired",
        },
    ),
    "plivo": (
        "Status=|delivered",
        {
            "enroute": "queued",
            "accepted": "sent",
            "undeliverable": "undelivered failed",
            "rejected": "rejected",
        },
    ),
    "sinch": (
        '"status":"|Delivered',
        {
            "enroute": "Queued",
            "accepted": "Dispatched",
            "undeliverable": "Aborted Failed",
            "rejected": "Rejected",
            "deleted": "Deleted Cancelled",
            "expired": "Expired",
            "unknown": "Unknown",
        },
    ),
    "messagebird": (
        "status=|delivered",
        {
            "enroute": "scheduled buffered",
            "accepted": "sent",
            "expired": "expired",
            "undeliverable": "delivery_failed",
        },
    ),
    "bird": (
        '"status":"|delivered',
        {
            "enroute": "accepted processing",
            "accepted": "sent",
            "undeliverable": "sending_failed delivery_failed",
        },
    ),
    "clickatell": (
        '"statusCode":|4',
        {
            "enroute": "2 11",
            "accepted": "3 8",
            "undeliverable": "1 5 7 9",
            "deleted": "6",
            "expired": "10",
            "rejected": "12 14",
        },
    ),
    "africastalking": (
        "status=|Success",
        {
            "accepted": "Sent Submitted",
            "enroute": "Buffered",
            "rejected": "Rejected",
            "undeliverable": "Failed AbsentSubscriber",
            "expired": "Expired",
        },
    ),
    "46elks": ("status=|delivered", {"accepted": "sent", "undeliverable": "failed"}),
    "gatewayapi": (
        '"status":"|DELIVERED',
        {
            "enroute": "SCHEDULED BUFFERED",
            "accepted": "ENROUTE",
            "delivered": "ACCEPTED",
            "expired": "EXPIRED",
            "deleted": "DELETED",
            "undeliverable": "UNDELIVERABLE",
            "rejected": "REJECTED SKIPPED",
        },
    ),
    "linkmobility": (
        "status=|received",
        {"undeliverable": "rejected", "enroute": "buffered", "expired": "expired"},
    ),
}
"""Where a call has a state, and others."""

REASONS: dict[str, tuple[str, dict[str, str]]] = {
    "twilio": (
        "ErrorCode=|30005",
        {
            "congestion": "30001 30017 30022 30023 30027",
            "invalid_sender": "21606 30018 30024 30032 30033 30034 30035",
            "invalid_destination": "21211 21614 21635",
            "no_route": "21612 21703 30006",
            "refused_by_carrier": "30002 30450 30453",
            "text_too_long": "30019 30044",
            "expired": "30036",
            "opted_out": "21610",
        },
    ),
    "vonage": (
        '"err-code":"|3',
        {
            "unspecified": "1 99",
            "absent_subscriber": "2 7",
            "unknown_subscriber": "3",
            "barred": "4 14 15",
            "network": "5 8",
            "invalid_content": "6 10 50 52",
            "opted_out": "9",
            "no_route": "11 12",
            "not_allowed": "13 53 54",
            "congestion": "16",
            "invalid_sender": "51",
        },
    ),
    "infobip": (
        '"name":"|EC_ABSENT_SUBSCRIBER',
        {
            "unknown_subscriber": "EC_UNIDENTIFIED_SUBSCRIBER",
            "absent_subscriber": "EC_ABSENT_SUBSCRIBER_SM EC_SUBSCRIBER_BUSY_FOR_MT_SMS",
            "barred": "EC_ILLEGAL_SUBSCRIBER EC_CALL_BARRED EC_TELESERVICE_NOT_PROVISIONED",
            "handset": "EC_ILLEGAL_EQUIPMENT EC_SM_DF_EQUIPMENTNOTSM_EQUIPPED",
            "handset_memory_full": "EC_SM_DF_MEMORYCAPACITYEXCEEDED",
            "congestion": "EC_MESSAGE_WAITING_LIST_FULL EC_LIMIT_REACHED",
            "network_timeout": "EC_NO_RESPONSE EC_TIME_OUT",
            "invalid_sender": "EC_INVALID_SOURCE_ADDRESS EC_SOURCE_ADDRESS_IS_BLOCKED",
            "opted_out": "EC_SC_BLOCKED_BY_END_USER EC_CONTENT_BLOCKED",
            "invalid_content": "EC_REJECTED_SPAM_BY_OPERATOR EC_CONTENT_BLOCKED_BY_OPERATOR",
            "expired": "EC_VALIDITY_EXPIRED EC_VP_EXPIRED EC_MESSAGE_EXPIRED",
            "cancelled": "EC_MESSAGE_CANCELED",
            "duplicate": "EC_DUPLICATE_MESSAGE",
            "no_route": "EC_UNKNOWN_MOBILE_OPERATOR",
            "refused_by_carrier": "EC_SMS_REJECTED_BY_MOBILE_OPERATOR",
        },
    ),
    "telnyx": (
        '"code":"|40001',
        {
            "invalid_content": "40002 40003 40009 40015",
            "refused_by_carrier": "40004 40007",
            "expired": "40005 40014",
            "network": "40006",
            "unspecified": "40008",
            "congestion": "40011 40016",
            "invalid_destination": "40012",
            "invalid_sender": "40013",
            "opted_out": "40300",
        },
    ),
    "plivo": (
        "ErrorCode=|70",
        {
            "invalid_content": "10 30",
            "network": "20 300",
            "invalid_sender": "40",
            "invalid_destination": "50",
            "refused_by_carrier": "60 100 900",
            "unknown_subscriber": "70",
            "absent_subscriber": "80",
            "no_route": "90",
            "text_too_long": "110",
            "opted_out": "200",
            "expired": "420",
            "unspecified": "1000",
        },
    ),
    "sinch": (
        '"code":|402',
        {
            "unspecified": "403",
            "network": "404",
            "invalid_content": "405",
            "expired": "406",
            "cancelled": "407",
            "refused_by_carrier": "408 413",
            "invalid_sender": "60 310 410",
            "text_too_long": "411",
            "not_allowed": "412",
            "congestion": "64",
            "barred": "152",
            "invalid_destination": "300",
        },
    ),
    "messagebird": (
        "statusErrorCode=|103",
        {"unknown_subscriber": "1 5", "absent_subscriber": "6 27 31", "barred": "9 11 13"},
    ),
    "bird": (
        '"code":"|27',
        {"unknown_subscriber": "1 5", "barred": "11 13", "network": "34", "": "15001"},
    ),
    "bandwidth": (
        '"errorCode":|4770',
        {
            "invalid_content": "4301 4470 4771",
            "invalid_sender": "4302 4403 4405 4476 4740 4795",
            "invalid_destination": "4303 4720",
            "not_allowed": "4404 4432",
            "unknown_subscriber": "4406 4721",
            "opted_out": "4475 4775",
            "absent_subscriber": "4701 4702",
            "no_route": "4730 5106",
            "refused_by_carrier": "4001 4750",
            "text_too_long": "4751",
            "congestion": "4780 4781 5211 5600",
            "network": "5111 5201 5620 5650",
            "network_timeout": "5630",
            "no_report": "9902",
        },
    ),
    "gatewayapi": (
        '"code":"|0x1010',
        {
            "barred": "0x1031 0x103B",
            "network": "0x1046 0x1081 0x1083",
            "no_route": "0x1055 0x1056",
            "invalid_destination": "0x1048 0x1063",
            "refused_by_carrier": "0x1069 0x107E 0x1902",
        },
    ),
    "africastalking": (
        "failureReason=|UserInBlackList",
        {
            "refused_by_carrier": "InsufficientCredit InvalidLinkId",
            "absent_subscriber": "UserIsInactive AbsentSubscriber",
            "barred": "UserAccountSuspended",
            "unknown_subscriber": "UserDoesNotExist NotNetworkSubcriber",
            "unspecified": "DeliveryFailure",
            "not_allowed": "DoNotDisturbRejection",
        },
    ),
}
"""Where a call has the reason of a failure, and others."""


def rows(table: dict[str, tuple[str, dict[str, str]]]) -> list[tuple[str, str, str, str]]:
    return [
        (name, place, word, meaning)
        for name, (place, words) in table.items()
        for meaning, some in words.items()
        for word in some.split()
    ]


@pytest.mark.parametrize(("name", "place", "word", "meaning"), rows(REFUSALS))
async def test_a_refusal_means_this(name: str, place: str, word: str, meaning: str) -> None:
    before, _, own = place.partition("|")
    (given, *_) = [one for one in CASES[name].answers if before + own in one.body]
    body = given.body.replace(before + own, before + word)
    answer = build(name).read(Fetched(given.status, given.headers, body.encode()))
    assert str(answer.meaning) == meaning


async def heard(name: str, place: str, word: str) -> tuple[str, str]:
    """State and failure of a report with another word in one place."""
    before, _, own = place.partition("|")
    was, is_now = before + own, before + word
    (given, *_) = [one for one in CASES[name].calls if was in one.query + one.body.decode()]
    events = RecordedEvents()
    body = given.body.decode().replace(was, is_now).encode()
    await call(
        build(name, events), replace(given, query=given.query.replace(was, is_now), body=body)
    )
    report = events.reports[0]
    return report.state.name.lower(), report.failure.value


@pytest.mark.parametrize(("name", "place", "word", "meaning"), rows(STATES))
async def test_a_state_means_this(name: str, place: str, word: str, meaning: str) -> None:
    if name == "infobip":  # a group, and a state of it
        word = word.replace("/", '","id":0,"name":"')
    state, _ = await heard(name, place, word)
    assert state == meaning


@pytest.mark.parametrize(("name", "place", "word", "meaning"), rows(REASONS))
async def test_a_reason_means_this(name: str, place: str, word: str, meaning: str) -> None:
    _, failure = await heard(name, place, word)
    assert failure == meaning


@pytest.mark.parametrize(
    ("permanent", "meaning"), [("true", "refused_by_carrier"), ("false", "temporary")]
)
async def test_infobip_says_whether_sending_again_helps(permanent: str, meaning: str) -> None:
    body = (
        '{"messages":[{"messageId":"dabc","status":{"groupId":2,"id":4},'
        f'"error":{{"groupId":3,"id":500,"permanent":{permanent}}}}}]}}'
    )
    answer = build("infobip").read(Fetched(200, {}, body.encode()))
    assert str(answer.meaning) == meaning


@pytest.mark.parametrize("code", sorted({one for one in ERRORS.values() if one}))
async def test_the_codes_that_our_twilio_api_writes_come_back_as_they_were(code: int) -> None:
    place = "MessageStatus=|delivered"
    _, failure = await heard("twilio", place, f"undelivered&ErrorCode={code}")
    assert ERRORS[FailureCode(failure)] == code
