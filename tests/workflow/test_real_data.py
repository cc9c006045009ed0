"""Real images through the whole line, on a subset, hardly trained: the path is tested, not the networks."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from .conftest import Workplace

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

LABELS = {"Dataset004_Hippocampus": {"anterior", "posterior"}, "Dataset032_PaintedMS": {"lesion"}}


def test_real_images_of_two_data_sets_end_in_a_report(
    workplace: Callable[..., Workplace], shared_data: Path, tmp_path: Path
) -> None:
    descriptions = []
    for dataset in LABELS:
        descriptions.append(str(tmp_path / f"{dataset}.yaml"))
        Path(descriptions[-1]).write_text(
            yaml.safe_dump({"name": dataset, "source": {"path": str(shared_data / dataset)}})
        )
    coarse = {"name": "3d_toy", "spacing": [4, 4, 4], "patch_size": [24, 32, 24], "features_per_stage": [4, 8]}
    place = workplace(
        datasets=descriptions,
        cases=3,
        configurations=[coarse],
        trainers=["DiceCrossEntropyTrainer_iw"],
        folds={"number": 2, "run": [1]},
    )
    place.succeed()
    cases = pd.read_parquet(place.folder / "results/studies/toy/tables/cases.parquet")
    dice = cases[cases["metric"] == "dice"]
    assert dice["value"].between(0, 1).all()
    assert {name: set(part["label"]) for name, part in dice.groupby("dataset")} == LABELS
    assert (place.folder / "reports/toy/report.html").is_file()
    # the source was only read
    assert not any(path.is_symlink() for path in (place.folder / "work/nnUNet_raw").rglob("*"))
