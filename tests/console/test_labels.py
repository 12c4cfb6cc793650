"""Every state, failure, refusal and alphabet has its label in the console."""

from __future__ import annotations

from dragoman.cli.timeline import _route
from dragoman.console import labels
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.routing import RouteReason
from dragoman.core.model.errors import FailureCode, RefusalCode, Refused
from dragoman.core.reporting.model.timeline import RouteStep


def test_every_state_has_a_label() -> None:
    assert set(labels.STATES) == set(State)


def test_every_reason_for_a_route_has_a_label() -> None:
    assert set(labels.ROUTE_REASONS) == set(RouteReason)
    for reason in RouteReason:
        assert _route(RouteStep(route="rest", reason=reason, prefix="", carriers=(), today=""))


def test_every_failure_has_a_label() -> None:
    assert set(labels.FAILURES) >= set(FailureCode) - {FailureCode.NONE}


def test_every_refusal_can_be_shown() -> None:
    for code in RefusalCode:
        assert labels.describe_refusal(Refused(code, "subject", "detail"))
