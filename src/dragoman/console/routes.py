"""The console as a table of pages, served beside the dialects."""

from __future__ import annotations

from collections.abc import Iterable

from dragoman.console.assets import PACKAGE, Assets
from dragoman.console.context import ConsoleContext
from dragoman.console.middleware import ConsoleMiddleware
from dragoman.console.page import FORM_LIMIT_BYTES, Page
from dragoman.console.place import PREFIX
from dragoman.console.views import PAGES
from dragoman.web.operations import Dialect, Operation
from dragoman.web.refusals import Refusal, RefusalKind
from dragoman.web.refusals import Refused as RefusedByKit
from dragoman.web.requests import Request
from dragoman.web.responses import Response


def build_console(
    context: ConsoleContext, pages: tuple[Page, ...] = PAGES, packages: tuple[str, ...] = (PACKAGE,)
) -> Dialect:
    """The pages below `/console`; templates and static files are looked for in `packages`."""
    assets = Assets(packages)
    middleware = ConsoleMiddleware(context, assets, pages, packages)

    async def give_asset(request: Request) -> Response:
        found = assets.find(request.path_params["name"])
        if found is None:
            reason = "there is no such file"
            raise RefusedByKit(Refusal(kind=RefusalKind.UNKNOWN_PATH, reason=reason))
        return found

    files = Operation(
        methods=("GET", "HEAD"),
        path=f"{PREFIX}/static/{{name}}",
        handler=give_asset,
        summary="A stylesheet, a script or an image",
    )
    return Dialect(
        name="console",
        title="Console",
        description="Pages for people.",
        prefixes=(PREFIX,),
        operations=(files, *(one for page in pages for one in _operations(middleware, page))),
        refuse=middleware.refuse,
    )


def _operations(middleware: ConsoleMiddleware, page: Page) -> Iterable[Operation]:
    if page.show is not None:
        yield Operation(
            methods=("GET", "HEAD"),
            path=page.address,
            handler=middleware.showing(page, page.show),
            summary=page.title,
            answer_formats=("text",),
        )
    if page.act is not None:
        yield Operation(
            methods=("POST",),
            path=page.address,
            handler=middleware.acting(page, page.act),
            summary=page.title,
            body_limit_bytes=page.files_bytes or FORM_LIMIT_BYTES,
            answer_formats=("text",),
        )
