"""`dragoman alert`: what is wrong, and the rules that find it and tell people."""

from __future__ import annotations

from typing import Annotated

from dragoman.admin.alert_answers import AlertList, RuleList, RuleView, TestTold
from dragoman.admin.contact_answers import Removed
from dragoman.cli.campaign import read_hours
from dragoman.cli.command import Gateway, command
from dragoman.cli.groups import new_group
from dragoman.cli.options import argument, option
from dragoman.cli.output import print_table, show_count, show_time

app = new_group()

Account = Annotated[str, argument("The account whose rules they are.")]
Rule = Annotated[int, argument("The rule, as `dragoman alert rules` names it.")]


@command(app, "list")
def list_alerts(
    gateway: Gateway,
    account: Account,
    limit: Annotated[int, option("How many at most.", min=1, max=1000, show_default=True)] = 50,
) -> None:
    """List what rules found, newest first; for an operator also of the configuration."""
    found = gateway.get("accounts", account, "alerts", answer=AlertList, limit=limit)
    gateway.show(found, _print_alerts)


def _print_alerts(answer: AlertList) -> None:
    print_table(
        ("since", "until", "rule", "what", "told"),
        [
            (
                show_time(one.since_ms),
                show_time(one.ended_ms) or "now",
                one.rule,
                one.detail,
                ", ".join(one.told) or "nobody yet",
            )
            for one in answer.alerts
        ],
    )


@command(app, "rules")
def list_rules(gateway: Gateway, account: Account) -> None:
    """List the rules of an account; for an operator also those of the configuration."""
    gateway.show(gateway.get("accounts", account, "alert-rules", answer=RuleList), _print_rules)


def _print_rules(answer: RuleList) -> None:
    print_table(
        ("rule", "name", "kind", "limit", "tells"),
        [
            (
                str(one.rule_id or "configuration"),
                one.name,
                one.kind,
                f"{one.limit:g}",
                show_count(len(one.mails) + len(one.webhooks) + len(one.numbers), "target"),
            )
            for one in answer.rules
        ],
    )


@command(app, "add")
def add(
    gateway: Gateway,
    account: Account,
    kind: Annotated[
        str,
        argument(
            "What it looks at: delivery_rate, queue_age, carrier_down, credits, disk,"
            " callback_host or inbound_silence."
        ),
    ],
    name: Annotated[str, option("What it is called; its kind if not given.")] = "",
    limit: Annotated[
        float | None,
        option("Per cent, seconds, credits, MB or hours; the usual one if not given."),
    ] = None,
    about: Annotated[str, option("Only this carrier, route or callback host.")] = "",
    over_h: Annotated[int, option("Hours that a delivery rate is taken of.", "--over-hours")] = 1,
    for_s: Annotated[int, option("Seconds that it has to be so.", "--for", show_default=True)] = 60,
    mail: Annotated[list[str] | None, option("A mail address; may be repeated.")] = None,
    webhook: Annotated[list[str] | None, option("A URL to call; may be repeated.")] = None,
    number: Annotated[list[str] | None, option("A number to text; may be repeated.")] = None,
    quiet: Annotated[str, option("Tell nobody in these hours, such as 22:00-07:00.")] = "",
    repeat_s: Annotated[int, option("Say it again every so many seconds.", "--repeat")] = 0,
) -> None:
    """Add a rule: who is told when something goes wrong, and when it is over."""
    begin, end = read_hours("--quiet", quiet)
    made = gateway.post(
        *("accounts", account, "alert-rules"),
        answer=RuleView,
        name=name or kind,
        kind=kind,
        limit=limit,
        about=about,
        over_h=over_h,
        for_s=for_s,
        mails=mail or [],
        webhooks=webhook or [],
        numbers=number or [],
        quiet_from=begin,
        quiet_to=end,
        repeat_s=repeat_s,
    )
    gateway.show(made, lambda one: print(f"rule {one.rule_id} {one.name} added"))


@command(app, "remove")
def remove(gateway: Gateway, account: Account, rule: Rule) -> None:
    """Delete a rule."""
    removed = gateway.call("DELETE", "accounts", account, "alert-rules", rule, answer=Removed)
    gateway.show(removed, lambda one: print(f"rule {one.removed} deleted"))


@command(app, "test")
def test(gateway: Gateway, account: Account, rule: Rule) -> None:
    """Tell everybody of a rule that this is a test."""
    told = gateway.post("accounts", account, "alert-rules", rule, "test", answer=TestTold)
    gateway.show(told, lambda answer: print("\n".join(answer.told)))
