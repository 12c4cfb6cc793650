"""Every table that gives the house's values their words is complete."""

from typing import Any

import pytest

from dragoman.core.messages.model.lifecycle import BatchState, State
from dragoman.core.messages.model.messages import Format
from dragoman.core.model.errors import FailureCode, RefusalCode, Refused
from dragoman.dialects.linkmobility import mapping
from dragoman.dialects.linkmobility.errors import REFUSALS, WordedRefusal, problem_of
from dragoman.web.openapi import render_openapi


@pytest.mark.parametrize("code", RefusalCode)
def test_every_refusal_has_a_status_and_a_text(code: RefusalCode) -> None:
    problem = problem_of(Refused(code, "{subject}", "{detail}"))
    assert problem.status == REFUSALS[code].status
    assert 400 <= problem.status <= 599
    assert problem.message.strip(" ,") == problem.message
    assert problem_of(WordedRefusal(code, "its own")).message == "its own"


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (State.SCHEDULED, "queued"),
        (State.QUEUED, "queued"),
        (State.SENDING, "buffered"),
        (State.SENT, "buffered"),
        (State.UNKNOWN, "expired"),
        (State.DELIVERED, "received"),
        (State.UNDELIVERED, "rejected"),
        (State.EXPIRED, "expired"),
        (State.REJECTED, "rejected"),
        (State.CANCELLED, "rejected"),
    ],
)
def test_state_has_its_word(state: State, status: str) -> None:
    assert mapping.STATUSES[state] == status
    assert state in mapping.STATES_OF_STATUS[status]


def test_tables_cover_their_enums() -> None:
    assert set(mapping.STATUSES) == set(State)
    assert set(mapping.BATCH_STATES) == set(BatchState)
    assert set(mapping.BATCH_STATES.values()) == {"QUEUED", "RUNNING", "DONE"}
    assert set(mapping.CODES_OF_FAILURES) == set(FailureCode)
    assert set(mapping.CODES_OF_FAILURES.values()) <= set(mapping.STATUS_TEXTS)
    assert set(mapping.FORMATS.values()) == set(Format) - {Format.AUTO, Format.GSM_ALIKE}
    assert sum(map(len, mapping.STATES_OF_STATUS.values())) == len(State)


def test_status_codes_are_those_of_the_error_list() -> None:
    listed = {*range(11), 50, *range(100, 129), *range(200, 209)}
    assert set(mapping.STATUS_TEXTS) == listed


@pytest.mark.parametrize("failure", FailureCode)
def test_only_what_did_not_arrive_has_a_reason(failure: FailureCode) -> None:
    for state in State:
        failed = mapping.STATUSES[state] in {"rejected", "expired"}
        assert (mapping.status_code(state, failure) != 0) is failed
        assert bool(mapping.status_reason(state, failure)) is failed


async def test_document_describes_every_call(link: Any) -> None:
    document = render_openapi(link.dialect.web, version="1")
    assert list(document["paths"]) == [
        "/v2/ping.{format}",
        "/v2/lists.{format}",
        "/v2/list/{id}.{format}",
        "/v2/list.{format}",
        "/v2/contacts/{page}.{format}",
        "/v2/contact/{id}.{format}",
        "/v2/contact.{format}",
        "/v2/import.{format}",
        "/v2/import/{hash}.{format}",
        "/v2/mergefields.{format}",
        "/v2/mergefield.{format}",
        "/v2/mergefield/{id}.{format}",
        "/v2/message.{format}",
        "/v2/message/{batchid}/{page}.{format}",
        "/v2/message/expand/{batchid}.{format}",
        "/v2/messages/{page}.{format}",
        "/v2/inbox/{page}.{format}",
        "/v2/inbox/lookup/{lookupid}.{format}",
        "/v2/outbox/{page}.{format}",
        "/v2/outbox/lookup/{lookupid}.{format}",
        "/v2/users.{format}",
        "/v2/user/{id}.{format}",
        "/v2/user.{format}",
        "/v2/message/refund/{lookupid}.{format}",
        "/v2/premium/contenttypes.{format}",
        "/v2/stats/{type}/{aggregate}.{format}",
        "/v2/stats/inbox.{format}",
        "/v2/stats/outbox.{format}",
        "/v2/keywords.{format}",
        "/v2/keywords/{number}/{keyword}.{format}",
        "/v2/keywords/{id}.{format}",
        "/v2/services/{type}.{format}",
        "/v2/services/{type}/{id}.{format}",
    ]
    message = document["components"]["schemas"]["Message"]["properties"]
    assert {"recipients", "class", "statusurl", "returndata"} <= set(message)
    assert "class_" not in message


def test_reports_tell_of_everything_from_the_carriers_yes_on() -> None:
    assert set(State) - mapping.REPORTED == {State.SCHEDULED, State.QUEUED, State.SENDING}
