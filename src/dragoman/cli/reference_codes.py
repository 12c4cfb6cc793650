"""The reference page of codes: refusals, failures and states, and how each API words them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, Final

from dragoman.cli.reference_calls import no_services
from dragoman.cli.reference_table import table
from dragoman.cli.reference_words import REFUSALS, STATES, UNREADABLE
from dragoman.core.messages.model.failure_causes import CAUSES
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode, RefusalCode
from dragoman.core.submission.model.progress import progress_of
from dragoman.dialects import DIALECTS
from dragoman.dialects.httpsms import errors as httpsms_errors
from dragoman.dialects.httpsms import mapping as httpsms
from dragoman.dialects.jasmin import callbacks as jasmin
from dragoman.dialects.jasmin import errors as jasmin_errors
from dragoman.dialects.kannel import callbacks as kannel
from dragoman.dialects.kannel import errors as kannel_errors
from dragoman.dialects.linkmobility import errors as linkmobility_errors
from dragoman.dialects.linkmobility import mapping as linkmobility
from dragoman.dialects.smsend import errors as smsend_errors
from dragoman.dialects.smsend.sending import statuses as smsend
from dragoman.dialects.smsgate import errors as smsgate_errors
from dragoman.dialects.smsgate import mapping as smsgate
from dragoman.dialects.smsgateway24 import errors as smsgateway24_errors
from dragoman.dialects.smsgateway24 import mapping as smsgateway24
from dragoman.dialects.twilio import errors as twilio_errors
from dragoman.dialects.twilio import mapping as twilio
from dragoman.web.operations import Dialect
from dragoman.web.refusals import Refusal, RefusalKind
from dragoman.web.requests import Request

Column = Callable[[Any], str]
"""What an API says for a code."""


def list_codes() -> Iterator[str]:
    """The lines of the page."""
    yield "The codes of the gateway, what they mean, and how each API words them.\n"
    yield "## Refusals\n"
    yield (
        "A refused request stored nothing and cost nothing. Some calls word a refusal more"
        " precisely. `{…}` stands for what it is about; httpsms and SMSGateway24 answer with HTTP"
        " status 200.\n"
    )
    yield from table(("code", "meaning"), [(f"`{code}`", REFUSALS[code]) for code in RefusalCode])
    yield from _by_api(RefusalCode, _REFUSED)
    yield "## Unreadable requests\n"
    yield (
        "Refused before any call looks at them: HTTP status and body, with `…` for the reason or"
        " the path. LINK answers in XML where the path ends with `.xml`.\n"
    )
    dialects = {name: build(no_services()).web for name, build in DIALECTS.items()}
    yield from table(
        ("kind", "meaning", *dialects),
        [
            (f"`{kind}`", UNREADABLE[kind], *(_unreadable(one, kind) for one in dialects.values()))
            for kind in RefusalKind
        ],
    )
    yield "## Failures\n"
    yield "Why an accepted message was not delivered.\n"
    failures = [code for code in FailureCode if code is not FailureCode.NONE]
    yield from table(
        ("code", "meaning", "what to do"),
        [(f"`{code}`", CAUSES[code].cause, CAUSES[code].remedy) for code in failures],
    )
    yield (
        "SMSGate's `error` is the reason as the phone or the network gave it. smSend and"
        " SMSGateway24 know a few reasons; for all others the state decides.\n"
    )
    yield from _by_api(failures, _FAILED)
    yield "## States\n"
    yield from table(
        ("state", "meaning"), [(f"`{state.name.lower()}`", STATES[state]) for state in State]
    )
    yield from _by_api(State, _STATES)


def _by_api(codes: Any, columns: Mapping[str, Column]) -> Iterator[str]:
    """A table of how the APIs word each code."""
    yield from table(
        ("code", *columns),
        [(f"`{_name(code)}`", *(say(code) for say in columns.values())) for code in codes],
    )


def _name(code: Enum) -> str:
    return str(code.value) if isinstance(code.value, str) else code.name.lower()


def _quoted(*words: object) -> str:
    return " ".join(f"`{word}`" for word in words if word not in (None, ""))


def _unreadable(dialect: Dialect, kind: RefusalKind) -> str:
    request = Request("…", "…", dialect=dialect)
    answer = dialect.refuse(request, Refusal(kind=kind, reason="…", reference="…"))
    return _quoted(answer.status, answer.body.decode())


def _refused_by_httpsms(code: RefusalCode) -> str:
    if code is RefusalCode.MISSING_FIELD:
        return _quoted(400, "Missing … Parameter")
    return _quoted(httpsms_errors.ANSWERS[code].number, httpsms_errors.ANSWERS[code].text)


def _state_of_httpsms(state: State) -> str:
    answer = httpsms.ANSWERS[state]
    if isinstance(answer, str):
        return f"processed, `{answer}`"
    return "`pending`" if answer == httpsms.PENDING else "processed, `notfound`"


def _titled(texts: Mapping[int, str], number: int | None) -> str:
    return "" if number is None else f"`{number}` {texts[number]}"


def _worded(words: Mapping[Any, Any]) -> Column:
    return lambda code: _quoted(words[code].status, words[code].text)


_REFUSED: Final = MappingProxyType[str, Column](
    {
        "httpsms": _refused_by_httpsms,
        "Jasmin": _worded(jasmin_errors.REFUSALS),
        "Kannel": _worded(kannel_errors.ANSWERS),
        "LINK": _worded(linkmobility_errors.REFUSALS),
        "smSend": _worded(smsend_errors.REFUSALS),
        "SMSGate": lambda code: _quoted(
            smsgate_errors.STATUSES[code], smsgate_errors.TEXTS.get(code, "{subject}: {detail}")
        ),
        "SMSGateway24": lambda code: _quoted(1, smsgateway24_errors.TEXTS[code]),
        "Twilio": lambda code: _quoted(
            twilio_errors.REFUSALS[code],
            twilio_errors.WORDINGS[twilio_errors.REFUSALS[code]].text,
        ),
    }
)
_FAILED: Final = MappingProxyType[str, Column](
    {
        "httpsms `dlr_error`": lambda code: httpsms.REASONS[code],
        "LINK `statuscode`": lambda code: _titled(
            linkmobility.STATUS_TEXTS, linkmobility.CODES_OF_FAILURES[code]
        ),
        "smSend": lambda code: _quoted(smsend.FAILURES[code]),
        "SMSGateway24": lambda code: _titled(
            smsgateway24.TITLES, smsgateway24.OF_FAILURE.get(code)
        ),
        "Twilio `error_code`": lambda code: _titled(twilio.ERROR_TEXTS, twilio.ERRORS[code]),
    }
)
_STATES: Final = MappingProxyType[str, Column](
    {
        "httpsms": _state_of_httpsms,
        "Jasmin, level 2": lambda state: _quoted(jasmin.WORDS[state]),
        "Kannel `%d`": lambda state: _quoted(kannel.BITS[state]),
        "LINK": lambda state: _quoted(linkmobility.STATUSES[state]),
        "smSend": lambda state: _quoted(smsend.STATUSES[state]),
        "SMSGate": lambda state: _quoted(
            smsgate.STATES[progress_of(state, FailureCode.NONE, was_sent=state is State.UNKNOWN)]
        ),
        "SMSGateway24": lambda state: _titled(smsgateway24.TITLES, smsgateway24.STATUSES[state]),
        "Twilio": lambda state: _quoted(twilio.STATUSES[state]),
    }
)
