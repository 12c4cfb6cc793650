"""The dialect as a table: `sendsms` by GET, and by POST in each of the ways smsbox takes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast
from urllib.parse import unquote_to_bytes

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import CredentialKind
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.contract import ProviderDialect
from dragoman.dialects.kannel import errors
from dragoman.dialects.kannel.callbacks import render_callback
from dragoman.dialects.kannel.schemas import SendParameters
from dragoman.dialects.kannel.submissions import NAME, read_submission, text_of
from dragoman.dialects.wording import CODES_OF_KIND
from dragoman.kit.ids import render_hex
from dragoman.web.charsets import parse_media_type
from dragoman.web.forms import parse_form
from dragoman.web.operations import Dialect, Operation
from dragoman.web.refusals import Refusal, RefusalKind
from dragoman.web.requests import Request
from dragoman.web.responses import Response
from dragoman.web.xml_tree import parse_xml

PATH: Final = "/cgi-bin/sendsms"
IDENTIFIER: Final = b"x-dragoman-id"

_FIRST: Final = {"user": "username", "pass": "password", "dlrurl": "dlr-url", "dlrmask": "dlr-mask"}
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_OF_HEADER: Final = (
    "from", "to", "username", "password", "smsc", "udh", "dlr-url", "account", "binfo", "coding",
    "pid", "mwi", "mclass", "alt-dcs", "compress", "validity", "deferred", "dlr-mask", "rpi",
    "priority", "meta-data",
)  # fmt: skip
_OF_XML: Final = {
    ("from", "user"): "username",
    ("from", "username"): "username",
    ("from", "pass"): "password",
    ("from", "password"): "password",
    ("from", "account"): "account",
    ("from", "binfo"): "binfo",
    ("oa", "number"): "from",
    ("udh",): "udh",
    ("ud",): "text",
    ("smsc",): "smsc",
    ("dcs", "mclass"): "mclass",
    ("dcs", "mwi"): "mwi",
    ("dcs", "coding"): "coding",
    ("dcs", "compress"): "compress",
    ("dcs", "alt-dcs"): "alt-dcs",
    ("pid",): "pid",
    ("rpi",): "rpi",
    ("vp", "delay"): "validity",
    ("timing", "delay"): "deferred",
    ("statusrequest", "dlr-mask"): "dlr-mask",
    ("statusrequest", "dlr-url"): "dlr-url",
    ("priority",): "priority",
    ("meta-data",): "meta-data",
}


def build_kannel(services: Services) -> ProviderDialect:
    calls = _Calls(services)
    return ProviderDialect(
        name=NAME,
        web=Dialect(
            name=NAME,
            title="Kannel sendsms",
            description=(
                "Send a message as with Kannel's smsbox. The answer is one line of text; what "
                "becomes of the message is told to the `dlr-url` that it names."
            ),
            prefixes=(PATH,),
            operations=(
                Operation(
                    methods=("GET", "POST"),
                    path=PATH,
                    handler=calls.send,
                    summary="Send a message",
                    source="Kannel user guide, Sendsms CGI parameters",
                    query=SendParameters,
                    body=SendParameters,
                    body_formats=("form", "xml"),
                    body_limit_bytes=64 * 1024,
                    answers={202: None},
                    answer_formats=("text",),
                ),
            ),
            refuse=calls.refuse,
            octets=True,
        ),
        render_callback=render_callback,
    )


ENDS: Final = "19"
"""The `dlr-mask` of reports to the account's URL, where a request has none: delivered, failed, or
refused."""


class _Calls:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def send(self, request: Request) -> Response:
        services = self._services
        try:
            given = _read_parameters(request)
            account = await services.accounts.authenticate_password(
                text_of(given.get("username", "")),
                text_of(given.get("password", "")),
                request.client,
                CredentialKind.PASSWORD,
            )
            url = services.webhooks.report_url(account.account_id, NAME)
            if url and not given.get("dlr-url", "").strip():
                given = {"dlr-mask": ENDS, **given, "dlr-url": url.encode().decode("latin-1")}
            submission = read_submission(given, account, services.clock.now_ms())
            accepted = await services.submission.submit(account, submission)
        except Refused as refused:
            return self._refuse(refused)
        return errors.respond(errors.ACCEPTED, (IDENTIFIER, render_hex(accepted.batch_id).encode()))

    def refuse(self, request: Request, refusal: Refusal) -> Response:
        """Answers a request that cannot be read: its path, its method or its body."""
        if refusal.kind is RefusalKind.UNSUPPORTED_TYPE:
            return self._refuse(Refused(RefusalCode.NOT_SUPPORTED))
        return self._refuse(Refused(CODES_OF_KIND[refusal.kind]))

    def _refuse(self, refused: Refused) -> Response:
        self._services.metrics.refused[NAME, refused.code] += 1
        return errors.respond(errors.answer_to(refused))


def _read_parameters(request: Request) -> Mapping[str, str]:
    """The parameters, their values octets as ISO 8859-1; raises `Refused` and `MalformedBody`."""
    if request.method != "POST" or not (request.body or request.header(b"x-kannel-to")):
        return _first_of(request.query.pairs)
    media = parse_media_type(request.header(b"content-type"))
    if media.name == "text/xml":
        return _read_xml(request.body)
    if media.name in {"text/plain", "application/octet-stream"}:
        headers = {
            name: request.header(f"x-kannel-{name}".encode()).decode("latin-1")
            for name in _OF_HEADER
        }
        given = {name: value for name, value in headers.items() if value}
        given["udh"] = _octets(given.get("udh", ""), binary=True)
        given |= {"text": request.body.decode("latin-1"), "charset": media.charset}
        if media.name == "application/octet-stream":
            given.setdefault("coding", "1")
    elif media.name == "application/x-www-form-urlencoded":
        form = parse_form(request.body, octets=True)
        given = _first_of((*form.pairs, *request.query.pairs))
    else:
        raise errors.Refusal(errors.CONTENT_TYPE, RefusalCode.MALFORMED_REQUEST)
    if "to" not in given:
        given["to"] = ""
    return given


def _first_of(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The first value of each name, under its present name."""
    given: dict[str, str] = {}
    old: dict[str, str] = {}
    for name, value in pairs:
        if name in _FIRST:
            old.setdefault(_FIRST[name], value)
        else:
            given.setdefault(name, value)
    return old | given


def _read_xml(body: bytes) -> dict[str, str]:
    """The parameters of a document `message` with a `submit`; its texts become UTF-8."""
    root, tree = parse_xml(body, lists={"da"})
    submit = tree.get("submit") if isinstance(tree, dict) else None
    if root != "message" or not isinstance(submit, dict):
        raise errors.Refusal(errors.CHARSET, RefusalCode.MALFORMED_REQUEST)
    given: dict[str, str] = {}
    for path, name in _OF_XML.items():
        if (value := _leaf(submit, path)) is not None:
            given.setdefault(name, value.strip().encode().decode("latin-1"))
    numbers = [_leaf(one, ("number",)) or "" for one in cast("list[Any]", submit.get("da", ()))]
    if not any(numbers):
        raise errors.Refusal(errors.NO_RECIPIENTS)
    given["to"] = " ".join(numbers)
    given["udh"] = _octets(given.get("udh", ""), binary=True)
    coding = given.get("coding", "1" if given["udh"] else "0").strip()
    text = given.get("text", "")
    given["text"] = _octets(text, binary=coding in {"1", "2"})
    if coding != "2" or not _HEX.fullmatch(text):
        given["charset"] = "utf-8"
    return given


def _leaf(tree: Any, path: tuple[str, ...]) -> str | None:
    for name in path:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree if isinstance(tree, str) else None


def _octets(written: str, *, binary: bool) -> str:
    """What stands in hexadecimal digits, where that is meant, or with `%XX` for an octet."""
    if binary and _HEX.fullmatch(written):
        return bytes.fromhex(written).decode("latin-1")
    return unquote_to_bytes(written.encode("latin-1")).decode("latin-1")
