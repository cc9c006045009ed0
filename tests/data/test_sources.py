"""Folders, archives and files become a raw data set."""

import hashlib
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.data.inspection import inspect_dataset
from nnunet_losses.data.sources import select_cases

from .prepared import described, fingerprint, prepare, verify_in_threads


def test_a_local_folder_is_brought_in_and_left_untouched(raw_dataset: Path, tmp_path: Path) -> None:
    before = fingerprint(raw_dataset)
    folder = prepare(described({"path": str(raw_dataset)}, licence="CC0"), tmp_path, cases=2)
    summary = inspect_dataset(folder)
    assert [case.case for case in summary.cases] == ["a", "b"]
    assert json.loads((folder / "dataset.json").read_text())["licence"] == "CC0"
    assert fingerprint(raw_dataset) == before


def test_no_link_lets_the_source_and_what_was_prepared_change_each_other(raw_dataset: Path, tmp_path: Path) -> None:
    folder = prepare(described({"path": str(raw_dataset)}), tmp_path)
    before = fingerprint(raw_dataset)
    for path in folder.rglob("*.nii.gz"):
        assert not path.is_symlink()
        path.write_bytes(b"edited")
    assert fingerprint(raw_dataset) == before


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (lambda folder: (folder / "labelsTr/b.nii.gz").unlink(), "Case 'b' has no label file"),
        (lambda folder: (folder / "dataset.json").unlink(), "has no dataset.json"),
        (lambda folder: folder.rename(folder.parent / "moved"), "does not exist"),
    ],
)
def test_a_broken_source_leaves_nothing_behind(
    raw_dataset: Path, tmp_path: Path, break_it: Callable[[Path], object], sentence: str
) -> None:
    break_it(raw_dataset)
    with pytest.raises(UserError) as refusal:
        prepare(described({"path": str(raw_dataset)}), tmp_path)
    assert sentence in str(refusal.value)
    assert not (tmp_path / "prepared/Dataset077_Prepared").exists()


def test_a_decathlon_archive_is_downloaded_checked_and_converted(
    decathlon: Path, tmp_path: Path, web: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, served = web
    with tarfile.open(served / "Task99_Toy.tar", "w") as archive:
        archive.add(decathlon, "Task99_Toy")
    digest = hashlib.md5((served / "Task99_Toy.tar").read_bytes()).hexdigest()
    source = {"download": {"url": f"{address}/Task99_Toy.tar", "checksum": f"md5:{digest}"}}
    folder = prepare(described(source, labels={"background": 0, "lesion": 1}), tmp_path)
    assert inspect_dataset(folder).labels == {"lesion": 1}
    assert sorted(path.name for path in folder.iterdir()) == ["dataset.json", "imagesTr", "labelsTr", "source.json"]
    for case in ("toy_001", "toy_003"):
        stored: Any = nib.load(decathlon / f"imagesTr/{case}.nii.gz")
        for channel in range(2):
            image: Any = nib.load(folder / f"imagesTr/{case}_{channel:04d}.nii.gz")
            np.testing.assert_array_equal(image.dataobj, np.asanyarray(stored.dataobj)[..., channel])
            np.testing.assert_array_equal(image.affine, stored.affine)
    verify_in_threads(folder, monkeypatch)


def test_files_are_downloaded_one_by_one(raw_dataset: Path, tmp_path: Path, web: tuple[str, Path]) -> None:
    address, served = web
    for number, case in enumerate("abc", start=1):
        (served / f"patient{number:02d}").mkdir()
        for source, target in (("imagesTr/{}_0000", "FLAIR"), ("imagesTr/{}_0001", "T1W"), ("labelsTr/{}", "gt")):
            content = (raw_dataset / f"{source.format(case)}.nii.gz").read_bytes()
            (served / f"patient{number:02d}/{target}.nii.gz").write_bytes(content)
    base = address + "/patient{case:02d}/"
    download = {
        "cases": [1, 3],
        "case_name": "patient{case:02d}",
        "images": {"FLAIR": base + "FLAIR.nii.gz", "T1": base + "T1W.nii.gz"},
        "label": base + "gt.nii.gz",
    }
    description = described({"download": download}, labels={"background": 0, "lesion": 1, "other": 2})
    folder = prepare(description, tmp_path, cases=2)
    summary = inspect_dataset(folder)
    assert [case.case for case in summary.cases] == ["patient01", "patient02"]
    assert summary.channel_names == ("FLAIR", "T1")
    recorded = (tmp_path / "downloads/Dataset077_Prepared/checksums.sha256").read_text().splitlines()
    assert len(recorded) == 6


@pytest.mark.parametrize(
    ("cases", "sentence"),
    [(0, "between 1 and 3"), (4, "between 1 and 3"), (["case_b1"], "no case 'case_b1'; did you mean 'case_b'?")],
)
def test_cases_that_are_not_there_are_refused(cases: int | list[str], sentence: str) -> None:
    with pytest.raises(UserError) as refusal:
        select_cases(["case_c", "case_b", "case_a"], cases, "It")
    assert sentence in str(refusal.value)


def test_a_part_of_real_hippocampus_is_prepared_from_its_folder(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "Dataset004_Hippocampus"
    folder = prepare(described({"path": str(source)}), tmp_path, cases=4)
    names = [case.case for case in inspect_dataset(folder).cases]
    assert names == sorted(path.name[:-7] for path in (source / "labelsTr").iterdir())[:4]


def test_an_archive_without_a_data_set_is_refused(tmp_path: Path, web: tuple[str, Path]) -> None:
    address, served = web
    (tmp_path / "notes.txt").write_text("no data")
    with tarfile.open(served / "a.tar", "w") as archive:
        archive.add(tmp_path / "notes.txt", "notes.txt")
    digest = hashlib.sha256((served / "a.tar").read_bytes()).hexdigest()
    source = {"download": {"url": f"{address}/a.tar", "checksum": f"sha256:{digest}"}}
    with pytest.raises(UserError, match=r"a\.tar holds no dataset\.json"):
        prepare(described(source), tmp_path)
