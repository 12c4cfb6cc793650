"""Services: where texts with a keyword are forwarded to (LINK v2 s. 13)."""

from __future__ import annotations

from typing import Final

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.inbound.model.inbound import Forwarding
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.linkmobility.errors import WordedRefusal
from dragoman.dialects.linkmobility.keywords import reading, schemas
from dragoman.dialects.linkmobility.mapping import DIALECT
from dragoman.dialects.linkmobility.reading import read_text
from dragoman.dialects.wording import quoted
from dragoman.web.bodies import decode_body
from dragoman.web.requests import Request

HTTP: Final = "http"
OK: Final = 200
CREATED: Final = 201


class ForwardingServices:
    """Answers the calls on services of the type `http`."""

    def __init__(self, services: Services) -> None:
        self._keywords = services.keywords

    async def list_all(self, account: Account, request: Request) -> schemas.ServiceList:
        """The account's services, in the order of creation."""
        _check(account, request)
        found = await self._keywords.forwardings(account)
        return schemas.ServiceList(services=tuple(map(_service, found)), status=OK)

    async def show(self, account: Account, request: Request) -> schemas.ServiceAnswer:
        """One service; raises `Refused`."""
        _check(account, request)
        found = await self._keywords.forwarding(account, _identifier(request))
        return schemas.ServiceAnswer(service=_service(found), status=OK)

    async def create(self, account: Account, request: Request) -> schemas.ServiceAnswer:
        """Creates a service; raises `Refused`."""
        _check(account, request)
        body = decode_body(request, schemas.NewService)
        created = await self._keywords.add_forwarding(
            account,
            dialect=DIALECT,
            url=read_text(body.url),
            charset=body.charset or "",
            continuous=bool(reading.read_switch("continuous", body.continuous)),
        )
        return schemas.ServiceAnswer(service=_service(created), status=CREATED)

    async def change(self, account: Account, request: Request) -> schemas.ServiceAnswer:
        """Changes a service: what is not given stays, but the URL; raises `Refused`."""
        _check(account, request)
        body = decode_body(request, schemas.NewService)
        changed = await self._keywords.change_forwarding(
            account,
            _identifier(request),
            url=read_text(body.url),
            charset=body.charset,
            continuous=reading.read_switch("continuous", body.continuous),
        )
        return schemas.ServiceAnswer(service=_service(changed), status=OK)


def _check(account: Account, request: Request) -> None:
    reading.check_incoming(account)
    kind = request.path_params["type"]
    if kind != HTTP:
        text = f"Service type [{quoted(kind)}] is not supported, use [{HTTP}]"
        raise WordedRefusal(RefusalCode.NOT_SUPPORTED, text)


def _identifier(request: Request) -> int:
    written = request.path_params["id"]
    service_id = reading.read_identifier(written)
    if service_id is None:
        raise Refused(RefusalCode.NOT_FOUND, written, "service")
    return service_id


def _service(forwarding: Forwarding) -> schemas.Service:
    return schemas.Service(
        id=str(forwarding.forwarding_id),
        url=forwarding.url,
        continuous="1" if forwarding.continuous else "0",
        charset=forwarding.charset,
    )
