"""Real images through the whole line, on a subset, hardly trained: the path is tested, not the networks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from .conftest import Workplace

pytestmark = pytest.mark.slow

STUDIES: dict[str, dict[str, Any]] = {
    "Dataset004_Hippocampus": {
        "cases": 4,
        "configurations": [{"name": "3d_toy", "patch_size": [40, 56, 40], "features_per_stage": [4, 8]}],
        "trainers": ["TverskyTrainer"],
    },
    "Dataset030_MSLesions": {
        "configurations": [
            {"name": "3d_toy", "spacing": [4, 4, 4], "patch_size": [40, 48, 40], "features_per_stage": [4, 8]}
        ],
        "trainers": ["DiceCrossEntropyTrainer_iw"],
    },
}


@pytest.mark.parametrize("dataset", STUDIES)
def test_real_images_end_in_a_report(
    workplace: Callable[..., Workplace], shared_data: Path, tmp_path: Path, dataset: str
) -> None:
    description = tmp_path / "dataset.yaml"
    description.write_text(yaml.safe_dump({"name": dataset, "source": {"path": str(shared_data / dataset)}}))
    place = workplace(datasets=[str(description)], folds={"number": 2, "run": [1]}, **STUDIES[dataset])
    place.succeed()
    cases = pd.read_parquet(place.folder / "results/studies/toy/tables/cases.parquet")
    dice = cases[cases["metric"] == "dice"]
    assert dice["value"].between(0, 1).all()
    assert set(dice["label"]) == ({"lesion"} if "MSLesions" in dataset else {"anterior", "posterior"})
    assert (place.folder / "reports/toy/report.html").is_file()
    # the source was only read
    assert not any(path.is_symlink() for path in (place.folder / "work/nnUNet_raw").rglob("*"))
