"""What the workflow itself costs, by the number of trainings: every command is a stub (`stub_study`).

    python benchmarks/workflow_scale.py --trainings 100 400 1890 6660

writes benchmarks/results/workflow_scale.json: for each size the jobs, and wall time, CPU time and peak memory of
planning alone (a dry run) and of the whole run. 6,660 trainings are 20,000 jobs. CPU time of the run includes that of
the stubs, three processes a job.
"""

import argparse
import json
import os
import re
import resource
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from stub_study import StubStudy, make_stub_study

from nnunet_losses.nnunet.training.job import hardware

RESULTS = Path(__file__).parent / "results" / "workflow_scale.json"
FOLDS = 5
LOSSES = ("Dice", "Tversky", "Focal", "CrossEntropy", "TopK", "Combo", "IoU", "LovaszSoftmax", "DiceFocal", "DiceTopK")


def study_of(folder: Path, trainings: int) -> StubStudy:
    """A study of about so many trainings: ten losses, five folds, and as many seeds as are needed."""
    seeds = max(1, round(trainings / (FOLDS * len(LOSSES))))
    trainers = [f"{loss}Trainer" for loss in LOSSES]
    return make_stub_study(
        folder,
        {"trainers": trainers, "folds": {"number": FOLDS}, "seeds": list(range(1, seeds + 1)), "device": "cpu"},
    )


def measure(study: StubStudy, *arguments: str) -> dict[str, Any]:
    """Run Snakemake to its end; its wall time, CPU time with all children, and peak memory of the largest process."""
    log = study.folder / "snakemake.log"
    started = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = study.start(*arguments, log=log)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(log.read_text()[-3000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": round(time.monotonic() - started, 2),
        "cpu_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2),
        "memory_mb": round(usage.ru_maxrss / 1024),
    }


def main() -> None:
    """Measure the sizes that are asked for, and write all that is known so far."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trainings", type=int, nargs="+", default=[100, 400, 1890, 6660])
    parser.add_argument("--run-up-to", type=int, default=10_000, help="trainings; larger studies are only planned")
    given = parser.parse_args()
    rows = []
    for trainings in given.trainings:
        with tempfile.TemporaryDirectory() as place:
            study = study_of(Path(place) / "study", trainings)
            measure(study, "--cores", "2", "--dry-run", "data")  # what is cached is made here
            plan = measure(study, "--cores", "2", "--dry-run", "--quiet", "rules")
            jobs = int(re.findall(r"^total +(\d+)", (study.folder / "snakemake.log").read_text(), re.MULTILINE)[-1])
            trained = int(re.findall(r"^train +(\d+)", (study.folder / "snakemake.log").read_text(), re.MULTILINE)[-1])
            row = {"trainings": trained, "jobs": jobs, "plan": plan}
            if trainings <= given.run_up_to:
                row["run"] = measure(study, "--cores", "2", "--quiet", "rules", "progress")
        print(row, flush=True)
        rows.append(row)
        content = {"machine": machine(), "rows": rows}
        RESULTS.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def machine() -> dict[str, Any]:
    """Where it was measured, and how busy that was."""
    return {
        "cpu": hardware(torch.device("cpu")),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "snakemake": version("snakemake"),
    }


if __name__ == "__main__":
    main()
