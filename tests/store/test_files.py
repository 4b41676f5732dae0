"""A secret that lasts: made once, whoever comes first, and for its owner alone."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from weighbridge.errors import StoreError
from weighbridge.store.files import SECRET_BYTES, lasting_secret


def test_it_stays_the_same(tmp_path: Path) -> None:
    path = tmp_path / "key"
    made = lasting_secret(path)
    assert len(made) == SECRET_BYTES
    assert lasting_secret(path) == made
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_two_places_have_two(tmp_path: Path) -> None:
    assert lasting_secret(tmp_path / "a") != lasting_secret(tmp_path / "b")


def test_many_processes_make_one(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert len(set(pool.map(lasting_secret, [tmp_path / "key"] * 8))) == 1


def test_a_file_that_holds_something_else_is_told(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"short")
    with pytest.raises(StoreError, match="5 bytes"):
        lasting_secret(tmp_path / "key")


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        lasting_secret(tmp_path / "gone" / "key")
