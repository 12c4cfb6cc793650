"""Every table that gives the house's values their words is complete."""

from typing import Any

import pytest

from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.smsend.errors import REFUSALS, WordedRefusal, problem_of
from dragoman.web.openapi import render_openapi


@pytest.mark.parametrize("code", RefusalCode)
def test_every_refusal_has_a_status_and_a_text(code: RefusalCode) -> None:
    problem = problem_of(Refused(code, "{subject}", "{detail}"))
    assert problem.error_code == REFUSALS[code].status
    assert 400 <= problem.error_code <= 599
    assert problem.result == problem.error_message
    assert problem.result.strip(" :") == problem.result
    assert problem_of(WordedRefusal(code, "its own")).error_message == "its own"
    assert problem_of(WordedRefusal(code, "its own", 418)).error_code == 418


async def test_document_describes_every_call(smsend: Any) -> None:
    document = render_openapi(smsend.dialect.web, version="1")
    described = {
        f"{method.upper()} {path.removeprefix('/API/v1.0/REST/')}"
        for path, methods in document["paths"].items()
        for method in methods
    }
    assert described >= {
        "GET login",
        "GET token",
        "GET checksession",
        "GET dashboard",
        "GET status",
        "GET pwdreset",
        "POST pwdreset",
        "POST sms",
        "POST paramsms",
        "POST smstogroups",
        "GET sms/{order_id}",
        "DELETE sms/{order_id}",
        "DELETE sms/bulk",
        "GET smshistory",
        "GET rcptHistory",
        "POST alias",
        "GET alias",
        "GET alias/{alias_id}",
        "DELETE alias/{alias_id}",
        "GET subaccounts",
        "POST subaccount",
        "PUT subaccount/{subaccount_id}",
        "GET subaccount/{subaccount_id}",
        "POST subaccount/{subaccount_id}/changepwd",
        "POST subaccount/{subaccount_id}/credit",
        "GET subaccount/{subaccount_id}/credit",
        "GET subaccount/{subaccount_id}/purchase",
        "POST subaccount/{subaccount_id}/purchase",
        "DELETE subaccount/{subaccount_id}/purchase/{purchase_id}",
    }
