"""The tables of the configuration for Kannel's dialect: services and the status page."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta

from dragoman.config.sections import Section
from dragoman.config.values import (
    FilePath,
    Network,
    NetworkText,
    PhoneNumber,
    Secret,
    checked,
    matching,
    parse_network,
)
from dragoman.core.inbound.model.keywords import parse_keyword, words_of
from dragoman.core.inbound.model.services import KEYWORD_WORDS, TextService, compile_pattern
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.urls import is_http_address

KANNEL = "kannel"


def _check_template(url: str) -> None:
    host = urlsplit(url).netloc if is_http_address(url) else ""
    if not host or "@" in host or "%" in host:
        raise ValueError("expected http://<host>/<path> or https://…, without user and password")


def _check_keyword(text: str) -> None:
    words = text.split()
    try:
        for word in words or [""]:
            parse_keyword(word)
        if len(words) > KEYWORD_WORDS:
            raise Refused(RefusalCode.INVALID_FIELD)
    except Refused:
        raise ValueError(f"{text!r} is not the first word or words of a text") from None


def _check_pattern(text: str) -> None:
    compile_pattern(text)


Prefix = Annotated[str, matching("[0-9]{1,15}", "is not the first digits of a number")]
Template = Annotated[str, checked(_check_template)]
ServiceName = Annotated[
    str, matching("[!-~]([ -~]{0,62}[!-~])?", "is not a name of up to 64 ASCII characters")
]


class KannelService(Section, frozen=True, kw_only=True):
    """A group `sms-service`: texts of an account that a URL is called about, and may answer."""

    name: ServiceName
    """What `%n`, logs and the command line call it."""
    account: Annotated[str, Meta(min_length=1)]
    """User name of the account whose texts it takes, and that pays for its answers."""
    keywords: Annotated[
        tuple[Annotated[str, checked(_check_keyword)], ...], Meta(max_length=100)
    ] = ()
    """Words that a text begins with, in any case; none for texts that no other service takes."""
    keyword_regex: Annotated[
        str, Meta(examples=["^ *(news|info)"], max_length=1_000), checked(_check_pattern)
    ] = ""
    """Regular expression that a text contains, in any case, in place of `keywords`."""
    numbers: tuple[PhoneNumber, ...] = ()
    """Numbers that texts come to; none for all of the account."""
    number_prefixes: tuple[Prefix, ...] = ()
    """First digits of those numbers; none for all."""
    denied_number_prefixes: tuple[Prefix, ...] = ()
    """First digits of numbers that it does not serve."""
    sender_prefixes: Annotated[tuple[Prefix, ...], Meta(examples=[["45", "46"]])] = ()
    """First digits of the phones that it serves; none for all."""
    denied_sender_prefixes: tuple[Prefix, ...] = ()
    """First digits of phones that it does not serve."""
    carriers: tuple[str, ...] = ()
    """Carriers that texts come over; none for all."""
    catch_all: bool = False
    """Whether texts may have more or fewer words than its `get_url`, `text` has `%s`."""
    get_url: Annotated[
        Template | None, Meta(examples=["http://127.0.0.1:9000/?from=%p&text=%a"])
    ] = None
    """URL to call, with Kannel's escapes; what it answers goes back to the phone."""
    post_url: Annotated[Template | None, Meta(examples=["http://127.0.0.1:9000/"])] = None
    """URL that the text is posted to instead."""
    post_xml: Annotated[Template | None, Meta(examples=["http://127.0.0.1:9000/"])] = None
    """URL that a document with the text is posted to instead."""
    text: Annotated[str | None, Meta(examples=["Thank you, %s!"])] = None
    """What to answer instead of calling a URL; with escapes."""
    file: Annotated[FilePath | None, Meta(examples=["answer.txt"])] = None
    """File that holds what to answer instead; read for each text."""
    max_messages: Annotated[Annotated[int, Meta(ge=0, le=255)] | None, Meta(examples=[1])] = None
    """Parts that an answer may have, the rest is cut; 0 sends none. As many as the account may send
    if not given, where Kannel sends one."""
    omit_empty: bool = True
    """Whether an empty answer sends nothing; otherwise a text that says so, as Kannel does."""
    accept_x_kannel_headers: bool = False
    """Whether `X-Kannel-` headers of an answer count, such as `X-Kannel-To`."""
    strip_keyword: bool = False
    """Whether the first word is left out of what is posted."""
    send_sender: bool = False
    """Whether a post has `X-Kannel-From`."""
    sender: Annotated[str | None, Meta(examples=["Shop"])] = None
    """Sender of answers (`faked-sender`), if not the number that the text came to."""

    @property
    def template(self) -> str:
        """What escapes stand in and decide how many words a text may have."""
        return self.get_url or self.text or ""

    def value(self) -> TextService:
        """The rule, for inbound texts."""
        most: int | None = None
        fewest = 0
        posted = self.post_url or self.post_xml
        free = self.catch_all or posted or not (self.keywords or self.keyword_regex)
        if not free and self.file is None:
            fewest = 1 + self.template.count("%s") + self.template.count("%S")
            most = None if "%a" in self.template or "%r" in self.template else fewest
        return TextService(
            name=self.name,
            dialect=KANNEL,
            account=self.account,
            url=self.get_url or posted or "",
            keywords=frozenset(words_of(keyword, KEYWORD_WORDS) for keyword in self.keywords),
            numbers=frozenset(number.removeprefix("+") for number in self.numbers),
            carriers=frozenset(self.carriers),
            pattern=self.keyword_regex,
            number_prefixes=self.number_prefixes,
            denied_number_prefixes=self.denied_number_prefixes,
            sender_prefixes=self.sender_prefixes,
            denied_sender_prefixes=self.denied_sender_prefixes,
            fewest_words=fewest,
            most_words=most,
        )


class Kannel(Section, frozen=True, kw_only=True):
    """The dialect of Kannel."""

    status_password: Annotated[Secret, Meta(examples=["a long random text"])] = Secret("")
    """Password of the pages `/status`, `/status.xml` and their sisters; without one there are
    none."""
    status_password_file: Annotated[
        FilePath | None, Meta(examples=["/run/secrets/kannel-status"])
    ] = None
    """File that holds the password instead."""
    status_addresses: tuple[NetworkText, ...] = ("127.0.0.0/8", "::1/128")
    """From where they may be asked for."""
    services: tuple[KannelService, ...] = ()
    """Texts that a URL is called about, and may answer."""

    @property
    def status_networks(self) -> tuple[Network, ...]:
        """`status_addresses`, parsed."""
        return tuple(parse_network(text) for text in self.status_addresses)
