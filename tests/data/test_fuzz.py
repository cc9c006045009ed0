"""Whatever data-set files, dataset.json, archives and images hold: our own errors, and nothing written outside."""

import gzip
import io
import json
import logging
import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from nnunet_losses.base.images import check_intact, read_geometry, read_segmentation
from nnunet_losses.data.addresses import Limits
from nnunet_losses.data.description import find_descriptions, load_dataset_description
from nnunet_losses.data.inspection import inspect_dataset
from nnunet_losses.data.looks import look_at
from nnunet_losses.data.raw import prepare_raw
from nnunet_losses.data.sources import bring_folder, folder_cases
from nnunet_losses.data.unpack import unpack

from ..fuzzing import damaged, examples, files_in, outcome

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
PATHS = st.sampled_from(
    [
        "imagesTr/a_0000.nii.gz",
        "labelsTr/a.nii.gz",
        "../precious.nii.gz",
        "/etc/passwd",
        "a/../../x.nii.gz",
        "$HOME/.nii.gz",
    ]
)
NAMES = st.sampled_from(["a", "b", "..", "../../precious", "/tmp/x", "a\n", "", ".", "\x1b[2J"]) | st.text(max_size=8)
JSON = st.recursive(
    SCALARS | PATHS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6) | NAMES, inner, max_size=3),
    max_leaves=6,
)
ENTRY = st.fixed_dictionaries({"images": st.lists(PATHS | JSON, max_size=2), "label": PATHS | JSON}) | JSON
SOUND = {
    "channel_names": {"0": "MRI"},
    "labels": {"background": 0, "lesion": 1},
    "numTraining": 2,
    "file_ending": ".nii.gz",
}
# Nine lines that stand for 10^9 values.
LAUGHS = "\n".join(
    ["labels:", "  background: &a0 [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]"]
    + [f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    + ["name: Dataset001_A", "source: {path: x}"]
).encode()
CHANGES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "channel_names": JSON,
        "labels": st.dictionaries(NAMES, JSON, max_size=3) | JSON,
        "regions_class_order": JSON,
        "numTraining": JSON,
        "file_ending": JSON | st.sampled_from(["", ".gz", "/x", "../.nii.gz", ".nii.gz"]),
        "dataset": st.dictionaries(NAMES, ENTRY, max_size=3) | JSON,
        "modality": st.dictionaries(st.sampled_from(["0", "1", "x"]), JSON, max_size=2) | JSON,
        "training": st.lists(ENTRY, max_size=2) | JSON,
        "overwrite_image_reader_writer": JSON,
    },
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set, and a file that is dear to somebody beside it."""
    folder = tmp_path_factory.mktemp("world")
    logging.getLogger("nibabel.global").setLevel(logging.CRITICAL + 1)  # it tells of every byte
    voxels = np.zeros((4, 4, 4), np.uint8)
    voxels[1, 1, 1] = 1
    for sub in ("imagesTr", "labelsTr"):
        (folder / "source" / sub).mkdir(parents=True)
    for case in "ab":
        for file in (f"imagesTr/{case}_0000.nii.gz", f"labelsTr/{case}.nii.gz"):
            nib.save(nib.Nifti1Image(voxels, np.eye(4)), folder / "source" / file)
    shutil.copy(folder / "source/labelsTr/a.nii.gz", folder / "precious.nii.gz")
    return folder


@examples(40)
@given(changes=CHANGES, removed=st.sets(st.sampled_from(sorted(SOUND)), max_size=2))
@example(changes={}, removed=set())
@example(
    changes={"dataset": {"a": {"images": ["imagesTr/a_0000.nii.gz"], "label": "../precious.nii.gz"}}}, removed=set()
)
@example(changes={"labels": {"background": 0, "lesion": [[1]]}}, removed=set())
@example(changes={"modality": {"0": "x"}, "labels": {"0": "background", "1": "x"}}, removed={"channel_names"})
def test_any_dataset_json(world: Path, changes: dict[str, Any], removed: set[str]) -> None:
    content = {key: value for key, value in {**SOUND, **changes}.items() if key not in removed or key in changes}
    source = world / "source"
    (source / "dataset.json").write_text(json.dumps(content))
    before = files_in(world)
    description = {"name": "Dataset001_Fuzz", "source": {"path": str(source)}}
    outcome(lambda: inspect_dataset(source))
    prepared = world / "prepared"
    told = outcome(lambda: inspect_dataset(prepare_raw(description, prepared, progress=False)))
    shutil.rmtree(prepared, ignore_errors=True)
    (world / "archive").mkdir()
    outcome(lambda: bring_folder(folder_cases(source, None, downloaded=True), world / "archive", workers=1))
    inside = {
        path for path in files_in(world / "archive") if not path.startswith(("imagesTr/", "labelsTr/", "dataset"))
    }
    shutil.rmtree(world / "archive")
    assert files_in(world) == before
    assert inside == set()
    if not changes and not removed:
        assert told == "done"


@examples(40)
@given(
    st.binary(max_size=60)
    | st.text(max_size=60).map(str.encode)
    | JSON.map(lambda value: yaml.safe_dump(value).encode())
)
@example(b"[" * 500)
@example(b"a: &a [*a]")
@example(b"name: Dataset001_A\nsource: {path: 1e999}\n")
@example(b"? [a]\n: b")
@example(LAUGHS)
def test_any_data_set_file(world: Path, content: bytes) -> None:
    (world / "file.yaml").write_bytes(content)
    outcome(lambda: load_dataset_description(world / "file.yaml"))
    outcome(lambda: find_descriptions([str(world / "file.yaml")], world))


HEADER = nib.Nifti1Image(np.zeros((3, 4, 5), np.int16), np.eye(4)).to_bytes()
FLOATS = nib.Nifti1Image(np.ones((3, 4, 5), np.float32), np.eye(4)).to_bytes()
LARGE = nib.Nifti1Image(np.zeros((3, 4, 5), np.int16), np.eye(4))
LARGE.header["dim"][1:4] = 32_767


@examples(40)
@given(st.one_of(damaged(HEADER), damaged(FLOATS), st.binary(max_size=400)), st.sampled_from([".nii", ".nii.gz", "+"]))
@example(b"", ".nii.gz")
@example(b"", ".nii")
@example(LARGE.header.binaryblock + b"\0" * 130, ".nii")
@example(LARGE.header.binaryblock + b"\0" * 130, "+")
def test_any_nifti_file(world: Path, content: bytes, ending: str) -> None:
    path = world / f"image{'.nii.gz' if ending == '+' else ending}"
    path.write_bytes(gzip.compress(content, 1) if ending == "+" else content)
    for read in (read_geometry, read_segmentation, look_at, check_intact):
        outcome(lambda read=read: read(path))  # type: ignore[misc]


def archives() -> dict[str, bytes]:
    """A small archive of each kind."""
    found = {}
    for mode in ("w", "w:gz", "w:bz2", "w:xz"):
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode=mode) as tar:
            for name in ("T/a", "T/b/c"):
                info = tarfile.TarInfo(name)
                info.size = 5
                tar.addfile(info, io.BytesIO(b"hello"))
        found[mode] = buffer.getvalue()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name in ("T/a", "T/b/c"):
            zipped.writestr(name, "hello" * 9)
    return {**found, "zip": buffer.getvalue()}


@examples(40)
@given(st.one_of(*map(damaged, archives().values()), st.binary(max_size=600)))
@example(b"")
def test_any_archive(world: Path, content: bytes) -> None:
    (world / "archive.bin").write_bytes(content)
    before = files_in(world)
    outcome(lambda: unpack(world / "archive.bin", world / "unpacked", Limits(size_gb=0.001)))
    shutil.rmtree(world / "unpacked", ignore_errors=True)
    assert files_in(world) == before
