"""An example of a call for the shell: curl, with the variables that `dragoman dev` writes."""

from __future__ import annotations

import json
from typing import Final

from dragoman.web.examples import JSON, VARIABLE, Example, render_plain

_BETWEEN: Final = " \\\n  "


def render_curl(example: Example) -> str:
    """The command that makes a call."""
    login = [f'-H "{name}: {value}"' for name, value in example.headers.items()]
    if example.user:
        login.append(f'-u "{example.user}"')
    verb = "" if example.method == "GET" else f"-X {example.method} "
    lines = [f'curl {verb}"$URL{example.target}"', *login, *_body(example)]
    return _BETWEEN.join(lines)


def _body(example: Example) -> list[str]:
    """The options for a body."""
    if not example.kind:
        return []
    if example.kind != JSON:
        pairs = example.fields.items()
        return [f'--data-urlencode "{name}={render_plain(value)}"' for name, value in pairs]
    # Between single quotes no variable is replaced: each gets out of them.
    text = VARIABLE.sub("""'"\\g<0>"'""", json.dumps(example.body, ensure_ascii=False))
    return ['-H "Content-Type: application/json"', f"-d '{text}'"]
