"""Keywords, and the services their texts are forwarded to (LINK v2 s. 12, 13)."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, UnsetType

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.inbound.keywords import check_may_receive
from dragoman.core.inbound.model.inbound import Forwarding
from dragoman.core.inbound.model.keywords import KeywordView
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.linkmobility.calls import CREATED, OK, CallGroup
from dragoman.dialects.linkmobility.errors import WordedRefusal
from dragoman.dialects.linkmobility.mapping import DIALECT
from dragoman.dialects.linkmobility.reading import MAX_IDENTIFIER, read_text
from dragoman.dialects.linkmobility.schemas import Flag, Text
from dragoman.dialects.wording import quoted, reworded
from dragoman.web.bodies import decode_body
from dragoman.web.operations import doc
from dragoman.web.requests import Request

SERVICE_ID_TEXT = "The service that texts are forwarded to; 0 for none. Not in the manual."
_IDENTIFIER: Final = re.compile(r"[0-9]{1,16}", re.ASCII)
_SWITCHES: Final = MappingProxyType({"0": False, "false": False, "1": True, "true": True})

HTTP: Final = "http"
SUBKEYWORD: Final = "subkeyword"
RESERVED: Final = "reserved"
NO_CATEGORY: Final = "0"


class NewKeyword(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A keyword to reserve (LINK v2 s. 12)."""

    number: Annotated[Text, doc("The number or short code.")] = None
    keyword: Annotated[Text, doc("One word; in any case.")] = None
    mainkeyword: Annotated[Text, doc("The id of the keyword that stands before it in a text.")] = (
        None
    )
    serviceid: Annotated[Text, doc(SERVICE_ID_TEXT)] = None


class KeywordChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be changed of a keyword; the manual knows no such call."""

    serviceid: Annotated[Text, doc(SERVICE_ID_TEXT)] = None


class Keyword(msgspec.Struct, frozen=True, kw_only=True):
    """A keyword; `service` is null where it has none, and left out where `serviceid` names it."""

    id: str
    keyword: str
    function: Annotated[str, doc("http, subkeyword, or empty.")]
    number: str
    category: str
    mainkeyword: str
    service: UnsetType | None = UNSET
    serviceid: str
    frameworkaccept: str
    statusurl: str | None
    state: str


class KeywordList(msgspec.Struct, frozen=True, kw_only=True):
    """The keywords of an account."""

    keywords: tuple[Keyword, ...]
    status: int


class KeywordAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One keyword."""

    keyword: Keyword
    status: int


class NewService(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where texts are to be forwarded to (LINK v2 s. 13)."""

    id: Annotated[Text, doc("Has no effect: the path names the service.")] = None
    url: Annotated[Text, doc("Is called with POST for each text.")] = None
    continuous: Annotated[Flag, doc("Kept and shown; has no effect.")] = None
    charset: Annotated[str | None, doc("Of the parameters in the body; UTF-8 where empty.")] = None


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """Where texts are forwarded to."""

    id: str
    url: str
    continuous: str
    charset: str


class ServiceList(msgspec.Struct, frozen=True, kw_only=True):
    """The services of an account."""

    services: tuple[Service, ...]
    status: int


class ServiceAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One service."""

    service: Service
    status: int


def check_incoming(account: Account) -> None:
    """Raises `Refused` unless the account may receive texts."""
    text = "Access denied, [aclIncoming] access is denied for user"
    with reworded(lambda refused: WordedRefusal(refused.code, text)):
        check_may_receive(account)


def read_identifier(value: Text) -> int | None:
    """An identifier, 0 where none is given; None for what none can be."""
    written = read_text(value)
    if not written:
        return 0
    if not _IDENTIFIER.fullmatch(written) or int(written) > MAX_IDENTIFIER:
        return None
    return int(written)


def read_switch(field: str, value: Flag) -> bool | None:
    """Whether something is on; None where nothing is given. Raises `Refused`."""
    if value is None or value == "":
        return None
    switch = _SWITCHES.get(str(value).strip().lower())
    if switch is None:
        raise Refused(RefusalCode.INVALID_FIELD, field, "use true or false")
    return switch


class Keywords(CallGroup):
    """Answers the calls on keywords."""

    async def list_all(self, account: Account, _request: Request) -> KeywordList:
        """The account's keywords, in the order of reservation."""
        check_incoming(account)
        found = await self._services.keywords.keywords(account)
        return KeywordList(keywords=tuple(map(_keyword, found)), status=OK)

    async def show(self, account: Account, request: Request) -> KeywordAnswer:
        """One keyword by its id; raises `Refused`."""
        check_incoming(account)
        keyword_id = _identifier(request)
        with reworded(_worded):
            view = await self._services.keywords.keyword(account, keyword_id)
        return KeywordAnswer(keyword=_keyword(view), status=OK)

    async def show_on_number(self, account: Account, request: Request) -> KeywordAnswer:
        """One keyword by its number and name; raises `Refused`."""
        check_incoming(account)
        number, word = request.path_params["number"], request.path_params["keyword"]
        try:
            view = await self._services.keywords.keyword_on(account, number, word)
        except Refused:
            text = f"Keyword [{quoted(word.upper())}] was not found on number [{quoted(number)}]"
            raise WordedRefusal(RefusalCode.NOT_FOUND, text) from None
        return KeywordAnswer(keyword=_keyword(view), status=OK)

    async def reserve(self, account: Account, request: Request) -> KeywordAnswer:
        """Reserves a keyword; raises `Refused`."""
        check_incoming(account)
        body = decode_body(request, NewKeyword)
        main_keyword_id = read_identifier(body.mainkeyword)
        if main_keyword_id is None:
            raise _missing_keyword(read_text(body.mainkeyword))
        with reworded(_worded):
            view = await self._services.keywords.reserve(
                account,
                read_text(body.number),
                read_text(body.keyword),
                main_keyword_id=main_keyword_id,
                forwarding_id=_service_id(body),
            )
        return KeywordAnswer(keyword=_keyword(view), status=CREATED)

    async def attach(self, account: Account, request: Request) -> KeywordAnswer:
        """Attaches a service to a keyword, or takes it off; raises `Refused`."""
        check_incoming(account)
        body = decode_body(request, KeywordChange)
        if not read_text(body.serviceid):
            raise Refused(RefusalCode.MISSING_FIELD, "serviceid")
        with reworded(_worded):
            view = await self._services.keywords.attach(
                account, _identifier(request), _service_id(body)
            )
        return KeywordAnswer(keyword=_keyword(view), status=OK)

    async def delete(self, account: Account, request: Request) -> KeywordAnswer:
        """Gives a keyword up; answers it as it was, with the status that is printed."""
        check_incoming(account)
        zone = self._zone_of(account)
        with reworded(_worded):
            view = await self._services.keywords.delete(account, _identifier(request), zone)
        return KeywordAnswer(keyword=_keyword(view), status=CREATED)


def _identifier(request: Request) -> int:
    keyword_id = read_identifier(request.path_params["id"])
    if keyword_id is None:
        raise _missing_keyword(request.path_params["id"])
    return keyword_id


def _service_id(body: NewKeyword | KeywordChange) -> int | None:
    service_id = read_identifier(body.serviceid)
    if service_id is None:
        raise Refused(RefusalCode.NOT_FOUND, read_text(body.serviceid), "service")
    return service_id or None


def _worded(refused: Refused) -> Refused:
    """A refusal as the manual words it for keywords."""
    if refused.code is RefusalCode.ALREADY_EXISTS:
        text = f"Keyword [{quoted(refused.subject)}] is already taken on [{quoted(refused.detail)}]"
        return WordedRefusal(refused.code, text)
    if refused.code is RefusalCode.NOT_FOUND and refused.detail == "keyword":
        return _missing_keyword(refused.subject)
    return refused


def _missing_keyword(named: str) -> Refused:
    return WordedRefusal(RefusalCode.NOT_FOUND, f"Keyword [{quoted(named)}] was not found")


def _keyword(view: KeywordView) -> Keyword:
    keyword = view.keyword
    attached = keyword.forwarding_id is not None
    function = HTTP if attached else SUBKEYWORD if view.has_subkeywords else ""
    return Keyword(
        id=str(keyword.keyword_id),
        keyword=keyword.keyword,
        function=function,
        number=keyword.number,
        category=NO_CATEGORY,
        mainkeyword=str(keyword.main_keyword_id),
        service=UNSET if attached else None,
        serviceid=str(keyword.forwarding_id or 0),
        frameworkaccept="1" if function else "0",
        statusurl=None,
        state=RESERVED,
    )


class ForwardingServices(CallGroup):
    """Answers the calls on services of the type `http`."""

    async def list_all(self, account: Account, request: Request) -> ServiceList:
        """The account's services, in the order of creation."""
        _check(account, request)
        found = await self._services.keywords.forwardings(account)
        return ServiceList(services=tuple(map(_service, found)), status=OK)

    async def show(self, account: Account, request: Request) -> ServiceAnswer:
        """One service; raises `Refused`."""
        _check(account, request)
        found = await self._services.keywords.forwarding(account, _forwarding_id(request))
        return ServiceAnswer(service=_service(found), status=OK)

    async def create(self, account: Account, request: Request) -> ServiceAnswer:
        """Creates a service; raises `Refused`."""
        _check(account, request)
        body = decode_body(request, NewService)
        created = await self._services.keywords.add_forwarding(
            account,
            dialect=DIALECT,
            url=read_text(body.url),
            charset=body.charset or "",
            continuous=bool(read_switch("continuous", body.continuous)),
        )
        return ServiceAnswer(service=_service(created), status=CREATED)

    async def change(self, account: Account, request: Request) -> ServiceAnswer:
        """Changes a service: what is not given stays, but the URL; raises `Refused`."""
        _check(account, request)
        body = decode_body(request, NewService)
        changed = await self._services.keywords.change_forwarding(
            account,
            _forwarding_id(request),
            url=read_text(body.url),
            charset=body.charset,
            continuous=read_switch("continuous", body.continuous),
        )
        return ServiceAnswer(service=_service(changed), status=OK)


def _check(account: Account, request: Request) -> None:
    check_incoming(account)
    kind = request.path_params["type"]
    if kind != HTTP:
        text = f"Service type [{quoted(kind)}] is not supported, use [{HTTP}]"
        raise WordedRefusal(RefusalCode.NOT_SUPPORTED, text)


def _forwarding_id(request: Request) -> int:
    written = request.path_params["id"]
    service_id = read_identifier(written)
    if service_id is None:
        raise Refused(RefusalCode.NOT_FOUND, written, "service")
    return service_id


def _service(forwarding: Forwarding) -> Service:
    return Service(
        id=str(forwarding.forwarding_id),
        url=forwarding.url,
        continuous="1" if forwarding.continuous else "0",
        charset=forwarding.charset,
    )
