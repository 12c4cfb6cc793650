"""Signing in at an OpenID provider: leaving for it, and coming back.

What somebody entered before their session ended waits here meanwhile, in memory.
"""

from __future__ import annotations

from typing import Final

import structlog

from dragoman.console.flows import FLOW_S, MAX_KEPT, Waiting
from dragoman.console.openid import Identity, OpenIdProvider, ProviderAway, ProviderRefused
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.place import PREFIX
from dragoman.console.translation import gettext, lazy
from dragoman.console.views.sign_in import enter, read_target, show_form
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.web.responses import Response

CALLBACK: Final = "/openid/callback"
MAX_CODE: Final = 4_096
MAX_STATE: Final = 200

log = structlog.get_logger(__name__)


async def leave(request: PageRequest) -> Response:
    """Sends the browser to the provider."""
    provider = _provider_of(request)
    target = read_target(request.query.get("next", ""))
    address = await _begin(request, provider, target, "")
    return address if isinstance(address, Response) else request.leave(address)


async def leave_with_form(request: PageRequest) -> Response:
    """Keeps what was entered and shows the way to the provider.

    A form may lead nowhere else by the policy of these pages, so this takes a click more.
    """
    provider = _provider_of(request)
    target = read_target(request.form.get("target", ""))
    kept = request.form.get("kept", "")
    address = await _begin(request, provider, target, kept)
    if isinstance(address, Response):
        return address
    return request.show(
        "leave.html",
        address=address,
        provider=provider.name,
        is_kept=bool(kept) and len(kept) <= MAX_KEPT,
    )


async def _begin(
    request: PageRequest, provider: OpenIdProvider, target: str, kept: str
) -> str | Response:
    """Where the provider is, or the sign-in page with what is wrong."""
    flow = provider.new_flow(f"{request.public_url}{PREFIX}{CALLBACK}")
    try:
        address = await provider.address_for(flow)
    except (ProviderAway, ProviderRefused) as error:
        return _complain(request, provider, error, target, kept)
    waiting = Waiting(
        flow=flow,
        secret=request.secret,
        target=target,
        kept=kept if len(kept) <= MAX_KEPT else "",
        until_s=request.services.clock.monotonic() + FLOW_S,
    )
    request.context.flows.add(waiting)
    return address


async def come_back(request: PageRequest) -> Response:
    """Opens a session for whom the provider vouches for."""
    provider, query = _provider_of(request), request.query
    waiting = request.context.flows.take(
        query.get("state", "")[:MAX_STATE], request.secret, request.services.clock.monotonic()
    )
    if waiting is None:
        request.problems[""] = gettext(
            "This sign-in is over, or it began in another browser. Begin again."
        )
        return show_form(request, 400)
    target, kept = waiting.target, waiting.kept
    code = query.get("code", "")
    if not code or len(code) > MAX_CODE:
        request.problems[""] = gettext("You were not signed in at {provider}.").format(
            provider=provider.name
        )
        return show_form(request, 401, target=target, kept=kept)
    try:
        identity = await provider.identify(waiting.flow, code)
    except (ProviderAway, ProviderRefused) as error:
        return _complain(request, provider, error, target, kept)
    return await _enter(request, identity, target, kept)


async def _enter(request: PageRequest, identity: Identity, target: str, kept: str) -> Response:
    people = request.services.people
    person = await people.known_by(identity.issuer, identity.subject, identity.email)
    if person is None:
        who = f" ({identity.email})" if identity.email else ""
        request.problems[""] = gettext(
            "Nobody here has this identity{who}. Ask an administrator to invite the e-mail address"
            " of your company account."
        ).format(who=who)
        return show_form(request, 403, target=target, kept=kept)
    try:
        principal = await people.admit(person, request.http.client)
    except Refused as refused:
        if refused.code not in (RefusalCode.AUTHENTICATION_FAILED, RefusalCode.ADDRESS_NOT_ALLOWED):
            raise
        request.problems[""] = gettext(
            "You cannot sign in: you are disabled, or your address is refused."
        )
        return show_form(request, 403, target=target, kept=kept)
    return await enter(request, principal, target, kept, trusted=True)


def _complain(
    request: PageRequest,
    provider: OpenIdProvider,
    error: ProviderAway | ProviderRefused,
    target: str,
    kept: str,
) -> Response:
    """The sign-in page, with what is wrong with the provider; nothing that was entered is lost."""
    away = isinstance(error, ProviderAway)
    log.warning("openid_failed", away=away, reason=str(error))
    said = (
        gettext(
            "{Provider} cannot be reached right now. Try again in a minute, or sign in with a"
            " password."
        )
        if away
        else gettext("Signing in with {provider} failed: {error}. The gateway's log has more.")
    )
    name = provider.name
    request.problems[""] = said.format(
        Provider=f"{name[:1].upper()}{name[1:]}", provider=name, error=error
    )
    return show_form(request, 503 if away else 502, target=target, kept=kept)


def _provider_of(request: PageRequest) -> OpenIdProvider:
    if request.context.openid is None:
        raise Refused(RefusalCode.NOT_FOUND, "openid", "not configured")
    return request.context.openid


PAGES: Final = (
    Page("/openid", lazy("Sign in"), show=leave, act=leave_with_form, public=True),
    Page(CALLBACK, lazy("Sign in"), show=come_back, public=True),
)
