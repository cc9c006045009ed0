"""What the campaign of kills compares, and what the documentation says of it."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import torch

ROOT = Path(__file__).parents[2]


@pytest.fixture
def kills(benchmark_script: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_script("kills")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A finished study, as far as it is compared."""
    results = tmp_path / "results"
    results.mkdir()
    pd.DataFrame({"fold": [0], "seconds": [1.5]}).to_parquet(results / "jobs.parquet")
    torch.save({"network_weights": {"w": torch.ones(2)}, "logging": 1}, results / "checkpoint_final.pth")
    nib.save(nib.Nifti1Image(np.ones((2, 2, 2), np.uint8), np.eye(4)), results / "a.nii.gz")
    return tmp_path


def test_only_times_and_logs_may_differ(kills: ModuleType, study: Path) -> None:
    results, before = study / "results", kills.fingerprints(study)
    assert before.keys() == {"results/jobs.parquet", "results/checkpoint_final.pth", "results/a.nii.gz"}
    pd.DataFrame({"fold": [0], "seconds": [2.5]}).to_parquet(results / "jobs.parquet")
    torch.save({"network_weights": {"w": torch.ones(2)}, "logging": 2}, results / "checkpoint_final.pth")
    assert kills.fingerprints(study) == before
    pd.DataFrame({"fold": [1], "seconds": [1.5]}).to_parquet(results / "jobs.parquet")
    torch.save({"network_weights": {"w": torch.tensor([1, 1 + 2e-7])}, "logging": 1}, results / "checkpoint_final.pth")
    nib.save(nib.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.eye(4)), results / "a.nii.gz")
    after = kills.fingerprints(study)
    assert all(after[name] != before[name] for name in before)


def test_the_documentation_counts_kills_and_runs_that_ended_in_the_same_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.spec_from_file_location("hooks", ROOT / "docs/hooks.py")
    assert spec is not None and spec.loader is not None
    hooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hooks)
    good = {"came_to_its_end": True, "nothing_left_to_do": True, "differing": []}
    results = {
        "reference": {"fingerprints": {"a": "1", "b": "2"}},
        "kills": [
            {"steps": ["evaluate"], "starts": 2},
            {"steps": [], "starts": 1},
            {"steps": ["evaluate"], "starts": 1},
        ],
        "runs": [good, good | {"differing": ["a"]}, good | {"nothing_left_to_do": False}],
    }
    (tmp_path / "benchmarks/results").mkdir(parents=True)
    (tmp_path / "benchmarks/results/kills.json").write_text(json.dumps(results))
    monkeypatch.setattr(hooks, "RESULTS_FOLDER", tmp_path / "benchmarks/results")
    rows = [line.strip("| ").split(" | ") for line in hooks.kills().splitlines()[2:]]
    assert [number for _, number in rows] == ["3", "1", "3", "1", "2", "2", "1"]
    assert rows[-2][0] == "kills during `evaluate`"


def test_the_recorded_campaign_is_whole_and_no_run_ended_in_other_results() -> None:
    results = json.loads((ROOT / "benchmarks/results/kills.json").read_text())
    assert len(results["kills"]) >= 60
    assert sum(kill["starts"] == 2 for kill in results["kills"]) >= 20
    assert {kill["run"] for kill in results["kills"]} <= {run["number"] for run in results["runs"]}
    for run in results["runs"]:
        assert run["came_to_its_end"], run["told"]
        assert run["nothing_left_to_do"]
        assert not run["differing"]
