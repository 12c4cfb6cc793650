"""Numbers and messaging services: what is kept of them, and where texts to a number go."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.inbound.model.keywords import CATCH_ALL
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.dialects.twilio.mapping import DIALECT
from dragoman.dialects.twilio.stored import NUMBERS, SERVICES, NumberRecord, ServiceRecord
from dragoman.kit.turns import Turns

UTF_8: Final = "utf-8"


class Settings(NamedTuple):
    """How texts to a number are told."""

    url: str = ""
    method: str = "POST"
    fallback_url: str = ""
    fallback_method: str = "POST"
    service_sid: str = ""


class Pools:
    """Reads and keeps the settings of numbers and of the services that they are in.

    Whoever changes any of them holds the turn of the account (`turns.of(account_id)`), since a
    number and its service name each other.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self.turns = Turns()

    async def number(self, account_id: int, digits: str) -> NumberRecord:
        """The settings of a number; those of a new one where there are none."""
        name = _name_of(account_id, digits)
        record = await self._services.dialect_records.find(DIALECT, NUMBERS, name)
        return NumberRecord() if record is None else NumberRecord.read(record)

    async def service(self, account_id: int, sid: str) -> ServiceRecord | None:
        """A messaging service of an account."""
        record = await self._services.dialect_records.find(DIALECT, SERVICES, sid)
        if record is None or record.account_id != account_id:
            return None
        return ServiceRecord.read(record)

    async def settings_of(self, account_id: int, digits: str) -> Settings:
        """How texts to a number are told: as its service says, if that does, else as it says."""
        number = await self.number(account_id, digits)
        own = Settings(
            number.sms_url,
            number.sms_method,
            number.sms_fallback_url,
            number.sms_fallback_method,
            number.service_sid,
        )
        if not number.service_sid:
            return own
        service = await self.service(account_id, number.service_sid)
        if service is None:
            return own._replace(service_sid="")
        if service.use_inbound_webhook_on_number or not service.inbound_request_url:
            return own
        return Settings(
            service.inbound_request_url,
            service.inbound_method,
            service.fallback_url,
            service.fallback_method,
            number.service_sid,
        )

    async def put_number(self, account: Account, digits: str, record: NumberRecord) -> None:
        """Stores the settings of a number, and has its texts go where they say."""
        changed = msgspec.structs.replace(record, updated_ms=self._services.clock.now_ms())
        name = _name_of(account.account_id, digits)
        await self._services.dialect_records.put(account, DIALECT, NUMBERS, name, changed.write())
        await self.route(account, digits)

    async def forget_number(self, account: Account, digits: str) -> None:
        """Forgets the settings of a number that the account has given back."""
        name = _name_of(account.account_id, digits)
        await self._services.dialect_records.remove(account, DIALECT, NUMBERS, name)

    async def route(self, account: Account, digits: str) -> None:
        """Has the texts to a number go to the URL of its settings; raises `Refused`."""
        owner = self._services.inbound_routing.number(digits)
        if owner is None or owner.account_id != account.account_id:
            return  # a sender to which nobody can write
        url = (await self.settings_of(account.account_id, digits)).url
        keywords = self._services.keywords
        try:
            keyword = (await keywords.keyword_on(account, digits, CATCH_ALL)).keyword
        except Refused as refused:
            if refused.code is not RefusalCode.NOT_FOUND:
                raise
            if not url:
                return
            keyword = (await keywords.reserve(account, digits, CATCH_ALL)).keyword
        known = None
        if keyword.forwarding_id is not None:
            known = await keywords.forwarding(account, keyword.forwarding_id)
        if known is not None and known.dialect == DIALECT and url:
            await keywords.change_forwarding(account, known.forwarding_id, url=url)
        elif url:
            new = await keywords.add_forwarding(
                account,
                dialect=DIALECT,
                url=url,
                charset=UTF_8,
                continuous=False,
            )
            await keywords.attach(account, keyword.keyword_id, new.forwarding_id)
        elif known is not None and known.dialect == DIALECT:
            await keywords.attach(account, keyword.keyword_id, None)


def _name_of(account_id: int, digits: str) -> str:
    """The name of a record: what one account says of a number is not another's."""
    return f"{account_id}:{digits}"
