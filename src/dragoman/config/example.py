"""The example of a configuration, written from the sections: their keys, defaults, descriptions.

It is a valid file. Keys that have no default are shown with an example; what is commented out is an
example and not in effect.
"""

from __future__ import annotations

import inspect
import json
import textwrap
from collections.abc import Iterator
from enum import Enum
from typing import Any

import msgspec
from msgspec.structs import FieldInfo, asdict, fields

from dragoman.config.alerts import AlertTable
from dragoman.config.dialects import Dialects, LinkHost, LinkMobility, SmSend, SubaccountProfile
from dragoman.config.fields import choices_of, description_of, examples_of, item_of, join
from dragoman.config.http import PresetTable
from dragoman.config.kannel import Kannel, KannelService
from dragoman.config.premium import ContentTypeTable, ShortCodeTable
from dragoman.config.sections import Section
from dragoman.config.settings import Settings
from dragoman.config.tables import (
    HttpTable,
    MessageTypeTable,
    Mm7Table,
    NumberTable,
    PhonesTable,
    PriceListTable,
    PriceTable,
    QuotaTable,
    RouteTable,
    SenderRuleTable,
    SmppTable,
)
from dragoman.config.values import Secret
from dragoman.core.alerts.model.rules import AlertKind
from dragoman.core.billing.model.message_types import DEFAULT_TYPES
from dragoman.core.delivery.model.sender_rules import Treatment
from dragoman.core.messages.model.premium import ContentKind

WIDTH = 100
COMMENT_WIDTH = 98
"""A commented table has two columns less."""
INTRODUCTION = """\
# The configuration of `dragoman serve`, written by `dragoman config example`. Copy it, change what
# is yours, and check it:
#
#     dragoman config check --config dragoman.toml
#
# names every key that is wrong. A key that is left out has the value shown here, except for the
# carrier, the route and the price, which are examples. A line that starts with `#` and a key is an
# example too and not in effect.
#
# The environment wins over this file. Two underscores go one level down, and tables that repeat are
# addressed by their first key:
#
#     DRAGOMAN_HTTP__LISTEN=0.0.0.0:8080
#     DRAGOMAN_CARRIERS__MAIN__PASSWORD=…
#     DRAGOMAN_DIALECTS__ENABLED=httpsms,linkmobility,smsgateway24
#
# Text is written there without quotes. Times are in seconds. Relative paths start from the folder
# of this file."""

SHOWN = Settings(
    dialects=Dialects(
        kannel=Kannel(
            services=(
                KannelService(
                    name="news",
                    account="shop",
                    keywords=("NEWS",),
                    get_url="http://127.0.0.1:9000/?from=%p&text=%r",
                ),
            )
        ),
        linkmobility=LinkMobility(hosts=(LinkHost(host="api.zumosms.com", profile="zumosms"),)),
        smsend=SmSend(
            subaccount_profiles=(
                SubaccountProfile(
                    id=1, name="low cost only", message_types=("LL",), without=("receive",)
                ),
            )
        ),
    ),
    carriers=(
        SmppTable(
            name="main", host="smsc.example.net", system_id="dragoman", password=Secret("change")
        ),
        SmppTable(
            name="danish", host="smsc.example.dk", system_id="shop", password=Secret("change")
        ),
        Mm7Table(
            name="pictures",
            url="https://mmsc.example.net/mm7",
            username="dragoman",
            password=Secret("change"),
            vasp_id="dragoman",
            vas_id="news",
            report_secret=Secret("a long random text"),
            report_addresses=("192.0.2.0/24",),
        ),
        PhonesTable(name="android"),
        HttpTable(
            name="provider",
            preset="linkmobility",
            public_url="https://sms.example.org",
            callback_token=Secret("a-long-random-text"),
            credentials={"apikey": Secret("change")},
        ),
    ),
    routes=(
        RouteTable(name="everything", carriers=("main",)),
        RouteTable(
            name="denmark-for-shop",
            prefixes=("45",),
            accounts=("shop",),
            carriers=("danish", "main"),
        ),
    ),
    price_lists=(PriceListTable(carrier="danish", file="danish-prices.csv"),),
    quotas=(QuotaTable(carrier="danish", country="SE", parts_per_day=10_000),),
    sender_rules=(SenderRuleTable(country="IT", names=Treatment.REGISTERED, registered=("Shop",)),),
    prices=(PriceTable(), PriceTable(prefix="45", price="0.05")),
    numbers=(NumberTable(number="4512345678", account="shop"),),
    alerts=(
        AlertTable(
            name="carriers", kind=AlertKind.CARRIER_DOWN, webhooks=("https://chat.example.com/1",)
        ),
    ),
    short_codes=(
        ShortCodeTable(
            number="1272",
            country_code="45",
            accounts=("shop",),
            content_types=(
                ContentTypeTable(
                    id=9, description="Tickets", type=ContentKind.PHYSICAL, expires="2030-12-31"
                ),
            ),
        ),
    ),
    message_types=tuple(MessageTypeTable(**asdict(one)) for one in DEFAULT_TYPES),
)
"""The defaults, and one entry or more of every table that repeats."""
IN_EFFECT = {"carriers", "routes", "prices"}
"""Tables that repeat whose first entry is not commented out."""


def render_example() -> str:
    """The whole file."""
    lines = [INTRODUCTION, "", *_keys(SHOWN)]
    for field in fields(SHOWN):
        value = getattr(SHOWN, field.name)
        if isinstance(value, Section) or _repeats(value):
            title = f"# --- {description_of(Settings, field).rstrip('.')} "
            lines += ["", "", title.ljust(WIDTH - 5, "-")]
        if isinstance(value, Section):
            lines += [*_comment(_paragraphs(value)[1:]), "", *_table(value, field.name)]
        elif _repeats(value):
            lines += _entries(value, field.name)
    return "\n".join(lines) + "\n"


def _table(section: Section, key: str, *, entry: bool = False, first: bool = True) -> Iterator[str]:
    """A table and what is below it; one that is not the `first` of its type shows what differs."""
    yield from (f"[[{key}]]" if entry else f"[{key}]", *_keys(section, explained=first))
    for field in fields(section):
        value, inner = getattr(section, field.name), join(key, field.name)
        shown = first and not isinstance(value, PresetTable)
        if isinstance(value, Section) and (shown or value != field.default):
            yield from ("", *_comment(_paragraphs(value)), *_table(value, inner))
        elif _repeats(value):
            yield from _entries(value, inner, within=entry)


def _entries(entries: tuple[Section, ...], key: str, *, within: bool = False) -> Iterator[str]:
    """A table that repeats; `within` an entry of another, it is commented out with that."""
    for index, entry in enumerate(entries):
        first = all(type(one) is not type(entry) for one in entries[:index])
        yield from ("", *(_comment(_paragraphs(entry)) if first else ()))
        lines = _table(entry, key, entry=True, first=first)
        if within or (not index and key in IN_EFFECT):
            yield from lines
        else:
            yield from (f"# {line}" for line in lines if line)


def _keys(section: Section, *, explained: bool = True) -> Iterator[str]:
    """The plain keys of a table; a blank line sets off those with a long explanation."""
    apart = False
    for position, field in enumerate(_plain_fields(section)):
        value = getattr(section, field.name)
        if not explained and value == field.default:
            continue
        lines = [*_key(section, field, explained=explained)]
        if position and (apart or len(lines) > 2):
            yield ""
        apart = len(lines) > 2
        yield from lines


def _plain_fields(section: Section) -> Iterator[FieldInfo]:
    for field in fields(section):
        value = getattr(section, field.name)
        if not isinstance(value, Section) and not _repeats(value):
            yield field


def _key(section: Section, field: FieldInfo, *, explained: bool) -> Iterator[str]:
    value = getattr(section, field.name)
    if explained:
        choices = choices_of(item_of(field.type) or field.type)
        words = [json.dumps(choice) for choice in choices]
        texts = [description_of(type(section), field)]
        if len(words) > 1 and any(word not in texts[0] for word in words):
            texts.append(f"{', '.join(words[:-1])} or {words[-1]}.")
        yield from _comment(texts)
    if value is not None:
        yield from _assign(field.name, value)
    if not value and isinstance(value, str | tuple | None) and explained:
        for example in examples_of(field.type):
            yield from (f"# {line}" for line in _assign(field.name, example))


def _assign(name: str, value: Any) -> list[str]:
    line = f"{name} = {_toml(value)}"
    if len(line) <= WIDTH or not isinstance(value, tuple):
        return [line]
    items = ", ".join(map(_toml, value)) + ","
    indented = textwrap.wrap(items, WIDTH, initial_indent="    ", subsequent_indent="    ")
    return [f"{name} = [", *indented, "]"]


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        pairs = ", ".join(f"{json.dumps(name)} = {_toml(one)}" for name, one in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{int(value):_}" if value >= 10_000 else f"{value:g}"
    return json.dumps(value.value if isinstance(value, Enum) else value, ensure_ascii=False)


def _paragraphs(section: Section) -> list[str]:
    """What a table is."""
    return inspect.cleandoc(type(section).__doc__ or "").split("\n\n")


def _comment(texts: list[str]) -> list[str]:
    return textwrap.wrap(
        " ".join(" ".join(texts).split()),
        COMMENT_WIDTH,
        initial_indent="# ",
        subsequent_indent="# ",
        break_on_hyphens=False,
        break_long_words=False,
    )


def _repeats(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and isinstance(value[0], msgspec.Struct)
