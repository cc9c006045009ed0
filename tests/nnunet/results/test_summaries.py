"""nnU-Net's summary.json."""

import json
import math
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.labels import LabelSet
from nnunet_losses.base.metrics.voxel import Counts
from nnunet_losses.nnunet.results.summaries import read_summary

LABELS = LabelSet.parse({"background": 0, "whole": [1, 2], "core": 2})
METRICS = {"(1, 2)": {"TP": 5, "FP": 1, "FN": 2, "TN": 92, "Dice": 0.7}, "2": {"TP": 0, "FP": 0, "FN": 0, "TN": 100}}


def written(folder: Path, *entries: Any) -> Path:
    path = folder / "summary.json"
    path.write_text(json.dumps({"metric_per_case": entries}))
    return path


def entry(file: Any = "/a/validation/x.nii.gz", **metrics: Any) -> dict[str, Any]:
    return {"prediction_file": file, "metrics": METRICS | metrics}


def test_what_nnunet_writes_is_read(tmp_path: Path) -> None:
    from nnunetv2.evaluation.evaluate_predictions import compute_metrics, save_summary_json
    from nnunetv2.imageio.nibabel_reader_writer import NibabelIO
    from nnunetv2.utilities.json_export import recursive_fix_for_json_export

    rng = np.random.default_rng(0)
    images = rng.integers(0, 4, (2, 5, 6, 7)).astype(np.uint8)
    files = [tmp_path / side / "case.nii.gz" for side in ("reference", "validation")]
    for file, image in zip(files, images, strict=True):
        file.parent.mkdir()
        nib.save(nib.Nifti1Image(image, np.eye(4)), file)
    regions = [(1, 2), 2]
    metrics = compute_metrics(str(files[0]), str(files[1]), NibabelIO(), regions, ignore_label=3)
    mean = {region: {"Dice": 0.5} for region in regions}
    content = {"metric_per_case": [metrics], "mean": mean}
    recursive_fix_for_json_export(content)
    save_summary_json(content, str(tmp_path / "summary.json"))

    found = read_summary(tmp_path / "summary.json", LABELS, ".nii.gz")
    assert list(found) == ["case"]
    valid = images[0] != 3
    for name, values in (("whole", (1, 2)), ("core", (2,))):
        reference, prediction = (np.isin(image, values) for image in images)
        counts = found["case"][name]
        assert (counts.tp, counts.fp, counts.fn, counts.tn) == (
            (reference & prediction & valid).sum(), (~reference & prediction & valid).sum(),
            (reference & ~prediction & valid).sum(), (~reference & ~prediction & valid).sum(),
        )  # fmt: skip
        assert math.isnan(counts.voxel_ml)


def test_the_case_is_named_by_a_path_of_any_system(tmp_path: Path) -> None:
    path = written(tmp_path, entry("C:\\results\\x.nii.gz"), entry("y.nii.gz"))
    assert list(read_summary(path, LABELS, ".nii.gz")) == ["x", "y"]
    assert read_summary(path, LABELS, ".nii.gz")["x"]["whole"].fn == 2
    assert isinstance(read_summary(path, LABELS, ".nii.gz")["x"]["core"], Counts)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "cannot be read as JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("{}", "has no list 'metric_per_case'"),
        ("[1]", "has no list 'metric_per_case'"),
        ('{"metric_per_case": [7]}', "entry 1 of metric_per_case has no table 'metrics'"),
    ],
)
def test_a_file_of_another_form_is_one_sentence(tmp_path: Path, content: str, sentence: str) -> None:
    (tmp_path / "summary.json").write_text(content)
    with pytest.raises(UserError, match=sentence) as error:
        read_summary(tmp_path / "summary.json", LABELS, ".nii.gz")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("second", "sentence"),
    [
        (entry(), "names the case 'x' twice"),
        (entry(file=3), "entry 2 .* has no 'prediction_file' that ends in '.nii.gz'"),
        (entry(file="/a/.nii.gz"), "entry 2 .* has no 'prediction_file'"),
        (entry("y.nii.gz", **{"(1, 2)": 1}), "case 'y', 'whole' holds no table of metrics"),
        (entry("y.nii.gz", **{"2": {"TP": 1}}), "case 'y', 'core': FP is missing"),
        (entry("y.nii.gz", **{"2": METRICS["2"] | {"TN": math.nan}}), "TN is nan"),
        (entry("y.nii.gz", **{"2": METRICS["2"] | {"TN": 1.5}}), "TN is 1.5"),
        (entry("y.nii.gz", **{"2": METRICS["2"] | {"FN": -1}}), "FN is -1"),
        (entry("y.nii.gz", **{"2": METRICS["2"] | {"FN": True}}), "FN is True"),
        (entry("y.nii.gz", **{"2": METRICS["2"] | {"FN": 10**30}}), "FN is 1000000"),
        ({"prediction_file": "y.nii.gz", "metrics": {"2": METRICS["2"]}}, r"no metrics of 'whole' \(\(1, 2\)\)"),
    ],
)
def test_an_entry_of_another_form_is_named(tmp_path: Path, second: Any, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as error:
        read_summary(written(tmp_path, entry(), second), LABELS, ".nii.gz")
    assert "\n" not in str(error.value)
