"""Attachments of multimedia messages, and what is allowed."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote, urlsplit

import msgspec

SMIL: Final = "application/smil"
TEXT: Final = "text/plain"
TEXT_NAME: Final = "message.txt"
"""The part that holds the message's text; a presentation may show it by this name."""
MAX_NAME: Final = 64

_SMIL_ENDINGS: Final = (".smil", ".smi")
_VAGUE: Final = frozenset({"", "application/octet-stream", "binary/octet-stream"})
"""Types by which a server says that it does not know."""
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9._-]+")
_TYPES: Final = mimetypes.MimeTypes(filenames=())
"""By ending, as Python ships them; not what the machine has been taught."""


class Attachment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A file of a multimedia message."""

    name: str
    content_type: str
    content: bytes


class Multimedia(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The multimedia content of a message; its attachments are those of its batch."""

    batch_id: int
    text: str
    """Empty where it has only attachments."""


class Download(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A file as a customer's server returned it."""

    content_type: str
    """As declared; empty where it was not."""
    content: bytes


class DownloadFailed(Exception):
    """A failed download; `reason` contains neither query nor content."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def attachment_of(url: str, download: Download, taken: Sequence[str]) -> Attachment:
    """The attachment for a file, with a name not in `taken`."""
    name = _name_of(url)
    declared = download.content_type.partition(";")[0].strip().lower()
    if name.lower().endswith(_SMIL_ENDINGS):
        declared = SMIL
    elif declared in _VAGUE:
        declared = _TYPES.guess_type(name)[0] or "application/octet-stream"
    while name in taken or name == TEXT_NAME:
        name = f"{len(taken) + 1}-{name}"[:MAX_NAME]
    return Attachment(name=name, content_type=declared, content=download.content)


def _name_of(url: str) -> str:
    try:
        path = unquote(urlsplit(url).path)
    except ValueError:
        path = ""
    name = _NOT_IN_NAMES.sub("_", path.rpartition("/")[2]).strip("._")
    return name[-MAX_NAME:] or "attachment"
