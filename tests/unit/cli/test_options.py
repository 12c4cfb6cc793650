"""Which settings a command works with, from its options and the current folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.cli import dev_file
from dragoman.cli.options import find_settings
from dragoman.cli.outcome import ExitCode, Stop


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write_config(path: Path, listen: str) -> None:
    path.write_text(f'[http]\nlisten = "{listen}"\n')


def test_the_named_configuration_is_used(tmp_path: Path) -> None:
    write_config(tmp_path / "dragoman.toml", "127.0.0.1:1000")
    write_config(tmp_path / "other.toml", "127.0.0.1:2000")
    assert find_settings(Path("other.toml")).http.listen == "127.0.0.1:2000"


def test_the_configuration_here_comes_before_a_development_folder(tmp_path: Path) -> None:
    write_config(tmp_path / "dragoman.toml", "127.0.0.1:1000")
    (tmp_path / "dragoman-data").mkdir()
    assert find_settings(None).http.listen == "127.0.0.1:1000"


def test_a_development_folder_here_is_found(tmp_path: Path) -> None:
    (tmp_path / "dragoman-data").mkdir()
    settings = find_settings(None)
    assert settings.data_path == tmp_path / "dragoman-data"
    assert settings.carriers[0].name == "simulator"


def test_the_folder_that_dev_env_names_is_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bug: the commands of a shell that had read dev.env worked in one folder only."""
    write_config(tmp_path / "dragoman.toml", "127.0.0.1:1000")
    (tmp_path / "somewhere").mkdir()
    monkeypatch.setenv("DRAGOMAN_DATA", str(tmp_path / "somewhere"))
    assert find_settings(None).data_path == tmp_path / "somewhere"
    assert find_settings(Path("dragoman.toml")).http.listen == "127.0.0.1:1000"


def test_a_development_folder_knows_its_addresses(tmp_path: Path) -> None:
    content = dev_file.DevFile(base_url="http://[::1]:8081", smsc_host="::1", smsc_port=2776)
    dev_file.publish(tmp_path, content)
    settings = find_settings(None, tmp_path)
    assert settings.http.address == ("::1", 8081)
    assert (settings.carriers[0].host, settings.carriers[0].port) == ("::1", 2776)


def test_the_environment_alone_is_a_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_HTTP__LISTEN", "127.0.0.1:3000")
    assert find_settings(None).http.listen == "127.0.0.1:3000"


@pytest.mark.parametrize(
    ("config", "data", "code"),
    [
        (None, None, "no_configuration"),
        (None, Path("nowhere"), "no_configuration"),
        (Path("nowhere.toml"), None, "configuration"),
    ],
)
def test_nothing_to_work_with_is_wrong_usage(
    config: Path | None, data: Path | None, code: str
) -> None:
    with pytest.raises(Stop) as caught:
        find_settings(config, data)
    assert caught.value.exit_code is ExitCode.USAGE
    assert caught.value.code == code
