"""`dragoman person`: who signs in to the console for an account."""

from __future__ import annotations

from typing import Annotated

from dragoman.admin.sign_in_answers import PersonLink, PersonList, PersonView
from dragoman.cli.command import Gateway, command
from dragoman.cli.groups import new_group
from dragoman.cli.options import argument, option
from dragoman.cli.output import print_fields, print_table, show_time

app = new_group()

Name = Annotated[str, argument("What they sign in with: an e-mail address, or another name.")]
AccountOption = Annotated[
    str, option("The account; may be left out where there is only one.", "--account")
]
RoleOption = Annotated[
    str, option("viewer, sender, manager, administrator or operator.", "--role", show_default=True)
]


@command(app, "list")
def list_people(
    gateway: Gateway,
    account: Annotated[str, option("Only those of this account.", "--account")] = "",
) -> None:
    """List the people of all accounts, or of one."""
    answer = gateway.get("people", answer=PersonList, account=account)
    gateway.show(
        answer,
        lambda found: print_table(
            ("name", "account", "role", "state", "second factor", "last sign-in"),
            [
                (
                    one.name,
                    one.account,
                    one.role,
                    _state(one),
                    "on" if one.second_factor else "off",
                    show_time(one.signed_in_ms),
                )
                for one in found.people
            ],
        ),
    )


@command(app, "invite")
def invite(
    gateway: Gateway, name: Name, account: AccountOption = "", role: RoleOption = "sender"
) -> None:
    """Invite somebody; the link is shown only once."""
    invited = gateway.post("people", answer=PersonLink, name=name, account=account, role=role)
    gateway.show(invited, _print_link)


@command(app, "link")
def make_link(gateway: Gateway, name: Name) -> None:
    """Make a new link, by which somebody sets a new password."""
    gateway.show(gateway.post("people", name, "link", answer=PersonLink), _print_link)


@command(app, "set")
def set_person(
    gateway: Gateway,
    name: Name,
    role: Annotated[str | None, option("Another role.", "--role")] = None,
    enabled: Annotated[
        bool | None, option("Whether they may sign in.", "--enable/--disable")
    ] = None,
    subject: Annotated[
        str | None,
        option("What the OpenID provider calls them (`sub`); empty for no identity.", "--subject"),
    ] = None,
) -> None:
    """Change somebody's role or identity, or disable or enable them; effective immediately."""
    changes = {"role": role, "enabled": enabled, "subject": subject}
    changed = gateway.call("PATCH", "people", name, answer=PersonView, body=changes)
    gateway.show(changed, _print_person)


@command(app, "reset-factor")
def reset_factor(gateway: Gateway, name: Name) -> None:
    """Take somebody's second factor away: they lost their phone and their recovery codes."""
    changed = gateway.call("DELETE", "people", name, "second-factor", answer=PersonView)
    gateway.show(changed, lambda one: print(f"{one.name} has no second factor and no session"))


@command(app, "end-sessions")
def end_sessions(gateway: Gateway, name: Name) -> None:
    """Sign somebody out everywhere."""
    ended = gateway.call("DELETE", "people", name, "sessions", answer=PersonView)
    gateway.show(ended, lambda one: print(f"{one.name} is signed out everywhere"))


@command(app, "remove")
def remove_person(gateway: Gateway, name: Name) -> None:
    """Delete somebody; the audit log still names them."""
    removed = gateway.call("DELETE", "people", name, answer=PersonView)
    gateway.show(removed, lambda one: print(f"{one.name} is removed from {one.account}"))


def _state(person: PersonView) -> str:
    if not person.enabled:
        return "disabled"
    return "enabled" if person.has_password or person.issuer else "invited"


def _print_person(person: PersonView) -> None:
    print_fields(
        [
            ("name", person.name),
            ("account", person.account),
            ("role", person.role),
            ("state", _state(person)),
            ("second factor", "on" if person.second_factor else "off"),
            ("last sign-in", show_time(person.signed_in_ms)),
        ]
    )


def _print_link(answer: PersonLink) -> None:
    print_fields(
        [
            ("name", answer.person.name),
            ("account", answer.person.account),
            ("role", answer.person.role),
            ("link", answer.link),
        ]
    )
    print("Copy the link now: it works once, within a week, and cannot be shown again.")
