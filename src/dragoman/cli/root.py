"""`dragoman`: the commands, and what happens to whatever goes wrong in them."""

from __future__ import annotations

import sys
from importlib import import_module
from keyword import iskeyword
from types import MappingProxyType
from typing import Annotated, Any, Final

import typer

from dragoman.cli.command import command
from dragoman.cli.groups import Commands
from dragoman.cli.options import Remote, TokenFileOption, TokenOption, UrlOption, option
from dragoman.cli.outcome import ExitCode, Stop, end, end_unexpected

EPILOG: Final = (
    "Exit codes: 0 it worked, 1 it failed or something is wrong, 2 wrong usage or configuration,"
    " 3 nothing was found or the gateway refused."
)

COMMANDS: Final = MappingProxyType(
    {
        "dev": "Run a complete gateway for development: SQLite, a simulated SMSC, a demo account.",
        "serve": "Run the gateway of a configuration until it is told to stop.",
        "migrate": "Create the database, or update its tables to this version.",
        "send": "Send a text message.",
        "status": "Show the status of a message or batch; without one, of the gateway.",
        "tail": "Follow what happens to messages, as it happens; ends with Ctrl-C.",
        "listen": "Forward the callbacks of a development gateway to a program here, and print each"
        " exchange.",
        "doctor": "Look for problems: configuration, database, carriers, speed, clock, disk,"
        " callbacks.",
        "config": "The configuration.",
        "account": "Accounts: who may use the gateway.",
        "key": "API keys: what each is good for, and when it was used.",
        "person": "People: who signs in to the console for an account.",
        "cluster": "The cluster: its nodes, and who owns what.",
        "number": "Numbers: which account receives their texts.",
        "keyword": "Keywords: how several accounts share one number.",
        "contact": "Contacts: lists of them, and CSV files in and out.",
        "campaign": "Campaigns: a text to the contacts of lists, from a draft to its result.",
        "template": "Templates: texts that are used again.",
        "conversation": "Conversations: what an account and a number wrote to each other.",
        "answer": "Automatic answers to STOP, START and HELP.",
        "alert": "Alerts: what is wrong, and who is told.",
        "optout": "Opt-outs: numbers that get no messages.",
        "device": "Devices: phones that send with their own SIMs.",
        "carrier": "Carriers: their state, out of service and back.",
        "reload": "Let a running gateway take changed carriers, routes and prices at once.",
        "prices": "What carriers charge: importing price lists, and what an import changes.",
        "route": "Routes: which one a message would take, and why.",
        "bind": "Binds of customers' programs to the SMPP server: who, ending one, its wire log.",
        "sender": "Senders that accounts requested: only approved ones may be used.",
        "webhook": "The URLs for delivery reports of whole accounts, and webhooks of phones.",
        "callback": "Callbacks to customers' hosts: which are held, and trying them now.",
        "privacy": "What is known of a number, and how it is forgotten.",
        "message": "Messages: searching them, the story of one, sending it again, cancelling it.",
        "admin": "The admin interface.",
        "import": "Read the configuration of Kannel or Jasmin, and print or write it as ours.",
    }
)
"""Every command and group of commands, with the first paragraph of its help."""
_MODULES: Final = MappingProxyType(
    {
        "import": "imports",
        "migrate": "database",
        "send": "message",
        "status": "message",
        "message": "message_list",
    }
)
"""Where commands are that have no module of their name."""
_HERE_ONLY: Final = frozenset({"dev", "serve", "migrate", "config", "listen", "import"})
"""Commands that know no gateway elsewhere."""


class _Commands(Commands):
    """Imports the module of a command when the command is given: help must not wait for all."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        name, _, rest = super().resolve_command(ctx, args)
        return name, load_command(args[0]), rest


app = typer.Typer(
    name="dragoman",
    cls=_Commands,
    help="An SMS gateway that answers your provider's HTTP API and delivers over your own"
    " carriers.",
    epilog=EPILOG,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from dragoman import __version__

        print(f"dragoman {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    url: UrlOption = "",
    token: TokenOption = "",
    token_file: TokenFileOption = None,
    version: Annotated[
        bool, option("Show the version.", "--version", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """An SMS gateway that answers your provider's HTTP API and delivers over your own carriers."""
    command = context.invoked_subcommand
    source = context.get_parameter_source("url")
    if command in _HERE_ONLY and source is not None and source.name == "COMMANDLINE":
        raise Stop(ExitCode.USAGE, f"--url: `{command}` works on this machine only")
    context.obj = Remote(url, token, token_file)


def load_command(name: str) -> Any:
    """A command, or group of commands, of `COMMANDS` with its arguments and options."""
    module = import_module(f"dragoman.cli.{_MODULES.get(name, name)}")
    around = typer.Typer(rich_markup_mode=None)
    if hasattr(module, "app"):
        around.add_typer(module.app, name=name, help=COMMANDS[name])
    elif name in _HERE_ONLY:
        around.command(name)(getattr(module, name + "_" * iskeyword(name)))
    else:
        command(around, name)(getattr(module, name))
    return typer.main.get_group(around).commands[name]


def load_all() -> Any:
    """`dragoman` with every command loaded."""
    whole = typer.main.get_group(app)
    whole.commands.update({name: load_command(name) for name in COMMANDS})
    return whole


for _name, _help in COMMANDS.items():
    app.command(_name, help=_help)(lambda: None)  # in place of the command until it is given


def run() -> None:
    """Runs the command of this process's arguments and ends the process."""
    try:
        app()
    except Stop as stop:
        end(stop, as_json="--json" in sys.argv[1:])
    except Exception as error:
        end_unexpected(error)
