"""A carrier that says what became of texts, and the requests that the manual prints."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from dragoman.core.callbacks.sql import callbacks as stored
from dragoman.core.messages.live import LiveMessage
from dragoman.core.messages.model.callbacks import CallbackCall
from dragoman.core.messages.model.lifecycle import State
from dragoman.core.messages.model.outcomes import Accepted
from dragoman.core.messages.sql.tables import callbacks, messages
from dragoman.core.model.errors import FailureCode


class Orders:
    """What lies behind the calls of a customer: messages, a carrier, callbacks."""

    def __init__(self, customer: Any) -> None:
        self.customer = customer
        self.services = customer.services

    async def send(self, **fields: Any) -> Any:
        """Sends a text of these fields beside the usual ones."""
        usual = {"message_type": "N", "message": "Hello world!", "recipient": ["+393471234567"]}
        return await self.customer.post("sms", usual | fields)

    async def sent(self, **fields: Any) -> str:
        """Sends a text and returns its order_id."""
        answer = await self.send(**fields)
        assert answer.status == 201, answer.body
        order_id: str = answer.json["order_id"]
        return order_id

    def live(self) -> list[LiveMessage]:
        return sorted(self.services.live, key=lambda message: message.message_id)

    async def accept(self, message: LiveMessage) -> None:
        """The carrier takes a message."""
        ids = tuple(f"{message.message_id:x}-{n}" for n in range(message.part_count))
        await self._stored(
            lambda done: self.services.delivery.accepted(
                message, "simulator", Accepted(carrier_ids=ids), done
            )
        )

    async def report(
        self, message: LiveMessage, state: State, failure: FailureCode = FailureCode.NONE
    ) -> None:
        """The carrier reports on a message."""
        await self._stored(
            lambda done: self.services.delivery.change(message, state, done, failure=failure)
        )

    async def texts(self) -> list[tuple[str, str | None]]:
        """Recipient and own text of every message that is stored."""
        query = select(messages.c.recipient, messages.c.text).order_by(messages.c.message_id)
        return [tuple(row) for row in await self.services.storage.read(lambda c: c.execute(query))]

    async def calls(self) -> list[CallbackCall]:
        """The callbacks that would be made, as the dialect renders them."""
        query = stored.select_new().order_by(callbacks.c.callback_id)
        rows = await self.services.storage.read(lambda c: list(c.execute(query)))
        render = self.customer.dialect.render_callback
        return [render(one.url, one.payload) for one in map(stored.read_new, rows)]

    async def statuses(self, order_id: str) -> list[str]:
        answer = await self.customer.get(f"sms/{order_id}")
        assert answer.status == 200, answer.body
        return [one["status"] for one in answer.json["recipients"]]

    async def _stored(self, act: Callable[[Callable[[bool], None]], Any]) -> None:
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        act(done.set_result)
        assert await done


@pytest.fixture
def orders(smsend: Any) -> Orders:
    return Orders(smsend)
