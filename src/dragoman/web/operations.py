"""A dialect as a table: its operations, and how it renders what the kit refuses.

Path templates match whole segments. `{name}` takes any text without a slash, `{name:int}` decimal
digits, `{name:json|xml}` one of the listed values; a segment may mix literals and placeholders
(`{page:int}.{format:json|xml}`). Slashes may be doubled or trailing; case counts.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from typing import Final, Literal

import msgspec

from dragoman.kit.prompt import Settled
from dragoman.web.refusals import Refusal
from dragoman.web.requests import BodyFormat, Request
from dragoman.web.responses import Response

Handler = Callable[[Request], Awaitable[Response]]
Respond = Callable[[Response], None]
AtOnce = Callable[[Request, Respond], None]
Refuse = Callable[[Request, Refusal], Response]
AnswerFormat = Literal["json", "jsonl", "xml", "text", "html"]
"""`jsonl` is one body a line. `html` is bare text too, by the type that some providers give it."""

DEFAULT_BODY_LIMIT_BYTES: Final = 1 << 20

_PLACEHOLDER: Final = re.compile(r"\{(?P<name>[a-z_][a-z0-9_]*)(?::(?P<kind>[^{}]+))?\}")
_WORD: Final = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placeholder:
    """A named part of a segment: any text, digits (`int`), or one of `choices`."""

    name: str
    digits: bool = False
    choices: tuple[str, ...] = ()

    @property
    def pattern(self) -> str:
        """A regular expression for the values this placeholder takes."""
        if self.choices:
            return f"(?P<{self.name}>{'|'.join(map(re.escape, self.choices))})"
        return f"(?P<{self.name}>{'[0-9]+' if self.digits else '.+'})"


Segment = tuple[str | Placeholder, ...]


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a provider's API: its address, parameters and answers.

    `source` is the section of the manual. `needs` is the permission that the
    handler itself requires. `wrapper` names the single JSON key, and likewise the
    XML root, around the body (`{"message": {…}}`). `answers` maps HTTP statuses to bodies. `name`
    is what clients made from the document call it, `headers` those that it reads, by name.
    A gateway makes six hundred at its start: a struct is made in a fraction of a dataclass' time.
    """

    methods: tuple[str, ...]
    path: str
    handler: Handler
    summary: str
    source: str = ""
    description: str = ""
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    body_formats: tuple[BodyFormat, ...] = ()
    body_limit_bytes: int = DEFAULT_BODY_LIMIT_BYTES
    wrapper: str = ""
    answers: Mapping[int, type[msgspec.Struct] | None] = msgspec.field(default_factory=dict)
    answer_formats: tuple[AnswerFormat, ...] = ("json",)
    tags: tuple[str, ...] = ()
    needs: str = ""
    name: str = ""
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    is_query_new: bool = False
    """Whether each call has another query, behind the same path and headers."""
    variants: Mapping[int, tuple[type[msgspec.Struct] | type[int], ...]] = msgspec.field(
        default_factory=dict
    )
    """Further bodies by status, such as a refusal under 200; `int` is a bare number."""
    is_prompt: bool = False
    """Whether its handler mostly waits for commits alone, so that it is run without a task
    (`kit/prompt.py`)."""
    at_once: AtOnce | None = None
    """Answers in place of `handler`, which is then `awaited` of it: without a coroutine, by a call
    of its second argument, now or later. It raises nothing, and its dialect is not for browsers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """A provider's API: the paths it owns, its operations, and how it renders refusals.

    `refuse` must not raise: it is the last resort. `fallback_charset` reads query and form values
    that are not UTF-8 where their charset is not declared; with `octets` the values of a query stay
    octets, as ISO 8859-1, since their charset is one of them. `aliases` maps other prefixes to one
    of `prefixes`: what is below that one answers below them too, undocumented. So do `unlisted`
    operations, which are other spellings of those that are listed. `problem` is the type of answers
    that are sent as `application/problem+json`. With `bearer` every call takes its key as a bearer
    token.
    """

    name: str
    title: str
    description: str
    prefixes: tuple[str, ...]
    operations: tuple[Operation, ...] = field(repr=False)
    refuse: Refuse = field(repr=False)
    cors: bool = False
    fallback_charset: str | None = None
    octets: bool = False
    aliases: Mapping[str, str] = field(default_factory=dict)
    unlisted: tuple[Operation, ...] = field(default=(), repr=False)
    answer_root: str = "response"
    login: str = ""
    """How an example signs in: options of curl, or what goes into the query (`apikey=$KEY`). The
    variables are those of `dev.env` (`cli/dev_file.py`)."""
    problem: type[msgspec.Struct] | None = None
    bearer: bool = False


def awaited(at_once: AtOnce) -> Handler:
    """The handler of a call that answers at once, for whoever awaits one."""

    async def handle(request: Request) -> Response:
        settled: Settled[Response] = Settled()
        at_once(request, settled.settle)
        return await settled

    return handle


def doc(text: str) -> msgspec.Meta:
    """Describes a field: `apikey: Annotated[str, doc("The account's key.")]`."""
    return msgspec.Meta(description=text)


@cache
def parse_template(path: str) -> tuple[Segment, ...]:
    """Reads a path template into segments of literals and placeholders.

    Raises ValueError where the template is not well formed.
    """
    if not path.startswith("/"):
        raise ValueError(f"a path template starts with a slash: {path!r}")
    segments = tuple(_parse_segment(text) for text in path.split("/") if text)
    names = [part.name for segment in segments for part in segment if isinstance(part, Placeholder)]
    if len(names) != len(set(names)):
        raise ValueError(f"a path template names a placeholder twice: {path!r}")
    return segments


@cache
def plain_paths(segments: tuple[Segment, ...]) -> Mapping[str, Mapping[str, str]] | None:
    """Lists every path of a template that has only listed values, with the parameters of each.

    None if a placeholder is free: such a template has no finite list.
    """
    parts = [part for segment in (*segments,) for part in ("/", *segment)]
    free = any(isinstance(part, Placeholder) and not part.choices for part in parts)
    if free:
        return None
    choices = [part.choices if isinstance(part, Placeholder) else (part,) for part in parts]
    return {
        "".join(path): {
            part.name: value
            for part, value in zip(parts, path, strict=True)
            if isinstance(part, Placeholder)
        }
        for path in product(*choices)
    }


def _parse_segment(text: str) -> Segment:
    parts: list[str | Placeholder] = []
    end = 0
    for match in _PLACEHOLDER.finditer(text):
        if match.start() > end:
            parts.append(_literal(text[end : match.start()]))
        elif parts:
            raise ValueError(f"two placeholders touch in {text!r}")
        parts.append(_placeholder(match["name"], match["kind"]))
        end = match.end()
    if end < len(text):
        parts.append(_literal(text[end:]))
    return tuple(parts)


def _literal(text: str) -> str:
    if "{" in text or "}" in text:
        raise ValueError(f"a brace that opens or closes no placeholder in {text!r}")
    return text


def _placeholder(name: str, kind: str | None) -> Placeholder:
    if kind is None:
        return Placeholder(name=name)
    if kind == "int":
        return Placeholder(name=name, digits=True)
    choices = tuple(kind.split("|"))
    if not all(_WORD.fullmatch(choice) for choice in choices):
        raise ValueError(f"{{{name}:{kind}}} is neither int nor a list of values")
    return Placeholder(name=name, choices=choices)
