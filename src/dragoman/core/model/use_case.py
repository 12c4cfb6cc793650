"""How a use case declares what it works with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(eq_default=False, field_specifiers=(field,))
def use_case(*, kw_only: bool = False) -> Callable[[type[T]], type[T]]:
    """Makes the fields of a class its constructor's arguments.

    Instances compare by identity, and their `repr` shows nothing of what they hold.
    """
    return dataclass(eq=False, repr=False, kw_only=kw_only)
