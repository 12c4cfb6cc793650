"""Who opts out gets nothing more: decided with the text, held by acceptance and expansion."""

from __future__ import annotations

import asyncio
from array import array
from typing import Any

import pytest

from dragoman.core.inbound.model.inbound import OptOutKey, OptOutOrigin
from dragoman.core.inbound.opt_outs import OptOuts
from dragoman.core.inbound.sql import opt_outs as stored_opt_outs
from dragoman.core.inbound.sql.tables import inbound_texts, opt_outs
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.messages import CallbackRequest, InboundPartReport
from dragoman.core.messages.sql.tables import batches, callbacks
from dragoman.core.model.errors import FailureCode, Refused
from dragoman.protocols.gsm.alphabet import Alphabet

ALICE, BOB = "4511111111", "4522222222"


@pytest.fixture
async def harness(make_harness: Any, simulator: Any, until: Any) -> Any:
    harness = await make_harness(carriers={"smsc": simulator.port}, inline_recipients=2)
    await until(lambda: harness.carriers["smsc"].up)
    harness.simulator = simulator
    return harness


@pytest.fixture
async def shop(harness: Any) -> Any:
    shop = await harness.account("shop", credits=10)
    await harness.keywords.add_number(shop, "1272", shared=False)
    return shop


async def say(harness: Any, text: str, sender: str = ALICE) -> str:
    """A phone sends a text to 1272; what was done with it."""
    await harness.simulator.send_text(sender, "1272", text)
    return str((await harness.rows(inbound_texts))[-1]["handling"])


async def opted(harness: Any) -> set[tuple[int, str, str]]:
    return {(r["account_id"], r["sender"], r["recipient"]) for r in await harness.rows(opt_outs)}


async def test_stop_ends_what_is_sent_and_start_brings_it_back(harness: Any, shop: Any) -> None:
    assert await say(harness, "Stop, please") == "opted_out"
    [row] = await harness.rows(opt_outs)
    [text] = await harness.rows(inbound_texts)
    assert (row["recipient"], row["inbound_id"]) == (ALICE, text["inbound_id"])
    await harness.submit(shop, ALICE)
    [view] = await harness.outbox(shop)
    assert (view.state, view.failure) == (State.REJECTED, FailureCode.OPTED_OUT)
    assert await harness.balance(shop) == (10, 0, 0)
    assert len(harness.live) == 0
    assert await say(harness, "start over, I was wrong") == "kept"
    assert await say(harness, "START") == "opted_in"
    assert await opted(harness) == set()
    await harness.submit(shop, ALICE)
    await harness.until_states(shop, State.REJECTED, State.DELIVERED)
    assert [text.text for text in harness.simulator.phone(ALICE).received] == ["hello"]


@pytest.mark.parametrize(
    ("comes", "goes"),
    [("5215512345678", "525512345678"), ("541123456789", "5491123456789")],
    ids=["mexico", "argentina"],
)
@pytest.mark.parametrize("erased", [False, True], ids=["kept", "erased"])
async def test_stop_from_the_other_form_of_a_number_counts_and_so_does_start(
    harness: Any, shop: Any, comes: str, goes: str, erased: bool
) -> None:
    """Bug: texts of one phone come with a digit that the number messages go to has not."""
    assert await say(harness, "stop", comes) == "opted_out"
    if erased:
        await harness.opt_outs.erase(shop.account_id, comes)
    await harness.submit(shop, goes)
    assert await harness.states(shop) == [State.REJECTED]
    assert await say(harness, "start", goes) == "opted_in"
    assert await opted(harness) == set()
    await harness.submit(shop, goes)
    await harness.until_states(shop, State.REJECTED, State.DELIVERED)


FORMS = [("5215512345678", "525512345678"), ("5491123456789", "541123456789")]


@pytest.mark.parametrize("forms", FORMS, ids=["mexico", "argentina"])
@pytest.mark.parametrize("back", [0, 1])
async def test_stop_from_both_forms_of_a_number_is_one_opt_out(
    harness: Any, shop: Any, forms: tuple[str, str], back: int
) -> None:
    """Bug: a person who wrote STOP under both forms stood in the list twice."""
    for form in (forms[0], forms[1], forms[0]):
        assert await say(harness, "stop", form) == "opted_out"
    [row] = await harness.rows(opt_outs)
    assert row["recipient"] == forms[0]
    assert (await harness.opt_outs.add(shop, forms[1])).opt_out_id == row["opt_out_id"]
    assert await harness.opt_outs.add_all(shop, forms, OptOutOrigin.API) == 1
    assert len(await harness.rows(opt_outs)) == 1
    assert await say(harness, "start", forms[back]) == "opted_in"
    assert await opted(harness) == set()
    assert harness.opt_outs.among(shop.account_id, "x", forms) == set()


async def test_stops_of_both_forms_that_are_stored_together_are_one_opt_out(
    harness: Any, shop: Any
) -> None:
    reports = [
        InboundPartReport(
            carrier="smsc", source=form, destination="1272", alphabet=Alphabet.GSM7, text="STOP"
        )
        for form in (*FORMS[0], *FORMS[1])
    ]
    stored = [asyncio.get_running_loop().create_future() for _ in reports]
    for report, future in zip(reports, stored, strict=True):
        harness.inbound.receive(report, future.set_result)
    assert await asyncio.gather(*stored) == [True] * 4
    firsts = {(shop.account_id, "", forms[0]) for forms in FORMS}
    assert await opted(harness) == firsts


async def test_a_rejected_message_is_told_and_counted(harness: Any, shop: Any) -> None:
    await harness.opt_outs.add(shop, ALICE)
    callback = CallbackRequest(url="http://127.0.0.1:9/", states=frozenset({State.REJECTED}))
    await harness.submit(shop, ALICE, BOB, callback=callback)
    await harness.until_states(shop, State.REJECTED, State.DELIVERED)
    [told] = harness.stored_callbacks
    [row] = await harness.rows(callbacks)
    assert (row["callback_id"], '"x":"opted_out"' in row["payload"]) == (
        told.callback_id, True,
    )  # fmt: skip
    [batch] = await harness.rows(batches)
    assert [batch[k] for k in ("unsent", "buffered", "received", "failed")] == [0, 0, 1, 1]
    assert await harness.balance(shop) == (9, 0, 1)


async def test_a_long_list_leaves_them_out_when_it_is_expanded(harness: Any, shop: Any) -> None:
    await harness.opt_outs.add(shop, ALICE)
    await harness.submit(shop, ALICE, BOB, "4533333333")
    await harness.until_states(shop, State.REJECTED, State.DELIVERED, State.DELIVERED)
    assert await harness.balance(shop) == (8, 0, 2)
    assert harness.simulator.phone(ALICE).received == []


async def test_an_opt_out_of_one_sender_leaves_the_others(harness: Any, shop: Any) -> None:
    await harness.opt_outs.add(shop, ALICE, sender="+4570101010")
    for sender in ("+4570101010", "4570101010", "News"):
        await harness.submit(shop, ALICE, sender=sender)
    await harness.until_states(shop, State.REJECTED, State.REJECTED, State.DELIVERED)
    other = await harness.account("other")
    await harness.submit(other, ALICE, sender="+4570101010")
    await harness.until_states(other, State.DELIVERED)


async def test_on_a_shared_number_a_keyword_says_whom_it_is_about(harness: Any) -> None:
    owner, one, two = [await harness.account(name) for name in ("owner", "one", "two")]
    await harness.keywords.add_number(owner, "1272", shared=True)
    await harness.keywords.reserve(one, "1272", "pizza")
    await harness.keywords.reserve(two, "1272", "sushi")
    assert await say(harness, "stop pizza") == "opted_out"
    assert await opted(harness) == {(one.account_id, "", ALICE)}
    assert await say(harness, "STOP", sender=BOB) == "opted_out"
    everybody = {(account.account_id, "", BOB) for account in (owner, one, two)}
    assert await opted(harness) == {(one.account_id, "", ALICE)} | everybody
    assert await say(harness, "start sushi", sender=BOB) == "opted_in"
    assert await opted(harness) == {(one.account_id, "", ALICE)} | {
        key for key in everybody if key[0] != two.account_id
    }
    assert not harness.opt_outs.among(two.account_id, "x", [BOB])


@pytest.mark.parametrize("word", ["stop", "START", " Stop! "])
async def test_the_words_that_opt_out_are_nobodys(harness: Any, shop: Any, word: str) -> None:
    with pytest.raises(Refused):
        await harness.keywords.reserve(shop, "1272", word)


async def test_who_is_no_number_cannot_opt_out(harness: Any, shop: Any) -> None:
    assert await say(harness, "STOP", sender="12345") == "kept"
    assert await opted(harness) == set()


async def test_a_text_is_not_kept_without_its_opt_out(
    harness: Any, shop: Any, make_harness: Any, simulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What follows the text in its transaction fails: the carrier must not hear that we have it."""

    def die(*_: Any) -> None:
        raise RuntimeError("here the process ends")

    with monkeypatch.context() as broken:
        broken.setattr(stored_opt_outs, "write", die)
        acknowledged: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        report = InboundPartReport(
            carrier="smsc", source=ALICE, destination="1272", alphabet=Alphabet.GSM7, text="STOP"
        )
        harness.inbound.receive(report, acknowledged.set_result)
        assert await acknowledged is False
        assert await harness.rows(inbound_texts) == []
    await harness.crash()
    second = await make_harness(carriers={"smsc": simulator.port})
    second.simulator = simulator
    assert await opted(second) == set()
    second.inbound.receive(report, lambda _: None)  # it was not acknowledged, so it comes again
    assert second.opt_outs.among(shop.account_id, "x", [ALICE]) == {ALICE}  # before it is on disk
    await second.submit(shop, ALICE)
    assert await opted(second) == {(shop.account_id, "", ALICE)}
    assert await second.states(shop) == [State.REJECTED]


async def test_a_restart_knows_who_opted_out(
    harness: Any, shop: Any, make_harness: Any, simulator: Any
) -> None:
    await say(harness, "STOP")
    await harness.crash()
    second = await make_harness(carriers={"smsc": simulator.port})
    await second.submit(shop, ALICE)
    assert await second.states(shop) == [State.REJECTED]
    with pytest.raises(Refused):
        await second.opt_outs.remove(shop, BOB)
    await second.opt_outs.remove(shop, f"+{ALICE}")
    assert await opted(second) == set()


def test_many_take_eight_octets_each() -> None:
    known = OptOuts(storage=None, ids=None)  # type: ignore[arg-type]
    numbers = [str(4_500_000_000 + n * 7919 % 100_003) for n in range(20_000)]
    for number in numbers:
        known.note(OptOutKey(account_id=1, sender="", recipient=number))
        known.note(OptOutKey(account_id=1, sender="", recipient=number))
    assert known.among(1, "x", [*numbers, "4599999999"]) == set(numbers)
    [stored] = known._recipients.values()
    assert isinstance(stored, array)
    assert (stored.itemsize, len(stored)) == (8, 20_000)
    for number in numbers:
        known.forget(OptOutKey(account_id=1, sender="", recipient=number))
    assert known.among(1, "x", numbers) == set()
    assert known._recipients == {}


async def test_an_erased_number_is_refused_as_before(harness: Any, shop: Any) -> None:
    await say(harness, "STOP")
    await harness.opt_outs.add(shop, BOB)
    other = await harness.account("other")
    forgotten = await harness.privacy.erase(f"+{ALICE}", None)
    assert forgotten.opt_outs == 1
    erased = {recipient for _, _, recipient in await opted(harness)} - {BOB}
    assert not any(ALICE in recipient for recipient in erased)
    again = OptOuts(storage=harness.storage, ids=harness.ids)
    await again.load()
    for known in (harness.opt_outs, again):
        assert known.among(shop.account_id, "Shop", (ALICE, BOB)) == {ALICE, BOB}
        assert known.among(other.account_id, "Shop", (ALICE, BOB)) == set()
    await harness.submit(shop, ALICE)
    assert [view.state for view in await harness.outbox(shop)] == [State.REJECTED]
    assert [one.recipient for one in await harness.opt_outs.page(shop, 0, 10)] == [BOB]


async def test_start_from_an_erased_number_brings_it_back(harness: Any, shop: Any) -> None:
    await say(harness, "STOP")
    await harness.privacy.erase(ALICE, shop)
    assert await say(harness, "START") == "opted_in"
    assert await opted(harness) == set()
    assert harness.opt_outs.among(shop.account_id, "", (ALICE,)) == set()
    await say(harness, "STOP")
    await harness.privacy.erase(ALICE, shop)
    await say(harness, "STOP")
    await harness.privacy.erase(ALICE, shop)
    assert len(await opted(harness)) == 1
    assert (await harness.opt_outs.remove(shop, ALICE)).recipient == ALICE
    assert await opted(harness) == set()
    with pytest.raises(Refused):
        await harness.opt_outs.remove(shop, ALICE)
