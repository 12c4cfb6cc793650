"""What nodes tell the owners of partitions: outcomes, receipts and texts, stored before the answer.

Each is a request to whoever owns the partition now, and is answered after its commit. Outcomes are
told until they are; a receipt or a text that is not stored comes again from its carrier. What comes
in one turn of the loop goes together. Receipts have a subject of their own: an owner of a version
that takes one at a time has none there, which NATS says at once.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from dragoman.cluster import wire
from dragoman.cluster.carriers import Carriers
from dragoman.cluster.nats_connection import AGAIN_S, REQUEST_TIMEOUT_S, NatsConnection, respond
from dragoman.cluster.seeking import LookHere
from dragoman.cluster.shared_carrier import SharedCarrier
from dragoman.cluster.wire import Look, Told
from dragoman.core.messages.model.messages import InboundPartReport, ReceiptReport
from dragoman.core.model.stored import OnStored

log = structlog.get_logger(__name__)

MAX_TOLD: Final = 100
"""Outcomes or receipts in one request."""
MAX_TOLD_BYTES: Final = 512 * 1024
"""Of receipts in one request; NATS takes a megabyte."""
Given = tuple[ReceiptReport, OnStored]
Encoded = tuple[bytes, OnStored]
LOOK_S: Final = 1.0
"""For the other nodes to say whose messages receipts name."""
MAX_SINGLE: Final = 20
"""Receipts that nodes of an earlier version are asked about at once."""
Item = TypeVar("Item")

_STORED: Final = b"+"
_NOT_STORED: Final = b"-"


class Owners:
    """The owners of all partitions, this node among them."""

    def __init__(
        self,
        connection: NatsConnection,
        carriers: Carriers,
        look_here: LookHere,
        is_heard: Callable[[], bool],
    ) -> None:
        """`look_here` looks for the messages of receipts in the partitions of this node.

        `is_heard` says whether these may still be its own.
        """
        self._connection = connection
        self._carriers = carriers
        self._look_here = look_here
        self._is_heard = is_heard
        self._telling: defaultdict[int, list[tuple[Told, OnStored]]] = defaultdict(list)
        self._tellers: dict[int, asyncio.Task[None]] = {}
        self._receipts: defaultdict[int, list[Encoded]] = defaultdict(list)
        """Of this turn of the loop."""
        self._subscriptions: dict[int, list[Any]] = {}

    async def listen(self) -> None:
        """Answers from here on which messages this node knows."""
        subscribe = self._connection.client.subscribe
        await subscribe("dragoman.seek.*", cb=self._answer_looks)
        await subscribe("dragoman.find.*", cb=self._answer_look)

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """What is under way."""
        return [*self._tellers.values()]

    async def settled(self, timeout_s: float) -> None:
        """Waits until what is told is stored, for a while."""
        if self._tellers:
            await asyncio.wait(self.tasks, timeout=timeout_s)

    # Partitions that this node owns

    async def open_partition(self, number: int) -> None:
        """Takes what is told to a partition."""

        async def take(msg: Msg) -> None:
            self._take(number, msg)

        async def take_receipts(msg: Msg) -> None:
            self._take_receipts(number, msg)

        subscribe = self._connection.client.subscribe
        made = self._subscriptions[number] = []
        made.append(await subscribe(f"dragoman.partition.{number}.*", cb=take))
        made.append(await subscribe(f"dragoman.receipts.{number}", cb=take_receipts))

    async def close_partition(self, number: int) -> None:
        """Leaves what is told to a partition to its next owner."""
        for subscription in self._subscriptions.pop(number, ()):
            await self._connection.drop(subscription)

    def _is_owner(self, number: int) -> bool:
        """Whether a partition that is open here may still be this node's."""
        return self._is_heard() and not self._carriers.is_cut(number)

    def _take(self, number: int, msg: Msg) -> None:
        def stored(on_disk: bool) -> None:
            self._connection.do(respond(msg, _STORED if on_disk else _NOT_STORED))

        kind = msg.subject.rpartition(".")[2]
        if self._carriers.is_cut(number) and kind == "outcomes":
            stored(False)  # it is told again, until its owner has it
            return
        if not self._is_owner(number):
            return  # another node owns it by now, and answers
        if kind == "outcomes":
            self._take_outcomes(number, wire.read_told(msg.data), stored)
        elif kind == "receipt":
            report = wire.read_receipt(msg.data).whole()
            shared = self._carriers.shared(report.carrier, number)
            if shared is None:
                stored(False)
            else:
                shared.sink.receipt(report, stored)
        elif kind == "text":
            text = wire.read_text(msg.data).whole()
            shared = self._carriers.shared(text.carrier, number)
            if shared is None:
                stored(False)
            else:
                shared.sink.inbound(text, stored)

    def _take_receipts(self, number: int, msg: Msg) -> None:
        """Takes receipts, and answers of each, in their order, whether it is stored."""
        if not self._is_owner(number):
            return
        received = wire.read_receipts(msg.data)
        left, answers = len(received), [_NOT_STORED] * len(received)

        def stored(place: int, on_disk: bool) -> None:
            nonlocal left
            left -= 1
            if on_disk:
                answers[place] = _STORED
            if not left:
                self._connection.do(respond(msg, b"".join(answers)))

        given: defaultdict[SharedCarrier, list[Given]] = defaultdict(list)
        for place, receipt in enumerate(received):
            report = receipt.whole()
            shared = self._carriers.shared(report.carrier, number)
            if shared is None:
                stored(place, False)
            else:
                given[shared].append((report, partial(stored, place)))
        for shared, receipts in given.items():
            shared.sink.receipts_came(receipts)

    def _take_outcomes(self, number: int, outcomes: list[Told], stored: OnStored) -> None:
        left, all_stored = len(outcomes), True

        def one_stored(on_disk: bool) -> None:
            nonlocal left, all_stored
            left -= 1
            all_stored &= on_disk
            if not left:
                stored(all_stored)

        for told in outcomes:
            shared = self._carriers.shared(told.carrier, number)
            if shared is None:
                # It is being closed; or a changed configuration has the carrier no more.
                one_stored(told.carrier not in self._carriers.names)
            else:
                shared.settle(told.message_id, told.token, told.outcome(), one_stored)

    # Telling owners

    def tell(self, partition: int, told: Told, on_stored: OnStored) -> None:
        """Tells an outcome, however long that takes."""
        self._telling[partition].append((told, on_stored))
        if partition not in self._tellers:
            self._tellers[partition] = asyncio.ensure_future(self._tell(partition))

    async def _tell(self, partition: int) -> None:
        """Tells outcomes until they are stored, what came meanwhile together."""
        try:
            while waiting := self._telling[partition]:
                batch = waiting[:MAX_TOLD]
                data = wire.encode([told for told, _ in batch])
                if not await self._ask(partition, "outcomes", data):
                    self._bring_home(partition)
                    await asyncio.sleep(AGAIN_S)
                    continue
                del waiting[: len(batch)]
                for _, on_stored in batch:
                    on_stored(True)
        finally:
            self._tellers.pop(partition, None)

    def _bring_home(self, partition: int) -> None:
        """Tells what waits to a partition, where this node owns that by now.

        What it does not take is told again: that of a carrier that it knows no more.
        """
        if partition not in self._subscriptions:
            return
        waiting, self._telling[partition] = self._telling[partition], []
        for told, on_stored in waiting:
            self._carriers.tell(partition, told, on_stored)

    async def _ask(self, partition: int, kind: str, data: bytes) -> bool:
        """Whether the owner of a partition has stored what it was told."""
        subject = f"dragoman.partition.{partition}.{kind}"
        try:
            answer = await self._connection.client.request(subject, data, timeout=REQUEST_TIMEOUT_S)
        except (NatsError, OSError):
            return False
        return bool(answer.data == _STORED)

    def receipt(self, partition: int, report: ReceiptReport, on_stored: OnStored) -> None:
        """Gives an owner a receipt, with what else comes in this turn of the loop."""
        try:
            content = wire.encode(wire.Receipt.of(report))
        except UnicodeEncodeError as error:  # half of a surrogate pair; it must cost no other
            log.error("receipt_failed", carrier=report.carrier, reason=type(error).__name__)
            on_stored(False)
            return
        if not self._receipts:
            asyncio.get_running_loop().call_soon(self._give_receipts)
        self._receipts[partition].append((content, on_stored))

    def _give_receipts(self) -> None:
        receipts, self._receipts = self._receipts, defaultdict(list)
        for partition, given in receipts.items():
            for batch in _in_requests(given):
                self._give_batch(partition, batch)

    def _give_batch(self, partition: int, given: Sequence[Encoded]) -> None:
        async def give() -> None:
            subject = f"dragoman.receipts.{partition}"
            data = wire.encode_joined(content for content, _ in given)
            try:
                answer = await self._connection.client.request(
                    subject, data, timeout=REQUEST_TIMEOUT_S
                )
                answers = bytes(answer.data)
            except NoRespondersError:
                for content, on_stored in given:
                    self._give(partition, "receipt", content, on_stored)
                return
            except (NatsError, OSError):
                answers = b""
            for place, (_, on_stored) in enumerate(given):
                on_stored(answers[place : place + 1] == _STORED)

        self._connection.do(give())

    def inbound(self, partition: int, report: InboundPartReport, on_stored: OnStored) -> None:
        """Gives an owner a text."""
        self._give(partition, "text", wire.encode(wire.Text.of(report)), on_stored)

    def _give(self, partition: int, kind: str, data: bytes, on_stored: OnStored) -> None:
        async def give() -> None:
            on_stored(await self._ask(partition, kind, data))

        self._connection.do(give())

    # Whose messages receipts name

    async def look(
        self, reports: Sequence[ReceiptReport], partitions: Collection[int]
    ) -> list[Look]:
        """What other nodes know of each receipt.

        Waits until these partitions were looked in, or the message of every receipt is found.
        """
        looks = [Look()] * len(reports)
        sought: list[tuple[bytes, int]] = []
        for place, report in enumerate(reports):
            try:
                sought.append((wire.encode(wire.Receipt.to_look_for(report)), place))
            except UnicodeEncodeError:  # half of a surrogate pair: no message has such an ID
                looks[place] = Look(tuple(partitions))
        for batch in _in_requests(sought):
            missing = {*partitions}

            def take(data: bytes, batch: Sequence[tuple[bytes, int]] = batch) -> Collection[int]:
                found = wire.read_looks(data)
                for (_, place), look in zip(batch, found, strict=True):
                    looks[place] = looks[place].with_another(look)
                if all(looks[place].is_exact for _, place in batch):
                    return partitions  # a partition without an owner would be waited for
                return found[0].partitions

            contents = [content for content, _ in batch]
            missing -= await self._ask_others("seek", wire.encode_joined(contents), missing, take)
            if missing:
                unknown = [one for one in batch if not looks[one[1]].is_exact]
                await self._look_singly(unknown[:MAX_SINGLE], missing, looks)
        return looks

    async def _look_singly(
        self, sought: Sequence[tuple[bytes, int]], partitions: Collection[int], looks: list[Look]
    ) -> None:
        """Asks nodes of an earlier version, which take one receipt at a time."""

        async def look(content: bytes, place: int) -> None:
            def take(data: bytes) -> Collection[int]:
                found = wire.read_look(data)
                looks[place] = looks[place].with_another(found)
                return partitions if looks[place].is_exact else found.partitions

            await self._ask_others("find", content, partitions, take)

        await asyncio.gather(*(look(*one) for one in sought))

    async def _ask_others(
        self,
        what: str,
        data: bytes,
        partitions: Collection[int],
        take: Callable[[bytes], Collection[int]],
    ) -> set[int]:
        """Asks all nodes something, and takes what they answer until these partitions are heard of.

        Returns those that were; `take` says which are in an answer.
        """
        client = self._connection.client
        heard, complete = set[int](), asyncio.Event()

        async def hear(msg: Msg) -> None:
            heard.update(take(msg.data))
            if heard.issuperset(partitions):
                complete.set()

        subscription = None
        try:
            inbox = client.new_inbox()
            subscription = await client.subscribe(inbox, cb=hear)
            await client.publish(f"dragoman.{what}.{self._connection.run}", data, reply=inbox)
            async with asyncio.timeout(LOOK_S):
                await complete.wait()
        except (TimeoutError, NatsError, OSError):
            pass
        finally:
            await self._connection.drop(subscription)
        return heard

    async def _answer_looks(self, msg: Msg) -> None:
        if self._is_asked(msg):
            reports = [receipt.whole() for receipt in wire.read_receipts(msg.data)]
            self._connection.do(self._answer(msg, reports, wire.encode))

    async def _answer_look(self, msg: Msg) -> None:
        """Answers a node of an earlier version."""
        if self._is_asked(msg):
            report = wire.read_receipt(msg.data).whole()
            self._connection.do(self._answer(msg, [report], lambda looks: wire.encode(looks[0])))

    def _is_asked(self, msg: Msg) -> bool:
        """Whether another node asks, and our partitions may still be ours."""
        return msg.subject.rpartition(".")[2] != self._connection.run and self._is_heard()

    async def _answer(
        self, msg: Msg, reports: Sequence[ReceiptReport], encode: Callable[[list[Look]], bytes]
    ) -> None:
        await respond(msg, encode(await self._look_here(reports)))


def _in_requests(items: Sequence[tuple[bytes, Item]]) -> Iterator[Sequence[tuple[bytes, Item]]]:
    """What goes together into a request of those that NATS takes."""
    begin, size = 0, 0
    for end, (content, _) in enumerate(items):
        size += len(content)
        if end - begin == MAX_TOLD or (size > MAX_TOLD_BYTES and end > begin):
            yield items[begin:end]
            begin, size = end, len(content)
    if items:
        yield items[begin:]
