"""What a submission must fulfil to be accepted; every check raises `Refused`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.messages.live import segment
from dragoman.core.messages.model.audiences import Audience
from dragoman.core.messages.model.callbacks import SMPP, url_of_binds
from dragoman.core.messages.model.messages import Format, Push, Submission
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.model.phone_numbers import normalise
from dragoman.core.model.texts import is_storable
from dragoman.core.model.urls import is_http_address
from dragoman.core.submission.audiences import MAX_MULTIMEDIA_TEXT, Recipient
from dragoman.protocols.gsm.alphabet import NotEncodable
from dragoman.protocols.gsm.segmentation import (
    InvalidHeader,
    Repertoire,
    Segmentation,
    TooManyParts,
)

Given = TypeVar("Given")
Checked = TypeVar("Checked")

AT_ONCE = 500
"""Recipients that are checked in one go, while all other traffic waits."""
DEFAULT_VALIDITY_S = 48 * 3600
MIN_VALIDITY_S = 60
MAX_VALIDITY_S = 14 * 24 * 3600
MAX_SCHEDULE_S = 2 * 366 * 24 * 3600
MAX_REFERENCE = 255
PUSH_LIFE_MS = 7 * 24 * 3600 * 1000
"""How long a phone keeps the link of a WAP push, where the customer does not say."""

# Members that every message asks for: looking one up in its class costs more than the rest.
_MMS = Format.MMS


class Terms(NamedTuple):
    """The due time and expiry of a submission, and its link."""

    due_ms: int
    expires_ms: int
    due_now: bool
    push: Push | None


def check_terms(submission: Submission, now_ms: int, account_id: int = 0) -> Terms:
    """Checks everything but recipients and the length of the text, for an account."""
    _check_storable(submission)
    callback = submission.callback
    # Of all dialects SMPP alone reports to binds, and those of an account to its own alone.
    if callback is not None and (
        submission.dialect != SMPP or callback.url != url_of_binds(account_id)
    ):
        _check_url(callback.url)
    if submission.reference is not None and len(submission.reference) > MAX_REFERENCE:
        raise Refused(RefusalCode.INVALID_FIELD, "reference", "too long")
    due_ms = check_due(submission.due_ms, now_ms)
    expires_ms = _check_expiry(submission, due_ms)
    push = submission.push
    if push is not None and push.expires_ms is None:
        push = Push(url=push.url, expires_ms=due_ms + PUSH_LIFE_MS)
    return Terms(due_ms, expires_ms, due_ms <= now_ms, push)


async def check_many_recipients(recipients: Sequence[str], maximum: int) -> list[str]:
    """The digits of each distinct one of many recipients; others have their turn meanwhile."""
    _check_number(recipients, maximum)
    digits = await in_turns(lambda some: list(map(normalise, some)), recipients)
    return list(dict.fromkeys(digits))


async def in_turns(
    check: Callable[[Sequence[Given]], list[Checked]], given: Sequence[Given]
) -> list[Checked]:
    """What a function makes of many recipients, a few at a time, as long as it refuses none."""
    if len(given) <= AT_ONCE:
        return check(given)
    found: list[Checked] = []
    for first in range(0, len(given), AT_ONCE):
        found += check(given[first : first + AT_ONCE])
        await asyncio.sleep(0)
    return found


def check_recipients(recipients: Sequence[str], maximum: int) -> list[str]:
    """The digits of each distinct recipient, in the given order."""
    _check_number(recipients, maximum)
    if len(recipients) == 1:
        return [normalise(recipients[0])]
    return list(dict.fromkeys(normalise(recipient) for recipient in recipients))


def _check_number(recipients: Sequence[str], maximum: int) -> None:
    if not recipients:
        raise Refused(RefusalCode.MISSING_FIELD, "recipients")
    if len(recipients) > maximum:
        raise Refused(RefusalCode.TOO_MANY_RECIPIENTS, str(len(recipients)), f"at most {maximum}")


def check_named(submission: Submission, wanted: Audience, maximum: int) -> list[str]:
    """The distinct numbers named besides an audience, in the given order."""
    named = len(submission.recipients) + len(wanted.lists) + len(wanted.contacts)
    named += len(wanted.groups)
    if named > maximum:
        raise Refused(RefusalCode.TOO_MANY_RECIPIENTS, str(named), f"at most {maximum}")
    return check_recipients(submission.recipients, maximum) if submission.recipients else []


def check_prefixes(account: Account, recipients: Sequence[str]) -> None:
    """Refuses recipients that the account may not send to."""
    if account.prefixes.prefixes is not None:
        for recipient in recipients:
            if not account.prefixes.allow(recipient):
                raise Refused(RefusalCode.RECIPIENT_NOT_ALLOWED, recipient)


def own_texts(submission: Submission, recipients: Sequence[str]) -> list[tuple[str, str]]:
    """The distinct recipients with the text of each; the first of a number counts."""
    given = submission.recipients
    if len(submission.texts) != len(given):
        raise Refused(RefusalCode.INVALID_FIELD, "texts", "must have one text per recipient")
    if len(recipients) == len(given):  # as given, without what dials nothing
        return list(zip(recipients, submission.texts, strict=True))
    texts: dict[str, str] = {}
    for number, text in zip(given, submission.texts, strict=True):
        texts.setdefault(normalise(number), text)
    return list(texts.items())


def check_texts(
    submission: Submission,
    texts: Sequence[tuple[str, str]],
    max_parts: int,
    terms: Terms,
    repertoire: Repertoire,
) -> list[Recipient]:
    """Recipients with the text of each and its parts."""
    checked = []
    for number, text in texts:
        if not is_storable(text):
            raise Refused(RefusalCode.INVALID_FIELD, "text", "not valid Unicode text")
        parts = check_text(submission, text, max_parts, terms, repertoire).count
        checked.append(Recipient(number, text, parts))
    return checked


def _check_storable(submission: Submission) -> None:
    """Refuses what databases cannot store: NUL, and unpaired surrogates."""
    callback, push = submission.callback, submission.push
    whole = submission.text + submission.return_data
    if submission.reference is not None:
        whole += submission.reference
    if push is not None:
        whole += push.url
    if callback is not None:
        whole += callback.url + callback.return_data
    if is_storable(whole):
        return
    texts = {
        "text": submission.text,
        "returndata": submission.return_data,
        "reference": submission.reference or "",
        "pushurl": push.url if push is not None else "",
        "callback": callback.url + callback.return_data if callback is not None else "",
    }
    field = next(field for field, text in texts.items() if not is_storable(text))
    raise Refused(RefusalCode.INVALID_FIELD, field, "not valid Unicode text")


def check_text(
    submission: Submission, text: str, max_parts: int, terms: Terms, repertoire: Repertoire
) -> Segmentation:
    """Splits a text into its parts."""
    if submission.format is _MMS:
        if len(text) > MAX_MULTIMEDIA_TEXT:
            raise Refused(RefusalCode.INVALID_FIELD, "text", "too long for an MMS")
    elif not text:
        raise Refused(RefusalCode.EMPTY_TEXT, "text")
    try:
        format_, udh = submission.format, submission.udh
        return segment(text, format_, udh, max_parts, terms.push, repertoire)
    except TooManyParts as error:
        raise Refused(
            RefusalCode.TEXT_TOO_LONG, str(error.count), f"at most {max_parts} parts"
        ) from None
    except NotEncodable:
        raise Refused(RefusalCode.TEXT_NOT_ENCODABLE, "text") from None
    except InvalidHeader as error:
        raise Refused(RefusalCode.INVALID_FIELD, "udh", str(error)) from None
    except ValueError:
        code = RefusalCode.INVALID_FIELD
        raise Refused(code, "text", "not hexadecimal octets") from None


def _check_url(url: str) -> None:
    if not is_http_address(url):
        raise Refused(RefusalCode.INVALID_CALLBACK_URL, "", "not an http or https address")


def check_due(due_ms: int | None, now_ms: int) -> int:
    """When something is due: now unless later; raises `Refused` for too late a time."""
    if due_ms is None or due_ms <= now_ms:
        return now_ms
    if due_ms > now_ms + MAX_SCHEDULE_S * 1000:
        raise Refused(RefusalCode.INVALID_SCHEDULE, "", "more than two years ahead")
    return due_ms


def _check_expiry(submission: Submission, due_ms: int) -> int:
    expires_ms = submission.expires_ms
    if expires_ms is None:
        return due_ms + _check_validity(submission.validity_s) * 1000
    if not due_ms < expires_ms <= due_ms + MAX_VALIDITY_S * 1000:
        raise Refused(RefusalCode.INVALID_VALIDITY, "", "must be within 14 days of the due time")
    return expires_ms


def _check_validity(validity_s: int | None) -> int:
    if validity_s is None:
        return DEFAULT_VALIDITY_S
    if not MIN_VALIDITY_S <= validity_s <= MAX_VALIDITY_S:
        raise Refused(RefusalCode.INVALID_VALIDITY, str(validity_s), "one minute to 14 days")
    return validity_s
