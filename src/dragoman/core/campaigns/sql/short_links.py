"""Short links of campaigns, and how often they were followed."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, select, update

from dragoman.core.campaigns.model.text_campaigns import LinkView
from dragoman.core.campaigns.sql.tables import short_links
from dragoman.storage.rows import read_all
from dragoman.storage.work import one_by_one


class Clicks(msgspec.Struct, frozen=True, kw_only=True):
    """How often a link was followed since the last time."""

    token: str
    clicks: int
    at_ms: int


def find_url(connection: Connection, token: str) -> str | None:
    """Where a link leads; None for an unknown one."""
    query = select(short_links.c.url).where(short_links.c.token == token)
    return connection.execute(query).scalar()


def of_campaign(connection: Connection, campaign_id: int) -> list[LinkView]:
    """The links of a campaign, in the order of its text."""
    query = select(short_links).where(short_links.c.campaign_id == campaign_id)
    return read_all(connection, query.order_by(short_links.c.link_id), LinkView)


@one_by_one("count_clicks")
def count_clicks(connection: Connection, item: Clicks) -> None:
    followed = update(short_links).where(short_links.c.token == item.token)
    values = {"clicks": short_links.c.clicks + item.clicks, "clicked_ms": item.at_ms}
    connection.execute(followed.values(values))
