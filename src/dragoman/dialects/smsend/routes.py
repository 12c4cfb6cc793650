"""The table of calls: where each one is, what it takes and answers, and who answers it."""

from __future__ import annotations

from dragoman.container import Services
from dragoman.dialects.smsend.aliases.calls import alias_calls
from dragoman.dialects.smsend.calls import Calls
from dragoman.dialects.smsend.contacts.calls import contact_calls
from dragoman.dialects.smsend.errors import problem_of_kit
from dragoman.dialects.smsend.mailings.calls import mailing_calls
from dragoman.dialects.smsend.mapping import DIALECT
from dragoman.dialects.smsend.received.calls import received_calls
from dragoman.dialects.smsend.rendering import render_problem
from dragoman.dialects.smsend.sending.calls import sending_calls
from dragoman.dialects.smsend.subaccounts.calls import subaccount_calls
from dragoman.dialects.smsend.subaccounts.purchases import purchase_calls
from dragoman.dialects.smsend.user.calls import user_calls
from dragoman.dialects.smsend.verifications import verification_calls
from dragoman.web.operations import Operation, Refuse
from dragoman.web.refusals import Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import Response


def build_operations(services: Services) -> tuple[Operation, ...]:
    """Builds the table over the services."""
    calls = Calls(services)
    return (
        *user_calls(calls, services),
        *sending_calls(calls, services),
        *contact_calls(calls, services),
        *mailing_calls(calls, services),
        *alias_calls(calls, services),
        *subaccount_calls(calls, services),
        *purchase_calls(calls, services),
        *received_calls(calls, services),
        *verification_calls(calls, services),
    )


def build_refuse(services: Services) -> Refuse:
    """Builds what answers requests that never reach a call of the table."""

    def refuse(request: Request, refusal: Refusal) -> Response:
        services.metrics.refused[DIALECT, refusal.kind.value] += 1
        return render_problem(problem_of_kit(request, refusal))

    return refuse
