"""The commands that look at data."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from nnunet_losses.cli import app


@pytest.fixture
def thick_and_thin(tmp_path: Path) -> Path:
    """Two cases of 2 mm and one of 1 mm, so that nnU-Net resamples one; its lesion of one voxel vanishes."""
    folder = tmp_path / "Dataset043_Mixed"
    for sub in ("imagesTr", "labelsTr"):
        (folder / sub).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for case, mm in (("a", 2.0), ("b", 2.0), ("c", 1.0)):
        affine = np.diag([mm, mm, mm, 1])
        label = np.zeros((12, 12, 12), np.uint8)
        label[2:6, 2:6, 2:6] = 1
        if case == "c":
            label[9, 9, 9] = 1
        nib.save(
            nib.Nifti1Image(rng.normal(size=label.shape).astype(np.float32), affine),
            folder / f"imagesTr/{case}_0000.nii.gz",
        )
        nib.save(nib.Nifti1Image(label, affine), folder / f"labelsTr/{case}.nii.gz")
    content = {
        "channel_names": {"0": "MRI"},
        "labels": {"background": 0, "lesion": 1},
        "numTraining": 3,
        "file_ending": ".nii.gz",
    }
    (folder / "dataset.json").write_text(json.dumps(content))
    return folder


def test_inspect_says_how_unbalanced_the_data_are_and_keeps_it(thick_and_thin: Path, tmp_path: Path) -> None:
    splits = tmp_path / "splits.json"
    splits.write_text(json.dumps([{"train": ["a", "c"], "val": ["b"]}]))
    out = tmp_path / "seen"
    result = CliRunner().invoke(app, ["inspect", str(thick_and_thin), "--splits", str(splits), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "1 of 4 lesions 'lesion' vanish" in result.output
    assert "'a' and 'b' have the same label map" in result.output
    facts = pd.read_csv(out / "imbalance.csv")
    assert facts.loc[0, ["lesions", "vanished"]].tolist() == [4, 1]
    assert "lesions 'lesion' vanish" in (out / "warnings.txt").read_text()
    assert "Size of a lesion (mm³)" in (out / "imbalance.svg").read_text()
    assert len(json.loads((out / "summary.json").read_text())["cases"]) == 3
