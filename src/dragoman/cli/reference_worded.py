"""What single calls say in words of their own, read from the sources of the dialects."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Final

import dragoman.dialects
from dragoman.core.model.errors import RefusalCode

WORDED: Final = frozenset({"WordedRefusal", "Turned"})
"""The refusals that bring their text along."""
SOMETHING: Final = "{…}"


def list_worded() -> Iterator[tuple[str, str, str]]:
    """Dialect, code and text of every refusal that is worded where it is made.

    The code is empty where the text stands for whatever the house refused.
    """
    package = dragoman.dialects
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        module = importlib.import_module(found.name)
        dialect = found.name.split(".")[2]
        for code, text in _worded_in(module):
            yield dialect, code, text


def _worded_in(module: ModuleType) -> Iterator[tuple[str, str]]:
    tree = ast.parse(inspect.getsource(module))
    scopes = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or ast.unparse(call.func) not in WORDED:
            continue
        around = [s for s in scopes if s.lineno <= call.lineno <= (s.end_lineno or 0)]
        code, text = call.args[:2]
        for words in _texts(text, around[-1] if around else tree, module):
            yield _code(code), words


def _code(code: ast.expr) -> str:
    name = ast.unparse(code).removeprefix("RefusalCode.")
    return RefusalCode[name].value if name in RefusalCode.__members__ else ""


def _texts(text: ast.expr, scope: ast.AST, module: ModuleType) -> list[str]:
    """What an expression can say; raises LookupError where nobody can tell."""
    if isinstance(text, ast.Constant):
        return [str(text.value)]
    if isinstance(text, ast.JoinedStr):
        pieces = (p.value if isinstance(p, ast.Constant) else SOMETHING for p in text.values)
        return ["".join(map(str, pieces))]
    if isinstance(text, ast.IfExp):
        return _texts(text.body, scope, module) + _texts(text.orelse, scope, module)
    if isinstance(text, ast.Name):
        given = [
            words
            for node in ast.walk(scope)
            if isinstance(node, ast.Assign) and text.id in map(ast.unparse, node.targets)
            for words in _texts(node.value, scope, module)
        ]
        if given or isinstance(getattr(module, text.id, None), str):
            return given or [getattr(module, text.id)]
    raise LookupError(f"{module.__name__}: what does `{ast.unparse(text)}` say?")
