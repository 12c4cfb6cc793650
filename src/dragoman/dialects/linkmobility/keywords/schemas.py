"""What the calls on keywords and services take and answer, with the manual's names and order."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from dragoman.dialects.linkmobility.schemas import Flag, Text
from dragoman.web.operations import doc

SERVICE_ID_TEXT = "The service that texts are forwarded to; 0 for none. Not in the manual."


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
