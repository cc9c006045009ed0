"""Files and folders are complete or absent."""

import json
import multiprocessing
import time
from pathlib import Path

import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import check_writable, new_folder, write_atomically, write_json


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    target.write_text("old")
    with pytest.raises(RuntimeError, match="half"), write_atomically(target) as temporary:
        temporary.write_text("new")
        raise RuntimeError("half way")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_writing_makes_folders_and_keeps_the_suffix_and_the_usual_mode(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "table.tar.gz"
    with write_atomically(target) as temporary:
        assert temporary.name.endswith(".tar.gz")
        temporary.write_bytes(b"x")
    plain = tmp_path / "plain"
    plain.touch()
    assert target.read_bytes() == b"x"
    assert target.stat().st_mode == plain.stat().st_mode


def test_json_round_trips(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"a": [1, None, "ü"]})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": [1, None, "ü"]}


def test_a_folder_below_a_file_cannot_be_written_and_the_sentence_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check_writable(tmp_path / "new" / "deep")
    check_writable(tmp_path / "new" / "deep")
    with pytest.raises(UserError, match=r"Cannot write to .*/file/out \(Not a directory\)"):
        check_writable(tmp_path / "file" / "out")


def test_a_folder_is_made_anew_or_replaced_but_never_by_a_failed_one(tmp_path: Path) -> None:
    target = tmp_path / "out" / "folder"
    with new_folder(target) as folder:
        (folder / "first").touch()
        assert not target.exists()
    with pytest.raises(UserError, match="folder exists already"), new_folder(target):
        pytest.fail("the block ran")
    with pytest.raises(RuntimeError, match="half"), new_folder(target, replace=True) as folder:
        (folder / "second").touch()
        raise RuntimeError("half way")
    assert [path.name for path in target.iterdir()] == ["first"]
    with new_folder(target, replace=True) as folder:
        (folder / "third").touch()
    assert [path.name for path in target.iterdir()] == ["third"]
    assert sorted(path.name for path in target.parent.iterdir()) == [".folder.lock", "folder"]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="Cannot write to"), new_folder(tmp_path / "file" / "x"):
        pytest.fail("the block ran")


def _fill_and_hang(path: Path) -> None:
    with new_folder(path) as folder:
        (folder / "half").touch()
        time.sleep(60)


def test_a_killed_builder_leaves_no_folder_and_the_next_one_starts_clean(tmp_path: Path) -> None:
    target = tmp_path / "Dataset001_X"
    builder = multiprocessing.get_context("fork").Process(target=_fill_and_hang, args=(target,))
    builder.start()
    deadline = time.monotonic() + 20
    while not (tmp_path / ".Dataset001_X.partial/half").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    builder.kill()
    builder.join()
    assert not target.exists()
    with new_folder(target) as folder:
        assert list(folder.iterdir()) == []
        (folder / "whole").touch()
    assert [path.name for path in target.iterdir()] == ["whole"]
    assert not (tmp_path / ".Dataset001_X.partial").exists()
