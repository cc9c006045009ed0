"""What a toy study ends in when it is killed at random moments and started again, compared with an undisturbed one.

    python benchmarks/kills.py [--kills 60] [--pairs 20] [--seed 1]     # goes on where it stopped

The study is that of tests/workflow, with somewhat longer trainings: two losses, two folds, four phantoms. It runs once
undisturbed. Then it runs in a fresh folder, and is killed: the whole process group of the command gets SIGKILL after a
random time, and the same command is started again, until the study is finished; then the next fresh folder, until all
kills are spent. Each kill counts as one, however many fall into one run of the study. Before some of the kills, the
command is started twice, the second start up to two seconds after the first, and both groups are killed; that counts
as one kill as well.

A run of the study ends with the command that nothing disturbs. It must succeed, find nothing left to do when it is
called once more, and have made the same tables, statistics, predictions and weights: equal values bit for bit, but for
the columns of time and memory. Nothing is repaired or removed by hand in between.

`benchmarks/results/kills.json` is written after every kill; docs/faults.md shows its figures. Folders are in
work/kills; that of a run which ended in the same results is removed.
"""

import argparse
import hashlib
import json
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # the study of the tests

from nnunet_losses.nnunet.training.checkpoint import read_checkpoint, weights_sha256  # noqa: E402
from tests.workflow.conftest import NAME, SNAKEMAKE, Workplace, environment, make_workplace, toy_config  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results" / "kills.json"
WORK = ROOT / "work" / "kills"
TRAINING = {"epochs": 6, "iterations": 2}
OF_THE_CLOCK = ("seconds", "hours", "hours_per_run", "peak_memory_mb")
"""Columns that differ between any two runs."""
LIMIT_S = 3600
STEPS = (
    "nnUNetv2_plan_and_preprocess", "nnUNetv2_preprocess", "nnUNetv2_train", "prepare", "inspect", "split", "configure",
    "publish", "predict", "evaluate", "compare", "study-report",
)  # fmt: skip


def fingerprints(folder: Path) -> dict[str, str]:
    """SHA-256 of what every file of a finished study says, by its path; without times, memory and versions.

    Args:
        folder: in which the study ran.
    """
    found = {}
    for file in sorted((folder / "results").rglob("*")):
        name = file.relative_to(folder).as_posix()
        if file.name == "checkpoint_final.pth":
            found[name] = weights_sha256(read_checkpoint(file)["network_weights"])
        elif file.suffix == ".parquet":
            table = pd.read_parquet(file)
            kept = table.drop(columns=[column for column in OF_THE_CLOCK if column in table])
            found[name] = _sha256(kept.to_csv(index=False).encode())
        elif file.name.endswith(".nii.gz"):
            image = nib.load(file)
            found[name] = _sha256(np.asarray(image.dataobj).tobytes() + image.affine.tobytes())
    return found


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Campaign:
    """The kills so far, and those to come."""

    def __init__(self, seed: int, kills: int, pairs: int) -> None:
        self.kills, self.pairs = kills, pairs
        self.results: dict[str, Any] = {"seed": seed, "reference": None, "kills": [], "runs": []}
        if RESULTS.is_file():
            self.results = json.loads(RESULTS.read_text(encoding="utf-8"))
        self.seed = self.results["seed"]
        doubled = random.Random(self.seed).sample(range(kills), pairs)
        self.doubled = set(doubled)

    def save(self) -> None:
        """Write the results so far."""
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        temporary = RESULTS.with_suffix(".tmp")
        temporary.write_text(json.dumps(self.results, indent=1) + "\n", encoding="utf-8")
        os.replace(temporary, RESULTS)

    def run(self) -> None:
        """Do what is left to do."""
        if self.results["reference"] is None:
            self.run_undisturbed()
        while self.open_run() is not None and survivors(self.place()):
            time.sleep(1)  # what an interrupted campaign left running
        while len(self.results["kills"]) < self.kills or self.open_run() is not None:
            place = self.place()
            while len(self.results["kills"]) < self.kills and self.kill_once(place):
                pass
            self.finish(place)

    def run_undisturbed(self) -> None:
        """Run the study that the others are compared with."""
        shutil.rmtree(WORK / "reference", ignore_errors=True)
        place = make_workplace(WORK / "reference", training=TRAINING)
        started = time.monotonic()
        code, told = run_to_its_end(place)
        if code != 0:
            sys.exit(f"The undisturbed study failed:\n{told[-5000:]}")
        self.results["reference"] = {
            "took_s": round(time.monotonic() - started, 1),
            "fingerprints": fingerprints(place.folder),
            "machine": f"{os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}",
        }
        self.save()

    def open_run(self) -> int | None:
        """The number of a run that was begun and not finished."""
        finished = {run["number"] for run in self.results["runs"]}
        return next((n for n in sorted({kill["run"] for kill in self.results["kills"]}) if n not in finished), None)

    def place(self) -> Workplace:
        """The folder of the run that goes on, or a new one."""
        number = self.open_run()
        number = len(self.results["runs"]) if number is None else number
        base = WORK / f"run_{number}"
        if any(kill["run"] == number for kill in self.results["kills"]):
            return Workplace(base / NAME, toy_config(base / NAME) | {"training": TRAINING})
        shutil.rmtree(base, ignore_errors=True)
        return make_workplace(base, training=TRAINING)

    def kill_once(self, place: Workplace) -> bool:
        """Start the study and kill it; false if it was finished before its moment had come."""
        number = len(self.results["kills"])
        draw = random.Random(f"{self.seed} {number} {len(self.results['runs'])}")  # another moment if this was too late
        took = self.results["reference"]["took_s"]
        moment, delay = draw.uniform(0, 0.4 * took), draw.uniform(0, 2)
        doubled = number in self.doubled
        processes = [start(place)]
        if doubled:
            time.sleep(min(delay, moment))
            processes.append(start(place))
            moment = max(0.0, moment - delay)
        deadline = time.monotonic() + moment
        while running(processes) and time.monotonic() < deadline:
            time.sleep(0.05)
        if not running(processes):
            return False
        steps = running_steps(processes)
        for process in processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for process in processes:
            process.wait()
        time.sleep(0.5)  # the others of the groups are dead, but perhaps still counted
        kill = {"run": int(place.folder.parent.name.removeprefix("run_")), "after_s": round(moment, 2), "steps": steps}
        self.results["kills"].append(kill | {"starts": len(processes), "survivors": survivors(place)})
        self.save()
        return True

    def finish(self, place: Workplace) -> None:
        """Let the study come to its end, and compare what it made."""
        code, told = run_to_its_end(place)
        again, told_again = run_to_its_end(place) if code == 0 else (code, told)
        made = fingerprints(place.folder) if code == 0 else {}
        reference = self.results["reference"]["fingerprints"]
        differing = sorted(name for name in {*made, *reference} if made.get(name) != reference.get(name))
        self.results["runs"].append(
            {
                "number": int(place.folder.parent.name.removeprefix("run_")),
                "came_to_its_end": code == 0,
                "nothing_left_to_do": again == 0 and "Nothing to be done" in told_again,
                "set_aside": len(list(place.folder.rglob("*.aside*"))),
                "differing": differing,
                "told": "" if code == 0 else told[-5000:],
            }
        )
        self.save()
        if code == 0 and not differing:
            shutil.rmtree(place.folder.parent)


def start(place: Workplace) -> subprocess.Popen[bytes]:
    """Start the study as the leader of a process group; what it says is added to told.txt beside its folder."""
    # not a pipe: a process that outlives its group would keep it open
    with (place.folder.parent / "told.txt").open("ab") as told:
        return subprocess.Popen(
            place.command(by=SNAKEMAKE, training=TRAINING),
            stdout=told,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=place.folder,
            env=environment(),
            start_new_session=True,
        )


def run_to_its_end(place: Workplace) -> tuple[int, str]:
    """Run the study; its exit code and what it said."""
    file = place.folder.parent / "told.txt"
    before = file.stat().st_size if file.is_file() else 0
    code = start(place).wait(timeout=LIMIT_S)
    return code, file.read_bytes()[before:].decode(errors="replace")


def running(processes: list[subprocess.Popen[bytes]]) -> bool:
    """Whether any of them has not ended."""
    return any(process.poll() is None for process in processes)


def running_steps(processes: list[subprocess.Popen[bytes]]) -> list[str]:
    """The commands that these processes are running."""
    found = set()
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(process.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    words = {Path(word).name for word in child.cmdline()[:4]}
                    found |= {step for step in STEPS if step in words}
    return sorted(found)


def survivors(place: Workplace) -> int:
    """How many processes of the study outlived their group; they are left alone."""
    count = 0
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            count += Path(process.cwd()) == place.folder and process.status() != psutil.STATUS_ZOMBIE
    return count


def main() -> None:
    """Run the campaign, or what is left of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--pairs", type=int, default=20, help="of the kills, those of two concurrent starts")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    Campaign(options.seed, options.kills, options.pairs).run()


if __name__ == "__main__":
    main()
