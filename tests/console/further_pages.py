"""What further pages of the console need in a scene: phones to look at, senders to approve."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

from dragoman.container import Services
from dragoman.core.accounts.model.accounts import Account
from dragoman.core.accounts.model.people import Role
from dragoman.core.accounts.model.senders import SenderDetails
from dragoman.core.callbacks.calling import Caller
from dragoman.core.devices.devices import ReportedSim
from dragoman.development.forwarding import CallbackForwarding
from dragoman.development.outbox import MailOutbox
from dragoman.development.phones import REPLY_NUMBER, VirtualPhones
from dragoman.development.workbench import Workbench
from dragoman.gateway import Gateway
from dragoman.protocols.smpp.codec import encode
from dragoman.protocols.smpp.pdus import BindTransceiver, SubmitSm
from dragoman.testkit.simulator import Simulator

PHONE_NUMBER: Final = "4530999888"
SERVICE: Final = "https://shop.example/texts?key=4711"
SMPP_PASSWORD: Final = "Passw0rd"
_STAYS: Final[list[asyncio.StreamWriter]] = []
FURTHER_PAGES: Final = {
    "live": "/console/live",
    "account": "",
    "new-account": "/console/accounts/new",
    "delete-account": "",
    "service": "",
    "ledger": "",
    "changes": "",
    "all-changes": "/console/changes",
    "people": "/console/people",
    "person": "",
    "sign-in-own": "/console/me",
    "second-factor": "/console/me/factor",
    "senders": "/console/senders",
    "carriers": "/console/carriers",
    "binds": "/console/binds",
    "routes": "/console/routes?to=4512345678&text=Hello",
    "phones": "/console/devices",
    "virtual-phones": "/console/phones",
    "virtual-phone": f"/console/phones/{PHONE_NUMBER}",
    "faults": "/console/phones/faults",
    "mail": "/console/mail",
}
"""Pages by the name of their picture; the paths that are empty hold an account's identifier."""
MAIL: Final = """\
From: City Library <news@library.example>
To: reader@example.org
Subject: The library in December
List-Unsubscribe: <https://sms.example.org/m/u/abc>
Content-Type: text/plain; charset=utf-8

We are open on all Sundays of December, with readings at 3 p.m.
"""


def build_workbench(
    folder: Path, simulator: Simulator, services: Services, client: Caller
) -> Workbench:
    """What `dragoman dev` has besides."""
    outbox = folder / "outbox"
    outbox.mkdir()
    mail = outbox / "1.eml"
    mail.write_text(MAIL)
    now_s = services.clock.now_ms() / 1000
    os.utime(mail, (now_s, now_s))
    return Workbench(
        phones=VirtualPhones(simulator, services.clock, delivered_after_s=0.05),
        outbox=MailOutbox(outbox),
        forwarding=CallbackForwarding(client),
    )


async def _bind(port: int, system_id: str) -> None:
    """A program that submits a message to nobody, and stays bound."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(encode(BindTransceiver(system_id=system_id, password=SMPP_PASSWORD)))
    await reader.readexactly(30)
    submit = SubmitSm(source_addr="Harbour", destination_addr="nobody", short_message=b"Hi")
    writer.write(encode(submit))
    await reader.readexactly(16)
    _STAYS.append(writer)


async def set_up_further_pages(gateway: Gateway, account: Account) -> dict[str, str]:
    """Fills the pages of an account that has subaccounts; the paths of `FURTHER_PAGES`."""
    await gateway.services.keywords.add_number(account, REPLY_NUMBER, shared=False)
    child = await gateway.services.accounts.find("harbour-cafe")
    gateway.services.devices.carriers = {"phones": 1200.0}
    device, _ = await gateway.services.devices.add(
        child,
        "phones",
        protocol="smsgate",
        name="Counter phone",
        app_version="1.55.0",
        sims=(ReportedSim(slot=1, number="+45••••3456", carrier="TDC"),),
    )
    await gateway.services.devices.set_enabled(device.device_id, False)
    await gateway.services.devices.add(child, "phones", protocol="smsgate", name="Till phone")
    await gateway.services.smpp_logins.put(child, password=SMPP_PASSWORD)
    await _bind(gateway.smpp_server.ports[0], child.username)
    for name, company in (("HarbourCafe", "Harbour Café"), ("Harbour", "Harbour Café")):
        await gateway.services.senders.ask_for(child, name, SenderDetails(company=company))
    shop = await gateway.services.keywords.add_forwarding(
        account, dialect="linkmobility", url=SERVICE, charset="utf-8", continuous=False
    )
    order = await gateway.services.keywords.reserve(
        account, REPLY_NUMBER, "order", forwarding_id=shop.forwarding_id
    )
    await gateway.services.keywords.reserve(
        account, REPLY_NUMBER, "pizza", main_keyword_id=order.keyword.keyword_id
    )
    for action, subject in (("give", "500"), ("access", "may premium"), ("key", "")):
        await gateway.services.audit_log.note(account, action, subject, child)
    people = gateway.services.people
    for name, role in (("anna@harbour.example", Role.MANAGER), ("night shift", Role.SENDER)):
        person, token = await people.invite(account, name, role, by=Role.OPERATOR)
    await people.accept(token, SMPP_PASSWORD * 2, "192.0.2.8")
    browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    await gateway.services.console_sessions.open(
        account, person.person_id, address="192.0.2.8", browser=browser
    )
    own = f"/console/accounts/{child.account_id}"
    return FURTHER_PAGES | {
        "account": own,
        "person": f"/console/people/{person.person_id}",
        "delete-account": f"{own}/delete",
        "service": f"/console/services/{shop.forwarding_id}",
        "ledger": f"{own}/ledger",
        "changes": f"{own}/changes",
    }
