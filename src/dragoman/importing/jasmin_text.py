"""What Jasmin's jcli prints, and jasmin.cfg, as objects.

jcli keeps its objects in pickles, which would run code when read; its text has all but passwords
of users. A file may be a whole session, prompts and commands included, or only answers.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from dragoman.importing.plan import Plan, Source, read_text

MAX_FILE: Final = 4 * 1024 * 1024
MAX_FILES: Final = 200
CONFIG: Final = "jasmin.cfg"
_PROMPT: Final = re.compile(r"^\s*jcli\s*:\s?(.*)$")
_COMMAND: Final = re.compile(
    r"(?:user|group|filter|smppccm|httpccm|mtrouter|morouter|mtinterceptor|mointerceptor|stats)"
    r"\s+-|(?:persist|load|quit|help|exit)\b"
)
_ESCAPES: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|[\r\x00\x07]")
_HEADERS: Final = {
    "Connector id": "connectors",
    "User id": "users",
    "Group id": "groups",
    "Filter id": "filters",
    "Httpcc id": "http",
}
_MT: Final = re.compile(
    r"#(\d+)\s+(\w*Route)\s+([0-9.]+)\s*(?:\(!\))?\s+((?:smppc\([^)]*\)(?:,\s*)?)+)\s*(.*)$"
)
_MO: Final = re.compile(r"#(\d+)\s+(\w*Route)\s+((?:(?:http|smpps)\([^)]*\)(?:,\s*)?)+)\s*(.*)$")
_CONNECTOR: Final = re.compile(r"(http|smpps|smppc)\(([^)]*)\)")
_FILTER: Final = re.compile(r"<(\w+)(?:\s+\((.*?)\))?>(?=\s*,\s*<|\s*$)")
_ROW_OF_FILTER: Final = re.compile(r"#(\S+)\s+(\w+Filter)\s+[MOT ]+(<.*>)\s*$")
_ROW_OF_HTTP: Final = re.compile(r"#(\S+)\s+\w+\s+(GET|POST)\s+(\S+)\s*$", re.IGNORECASE)
_PAIR: Final = re.compile(r"(\w+) = (.*)")


class Filter(NamedTuple):
    """A condition of a route: its kind in jcli's short form, and the value."""

    kind: str
    value: str


class Route(NamedTuple):
    """A route of the MT or MO table."""

    source: Source
    order: int
    type: str
    rate: float
    connectors: tuple[tuple[str, str], ...]
    """Kind and id of each."""
    filters: tuple[Filter, ...]


class Values(NamedTuple):
    """What jcli shows of one object."""

    source: Source
    values: dict[str, str]


class Http(NamedTuple):
    """A URL for texts."""

    source: Source
    url: str
    method: str


@dataclass(kw_only=True)
class Jasmin:
    """Everything that was read."""

    connectors: dict[str, Values] = field(default_factory=dict)
    listed_connectors: dict[str, tuple[Source, bool]] = field(default_factory=dict)
    """Those of the list, and whether they are started."""
    users: dict[str, Values] = field(default_factory=dict)
    """By uid."""
    listed_users: dict[str, tuple[Source, str, str, bool]] = field(default_factory=dict)
    """Those of the list by uid: group, user name, and whether they are enabled."""
    groups: dict[str, tuple[Source, bool]] = field(default_factory=dict)
    mt_routes: list[Route] = field(default_factory=list)
    mo_routes: list[Route] = field(default_factory=list)
    http: dict[str, Http] = field(default_factory=dict)
    filters: dict[str, Source] = field(default_factory=dict)
    config: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing of Jasmin's was found."""
        return not (self.connectors or self.users or self.mt_routes or self.listed_connectors)


def read_files(path: Path, plan: Plan) -> Jasmin:
    """Reads a file, or those of a folder; raises OSError and ValueError for a file."""
    found = Jasmin()
    if not path.is_dir():
        _read_file(path, found)
        return found
    files = sorted(one for one in path.rglob("*") if one.is_file() and one.name[0] != ".")
    for file in files[:MAX_FILES]:
        try:
            octets = file.open("rb").read(512)
            if b"\0" in octets or octets.startswith((b"\x80", b"<?xml")):
                plan.note(Source(str(file)), "", "is no text; jcli's store is a pickle, not read")
                continue
            _read_file(file, found)
        except (OSError, ValueError) as error:
            reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
            plan.note(Source(str(file)), "", f"cannot be read: {reason}")
    return found


def _read_file(path: Path, found: Jasmin) -> None:
    text = read_text(path, MAX_FILE)
    if path.suffix == ".cfg":
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(text)
        except configparser.Error as error:
            raise ValueError("is no configuration of Jasmin") from error
        if path.name == CONFIG:
            found.config = {name: dict(parser[name]) for name in parser.sections()}
        return
    _Reader(found).read(path, text)


class _Reader:
    def __init__(self, found: Jasmin) -> None:
        self._found = found
        self._values: dict[str, str] = {}
        self._since = Source("")
        self._table = ""

    def read(self, path: Path, text: str) -> None:
        for source, line in _lines(path, text):
            if not line or line.startswith("Total "):
                self._end()
            elif line.startswith("#"):
                self._read_row(source, line)
            else:
                self._read_value(source, line)
        self._end()

    def _read_row(self, source: Source, line: str) -> None:
        title = next((name for name in _HEADERS if line.startswith(f"#{name}")), None)
        if title is not None or line.startswith("#Order"):
            self._end()
            self._table = _HEADERS[title] if title else "routes"
            return
        found, cells = self._found, line[1:].split()
        if route := _MT.match(line):
            order, type_, rate, connectors, filters = route.groups()
            found.mt_routes.append(_route(source, order, type_, rate, connectors, filters))
        elif route := _MO.match(line):
            order, type_, connectors, filters = route.groups()
            found.mo_routes.append(_route(source, order, type_, "0", connectors, filters))
        elif filter_ := _ROW_OF_FILTER.match(line):
            found.filters[filter_[1]] = source
        elif http := _ROW_OF_HTTP.match(line):
            found.http[http[1]] = Http(source, http[3], http[2].upper())
        elif self._table == "connectors" and len(cells) >= 3:
            found.listed_connectors[cells[0]] = (source, cells[1] == "started")
        elif self._table == "users" and len(cells) >= 3:
            uid, gid = cells[0].lstrip("!"), cells[1].lstrip("!")
            enabled = not (cells[0].startswith("!") or cells[1].startswith("!"))
            found.listed_users[uid] = (source, gid, cells[2], enabled)
        elif self._table == "groups" and cells:
            found.groups[cells[0].lstrip("!")] = (source, not cells[0].startswith("!"))

    def _read_value(self, source: Source, line: str) -> None:
        if not self._values:
            self._since = source
        pair = _PAIR.fullmatch(line)
        name, _, value = line.partition(" ")
        if pair:
            name, value = pair.groups()
        elif name in {"mt_messaging_cred", "smpps_cred"}:
            section, _, rest = value.strip().partition(" ")
            key, _, value = rest.strip().partition(" ")
            name = f"{name} {section} {key}"
        self._values[name] = value.strip()

    def _end(self) -> None:
        """What was collected is an object if it has the names of one."""
        values, self._values, found = self._values, {}, self._found
        if "cid" in values and "baseurl" in values:
            method = values.get("method", "POST").upper()
            found.http[values["cid"]] = Http(self._since, values["baseurl"], method)
        elif "cid" in values and ("host" in values or "bind" in values):
            found.connectors[values["cid"]] = Values(self._since, values)
        elif "uid" in values and "gid" in values:
            found.users[values["uid"]] = Values(self._since, values)


def _lines(path: Path, text: str) -> Iterator[tuple[Source, str]]:
    """The lines of answers; an empty one wherever something else may begin."""
    for number, raw in enumerate(text.splitlines(), start=1):
        source, line = Source(str(path), number), _ESCAPES.sub("", raw).strip()
        prompted = False
        while prompt := _PROMPT.match(line):
            prompted, line = True, prompt[1].strip()
        if prompted:
            yield source, ""
            if _COMMAND.match(line):
                continue
        yield source, line


def _route(
    source: Source, order: str, type_: str, rate: str, connectors: str, filters: str
) -> Route:
    return Route(
        source,
        int(order),
        type_,
        float(rate),
        tuple((kind, cid) for kind, cid in _CONNECTOR.findall(connectors)),
        tuple(_filter(kind, value) for kind, value in _FILTER.findall(filters.strip())),
    )


_LONG: Final = {
    "TransparentFilter": "T",
    "ConnectorFilter": "C",
    "UserFilter": "U",
    "GroupFilter": "G",
    "SourceAddrFilter": "SA",
    "DestinationAddrFilter": "DA",
    "ShortMessageFilter": "SM",
    "DateIntervalFilter": "DI",
    "TimeIntervalFilter": "TI",
    "EvalPyFilter": "Ev",
    "TagFilter": "TG",
}


def _filter(kind: str, value: str) -> Filter:
    return Filter(_LONG.get(kind, kind), value.partition("=")[2] if "=" in value else value)
