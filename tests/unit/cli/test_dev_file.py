"""dev.json appears only while a gateway is ready, and its secrets are never lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from dragoman.cli import dev_file
from dragoman.cli.dev_file import DevAccount, DevFile

ACCOUNT = DevAccount(
    username="demo",
    password="secret",
    api_key="0" * 64,
    smpp_system_id="demo",
    smpp_password="secret12",
)
CONTENT = DevFile(base_url="http://127.0.0.1:8080", accounts=(ACCOUNT,), pid=7)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_secrets_are_kept_out_of_sight_until_published(tmp_path: Path) -> None:
    dev_file.keep(tmp_path, CONTENT)
    assert names(tmp_path) == {"dev.json.kept"}
    dev_file.publish(tmp_path, CONTENT)
    assert names(tmp_path) == {"dev.json", "dev.env"}


def test_the_file_is_for_its_owner_alone_and_readable_json(tmp_path: Path) -> None:
    dev_file.publish(tmp_path, CONTENT)
    path = tmp_path / "dev.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert msgspec.json.decode(path.read_bytes())["accounts"] == [
        {
            "username": "demo",
            "password": "secret",
            "api_key": "0" * 64,
            "legacy_md5": True,
            "twilio_account_sid": "",
            "twilio_auth_token": "",
            "smpp_system_id": "demo",
            "smpp_password": "secret12",
        }
    ]


@pytest.mark.process
def test_a_shell_reads_the_same_whatever_stands_in_it(tmp_path: Path) -> None:
    odd = msgspec.structs.replace(ACCOUNT, password="it's $HOME; `exit`")
    dev_file.publish(tmp_path, msgspec.structs.replace(CONTENT, accounts=(odd,), device_id=9))
    assert (tmp_path / "dev.env").stat().st_mode & 0o777 == 0o600
    script = '. ./dev.env; echo "$URL $KEY $ACCOUNT $DEVICE $PASSWORD"; command -v dragoman'
    script += "; env | grep ^DRAGOMAN_DATA="
    printed = subprocess.run(
        ["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    first, program, exported = printed.splitlines()
    assert first == f"http://127.0.0.1:8080 {'0' * 64} demo 9 it's $HOME; `exit`"
    assert program == str(Path(sys.executable).parent / "dragoman")
    assert exported == f"DRAGOMAN_DATA={tmp_path.resolve()}"


def test_setting_aside_keeps_the_accounts(tmp_path: Path) -> None:
    dev_file.publish(tmp_path, CONTENT)
    assert dev_file.set_aside(tmp_path) == (ACCOUNT,)
    assert names(tmp_path) == {"dev.json.kept"}
    assert dev_file.set_aside(tmp_path) == (ACCOUNT,)
    assert dev_file.read(tmp_path) == CONTENT


@pytest.mark.parametrize("text", [None, b"", b"{", b'{"accounts":3}'])
def test_a_missing_or_broken_file_has_no_accounts(tmp_path: Path, text: bytes | None) -> None:
    if text is not None:
        (tmp_path / "dev.json").write_bytes(text)
    assert dev_file.set_aside(tmp_path) == ()


def test_a_broken_file_falls_back_to_the_kept_one(tmp_path: Path) -> None:
    dev_file.keep(tmp_path, CONTENT)
    (tmp_path / "dev.json").write_bytes(b"")
    assert dev_file.read(tmp_path) == CONTENT
