"""Archives that are damaged or hostile are refused in one sentence, and nothing is written outside or without end."""

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.data.addresses import Limits
from nnunet_losses.data.unpack import unpack


def make_tar(path: Path, members: dict[str, bytes | tarfile.TarInfo], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
            else:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return path


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_tars_are_unpacked_without_mac_files(tmp_path: Path, mode: str) -> None:
    members: dict[str, bytes | tarfile.TarInfo] = {"./T/dataset.json": b"{}", "./._T": b"x", "T/._dataset.json": b"x"}
    unpack(make_tar(tmp_path / "a.tar", members, mode), tmp_path / "out")
    assert files(tmp_path / "out") == ["T/dataset.json"]


def test_zips_are_unpacked_without_mac_files(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("T/dataset.json", "__MACOSX/T/dataset.json", "T/._dataset.json"):
            archive.writestr(name, "{}")
    unpack(tmp_path / "a.zip", tmp_path / "out")
    assert files(tmp_path / "out") == ["T/dataset.json"]


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "..\\evil", "C:/evil"])
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_members_that_lead_out_of_the_folder_are_refused(tmp_path: Path, name: str, kind: str) -> None:
    archive = tmp_path / f"a.{kind}"
    if kind == "tar":
        make_tar(archive, {name: b"x"})
    else:
        with zipfile.ZipFile(archive, "w") as zipped:
            zipped.writestr(name, "x")
    with pytest.raises(UserError, match="leads out of its folder"):
        unpack(archive, tmp_path / "deep/out")
    assert files(tmp_path) == [archive.name]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    archive = make_tar(tmp_path / "a.tar.gz", {"d": link("d", str(tmp_path), kind), "d/evil": b"x"})
    with pytest.raises(UserError, match="link or a device"):
        unpack(archive, tmp_path / "out")
    assert files(tmp_path) == ["a.tar.gz"]


def test_links_in_a_zip_are_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("d")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc")
    with pytest.raises(UserError, match="holds the link 'd'"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


@pytest.mark.parametrize("damage", ["not an archive", "cut short"])
def test_damaged_archives_are_refused_with_one_sentence(tmp_path: Path, damage: str) -> None:
    archive = make_tar(tmp_path / "a.tar.gz", {"T/x": bytes(range(256)) * 400})
    content = archive.read_bytes()
    if damage == "not an archive":
        content = b"<html>404</html>" * 100
    else:
        content = content[: len(content) // 2]
    archive.write_bytes(content)
    with pytest.raises(UserError, match="cannot be unpacked"):
        unpack(archive, tmp_path / "out")


def make_zip(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def sparse(size: int) -> bytes:
    """A tar of one member of ``size`` bytes that takes no space: GNU's sparse format, a hole and nothing else."""
    header = tarfile.TarInfo("T/hole")
    header.type = tarfile.GNUTYPE_SPARSE
    block = bytearray(header.tobuf(tarfile.GNU_FORMAT))
    block[386:398] = b"%011o\0" % size  # one piece of no bytes at the end
    block[398:410] = b"%011o\0" % 0
    block[483:495] = b"%011o\0" % size  # its real size
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + b"\0" * 10_240


BOMB = b"\0" * 120_000_000


@pytest.fixture(scope="module")
def bomb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A zip of 120 MB of zeros in 120 kB."""
    return make_zip(tmp_path_factory.mktemp("bomb") / "a.zip", {"T/x": BOMB})


def test_a_bomb_that_says_how_large_it_is_is_refused_before_anything_is_written(bomb: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"more than 100 times its own size of .*source\.download\.limits\.ratio"):
        unpack(bomb, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_higher_limit_lets_it_through(bomb: Path, tmp_path: Path) -> None:
    unpack(bomb, tmp_path / "out", Limits(ratio=2000))
    assert (tmp_path / "out/T/x").stat().st_size == len(BOMB)


def test_a_tar_that_does_not_say_how_large_it_is_stops_at_the_limit(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(sparse(8 * 10**9))
    with pytest.raises(UserError, match=r"more than 100 times its own size"):
        unpack(tmp_path / "a.tar", tmp_path / "out")
    assert (tmp_path / "out/T/hole").stat().st_size <= 101_000_000


@pytest.mark.parametrize("kind", ["tar", "zip"])
@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (Limits(size_gb=1e-6), r"more than 1e-06 GB, .*source\.download\.limits\.size_gb"),
        (Limits(files=2), r"more than 2 files, .*source\.download\.limits\.files"),
    ],
)
def test_size_and_number_of_files_are_limited(tmp_path: Path, kind: str, limits: Limits, sentence: str) -> None:
    members = {f"T/{n}": b"x" * 1000 for n in range(3)}
    archive = tmp_path / f"a.{kind}"
    make_zip(archive, members) if kind == "zip" else make_tar(archive, dict(members))
    with pytest.raises(UserError, match=sentence):
        unpack(archive, tmp_path / "out", limits)


def test_files_that_are_passed_over_count(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"._x": b"x" * 5000})
    with pytest.raises(UserError, match="more than 1e-06 GB"):
        unpack(archive, tmp_path / "out", Limits(size_gb=1e-6))


@pytest.mark.parametrize("name", [".", "./.", "a/\n", "a\x1b[2J", "\u202egnp.a"])
@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_members_without_a_proper_name_are_refused(tmp_path: Path, name: str, kind: str) -> None:
    archive = tmp_path / f"a.{kind}"
    make_zip(archive, {name: b"x"}) if kind == "zip" else make_tar(archive, {name: b"x"})
    with pytest.raises(UserError, match="do not trust this archive") as refusal:
        unpack(archive, tmp_path / "out")
    assert str(refusal.value).isprintable()


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"T/x": b"x"})
    content = bytearray(archive.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    archive.write_bytes(content)
    with pytest.raises(UserError, match="is encrypted; unpack it with its password"):
        unpack(archive, tmp_path / "out")


def test_a_zip_of_an_unknown_compression_is_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"T/x": b"x"}, zipfile.ZIP_STORED)
    content = bytearray(archive.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        content[content.index(mark) + offset] = 99
    archive.write_bytes(content)
    with pytest.raises(UserError, match="uses a compression that cannot be read here"):
        unpack(archive, tmp_path / "out")


def test_a_zip_whose_content_is_longer_than_it_says_is_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"T/x": b"x" * 5000})
    content = bytearray(archive.read_bytes())
    place = content.index(b"PK\x01\x02") + 24
    content[place : place + 4] = (10).to_bytes(4, "little")
    archive.write_bytes(content)
    with pytest.raises(UserError, match="cannot be unpacked"):
        unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_member_that_is_a_file_and_a_folder_is_refused(tmp_path: Path, kind: str) -> None:
    archive = tmp_path / f"a.{kind}"
    members = {"a": b"x", "a/b": b"x"}
    make_zip(archive, members) if kind == "zip" else make_tar(archive, dict(members))
    with pytest.raises(UserError, match="cannot be unpacked"):
        unpack(archive, tmp_path / "out")
