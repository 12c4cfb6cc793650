"""The groups `sms-service` of kannel.conf, and who owns the texts that come in."""

from __future__ import annotations

import re
from typing import Final

from dragoman.core.inbound.model.services import compile_pattern
from dragoman.importing.kannel_carriers import Carriers
from dragoman.importing.kannel_file import Group
from dragoman.importing.plan import Plan, Planned, Value

OWNER: Final = "kannel"
"""The account for texts where there is no sendsms-user."""
DEFAULT: Final = "default"
SHORT_CODE: Final = range(4, 7)
WHOLE: Final = 8
"""Digits of first digits that are taken for a whole number."""
_SWITCHES: Final = (
    ("catch-all", "catch_all"),
    ("accept-x-kannel-headers", "accept_x_kannel_headers"),
    ("strip-keyword", "strip_keyword"),
    ("send-sender", "send_sender"),
)
_PREFIXES: Final = (
    ("allowed-receiver-prefix", "number_prefixes"),
    ("denied-receiver-prefix", "denied_number_prefixes"),
    ("allowed-prefix", "sender_prefixes"),
    ("denied-prefix", "denied_sender_prefixes"),
)
MAX_PREFIX: Final = 15
_NUMBER: Final = re.compile(r"\+?[0-9]{3,15}")


def add_services(groups: list[Group], carriers: Carriers, sender: str, plan: Plan) -> None:
    """Makes the services, and the numbers that are known."""
    if not groups:
        return
    owner = plan.accounts[0].username if plan.accounts else OWNER
    if not plan.accounts:
        plan.accounts.append(Planned(username=OWNER, dialect=OWNER))
    if len(plan.accounts) > 1:
        plan.note(
            groups[0].source,
            "",
            f"the texts of all services are {owner}'s, who pays for answers; change `account`",
        )
    names: set[str] = set()
    numbers: set[str] = set()
    for group in groups:
        service = _read(group, owner, carriers, names, plan)
        if service is not None:
            plan.services.append(service)
            listed = service.get("number_prefixes", ())
            assert isinstance(listed, tuple)
            # Of what may be whole numbers the operator is told anyway to list them.
            numbers |= {one for one in listed if len(one) in SHORT_CODE or len(one) >= WHOLE}
    if _NUMBER.fullmatch(sender):
        numbers.add(sender)
    plan.numbers = [
        {"number": number.removeprefix("+"), "account": owner} for number in sorted(numbers)
    ]
    plan.note(
        groups[0].source,
        "",
        "services take texts to numbers of their account: list each of your numbers, with"
        f" [[numbers]] or `dragoman number add <number> {owner}`",
    )
    if any("max_messages" not in service for service in plan.services):
        plan.note(
            groups[0].source,
            "max-messages",
            "where it is not set, answers are sent whole, and not cut to one part",
        )


def _read(
    group: Group, owner: str, carriers: Carriers, names: set[str], plan: Plan
) -> dict[str, Value] | None:
    answer = _answer(group, plan)
    if answer is None:
        group.unread.clear()
        return None
    keyword, pattern = group.get("keyword"), group.get("keyword-regex")
    if pattern and not _is_pattern(pattern):
        group.unread.clear()
        why = "the service is left out: not a regular expression that is read here"
        plan.note(group.where("keyword-regex"), "keyword-regex", why)
        return None
    if not keyword and not pattern:
        group.unread.clear()
        plan.note(group.source, "sms-service", "has no keyword; left out")
        return None
    keywords: tuple[str, ...] = ()
    if pattern:
        if group.has("aliases"):
            group.get("aliases")
    elif keyword.lower() != DEFAULT:
        keywords = (keyword, *group.parts("aliases"))
    elif group.has("aliases"):
        group.get("aliases")
    service: dict[str, Value] = {
        "name": _name(group.get("name") or keyword or pattern, names),
        "account": owner,
    }
    if keywords:
        service["keywords"] = keywords
    if pattern:
        service["keyword_regex"] = pattern
    service |= answer
    smscs = group.parts("accepted-smsc")
    known = tuple(name for smsc_id in smscs for name in carriers.names(smsc_id))
    if known:
        service["carriers"] = known
    if smscs and len(known) < len(smscs):
        plan.note(
            group.where("accepted-smsc"), "accepted-smsc", "names an SMSC that is not carried over"
        )
    for variable, key in _PREFIXES:
        prefixes = _read_prefixes(group, variable, plan)
        if prefixes:
            service[key] = prefixes
    for variable, key in _SWITCHES:
        if group.is_true(variable):
            service[key] = True
    if not group.is_true("omit-empty"):
        service["omit_empty"] = False
    if (most := group.number("max-messages")) is not None:
        service["max_messages"] = min(max(int(most), 0), 255)
    if sender := group.get("faked-sender"):
        service["sender"] = sender
    return service


def _is_pattern(text: str) -> bool:
    try:
        compile_pattern(text)
    except ValueError:
        return False
    return True


def _read_prefixes(group: Group, variable: str, plan: Plan) -> tuple[str, ...]:
    """First digits, as texts have numbers here: international, without `+`."""
    read = []
    for part in group.parts(variable):
        digits = part.removeprefix("00") if part.startswith("00") else part.removeprefix("+")
        if digits.isascii() and digits.isdigit() and len(digits) <= MAX_PREFIX:
            read.append(digits)
        else:
            plan.note(group.where(variable), variable, "holds what are no digits; left out")
    return tuple(dict.fromkeys(read))


def _answer(group: Group, plan: Plan) -> dict[str, Value] | None:
    """What the service does about a text; None where nothing of it can be carried over."""
    for variable, key in (
        ("get-url", "get_url"),
        ("url", "get_url"),
        ("post-url", "post_url"),
        ("post-xml", "post_xml"),
    ):
        if url := group.get(variable):
            if plan.call_privately(url, group.where(variable), variable):
                return {key: url}
            return None
    if group.has("exec") and not group.has("file") and not group.has("text"):
        why = "the service is left out: no programs are started; use get-url"
        plan.note(group.where("exec"), "exec", why)
        return None
    if file := group.get("file"):
        return {"file": file}
    if group.has("text") or "text" in group.variables:
        return {"text": group.get("text")}
    plan.note(group.source, "sms-service", "does nothing; left out")
    return None


def _name(written: str, taken: set[str]) -> str:
    name = "".join(c for c in written if " " <= c <= "~").strip()[:60] or "service"
    made, number = name, 2
    while made in taken:
        made = f"{name}-{number}"
        number += 1
    taken.add(made)
    return made
