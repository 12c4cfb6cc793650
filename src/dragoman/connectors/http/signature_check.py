"""Whether a call comes from the provider, as whoever takes the call asks."""

from __future__ import annotations

from typing import Any, Final

from dragoman.web.outgoing import GuardedClient
from dragoman.web.requests import Request

REFUSED_STATUS: Final = 403
MISSING: Final = "the signature is missing"
WRONG: Final = "the signature is wrong"


class SignatureCheck:
    """Checks calls; this one checks nothing, as many providers sign nothing."""

    missing_status = REFUSED_STATUS
    """How a call without a signature is answered. Of a provider that leaves one out now and then,
    this is what has it call again."""
    fetches = False
    """Whether a check may have to fetch something, so that `fetch_and_check` is to be awaited."""

    def problem(self, request: Request) -> str:
        """What is wrong with a call's signature, in a few words; empty if nothing is."""
        return ""

    async def fetch_and_check(self, request: Request, client: GuardedClient) -> str:
        """The same, by what `client` fetches."""
        return self.problem(request)

    def content(self, request: Request) -> Any:
        """What a checked call says, where the signature holds it; else None."""
        return None
