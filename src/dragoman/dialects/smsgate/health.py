"""`/health`: whether the gateway takes traffic; open to all."""

from __future__ import annotations

from typing import Final

from dragoman import __version__
from dragoman.dialects.smsgate import schemas
from dragoman.dialects.smsgate.calls import CallGroup, render
from dragoman.web.requests import Request
from dragoman.web.responses import Response

PASS: Final = "pass"  # noqa: S105 - a state, not a password
FAIL: Final = "fail"
UNAVAILABLE: Final = 503


class Health(CallGroup):
    """The handlers."""

    async def live(self, _request: Request) -> Response:
        """Answers `GET /health/live`."""
        return render(200, _render(PASS, {}))

    async def ready(self, _request: Request) -> Response:
        """Answers `GET /health`, `/health/ready` and `/health/startup`."""
        await self._services.health.check()
        problems = self._services.health.problems()
        status = FAIL if problems else PASS
        check = schemas.HealthCheck(
            description="; ".join(problems) or "takes traffic",
            observed_value=len(problems),
            status=status,
        )
        return render(
            UNAVAILABLE if problems else 200, _render(status, {"gateway:problems": check})
        )


def _render(status: str, checks: dict[str, schemas.HealthCheck]) -> schemas.Health:
    major, minor, patch = (int(number) for number in __version__.split(".")[:3])
    release_id = (major * 100 + minor) * 100 + patch
    return schemas.Health(status=status, version=__version__, release_id=release_id, checks=checks)
