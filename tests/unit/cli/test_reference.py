"""The generated pages say everything there is to say, and a stale one is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.cli.reference import main, render_pages
from dragoman.domain.errors import FailureCode, RefusalCode
from dragoman.domain.lifecycle import State


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return render_pages()


EXPECTED = {
    "cli.md": ["## `dragoman account rotate-key`", "`--allowed-ips`", "3 nothing was found"],
    "configuration.md": ["## `[[carriers]]`", "| `window` | integer, 1 to 10000 | `10` |"],
    "errors.md": [
        *(f"| `{code}` |" for code in RefusalCode),
        *(f"| `{code}` |" for code in FailureCode if code),
        *(f"| `{state.name.lower()}` |" for state in State),
    ],
    "metrics.md": ["| `dragoman_messages_accepted_total` | counter | `dialect` |"],
    "calls.md": ["`/api/sms/send_sms.php`", "## linkmobility"],
}


def test_every_page_has_what_belongs_on_it(pages: dict[str, str]) -> None:
    assert set(pages) == set(EXPECTED)
    for name, pieces in EXPECTED.items():
        assert [piece for piece in pieces if piece not in pages[name]] == []


def test_tables_have_as_many_cells_in_every_row(pages: dict[str, str]) -> None:
    for text in pages.values():
        width = 0
        for line in text.splitlines():
            cells = line.replace(r"\|", "").count("|")
            assert not cells or not width or cells == width, line
            width = cells


def test_a_page_that_was_changed_is_noticed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path / "reference")
    assert main([folder]) == 0
    assert main(["--check", folder]) == 0
    page = tmp_path / "reference" / "cli.md"
    page.write_text(page.read_text() + "more")
    assert main(["--check", folder]) == 1
    assert "cli.md is not up to date" in capsys.readouterr().err


def test_a_call_without_a_folder_is_wrong_usage() -> None:
    assert main(["--check"]) == 2
