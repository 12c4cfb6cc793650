"""Every table that gives the house's values their words is complete."""

import pytest

from dragoman.dialects.smsend.errors import REFUSALS, WordedRefusal, problem_of
from dragoman.domain.errors import RefusalCode, Refused


@pytest.mark.parametrize("code", RefusalCode)
def test_every_refusal_has_a_status_and_a_text(code: RefusalCode) -> None:
    problem = problem_of(Refused(code, "{subject}", "{detail}"))
    assert problem.error_code == REFUSALS[code].status
    assert 400 <= problem.error_code <= 599
    assert problem.result == problem.error_message
    assert problem.result.strip(" :") == problem.result
    assert problem_of(WordedRefusal(code, "its own")).error_message == "its own"
    assert problem_of(WordedRefusal(code, "its own", 418)).error_code == 418
