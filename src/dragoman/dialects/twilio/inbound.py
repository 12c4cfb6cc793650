"""Received texts: the signed call to a number's URL, and what is done with its answer.

The answer is acted on before the call counts as made. A crash in between has the customer called
again; replies have a key, so that none is sent twice.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Self
from urllib.parse import urljoin

import msgspec
import phonenumbers

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.inbound.model.keywords import words_of, words_to_match
from dragoman.core.messages.model.callbacks import CallbackAnswer, CallbackCall, TextFacts
from dragoman.core.messages.model.messages import Format, Submission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.urls import is_http_address, split_user
from dragoman.dialects.twilio import sids
from dragoman.dialects.twilio.callbacks import render_call
from dragoman.dialects.twilio.mapping import API_VERSION, DIALECT, RECEIVED, render_number
from dragoman.dialects.twilio.pools import Pools, Settings
from dragoman.dialects.twilio.submissions import MAX_BODY, REPLY, Note, Reader, read_sender
from dragoman.dialects.twilio.twiml import NotTwiml, Redirect, Reply, read_answer

MAX_HOPS: Final = 10
"""Calls about one text that follow each other."""
NO_ANSWER: Final = 11200
NO_TWIML: Final = 12300


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which of the calls about a text it is, if not the first; stored as the note of its facts."""

    hops: int = 0
    method: str = ""
    """Empty as the number's settings say."""
    is_fallback: bool = False
    error_code: int = 0
    error_url: str = ""

    @classmethod
    def parse(cls, note: str) -> Self:
        return msgspec.json.decode(note, type=cls) if note else cls()

    def render(self) -> str:
        return msgspec.json.encode(self).decode()


@lru_cache(maxsize=8)
def _to_match(words: tuple[str, ...]) -> frozenset[str]:
    return words_to_match(words)


class Inbound:
    """Makes the calls and reads the answers."""

    def __init__(self, services: Services, pools: Pools) -> None:
        self._services = services
        self._pools = pools
        self._reader = Reader(services)

    async def render_text(self, url: str, facts: TextFacts) -> CallbackCall:
        """The call about a received text."""
        token = await self._services.auth_tokens.of_account(facts.account_id)
        if token is None:
            raise LookupError("the account has no auth token")
        settings = await self._pools.settings_of(facts.account_id, facts.recipient)
        step = Step.parse(facts.note)
        sid = sids.render_sid(sids.SMS, facts.inbound_id)
        parameters = {
            "ToCountry": country_of(facts.recipient),
            "ToState": "",
            "SmsMessageSid": sid,
            "NumMedia": "0",
            "ToCity": "",
            "FromZip": "",
            "SmsSid": sid,
            "FromState": "",
            "SmsStatus": RECEIVED,
            "FromCity": "",
            "Body": facts.text,
            "FromCountry": country_of(facts.sender),
            "To": render_number(facts.recipient),
            "ToZip": "",
            "NumSegments": str(facts.parts),
            "MessageSid": sid,
            "AccountSid": token.public_id,
            "From": render_number(facts.sender),
            "ApiVersion": API_VERSION,
        }
        if settings.service_sid:
            parameters["MessagingServiceSid"] = settings.service_sid
        if wish := self._wish_in(facts.text):
            parameters["OptOutType"] = wish
        if step.error_code:
            parameters |= {"ErrorCode": str(step.error_code), "ErrorUrl": step.error_url}
        method = step.method or settings.method
        return render_call(method, url, parameters, token.token, f"{sid}-{step.hops}")

    def _wish_in(self, text: str) -> str:
        """What a text says about getting more, as Twilio calls it; programs leave it unanswered."""
        words, inbound = words_of(text), self._services.settings.inbound
        if not words:
            return ""
        if words[0] in _to_match(inbound.stop_words):
            return "STOP"
        if len(words) > 1:
            return ""
        if words[0] in _to_match(inbound.start_words):
            return "START"
        return "HELP" if words[0] in _to_match(inbound.help_words) else ""

    async def take_answer(self, answer: CallbackAnswer) -> bool:
        """Sends what an answer says, and asks where it points; whether that goes on elsewhere."""
        facts = _facts_of(answer)
        step = Step.parse(facts.note)
        if not answer.is_good:
            return await self._fall_back(answer, step, NO_ANSWER)
        try:
            content_type = answer.headers.get("content-type", "")
            replies, redirect = read_answer(content_type, answer.body)
        except NotTwiml:
            return await self._fall_back(answer, step, NO_TWIML)
        account = await self._services.accounts.find_by_id(facts.account_id)
        if account is None:
            return False
        for number, reply in enumerate(replies):
            await self._reply(account, answer, reply, f"{facts.inbound_id}.{step.hops}.{number}")
        if redirect is not None and redirect.url:
            await self._redirect(answer, step, redirect)
        return False

    async def _reply(
        self, account: Account, answer: CallbackAnswer, reply: Reply, key: str
    ) -> None:
        """Sends a reply once; one that cannot be sent is nobody's business any more.

        Raises `TooManyAnswers`.
        """
        try:
            submission = await self._read_reply(account, answer, reply)
            facts = _facts_of(answer)
            self._services.answer_limits.check(
                account.account_id, facts.recipient, submission.recipients[0]
            )
            await self._services.single_messages.submit(account, submission, key)
        except Refused as refused:
            if refused.code is RefusalCode.UNAVAILABLE:
                raise
            if refused.code is not RefusalCode.ALREADY_EXISTS:
                self._services.metrics.refused[DIALECT, refused.code.value] += 1

    async def _read_reply(
        self, account: Account, answer: CallbackAnswer, reply: Reply
    ) -> Submission:
        facts = _facts_of(answer)
        settings = await self._pools.settings_of(facts.account_id, facts.recipient)
        if len(reply.body) > MAX_BODY:
            raise Refused(RefusalCode.TEXT_TOO_LONG)
        kind = sids.MMS if reply.media_urls else sids.SMS
        called, _ = split_user(answer.url)
        note = Note(account.account_id, settings.service_sid, REPLY, kind).render()
        url = urljoin(answer.url, reply.status_callback) if reply.status_callback else ""
        return Submission(
            dialect=DIALECT,
            recipients=(reply.to or facts.sender,),
            text=reply.body,
            sender=read_sender(reply.sender) or render_number(facts.recipient),
            format=Format.MMS if reply.media_urls else Format.AUTO,
            attachment_urls=tuple(urljoin(called, one) for one in reply.media_urls),
            callback=self._reader.callback(account, url, note),
            return_data=note,
        )

    async def _redirect(self, answer: CallbackAnswer, step: Step, redirect: Redirect) -> None:
        url = urljoin(answer.url, redirect.url)
        onward = Step(hops=step.hops + 1, method=redirect.method, is_fallback=step.is_fallback)
        await self._go_on(_facts_of(answer), url, onward)

    async def _fall_back(self, answer: CallbackAnswer, step: Step, error_code: int) -> bool:
        facts = _facts_of(answer)
        settings: Settings = await self._pools.settings_of(facts.account_id, facts.recipient)
        if step.is_fallback or not settings.fallback_url:
            return False
        onward = Step(
            hops=step.hops + 1,
            method=settings.fallback_method,
            is_fallback=True,
            error_code=error_code,
            error_url=split_user(answer.url)[0],
        )
        return await self._go_on(facts, settings.fallback_url, onward)

    async def _go_on(self, facts: TextFacts, url: str, step: Step) -> bool:
        """Stores the next call; whether there is one."""
        if step.hops > MAX_HOPS or not is_http_address(url):
            return False
        onward = msgspec.structs.replace(facts, note=step.render())
        await self._services.webhooks.forward_again(DIALECT, url, onward)
        return True


def _facts_of(answer: CallbackAnswer) -> TextFacts:
    assert isinstance(answer.facts, TextFacts)  # this dialect has no events
    return answer.facts


def country_of(number: str) -> str:
    """The country of a number by its numbering plan; empty where it tells none."""
    if not number.isdigit():
        return ""
    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(f"+{number}"))
    except phonenumbers.NumberParseException:
        return ""
    return region if region and region.isalpha() else ""
