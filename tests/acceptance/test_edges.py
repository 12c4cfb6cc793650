"""A whole gateway in this process: a multimedia message to its report, and a mail to the SMSC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import aiosmtplib
import msgspec
import pytest
from tests.ports import free_port

from dragoman.config.sections import Mail
from dragoman.config.settings import Settings
from dragoman.config.tables import Mm7Table
from dragoman.gateway import Gateway
from dragoman.testkit.mmsc import Answer, Mmsc
from dragoman.testkit.simulator import Simulator

KEY = "k" * 32
PNG = b"\x89PNG\r\n\x1a\n\0\xff"


class Edges:
    """The gateway and both carriers behind it."""

    def __init__(self, folder: Path, smsc: Simulator, mmsc: Mmsc) -> None:
        self.smsc, self.mmsc = smsc, mmsc
        self.http, self.smtp = free_port(), free_port()
        settings = Settings.development(
            folder, http=f"127.0.0.1:{self.http}", smsc=f"127.0.0.1:{smsc.port}"
        )
        mm7 = Mm7Table(name="pictures", url=mmsc.url, report_secret="s3cret", retry_s=0.1)
        self.gateway = Gateway(
            msgspec.structs.replace(
                settings,
                carriers=(*settings.carriers, mm7),
                mail=Mail(enabled=True, listen=f"127.0.0.1:{self.smtp}"),
            )
        )

    async def call(self, method: str, path: str, **more: Any) -> Any:
        url = f"http://127.0.0.1:{self.http}{path}"
        async with aiohttp.request(method, url, **more) as answer:
            return answer.status, await answer.read()

    async def send(self, **message: Any) -> str:
        status, body = await self.call(
            "POST", f"/v2/message.json?apikey={KEY}", json={"message": message}
        )
        assert status == 201, body
        batch_id: str = msgspec.json.decode(body)["details"]["batchid"]
        return batch_id

    async def statuses(self, batch_id: str) -> list[str]:
        _, body = await self.call("GET", f"/v2/message/{batch_id}/1.json?apikey={KEY}")
        return [message["status"] for message in msgspec.json.decode(body)["message"]]


@pytest.fixture
async def edges(tmp_path: Path) -> AsyncIterator[Edges]:
    smsc, mmsc = Simulator(port=0), Mmsc()
    await smsc.start()
    await mmsc.start()
    edges = Edges(tmp_path, smsc, mmsc)
    await edges.gateway.start(migrate=True)
    await edges.gateway.services.accounts.create("hn", api_key=KEY)
    yield edges
    await edges.gateway.stop()
    await smsc.stop()
    await mmsc.stop()
    assert mmsc.mistakes == []


@pytest.fixture
async def picture() -> AsyncIterator[str]:
    """The URL of a picture."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n" % len(PNG)
        )
        writer.write(PNG)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/sms.png"
    server.close()


async def test_a_multimedia_message_arrives_and_is_reported(
    edges: Edges, picture: str, until: Any
) -> None:
    edges.mmsc.answers.append(Answer(status_code=3000, status_text="Later"))
    batch_id = await edges.send(
        recipients="+4512345678",
        sender="1272",
        message="MMS test",
        format="MMS",
        attachment=[picture],
    )

    async def sent() -> bool:
        return await edges.statuses(batch_id) == ["buffered"] and len(edges.mmsc.received) == 2

    await until(sent)
    assert [part.content for part in edges.mmsc.received[1].parts] == [b"MMS test", PNG]

    async def reported() -> bool:
        status, _ = await edges.call(
            "POST",
            "/mm7/pictures/s3cret",
            data=edges.mmsc.report("MMS-0002", "Retrieved"),
            headers={"Content-Type": "text/xml"},
        )
        assert status == 200
        return await edges.statuses(batch_id) == ["received"]

    await until(reported)


async def test_a_lost_answer_sends_the_message_again_marked(
    edges: Edges, picture: str, until: Any
) -> None:
    edges.mmsc.answers.append(Answer(body=b"", http_status=502))
    batch_id = await edges.send(
        recipients="+4512345678", sender="1272", message="x", format="MMS", attachment=[picture]
    )
    await until(lambda: len(edges.mmsc.received) == 2)
    assert [one.transaction_id[-2:] for one in edges.mmsc.received] == ["-1", "-2"]
    (view,) = await edges.gateway.services.queries.messages_of_batch(
        await edges.gateway.services.accounts.find("hn"), int(batch_id), 0, 10
    )
    live = edges.gateway.services.live.get(view.message_id)
    assert live is not None
    assert live.possible_duplicate


async def test_a_mail_arrives_at_the_smsc(edges: Edges, until: Any) -> None:
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=edges.smtp) as client:
        _, reply = await client.sendmail(
            "me@example.org", f"{KEY}+sms4512345678@anything", b"Subject: x\r\n\r\nHello"
        )
    batch_id = reply.rpartition(" ")[2]

    async def received() -> bool:
        return await edges.statuses(batch_id) == ["received"]

    await until(received)
