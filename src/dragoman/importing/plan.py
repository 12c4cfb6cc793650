"""What an import found: tables of our configuration, accounts to create, and notes."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from dragoman.config.values import Secret

Value = str | int | float | bool | tuple[str, ...] | Secret

MAX_NAME: Final = 32
_PORTS: Final = (range(80, 81), range(443, 444), range(1024, 65536))


class Source(NamedTuple):
    """Where something stands."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class Note(NamedTuple):
    """What could not be carried over, or has to be known; without values, which may be secret."""

    source: Source
    subject: str
    """The variable, group or object; empty where the text says it."""
    text: str

    def __str__(self) -> str:
        return (
            f"{self.source}: {self.subject}: {self.text}"
            if self.subject
            else (f"{self.source}: {self.text}")
        )


@dataclass(kw_only=True)
class Planned:
    """An account to create, which lives in the database and not in the configuration."""

    username: str
    password: Secret | None = None
    """None where it cannot be read: a new one is generated."""
    allowed_ips: tuple[str, ...] = ()
    sender: str = ""
    prefixes: tuple[str, ...] = ()
    credits: int | None = None
    only_sender: bool = False
    """Whether it may use its default sender only."""
    may_not: tuple[str, ...] = ()
    disabled: bool = False
    report_url: str = ""
    text_url: str = ""
    dialect: str = ""
    """Whose programs the two URLs are."""
    commands: list[tuple[str, ...]] = field(default_factory=list)
    """What else is to be run, as arguments of `dragoman`."""


@dataclass(kw_only=True)
class Plan:
    """Everything that an import writes."""

    settings: dict[str, dict[str, Value]] = field(default_factory=dict)
    """Single tables by name: `http`, `dialects` …"""
    carriers: list[dict[str, Value]] = field(default_factory=list)
    routes: list[dict[str, Value]] = field(default_factory=list)
    prices: list[dict[str, Value]] = field(default_factory=list)
    numbers: list[dict[str, Value]] = field(default_factory=list)
    services: list[dict[str, Value]] = field(default_factory=list)
    accounts: list[Planned] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def note(self, source: Source, subject: str, text: str) -> None:
        """Says what could not be carried over, and why."""
        self.notes.append(Note(source, subject, text))

    def call_privately(self, url: str, source: Source, subject: str) -> bool:
        """Allows calls to a URL in the own network; False, with a note, where none can be made."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError:
            host, port = "", None
        if _is_no_url(url, host):
            self.note(source, subject, "is not an http or https URL; left out")
            return False
        if "@" in urlsplit(url).netloc:
            self.note(source, subject, "URLs with user and password are not called; left out")
            return False
        if port is not None and not any(port in ports for ports in _PORTS):
            self.note(source, subject, f"port {port} is not called, only 80, 443 and from 1024")
        networks = _private_networks(host)
        if networks:
            callbacks = self.settings.setdefault("callbacks", {})
            allowed = callbacks.get("allow_private", ())
            assert isinstance(allowed, tuple)
            callbacks["allow_private"] = tuple(dict.fromkeys((*allowed, *networks)))
        elif "." not in host or host.endswith((".local", ".internal", ".lan")):
            self.note(
                source,
                subject,
                f"if {host} is in your own network, add its address to callbacks.allow_private",
            )
        return True


def _is_no_url(url: str, host: str) -> bool:
    """Whether a URL is none that can be called."""
    return not host or "%" in host or not url.lower().startswith(("http://", "https://"))


def _private_networks(host: str) -> tuple[str, ...]:
    if host == "localhost":
        return ("127.0.0.0/8", "::1/128")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ()
    if address.is_loopback:
        return ("127.0.0.0/8",) if address.version == 4 else ("::1/128",)
    return (str(ipaddress.ip_network(address)),) if address.is_private else ()


class Names:
    """Makes names that carriers, routes and services may have, each once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def make(self, written: str, otherwise: str) -> str:
        """A name like the one written; `otherwise` where nothing of it can stay."""
        name = re.sub(r"[^A-Za-z0-9_.-]+", "-", written).strip("-_.")[:MAX_NAME] or otherwise
        made, number = name, 2
        while made in self._taken:
            made = f"{name[: MAX_NAME - len(str(number)) - 1]}-{number}"
            number += 1
        self._taken.add(made)
        return made


def read_text(path: Path, limit: int) -> str:
    """A file as text, UTF-8 or else ISO 8859-1; raises OSError, and ValueError for a long one."""
    with path.open("rb") as file:
        octets = file.read(limit + 1)
    if len(octets) > limit:
        raise ValueError(f"longer than {limit} octets")
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        return octets.decode("latin-1")
