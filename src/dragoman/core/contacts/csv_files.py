"""Tables as spreadsheets save them: their encoding and separator recognised, and read by row.

Nobody says how a file was written, so it is looked at: a mark of UTF-8 or UTF-16, UTF-16 without
one, UTF-8, and else Windows-1252, in which every file can be read. Memory holds one row at a time.
"""

from __future__ import annotations

import codecs
import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from dragoman.core.model.numbering_plans import parse_international, parse_national
from dragoman.core.model.phone_numbers import as_typed

MAX_COLUMNS: Final = 200
SAMPLE_ROWS: Final = 8
LOOKED_AT_ROWS: Final = 40
"""Rows from which separator, heading and the column of numbers are guessed."""
BLOCK_BYTES: Final = 1 << 20
LONGEST_NAMING: Final = 16
"""Characters of a line that names the separator."""
SEPARATORS: Final = (",", ";", "\t", "|")
WINDOWS: Final = "cp1252"

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NO_TABLES: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF")
"""How workbooks, and documents that people take for tables, begin."""
_NO_CSV: Final = "This is not a CSV file. Save the sheet as CSV and try again."
_SEPARATOR_LINE: Final = re.compile(r"sep=([,;\t|])\s*")
"""A first line that tells a spreadsheet the separator, and is no row."""
_NULS_OF_UTF16: Final = 0.1
"""Of what a file begins with: digits and separators have one each in UTF-16."""
_BETWEEN_NUMBERS: Final = " ::: "
_WRAPPED: Final = re.compile(
    r"""(?: tel: | =" )? ( [^":]*? ) (?: " | (?<= [0-9]{8}) \.0 )?""", re.VERBOSE | re.IGNORECASE
)
"""A number as links, formulas that keep their zeros, and tables of decimals have it."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_NAMES_OF_NUMBERS: Final = frozenset(
    {
        *("mobile", "mobile number", "mobile phone", "mobilephone", "phone", "phone number"),
        *(
            "phone 1 - value",
            "primary phone",
            "phonenumber",
            "number",
            "msisdn",
            "telephone",
            "tel",
            "cell",
            "cell phone",
        ),
        *("mobil", "mobilnummer", "telefon", "telefonnummer", "handy", "handynummer", "nummer"),
        *("téléphone", "portable", "móvil", "teléfono", "cellulare", "recipient", "to"),
    }
)


class TableShape(msgspec.Struct, frozen=True, kw_only=True):
    """How a file is written, and how it begins."""

    encoding: str
    separator: str
    has_heading: bool
    columns: tuple[str, ...]
    """The heading, or where there is none `Column 1` and so on."""
    sample: tuple[tuple[str, ...], ...]
    lines: int
    """About as many rows as it has: line breaks, which may stand in a cell too."""
    number_column: int | None
    """The column that most likely holds the numbers, from 0."""


class NotATable(Exception):
    """A file in which there is no table; the text says why."""


def inspect_file(path: Path) -> TableShape:
    """Looks how a file is written; raises `NotATable`."""
    encoding, lines = _encoding_of(path)
    separator = _separator_of(path, encoding)
    read = itertools.islice(_rows(path, encoding, separator), LOOKED_AT_ROWS)
    rows = [row for row in read if row and any(map(str.strip, row))]
    if not rows:
        raise NotATable("The file is empty.")
    width = max(map(len, rows))
    if width > MAX_COLUMNS:
        raise NotATable(f"The file has more than {MAX_COLUMNS} columns.")
    has_heading = not any(_looks_like_number(cell) for cell in rows[0])
    heading = rows[0] if has_heading else []
    columns = tuple(
        (heading[at].strip() if at < len(heading) else "") or f"Column {at + 1}"
        for at in range(width)
    )
    body = rows[1:] if has_heading else rows
    return TableShape(
        encoding=encoding,
        separator=separator,
        has_heading=has_heading,
        columns=columns,
        sample=tuple(tuple(row) for row in body[:SAMPLE_ROWS]),
        lines=max(lines - has_heading, len(body)),
        number_column=_number_column(columns, body),
    )


def read_file(path: Path, shape: TableShape) -> Iterator[tuple[int, Sequence[str]]]:
    """The rows below the heading with their number in the file, from 1; blank ones are left out.

    A row that cannot be read, such as one with a cell of 131,072 characters, has no cells.
    """
    has_heading = shape.has_heading
    for number, row in enumerate(_rows(path, shape.encoding, shape.separator), 1):
        if row is None or any(map(str.strip, row)):
            if not has_heading:
                yield number, row or ()
            has_heading = False


def read_phone(written: str, calling_code: str = "") -> str | None:
    """The digits of a number in a table, which often lost its plus sign; None where it is none.

    With a calling code, a number may be written as it is dialled in that country. Of several in one
    cell, which is how Google's address book saves them, it is the first.
    """
    written = as_typed(written).partition(_BETWEEN_NUMBERS)[0].strip()
    wrapped = _WRAPPED.fullmatch(written)
    if wrapped is not None:
        written = wrapped[1]
    if not written:
        return None
    written = written.removeprefix("(") if written.startswith("(+") else written
    if written.startswith(("+", "00")):
        return parse_international(written)
    if calling_code and (found := parse_national(written, calling_code)) is not None:
        return found
    return parse_international(f"+{written}")


def without_quote(cell: str) -> str:
    """A cell without the quote that keeps spreadsheets from taking it for a formula."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def _encoding_of(path: Path) -> tuple[str, int]:
    """The encoding of a file and how many line breaks it has; raises `NotATable`."""
    with path.open("rb") as file:
        head = file.read(4096)
        file.seek(0)
        if head.startswith(_NO_TABLES):
            raise NotATable(_NO_CSV)
        encoding = next((name for mark, name in _MARKS if head.startswith(mark)), "")
        even, odd = head[::2].count(0), head[1::2].count(0)
        if not encoding and max(even, odd) > _NULS_OF_UTF16 * len(head) / 2:
            encoding = "utf-16-le" if odd >= even else "utf-16-be"
        decoder = codecs.getincrementaldecoder(encoding or "utf-8")()
        lines, is_valid, last = 0, True, ""
        while block := file.read(BLOCK_BYTES):
            lines += block.count(b"\n") or block.count(b"\r")
            if is_valid:
                try:
                    last = decoder.decode(block) or last
                except UnicodeDecodeError:
                    is_valid = False
        try:
            if is_valid:
                decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            is_valid = False
        if not head.endswith((b"\n", b"\r")) and not last.endswith(("\n", "\r")) and head:
            lines += 1
    if is_valid:
        if "\0" in last and encoding in ("", "utf-8-sig"):
            raise NotATable(_NO_CSV)
        return encoding or "utf-8", lines
    if encoding:
        raise NotATable("The file is damaged: it begins as Unicode, and goes on as something else.")
    if b"\0" in head:
        raise NotATable(_NO_CSV)  # a picture, say: Windows-1252 has no such character
    return WINDOWS, lines


def _separator_of(path: Path, encoding: str) -> str:
    """The separator that the file names, or by which most rows have as many columns, over one."""
    if named := _named_separator(path, encoding):
        return named
    best, best_score = ",", (0, 0)
    for separator in SEPARATORS:
        rows = [row for row in itertools.islice(_rows(path, encoding, separator), 20) if row]
        widths = [len(row) for row in rows]
        if not widths:
            continue
        usual = max(set(widths), key=widths.count)
        score = (widths.count(usual) if usual > 1 else 0, usual)
        if score > best_score:
            best, best_score = separator, score
    return best


def _rows(path: Path, encoding: str, separator: str) -> Iterator[list[str] | None]:
    """The rows of a file, None for one that cannot be read; a line with the separator is blank."""
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        is_over = False

        def lines() -> Iterator[str]:
            nonlocal is_over
            yield from file
            is_over = True

        if _named_separator(path, encoding):
            file.readline()
            yield []
        reader = csv.reader(lines(), delimiter=separator)
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error:
                yield None
            else:
                # Whoever asks for more lines than there are is within a quote that nobody closed.
                yield None if is_over else [without_quote(cell) for cell in row]


def _named_separator(path: Path, encoding: str) -> str:
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        found = _SEPARATOR_LINE.fullmatch(file.readline(LONGEST_NAMING))
    return found[1] if found else ""


def _looks_like_number(cell: str) -> bool:
    digits = sum(map(str.isdigit, cell))
    return digits >= 6 and all(c.isdigit() or c in "+ .()/-'\u00a0" for c in cell.strip())


def _number_column(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int | None:
    for at, name in enumerate(columns):
        if name.casefold() in _NAMES_OF_NUMBERS:
            return at
    hits = [
        len([row for row in rows if at < len(row) and _looks_like_number(row[at])])
        for at in range(len(columns))
    ]
    most = max(hits, default=0)
    return hits.index(most) if most else None
