"""`dragoman`: the commands, and what happens to whatever goes wrong in them."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from dragoman.cli import (
    account,
    admin,
    carrier,
    config,
    database,
    dev,
    device,
    doctor,
    keyword,
    listen,
    message,
    number,
    optout,
    sender,
    serve,
    tail,
    timeline,
    webhook,
)
from dragoman.cli.command import command
from dragoman.cli.options import Remote, TokenFileOption, TokenOption, UrlOption, option
from dragoman.cli.outcome import ExitCode, Stop, end, end_unexpected

EPILOG: Final = (
    "Exit codes: 0 it worked, 1 it failed or something is wrong, 2 wrong usage or configuration,"
    " 3 nothing was found or the gateway refused."
)

_HERE_ONLY: Final = frozenset({"dev", "serve", "migrate", "config", "listen"})
"""Commands that know no gateway elsewhere."""

app = typer.Typer(
    name="dragoman",
    help="An SMS gateway that answers your provider's HTTP API and delivers over your own"
    " carriers.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
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


app.command("dev")(dev.dev)
app.command("serve")(serve.serve)
app.command("migrate")(database.migrate)
app.add_typer(config.app, name="config")
app.add_typer(account.app, name="account")
app.add_typer(number.app, name="number")
app.add_typer(keyword.app, name="keyword")
app.add_typer(optout.app, name="optout")
app.add_typer(device.app, name="device")
app.add_typer(carrier.app, name="carrier")
app.add_typer(sender.app, name="sender")
app.add_typer(webhook.app, name="webhook")
command(app, "send")(message.send)
command(app, "status")(message.status)
app.add_typer(timeline.app, name="message")
command(app, "tail")(tail.tail)
app.add_typer(admin.app, name="admin")
app.command("listen")(listen.listen)
command(app, "doctor")(doctor.doctor)


def run() -> None:
    """Runs the command of this process's arguments and ends the process."""
    try:
        app()
    except Stop as stop:
        end(stop, as_json="--json" in sys.argv[1:])
    except Exception as error:
        end_unexpected(error)
