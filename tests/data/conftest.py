"""A small sound data set to break in many ways, and a web server on this machine."""

import functools
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

SHAPE = (12, 10, 8)


@pytest.fixture
def write_image() -> Callable[..., None]:
    """Write a NIfTI file of zeros with one voxel of ``value``, or of the given voxels."""

    def write(path: Path, voxels: np.ndarray | None = None, value: float = 1, affine: np.ndarray | None = None) -> None:
        if voxels is None:
            voxels = np.zeros(SHAPE, np.uint8)
            voxels[5, 5, 5] = value
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.save(nib.Nifti1Image(voxels, np.eye(4) if affine is None else affine), path)

    return write


@pytest.fixture
def raw_dataset(tmp_path: Path, write_image: Callable[..., None]) -> Path:
    """Dataset042_Small: three cases, two channels, two labels."""
    folder = tmp_path / "nnUNet_raw" / "Dataset042_Small"
    for number, case in enumerate(("a", "b", "c")):
        for channel in range(2):
            write_image(folder / f"imagesTr/{case}_{channel:04d}.nii.gz")
        label = np.zeros(SHAPE, np.uint8)
        label[2:4, 2:4, 2] = 1
        label[8, 8, 5 + number % 2] = 1
        label[0, 0, :number] = 2
        write_image(folder / f"labelsTr/{case}.nii.gz", label)
    write_json(
        folder / "dataset.json",
        {
            "channel_names": {"0": "FLAIR", "1": "T1"},
            "labels": {"background": 0, "lesion": 1, "other": 2},
            "numTraining": 3,
            "file_ending": ".nii.gz",
        },
    )
    return folder


def write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content))


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Address of a web server on this machine, and the folder that it serves."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    folder = tmp_path / "web"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()


@pytest.fixture
def decathlon(tmp_path: Path, write_image: Callable[..., None]) -> Path:
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
    write_json(folder / "dataset.json", content)
    return folder
