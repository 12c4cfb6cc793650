"""The reference page of codes: what the house says, and how each API words it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dragoman.cli.reference_calls import no_services
from dragoman.cli.reference_table import table
from dragoman.cli.reference_worded import list_worded
from dragoman.cli.reference_words import FAILURES, REFUSALS, REMEDIES, STATES, UNREADABLE
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.model.errors import FailureCode, RefusalCode
from dragoman.core.submission.model.progress import progress_of
from dragoman.dialects import DIALECTS
from dragoman.dialects.httpsms import errors as httpsms_errors
from dragoman.dialects.httpsms import mapping as httpsms
from dragoman.dialects.linkmobility import errors as linkmobility_errors
from dragoman.dialects.linkmobility import mapping as linkmobility
from dragoman.dialects.smsend import errors as smsend_errors
from dragoman.dialects.smsend.sending import statuses as smsend
from dragoman.dialects.smsgate import errors as smsgate_errors
from dragoman.dialects.smsgate import mapping as smsgate
from dragoman.dialects.smsgateway24 import errors as smsgateway24_errors
from dragoman.dialects.smsgateway24 import mapping as smsgateway24
from dragoman.dialects.wording import Wording
from dragoman.web.operations import Dialect
from dragoman.web.refusals import Refusal, RefusalKind
from dragoman.web.requests import Request


def list_codes() -> Iterator[str]:
    """The lines of the page."""
    yield "What the house says, what it means, and how each API words it."
    yield ""
    yield "## Refusals"
    yield ""
    yield ("A refused request stored nothing and cost nothing. `{…}` stands for what it is about.")
    yield ""
    yield from table(("code", "meaning"), [(f"`{code}`", REFUSALS[code]) for code in RefusalCode])
    yield "How they are answered, with HTTP status 200 by httpsms and SMSGateway24:"
    yield ""
    yield from table(
        ("code", "httpsms", "LINK", "smSend", "SMSGate", "SMSGateway24"),
        [
            (
                f"`{code}`",
                _httpsms_refusal(code),
                _worded(linkmobility_errors.REFUSALS[code]),
                _worded(smsend_errors.REFUSALS[code]),
                _smsgate_refusal(code),
                f"`1` `{smsgateway24_errors.TEXTS[code]}`",
            )
            for code in RefusalCode
        ],
    )
    yield "A call may say it in words of its own (*as refused*: whatever the house refused there):"
    yield ""
    yield from table(
        ("API", "code", "text"),
        [
            (name, f"`{code}`" if code else "as refused", f"`{text}`")
            for name, code, text in sorted(set(list_worded()))
            if re.search("[a-z]", text)
        ],
    )
    yield "## Requests that cannot be read"
    yield ""
    yield (
        "They are refused before a call looks at them: HTTP status and body, with `…` for the"
        " reason or the path. LINK answers in XML where the path ends with `.xml`."
    )
    yield ""
    dialects = {name: build(no_services()).web for name, build in DIALECTS.items()}
    yield from table(
        ("kind", "meaning", *dialects),
        [
            (f"`{kind}`", UNREADABLE[kind], *(_unreadable(one, kind) for one in dialects.values()))
            for kind in RefusalKind
        ],
    )
    failures = [code for code in FailureCode if code is not FailureCode.NONE]
    yield "## Failures"
    yield ""
    yield "Why an accepted message did not arrive."
    yield ""
    yield from table(
        ("code", "meaning", "what to do"),
        [(f"`{code}`", FAILURES[code], REMEDIES[code]) for code in failures],
    )
    yield (
        "SMSGate's `error` is the reason as the phone or the network gave it. smSend and"
        " SMSGateway24 know a few reasons; for all others the state decides."
    )
    yield ""
    yield from table(
        ("code", "httpsms `dlr_error`", "LINK `statuscode`", "smSend", "SMSGateway24"),
        [
            (
                f"`{code}`",
                httpsms.REASONS[code],
                _link_failure(code),
                _quoted(smsend.FAILURES[code]),
                _titled(smsgateway24.OF_FAILURE.get(code)),
            )
            for code in failures
        ],
    )
    yield "## States"
    yield ""
    yield from table(
        ("state", "meaning", "httpsms", "LINK", "smSend", "SMSGate", "SMSGateway24"),
        [
            (
                f"`{state.name.lower()}`",
                STATES[state],
                _httpsms_state(state),
                f"`{linkmobility.STATUSES[state]}`",
                f"`{smsend.STATUSES[state]}`",
                f"`{_smsgate_state(state)}`",
                _titled(smsgateway24.STATUSES[state]),
            )
            for state in State
        ],
    )


def _unreadable(dialect: Dialect, kind: RefusalKind) -> str:
    request = Request("…", "…", dialect=dialect)
    answer = dialect.refuse(request, Refusal(kind=kind, reason="…", reference="…"))
    return f"`{answer.status}` `{answer.body.decode()}`"


def _httpsms_refusal(code: RefusalCode) -> str:
    if code is RefusalCode.MISSING_FIELD:
        return "`400` `Missing … Parameter`"
    answer = httpsms_errors.ANSWERS[code]
    return f"`{answer.number}` `{answer.text}`"


def _worded(wording: Wording) -> str:
    return f"`{wording.status}` `{wording.text}`"


def _smsgate_refusal(code: RefusalCode) -> str:
    words = smsgate_errors.TEXTS.get(code, "{subject}: {detail}")
    return f"`{smsgate_errors.STATUSES[code]}` `{words}`"


def _link_failure(code: FailureCode) -> str:
    number = linkmobility.CODES_OF_FAILURES[code]
    return f"`{number}` {linkmobility.STATUS_TEXTS[number]}"


def _httpsms_state(state: State) -> str:
    answer = httpsms.ANSWERS[state]
    if isinstance(answer, str):
        return f"processed, `{answer}`"
    return "`pending`" if answer == httpsms.PENDING else "processed, `notfound`"


def _smsgate_state(state: State) -> str:
    was_sent = state is State.UNKNOWN
    return smsgate.STATES[progress_of(state, FailureCode.NONE, was_sent=was_sent)]


def _titled(status: int | None) -> str:
    return "" if status is None else f"`{status}` {smsgateway24.TITLES[status]}"


def _quoted(word: str | None) -> str:
    return f"`{word}`" if word else ""
