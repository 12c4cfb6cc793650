"""The console pages of a development gateway: virtual phones, carrier faults and mail."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from functools import partial
from typing import Final

from dragoman.console.labels import ALPHABETS, describe_refusal
from dragoman.console.page import Page
from dragoman.console.page_request import PageRequest
from dragoman.console.translation import gettext, lazy
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.development.phones import (
    Fate,
    Faults,
    PhoneText,
    PhoneView,
    read_number,
)
from dragoman.development.workbench import Workbench
from dragoman.web.events import KEEP_ALIVE, KEEP_ALIVE_S, render_event
from dragoman.web.responses import Response

PACKAGE: Final = "dragoman.development"
MAX_SHOWN: Final = 100
"""Phones in the list, texts of a phone, mails: the newest."""
TURNS: Final = 4
"""Waits of `KEEP_ALIVE_S` for a change, after which a stream ends and the browser reconnects."""
FATES: Final = (
    (Fate.DELIVERED, lazy("delivered")),
    (Fate.FAILED, lazy("failed, with an error code")),
    (Fate.REFUSED, lazy("rejected by the carrier")),
    (Fate.LATE, lazy("delivered, with a late receipt")),
    (Fate.NEVER, lazy("delivered, without a receipt")),
    (Fate.DOUBLED, lazy("delivered, with the receipt twice")),
)
_TEXT: Final = ("text", "to")
_CHOICE: Final = ("fate", "times", "code", "delay_s")
_FAULTS: Final = ("throttle_per_s", "slow_s", "lose_responses")


def build_phone_pages(workbench: Workbench) -> tuple[Page, ...]:
    pages = _DevelopmentPages(workbench)
    page = partial(Page, section="Virtual phones", needs=Permission.OPERATE)
    phone = "/phones/{number:int}"
    return (
        page(
            "/phones",
            lazy("Virtual phones"),
            menu=lazy("Virtual phones"),
            show=pages.list_phones,
            act=pages.open_phone,
        ),
        page(
            "/phones/faults",
            lazy("Carrier faults"),
            show=pages.show_faults,
            act=pages.set_faults,
        ),
        page("/phones/changes", lazy("Virtual phones"), show=pages.stream_changes, background=True),
        page(phone, lazy("Virtual phone"), show=pages.show_phone, act=pages.send_text),
        page(f"{phone}/next", lazy("Virtual phone"), act=pages.choose_fate),
        page("/mail", lazy("Mail"), menu=lazy("Mail"), show=pages.show_mail),
    )


class _DevelopmentPages:
    def __init__(self, workbench: Workbench) -> None:
        self._phones = workbench.phones
        self._outbox = workbench.outbox

    async def list_phones(self, request: PageRequest) -> Response:
        return self._show_list(request)

    async def open_phone(self, request: PageRequest) -> Response:
        """Opens the phone of a number, whether it has texts or not."""
        typed = request.form.get("number", "").strip()
        try:
            return request.go(f"/phones/{read_number(typed)}")
        except Refused as refused:
            request.problems["number"] = describe_refusal(refused)
            return self._show_list(request, 400, typed)

    async def show_phone(self, request: PageRequest) -> Response:
        return self._show_phone(request)

    async def send_text(self, request: PageRequest) -> Response:
        """Sends a text from the phone; a button may name the text."""
        typed = {name: request.form.get(name, "") for name in _TEXT}
        text = request.form.get("quick", "") or typed["text"].replace("\r\n", "\n")
        number = _number(request)
        try:
            await self._phones.send(number, text, typed["to"].strip())
        except Refused as refused:
            _add(request, refused, _TEXT, "number", "to")
            return self._show_phone(request, 400, typed)
        return request.go(f"/phones/{number}", "text-sent")

    async def choose_fate(self, request: PageRequest) -> Response:
        """Decides what happens to the next messages to the phone."""
        typed = {name: request.form.get(name, "").strip() for name in _CHOICE}
        number = _number(request)
        times = _read_number(request, typed, "times")
        code = _read_number(request, typed, "code")
        delay_s = _read_number(request, typed, "delay_s")
        try:
            fate = Fate(typed["fate"])
            if not request.problems:
                self._phones.choose(
                    number,
                    fate,
                    times=None if times is None else int(times),
                    code=None if code is None else int(code),
                    delay_s=delay_s,
                )
        except ValueError:
            request.problems["fate"] = gettext("Choose an outcome.")
        except Refused as refused:
            _add(request, refused, _CHOICE)
        if request.problems:
            return self._show_phone(request, 400, typed)
        return request.go(f"/phones/{number}", "saved")

    async def stream_changes(self, request: PageRequest) -> Response:
        """Notifies a page that a phone received or sent a text, so that it refreshes."""
        return request.stream(self._frames())

    async def _frames(self) -> AsyncGenerator[bytes, None]:
        yield b"retry: 1000\n" + render_event("open")
        for _ in range(TURNS):
            happened = await self._phones.change(KEEP_ALIVE_S)
            yield render_event("changed") if happened else KEEP_ALIVE

    def _show_list(self, request: PageRequest, status: int = 200, number: str = "") -> Response:
        phones = self._phones.phones()
        return request.show(
            "virtual-phones.html",
            status,
            phones=phones[:MAX_SHOWN],
            total=len(phones),
            number=number,
            faults=self._phones.faults,
        )

    def _show_phone(
        self, request: PageRequest, status: int = 200, typed: dict[str, str] | None = None
    ) -> Response:
        number = _number(request)
        texts: tuple[PhoneText, ...] = self._phones.texts(number)
        view: PhoneView | None = next(
            (phone for phone in self._phones.phones() if phone.number == number), None
        )
        values = dict.fromkeys((*_TEXT, *_CHOICE), "") | {"times": "1"} | (typed or {})
        return request.show(
            "virtual-phone.html",
            status,
            number=number,
            texts=texts[-MAX_SHOWN:][::-1],
            total=len(texts),
            alphabets=ALPHABETS,
            next_fate=view.next.value if view is not None and view.next is not None else "",
            fates=[(fate.value, label) for fate, label in FATES],
            typed=values,
        )

    async def show_faults(self, request: PageRequest) -> Response:
        return self._show_faults(request)

    async def set_faults(self, request: PageRequest) -> Response:
        """Sets faults of the carrier, or resets them."""
        do = request.form.get("do", "")
        typed = {name: request.form.get(name, "").strip() for name in _FAULTS}
        try:
            if do == "reset":
                self._phones.reset()
            elif do == "cut":
                self._phones.cut_links()
            elif do == "lose":
                times = _read_number(request, typed, "lose_responses")
                if not request.problems:
                    self._phones.lose_responses(1 if times is None else int(times))
            else:
                throttle = _read_number(request, typed, "throttle_per_s")
                slow = _read_number(request, typed, "slow_s")
                if not request.problems:
                    self._phones.set_faults(Faults(throttle_per_s=throttle, slow_s=slow or 0.0))
        except Refused as refused:
            _add(request, refused, _FAULTS)
        if request.problems:
            return self._show_faults(request, 400, typed)
        return request.go("/phones/faults", "links-cut" if do == "cut" else "saved")

    def _show_faults(
        self, request: PageRequest, status: int = 200, typed: dict[str, str] | None = None
    ) -> Response:
        faults = self._phones.faults
        throttle = faults.throttle_per_s
        known = {
            "throttle_per_s": "" if throttle is None else f"{throttle:g}",
            "slow_s": f"{faults.slow_s:g}" if faults.slow_s else "",
            "lose_responses": "1",
        }
        return request.show(
            "faults.html",
            status,
            faults=faults,
            typed={name: (typed or {}).get(name) or value for name, value in known.items()},
        )

    async def show_mail(self, request: PageRequest) -> Response:
        """The newest mails; their HTML is shown as text."""
        wanted = request.query.get("to", "").strip()[:320]
        mails = await self._outbox.mails(wanted, limit=MAX_SHOWN)
        return request.show("mail.html", mails=mails, wanted=wanted)


def _number(request: PageRequest) -> str:
    """The phone's number; raises `Refused` as an address that nothing has."""
    try:
        return read_number(request.http.path_params["number"])
    except Refused:
        raise Refused(RefusalCode.NOT_FOUND, "number") from None


def _read_number(request: PageRequest, typed: dict[str, str], name: str) -> float | None:
    """The number in a field, None if empty; anything else is added to the problems."""
    text = typed[name].replace(",", ".")
    if not text:
        return None
    if len(text) <= 12 and text.isascii() and text.replace(".", "", 1).isdigit():
        return float(text)
    request.problems[name] = gettext("Enter a number.")
    return None


def _add(request: PageRequest, refused: Refused, fields: tuple[str, ...], *renamed: str) -> None:
    """Puts a refusal to its field; `renamed` is a subject and the field it stands for."""
    subject = renamed[1] if renamed and refused.subject == renamed[0] else refused.subject
    if refused.code is RefusalCode.EMPTY_TEXT:
        subject = "text"
    request.problems[subject if subject in fields else ""] = describe_refusal(refused)
