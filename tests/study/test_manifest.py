"""A finished report knows what it was made from."""

import os
from pathlib import Path

import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.study.manifest import Finding, check_manifest, write_manifest

FOLDERS = ["tables/a", "tables/b", "models", "reports"]
MANIFEST = "reports/manifest.json"


@pytest.fixture(autouse=True)
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files of a finished study."""
    monkeypatch.chdir(tmp_path)
    for file in ("tables/a/cases.parquet", "tables/a/lesions.parquet", "tables/b/cases.parquet", "models/final.pth"):
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text(f"content of {file}")
    write_manifest(MANIFEST, FOLDERS)
    return tmp_path


def check(folders: list[str] = FOLDERS) -> Finding:
    """Check, tables being what is made again."""
    return check_manifest(
        MANIFEST, folders, lambda file: file if file.startswith("tables/") else None, report="The report"
    )


def test_what_is_as_it_was_raises_no_alarm() -> None:
    os.utime("tables/a/cases.parquet")
    Path("tables/a/cases.parquet").chmod(0o600)
    Path("tables/a/further.parquet").write_text("somebody's own")
    Path("tables/a/.hidden").write_text("")
    assert check() == Finding()


def test_a_report_without_a_manifest_is_not_finished() -> None:
    Path(MANIFEST).unlink()
    Path("tables/a/cases.parquet").unlink()
    assert check() == Finding()


def test_what_is_gone_or_edited_is_made_again_and_named() -> None:
    Path("tables/a/lesions.parquet").unlink()
    edited = Path("tables/b/cases.parquet")
    before = edited.stat()
    edited.write_text("Content of tables/b/cases.parquet")  # as long as it was, and no younger
    os.utime(edited, ns=(before.st_atime_ns, before.st_mtime_ns))
    finding = check()
    assert set(finding.again) == {"tables/a/lesions.parquet", "tables/b/cases.parquet"}
    (note,) = finding.notes
    assert "(changed: tables/b/cases.parquet; gone: tables/a/lesions.parquet)" in note
    assert "made again" in note


def test_what_is_not_made_again_is_named() -> None:
    Path("models/final.pth").unlink()
    finding = check()
    assert finding.again == ()
    (note,) = finding.notes
    assert "The report stays as it is" in note
    assert "gone: models/final.pth" in note


def test_folders_that_no_longer_belong_to_the_study_may_be_gone() -> None:
    Path("tables/b/cases.parquet").unlink()
    assert check(["tables/a", "models", "reports"]) == Finding()


@pytest.mark.parametrize("content", ["", "[]", "{}", "[" * 100_000], ids=["empty", "list", "no files", "nested"])
def test_a_manifest_that_cannot_be_read_is_one_sentence(content: str) -> None:
    Path(MANIFEST).write_text(content)
    with pytest.raises(UserError, match=r"reports/manifest\.json cannot be read .*; remove it"):
        check()
