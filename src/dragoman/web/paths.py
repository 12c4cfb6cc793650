"""Looks URL paths up: plain paths in one dictionary, the rest in a trie of segments.

Slashes may be doubled or trailing. Segments are percent-decoded one by one, so that `%2F` stays
inside its segment.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Generic, TypeAlias, TypeVar
from urllib.parse import unquote

from dragoman.web.operations import Placeholder, Segment, parse_template, plain_paths

Value = TypeVar("Value")
Owner = TypeVar("Owner")

Step: TypeAlias = str | re.Pattern[str]
"""A segment of a template: this text alone, or what fits."""

MAX_SEGMENTS: Final = 32

_NAMES: Final = re.compile(r"\?P<\w+>")


@dataclass(frozen=True, slots=True)
class Found(Generic[Value, Owner]):
    """What a path leads to: the deepest owner of a prefix of it, and a value if one matches."""

    owner: Owner | None
    value: Value | None
    params: Mapping[str, str]


@dataclass(slots=True)
class _Node(Generic[Value, Owner]):
    literals: "dict[str, _Node[Value, Owner]]" = field(default_factory=dict)
    patterns: "list[tuple[re.Pattern[str], _Node[Value, Owner]]]" = field(default_factory=list)
    owner: Owner | None = None
    value: Value | None = None


class PathTable(Generic[Value, Owner]):
    """Maps path templates to values and path prefixes to owners.

    `plain` holds every template that has a finite list of paths, in its usual spelling: one look-up
    there answers most requests. Of several templates that match, literal segments win over
    placeholders, and earlier templates over later ones.
    """

    def __init__(self) -> None:
        self.plain: dict[str, tuple[Value, Mapping[str, str]]] = {}
        self._root: _Node[Value, Owner] = _Node()

    def own(self, prefix: str, owner: Owner) -> None:
        """Gives a path and all below it to an owner; raises ValueError where it has one."""
        node = self._root
        steps, _ = _read_template(prefix)
        for step in steps:
            node = self._child(node, step)
        if node.owner is not None:
            raise ValueError(f"{prefix} has two owners")
        node.owner = owner

    def add(self, template: str, new_value: Callable[[], Value]) -> Value:
        """Returns the value at a template, made by `new_value` where there is none yet.

        Raises ValueError where another template names the same placeholder differently.
        """
        steps, plain = _read_template(template)
        node = self._root
        for step in steps:
            node = self._child(node, step)
        if node.value is None:
            node.value = new_value()
            for path, params in plain.items():
                if not params or path not in self.plain:
                    self.plain[path] = (node.value, params)
        return node.value

    def find(self, raw_path: bytes) -> Found[Value, Owner]:
        """Looks a path up as it came over the wire, without its query."""
        text = raw_path.decode("latin-1")
        segments = [unquote(part) if "%" in part else part for part in text.split("/") if part]
        if len(segments) > MAX_SEGMENTS:
            return Found(self._owner(segments), None, {})
        params: dict[str, str] = {}
        value = _match(self._root, segments, 0, params)
        return Found(self._owner(segments), value, params)

    def _owner(self, segments: list[str]) -> Owner | None:
        node: _Node[Value, Owner] | None = self._root
        owner = self._root.owner
        for segment in segments:
            node = node.literals.get(segment) if node is not None else None
            if node is None:
                break
            owner = owner if node.owner is None else node.owner
        return owner

    @staticmethod
    def _child(node: _Node[Value, Owner], step: Step) -> _Node[Value, Owner]:
        if isinstance(step, str):
            child = node.literals.get(step)
            if child is None:
                child = node.literals[step] = _Node()
            return child
        for known, child in node.patterns:
            if known == step:
                return child
        shape = _NAMES.sub("", step.pattern)
        for known, _ in node.patterns:
            if _NAMES.sub("", known.pattern) == shape:
                raise ValueError(f"one place, two names: {known.groupindex}, {step.groupindex}")
        child = _Node()
        node.patterns.append((step, child))
        return child


@cache
def _read_template(template: str) -> tuple[tuple[Step, ...], Mapping[str, Mapping[str, str]]]:
    """The steps of a template, and its plain paths: by its text, which is cheap to look up.

    A process builds several tables of the same templates.
    """
    segments = parse_template(template)
    return tuple(map(_step_of, segments)), plain_paths(segments) or {}


def _step_of(segment: Segment) -> Step:
    if len(segment) == 1 and isinstance(segment[0], str):
        return segment[0]
    return re.compile(
        "".join(
            part.pattern if isinstance(part, Placeholder) else re.escape(part) for part in segment
        ),
        re.DOTALL,
    )


def _match(
    node: _Node[Value, Owner], segments: list[str], at: int, params: dict[str, str]
) -> Value | None:
    if at == len(segments):
        return node.value
    segment = segments[at]
    child = node.literals.get(segment)
    if child is not None:
        value = _match(child, segments, at + 1, params)
        if value is not None:
            return value
    for pattern, child in node.patterns:
        match = pattern.fullmatch(segment)
        if match is not None:
            value = _match(child, segments, at + 1, params)
            if value is not None:
                params.update(match.groupdict())
                return value
    return None
