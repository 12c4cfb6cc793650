"""The tables that turn the house's words into this API's are complete."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode, RefusalCode
from dragoman.dialects.httpsms import errors, mapping
from dragoman.dialects.wording import CODES_OF_KIND
from dragoman.web.openapi import render_openapi
from dragoman.web.refusals import RefusalKind

LISTED = {400, 405, 406, 407}


@pytest.mark.parametrize("code", RefusalCode)
def test_every_refusal_has_a_listed_code_and_a_text(code: RefusalCode) -> None:
    answer = errors.ANSWERS[code]
    assert answer.number in (LISTED if code is not RefusalCode.UNAVAILABLE else {503})
    assert answer.text


@pytest.mark.parametrize("kind", RefusalKind)
def test_everything_the_kit_refuses_counts_as_a_refusal(kind: RefusalKind) -> None:
    assert CODES_OF_KIND[kind] in RefusalCode


@pytest.mark.parametrize("state", State)
def test_every_state_has_an_answer(state: State) -> None:
    answer = mapping.ANSWERS[state]
    if isinstance(answer, bytes):
        assert msgspec.json.decode(answer)["status"] is True
    else:
        assert answer in {"sending", "delivered", "undelivered", "expired", "rejected"}


@pytest.mark.parametrize("failure", FailureCode)
def test_every_failure_has_words(failure: FailureCode) -> None:
    assert bool(mapping.REASONS[failure]) == (failure is not FailureCode.NONE)


async def test_the_openapi_document_shows_both_calls(gate: Any) -> None:
    document = render_openapi(gate.dialect.web, version="1")
    assert set(document["paths"]) == {"/api/sms/send_sms.php", "/api/sms/dlr.php"}
    parameters = document["paths"]["/api/sms/send_sms.php"]["get"]["parameters"]
    assert [p["name"] for p in parameters if p["required"]] == [
        "key",
        "mobile",
        "sender",
        "msgtext",
        "ref",
    ]
