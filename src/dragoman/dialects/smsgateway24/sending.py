"""Texts to be sent: one, one to several numbers, many at once, and newsletters to tags."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Final, NamedTuple

import msgspec

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.contacts.model.contacts import ListKind
from dragoman.core.devices.model.devices import MAX_SLOT, Device
from dragoman.core.messages.model.audiences import Audience
from dragoman.core.messages.model.messages import ALONE, CallbackRequest, Submission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.texts import is_storable
from dragoman.core.submission.bundles import RefusedInBundle
from dragoman.dialects.smsgateway24.auth import CallGroup, log_in
from dragoman.dialects.smsgateway24.errors import WordedRefusal, invalid, missing, problem_of
from dragoman.dialects.smsgateway24.mapping import DELIVERY_STATES, NAME, Note, render_note
from dragoman.dialects.smsgateway24.numbers import country_of, country_of_all, read_numbers
from dragoman.dialects.smsgateway24.parameters import Given, parse_inner
from dragoman.dialects.smsgateway24.schemas import SavedMany, SavedNewsletter, SavedSms
from dragoman.dialects.smsgateway24.times import DATABASE, GERMAN, parse_time
from dragoman.dialects.smsgateway24.webhooks import find_delivery
from dragoman.dialects.wording import instead_of
from dragoman.kit.ids import parse_number
from dragoman.web.requests import Request

NEWSLETTER: Final = "paket"
"""The `protocol` of batches that are newsletters."""
MAX_TEXTS: Final = 5_000
"""Texts in one call: they are stored in one transaction, which others wait for."""
MAX_TAGS: Final = 100
MAX_TITLE: Final = 255
NOW: Final = frozenset({"", "0"})


class Target(NamedTuple):
    """The phone and SIM a text is for; None leaves the choice."""

    device: Device | None
    slot: int | None

    @property
    def device_id(self) -> int | None:
        return None if self.device is None else self.device.device_id


class Sending(CallGroup):
    """Answers the calls that send."""

    async def add(self, request: Request, given: Given) -> SavedSms:
        """`addsms`; raises `Refused`."""
        account = await self._authenticate(request, given)
        return await self._add(account, given)

    async def add_with_login(self, request: Request, given: Given) -> SavedSms:
        """`smstosend`: as `addsms`, with name and password, or with a token; raises `Refused`."""
        if given.text("token") and not given.text("email"):
            return await self.add(request, given)
        account = await log_in(self._services, given, request.client)
        return await self._add(account, given)

    async def add_many(self, request: Request, given: Given) -> SavedMany:
        """`addalotofsms`: all of them or none; raises `Refused`."""
        content = _content_of(given)
        account = await self._authenticate(request, content)
        items = content.raw("smsdata")
        if isinstance(items, Mapping):  # PHP encodes a list with gaps as an object
            items = list(items.values())
        if not isinstance(items, list) or not items:
            raise missing("smsdata")
        submissions: list[Submission] = []
        origins: list[int] = []
        most = min(MAX_TEXTS, account.max_recipients)
        if len(items) > most:
            raise _too_many(most)
        for index, item in enumerate(items):
            try:
                if not isinstance(item, Mapping):
                    raise invalid("smsdata", "not an object")
                some = self._read(account, Given(item), most, customer="0")
            except Refused as refused:
                raise _at(index, refused) from None
            submissions += some
            origins += [index] * len(some)
            if len(submissions) > most:
                raise _too_many(most)
        try:
            await self._services.bundles.submit(account, submissions)
        except RefusedInBundle as refused:
            if refused.code is RefusalCode.INSUFFICIENT_CREDIT:
                raise
            raise _at(origins[refused.index], refused) from None
        return SavedMany()

    async def add_newsletter(self, request: Request, given: Given) -> SavedNewsletter:
        """`savepaket`; raises `Refused`."""
        services = self._services
        account = await self._authenticate(request, given)
        title, body = given.required("title"), given.body("body")
        if len(title) > MAX_TITLE or not is_storable(title):
            raise invalid("title", f"at most {MAX_TITLE} characters")
        target = self._target(account, given)
        tags = await self._tags(account, given)
        due_ms = _due(given, "time_to_send", GERMAN)
        draft = self._draft(account, target, body, due_ms, newsletter=True)
        submission = msgspec.structs.replace(draft, audience=Audience(groups=tags))
        [paket_id] = await services.bundles.submit(account, [submission], title=title)
        return SavedNewsletter(paket_id=paket_id)

    async def _add(self, account: Account, given: Given) -> SavedSms:
        most = min(MAX_TEXTS, account.max_recipients)
        submissions = self._read(account, given, most, customer=None)
        sms_ids = await self._services.bundles.submit(account, submissions)
        return SavedSms(sms_id=sms_ids[0])

    def _read(
        self, account: Account, given: Given, most: int, *, customer: str | None
    ) -> list[Submission]:
        """One submission for each number, so that each text has an identifier from the start."""
        sendto = given.text("sendto")
        if not sendto:
            raise missing("sendto")
        body = given.body("body")
        target = self._target(account, given)
        if target.device is not None:
            country = country_of(target.device, target.slot)
        else:
            country = country_of_all(self._services.devices.of_account(account))
        numbers = read_numbers(sendto, country, most)
        due_ms, urgent = _due(given, "timetosend"), given.flag("urgent")
        number = given.number("customerid")
        draft = msgspec.structs.replace(
            self._draft(account, target, body, due_ms),
            reference=customer if number is None else str(number),
            urgent=urgent,
        )
        return [msgspec.structs.replace(draft, recipients=(f"+{one}",)) for one in numbers]

    def _target(self, account: Account, given: Given) -> Target:
        """The phone and SIM that are asked for; raises `Refused`."""
        number = given.number("sim")
        if number is not None and number >= MAX_SLOT:
            raise invalid("sim", f"0 to {MAX_SLOT - 1}")
        slot = None if number is None else number + 1
        device_id = given.text("device_id").strip()
        if device_id in NOW:  # no phone is 0
            return Target(None, slot)
        device = find_device(self._services, account, device_id)
        first = device.sim(1)
        if slot is None and first is not None and first.present:
            slot = 1
        return Target(device, slot)

    def _draft(
        self,
        account: Account,
        target: Target,
        text: str,
        due_ms: int | None,
        *,
        newsletter: bool = False,
    ) -> Submission:
        """A text with all but its recipients, and the webhook that is to follow it."""
        device_id, slot, zone = target.device_id, target.slot, self._zone_name(account)
        note = render_note(
            Note(due_ms=due_ms, device_id=device_id, slot=slot, zone=zone, newsletter=newsletter)
        )
        webhook = find_delivery(self._services.webhooks, account.account_id, device_id)
        callback = None
        if webhook is not None:
            callback = CallbackRequest(url=webhook.url, return_data=note, states=DELIVERY_STATES)
        return Submission(
            dialect=NAME,
            recipients=(),
            text=text,
            sender="",
            due_ms=due_ms,
            device_id=device_id,
            sim=slot,
            protocol=NEWSLETTER if newsletter else ALONE,
            return_data=note,
            callback=callback,
        )

    async def _tags(self, account: Account, given: Given) -> tuple[int, ...]:
        wanted = list(dict.fromkeys(given.listed("tags")))
        if not wanted:
            raise missing("tags")
        if len(wanted) > MAX_TAGS:
            raise invalid("tags", f"at most {MAX_TAGS}")
        return tuple([await find_tag(self._services, account, tag) for tag in wanted])


def find_device(services: Services, account: Account, text: str) -> Device:
    """One of the account's phones; raises `Refused`."""
    device_id = parse_number(text.strip())
    unknown = WordedRefusal(RefusalCode.NOT_FOUND, "Device not found")
    if device_id is None:
        raise unknown
    with instead_of(unknown.code, unknown):
        return services.devices.find(account, device_id)


async def find_tag(services: Services, account: Account, text: str) -> int:
    """One of the account's tags; raises `Refused`."""
    tag_id = parse_number(text.strip())
    unknown = WordedRefusal(RefusalCode.NOT_FOUND, "Tag not found")
    if tag_id is None:
        raise unknown
    with instead_of(unknown.code, unknown):
        return (await services.groups.group(account, tag_id, ListKind.TAG)).list_id


def _content_of(given: Given) -> Given:
    """The token and the texts: in `datajson`, or beside it."""
    content = {"token": given.raw("token"), "smsdata": given.raw("smsdata")}
    if given.raw("datajson"):
        data = parse_inner("datajson", given.raw("datajson"))
        if not isinstance(data, Mapping):
            raise invalid("datajson", "no JSON object")
        content |= {name.lower(): value for name, value in data.items()}
    if content["smsdata"]:
        content["smsdata"] = parse_inner("smsdata", content["smsdata"])
    return Given(content)


def _due(given: Given, name: str, usual: str = DATABASE) -> int | None:
    text = given.text(name).strip()
    return None if text in NOW else parse_time(name, text, UTC, usual=usual)


def _at(index: int, refused: Refused) -> WordedRefusal:
    """A refusal of one of many texts, with its place in the list."""
    return WordedRefusal(refused.code, f"smsdata[{index}]: {problem_of(refused).message}")


def _too_many(most: int) -> Refused:
    return Refused(RefusalCode.TOO_MANY_RECIPIENTS, detail=f"at most {most} in a call")
