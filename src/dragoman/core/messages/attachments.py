"""Attachments of multimedia messages: fetched before acceptance, stored with the batch.

The files are fetched while the caller waits, so that a URL that cannot be fetched is refused at
once, and what is sent later is what was there then.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import msgspec

from dragoman.core.messages.model.attachments import (
    SMIL,
    Attachment,
    Download,
    DownloadFailed,
    attachment_of,
)
from dragoman.core.messages.sql import attachments
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.storage.engine import Storage

Fetch = Callable[[str], Awaitable[Download]]

MAX_REMEMBERED: Final = 16
"""Batches whose attachments are cached while their messages are sent."""
FIELD: Final = "attachment"


class AttachmentLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one message."""

    max_attachments: int
    max_bytes: int
    """Of all attachments together."""
    types: frozenset[str]


class Attachments:
    """Fetches attachments for submissions, loads them for carriers, and removes them."""

    def __init__(self, *, storage: Storage, fetch: Fetch, limits: AttachmentLimits) -> None:
        self._storage = storage
        self._fetch = fetch
        self._limits = limits
        self._remembered: OrderedDict[int, dict[int, Attachment]] = OrderedDict()

    async def collect(self, urls: Sequence[str]) -> tuple[Attachment, ...]:
        """The files at URLs, in order; raises `Refused` for one that cannot be sent."""
        if not urls:
            raise Refused(RefusalCode.MISSING_FIELD, FIELD)
        if len(urls) > self._limits.max_attachments:
            raise _refusal(f"at most {self._limits.max_attachments}")
        tasks = [asyncio.create_task(self._download(n, url)) for n, url in enumerate(urls, 1)]
        try:
            downloads = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        found: list[Attachment] = []
        for url, download in zip(urls, downloads, strict=True):
            found.append(attachment_of(url, download, [one.name for one in found]))
        self._check(found)
        return tuple(found)

    async def load(self, batch_id: int) -> tuple[Attachment, ...]:
        """The attachments of a batch, in order; raises `StorageUnavailable`."""
        return tuple((await self.numbered(batch_id)).values())

    async def numbered(self, batch_id: int) -> Mapping[int, Attachment]:
        """The attachments of a batch by their numbers; raises `StorageUnavailable`."""
        found = self._remembered.get(batch_id)
        if found is None:
            found = await self._storage.read(lambda c: attachments.load(c, batch_id))
            self._remembered[batch_id] = found
            if len(self._remembered) > MAX_REMEMBERED:
                self._remembered.popitem(last=False)
        else:
            self._remembered.move_to_end(batch_id)
        return found

    async def remove(self, batch_id: int, number: int) -> None:
        """Removes one of a batch that is sent; raises `StorageUnavailable`."""
        await self._storage.writer.write(attachments.remove, (batch_id, number))
        self._remembered.pop(batch_id, None)

    async def _download(self, number: int, url: str) -> Download:
        try:
            return await self._fetch(url)
        except DownloadFailed as error:
            raise _refusal(f"number {number}: {error.reason}") from None

    def _check(self, found: Sequence[Attachment]) -> None:
        limits = self._limits
        if sum(len(one.content) for one in found) > limits.max_bytes:
            raise _refusal(f"together larger than {limits.max_bytes} bytes")
        for number, one in enumerate(found, 1):
            if not one.content:
                raise _refusal(f"number {number}: empty")
            if one.content_type not in limits.types:
                raise _refusal(f"number {number}: the type is not allowed")
            if one.content_type == SMIL and number > 1:
                raise _refusal(f"number {number}: a SMIL document comes first")


def _refusal(detail: str) -> Refused:
    return Refused(RefusalCode.INVALID_FIELD, FIELD, detail)
