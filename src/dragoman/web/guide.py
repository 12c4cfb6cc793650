"""The documentation as a site below `/docs/guide`, where it was built into the installation.

`script/site --in-gateway` builds it into `dragoman/web/site`; wheels and images have it. Its pages
run scripts for search and themes: those in files of the site, and those within a page by digest.
"""

import base64
import hashlib
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Final

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER: Final = Path(__file__).with_name("site")
PATH: Final = "/docs/guide"
NOT_BUILT: Final = (
    "This installation has no guides. In a checkout, `script/site --in-gateway` builds them in\n"
    "(then start the gateway again); they are in its folder docs/ as plain text, too.\n"
)
HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}
_INLINE: Final = re.compile(rb"<script>(.*?)</script>", re.DOTALL)
_POLICY: Final = (
    "default-src 'none'; script-src 'self'{}; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src 'self';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
PAGES_REMEMBERED: Final = 500


class Guide(StaticFiles):
    """Serves the files of a site."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, html=True)

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """A file with headers that keep its page to itself."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(HEADERS)
        if str(full_path).endswith(".html"):
            policy = _policy_of(str(full_path), stat_result.st_mtime_ns)
            response.headers["content-security-policy"] = policy
        return response


@lru_cache(maxsize=PAGES_REMEMBERED)
def _policy_of(path: str, _changed_ns: int) -> str:
    """What a page may run and load; its scripts without a file are named by their digests."""
    scripts = _INLINE.findall(Path(path).read_bytes())
    digests = (base64.b64encode(hashlib.sha256(script).digest()).decode() for script in scripts)
    return _POLICY.format("".join(f" 'sha256-{digest}'" for digest in dict.fromkeys(digests)))
