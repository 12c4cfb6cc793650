"""Routes: which one a message would take, and why."""

from __future__ import annotations

from typing import Final

from dragoman.admin.calls import Body, Call
from dragoman.admin.context import Admin
from dragoman.core.delivery.model.explanations import RouteExplanation

MAX_TEXT: Final = 10_000


class Question(Body, frozen=True, kw_only=True):
    """A message, as far as its route depends on it."""

    to: str
    account: str = ""
    """User name; may be left out where there is only one account."""
    sender: str = ""
    text: str = ""
    tag: str = ""
    message_type: str = ""


async def explain_route(admin: Admin, query: Question) -> RouteExplanation:
    """Explain the route of a message without sending it: which rule decides, and what it costs."""
    account = await admin.account_or_only(query.account)
    return admin.services.route_explanations.explain(
        account,
        query.to,
        sender=query.sender,
        text=query.text[:MAX_TEXT],
        tag=query.tag,
        message_type=query.message_type,
    )


CALLS: Final = (Call("GET", "/routes/explanation", explain_route),)
