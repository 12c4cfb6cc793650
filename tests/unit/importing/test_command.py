"""`dragoman import`: what it prints and writes, and what it refuses."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from tests.acceptance.command_line import run

CONF = """\
group = core
status-password = statushush

group = smsc
smsc = smpp
smsc-id = main
host = a.example
port = 2775
transceiver-mode = 1
smsc-username = u
smsc-password = carrierhush

group = sendsms-user
username = tester
password = userhush
"""
HUSHED = ("statushush", "carrierhush", "userhush")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "kannel.conf").write_text(CONF)
    return tmp_path


def test_what_is_written_passes_the_check_and_keeps_secrets_apart(folder: Path) -> None:
    written = run(folder, "import", "kannel.conf", "--write", "dragoman.toml")
    assert written.returncode == 0, written.stderr
    for secret in HUSHED:
        assert secret not in written.stdout + written.stderr
        assert secret not in (folder / "dragoman.toml").read_text()
        assert secret not in (folder / "dragoman.accounts.sh").read_text()
    secrets = folder / "dragoman.secrets"
    assert {file.name: file.read_text() for file in secrets.iterdir()} == {
        "carrier-main": "carrierhush\n",
        "account-tester": "userhush\n",
        "kannel-status_password": "statushush\n",
    }
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    for file in (*secrets.iterdir(), folder / "dragoman.toml", folder / "dragoman.accounts.sh"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    checked = run(folder, "config", "check")
    assert checked.returncode == 0
    assert "carriers: main" in checked.stdout
    again = run(folder, "import", "kannel.conf", "--write", "dragoman.toml")
    assert (again.returncode, "nothing is overwritten" in again.stderr) == (2, True)


def test_what_is_printed_is_a_configuration_with_passwords(folder: Path) -> None:
    printed = run(folder, "import", "kannel", "kannel.conf")
    assert printed.returncode == 0
    for secret in HUSHED:
        assert secret in printed.stdout
        assert secret not in printed.stderr
    (folder / "dragoman.toml").write_text(printed.stdout)
    assert run(folder, "config", "check").returncode == 0


WRONG = {
    "no file": (("import", "gone.conf"), 2, "gone.conf: cannot be read: No such file or directory"),
    "no path": (("import", "jasmin"), 2, "say which file or folder of jasmin to read"),
    "another gateway": (("import", "playsms", "x"), 2, "'playsms' is none of kannel, jasmin"),
    "a folder for a file": (("import", "."), 2, ".: cannot be read: Is a directory"),
    "nothing in it": (("import", "empty.conf"), 3, "empty.conf: nothing to carry over was found"),
    "a very long file": (("import", "long.conf"), 2, "long.conf: longer than 4194304 octets"),
}


@pytest.mark.parametrize(("arguments", "code", "said"), WRONG.values(), ids=WRONG)
def test_what_is_refused(folder: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    (folder / "empty.conf").write_text("")
    (folder / "long.conf").write_text("#" * (4 * 1024 * 1024 + 1))
    ended = run(folder, *arguments)
    assert (ended.returncode, ended.stdout) == (code, "")
    assert ended.stderr.splitlines()[-1] == f"dragoman: {said}"


def test_mistakes_that_are_left_are_listed(folder: Path) -> None:
    service = "\ngroup = sms-service\nkeyword = x\nfile = /nowhere/answer.txt\n"
    (folder / "kannel.conf").write_text(CONF + service)
    ended = run(folder, "import", "kannel.conf")
    assert ended.returncode == 1
    assert "no such file: /nowhere/answer.txt" in ended.stderr
