"""Campaigns by text message: their rows, what they send, and how that goes."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, select, text, update

from dragoman.core.campaigns.model.text_campaigns import (
    ACTIVE,
    Campaign,
    CampaignState,
    CauseCount,
    Estimate,
    Tally,
)
from dragoman.core.campaigns.sql.tables import campaign_batches, campaigns, short_links
from dragoman.core.messages.model.records import NewBatch
from dragoman.core.messages.sql.tables import messages
from dragoman.core.model.errors import RefusalCode, Refused
from dragoman.core.submission.sql import submissions
from dragoman.storage.rows import (
    are_empty,
    count,
    insert_rows,
    is_one_of,
    read_all,
    read_one,
    row_of,
)
from dragoman.storage.work import one_by_one

MAX_CAMPAIGNS = 10_000
"""Of one account."""


class CampaignChange(msgspec.Struct, frozen=True, kw_only=True):
    """A draft as it is to be, where nobody changed it since `known_ms`."""

    campaign: Campaign
    known_ms: int


class CampaignMove(msgspec.Struct, frozen=True, kw_only=True):
    """Another state, where it is in one of some."""

    campaign_id: int
    before: tuple[int, ...]
    state: int
    at_ms: int
    problem: str = ""


class NewLink(msgspec.Struct, frozen=True, kw_only=True):
    """A short link to store."""

    link_id: int
    campaign_id: int
    token: str
    url: str


class CampaignStart(msgspec.Struct, frozen=True, kw_only=True):
    """What a campaign sends, to be stored whole."""

    campaign_id: int
    at_ms: int
    batches: tuple[NewBatch, ...]
    zones: tuple[str, ...]
    links: tuple[NewLink, ...]
    estimate: Estimate | None


class CampaignNote(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted of a campaign; what is None stays."""

    campaign_id: int
    estimate: Estimate | None = None
    tally: Tally | None = None


def find(connection: Connection, account_id: int, campaign_id: int) -> Campaign | None:
    """One of the account's campaigns."""
    mine = select(campaigns).where(
        campaigns.c.campaign_id == campaign_id, campaigns.c.account_id == account_id
    )
    return read_one(connection, mine, Campaign)


def find_page(
    connection: Connection, account_id: int, before: int | None, limit: int
) -> list[Campaign]:
    """The account's campaigns, newest first."""
    mine = select(campaigns).where(campaigns.c.account_id == account_id)
    if before is not None:
        mine = mine.where(campaigns.c.campaign_id < before)
    return read_all(
        connection, mine.order_by(campaigns.c.campaign_id.desc()).limit(limit), Campaign
    )


def find_active(connection: Connection) -> list[Campaign]:
    """Those of all accounts that are going on or paused."""
    if are_empty(connection, campaigns):
        return []
    # Literal, so that SQLite uses the partial index.
    states = ", ".join(str(int(state)) for state in ACTIVE)
    query = select(campaigns).where(text(f"state IN ({states})"))
    return read_all(connection, query.order_by(campaigns.c.campaign_id), Campaign)


def find_batches(connection: Connection, campaign_id: int) -> list[tuple[int, str]]:
    """The batches of a campaign, each with its zone."""
    query = select(campaign_batches.c.batch_id, campaign_batches.c.zone).where(
        campaign_batches.c.campaign_id == campaign_id
    )
    return [(row.batch_id, row.zone) for row in connection.execute(query)]


def count_causes(connection: Connection, batch_ids: list[int]) -> list[CauseCount]:
    """Messages of batches by state and cause; looks at every one of them."""
    query = (
        select(
            messages.c.state,
            func.coalesce(messages.c.failure, "").label("failure"),
            func.count().label("messages"),
        )
        .where(is_one_of(connection.dialect.name, messages.c.batch_id, batch_ids))
        .group_by(messages.c.state, func.coalesce(messages.c.failure, ""))
        .order_by(func.count().desc())
    )
    return read_all(connection, query, CauseCount)


@one_by_one("create_campaigns")
def create(connection: Connection, item: Campaign) -> None:
    if count(connection, campaigns.c.account_id == item.account_id) >= MAX_CAMPAIGNS:
        raise Refused(RefusalCode.INVALID_FIELD, "campaigns", f"at most {MAX_CAMPAIGNS}")
    insert_rows(connection, campaigns, [item])


@one_by_one("change_campaigns")
def change(connection: Connection, item: CampaignChange) -> bool:
    """False where someone else changed it, or it has begun."""
    row = row_of(item.campaign)
    names = ("name", "sender", "text", "plan", "changed_ms", "estimate")
    changed = (
        update(campaigns)
        .where(
            campaigns.c.campaign_id == item.campaign.campaign_id,
            campaigns.c.changed_ms == item.known_ms,
            campaigns.c.state == CampaignState.DRAFT.value,
        )
        .values({name: row[name] for name in names})
    )
    return bool(connection.execute(changed).rowcount)


@one_by_one("remove_campaigns")
def remove(connection: Connection, campaign_id: int) -> bool:
    """False for one that is no draft."""
    gone = delete(campaigns).where(
        campaigns.c.campaign_id == campaign_id, campaigns.c.state == CampaignState.DRAFT.value
    )
    return bool(connection.execute(gone).rowcount)


@one_by_one("move_campaigns")
def move(connection: Connection, item: CampaignMove) -> bool:
    """False where it is in another state."""
    values: dict[str, Any] = {"state": item.state, "problem": item.problem}
    values["changed_ms"] = item.at_ms
    if item.state >= CampaignState.STOPPED.value:
        values["ended_ms"] = item.at_ms
    moved = update(campaigns).where(
        campaigns.c.campaign_id == item.campaign_id, campaigns.c.state.in_(item.before)
    )
    return bool(connection.execute(moved.values(values)).rowcount)


@one_by_one("start_campaigns", whole=True, grows=True)
def start(connection: Connection, item: CampaignStart) -> None:
    """Stores the batches of a campaign with it, or nothing; raises `Refused`."""
    values: dict[str, Any] = {
        "state": CampaignState.RUNNING.value,
        "started_ms": item.at_ms,
        "changed_ms": item.at_ms,
    }
    if item.estimate is not None:
        values["estimate"] = msgspec.json.encode(item.estimate).decode()
    started = update(campaigns).where(
        campaigns.c.campaign_id == item.campaign_id,
        campaigns.c.state == CampaignState.STARTING.value,
    )
    if not connection.execute(started.values(values)).rowcount:
        raise Refused(RefusalCode.ALREADY_EXISTS, str(item.campaign_id), "it has begun")
    for refusal in submissions.accept.run(connection, list(item.batches)):
        if isinstance(refusal, Exception):
            raise refusal
    rows = [
        {"campaign_id": item.campaign_id, "batch_id": new.batch.batch_id, "zone": zone}
        for new, zone in zip(item.batches, item.zones, strict=True)
    ]
    connection.execute(campaign_batches.insert(), rows)
    if item.links:
        links = [{**row_of(link), "clicks": 0} for link in item.links]
        connection.execute(short_links.insert(), links)


@one_by_one("note_campaigns")
def note(connection: Connection, item: CampaignNote) -> None:
    given = {"estimate": item.estimate, "tally": item.tally}
    values = {
        name: msgspec.json.encode(value).decode()
        for name, value in given.items()
        if value is not None
    }
    if values:
        of_campaign = campaigns.c.campaign_id == item.campaign_id
        connection.execute(update(campaigns).where(of_campaign).values(values))
