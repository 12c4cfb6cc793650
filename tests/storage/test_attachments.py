"""Attachments are stored with their batch, in order, and only with it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dragoman.core.messages.model.attachments import Attachment
from dragoman.core.messages.sql import attachments
from dragoman.core.messages.sql.tables import attachments as table
from dragoman.core.model.errors import Refused
from dragoman.core.submission.sql import submissions

FILES = (
    Attachment(name="show.smil", content_type="application/smil", content=b"<smil/>"),
    Attachment(name="a.png", content_type="image/png", content=bytes(range(256)) * 100),
)


def with_files(rows: Any, account: Any) -> Any:
    return msgspec.structs.replace(rows.batch(account), attachments=FILES)


async def test_attachments_come_back_as_they_were_stored(rows: Any) -> None:
    account = await rows.account()
    new = with_files(rows, account)
    other = with_files(rows, account)
    await rows.write(submissions.accept, new)
    await rows.write(submissions.accept, other)
    await rows.accepted(account)
    load = rows.storage.read
    assert await load(lambda c: attachments.load(c, new.batch.batch_id)) == {
        1: FILES[0],
        2: FILES[1],
    }
    assert await load(lambda c: attachments.load(c, new.batch.batch_id + 10**9)) == {}
    assert len(await rows.all(table)) == 4


async def test_a_batch_that_cannot_be_paid_leaves_no_attachments(rows: Any) -> None:
    account = await rows.account(credits=0)
    with pytest.raises(Refused):
        await rows.write(submissions.accept, with_files(rows, account))
    assert await rows.all(table) == []
