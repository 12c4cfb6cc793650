"""What a node and its partitions keep in memory or on their disk, where there are several."""

from __future__ import annotations

import email
import re
from collections.abc import Callable
from email.policy import default as default_policy
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from dragoman.config import Settings
from dragoman.config.alerts import AlertTable
from dragoman.config.sections import Links, Mailings
from dragoman.config.tables import QuotaTable
from dragoman.core.accounts.model.accounts import Permission
from dragoman.core.alerts.model.rules import Alert, AlertKind
from dragoman.core.campaigns.model.mailings import ListState, MailingList, SubscriptionState
from dragoman.core.campaigns.model.text_campaigns import Plan
from dragoman.core.campaigns.sql import subscriptions
from dragoman.core.contacts.model.uploads import Mapping
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.placement.placement import Placement
from dragoman.testkit.simulator import Simulator
from tests.cluster.conftest import PARTITIONS
from tests.cluster.test_nodes import create, name_in, owner, send, shared, states
from tests.passing_time import until

MakeNode = Callable[..., Any]


def _with_alerts(settings: Settings) -> Settings:
    alerts = (
        AlertTable(
            name="down", kind=AlertKind.CARRIER_DOWN, for_s=0, mails=("operator@example.org",)
        ),
        AlertTable(
            name="poor",
            kind=AlertKind.CREDITS,
            account=name_in(1),
            limit=10,
            for_s=0,
            mails=("customer@example.org",),
        ),
    )
    return msgspec.structs.replace(settings, alerts=alerts)


def _with_links(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, links=Links(public_url="https://s.example.org"))


async def test_rules_of_the_configuration_are_looked_at_once(
    make_node: MakeNode, simulator: Simulator
) -> None:
    a, b = await make_node("a", _with_alerts), await make_node("b", _with_alerts)
    await shared(a, b)
    services = owner(1, a, b).owned[1].gateway.services
    await services.accounts.create(name_in(1), credits=5)
    (holder,) = (node for node in (a, b) if node.carriers.held)
    await simulator.stop()
    await until(lambda: not holder.carriers.is_up("smsc"), "the carrier is down")
    other = b if holder is a else a
    await until(lambda: not other.carriers.is_up("smsc"), "the other node hears of it")
    found: list[tuple[int, str]] = []
    for partition in range(PARTITIONS):
        gateway = owner(partition, a, b).owned[partition].gateway
        await gateway.services.alerts.look(gateway)
        operator = await gateway.services.accounts.create(
            name_in(partition, 5), permissions=frozenset(Permission)
        )
        page: list[Alert] = await gateway.services.alerts.page(operator.account, None, 10)
        found += [(partition, alert.rule) for alert in page]
    assert found == [(0, "config:down"), (1, "config:poor")]


async def test_uploads_and_campaigns_move_with_their_partition(
    make_node: MakeNode, simulator: Simulator
) -> None:
    """And what other partitions of a node take up at their start leaves it alone."""
    a = await make_node("a", _with_links)
    await shared(a)
    created = await create(0, a)
    account = created.account
    uploads = [a.owned[partition].gateway.services.uploads for partition in range(PARTITIONS)]
    content = b"Number,First\n+4520000001,Anna\n+4520000002,Bo\n"
    upload = await uploads[0].begin(account, "contacts.csv")
    await uploads[0].add_piece(account, upload.key, 0, content[:20])
    for others in uploads[1:]:  # as at the start of a partition: what was arriving is dropped
        await others._restore()
    await uploads[0].add_piece(account, upload.key, 20, content[20:])
    whole = await uploads[0].complete(account, upload.key)
    assert whole.rows == 2
    gone = await uploads[0].begin(account, "forgotten.csv")
    await uploads[0].discard(account, gone.key)

    b = await make_node("b", _with_links)
    await a._membership.move(0, "b")
    await until(lambda: 0 in b.front.places, "its partition moves")
    services = b.owned[0].gateway.services
    await until(lambda: services.uploads.of_account(account), "the next owner has it")
    (found,) = services.uploads.of_account(account)
    assert found == whole
    shape = await services.uploads.shape(account, upload.key)
    assert shape.columns == ("Number", "First")
    mapping = Mapping(fields=("+", "First"), list_name="people")
    await services.uploads.start(account, upload.key, mapping)
    await services.uploads.settled(upload.key)
    imported = services.uploads.find(account, upload.key)
    assert imported.stored == 2

    # A campaign to them is paced and paused by rules in memory, which the next owner has as well.
    campaigns = services.text_campaigns
    plan = Plan(lists=(imported.list_id or 0,), per_minute=1, shorten=True)
    text = "see https://example.org/a"
    draft = await campaigns.create(account, name="c", sender="Dragoman", text=text, plan=plan)
    await campaigns.start(account, draft.campaign_id, draft.changed_ms)
    await until(lambda: len(simulator.submits) == 1, "one a minute goes out")
    await campaigns.pause(account, draft.campaign_id)
    (link,) = await services.short_links.of_campaign(draft.campaign_id)
    url = f"{a.node.base_url}/l/{link.token}"  # its partition is at the other node
    async with aiohttp.ClientSession() as http, http.get(url, allow_redirects=False) as answer:
        assert answer.headers["location"] == "https://example.org/a"
    await a._membership.move(0, "a")
    await until(lambda: 0 in a.front.places, "its partition moves back")
    campaigns = a.owned[0].gateway.services.text_campaigns
    ((batch_id, _),) = await campaigns._batch_ids(draft.campaign_id)
    assert campaigns.pacing.room(batch_id, 10) == 0
    await campaigns.resume(account, draft.campaign_id)
    assert campaigns.pacing.room(batch_id, 10) <= 1
    await until(lambda: len(simulator.submits) == 2, "it goes on")


def _with_quota(settings: Settings) -> Settings:
    quotas = (QuotaTable(carrier="smsc", parts_per_day=10),)
    return msgspec.structs.replace(settings, quotas=quotas)


async def test_a_quota_is_one_over_all_partitions(
    make_node: MakeNode, simulator: Simulator
) -> None:
    a, b = await make_node("a", _with_quota), await make_node("b", _with_quota)
    await shared(a, b)
    accounts = [await create(partition, a, b) for partition in range(PARTITIONS)]

    def left() -> list[int | None]:
        gateways = [owner(p, a, b).owned[p].gateway for p in range(PARTITIONS)]
        return [gateway.services.selection.quotas.left("smsc", "") for gateway in gateways]

    async with aiohttp.ClientSession() as http:
        for number, created in enumerate(accounts, start=1):
            for _ in range(3):
                assert (await send(http, a, created.api_key))[0] == 201
            rest = [10 - 3 * number] * PARTITIONS
            await until(lambda rest=rest: left() == rest, "all partitions hear of it")
        for created in accounts:
            assert (await send(http, b, created.api_key))[0] == 201
            await until(lambda: left() == [0] * PARTITIONS)
    assert len(simulator.submits) == 10
    # Another owner of a partition has its count from the rows.
    await b.stop()
    await until(lambda: len(a.front.places) == PARTITIONS)
    await until(
        lambda: (
            [
                a.owned[p].gateway.services.selection.quotas.left("smsc", "")
                for p in range(PARTITIONS)
            ]
            == [0] * PARTITIONS
        )
    )


async def test_a_node_that_was_out_of_touch_sends_nothing(
    make_node: MakeNode, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others may hold its carriers by then: what it sent they would send too."""
    a, b = await make_node("a"), await make_node("b")
    await shared(a, b)
    (holder,) = (node for node in (a, b) if node.carriers.held)
    own, elsewhere = (next(iter(n.front.places)) for n in (holder, b if holder is a else a))
    accounts = {partition: await create(partition, a, b) for partition in (own, elsewhere)}
    heard = True
    monkeypatch.setattr(holder.carriers.held["smsc"].connector.links[0], "_may_send", lambda: heard)
    heard = False
    async with aiohttp.ClientSession() as http:
        for created in accounts.values():
            for _ in range(5):
                assert (await send(http, a, created.api_key))[0] == 201
    link = holder.carriers.held["smsc"].connector.links[0]
    await until(lambda: link.load == 10, "all wait for the link")
    assert not simulator.submits
    heard = True
    await until(lambda: len(simulator.submits) == 10, "they go out once it is heard again")
    for partition in accounts:

        async def done(partition: int = partition) -> bool:
            return await states(partition, a, b) == [State.DELIVERED] * 5

        await until(done)
    assert len(simulator.submits) == 10


@pytest.mark.parametrize("marked", [True, False], ids=["issued here", "moved in"])
async def test_a_link_in_a_mail_is_followed_at_any_node(
    make_node: MakeNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, marked: bool
) -> None:
    outbox = tmp_path / "outbox"
    outbox.mkdir()

    def with_mailings(settings: Settings) -> Settings:
        section = Mailings(
            enabled=True,
            sender="bounces@example.org",
            base_url="https://sms.example.org",
            outbox=str(outbox),
        )
        return msgspec.structs.replace(settings, mailings=section)

    if not marked:
        monkeypatch.setattr(Placement, "mark_token", lambda _, token: token)
    a, b = await make_node("a", with_mailings), await make_node("b", with_mailings)
    await shared(a, b)
    async with aiohttp.ClientSession() as http:
        for partition in range(PARTITIONS):
            account = (await create(partition, a, b)).account
            mailings = owner(partition, a, b).owned[partition].gateway.services.mailings
            made = await mailings.create_list(
                account,
                MailingList(
                    list_id=0,
                    account_id=account.account_id,
                    title="News",
                    language="eng",
                    sender="news@example.org",
                    reply_to="office@example.org",
                    company_name="Acme",
                    company_address="1 High Street",
                    company_url="www.example.org",
                    company_phone="+44123",
                    company_fax="+44124",
                    state=ListState.ACTIVE,
                ),
            )
            address = f"ann{partition}@example.org"
            await mailings.subscribe(account, made.list_id, address, opt_in=True)

            def mail(address: str = address) -> str:
                texts = (path.read_bytes() for path in outbox.glob("*.eml"))
                mails = (email.message_from_bytes(one, policy=default_policy) for one in texts)
                found = (one.get_body(("plain",)) for one in mails if one["To"] == address)
                return next((body.get_content() for body in found if body is not None), "")

            await until(mail, "the mail is sent")
            (path,) = set(re.findall(r"/mailings/confirm/[\w.-]+", mail()))
            away = b if partition in a.front.places else a
            async with http.post(away.node.base_url + path) as answer:
                assert answer.status == 200
            services = owner(partition, a, b).owned[partition].gateway.services
            found = await services.storage.read(
                lambda c, made=made, address=address: subscriptions.find(c, made.list_id, address)
            )
            assert found is not None
            assert found.state is SubscriptionState.SUBSCRIBED
