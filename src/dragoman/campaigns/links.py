"""Short links of campaigns: where they lead."""

from __future__ import annotations

from typing import Final

from dragoman.core.campaigns.short_links import PATH, ShortLinks
from dragoman.core.model.errors import Refused
from dragoman.web.operations import Dialect, Operation
from dragoman.web.refusals import Refusal
from dragoman.web.requests import Request
from dragoman.web.responses import TEXT, Response

_HEADERS: Final = (
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-robots-tag", b"noindex"),
)


def build_short_links(links: ShortLinks) -> Dialect:
    """What follows short links; a HEAD request, as previews make, is not counted."""

    async def follow(request: Request) -> Response:
        try:
            counts = request.method == "GET"
            url = await links.follow(request.path_params["token"], counts=counts)
        except Refused:
            return Response(503, b"Try again in a moment.\n", TEXT, _HEADERS)
        if url is None:
            return Response(404, b"This link does not exist.\n", TEXT, _HEADERS)
        return Response(302, b"", TEXT, (*_HEADERS, (b"location", url.encode())))

    return Dialect(
        name="links",
        title="Short links",
        description="Links in campaigns.",
        prefixes=(PATH,),
        operations=(
            Operation(
                methods=("GET", "HEAD"),
                path=f"{PATH}/{{token}}",
                handler=follow,
                summary="Follow a short link",
                answer_formats=("text",),
            ),
        ),
        refuse=_refuse,
    )


def _refuse(_request: Request, refusal: Refusal) -> Response:
    return Response(refusal.status, f"{refusal.reason}\n".encode(), TEXT, _HEADERS)
