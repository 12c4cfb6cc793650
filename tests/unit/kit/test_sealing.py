"""A sealed secret tells nothing without its key, and the key is nobody else's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dragoman.kit.sealing import SealBroken, Sealer

SECRET = "t0ken-of-an-account"


def test_a_secret_is_sealed_and_opened_by_whoever_has_the_file(tmp_path: Path) -> None:
    path = tmp_path / "data" / "dragoman.key"
    sealed = Sealer(path).seal(SECRET)
    assert SECRET.encode() not in sealed
    assert Sealer(path).unseal(sealed) == SECRET
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(path.parent) == [path.name]


def test_the_same_secret_is_sealed_otherwise_each_time(tmp_path: Path) -> None:
    sealer = Sealer(tmp_path / "key")
    assert sealer.seal(SECRET) != sealer.seal(SECRET)


def test_a_key_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "key"
    Sealer(path).seal(SECRET)
    key = path.read_bytes()
    Sealer(path).seal(SECRET)
    assert path.read_bytes() == key


def test_without_its_key_nothing_is_opened_and_none_is_made(tmp_path: Path) -> None:
    path = tmp_path / "key"
    sealed = Sealer(path).seal(SECRET)
    path.unlink()
    with pytest.raises(SealBroken, match="No such file"):
        Sealer(path).unseal(sealed)
    assert not path.exists()


def test_another_key_opens_nothing(tmp_path: Path) -> None:
    sealed = Sealer(tmp_path / "one").seal(SECRET)
    other = Sealer(tmp_path / "other")
    other.seal(SECRET)
    with pytest.raises(SealBroken, match="not the key"):
        other.unseal(sealed)


def test_a_changed_secret_is_not_opened(tmp_path: Path) -> None:
    sealer = Sealer(tmp_path / "key")
    sealed = bytearray(sealer.seal(SECRET))
    sealed[20] ^= 1
    with pytest.raises(SealBroken):
        sealer.unseal(bytes(sealed))


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 44])
def test_what_is_no_key_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(SealBroken, match="does not hold a key"):
        Sealer(path).seal(SECRET)
