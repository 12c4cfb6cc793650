"""How long texts may be, and what is cut where too long ones are cut."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from dragoman.config.settings import Settings
from dragoman.core.messages.sql.tables import batches, messages


async def stored(orders: Any, **fields: Any) -> tuple[str, int, str]:
    """The text that is sent, in how many parts, and how."""
    await orders.sent(**fields)
    query = select(batches.c.text, messages.c.parts, batches.c.format).join(
        messages, messages.c.batch_id == batches.c.batch_id
    )
    (row,) = await orders.services.storage.read(lambda c: list(c.execute(query)))
    return tuple(row)


@pytest.mark.parametrize(
    ("fields", "parts", "format_"),
    [
        ({"message": "a" * 160}, 1, "auto"),
        ({"message": "a" * 1000}, 7, "auto"),
        ({"message": "\u20ac" * 500}, 7, "auto"),
        ({"message": "\u4f60" * 450}, 7, "auto"),
        ({"message": "a" * 450, "encoding": "ucs2"}, 7, "unicode"),
        ({"message": "a" * 160, "encoding": "GSM"}, 1, "gsm_alike"),
        ({"message": "a" * 160, "message_type": "LL"}, 1, "auto"),
        ({"message": "\u4f60" * 70, "message_type": "LL"}, 1, "auto"),
        ({"message": "\U0001f600" * 225}, 7, "auto"),
    ],
)
async def test_text_of_the_greatest_length_is_sent_whole(
    orders: Any, fields: Any, parts: int, format_: str
) -> None:
    assert await stored(orders, **fields) == (fields["message"], parts, format_)


@pytest.mark.parametrize(
    ("fields", "sent", "parts"),
    [
        ({"message": "a" * 1001}, "a" * 1000, 7),
        ({"message": "a" * 161, "message_type": "LL"}, "a" * 160, 1),
        ({"message": "a" * 400, "max_fragments": 2}, "a" * 306, 2),
        ({"message": "a" * 161, "max_fragments": "1"}, "a" * 160, 1),
        ({"message": "\u4f60" * 200, "max_fragments": 2}, "\u4f60" * 134, 2),
        ({"message": "\u20ac" * 81, "max_fragments": 1}, "\u20ac" * 80, 1),
        ({"message": "\U0001f600" * 36, "max_fragments": 1}, "\U0001f600" * 35, 1),
        ({"message": "a" * 100, "max_fragments": 1}, "a" * 100, 1),
    ],
)
async def test_text_is_cut_where_it_may_be(orders: Any, fields: Any, sent: str, parts: int) -> None:
    assert (await stored(orders, truncate=True, **fields))[:2] == (sent, parts)


ALIKE = {
    "1\u20132": ("1-2", 1),
    "a" * 158 + "\u2026": ("a" * 158 + "...", 2),
    "\u4f60\u2013": ("\u4f60\u2013", 1),
}


@pytest.mark.parametrize("text", ALIKE)
async def test_encoding_gsm_sends_look_alikes_or_unicode(orders: Any, text: str) -> None:
    """A public client writes it with every text."""
    await orders.sent(message=text, encoding="gsm")
    [message] = orders.live()
    assert (message.outgoing().text, message.part_count) == ALIKE[text]


async def test_text_is_cut_by_the_length_of_its_look_alikes(orders: Any) -> None:
    fields = {"message": "\u2026" * 60, "encoding": "gsm", "max_fragments": 1, "truncate": True}
    assert (await stored(orders, **fields))[:2] == ("\u2026" * 53, 1)


async def test_text_with_values_is_cut_too(smsend: Any, orders: Any) -> None:
    recipients = [
        {"recipient": "+393471234567", "x": "b" * 200},
        {"recipient": "+393471234568", "x": "c"},
    ]
    body = {"message_type": "SI", "message": "a{x}", "recipients": recipients, "truncate": True}
    assert (await smsend.post("paramsms", body)).status == 201
    assert await orders.texts() == [("393471234567", "a" + "b" * 159), ("393471234568", "ac")]


@pytest.mark.parametrize(
    ("fields", "minutes"),
    [
        ({}, 48 * 60),
        ({"validity_period_min": 5}, 5),
        ({"validity_period": "7"}, 7),
        ({"validity_period_min": "", "validity_period": None}, 48 * 60),
        ({"validity_period_min": 14 * 24 * 60}, 14 * 24 * 60),
    ],
)
async def test_validity_is_in_minutes(smsend: Any, orders: Any, fields: Any, minutes: int) -> None:
    await orders.sent(**fields)
    query = select(batches.c.expires_ms)
    expires_ms = await orders.services.storage.read(lambda c: c.execute(query).scalar_one())
    assert expires_ms - smsend.clock.now_ms() == minutes * 60_000


class TestNationalTables:
    """The carrier of all routes takes Turkish in 7 bits."""

    @pytest.fixture
    def configure(self) -> Callable[[Settings], Settings]:
        def change(settings: Settings) -> Settings:
            (carrier,) = settings.carriers
            turkish = msgspec.structs.replace(carrier, national=("tr",))
            return msgspec.structs.replace(settings, carriers=(turkish,))

        return change

    @pytest.mark.parametrize(
        ("fields", "sent", "parts"),
        [
            # Bug: counted as UCS-2, these were refused or cut after 450 and 70 characters.
            ({"message": "\u015f" * 451}, "\u015f" * 451, 4),
            ({"message": "\u015f" * 155, "max_fragments": 1}, "\u015f" * 155, 1),
            ({"message": "\u015f" * 155, "message_type": "LL"}, "\u015f" * 155, 1),
        ],
    )
    async def test_text_is_counted_as_it_is_sent(
        self, orders: Any, fields: Any, sent: str, parts: int
    ) -> None:
        assert (await stored(orders, **fields))[:2] == (sent, parts)

    @pytest.mark.parametrize("count", [155, 156, 200])
    async def test_text_is_cut_as_it_is_sent(self, orders: Any, count: int) -> None:
        text, parts, _ = await stored(
            orders, message="\u015f" * count, max_fragments=1, truncate=True
        )
        assert (text, parts) == ("\u015f" * 155, 1)
