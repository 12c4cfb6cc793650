"""The pages on HTTP providers, written from their presets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from dragoman.cli.reference_table import table
from dragoman.config.http import Preset, RequestTable
from dragoman.connectors.http.presets import PRESETS

GUIDE: Final = "../../howto/send-over-your-providers-http-api.md"
GENERIC: Final = "generic"
_CALLBACKS: Final = {
    "url": "The callback URL goes along with each message.",
    "panel": "The callback URL is entered at the provider.",
    "none": "The provider calls nobody: states are asked for.",
}
_NEVER: Final = "The provider reports nothing, and cannot be asked: messages stay `sent`."
_SIGNATURES: Final = {
    "token": "a secret in the header `{header}`",
    "basic": "HTTP Basic authentication",
    "hmac": "an HMAC in `{header}`",
    "jwt": "a JWT in `{header}`",
    "ed25519": "Ed25519 in `{header}`",
    "sns": "the certificate of Amazon SNS",
}


def list_providers() -> dict[str, tuple[str, Iterator[str]]]:
    """The title and lines of each preset's page, by its name."""
    return {
        name: (preset.title, _page(name, preset))
        for name, preset in PRESETS.items()
        if name != GENERIC
    }


def _page(name: str, preset: Preset) -> Iterator[str]:
    yield f"Preset `{name}` of a carrier of type `http`: [how to use it]({GUIDE}).\n"
    if preset.manual:
        yield f"Written from the manual, <{preset.manual}>; not tried against the provider.\n"
    yield from (f"- {note}" for note in preset.notes)
    yield from ("", "```toml", *_example(name, preset), "```", "")
    credentials = [(f"`{key}`", "yes", what) for key, what in preset.credentials.items()]
    credentials += [
        (f"`{key}`", _default(preset, key), what) for key, what in preset.optional.items()
    ]
    yield "## Credentials\n"
    yield from table(("name", "required", "what it is"), credentials)
    yield "## What is sent\n"
    yield from _request(preset)
    yield from _refusals(preset)
    yield from _lookup(preset)
    yield from _reports(preset)
    yield from _inbound(preset)


def _example(name: str, preset: Preset) -> Iterator[str]:
    carrier = name.split("-", maxsplit=1)[0] if name[0].isalpha() else f"c{name}"
    yield from ("[[carriers]]", f'name = "{carrier}"', 'type = "http"', f'preset = "{name}"')
    if not preset.base_url:
        yield 'base_url = "https://sms.example.com"'
    if preset.callbacks != "none":
        yield 'public_url = "https://sms.example.org"'
        yield 'callback_token = "a-long-random-text"'
    yield "[carriers.credentials]"
    for key in preset.credentials:
        yield f"{key} = {json.dumps(_SAMPLES.get(key, 'change'))}"


_SAMPLES: Final = {
    "public_key": "O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik=",
    "region": "eu-west-1",
    "topic_arn": "arn:aws:sns:eu-west-1:123456789012:sms",
    "account_sid": "AC00000000000000000000000000000000",
}


def _default(preset: Preset, key: str) -> str:
    default = preset.defaults.get(key)
    return f"no: `{default}`" if default else "no"


def _request(preset: Preset) -> Iterator[str]:
    request = preset.request
    base = preset.base_url or "<base_url>"
    yield f"`{request.method or 'POST'} {base}{request.path}`\n"
    rows = [(f"`{key}`", f"`{value}`") for key, value in _flat(_sent(request))]
    for words, more in (
        ("GSM alphabet", request.gsm),
        ("UCS-2", request.ucs2),
        ("class 0", request.flash),
        ("a name as sender", request.from_name),
        ("a number as sender", request.from_number),
    ):
        rows += [(f"`{key}` ({words})", f"`{value}`") for key, value in _flat(more)]
    yield from table(("field", "value"), rows)


def _sent(request: RequestTable) -> dict[str, Any]:
    headers = {f"header {name}": value for name, value in request.headers.items()}
    login = {"HTTP Basic": ":".join(request.basic)} if request.basic else {}
    return {**login, **headers, **request.query, **request.fields}


def _flat(fields: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The leaves of a body, by their paths."""
    if isinstance(fields, Mapping):
        for name, value in fields.items():
            yield from _flat(value, f"{path}.{name}" if path else name)
    elif isinstance(fields, list):
        for value in fields:
            yield from _flat(value, f"{path}[]")
    else:
        yield path, str(fields).lower() if isinstance(fields, bool) else str(fields)


def _refusals(preset: Preset) -> Iterator[str]:
    if preset.refusals:
        yield "## Refusals\n"
        yield (
            "What is not listed is decided by the HTTP status, as the guide says, and shown as it"
            " came.\n"
        )
        rows = _grouped(preset.refusals)
        yield from table(("the provider's", "meaning"), rows)


def _lookup(preset: Preset) -> Iterator[str]:
    lookup = preset.lookup
    if not lookup.after_s:
        return
    yield "## Lost answers\n"
    times = " and ".join(f"{after_s:g} s" for after_s in lookup.after_s)
    query = "&".join(f"{name}={value}" for name, value in lookup.request.query.items())
    by = (
        "is known by what is below, unless another one could be it"
        if lookup.created
        else "is found by our reference"
    )
    yield (
        f"A message whose answer never came is looked for {times} later, and {by}:"
        f" `{lookup.request.method} {lookup.request.path}?{query}`\n"
    )
    rows = [(f"`{path}`", f"`{value}`") for path, value in lookup.match.items()]
    if lookup.created:
        rows.append((f"`{lookup.created}`", "not before the request"))
    yield from table(("of a message there", "is"), rows)


def _reports(preset: Preset) -> Iterator[str]:
    status = preset.poll.status if preset.poll.every_s else preset.status
    yield "## Reports\n"
    asks = preset.callbacks != "none" or preset.poll.every_s
    yield f"{_CALLBACKS[preset.callbacks] if asks else _NEVER}\n"
    kind = preset.signature.kind
    if kind in _SIGNATURES:
        names = preset.signature.header.removeprefix("?").split("|")
        signed = _SIGNATURES[kind].format(header="` or `".join(names))
        only = f", where `{preset.signature.key}` is given" if preset.signature.optional else ""
        yield f"Calls must be signed{only}: {signed}.\n"
    if status.states:
        yield from table(("the provider's", "state"), _grouped(status.states))
    if status.failures:
        yield from table(("reason", "failure"), _grouped(status.failures))


def _inbound(preset: Preset) -> Iterator[str]:
    yield "## Inbound texts\n"
    inbound = preset.inbound
    if not inbound.text:
        yield "None.\n"
        return
    rows = [
        ("sender", inbound.source),
        ("number", inbound.destination),
        ("text", inbound.text),
        ("ID", inbound.id),
    ]
    if inbound.reference:
        rows.append(("parts", f"{inbound.reference}, {inbound.total}, {inbound.number}"))
    yield from table(
        ("what", "where it is"), [(what, f"`{where}`") for what, where in rows if where]
    )


def _grouped(words: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """One row for each meaning, with all that have it."""
    groups: dict[str, list[str]] = {}
    for word, meaning in words.items():
        groups.setdefault(meaning, []).append(f"`{word}`")
    return [(", ".join(found), f"`{meaning}`") for meaning, found in groups.items()]
