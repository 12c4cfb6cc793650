"""The main loop of the writer process (`runners.ChildRunner`, `core/writer_process`)."""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import make_url

from dragoman.core.model.errors import StorageUnavailable
from dragoman.storage.answers import Answer, render_answer
from dragoman.storage.connections import write_engine
from dragoman.storage.frames import BlockingFrames
from dragoman.storage.outages import reason_of
from dragoman.storage.transactions import Transactions
from dragoman.storage.work import Operation

MAX_LOCKS = 4


def serve(operations: Mapping[str, Operation[Any, Any]]) -> None:
    """Writes what arrives on the socket whose descriptor is the first argument."""
    stream = socket.socket(fileno=int(sys.argv[1]))
    channel = BlockingFrames(stream)
    try:
        socket.recv_fds(stream, 1, MAX_LOCKS)  # held as long as this process may write
        url = channel.receive().decode()
    except EOFError:
        return  # the gateway did not start
    engine = write_engine(make_url(url))
    transactions = Transactions(engine)
    _serve(channel, transactions, operations)
    transactions.close()
    engine.dispose()


def _serve(
    channel: BlockingFrames,
    transactions: Transactions,
    operations: Mapping[str, Operation[Any, Any]],
) -> None:
    """Runs the groups that arrive, until the channel closes."""
    decoders = {
        name: msgspec.msgpack.Decoder(list[operation.item])  # type: ignore[name-defined]
        for name, operation in operations.items()
    }
    groups = msgspec.msgpack.Decoder(list[tuple[str, msgspec.Raw]])
    answer = Answer()
    while True:
        try:
            channel.send(msgspec.msgpack.encode(answer))
            group = channel.receive()
        except (EOFError, OSError):
            return
        works = [
            (operations[name], decoders[name].decode(raw)) for name, raw in groups.decode(group)
        ]
        try:
            answer = render_answer(transactions.run(works))
        except StorageUnavailable as error:
            transactions.reset()
            answer = Answer(unavailable=str(error) or "storage", sync_failed=error.sync_failed)
        except Exception as error:
            transactions.reset()
            answer = Answer(failed=f"{type(error).__name__}: {reason_of(error)}")
