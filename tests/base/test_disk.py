"""A full disk is one sentence, costs nothing that was there, and with space the same command finishes."""

import errno
from pathlib import Path

import pytest

from nnunet_losses.base.disk import (
    DiskFullError,
    bytes_text,
    disk_full,
    is_disk_full,
    no_space_left,
    on_disk,
    require_space,
)
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import check_writable, new_folder, write_atomically

from ..conftest import SmallDisk


def test_a_file_that_does_not_fit_leaves_the_old_one(small_disk: SmallDisk) -> None:
    small = small_disk.folder
    target = small / "a.bin"
    target.write_bytes(b"old")
    sentence = r"not enough space for .*/small: more than .* needed, .* free. Free some"
    with pytest.raises(DiskFullError, match=sentence), write_atomically(target) as temporary:
        temporary.write_bytes(b"x" * 2_000_000)
    assert target.read_bytes() == b"old"
    assert list(small.iterdir()) == [target]
    with write_atomically(target) as temporary:
        temporary.write_bytes(b"x" * 500_000)
    assert target.stat().st_size == 500_000


def test_a_folder_that_does_not_fit_leaves_the_old_one(small_disk: SmallDisk) -> None:
    small = small_disk.folder

    def make(size: int) -> None:
        with new_folder(small / "f", replace=True) as folder:
            (folder / "a").write_bytes(b"x" * size)

    make(100_000)
    with pytest.raises(DiskFullError, match="more than"):
        make(2_000_000)
    assert (small / "f/a").stat().st_size == 100_000
    make(200_000)
    assert (small / "f/a").stat().st_size == 200_000
    assert not (small / ".f.partial").exists()


def test_space_is_asked_for_in_advance(tmp_path: Path) -> None:
    require_space(tmp_path / "not/yet/there", 1)
    with pytest.raises(DiskFullError, match=r"there: 1000000.0 TB are needed, .* are free"):
        require_space(tmp_path / "not/yet/there", 10**18)


def test_a_full_disk_is_seen_through_what_libraries_make_of_it(tmp_path: Path) -> None:
    wrapped = RuntimeError("PytorchStreamWriter failed writing file")
    wrapped.__cause__ = ValueError("something")
    wrapped.__cause__.__context__ = OSError(errno.EDQUOT, "Disk quota exceeded")
    assert is_disk_full(wrapped)
    assert not is_disk_full(OSError(errno.EACCES, "Permission denied"))
    with pytest.raises(DiskFullError, match="5 bytes are needed"), on_disk(tmp_path, 5):
        raise wrapped
    with pytest.raises(ValueError, match="else"), on_disk(tmp_path):
        raise ValueError("something else")
    with pytest.raises(DiskFullError) as refusal, on_disk(tmp_path):
        raise disk_full(tmp_path / "named first")
    assert "named first" in str(refusal.value)


@pytest.mark.parametrize(
    ("count", "text"), [(999, "999 bytes"), (1000, "1.0 kB"), (999_960, "1.0 MB"), (29 * 10**9, "29.0 GB")]
)
def test_bytes_are_written_for_a_person(count: int, text: str) -> None:
    assert bytes_text(count) == text


def test_the_disk_is_asked_where_a_library_does_not_say_why(small_disk: SmallDisk) -> None:
    folder = small_disk.folder

    def cut_short() -> None:
        """As SimpleITK does: no error."""
        (folder / "a").write_bytes(bytes(900_000))

    with pytest.raises(ValueError, match="of another kind"), on_disk(folder, ask=True):
        raise ValueError("of another kind")
    cut_short()
    small_disk.fill(0)
    assert no_space_left(folder)
    assert no_space_left(folder / "not" / "yet")
    sentence = pytest.raises(DiskFullError, match=r"for .*/small: 7 bytes are needed, .* free")
    with sentence, on_disk(folder, 7, ask=True):
        raise RuntimeError("unexpected pos 576 vs 534")  # PyTorch
    with sentence, on_disk(folder, 7, ask=True):
        cut_short()
    with pytest.raises(UserError, match="for its own reason"), on_disk(folder, ask=True):
        raise UserError("for its own reason")
    with pytest.raises(DiskFullError, match="not enough space for .*/small"):
        check_writable(folder)
    small_disk.grow()
    assert not no_space_left(folder)
    check_writable(folder)
