import hashlib
import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.data.download import RecordedChecksums, download, unpack

Web = tuple[str, Path]


@pytest.fixture(autouse=True)
def no_waiting_between_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pooch.core.time.sleep", lambda _: None)


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


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


def test_a_download_with_the_right_checksum_is_kept_and_not_repeated(web: Web, tmp_path: Path) -> None:
    address, served = web
    (served / "data.bin").write_bytes(b"lesions")
    target = tmp_path / "downloads" / "data.bin"
    download(f"{address}/data.bin", target, sha256(b"lesions"), progress=False)
    (served / "data.bin").unlink()
    assert download(f"{address}/data.bin", target, sha256(b"lesions"), progress=False).read_bytes() == b"lesions"


def test_md5_is_accepted(web: Web, tmp_path: Path) -> None:
    address, served = web
    (served / "data.bin").write_bytes(b"lesions")
    checksum = f"md5:{hashlib.md5(b'lesions').hexdigest()}"
    assert download(f"{address}/data.bin", tmp_path / "data.bin", checksum, progress=False).exists()


def test_a_wrong_checksum_keeps_nothing(web: Web, tmp_path: Path) -> None:
    address, served = web
    (served / "data.bin").write_bytes(b"something else")
    with pytest.raises(UserError, match="does not have the checksum sha256:"):
        download(f"{address}/data.bin", tmp_path / "downloads/data.bin", sha256(b"lesions"), progress=False)
    assert files(tmp_path / "downloads") == []


def test_a_damaged_earlier_download_is_replaced(web: Web, tmp_path: Path) -> None:
    address, served = web
    (served / "data.bin").write_bytes(b"lesions")
    target = tmp_path / "data.bin"
    target.write_bytes(b"lesi")
    assert download(f"{address}/data.bin", target, sha256(b"lesions"), progress=False).read_bytes() == b"lesions"


def test_what_cannot_be_reached_says_where_to_put_the_file(web: Web, tmp_path: Path) -> None:
    address, _ = web
    target = tmp_path / "downloads/absent.bin"
    with pytest.raises(UserError, match=r"absent\.bin could not be downloaded .*put it at"):
        download(f"{address}/absent.bin", target, sha256(b""), progress=False)


def test_unknown_checksums_are_recorded_and_compared_later(web: Web, tmp_path: Path) -> None:
    address, served = web
    (served / "a.bin").write_bytes(b"first")
    lock = tmp_path / "checksums.sha256"
    target = tmp_path / "images/a.bin"
    RecordedChecksums(lock).download(f"{address}/a.bin", target, progress=False)
    assert lock.read_text() == f"{hashlib.sha256(b'first').hexdigest()}  images/a.bin\n"
    target.unlink()
    (served / "a.bin").write_bytes(b"changed by its author")
    with pytest.raises(UserError, match="damaged or was changed"):
        RecordedChecksums(lock).download(f"{address}/a.bin", target, progress=False)
    assert not target.exists()


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
