"""`dragoman campaign`: a text to the contacts of lists, from a draft to its result."""

from __future__ import annotations

from typing import Annotated, Any, Final

from dragoman.admin.campaign_answers import CampaignList, CampaignView, EstimateView, TestSent
from dragoman.cli.command import Gateway, command
from dragoman.cli.groups import new_group
from dragoman.cli.message_list import clip, read_time
from dragoman.cli.options import argument, option
from dragoman.cli.outcome import ExitCode, Stop
from dragoman.cli.output import print_fields, print_table, show_time

app = new_group()

Account = Annotated[str, argument("The account that sends.")]
Identifier = Annotated[int, argument("The campaign, as `dragoman campaign list` names it.")]
_SIGNS: Final = (
    ("!=", "not"),
    ("!~", "notcontain"),
    ("^=", "start"),
    ("$=", "ends"),
    ("~", "contains"),
    ("=", "is"),
    (">", "greater"),
    ("<", "less"),
)


@command(app, "list")
def list_campaigns(
    gateway: Gateway,
    account: Account,
    before: Annotated[int, option("Only older ones than this.", show_default=False)] = 0,
    limit: Annotated[int, option("How many at most.", min=1, max=1000, show_default=True)] = 50,
) -> None:
    """List campaigns, newest first."""
    found = gateway.get(
        *("accounts", account, "campaigns"),
        answer=CampaignList,
        before=before or None,
        limit=limit,
    )
    gateway.show(found, _print_list)


def _print_list(answer: CampaignList) -> None:
    print_table(
        ("campaign", "name", "state", "recipients", "delivered", "failed", "started"),
        [
            (
                str(one.campaign_id),
                one.name,
                one.state,
                str(one.recipients),
                str(one.delivered),
                str(one.failed),
                show_time(one.started_ms),
            )
            for one in answer.campaigns
        ],
    )
    if answer.next is not None:
        print(f"more: --before {answer.next}")


@command(app, "create")
def create(
    gateway: Gateway,
    account: Account,
    name: Annotated[str, argument("Its name, which recipients do not see.")],
    in_list: Annotated[
        list[str], option("A list of contacts: name or identifier; may be repeated.", "--list")
    ],
    text: Annotated[str, option("The text, with placeholders such as [Name].")] = "",
    template: Annotated[str, option("The template whose text it has.")] = "",
    sender: Annotated[str, option("The sender, if not the account's default.", "--from")] = "",
    only: Annotated[
        list[str] | None,
        option(
            "Only contacts with this in a field: City=Odense, City!=Odense, Name~max,"
            " Name^=M, Age>17; may be repeated."
        ),
    ] = None,
    any_rule: Annotated[bool, option("One --only is enough.", "--any")] = False,
    at: Annotated[str, option("Begin at this time, such as 2026-12-24T09:00.")] = "",
    local: Annotated[str, option("Begin at this time where each recipient is.")] = "",
    hours: Annotated[
        str, option("Send only between these hours of the recipient's day, such as 09:00-20:00.")
    ] = "",
    pace: Annotated[int, option("Messages a minute at most.", min=0, show_default=False)] = 0,
    shorten: Annotated[bool, option("Shorten links and count them.", "--shorten")] = False,
) -> None:
    """Create the draft of a campaign; nothing is sent until it is started."""
    begin, end = read_hours("--hours", hours)
    if template:
        text = _text_of(gateway, account, template)
    made = gateway.post(
        *("accounts", account, "campaigns"),
        answer=CampaignView,
        name=name,
        text=text,
        lists=in_list,
        sender=sender,
        rules=[_read_rule(rule) for rule in only or ()],
        match="any" if any_rule else "all",
        due_ms=read_time(at),
        local=local,
        from_minute=begin,
        to_minute=end,
        per_minute=pace,
        shorten=shorten,
    )
    gateway.show(made, lambda one: print(f"created campaign {one.campaign_id}"))


@command(app, "show")
def show(gateway: Gateway, account: Account, campaign: Identifier) -> None:
    """Show a campaign, and its result by state and cause."""
    found = gateway.get("accounts", account, "campaigns", campaign, answer=CampaignView)
    gateway.show(found, _print_campaign)


@command(app, "preview")
def preview(gateway: Gateway, account: Account, campaign: Identifier) -> None:
    """Show what the first recipients would get, and what a campaign costs."""
    found = gateway.post(
        "accounts", account, "campaigns", campaign, "estimate", answer=EstimateView
    )
    gateway.show(found, _print_estimate)


@command(app, "test")
def test(
    gateway: Gateway,
    account: Account,
    campaign: Identifier,
    number: Annotated[str, argument("Your number, with its country code.")],
) -> None:
    """Send what the first recipient would get to a number of yours."""
    sent = gateway.post(
        *("accounts", account, "campaigns", campaign, "test"), answer=TestSent, recipient=number
    )
    gateway.show(sent, lambda one: print(f"accepted as batch {one.batch_id}"))


@command(app, "start")
def start(gateway: Gateway, account: Account, campaign: Identifier) -> None:
    """Start a campaign: its messages are sent, or wait for their time."""
    _act(gateway, account, campaign, "start")


@command(app, "pause")
def pause(gateway: Gateway, account: Account, campaign: Identifier) -> None:
    """Let nobody else get a message for now."""
    _act(gateway, account, campaign, "pause")


@command(app, "resume")
def resume(gateway: Gateway, account: Account, campaign: Identifier) -> None:
    """Go on with a paused campaign."""
    _act(gateway, account, campaign, "resume")


@command(app, "stop")
def stop(gateway: Gateway, account: Account, campaign: Identifier) -> None:
    """End a campaign: who has not got a message gets none."""
    _act(gateway, account, campaign, "stop")


@command(app, "remove")
def remove(gateway: Gateway, account: Account, campaign: Identifier) -> None:
    """Delete a draft."""
    _act(gateway, account, campaign, "remove")


def _act(gateway: Gateway, account: str, campaign: int, action: str) -> None:
    done = gateway.post(
        *("accounts", account, "campaigns", campaign, "actions"),
        answer=CampaignView,
        action=action,
    )
    state = "deleted" if action == "remove" else done.state
    gateway.show(done, lambda one: print(f"campaign {one.campaign_id} {one.name}: {state}"))


def _print_campaign(one: CampaignView) -> None:
    print_fields(
        (
            ("campaign", str(one.campaign_id)),
            ("name", one.name),
            ("state", one.state),
            ("problem", one.problem),
            ("from", one.sender),
            ("to", ", ".join(one.lists)),
            ("only", one.filter),
            ("text", clip(one.text)),
            ("begins", one.due or "when it is started"),
            ("in each recipient's zone", "yes" if one.when == "local" else ""),
            ("hours", one.hours),
            ("messages a minute", str(one.per_minute or "")),
            ("started", show_time(one.started_ms)),
            ("ended", show_time(one.ended_ms)),
            ("recipients", str(one.recipients or "")),
            ("waiting", str(one.waiting or "")),
            ("sent", str(one.sent or "")),
            ("delivered", str(one.delivered or "")),
            ("failed", str(one.failed or "")),
        )
    )
    if one.causes:
        rows = [(cause.state, cause.cause, str(cause.messages)) for cause in one.causes]
        print_table(("state", "cause", "messages"), rows)
    if one.links:
        links = [(link.link, link.url, str(link.clicks)) for link in one.links]
        print_table(("link", "leads to", "followed"), links)


def _print_estimate(one: EstimateView) -> None:
    print_fields(
        (
            ("recipients", str(one.recipients)),
            ("messages", str(one.messages)),
            ("parts", str(one.parts)),
            ("credits", str(one.credits)),
            ("opted out", str(one.opted_out or "")),
            ("unreachable", str(one.unreachable or "")),
            ("unsendable", str(one.unsendable or "")),
            ("zones", ", ".join(f"{zone.zone} {zone.recipients}" for zone in one.zones)),
        )
    )
    rows = [(f"+{sample.number}", sample.problem or sample.text) for sample in one.samples]
    print_table(("to", "text"), rows)


def _text_of(gateway: Gateway, account: str, template: str) -> str:
    from dragoman.admin.campaign_answers import TemplateList

    found = gateway.get("accounts", account, "templates", answer=TemplateList)
    for one in found.templates:
        if one.name == template:
            return one.text
    raise Stop(ExitCode.REFUSED, f"there is no template {template}", "not_found")


def _read_rule(written: str) -> dict[str, Any]:
    places = [(at, sign, name) for sign, name in _SIGNS if (at := written.find(sign)) > 0]
    if not places:
        raise Stop(ExitCode.USAGE, f"--only: {written}: not of the form FIELD=VALUE")
    at, sign, operation = min(places, key=lambda place: (place[0], -len(place[1])))
    return {"field": written[:at], "operation": operation, "value": written[at + len(sign) :]}


def read_hours(option_name: str, written: str) -> tuple[int | None, int | None]:
    """Minutes of the day between two times such as `09:00-20:00`; None for nothing."""
    if not written:
        return None, None
    wrong = Stop(ExitCode.USAGE, f"{option_name}: {written}: use the form 09:00-20:00")
    minutes = []
    for clock in written.split("-"):
        hour, colon, minute = clock.strip().partition(":")
        if not (colon and hour.isdigit() and minute.isdigit()):
            raise wrong
        minutes.append(int(hour) * 60 + int(minute))
    if len(minutes) != 2:
        raise wrong
    return minutes[0], minutes[1]
