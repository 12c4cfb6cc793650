"""The admin interface for operators elsewhere: who brings a good token, and who has to wait."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import structlog

from dragoman.core.accounts.admin_tokens import AdminTokens
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.kit.clock import Clock
from dragoman.kit.token_bucket import TokenBucket
from dragoman.web.requests import Request

FAILURES_PER_MINUTE: Final = 10
MAX_REMEMBERED: Final = 10_000
_BEARER: Final = "bearer "

log = structlog.get_logger(__name__)


class TokenGuard:
    """Lets in who brings a good token; an address that failed often has to wait with any."""

    def __init__(self, tokens: AdminTokens, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock
        self._failures: OrderedDict[str, TokenBucket] = OrderedDict()

    async def __call__(self, request: Request) -> None:
        """Raises `Refused` for a request without a good token."""
        failures = self._failures.get(request.client)
        if failures is not None and failures.wait_s(self._clock.monotonic()) > 0:
            detail = "too many wrong tokens from this address, wait a minute"
            raise Refused(RefusalCode.AUTHENTICATION_FAILED, "", detail)
        try:
            name = await self._tokens.authenticate(_read_token(request))
        except Refused as refused:
            if refused.code is RefusalCode.AUTHENTICATION_FAILED:
                self._count_failure(request.client)
                log.warning("admin_token_refused", address=request.client)
            raise
        operation = request.operation
        if operation is not None and request.method != "GET":
            # The template, since the path itself may hold a number.
            log.info("admin_call", by=name, method=request.method, path=operation.path)

    def _count_failure(self, address: str) -> None:
        now_s = self._clock.monotonic()
        bucket = self._failures.pop(address, None) or TokenBucket(
            rate_per_s=FAILURES_PER_MINUTE / 60, burst=FAILURES_PER_MINUTE, now=now_s
        )
        bucket.take(now_s)
        self._failures[address] = bucket
        if len(self._failures) > MAX_REMEMBERED:
            self._failures.popitem(last=False)


def _read_token(request: Request) -> str:
    header = request.header(b"authorization").decode("latin-1")
    if not header.lower().startswith(_BEARER):
        detail = "an admin token is needed: Authorization: Bearer <token>"
        raise Refused(RefusalCode.AUTHENTICATION_FAILED, "", detail)
    return header[len(_BEARER) :].strip()
