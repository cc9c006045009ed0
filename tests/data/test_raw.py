"""A described data set is made once, and only from its description."""

import gzip
import hashlib
import json
import multiprocessing
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from nnunet_losses.base.disk import DiskFullError
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import file_sha256
from nnunet_losses.data.description import load_dataset_description
from nnunet_losses.data.inspection import inspect_dataset
from nnunet_losses.data.raw import data_fingerprint, depends_on, prepare_raw, source_state

from ..conftest import SmallDisk
from .prepared import SMALL_PHANTOM, described, fingerprint, prepare


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


def test_an_unwritable_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "prepared").write_text("a file, no folder")
    with pytest.raises(UserError, match="Cannot write to"):
        prepare(described(SMALL_PHANTOM), tmp_path)


def change(path: Path, how: str, voxels: np.ndarray) -> None:
    """Write other voxels into the file, or put another file in its place."""
    image = nib.Nifti1Image(voxels, np.eye(4))
    if how == "edited in place":
        with path.open("r+b") as file:
            file.truncate()
            file.write(gzip.compress(image.to_bytes()))
    else:
        nib.save(image, path.with_name("new.nii.gz"))
        path.with_name("new.nii.gz").replace(path)


@pytest.mark.parametrize("how", ["edited in place", "replaced"])
def test_a_changed_source_is_prepared_again_and_what_changed_is_said(
    raw_dataset: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    description = described({"path": str(raw_dataset)})
    folder = prepare(description, tmp_path)
    before, fingerprints = fingerprint(folder), {data_fingerprint(folder)}
    assert prepare(description, tmp_path) == folder
    assert (fingerprint(folder), caplog.text) == (before, "")
    voxels = np.zeros((12, 10, 8), np.uint8)
    voxels[3:6] = 1
    change(raw_dataset / "labelsTr/b.nii.gz", how, voxels)
    assert fingerprint(folder) == before  # no link between them
    prepare(description, tmp_path)
    assert "(changed: labelsTr/b.nii.gz). The data set is prepared again." in caplog.text
    np.testing.assert_array_equal(np.asarray(nib.load(folder / "labelsTr/b.nii.gz").dataobj), voxels)
    assert len(fingerprints | {data_fingerprint(folder)}) == 2


def test_new_and_removed_cases_are_changes(raw_dataset: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    description = described({"path": str(raw_dataset)})
    folder = prepare(description, tmp_path)
    for path in [*raw_dataset.rglob("c*.nii.gz")]:
        path.rename(path.with_name(path.name.replace("c", "d", 1)))
    prepare(description, tmp_path)
    assert (
        "new: imagesTr/d_0000.nii.gz, imagesTr/d_0001.nii.gz, labelsTr/d.nii.gz; gone: imagesTr/c_0000" in caplog.text
    )
    assert [case.case for case in inspect_dataset(folder).cases] == ["a", "b", "d"]


def test_a_file_that_was_only_touched_or_copied_changes_nothing(
    raw_dataset: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    description = described({"path": str(raw_dataset)})
    folder = prepare(description, tmp_path)
    before = fingerprint(folder)
    (raw_dataset / "labelsTr/b.nii.gz").touch()
    copy = tmp_path / "copy" / raw_dataset.name
    shutil.copytree(raw_dataset, copy)
    shutil.rmtree(raw_dataset)
    copy.rename(raw_dataset)
    prepare(description, tmp_path)
    assert (fingerprint(folder), caplog.text) == (before, "")


def test_a_label_that_was_corrected_is_taken_by_the_same_command(
    raw_dataset: Path, tmp_path: Path, write_image: Callable[..., None]
) -> None:
    description = described({"path": str(raw_dataset)})
    write_image(raw_dataset / "labelsTr/b.nii.gz", value=7)
    with pytest.raises(UserError, match="holds the value 7"):
        inspect_dataset(prepare(description, tmp_path))
    write_image(raw_dataset / "labelsTr/b.nii.gz", value=1)
    assert len(inspect_dataset(prepare(description, tmp_path)).cases) == 3


def test_edits_of_what_was_prepared_are_refused_and_not_lost(raw_dataset: Path, tmp_path: Path) -> None:
    description = described({"path": str(raw_dataset)})
    folder = prepare(description, tmp_path)
    (folder / "labelsTr/b.nii.gz").write_bytes(b"hours of work")
    with pytest.raises(
        UserError, match=r"was edited after it was prepared \(changed: labelsTr/b.nii.gz\); correct the"
    ):
        prepare(description, tmp_path)
    assert (folder / "labelsTr/b.nii.gz").read_bytes() == b"hours of work"


def test_a_source_that_is_gone_leaves_what_was_prepared(
    raw_dataset: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    description = described({"path": str(raw_dataset)})
    folder = prepare(description, tmp_path)
    raw_dataset.rename(tmp_path / "unmounted")
    assert prepare(description, tmp_path) == folder
    assert "it is unknown whether it has changed" in caplog.text


def test_a_workflow_learns_of_changes_without_reading_the_files(raw_dataset: Path, tmp_path: Path) -> None:
    description = load_dataset_description(described({"path": str(raw_dataset)}))

    def state() -> str:
        return source_state(description, tmp_path / "raw")

    states = [state(), state()]
    change(raw_dataset / "imagesTr/a_0000.nii.gz", "edited in place", np.ones((12, 10, 8), np.uint8))
    states.append(state())
    shutil.copy2(raw_dataset / "imagesTr/a_0001.nii.gz", raw_dataset / "imagesTr/a_0000.nii.gz")
    states.append(state())
    (raw_dataset / "dataset.json").unlink()
    states.append(state())
    assert states[0] == states[1]
    assert len(set(states)) == 4
    assert source_state(load_dataset_description(described(SMALL_PHANTOM)), tmp_path / "raw") == ""


def test_copied_files_are_no_change_for_a_workflow(
    raw_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    description = load_dataset_description(described({"path": str(raw_dataset)}))
    read: list[Path] = []
    monkeypatch.setattr(
        "nnunet_losses.data.fingerprint.file_sha256", lambda path: (read.append(path), file_sha256(path))[1]
    )

    def state() -> str:
        read.clear()
        return source_state(description, tmp_path / "raw")

    first = state()
    folder = prepare_raw(description, tmp_path / "raw", progress=False)
    assert state() == first
    assert read == []
    copied = tmp_path / "copied"
    shutil.copytree(raw_dataset, copied, copy_function=shutil.copy)  # other times
    raw_dataset.rename(tmp_path / "unmounted")
    assert state() == first
    mistyped = load_dataset_description(described({"path": str(tmp_path / "mistyped")}))
    assert source_state(mistyped, tmp_path / "raw") != first
    copied.rename(raw_dataset)
    assert state() == first
    assert len(read) > 1
    assert state() == first
    assert read == []
    read.clear()
    assert prepare_raw(description, tmp_path / "raw", progress=False) == folder
    assert not [path for path in read if path.is_relative_to(raw_dataset)]
    raw_dataset.rename(tmp_path / "moved")
    moved = load_dataset_description(described({"path": str(tmp_path / "moved")}))
    assert source_state(moved, tmp_path / "raw") == first
    assert depends_on(moved) == depends_on(description)
    assert prepare_raw(moved, tmp_path / "raw", progress=False) == folder
    (tmp_path / "moved").rename(raw_dataset)
    assert source_state(moved, tmp_path / "raw") == first  # its new disk is not mounted
    assert state() == first
    change(raw_dataset / "imagesTr/a_0000.nii.gz", "edited in place", np.ones((12, 10, 8), np.uint8))
    edited = state()
    assert edited != first
    with pytest.raises(UserError, match=r"another description \(source\.path differ"):
        shutil.copytree(raw_dataset, tmp_path / "another")
        prepare_raw(described({"path": str(tmp_path / "another")}), tmp_path / "raw", progress=False)
    prepare_raw(description, tmp_path / "raw", progress=False)
    assert state() == edited


def test_a_disk_too_small_for_a_folder_leaves_the_earlier_one(
    raw_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    description = described({"path": str(raw_dataset)})
    folder = prepare(description, tmp_path)
    before = fingerprint(folder)
    change(raw_dataset / "imagesTr/a_0000.nii.gz", "replaced", np.ones((12, 10, 8), np.uint8))
    with monkeypatch.context() as patch, pytest.raises(DiskFullError, match=r"are needed, 10 bytes are free"):
        patch.setattr("nnunet_losses.base.disk.free_bytes", lambda _: 10)
        prepare(description, tmp_path)
    assert fingerprint(folder) == before
    assert fingerprint(prepare(description, tmp_path)) != before


def make_large(dataset: Path) -> None:
    """Images of 1.5 MB that cannot be compressed."""
    rng = np.random.default_rng(0)
    for path in (dataset / "imagesTr").iterdir():
        nib.save(nib.Nifti1Image(rng.integers(0, 1 << 15, (50, 50, 50), np.int16), np.eye(4)), path)
    label = np.zeros((50, 50, 50), np.uint8)
    label[2, 2, 2] = 1
    for path in (dataset / "labelsTr").iterdir():
        nib.save(nib.Nifti1Image(label, np.eye(4)), path)


def test_a_full_disk_stops_the_preparation_and_with_space_the_same_command_finishes(
    small_disk: SmallDisk, raw_dataset: Path
) -> None:
    make_large(raw_dataset)
    description, raw = described({"path": str(raw_dataset)}), small_disk.folder / "raw"
    with pytest.raises(DiskFullError, match=r"not enough space for .*/small/raw.*: 1\.. MB are needed, .* are free"):
        prepare_raw(description, raw, progress=False)
    assert [path.name for path in raw.iterdir() if not path.name.endswith(".lock")] == []
    small_disk.grow()
    assert len(inspect_dataset(prepare_raw(description, raw, progress=False)).cases) == 3


def test_a_disk_too_small_for_an_archive_is_said_and_what_was_there_stays(
    small_disk: SmallDisk, raw_dataset: Path, tmp_path: Path, web: tuple[str, Path]
) -> None:
    address, served = web
    make_large(raw_dataset)
    with tarfile.open(served / "a.tar", "w") as archive:
        archive.add(raw_dataset, raw_dataset.name)
    checksum = f"md5:{hashlib.md5((served / 'a.tar').read_bytes()).hexdigest()}"
    description = described({"download": {"url": f"{address}/a.tar", "checksum": checksum}})
    with pytest.raises(DiskFullError, match=r"more than .* are needed, .* are free"):
        prepare_raw(description, small_disk.folder, downloads_dir=tmp_path / "kept", progress=False)
    assert [path.name for path in small_disk.folder.iterdir() if not path.name.endswith(".lock")] == []


def test_a_folder_of_an_earlier_version_is_prepared_again(
    raw_dataset: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    description = described({"path": str(raw_dataset)})
    record = prepare(description, tmp_path) / "source.json"
    then = json.loads(record.read_text())
    record.write_text(json.dumps({key: value for key, value in then.items() if key not in ("files", "made")}))
    prepare(description, tmp_path)
    assert "(an earlier version recorded no files). The data set is prepared again." in caplog.text
    assert json.loads(record.read_text())["files"].keys() == then["files"].keys()


def test_a_key_that_an_earlier_version_did_not_know_is_no_change_unless_it_is_used(tmp_path: Path) -> None:
    record = prepare(described(SMALL_PHANTOM), tmp_path) / "source.json"
    then = json.loads(record.read_text())
    del then["source"]["look"], then["source"]["organs"]
    record.write_text(json.dumps(then))
    prepare(described(SMALL_PHANTOM), tmp_path)
    changed = {"phantom": {**SMALL_PHANTOM["phantom"], "look": "vessels"}}
    with pytest.raises(UserError, match=r"\(source\.look differ\)"):
        prepare(described(changed), tmp_path)


def test_eight_processes_that_ask_for_the_same_data_set_get_one(tmp_path: Path) -> None:
    phantom = {"cases": 2, "shape": [16, 16, 16], "lesions": [1, 2]}
    description = load_dataset_description({"name": "Dataset900_P", "source": {"phantom": phantom}})
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(8)

    def ask(cases: int) -> None:
        barrier.wait()
        prepare_raw(description, tmp_path, cases=cases, progress=False)

    asked = [context.Process(target=ask, args=(2,)) for _ in range(8)]
    for process in asked:
        process.start()
    for process in asked:
        process.join()
    assert [process.exitcode for process in asked] == [0] * 8
    assert len(list((tmp_path / "Dataset900_P/labelsTr").iterdir())) == 2
