"""Routes: what each asks for, which one a message would take, and taking a new configuration."""

from __future__ import annotations

from typing import Final

from dragoman.console.labels import describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.translation import lazy
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.delivery.model.explanations import RouteExplanation
from dragoman.core.delivery.running import Reloaded
from dragoman.core.messages.model.routing import Preference, RouteReason
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.submission.route_explanations import describe_conditions
from dragoman.web.responses import Response

MAX_TEXT: Final = 10_000
PREFERENCES: Final = {
    Preference.ORDER.value: lazy("the first that is up"),
    Preference.WEIGHTS.value: lazy("by weight"),
    Preference.LEAST_COST.value: lazy("the cheapest"),
    Preference.QUALITY.value: lazy("the best delivery rate"),
}
REASONS: Final = {
    RouteReason.MESSAGE_TYPE.value: lazy("its message type has a route of its own"),
    RouteReason.ACCOUNT.value: lazy("the route is for the account"),
    RouteReason.PREFIX.value: lazy("the number begins as the route says"),
    RouteReason.CONDITIONS.value: lazy("it is what the route asks for"),
    RouteReason.ANY.value: lazy("the route takes every number"),
}
OBSTACLES: Final = {
    "down": lazy("down"),
    "held": lazy("disabled"),
    "at_limit": lazy("limit of today reached"),
    "left_out": lazy("delivers too little"),
    "sender_refused": lazy("sender refused"),
}


async def show_routes(request: PageRequest) -> Response:
    """Every route, and the explanation that was asked for."""
    explanation = None
    if request.query.get("to"):
        try:
            explanation = await _explain(request)
        except Refused as refused:
            field = "account" if refused.code is RefusalCode.NOT_FOUND else "to"
            request.problems[field] = describe_refusal(refused)
    return await _show(request, explanation=explanation)


async def reload_configuration(request: PageRequest) -> Response:
    """Tells what a new configuration would change, or takes it."""
    check = request.form.get("do") != "apply"
    try:
        reloaded = await request.context.machine.reload(check=check)
    except Refused as refused:
        request.problems[""] = refused.detail or describe_refusal(refused)
        return await _show(request, status=422)
    if check:
        return await _show(request, reloaded=reloaded)
    await request.note("reload_configuration")
    return request.go("/routes", "reloaded")


async def _explain(request: PageRequest) -> RouteExplanation:
    query, services = request.query, request.services
    username = query.get("account", "") or request.account.username
    account = await services.accounts.find(username)
    return services.route_explanations.explain(
        account,
        query.get("to", ""),
        sender=query.get("sender", ""),
        text=query.get("text", "")[:MAX_TEXT],
        tag=query.get("tag", ""),
    )


async def _show(
    request: PageRequest,
    status: int = 200,
    *,
    explanation: RouteExplanation | None = None,
    reloaded: Reloaded | None = None,
) -> Response:
    seen, query = await request.context.machine.situation(), request.query
    asked = {name: query.get(name, "") for name in ("to", "account", "sender", "text", "tag")}
    return request.show(
        "routes.html",
        status,
        asked=asked,
        explanation=explanation,
        reloaded=reloaded,
        reasons=REASONS,
        obstacles=OBSTACLES,
        preferences=PREFERENCES,
        routes=[
            (
                route,
                "; ".join(describe_conditions(route)),
                seen.waiting.get(route.name, 0),
                seen.oldest_s.get(route.name),
            )
            for route in request.services.router.routes.values()
            if not route.named_only
        ],
    )


PAGES: Final = (
    Page(
        "/routes",
        lazy("Routes"),
        menu=lazy("Routes"),
        show=show_routes,
        act=reload_configuration,
        needs=Permission.OPERATE,
    ),
)
