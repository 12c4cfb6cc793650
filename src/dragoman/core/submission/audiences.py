"""Audiences: lists and contacts are checked on submission, and later read number by number.

Lists may have a million contacts, change while they are being sent to, and contain a number several
times. So an audience is read in the order of its numbers: each page begins after the last settled
number. No number is sent to twice, whatever happens to the lists meanwhile and wherever an earlier
run ended; and memory holds one page.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from dragoman.core.accounts.model.accounts import Account
from dragoman.core.contacts.model.filters import Filter, Test, compile_filter
from dragoman.core.contacts.model.templates import Template, find_key, fold_name
from dragoman.core.contacts.sql import merge_fields
from dragoman.core.messages.live import LiveBatch
from dragoman.core.messages.model.audiences import Audience, is_picked
from dragoman.core.messages.model.records import AudienceProgress, StoredAudience
from dragoman.core.model.errors import FailureCode, RefusalCode, Refused
from dragoman.core.model.number_zones import zone_of_number
from dragoman.core.submission.sql import audiences
from dragoman.protocols.gsm.alphabet import NotEncodable
from dragoman.protocols.gsm.segmentation import TooManyParts
from dragoman.storage.engine import Storage

MAX_PAGES: Final = 10
"""Pages read for one chunk; a filter that lets few pass must not hold a reader for long."""
MAX_MULTIMEDIA_TEXT: Final = 5_000
"""Characters."""
FIELD_KEY: Final = "felt"
"""Before the identifier of a merge field, this names it as well as its name does."""

_NO_VALUES: Final[Mapping[str, str]] = {}
_decode_texts = msgspec.json.Decoder(dict[str, str]).decode
_decode_any = msgspec.json.Decoder(dict[str, Any]).decode


class Recipient(NamedTuple):
    """A recipient of a batch, and what is specific to its message."""

    number: str
    text: str | None = None
    """None for the text of the batch."""
    parts: int = 0
    """Of his own text."""
    failure: FailureCode = FailureCode.NONE
    """Why his text cannot be sent."""


class Chunk(NamedTuple):
    """The next recipients of a batch."""

    recipients: Sequence[Recipient]
    progress: AudienceProgress
    finished: bool
    """Whether these are the last."""


class Audiences:
    """Checks audiences, and opens them for reading."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def check(
        self,
        account: Account,
        wanted: Audience,
        text: str,
        *,
        numbers: Sequence[str],
        max_parts: int,
        due_ms: int,
        country_code: str = "",
    ) -> StoredAudience:
        """Checks an audience and returns it as stored; raises `Refused`."""

        def check(connection: Any) -> StoredAudience:
            account_id = account.account_id
            _check_lists(connection, account_id, wanted.lists)
            _check_groups(connection, account_id, wanted.groups)
            _check_contacts(connection, account_id, wanted.contacts)
            segment = wanted.segment
            if segment is not None and segment.exclude:
                _check_excluded(connection, account_id, segment.exclude, due_ms)
            keys = _keys_of_names(merge_fields.load_names(connection, account_id))
            kept = wanted
            if wanted.filter is not None:
                kept = msgspec.structs.replace(wanted, filter=_with_keys(wanted.filter, keys))
            return StoredAudience(
                numbers=tuple(numbers),
                audience=kept,
                fields=Template(text, keys).names,
                max_parts=max_parts,
                country_code=country_code,
            )

        return await self._storage.read(check)

    async def open(self, batch: LiveBatch) -> AudienceWalk:
        """Reads the audience of a batch from the last settled number."""
        return await self._storage.read(lambda c: AudienceWalk(c, batch))

    async def open_draft(self, batch: LiveBatch, draft: StoredAudience) -> AudienceWalk:
        """Reads an audience that is checked and not stored, from its beginning."""
        return await self._storage.read(lambda c: AudienceWalk(c, batch, draft))

    async def is_ready(self, walk: AudienceWalk) -> bool:
        """Whether the batches to exclude have been expanded."""
        segment = walk.audience.segment
        if segment is None or not segment.exclude:
            return True
        excluded = segment.exclude
        return not await self._storage.read(lambda c: audiences.any_unexpanded(c, excluded))

    async def read(self, walk: AudienceWalk, limit: int, after: AudienceProgress) -> Chunk:
        """The next recipients, about `limit`; `advance` settles them."""
        return await self._storage.read(lambda c: walk.read(c, limit, after))


def decode_fields(stored: str) -> Mapping[str, str]:
    """The values of a contact by field, as text."""
    try:
        return _decode_texts(stored)
    except msgspec.ValidationError:
        values = _decode_any(stored)
        return {key: str(value) for key, value in values.items() if value is not None}


class AudienceWalk:
    """An audience that is being expanded."""

    def __init__(
        self, connection: Any, batch: LiveBatch, draft: StoredAudience | None = None
    ) -> None:
        """Goes on where it was left; with `draft` it is one that is not stored."""
        if draft is not None:
            stored, self.progress = draft, AudienceProgress()
        else:
            found = audiences.load(connection, batch.batch_id)
            assert found is not None, "the batch has an audience"
            stored, self.progress = found
        self.audience = stored.audience
        self._batch = batch
        self._account_id = batch.account_id
        self._max_parts = stored.max_parts
        self._country_code = stored.country_code
        lists = audiences.load_lists(connection, batch.account_id)
        self._lists = _with_lists_below(stored.audience.lists, lists)
        self._groups = audiences.load_groups(connection, batch.account_id, stored.audience.groups)
        self._template = Template(batch.stored.text, stored.fields) if stored.fields else None
        wanted = stored.audience.filter
        self._test: Test | None = compile_filter(wanted) if wanted is not None else None
        contacts = audiences.load_contacts(connection, batch.account_id, stored.audience.contacts)
        self._contact_of = {row.mobile: row.contact_id for row in reversed(contacts)}
        self._zones = frozenset(stored.audience.zones)
        self._named = sorted(filter(self._is_there, {*stored.numbers, *self._contact_of}))
        """The numbers that are meant whatever filter and segment say."""

    def advance(self, progress: AudienceProgress) -> None:
        """Continues after recipients that are settled."""
        self.progress = progress

    def read(self, connection: Any, limit: int, after: AudienceProgress | None = None) -> Chunk:
        """The next recipients; runs in a reader thread and changes nothing."""
        recipients: list[Recipient] = []
        progress, finished = after or self.progress, False
        for _ in range(MAX_PAGES):
            progress, finished = self._read_page(connection, progress, limit, recipients)
            if finished or len(recipients) * 2 > limit:
                break
        return Chunk(recipients, progress, finished)

    def _read_page(
        self,
        connection: Any,
        progress: AudienceProgress,
        limit: int,
        recipients: list[Recipient],
    ) -> tuple[AudienceProgress, bool]:
        """Appends a page; returns the last number, and whether it is the end."""
        after = progress.done_up_to
        full = self._is_full(progress.taken)
        rows, up_to = audiences.read_candidates(
            connection,
            self._account_id,
            () if full else self._lists,
            after,
            limit,
            () if full else self._groups,
        )
        at = bisect_right(self._named, after)
        named = self._named[at : at + limit]
        if at + limit < len(self._named) and (up_to is None or named[-1] < up_to):
            up_to = named[-1]
        found: dict[str, list[Any]] = defaultdict(list)
        for row in rows:
            if (up_to is None or row.mobile <= up_to) and self._is_there(row.mobile):
                found[row.mobile].append(row)
        named_here = {number for number in named if up_to is None or number <= up_to}
        values = self._passing(found, named_here)
        excluded = self._excluded(connection, [n for n in values if n not in named_here])
        self._add_contacts(connection, named_here, values)
        numbers = sorted({*values, *named_here}) if named_here else values
        seen, taken = progress.seen, progress.taken
        for number in numbers:
            if number not in named_here:
                if number in excluded or self._is_full(taken):
                    continue
                seen += 1
                if not self._is_picked(seen - 1):
                    continue
                taken += 1
            recipients.append(self._recipient(number, values.get(number, _NO_VALUES)))
            if len(recipients) >= limit:
                last = up_to is None and number == max(numbers)
                return _progress(number, seen, taken, progress), last
        return _progress(up_to or after, seen, taken, progress), up_to is None

    def _passing(
        self, found: Mapping[str, list[Any]], named: Collection[str]
    ) -> dict[str, Mapping[str, str]]:
        """The values of the first contact of each number that passes the filter."""
        test, needed = self._test, self._test is not None or self._template is not None
        if not needed:
            return dict.fromkeys(found, _NO_VALUES)
        passing: dict[str, Mapping[str, str]] = {}
        for number, rows in found.items():
            for row in rows:
                values = decode_fields(row.fields)
                if test is None or test(values) or number in named:
                    passing[number] = values
                    break
        return passing

    def _excluded(self, connection: Any, numbers: Sequence[str]) -> Collection[str]:
        segment = self.audience.segment
        if segment is None or not segment.exclude:
            return ()
        return audiences.find_recipients(connection, self._account_id, segment.exclude, numbers)

    def _add_contacts(
        self, connection: Any, named: Collection[str], values: dict[str, Mapping[str, str]]
    ) -> None:
        """Uses the values of named contacts for their numbers."""
        wanted = [self._contact_of[number] for number in named if number in self._contact_of]
        if wanted and self._template is not None:
            for row in audiences.load_contacts(connection, self._account_id, wanted):
                values[row.mobile] = decode_fields(row.fields)

    def _is_there(self, number: str) -> bool:
        """Whether a number is in one of the zones that are meant."""
        return not self._zones or zone_of_number(number) in self._zones

    def _is_full(self, taken: int) -> bool:
        segment = self.audience.segment
        return segment is not None and segment.count is not None and taken >= segment.count

    def _is_picked(self, index: int) -> bool:
        segment = self.audience.segment
        return segment is None or segment.percent is None or is_picked(index, segment.percent)

    def _recipient(self, number: str, values: Mapping[str, str]) -> Recipient:
        if not number.startswith(self._country_code):
            return Recipient(number, failure=FailureCode.NOT_BILLABLE)
        if self._template is None:
            return Recipient(number)
        text = self._template.render(values)
        is_multimedia = self._batch.multimedia is not None
        if not text and not is_multimedia:
            return Recipient(number, failure=FailureCode.INVALID_CONTENT)
        if is_multimedia and len(text) > MAX_MULTIMEDIA_TEXT:
            return Recipient(number, failure=FailureCode.TEXT_TOO_LONG)
        try:
            parts = self._batch.segment(text, self._max_parts).count
        except TooManyParts:
            return Recipient(number, failure=FailureCode.TEXT_TOO_LONG)
        except (NotEncodable, ValueError):
            return Recipient(number, failure=FailureCode.INVALID_CONTENT)
        return Recipient(number, text, parts)


def _progress(done_up_to: str, seen: int, taken: int, before: AudienceProgress) -> AudienceProgress:
    return AudienceProgress(done_up_to=done_up_to, seen=seen, taken=taken, stopped=before.stopped)


def _with_lists_below(wanted: Sequence[int], parents: Mapping[int, int | None]) -> tuple[int, ...]:
    """Existing lists with all their sublists, once each."""
    children: dict[int | None, list[int]] = defaultdict(list)
    for list_id, parent_id in parents.items():
        children[parent_id].append(list_id)
    found: dict[int, None] = {}
    rest = [list_id for list_id in wanted if list_id in parents]
    while rest:
        list_id = rest.pop()
        if list_id not in found:
            found[list_id] = None
            rest.extend(children[list_id])
    return tuple(found)


def _keys_of_names(names: Mapping[int, str]) -> dict[str, str]:
    """The keys of merge field values, by name and by key as customers write it."""
    keys = {name: str(field_id) for field_id, name in names.items()}
    for field_id, name in names.items():  # of names that differ in case only, the oldest has it
        keys.setdefault(fold_name(name), str(field_id))
    for field_id in names:
        keys.setdefault(fold_name(f"{FIELD_KEY}{field_id}"), str(field_id))
    return keys


def _with_keys(wanted: Filter, keys: Mapping[str, str]) -> Filter:
    rules = []
    for rule in wanted.rules:
        key = find_key(rule.field, keys)
        if key is None:
            detail = f"there is no merge field [{rule.field[:100]}]"
            raise Refused(RefusalCode.INVALID_FIELD, "filter", detail)
        rules.append(msgspec.structs.replace(rule, field=key))
    kept = msgspec.structs.replace(wanted, rules=tuple(rules))
    try:
        compile_filter(kept)
    except ValueError as error:
        raise Refused(RefusalCode.INVALID_FIELD, "filter", str(error)) from None
    return kept


def _check_lists(connection: Any, account_id: int, wanted: Sequence[int]) -> None:
    known = audiences.load_lists(connection, account_id) if wanted else {}
    for list_id in wanted:
        if list_id not in known:
            raise Refused(RefusalCode.NOT_FOUND, str(list_id), "list")


def _check_groups(connection: Any, account_id: int, wanted: Sequence[int]) -> None:
    known = audiences.load_groups(connection, account_id, wanted)
    for list_id in wanted:
        if list_id not in known:
            raise Refused(RefusalCode.NOT_FOUND, str(list_id), "group")


def _check_contacts(connection: Any, account_id: int, wanted: Sequence[int]) -> None:
    found = audiences.load_contacts(connection, account_id, wanted) if wanted else []
    known = {row.contact_id for row in found}
    for contact_id in wanted:
        if contact_id not in known:
            raise Refused(RefusalCode.NOT_FOUND, str(contact_id), "contact")


def _check_excluded(connection: Any, account_id: int, excluded: Sequence[int], due_ms: int) -> None:
    due_times = audiences.load_due_times(connection, account_id, excluded)
    for batch_id in excluded:
        if batch_id not in due_times:
            detail = f"there is no batch [{batch_id}]"
            raise Refused(RefusalCode.INVALID_FIELD, "segmentation", detail)
        if due_times[batch_id] > due_ms:
            # Its recipients are not known before it runs.
            detail = f"batch [{batch_id}] is sent later"
            raise Refused(RefusalCode.INVALID_FIELD, "segmentation", detail)
