import hashlib
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.data.inspection import inspect_dataset
from nnunet_losses.data.raw import prepare_raw
from nnunet_losses.data.sources import select_cases

Write = Callable[..., None]
SMALL_PHANTOM = {"phantom": {"cases": 3, "shape": [24, 32, 32]}}


def described(source: dict[str, object], **changes: object) -> dict[str, object]:
    return {"name": "Dataset077_Prepared", "source": source, **changes}


def prepare(description: dict[str, object], tmp_path: Path, **options: object) -> Path:
    return prepare_raw(
        description, tmp_path / "prepared", downloads_dir=tmp_path / "downloads", progress=False, **options
    )


def fingerprint(folder: Path) -> dict[str, tuple[str, float]]:
    return {
        str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def decathlon(tmp_path: Path, write_image: Write) -> Path:
    """A Decathlon task of two channels in one 4D file, with the files that macOS leaves behind."""
    folder = tmp_path / "Task99_Toy"
    rng = np.random.default_rng(0)
    for case in ("toy_001", "toy_002", "toy_003"):
        write_image(
            folder / f"imagesTr/{case}.nii.gz",
            rng.integers(0, 99, (12, 10, 8, 2), np.int16),
            affine=np.diag([2, 1, 1, 1]),
        )
        write_image(folder / f"labelsTr/{case}.nii.gz", affine=np.diag([2, 1, 1, 1]))
        (folder / f"imagesTr/._{case}.nii.gz").write_bytes(b"mac")
    content = {
        "name": "Toy",
        "modality": {"0": "FLAIR", "1": "T1"},
        "labels": {"0": "background", "1": "tumour"},
        "numTraining": 3,
        "training": [
            {"image": f"./imagesTr/toy_00{n}.nii.gz", "label": f"./labelsTr/toy_00{n}.nii.gz"} for n in (1, 2, 3)
        ],
        "test": [],
    }
    (folder / "dataset.json").write_text(json.dumps(content))
    return folder


def test_a_phantom_is_prepared_once(tmp_path: Path) -> None:
    folder = prepare(described(SMALL_PHANTOM), tmp_path)
    assert len(inspect_dataset(folder).cases) == 3
    before = fingerprint(folder)
    assert prepare(described(SMALL_PHANTOM), tmp_path) == folder
    assert fingerprint(folder) == before


def test_a_change_of_the_description_is_noticed_and_named(tmp_path: Path) -> None:
    prepare(described(SMALL_PHANTOM), tmp_path)
    changed = {"phantom": {**SMALL_PHANTOM["phantom"], "seed": 9}}
    with pytest.raises(UserError, match=r"made from another description \(source\.seed differ\)"):
        prepare(described(changed), tmp_path)
    with pytest.raises(UserError, match=r"\(cases differ\)"):
        prepare(described(SMALL_PHANTOM), tmp_path, cases=2)


def test_licence_and_description_may_change_without_making_it_anew(tmp_path: Path) -> None:
    folder = prepare(described(SMALL_PHANTOM), tmp_path)
    assert prepare(described(SMALL_PHANTOM, description="said better"), tmp_path) == folder


def test_a_subset_of_a_phantom_holds_the_same_cases(tmp_path: Path) -> None:
    whole = prepare(described(SMALL_PHANTOM), tmp_path / "whole")
    part = prepare(described(SMALL_PHANTOM), tmp_path / "part", cases=["phantom_002"])
    assert [path.name for path in (part / "labelsTr").iterdir()] == ["phantom_002.nii.gz"]
    name = "imagesTr/phantom_002_0000.nii.gz"
    assert (part / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.parametrize("link", ["hard", "symbolic", "copy"])
def test_a_local_folder_is_brought_in_and_left_untouched(raw_dataset: Path, tmp_path: Path, link: str) -> None:
    before = fingerprint(raw_dataset)
    folder = prepare(described({"path": str(raw_dataset)}, licence="CC0"), tmp_path, link=link, cases=2)
    summary = inspect_dataset(folder)
    assert [case.case for case in summary.cases] == ["a", "b"]
    assert json.loads((folder / "dataset.json").read_text())["licence"] == "CC0"
    assert fingerprint(raw_dataset) == before
    image, source = (root / "imagesTr/a_0000.nii.gz" for root in (folder, raw_dataset))
    assert image.is_symlink() == (link == "symbolic")
    assert image.samefile(source) == (link != "copy")


def test_where_no_hard_link_is_possible_files_are_copied(
    raw_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbid(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", forbid)
    folder = prepare(described({"path": str(raw_dataset)}), tmp_path)
    assert not (folder / "imagesTr/a_0000.nii.gz").samefile(raw_dataset / "imagesTr/a_0000.nii.gz")
    assert len(inspect_dataset(folder).cases) == 3


def test_a_data_set_that_lies_there_already_is_used_as_it_is(raw_dataset: Path) -> None:
    description = {"name": raw_dataset.name, "source": {"path": str(raw_dataset)}}
    before = fingerprint(raw_dataset)
    assert prepare_raw(description, raw_dataset.parent) == raw_dataset
    assert fingerprint(raw_dataset) == before
    with pytest.raises(UserError, match="is its own source"):
        prepare_raw(description, raw_dataset.parent, cases=2)


def test_a_folder_of_somebody_else_is_not_overwritten(raw_dataset: Path) -> None:
    with pytest.raises(UserError, match="was not made by nnunet-losses"):
        prepare_raw({"name": raw_dataset.name, "source": SMALL_PHANTOM}, raw_dataset.parent)


def test_labels_can_be_renamed_and_grouped(raw_dataset: Path, tmp_path: Path) -> None:
    labels = {"background": 0, "whole": [1, 2], "core": 2}
    description = described({"path": str(raw_dataset)}, labels=labels, regions_class_order=[1, 2])
    summary = inspect_dataset(prepare(description, tmp_path))
    assert summary.cases[2].voxels == {"whole": 7, "core": 2}


def test_labels_with_other_values_are_refused(raw_dataset: Path, tmp_path: Path) -> None:
    description = described({"path": str(raw_dataset)}, labels={"background": 0, "lesion": 1})
    with pytest.raises(UserError, match=r"label values \[0, 1, 2\], but the data-set file names \[0, 1\]"):
        prepare(description, tmp_path)
    assert not (tmp_path / "prepared/Dataset077_Prepared").exists()


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (lambda folder: (folder / "labelsTr/b.nii.gz").unlink(), "case 'b' has no label file"),
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
    assert [path.name for path in (tmp_path / "prepared").iterdir()] == [".Dataset077_Prepared.lock"]


def test_a_decathlon_task_is_converted(decathlon: Path, tmp_path: Path) -> None:
    before = fingerprint(decathlon)
    folder = prepare(described({"path": str(decathlon)}), tmp_path, cases=2, workers=2)
    summary = inspect_dataset(folder)
    assert summary.channel_names == ("FLAIR", "T1")
    assert summary.labels == {"tumour": 1}
    assert [case.case for case in summary.cases] == ["toy_001", "toy_002"]
    assert summary.cases[0].spacing_mm == (2, 1, 1)
    whole = nib.load(decathlon / "imagesTr/toy_002.nii.gz")
    second = nib.load(folder / "imagesTr/toy_002_0001.nii.gz")
    np.testing.assert_array_equal(np.asarray(second.dataobj), np.asarray(whole.dataobj)[..., 1])
    np.testing.assert_array_equal(second.affine, whole.affine)
    assert second.get_data_dtype() == np.int16
    assert fingerprint(decathlon) == before


def test_a_decathlon_archive_is_downloaded_checked_and_converted(
    decathlon: Path, tmp_path: Path, web: tuple[str, Path]
) -> None:
    address, served = web
    with tarfile.open(served / "Task99_Toy.tar", "w") as archive:
        archive.add(decathlon, "Task99_Toy")
    digest = hashlib.md5((served / "Task99_Toy.tar").read_bytes()).hexdigest()
    source = {"download": {"url": f"{address}/Task99_Toy.tar", "checksum": f"md5:{digest}"}}
    folder = prepare(described(source, labels={"background": 0, "lesion": 1}), tmp_path)
    assert inspect_dataset(folder).labels == {"lesion": 1}
    assert sorted(path.name for path in folder.iterdir()) == ["dataset.json", "imagesTr", "labelsTr", "source.json"]


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


def test_an_unwritable_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "prepared").write_text("a file, no folder")
    with pytest.raises(UserError, match="Cannot write to"):
        prepare(described(SMALL_PHANTOM), tmp_path)


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
    folder = prepare(described({"path": str(source)}), tmp_path, cases=4, link="copy")
    names = [case.case for case in inspect_dataset(folder).cases]
    assert names == sorted(path.name[:-7] for path in (source / "labelsTr").iterdir())[:4]
