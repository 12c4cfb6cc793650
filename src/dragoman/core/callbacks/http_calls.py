"""Callbacks as HTTP calls: rendered by their dialects, made, and their answers acted on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from functools import partial

import msgspec
import structlog

from dragoman.core.callbacks.calling import (
    MAX_ANSWER,
    Called,
    Caller,
    OnCalled,
    TakeAnswer,
    called_of,
)
from dragoman.core.callbacks.model.hosts import Tested
from dragoman.core.callbacks.rendering import Renderers
from dragoman.core.inbound.answers import TooManyAnswers
from dragoman.core.messages.model.callbacks import (
    CallbackAnswer,
    CallbackCall,
    CallbackFacts,
    OwnAnswer,
)
from dragoman.core.messages.model.records import NewCallback
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.urls import split_user
from dragoman.core.model.use_case import use_case
from dragoman.kit.clock import Clock
from dragoman.web.outgoing import Fetched, FetchError

log = structlog.get_logger(__name__)


@use_case(kw_only=True)
class HttpCalls:
    """Makes the calls of one gateway."""

    client: Caller
    renderers: Renderers
    answer_takers: Mapping[str, TakeAnswer] = field(default_factory=dict)
    """By the same keys as the renderers of texts and events."""
    clock: Clock
    _tasks: set[asyncio.Future[None]] = field(default_factory=set, init=False)
    """What renders, or acts on an answer, and takes longer than a turn of the loop."""

    def deliver(self, callback: NewCallback, end: OnCalled) -> None:
        """Makes the call of a callback, and tells what came of it once its answer is acted on."""
        try:
            call = self.renderers.render(callback)
        except Exception as error:  # a defect of ours, or a dialect that is not enabled now
            self._not_rendered(callback, end, error)
            return
        if isinstance(call, CallbackCall):
            self._start(callback, end, call)
        elif isinstance(call, OwnAnswer):
            own = Fetched(200, dict(call.headers), call.body)
            asyncio.get_running_loop().call_soon(self._answered, callback, end, own)
        else:
            self._go_on(self._start_later(callback, end, call))

    async def test(self, dialect: str, url: str, facts: CallbackFacts) -> Tested:
        """Makes one call that is not stored, and not repeated; raises `Refused`."""
        render = self.renderers.states.get(dialect)
        if render is None:
            raise Refused(RefusalCode.INVALID_FIELD, "dialect", "this API has no such callbacks")
        try:
            rendered = render(url, facts)
            call = rendered if isinstance(rendered, CallbackCall) else None
            if not isinstance(rendered, CallbackCall | OwnAnswer):
                call = await rendered
        except Exception as error:  # a dialect looks up what a test does not have
            log.warning("test_not_rendered", reason=type(error).__name__)
            call = None
        if call is None:
            raise Refused(RefusalCode.INVALID_FIELD, "dialect", "this API cannot make a test call")
        began = self.clock.monotonic()
        result: asyncio.Future[Fetched | FetchError] = asyncio.get_running_loop().create_future()

        def on_result(fetched: Fetched | FetchError) -> None:
            if not result.done():
                result.set_result(fetched)

        self._call(call, on_result)
        called = called_of(await result)
        took_ms = (self.clock.monotonic() - began) * 1000
        return Tested(status=called.status, answer=called.answer[:MAX_ANSWER], took_ms=took_ms)

    def _go_on(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _start_later(
        self, callback: NewCallback, end: OnCalled, rendering: Awaitable[CallbackCall]
    ) -> None:
        try:
            call = await rendering
        except Exception as error:  # above all a database that is away
            self._not_rendered(callback, end, error)
        else:
            self._start(callback, end, call)

    def _not_rendered(self, callback: NewCallback, end: OnCalled, error: Exception) -> None:
        log.error("callback_not_rendered", dialect=callback.dialect, reason=type(error).__name__)
        called = Called(status=None, answer="not rendered", ours=True)
        asyncio.get_running_loop().call_soon(end, called)

    def _start(self, callback: NewCallback, end: OnCalled, call: CallbackCall) -> None:
        self._call(call, partial(self._answered, callback, end))

    def _call(self, call: CallbackCall, on_result: Callable[[Fetched | FetchError], None]) -> None:
        """Calls a URL; a user name and password in it go as HTTP Basic, as in any client."""
        url, login = split_user(call.url)
        headers = (*call.headers, *login) if login else call.headers
        self.client.start(call.method, url, on_result, headers=headers, body=call.body)

    def _answered(self, callback: NewCallback, end: OnCalled, result: Fetched | FetchError) -> None:
        take = self.answer_takers.get(callback.dialect)
        if take is None:
            end(called_of(result))
        else:
            self._go_on(self._end_with_answer(callback, end, result, take))

    async def _end_with_answer(
        self,
        callback: NewCallback,
        end: OnCalled,
        result: Fetched | FetchError,
        take: TakeAnswer,
    ) -> None:
        """What follows from an answer is stored before the call is done with."""
        called = called_of(result)
        fetched = result if isinstance(result, Fetched) else None
        answer = CallbackAnswer(
            callback_id=callback.callback_id,
            account_id=callback.account_id,
            url=callback.url,
            facts=self.renderers.facts_of(callback),
            status=called.status,
            headers=fetched.headers if fetched else {},
            body=fetched.body if fetched else b"",
        )
        try:
            passed_on = await take(answer)
            called = msgspec.structs.replace(called, passed_on=passed_on)
        except TooManyAnswers as error:
            called = msgspec.structs.replace(called, answer=f"{error} {called.answer}")
        except Exception as error:  # above all a database that is away
            log.error("answer_not_taken", dialect=callback.dialect, reason=type(error).__name__)
            called = Called(status=None, answer="the answer was not stored", ours=True)
        end(called)
