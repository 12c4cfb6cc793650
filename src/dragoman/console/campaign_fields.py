"""The form of a campaign: its fields as they are typed, as they are stored, and in words."""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from dragoman.console.forms import EDITED_SINCE
from dragoman.console.page_request import PageRequest
from dragoman.console.reading import Unreadable, read_count, read_due
from dragoman.console.translation import gettext, lazy
from dragoman.core.campaigns.model.text_campaigns import (
    Campaign,
    Plan,
    When,
)
from dragoman.core.contacts.model.filters import Filter, Match, Operation, Rule

RULES: Final = 3
"""Rules of a filter that a form has room for."""
OPERATIONS: Final = (
    (Operation.IS, lazy("is")),
    (Operation.NOT, lazy("is not")),
    (Operation.CONTAINS, lazy("contains")),
    (Operation.NOT_CONTAIN, lazy("does not contain")),
    (Operation.START, lazy("starts with")),
    (Operation.ENDS, lazy("ends with")),
    (Operation.GREATER, lazy("is greater than")),
    (Operation.LESS, lazy("is less than")),
)
LABELS: Final = MappingProxyType(
    {
        "name": lazy("Name"),
        "sender": lazy("From"),
        "text": lazy("Text"),
        "template": lazy("Template"),
        "lists": lazy("To"),
        "filter": lazy("Only contacts"),
        "due": lazy("Time"),
        "hours": lazy("Hours"),
        "per_minute": lazy("Pace"),
        "shorten": lazy("Short links"),
        "test": lazy("Number"),
    }
)


def empty_form(request: PageRequest) -> dict[str, Any]:
    """The form of a new campaign."""
    typed: dict[str, Any] = dict.fromkeys(
        ("name", "text", "due", "from", "to", "per_minute", "shorten", "template"), ""
    )
    typed |= {"sender": request.account.default_sender, "when": "now", "match": "all"}
    typed |= {
        "mark": f"{request.services.ids.next()}",
        "lists": [],
        "rules": [("", "is", "")] * RULES,
    }
    return typed


def typed_form(request: PageRequest) -> dict[str, Any]:
    """The form as it was filled in."""
    form = request.form
    typed: dict[str, Any] = {
        name: form.get(name, "").strip()
        for name in (
            *("name", "sender", "due", "from", "to", "per_minute", "shorten", "when", "match"),
            *("mark", "template"),
        )
    }
    # Browsers send every line break as two characters, and phones want one.
    typed["text"] = form.get("text", "").replace("\r\n", "\n")
    typed["lists"] = [value for name, value in form.pairs if name == "lists"]
    typed["rules"] = [
        (form.get(f"field-{n}", ""), form.get(f"operation-{n}", "is"), form.get(f"value-{n}", ""))
        for n in range(RULES)
    ]
    return typed


def form_of(campaign: Campaign, request: PageRequest) -> dict[str, Any]:
    """A draft as its form shows it."""
    plan = campaign.plan
    rules = (
        []
        if plan.filter is None
        else [(rule.field, rule.operation.value, rule.value) for rule in plan.filter.rules]
    )
    return {
        "name": campaign.name,
        "sender": campaign.sender,
        "text": campaign.text,
        "lists": [str(one) for one in plan.lists],
        "match": "all" if plan.filter is None else plan.filter.match.value,
        "rules": [*rules, *[("", "is", "")] * (RULES - len(rules))],
        "when": plan.when.value,
        "due": _due_of(plan, request),
        "from": "" if plan.from_minute is None else render_clock(plan.from_minute),
        "to": "" if plan.to_minute is None else render_clock(plan.to_minute),
        "per_minute": str(plan.per_minute or ""),
        "shorten": "1" if plan.shorten else "",
        "mark": "",
        "template": "",
    }


async def read_form(request: PageRequest, typed: dict[str, Any]) -> dict[str, Any]:
    """What a form says; what cannot be read is added to the problems of the request."""
    problems = request.problems
    lists = tuple(filter(None, map(read_count, typed["lists"])))
    known = {one.list_id for one in await request.services.contacts.lists(request.account)}
    if not set(lists) <= known:
        problems["lists"] = gettext("One of the lists does not exist any more.")
    when, due_ms = When(typed["when"]) if typed["when"] in list(When) else When.NOW, None
    if when is not When.NOW:
        try:
            zone = request.zone
            due_ms = read_due(typed["due"], zone, request.services.clock.now_ms())
        except Unreadable as unreadable:
            problems["due"] = str(unreadable)
    per_minute = read_count(typed["per_minute"] or "0")
    if per_minute is None:
        problems["per_minute"] = gettext("Enter a number, or nothing for as fast as possible.")
    begin, end = _read_clock(request, typed["from"]), _read_clock(request, typed["to"])
    rules = []
    for field, operation, value in typed["rules"]:
        if field:
            known_one = operation in list(Operation)
            chosen = Operation(operation) if known_one else Operation.IS
            rules.append(Rule(field=field[:100], operation=chosen, value=value[:1_000]))
    plan = Plan(
        lists=lists,
        filter=Filter(
            match=Match(typed["match"]) if typed["match"] in list(Match) else Match.ALL,
            rules=tuple(rules),
        )
        if rules
        else None,
        when=when,
        due="" if when is When.NOW else typed["due"],
        due_ms=due_ms if when is When.AT else None,
        from_minute=begin,
        to_minute=24 * 60 if end == 0 and begin is not None else end,
        per_minute=per_minute or 0,
        shorten=bool(typed["shorten"]),
    )
    return {"name": typed["name"], "sender": typed["sender"], "text": typed["text"], "plan": plan}


def add_conflicts(request: PageRequest, stored: Campaign, typed: dict[str, Any]) -> None:
    request.problems[""] = EDITED_SINCE
    now = form_of(stored, request)
    for name in ("name", "sender", "text", "when", "due", "from", "to", "per_minute"):
        if now[name] != typed[name]:
            field = "hours" if name in ("from", "to") else name
            request.problems[field] = gettext("Current value: {value}").format(
                value=now[name] or gettext("empty")
            )
    if now["lists"] != typed["lists"]:
        request.problems["lists"] = gettext("Someone else chose other lists.")


def _read_clock(request: PageRequest, text: str) -> int | None:
    if not text:
        return None
    hour, _, minute = text.partition(":")
    if hour.isdigit() and minute.isdigit() and int(hour) < 25 and int(minute) < 60:
        return int(hour) * 60 + int(minute)
    request.problems["hours"] = gettext("Use the form 09:00.")
    return None


def _due_of(plan: Plan, request: PageRequest) -> str:
    """When it is due, in the reader's zone as that is now, or in each recipient's."""
    if plan.when is not When.AT or plan.due_ms is None:
        return plan.due
    due_at = datetime.fromtimestamp(plan.due_ms / 1000, UTC).astimezone(request.zone)
    return due_at.strftime("%Y-%m-%dT%H:%M")


def render_clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


async def describe_campaign(request: PageRequest, campaign: Campaign) -> list[tuple[str, str]]:
    """What a campaign is, in words."""
    plan = campaign.plan
    names = {
        one.list_id: one.name for one in await request.services.contacts.lists(request.account)
    }
    lists = ", ".join(names.get(one, gettext("a deleted list")) for one in plan.lists)
    facts = [
        (gettext("From"), campaign.sender or gettext("your default sender")),
        (gettext("To"), lists or gettext("nobody yet")),
    ]
    if plan.filter is not None:
        words = dict(OPERATIONS)
        joined = gettext(" and ") if plan.filter.match is Match.ALL else gettext(" or ")
        facts.append(
            (
                gettext("Only contacts whose"),
                joined.join(
                    f"{rule.field} {words[rule.operation]} “{rule.value}”"
                    for rule in plan.filter.rules
                ),
            )
        )
    due = _due_of(plan, request).replace("T", " ")
    when = {
        When.NOW: gettext("as soon as you start it"),
        When.AT: f"{due} ({request.zone.key})",
        When.LOCAL: gettext("{due} in each recipient's own time zone").format(due=due),
    }
    facts.append((gettext("Begins"), when[plan.when]))
    if plan.from_minute is not None and plan.to_minute is not None:
        begin, end = render_clock(plan.from_minute), render_clock(plan.to_minute)
        hours = gettext("{begin} to {end}").format(begin=begin, end=end)
        facts.append(
            (gettext("Only from"), gettext("{hours} of the recipient's day").format(hours=hours))
        )
    if plan.per_minute:
        facts.append(
            (
                gettext("At most"),
                gettext("{per_minute} messages a minute").format(per_minute=plan.per_minute),
            )
        )
    if plan.shorten:
        facts.append((gettext("Links"), gettext("shortened and counted")))
    return facts
