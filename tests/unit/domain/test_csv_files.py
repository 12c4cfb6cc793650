"""Numbers as tables have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.core.contacts.csv_files import inspect_file, read_phone

CELLS = {
    "without a plus sign": ("4512345678", "4512345678"),
    "with an international prefix": ("0045 12345678", "4512345678"),
    "with the code in brackets": ("(+45) 12345678", "4512345678"),
    "a decimal, as pandas writes a column with gaps": ("4512345678.0", "4512345678"),
    "a formula, which keeps zeros": ('="004512345678"', "4512345678"),
    "a link": ("tel:+4512345678", "4512345678"),
    "the first of several": ("+45 12 34 56 78 ::: +45 87 65 43 21", "4512345678"),
    "rounded by a spreadsheet": ("4.51235E+10", None),
    "two with a slash": ("4512345678/4587654321", None),
    "an extension": ("+45 12345678 ext. 5", None),
    "nothing": (" ", None),
    "no number": ("mobile", None),
    "a plus sign": ("+", None),
}


@pytest.mark.parametrize(("cell", "digits"), CELLS.values(), ids=CELLS)
def test_a_cell_is_a_number_or_none(cell: str, digits: str | None) -> None:
    assert read_phone(cell) == digits


@pytest.mark.parametrize(
    ("cell", "digits"),
    [
        ("12 34 56 78", "4512345678"),
        ("12345678.0", "4512345678"),
        ('="12345678"', "4512345678"),
        ("4512345678", "4512345678"),
        ("+4687654321", "4687654321"),
    ],
)
def test_a_national_number_is_one_of_the_country_given(cell: str, digits: str) -> None:
    assert read_phone(cell, "45") == digits


def test_the_export_of_an_address_book_has_its_numbers_found(tmp_path: Path) -> None:
    """Google's: its columns are named by place, and one cell may hold several numbers."""
    path = tmp_path / "contacts.csv"
    path.write_text(
        "First Name,Last Name,Birthday,E-mail 1 - Value,Phone 1 - Label,Phone 1 - Value\n"
        "Ann,Berg,1980-01-02,ann@example.com,Mobile,+45 12 34 56 78 ::: +45 87 65 43 21\n",
        encoding="utf-8",
    )
    shape = inspect_file(path)
    assert shape.number_column == 5
    assert read_phone(shape.sample[0][5]) == "4512345678"
