"""W: one batch to 100,000 contacts over an HTTP carrier, to the last callback, beside SMPP.

The batch of C, once over each carrier, in turn. The provider answers each request at once and calls
back for each message over kept connections, so a message is two requests where SMPP has two PDUs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks import batch
from benchmarks.builds import HERE
from benchmarks.processes import SINK, Instrument, dragoman

CARRIER = """\
[[carriers]]
name = "provider"
type = "http"
preset = "generic"
base_url = "http://127.0.0.1:{smsc}"
public_url = "http://127.0.0.1:{http}"
callback_token = "token-of-the-callback-address"
window = {window}
[carriers.request]
path = "/messages"
headers = {{ Authorization = "Bearer key" }}
fields = {{ to = "{{to_plus}}", from = "{{sender}}", text = "{{text}}", report = "{{status_url}}" }}
[carriers.answer]
status = [201]
id = "id"
code = ["code"]
[carriers.status]
id = "id"
recipient = "to"
state = "status"
states = {{ delivered = "delivered" }}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One run of one carrier."""

    name: str
    per_s: int
    """Messages a second from the request to the last receipt."""
    cost_us: int
    """Processor time of all of the gateway's processes for a message."""
    flaws: tuple[str, ...]


def run(folder: Path, recipients: int = batch.RECIPIENTS) -> list[Figure]:
    """Measures HTTP, then SMPP."""
    return [
        _measure(folder / "http", recipients, "provider_sink.py", carriers=CARRIER),
        _measure(folder / "smpp", recipients, "smsc_sink.py", "--receipts"),
    ]


def _measure(folder: Path, recipients: int, *instrument: str, carriers: str = SINK) -> Figure:
    sink = Instrument(*instrument)

    def prepare(database: Path) -> None:
        HERE.fill_book(database, recipients)

    with dragoman(folder, sink.port, prepare, carriers) as gateway:
        sent = batch.send(gateway, recipients)
        arrived = sink.stop()
    flaws = list(sent.flaws)
    if arrived["distinct"] != recipients or arrived["doubled"]:
        flaws.append(f"{arrived['submits']} submits, {arrived['distinct']} distinct")
    if arrived.get("refused"):
        print(f"  {arrived['refused']} callbacks were answered too late, and came again")
    return Figure(name=folder.name, per_s=sent.per_s, cost_us=sent.cost_us, flaws=tuple(flaws))
