"""The fast path of a dialect's call: from the parser to its handler and back in one write.

Requests that no dialect owns, or whose target is not a plain path, go through uvicorn.
"""

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any, Final, Self
from urllib.parse import unquote

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from dragoman.kit.prompt import PromptRun
from dragoman.web.bodies import DRAIN_TIMEOUT_S, too_large, too_slow
from dragoman.web.heads import BoundedHttpProtocol
from dragoman.web.refusals import Refusal
from dragoman.web.responses import TEXT, Response, Stream
from dragoman.web.router import STALL_S, Call, DialectApp

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_SLASH: Final = ord("/")
_INTERRUPTED: Final = Response(
    500, b"Internal Server Error", TEXT, headers=((b"connection", b"close"),)
)


class _DirectCycle:
    """A request and its answer in uvicorn's queue, which collects its own body.

    `more_body` says that body is awaited, `allowance` how much more is taken or discarded.
    """

    __slots__ = (
        "allowance",
        "call",
        "chunked",
        "content",
        "disconnected",
        "keep_alive",
        "more_body",
        "response_complete",
        "started",
        "waiting_for_100_continue",
    )

    def __init__(
        self, call: Call, *, keep_alive: bool, chunked: bool, expect_100_continue: bool
    ) -> None:
        self.call = call
        self.disconnected = False
        self.response_complete = False
        self.keep_alive = keep_alive
        self.chunked = chunked
        self.waiting_for_100_continue = expect_100_continue
        self.started = False
        self.content: bytes | bytearray = b""
        if call.response is not None:
            self.allowance = call.drain_bytes
            self.more_body = self.allowance > 0
        else:
            self.allowance = call.body_limit_bytes or 0
            self.more_body = call.body_limit_bytes is not None

    @classmethod
    def whole(cls, call: Call, body: bytes) -> Self:
        """A request that came whole over a connection that is kept."""
        cycle = cls.__new__(cls)
        cycle.call = call
        cycle.disconnected = cycle.response_complete = False
        cycle.waiting_for_100_continue = cycle.more_body = False
        cycle.keep_alive = cycle.chunked = cycle.started = True
        cycle.content = body
        cycle.allowance = 0
        return cycle

    def take(self, data: bytes) -> None:
        """Takes a piece of the body, or discards it if the call is refused."""
        self.allowance -= len(data)
        if self.call.response is not None:
            self.more_body = self.allowance > 0
        elif self.allowance < 0:
            limit_bytes = self.call.body_limit_bytes or 0
            self.refuse(too_large(limit_bytes).refusal)
        elif self.content:
            if isinstance(self.content, bytes):
                self.content = bytearray(self.content)
            self.content += data
        else:
            self.content = data

    def refuse(self, refusal: Refusal) -> None:
        """Refuses the call while its body is still coming."""
        self.call.refuse(refusal)
        self.content = b""
        self.allowance = self.call.drain_bytes
        self.more_body = self.allowance > 0


class DirectHttpProtocol(BoundedHttpProtocol):
    """Calls a `DialectApp` without ASGI in between; serves every other application as uvicorn does.

    Requests of both ways share one connection and uvicorn's queue, so that pipelined ones are
    answered in order. The keep-alive timer is set once and renewed, not set for each request.
    """

    cycle: Any  # of either way, and so is what the queue holds
    pipeline: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._dialects = self.app if isinstance(self.app, DialectApp) else None
        self._body_timer: asyncio.TimerHandle | None = None
        self._idle_since: float | None = None
        self._streaming: asyncio.Task[None] | None = None
        self._stopping = False
        self._hosts = 0
        self._begun = 0
        """Requests that the parser has seen."""
        self._stamp_of: list[tuple[bytes, bytes]] = []
        self._stamp = b""

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_body_timer()
        if self._streaming is not None:
            self._streaming.cancel()
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None
        if isinstance(self.cycle, _DirectCycle):
            self.cycle = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._expects_head and not self._in_head and self._take_known(data):
            return
        begun = self._begun
        super().data_received(data)
        self._watch_body()
        cycle = self.cycle
        if self._begun == begun + 1 and isinstance(cycle, _DirectCycle) and self._expects_head:
            self._learn_head(data, cycle)

    def _take_known(self, data: bytes) -> bool:
        """Answers a whole request whose head was seen before, without its being parsed."""
        before = self.cycle
        if (
            self._dialects is None
            or (before is not None and not before.response_complete)
            or self.transport.is_closing()
        ):
            return False
        opened = self._dialects.open_known(data, self.client)
        if opened is None:
            return False
        call, body = opened
        self._idle_since = None
        self._stop_head_timer()
        self.cycle = cycle = _DirectCycle.whole(call, body)
        self._proceed(cycle)
        return True

    def _learn_head(self, data: bytes, cycle: _DirectCycle) -> None:
        call = cycle.call
        if call.is_prompt and call.response is None and cycle.keep_alive and not self._in_head:
            assert self._dialects is not None
            self._dialects.learn_head(data, call)

    def shutdown(self) -> None:
        """Finishes the answer under way and closes; a stream is ended."""
        self._stopping = True
        super().shutdown()
        if self._streaming is not None:
            self._streaming.cancel()

    # Callbacks of the parser

    def on_message_begin(self) -> None:
        self._begin_head()
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._hosts = 0
        self._begun += 1

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            elif name == b"host":
                self._hosts += 1
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self.transport.is_closing():
            self._end_head()
            return
        if self._hosts != 1 and (self._hosts or self.parser.get_http_version() != "1.0"):
            raise ValueError("one Host is required")  # RFC 9112 s. 3.2; uvicorn answers 400
        call = self._open_call()
        if call is None:
            self._build_scope()
            super().on_headers_complete()
            return
        self._end_head()
        parser = self.parser
        before = self.cycle
        chunked = parser.get_http_version() != "1.0"
        cycle = _DirectCycle(
            call,
            keep_alive=chunked and parser.should_keep_alive(),
            chunked=chunked,
            expect_100_continue=self.expect_100_continue,
        )
        self.cycle = cycle
        if before is None or before.response_complete:
            self._start(cycle)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def on_body(self, body: bytes) -> None:
        cycle = self.cycle
        if not isinstance(cycle, _DirectCycle):
            if cycle is not None and not self.transport.is_closing():
                super().on_body(body)
        elif cycle.more_body:
            refused = cycle.call.response is not None
            cycle.take(body)
            if cycle.call.response is not None and not refused:
                self._stop_body_timer()  # the time limit is now that of draining
            if cycle.started and not cycle.more_body:
                self._proceed(cycle)

    def on_message_complete(self) -> None:
        cycle = self.cycle
        if not isinstance(cycle, _DirectCycle):
            if cycle is not None and not self.transport.is_closing():
                super().on_message_complete()
            return
        self._expects_head = True
        if cycle.more_body:
            cycle.more_body = False
            if cycle.started:
                self._proceed(cycle)

    def _open_call(self) -> Call | None:
        url = self.url
        if self._dialects is None or not url or url[0] != _SLASH or b"#" in url:
            return None
        raw_path, _, query = url.partition(b"?")
        path = raw_path.decode("ascii")
        return self._dialects.open(
            {
                "method": self.parser.get_method().decode("ascii"),
                "path": unquote(path) if "%" in path else path,
                "raw_path": raw_path,
                "query_string": query,
                "headers": self.headers,
                "client": self.client,
            }
        )

    def _build_scope(self) -> None:
        """Builds uvicorn's scope, which `on_message_begin` skipped."""
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        HttpToolsProtocol.on_message_begin(self)
        self.url = url
        self.headers.extend(headers)
        self.expect_100_continue = expects

    # From the body to the answer

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if isinstance(cycle, _DirectCycle):
            self._start(cycle)
            self._watch_body()
        else:
            super()._start_asgi_task(cycle, app)

    def _start(self, cycle: _DirectCycle) -> None:
        cycle.started = True
        if not cycle.more_body:
            self._proceed(cycle)
        elif cycle.waiting_for_100_continue and cycle.call.response is None:
            self.transport.write(_CONTINUE)

    def _watch_body(self) -> None:
        """Sets a time limit if a body is incomplete after a segment was read."""
        cycle = self.cycle
        if cycle is None or self._expects_head or self._in_head:
            return
        if cycle.response_complete:
            self._rest()  # answered before its body was complete
        elif isinstance(cycle, _DirectCycle) and cycle.started and cycle.more_body:
            self._start_body_timer(cycle)

    def _start_body_timer(self, cycle: _DirectCycle) -> None:
        if self._body_timer is None and self._dialects is not None:
            refused = cycle.call.response is not None
            limit_s = DRAIN_TIMEOUT_S if refused else self._dialects.body_timeout_s
            self._body_timer = self.loop.call_later(limit_s, self._end_body, cycle)

    def _end_body(self, cycle: _DirectCycle) -> None:
        self._body_timer = None
        if cycle.call.response is None:
            cycle.refuse(too_slow().refusal)
        cycle.more_body = False
        self._proceed(cycle)

    def _stop_body_timer(self) -> None:
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None

    def _proceed(self, cycle: _DirectCycle) -> None:
        if self._body_timer is not None:
            self._stop_body_timer()
        call = cycle.call
        operation = call.request.operation
        if call.response is None and operation is not None and operation.at_once is not None:
            call.request.body = bytes(cycle.content)
            operation.at_once(call.request, partial(self._respond, cycle))
        elif call.is_prompt and call.response is None:
            run = PromptRun(call.answer(bytes(cycle.content)), self._answered, cycle)
            run.go_on()
            if not run.is_over:
                self.tasks.add(run)  # type: ignore[arg-type]  # waited for, and cancelled, alike
        else:
            self._keep_running(self._answer(cycle))

    def _keep_running(self, answering: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(answering)
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    async def _answer(self, cycle: _DirectCycle) -> None:
        try:
            response = cycle.call.response or await cycle.call.answer(bytes(cycle.content))
        except (Exception, asyncio.CancelledError):
            self._write(cycle, _INTERRUPTED)
            raise
        await self._finish(cycle, response)

    def _answered(
        self, run: PromptRun[Response], response: Response | None, error: BaseException | None
    ) -> None:
        cycle: _DirectCycle = run.about
        self.tasks.discard(run)
        if response is None:
            self._write(cycle, _INTERRUPTED)
            if isinstance(error, Exception):  # a defect of ours: it reports all that is raised
                cycle.call.report(error)
        else:
            self._respond(cycle, response)

    def _respond(self, cycle: _DirectCycle, response: Response) -> None:
        if self.flow.write_paused or response.streams:
            self._keep_running(self._finish(cycle, response))
        else:
            self._write(cycle, response)

    async def _finish(self, cycle: _DirectCycle, response: Response) -> None:
        if self.flow.write_paused:
            await self.flow.drain()
        if isinstance(response, Stream):
            await self._stream(cycle, response)
        else:
            self._write(cycle, response)

    def _write(self, cycle: _DirectCycle, response: Response) -> None:
        cycle.response_complete = True
        if not self.transport.is_closing():
            last = response.closes or not cycle.keep_alive
            with_body = cycle.call.request.method != "HEAD"
            stamp = self._render_stamp()
            self.transport.write(response.render(stamp, last=last, with_body=with_body))
            if last:
                self.transport.close()
        self.on_response_complete()

    async def _stream(self, cycle: _DirectCycle, response: Stream) -> None:
        """Writes a stream as its pieces come; a client that does not read is disconnected."""
        self._streaming = asyncio.current_task()
        last = response.closes or not cycle.keep_alive or not cycle.chunked
        whole = False
        try:
            self.transport.write(
                response.render_head(self._render_stamp(), last=last, chunked=cycle.chunked)
            )
            while not self._stopping and not self.transport.is_closing():
                piece = await anext(response.pieces, None)
                if piece is None:
                    break
                if piece:
                    sized = b"%x\r\n%b\r\n" % (len(piece), piece) if cycle.chunked else piece
                    self.transport.write(sized)
                    if self.flow.write_paused:
                        async with asyncio.timeout(STALL_S):
                            await self.flow.drain()
            whole = True
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            whole = self._stopping
        except Exception as error:
            cycle.call.report(error)
        finally:
            self._streaming = None
            await response.pieces.aclose()
        self._end_stream(cycle, whole=whole, last=last)

    def _end_stream(self, cycle: _DirectCycle, *, whole: bool, last: bool) -> None:
        """Ends a stream so that its reader can distinguish a complete one from one cut off."""
        cycle.response_complete = True
        if not whole:
            self.transport.abort()
        elif not self.transport.is_closing():
            if cycle.chunked:
                self.transport.write(b"0\r\n\r\n")
            if last or self._stopping:
                self.transport.close()
        self.on_response_complete()

    def _render_stamp(self) -> bytes:
        headers = self.server_state.default_headers  # replaced, never changed, once a second
        if headers is not self._stamp_of:
            self._stamp_of = headers
            self._stamp = b"".join([b"%b: %b\r\n" % header for header in headers])
        return self._stamp

    # Between requests

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        else:
            self._rest()

    def _rest(self) -> None:
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._look_again_in(self.timeout_keep_alive)

    def _unset_keepalive_if_required(self) -> None:
        self._idle_since = None

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        if self._idle_since is None:
            return
        left_s = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left_s > 0:
            self._look_again_in(left_s)
        else:
            super().timeout_keep_alive_handler()

    def _look_again_in(self, delay_s: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(
            delay_s, self.timeout_keep_alive_handler
        )
