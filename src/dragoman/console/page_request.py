"""One request to a page: who is signed in, what they sent, and the answers a view can give."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from dragoman.console.context import ConsoleContext
from dragoman.console.cookies import origin_of
from dragoman.console.display import read_display
from dragoman.console.forms import Problems, check_version, is_current, token_for
from dragoman.console.frame import Frame
from dragoman.console.paging import PER_PAGE, Paging, read_paging
from dragoman.console.place import PREFIX, Place
from dragoman.console.roles import role_of
from dragoman.console.translation import lazy
from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.model.audit_log import AuditEntry
from dragoman.core.accounts.model.people import (
    Person,
    Principal,
    Role,
    narrow_to_role,
    widest_role,
)
from dragoman.web.forms import Upload as UploadedFile
from dragoman.web.requests import Parameters, Request
from dragoman.web.responses import EVENTS, HTML, JSON, Header, Response, Stream

CSV: Final = b"text/csv; charset=utf-8"
POLICY: Final = (
    b"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SAFE: Final[tuple[Header, ...]] = (
    (b"content-security-policy", POLICY),
    (b"x-content-type-options", b"nosniff"),
    # Not no-referrer: that takes the Origin header off forms, by which forged ones are known.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    (b"cache-control", b"no-store"),
    (b"x-robots-tag", b"noindex"),
)
_NOTICES: Final = {
    "signed-out": lazy("You are signed out."),
    "signed-out-everywhere": lazy("You are signed out everywhere."),
    "password-changed": lazy("Password changed. Sign in with the new one."),
    "saved": lazy("Saved."),
    "search-kept": lazy("The search is kept."),
    "search-removed": lazy("The search is not kept any more."),
    "search-not-kept": lazy(
        "This search cannot be kept: it needs a name of up to 40 characters, and it"
        " must not be for a number."
    ),
    "session-ended": lazy("Session ended."),
    "factor-removed": lazy("Second factor removed."),
    "key-revoked": lazy("API key revoked."),
    "person-removed": lazy("Person removed."),
    "no-changes": lazy("No changes."),
    "released": lazy(
        "Keyword released. It stays reserved for your account until the end of the month."
    ),
    "deleted": lazy("Account deleted."),
    "text-sent": lazy("Sent to the gateway."),
    "links-cut": lazy("Connections closed. The gateway will reconnect."),
    "sent": lazy("Accepted. The message is being sent."),
    "cancelled": lazy("Cancelled. The credits were refunded."),
    "reloaded": lazy("The new configuration is in effect."),
    "retrying": lazy("The hosts of the waiting callbacks are being called now."),
    "opted-out": lazy("Opt-out added."),
    "opted-in": lazy("Opt-out removed."),
    "contact-added": lazy("Contact added."),
    "contact-deleted": lazy("Contact deleted."),
    "list-created": lazy("List created."),
    "list-deleted": lazy("List deleted, with its contacts."),
    "field-deleted": lazy("Field deleted, with its values."),
    "upload-discarded": lazy("File deleted. Contacts that were already imported stay."),
    "campaign-deleted": lazy("Draft deleted."),
    "rule-deleted": lazy("Rule deleted."),
    "template-deleted": lazy("Template deleted."),
    "test-sent": lazy("The test is being sent."),
    "scheduled": lazy("Accepted. The message is scheduled."),
    "moved": lazy("The new time is saved."),
    "replayed": lazy("The callbacks are being replayed."),
    "none-selected": lazy("Nothing was replayed: select callbacks first."),
    "not-replayed": lazy(
        "Nothing to replay: they are waiting already, or their number was deleted."
    ),
    "paused": lazy("Paused. Callbacks to this host wait until you resume it."),
    "resumed": lazy("Resumed. Waiting callbacks are being made."),
}


class PageRequest:
    """A request to a page by a signed-in account or person, or by anyone to a public page."""

    def __init__(
        self,
        frame: Frame,
        page: Place,
        request: Request,
        form: Parameters,
        secret: str = "",
        reader: Principal | None = None,
    ) -> None:
        self._frame = frame
        self._reader = reader
        self._account: Account | None = None
        self.person: Person | None = None
        """Who is signed in, where it is one of the account's people."""
        self.role = Role.VIEWER
        if reader is not None:
            account, self.person = reader
            self.role = self.person.role if self.person is not None else widest_role(account)
            self._account = account if self.person is None else narrow_to_role(account, self.role)
        self.page = page
        self.http = request
        self.form = form
        self.files: tuple[UploadedFile, ...] = ()
        self.secret = secret
        """What forms of this request are bound to: the session's token, or the form cookie."""
        self.cookies: list[Header] = []
        self.problems = Problems()
        """What is wrong with the form, or with the query of a search."""

    @property
    def context(self) -> ConsoleContext:
        """The services and the running gateway."""
        return self._frame.context

    @property
    def services(self) -> Services:
        """The services."""
        return self._frame.context.services

    @property
    def account(self) -> Account:
        """The account that is signed in, with what the role of its person leaves of it."""
        if self._account is None:
            raise RuntimeError("a public page has no account")
        return self._account

    @property
    def reader(self) -> Principal:
        """Who is signed in, with the whole account."""
        if self._reader is None:
            raise RuntimeError("a public page has no reader")
        return self._reader

    @property
    def person_id(self) -> int | None:
        """The identifier of the person who is signed in; None where it is the account itself."""
        return self.person.person_id if self.person is not None else None

    @property
    def manages(self) -> bool:
        """Whether the reader changes what the account sends with."""
        return self.role.includes(Role.MANAGER)

    @property
    def query(self) -> Parameters:
        """The values behind the question mark."""
        return self.http.query

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the account's times."""
        named = self._account.time_zone if self._account is not None else ""
        return ZoneInfo(named or self.services.settings.console.time_zone)

    @property
    def public_url(self) -> str:
        """Where browsers reach the gateway: as configured, or as this one did."""
        return self.services.settings.console.public_url.rstrip("/") or origin_of(self.http)

    def identifier(self, name: str) -> int:
        """A number in the path; what is too long for an identifier is one that nothing has."""
        text = self.http.path_params[name]
        return int(text) if len(text) <= 16 else 0

    def paging(self, per_page: int = PER_PAGE) -> Paging:
        """Which page of its list is asked for."""
        return read_paging(self.query, per_page)

    def check_version(self, *values: Any) -> None:
        """Raises `EditConflict` where what the form was filled in from has changed."""
        check_version(self.form, *values)

    def is_current(self, *values: Any) -> bool:
        """Whether what the form was filled in from is what is stored now."""
        return is_current(self.form, *values)

    def audit(self, action: str, subject: str = "", account: Account | None = None) -> AuditEntry:
        """An entry for the audit log, to be stored with the change it is about."""
        return self.services.audit_log.entry(self.account, action, subject, account, self.person_id)

    async def note(self, action: str, subject: str = "", account: Account | None = None) -> None:
        """Adds to the audit log what the account did."""
        await self.services.audit_log.note(self.account, action, subject, account, self.person_id)

    async def tree(self) -> tuple[int, ...]:
        """The account's own identifier and those of the accounts below it; raises `Refused`."""
        below = await self.services.queries.accounts_below(self.account)
        return (self.account.account_id, *below)

    # Answers

    def show(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page."""
        account, display = self._account, read_display(self.http)
        values = {
            "page": self.page,
            "me": account,
            "person": self.person,
            "display": display,
            "shortcuts": self._frame.shortcuts_for(account, self.role),
            "role": self._shown_role(),
            "section": self.page.menu or self.page.section,
            "provider": self.context.openid.name if self.context.openid is not None else "",
            "menu": self._frame.menu_for(account, self.role),
            "zone": self.zone,
            "notice": _NOTICES.get(self.query.get("notice", "")),
            "form_token": token_for(self.secret),
            "problems": self.problems,
            **values,
        }
        body = self._frame.renderer.render(template, values)
        return Response(status, body, HTML, (*SAFE, *self.cookies))

    def _shown_role(self) -> Role | None:
        if self.person is not None or self._account is None:
            return self.person.role if self.person is not None else None
        return role_of(self._account)

    def go(self, path: str, notice: str = "") -> Response:
        """Sends the browser on to a path below `/console`, by GET."""
        mark = "&" if "?" in path else "?"
        address = f"{PREFIX}{path}" + (f"{mark}notice={quote(notice)}" if notice else "")
        headers = (*SAFE, (b"location", address.encode()), *self.cookies)
        return Response(303, b"", HTML, headers)

    def leave(self, url: str) -> Response:
        """Sends the browser on to another site, by GET."""
        return Response(303, b"", HTML, (*SAFE, (b"location", url.encode()), *self.cookies))

    def give_json(self, body: bytes) -> Response:
        """An answer to a script of ours."""
        return Response(200, body, JSON, (*SAFE, *self.cookies))

    def stream(self, pieces: AsyncGenerator[bytes, None]) -> Response:
        """Server-sent events to a script of ours."""
        headers = (*SAFE, *self.cookies)
        if self.http.method == "HEAD":
            return Response(200, b"", EVENTS, headers)
        return Stream(pieces, EVENTS, headers)

    def give_stream(
        self, name: str, pieces: AsyncGenerator[bytes, None], content_type: bytes = CSV
    ) -> Response:
        """A file to keep that is made while it is read."""
        disposition = (
            b"content-disposition",
            f'attachment; filename="{name}"'.encode(),
        )
        headers = (*SAFE, disposition, *self.cookies)
        if self.http.method == "HEAD":
            return Response(200, b"", content_type, headers)
        return Stream(pieces, content_type, headers)

    def give_file(self, name: str, body: bytes, content_type: bytes = CSV) -> Response:
        """A file to keep."""
        disposition = (
            b"content-disposition",
            f'attachment; filename="{name}"'.encode(),
        )
        return Response(200, body, content_type, (*SAFE, disposition, *self.cookies))
