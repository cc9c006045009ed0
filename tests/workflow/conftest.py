"""Snakemake as a person calls it, on studies of toy size."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Workplace:
    """A folder in which a study runs, and its config."""

    folder: Path
    config: dict[str, Any]

    def command(self, *arguments: str, **changes: Any) -> list[str]:
        """The command line, after writing the config with ``changes``."""
        file = self.folder / "study.yaml"
        file.write_text(yaml.safe_dump(self.config | changes))
        snakefile = ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(self.folder)]
        return [sys.executable, "-m", "snakemake", *snakefile, "--configfile", str(file), "--cores", "2", *arguments]

    def run(self, *arguments: str, **changes: Any) -> subprocess.CompletedProcess[str]:
        """Run Snakemake to its end."""
        return subprocess.run(
            self.command(*arguments, **changes),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=1200,
            check=False,
            env=environment(),
        )

    def succeed(self, *arguments: str, **changes: Any) -> str:
        """Run Snakemake, which must succeed; gives its output."""
        done = self.run(*arguments, **changes)
        assert done.returncode == 0, done.stdout[-5000:]
        return done.stdout


def environment() -> dict[str, str]:
    """A fresh shell's environment: nothing of nnU-Net's is set."""
    return {name: value for name, value in os.environ.items() if not name.startswith("nnUNet_")} | {"COLUMNS": "200"}


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Workplace]:
    """Make a workplace for a study of two losses on four phantoms, or what ``changes`` says."""

    def make(**changes: Any) -> Workplace:
        folder = tmp_path_factory.mktemp("study")
        dataset = folder / "phantom.yaml"
        phantom = {"cases": 4, "shape": [32, 32, 32], "lesions": [3, 6]}
        dataset.write_text(yaml.safe_dump({"name": "Dataset900_Phantom", "source": {"phantom": phantom}}))
        small = {"name": "3d_toy", "patch_size": [16, 16, 16], "batch_size": 2, "features_per_stage": [4, 8]}
        config = {
            "study": "toy",
            "datasets": [str(dataset)],
            "configurations": [small],
            "trainers": ["DiceCrossEntropyTrainer", "TverskyTrainer_iw"],
            "folds": {"number": 2},
            "seeds": [1],
            "training": {"epochs": 2, "iterations": 2},
            "device": "cpu",
            "statistics": {"resamples": 200},
        }
        return Workplace(folder, config | changes)

    return make


def job_counts(plan: str) -> dict[str, int]:
    """How often each rule would run, from the table that ends a dry run."""
    rows = (line.split() for line in plan[plan.rindex("Job stats:") :].splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}
