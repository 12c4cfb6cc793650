"""`dragoman config`: what the configuration says and what is wrong with it."""

from __future__ import annotations

import typer

from dragoman.cli.groups import new_group
from dragoman.cli.options import CONFIG_FILE, ConfigOption, JsonOption, load_settings
from dragoman.cli.outcome import ExitCode, Stop, write_json

app = new_group()


@app.command("check")
def check_config(config: ConfigOption = None, json: JsonOption = False) -> None:
    """Check a configuration; each mistake is shown with the key it is in."""
    from dragoman.config import ConfigError
    from dragoman.config.consistency import find_oddities
    from dragoman.config.route_files import load_costs, load_networks

    settings = load_settings(config, complete=True)
    try:
        load_costs(settings)
        load_networks(settings)
    except ConfigError as error:
        raise Stop(ExitCode.USAGE, str(error), "configuration") from None
    for oddity in find_oddities(settings):
        typer.echo(f"dragoman: warning: {oddity}", err=True)
    source = str(config or (CONFIG_FILE if CONFIG_FILE.exists() else "the environment"))
    if json:
        write_json({"source": source, "valid": True})
        return
    carriers = ", ".join(carrier.name for carrier in settings.carriers) or "none"
    server = settings.smpp_server
    listening = [server.listen] if server.listen is not None else []
    if server.tls_certificate_file is not None:
        listening.append(f"{server.tls_listen} (TLS)")
    binds = f", SMPP server on {' and '.join(listening)}" if listening else ""
    print(f"{source} is valid: HTTP on {settings.http.listen}{binds}, carriers: {carriers}")
    print(f"APIs: {', '.join(settings.dialects.enabled)}")
    if not settings.carriers:
        typer.echo("dragoman: without a carrier nothing can be sent", err=True)


@app.command("example")
def print_example(json: JsonOption = False) -> None:
    """Print an example to start from, with every key, its default and what it is for."""
    from dragoman.config.example import render_example

    if json:
        write_json({"example": render_example()})
    else:
        print(render_example(), end="")
