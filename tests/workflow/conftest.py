"""Studies of toy size, run as a person runs them."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

ROOT = Path(__file__).parents[2]
SNAKEMAKE = ["-m", "snakemake"]
RUN = ["-c", "from nnunet_losses.cli import app; app()", "run"]
NAME = """my stu'dy $(x) "y\""""
"""The folder of every study: what a shell would take apart or run."""
LIMIT_S = 1200
"""Given to a command; on two idle cores none needs a tenth of it."""


@dataclass(frozen=True)
class Workplace:
    """A checkout in which a study runs, and its config."""

    folder: Path
    config: dict[str, Any]
    took: float = 0.0
    """Seconds from the start to the end of the study, if it is finished."""

    def command(self, *arguments: str, by: list[str] = SNAKEMAKE, **changes: Any) -> list[str]:
        """The command line, to be called in the folder, after writing the config with ``changes``."""
        file = self.folder / "study.yaml"
        file.write_text(yaml.safe_dump(self.config | changes))
        return [sys.executable, *by, "--configfile", str(file), "--cores", "2", *arguments]

    def start(self, *arguments: str, **changes: Any) -> psutil.Popen:
        """Start Snakemake."""
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return psutil.Popen(self.command(*arguments, **changes), **quiet, cwd=self.folder, env=environment())

    def run(self, *arguments: str, by: list[str] = SNAKEMAKE, **changes: Any) -> subprocess.CompletedProcess[str]:
        """Run Snakemake, or ``nnunet-losses run``, to its end."""
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        command = self.command(*arguments, by=by, **changes)
        process = psutil.Popen(command, **output, cwd=self.folder, env=environment())
        try:
            told, _ = process.communicate(timeout=LIMIT_S)
        finally:
            kill(process)
        return subprocess.CompletedProcess(process.args, process.returncode, told)

    def succeed(self, *arguments: str, by: list[str] = SNAKEMAKE, **changes: Any) -> str:
        """Run it, which must succeed; gives its output."""
        done = self.run(*arguments, by=by, **changes)
        assert done.returncode == 0, done.stdout[-5000:]
        return done.stdout


def kill(process: psutil.Popen) -> None:
    """Kill a process and all that it started, at once, without a chance to clean up."""
    with suppress(psutil.NoSuchProcess):
        for one in [process, *process.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                one.kill()
    process.wait()


def environment() -> dict[str, str]:
    """A fresh shell's environment: nothing of nnU-Net's is set."""
    return {name: value for name, value in os.environ.items() if not name.startswith("nnUNet_")} | {"COLUMNS": "200"}


@pytest.fixture(scope="session")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Workplace]:
    """Make a workplace for a study of two losses on four phantoms, or what ``changes`` says."""
    return lambda **changes: make_workplace(tmp_path_factory.mktemp("study"), **changes)


def make_workplace(base: Path, **changes: Any) -> Workplace:
    """Copy what a checkout needs to run a study to a folder in ``base``, with the data set of a toy study."""
    folder = base / NAME
    for part in ("workflow", "profiles", "config"):
        shutil.copytree(ROOT / part, folder / part)
    shutil.copy(ROOT / "Snakefile", folder)
    dataset, splits = folder / "phantom.yaml", folder / "splits.json"
    phantom = {"cases": 4, "shape": [32, 32, 32], "lesions": [3, 6]}
    dataset.write_text(yaml.safe_dump({"name": "Dataset900_Phantom", "source": {"phantom": phantom}}))
    cases = [f"phantom_{number:03d}" for number in range(4)]
    splits.write_text(json.dumps([{"train": cases[:2], "val": cases[2:]}, {"train": cases[2:], "val": cases[:2]}]))
    return Workplace(folder, toy_config(folder) | changes)


def toy_config(folder: Path) -> dict[str, Any]:
    """The config of the toy study in a workplace."""
    small = {"name": "3d_toy", "patch_size": [16, 16, 16], "batch_size": 2, "features_per_stage": [4, 8]}
    return {
        "study": "toy",
        "datasets": [str(folder / "phantom.yaml")],
        "configurations": [small],
        "trainers": ["DiceCrossEntropyTrainer", "TverskyTrainer_iw"],
        "folds": {"file": str(folder / "splits.json")},
        "seeds": [1],
        "training": {"epochs": 2, "iterations": 1},
        "device": "cpu",
        "evaluation": {"metrics": ["dice", "recall"]},
        "statistics": {"resamples": 200},
    }


@pytest.fixture(scope="session")
def finished(workplace: Callable[..., Workplace]) -> Workplace:
    """A study that ``nnunet-losses run`` has finished; tests may add to it, but change nothing."""
    place, start = workplace(), time.monotonic()
    told = place.succeed(by=RUN)
    (place.folder / "told.txt").write_text(told)
    return replace(place, took=time.monotonic() - start)


def job_counts(plan: str) -> dict[str, int]:
    """How often each rule would run, from the table that ends a dry run."""
    rows = (line.split() for line in plan[plan.rindex("Job stats:") :].splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}
