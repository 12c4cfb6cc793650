"""Shapes that the whole API shares, with the names and the order of the manual."""

from __future__ import annotations

from typing import Annotated

import msgspec

from dragoman.web.operations import doc

Value = str | int | None
"""A text; a program may send a number, such as one of a phone, without quotes."""
Switch = bool | str | int | None
"""`true` and `false`, which come as text too."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong, in all the fields in which programs look for it."""

    result: str
    error_code: int
    error_message: str


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """That a call did what was asked."""

    result: str = "OK"


class PageQuery(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Which page of a list is wanted."""

    page_number: Annotated[int, doc("The page, from 1 on.")] = 1
    page_size: Annotated[int, doc("Results on a page.")] = 10
