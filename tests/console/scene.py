"""A whole gateway with a console, a simulated SMSC and some traffic, for browsers to look at."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

from tests.passing_time import PATIENCE_S

from dragoman.config import Settings
from dragoman.container import Services
from dragoman.core.accounts.model.accounts import DEFAULT_PERMISSIONS, Account, Permission
from dragoman.core.callbacks.calling import Caller
from dragoman.core.inbound.model.inbound import Handling, OptOutOrigin, StoredInbound
from dragoman.core.inbound.sql.inbound import NewInbound, store_texts
from dragoman.core.messages.model.messages import Submission
from dragoman.core.reporting.model.outbox import OutboxFilter
from dragoman.development.workbench import Workbench
from dragoman.gateway import Gateway
from dragoman.kit.clock import SystemClock
from dragoman.protocols.smpp.constants import MessageState
from dragoman.testkit.simulator import Behaviour, Simulator

CHROMIUM: Final = Path("/usr/bin/chromium")
USERNAME: Final = "demo"
PASSWORD: Final = "correct horse battery"
DESKTOP: Final = {"width": 1280, "height": 800}
PHONE: Final = {"width": 390, "height": 844}

TEXTS: Final = (
    "Your table for two is ready at 19:30. Harbour Café",
    "Din pakke kan hentes på biblioteket. Medbring legitimation.",
    "Your code is 493 201. It is good for ten minutes.",
    "Grüße aus Hamburg – wir sehen uns morgen um 9 Uhr 😀",
    "The library closes at 17:00 today because of the storm. Books that are due today may be"
    " returned until Monday; reservations are kept a week longer than usual. Stay safe!",
)
FATES: Final = {
    "4520": Behaviour(state=MessageState.UNDELIVERABLE, error="006"),
    "4521": Behaviour(state=MessageState.UNDELIVERABLE, error="001"),
    "4522": Behaviour(state=None),
    "4670": Behaviour(status=0x0B),
}
NUMBERS: Final = (
    *("4530123456", "4530123457", "4530123458", "4540123459", "4550123450", "4560123451"),
    *("4520123456", "4522123456", "46701234567", "46731234567", "4915112345678", "447700900123"),
)


PAGES: Final = {
    "overview": "/console",
    "messages": "/console/messages",
    "compose": "/console/compose",
    "inbox": "/console/inbox",
    "opt-outs": "/console/opt-outs",
    "keywords": "/console/keywords",
    "accounts": "/console/accounts",
    "own-account": "/console/account",
    "display": "/console/display",
}
REPLIES: Final = (
    ("4530123456", "Thanks, see you at 19:30!"),
    ("4540123459", "Can I come half an hour later? My bus is stuck in the snow ❄"),
    ("4550123450", "STOP"),
    ("447700900123", "Click <b>here</b> to win \u202egpj.exe"),
)


class TravellingClock(SystemClock):
    """The time of day with an offset, so that a gateway can have a past.

    With `begins_ms` it is another day: that time now, and from there on.
    """

    def __init__(self, begins_ms: int | None = None) -> None:
        self.behind_s = 0.0
        self._shift_ms = 0 if begins_ms is None else begins_ms - super().now_ms()

    def now_ms(self) -> int:
        return super().now_ms() + self._shift_ms - round(self.behind_s * 1000)


class Scene:
    """What the browser finds: where, and the accounts."""

    def __init__(
        self,
        gateway: Gateway,
        simulator: Simulator,
        url: str,
        account: Account,
        clock: TravellingClock,
    ) -> None:
        self.gateway = gateway
        self.simulator = simulator
        self.url = url
        self.account = account
        self.clock = clock
        self.further_pages: dict[str, str] = {}
        """Paths of further pages, by name."""

    async def live_a_day(self) -> None:
        """Sends and receives for 23 hours, more by day than by night."""
        chance = random.Random(7)
        account = await self.gateway.services.accounts.find(USERNAME)
        for hour in range(22, -1, -1):
            self.clock.behind_s = hour * 3600.0 + 60
            busy = 3 + round(9 * abs(12 - (hour + 4) % 24) / 12)
            for _ in range(busy):
                await self.submit(account, chance.choice(NUMBERS), chance.choice(TEXTS))
                self.clock.behind_s -= chance.choice((0, 0, 0, 1, 3))  # some reports take long
            await self._settle()
            if hour < len(REPLIES):
                await self._receive(account, *REPLIES[hour])
        self.clock.behind_s = 0.0

    async def newest_message(self) -> int:
        """The identifier of the newest message."""
        account = await self.gateway.services.accounts.find(USERNAME)
        wanted = OutboxFilter(account_id=account.account_id)
        page = await self.gateway.services.queries.outbox(wanted, 0, 1)
        return page.messages[0].message_id

    async def _receive(self, account: Account, sender: str, text: str) -> None:
        stops = text == "STOP"
        row = StoredInbound(
            inbound_id=self.gateway.services.ids.next(),
            account_id=account.account_id,
            carrier="simulator",
            sender=sender,
            recipient="1204",
            text=text,
            alphabet="gsm7",
            keyword=text.split()[0].upper(),
            parts=1,
            complete=True,
            handling=(Handling.OPTED_OUT if stops else Handling.KEPT).value,
        )
        await self.gateway.services.storage.writer.write(store_texts, NewInbound(text=row))
        if stops:
            await self.gateway.services.opt_outs.add(account, sender, origin=OptOutOrigin.STOP)

    async def submit(self, account: Account, number: str, text: str) -> None:
        await self.gateway.services.submission.submit(
            account,
            Submission(dialect="httpsms", recipients=(f"+{number}",), text=text, sender="Dragoman"),
        )

    async def _settle(self) -> None:
        """Waits until all but those without a report are through."""
        async with asyncio.timeout(PATIENCE_S):
            live = self.gateway.services.live
            while any(not message.recipient.startswith("4522") for message in live):  # noqa: ASYNC110
                await asyncio.sleep(0.01)


@asynccontextmanager
async def running_scene(
    folder: Path,
    build_workbench: Callable[[Path, Simulator, Services, Caller], Workbench] | None = None,
    begins_ms: int | None = None,
) -> AsyncIterator[Scene]:
    """A gateway that listens on a free port, and an operator called `demo`."""
    simulator = Simulator()
    await simulator.start()
    settings = Settings.development(
        folder,
        http="127.0.0.1:0",
        smsc=f"{simulator.host}:{simulator.port}",
        smpp="127.0.0.1:0",
    )
    simulator.default = Behaviour(receipt_delay_s=0.05)
    for prefix, fate in FATES.items():
        simulator.behave(prefix, fate)
    clock = TravellingClock(begins_ms)
    clock.behind_s = 23 * 3600.0
    gateway = Gateway(
        settings,
        clock,
        build_workbench=build_workbench and partial(build_workbench, folder, simulator),
    )
    await gateway.start(migrate=True)
    try:
        created = await gateway.services.accounts.create(
            USERNAME,
            password=PASSWORD,
            credits=25_000,
            default_sender="Dragoman",
            permissions=DEFAULT_PERMISSIONS | {Permission.ADMINISTER, Permission.OPERATE},
            time_zone="Europe/Copenhagen",
        )
        for name in ("harbour-cafe", "city-library"):
            await gateway.services.accounts.create(
                name,
                password=PASSWORD,
                credits=500,
                parent=created.account,
                giver=created.account,
                permissions=DEFAULT_PERMISSIONS,
            )
        yield Scene(gateway, simulator, _address_of(gateway), created.account, clock)
    finally:
        if gateway.workbench is not None:
            gateway.workbench.close()
        await gateway.stop()
        await simulator.stop()


def _address_of(gateway: Gateway) -> str:
    """Where a gateway listens that was given port 0."""
    server = gateway._server
    assert server is not None
    host, port = server.servers[0].sockets[0].getsockname()
    return f"http://{host}:{port}"
