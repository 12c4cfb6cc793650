"""A text that its customer cut itself, over a carrier that takes whole texts only."""

from __future__ import annotations

from typing import Any

import pytest
from tests.passing_time import until

from dragoman.core.accounts.account_fields import AccountFields
from dragoman.core.delivery import series as series_module
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import Format
from dragoman.protocols.gsm.alphabet import Alphabet
from dragoman.protocols.gsm.segmentation import segment_text

from .conftest import KEY, Ours, Provider

NUMBER = "4511111110"
LONG = "A long text of several parts. " * 14
UNICODE = "Ein längerer Text 😀 в трёх частях. " * 5


async def submit_parts(ours: Ours, text: str, *, without: tuple[int, ...] = ()) -> int:
    """Submits a text as its customer cuts it, last part first; returns how many parts it has."""
    cut = segment_text(text)
    format_ = Format.GSM if cut.alphabet is Alphabet.GSM7 else Format.UNICODE
    parts = list(zip(cut.texts, cut.user_data(77), strict=True))
    for number, (piece, part) in reversed(list(enumerate(parts, 1))):
        if number not in without:
            await ours.send(NUMBER, text=piece, udh=part.udh, format=format_)
    return len(parts)


@pytest.mark.parametrize("text", [LONG, UNICODE], ids=["gsm", "unicode"])
async def test_parts_reach_the_phone_as_one_text(
    provider: Provider, make_ours: Any, text: str
) -> None:
    ours = await make_ours("linkmobility", provider.url, credentials={"apikey": KEY})
    count = await submit_parts(ours, text)
    found = await ours.until_states(*[State.DELIVERED] * count)
    assert [received.text for received in provider.smsc.phone(NUMBER).received] == [text]
    story = await ours.gateway.services.timelines.of_message(ours.account, found[0].message_id)
    assert story.series is not None
    assert (story.series.number, story.series.total) == (count, count)
    assert (story.series.text, story.series.credits) == (text, count)
    # Each part is its own message to its customer, charged by itself.
    assert [one.parts for one in found] == [1] * count
    balance = await ours.gateway.services.accounts.balance(ours.account)
    assert (balance.held, balance.spent) == (0, count)


async def test_a_refusal_is_of_all_parts(provider: Provider, make_ours: Any) -> None:
    ours = await make_ours("linkmobility", provider.url, credentials={"apikey": KEY})
    await provider.gateway.services.accounts.change("reseller", AccountFields(max_parts=1))
    count = await submit_parts(ours, LONG)
    await ours.until_states(*[State.REJECTED] * count)
    balance = await ours.gateway.services.accounts.balance(ours.account)
    assert (balance.held, balance.spent) == (0, 0)


async def test_a_part_that_never_comes_is_not_waited_for_for_ever(
    provider: Provider, make_ours: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = await make_ours("linkmobility", provider.url, credentials={"apikey": KEY})
    count = await submit_parts(ours, LONG, without=(2,))
    assert all(one.state is State.QUEUED for one in await ours.outbox())
    monkeypatch.setattr(series_module, "WAIT_S", -1.0)
    await ours.gateway.services.backlog.series.check()
    await ours.until_states(*[State.DELIVERED] * (count - 1))
    (received,) = provider.smsc.phone(NUMBER).received
    first, _, *others = segment_text(LONG).texts
    assert received.text == first + "".join(others)


async def test_parts_are_joined_after_a_restart(
    provider: Provider, make_ours: Any, tmp_path: Any
) -> None:
    folder = tmp_path / "restarted"
    first = await make_ours(
        "linkmobility", provider.url, credentials={"apikey": KEY}, folder=folder
    )
    count = await submit_parts(first, LONG, without=(1,))
    account = first.account
    await first.stop()
    second = await make_ours(
        "linkmobility", provider.url, credentials={"apikey": KEY}, folder=folder
    )
    second.account = account
    await until(lambda: second.gateway.ready)
    await submit_parts(second, LONG, without=tuple(range(2, count + 1)))
    await second.until_states(*[State.DELIVERED] * count)
    assert [received.text for received in provider.smsc.phone(NUMBER).received] == [LONG]
