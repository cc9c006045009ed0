"""A short real training with every loss of the catalogue, with and without inverse weighting: does it learn?

    python benchmarks/train_every_loss.py Dataset004_Hippocampus Dataset030_MSLesions

The folders are in nnU-Net's raw layout and read in place; everything made from them goes to a temporary folder. The
network is a tiny one. Each training goes through the same few augmented batches again and again, one pass an epoch, so
the first and the last pass differ by the network alone. Seconds a step are measured in turn with those of
DiceCrossEntropy, so that whatever else the machine does falls on both: CPU time on a CPU, wall time on a GPU. Peak
memory is what the steps took beyond what was held before. A loss that changes with the epoch must fall as it was in the
first. Writes a table as JSON and as Markdown, after each training; a run of some losses replaces their rows alone.
"""

import argparse
import ctypes
import gc
import io
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from importlib.metadata import version
from itertools import product
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
import torch

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import write_atomically, write_json
from nnunet_losses.losses import CATALOGUE
from nnunet_losses.nnunet.preparation.plans import add_configuration
from nnunet_losses.nnunet.preparation.splits import case_names, make_splits, write_splits
from nnunet_losses.nnunet.training.job import hardware

REFERENCE = "DiceCrossEntropy"
CONFIGURATION = "3d_short"
NETWORK: dict[str, Any] = {"patch_size": [24, 24, 24], "batch_size": 2, "features_per_stage": [8, 16, 32]}
TIMED_STEPS = 7
Step = Callable[[dict[str, Any]], Any]


def prepare(source: Path, work: Path, cases: int) -> str:
    """Plan and preprocess the first cases of a raw data set with nnU-Net's own commands; gives its name."""
    name, raw, preprocessed = source.name, work / "raw" / source.name, work / "preprocessed" / source.name
    chosen = case_names(source)[:cases]
    for part in ("imagesTr", "labelsTr"):
        (raw / part).mkdir(parents=True)
        for file in sorted((source / part).iterdir()):
            if any(file.name.startswith((f"{case}_", f"{case}.")) for case in chosen):
                (raw / part / file.name).symlink_to(file.resolve())
    dataset_json = json.loads((source / "dataset.json").read_text(encoding="utf-8"))
    write_json(raw / "dataset.json", dataset_json | {"numTraining": len(chosen)})
    number = str(int(name[7:10]))
    _nnunet("extract_fingerprint", "-d", number, "-np", "1")
    _nnunet("plan_experiment", "-d", number)
    add_configuration(preprocessed / "nnUNetPlans.json", CONFIGURATION, inherits_from="3d_fullres", **NETWORK)
    _nnunet("preprocess", "-d", number, "-c", CONFIGURATION, "-np", "1")
    write_splits(preprocessed, make_splits(chosen, folds=min(5, len(chosen))), chosen)
    return name


def _nnunet(command: str, *words: str) -> None:
    program = Path(sys.executable).with_name(f"nnUNetv2_{command}")
    environment = os.environ | {"nnUNet_n_proc_DA": "1"}  # with 0 nnU-Net's planner fails
    done = subprocess.run([program, *words], env=environment, capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"{program.name} failed: {(done.stderr or done.stdout).strip().splitlines()[-1]}")


class Training:
    """A trainer of fold 0 and its batches."""

    def __init__(self, name: str, dataset: str, batches: int, device: torch.device) -> None:
        from nnunetv2.run.run_training import get_trainer_from_args

        with redirect_stdout(io.StringIO()):
            self.trainer: Any = get_trainer_from_args(dataset, CONFIGURATION, 0, name, device=device)
            self.trainer.on_train_start()
            self.trainer.on_epoch_start()  # seeds
            self.batches = [next(self.trainer.dataloader_train) for _ in range(batches)]

    def run(self) -> Iterator[float]:
        """Train for the epochs of the trainer's name, a pass over the batches each; gives the mean loss of each.

        The last value is without training: the trained network by the loss of the first epoch.
        """
        trainer = self.trainer
        for _ in range(trainer.num_epochs):
            with redirect_stdout(io.StringIO()):
                trainer.on_epoch_start()
                trainer.on_train_epoch_start()
                losses = [float(trainer.train_step(batch)["loss"]) for batch in self.batches]
            trainer.current_epoch += 1
            yield fmean(losses)
        trainer.current_epoch = 0  # and once more as the loss was in the first epoch
        yield fmean(float(trainer.validation_step(batch)["loss"]) for batch in self.batches)


def measure(name: str, dataset: str, reference: Training, batches: int, device: torch.device) -> dict[str, Any]:
    """Train, and say how it went; an error is a result, too."""
    row: dict[str, Any] = {"dataset": dataset, "trainer": name}
    try:
        training = Training(name, dataset, batches, device)
        with _peak_memory(device) as memory:
            *passes, at_first_epoch = training.run()
        seconds, reference_seconds = _time_in_turn(training, reference, device)
    except (Exception, SystemExit) as error:  # whatever a loss can raise is the finding
        return row | {"finite": False, "error": f"{type(error).__name__}: {error}"}
    return row | {
        "first": passes[0],
        "last": passes[-1],
        "passes": passes,
        "at_first_epoch": at_first_epoch,
        "finite": all(map(math.isfinite, passes)),
        "falling": (at_first_epoch if "epoch" in training.trainer.adapter.loss.needs else passes[-1]) < passes[0],
        "seconds_per_step": seconds,
        "ratio": seconds / reference_seconds,
        "extra_peak_mb": memory["mb"],
    }


def _time_in_turn(one: Training, other: Training, device: torch.device) -> tuple[float, float]:
    times: dict[int, list[float]] = {0: [], 1: []}
    for n in range(TIMED_STEPS):
        for who, training in enumerate((one, other)):
            start = _clock(device)
            training.trainer.train_step(training.batches[n % len(training.batches)])
            times[who].append(_clock(device) - start)
    return median(times[0]), median(times[1])


def _clock(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        return time.perf_counter()
    return time.process_time()


@contextmanager
def _peak_memory(device: torch.device) -> Iterator[dict[str, float | None]]:
    found: dict[str, float | None] = {"mb": None}
    gc.collect()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        yield found
        found["mb"] = (torch.cuda.max_memory_allocated(device) - before) / 2**20
    elif sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)  # what earlier trainings freed goes back to the system
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # forget the peak so far
        before = _status_kb("VmRSS")
        yield found
        found["mb"] = (_status_kb("VmHWM") - before) / 1024
    else:
        yield found


def _status_kb(field: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field + ":"))


def markdown(result: dict[str, Any]) -> str:
    """The table, worst first within a data set: failed, then not falling, then the rest."""
    lines = [
        "# Every loss in a short training",
        "",
        f"{result['what']} {result['batches']} batches of "
        f"{NETWORK['batch_size']} patches of {' × '.join(map(str, NETWORK['patch_size']))}; {result['hardware']}.",
        "",
        "| data set | trainer | passes | first | last | finite | falling | step, × " + REFERENCE + " | extra peak MB |",
        "|---|---|---:|---:|---:|---|---|---:|---:|",
    ]
    for row in sorted(result["trainings"], key=lambda r: (r["dataset"], r["finite"], r.get("falling", False))):
        begin = f"| {row['dataset']} | {row['trainer']} |"
        if "error" in row:
            lines.append(f"{begin} | | | no | | | | {row['error']}".replace("\n", " "))
            continue
        memory = "" if row["extra_peak_mb"] is None else f"{row['extra_peak_mb']:.0f}"
        lines.append(
            f"{begin} {len(row['passes'])} | {row['first']:.4f} | {row['last']:.4f} | "
            f"{_word(row['finite'])} | {_word(row['falling'])} | "
            f"{row['ratio']:.2f} | {memory} |"
        )
    return "\n".join(lines) + "\n"


def _word(value: bool) -> str:
    return "yes" if value else "**no**"


def _rows_of_others(options: argparse.Namespace, result: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of an earlier run that this one does not replace; a run under other conditions is not mixed in."""
    if not options.out.exists():
        return []
    earlier = json.loads(options.out.read_text(encoding="utf-8"))
    for key in ("batches", "network", "hardware", "versions"):
        if earlier[key] != result[key]:
            sys.exit(f"{options.out} was made with {key} {earlier[key]}, now {result[key]}: choose another --out.")
    again = {
        (source.name, f"{loss}Trainer{w}")
        for source in options.datasets
        for loss in options.losses
        for w in ("", "_iw")
    }
    return [row for row in earlier["trainings"] if (row["dataset"], row["trainer"]) not in again]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="+", type=Path, help="raw data set folders, DatasetXXX_Name")
    parser.add_argument("--losses", nargs="+", choices=sorted(CATALOGUE), default=sorted(CATALOGUE))
    parser.add_argument("--cases", type=int, default=12, help="of each data set, at most")
    parser.add_argument("--passes", type=int, default=8)
    parser.add_argument("--batches", type=int, default=10)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "train_every_loss.json")
    options = parser.parse_args()
    device = torch.device(options.device)
    torch.set_num_threads(1)
    result: dict[str, Any] = {
        "what": "Mean training loss of the first and the last pass over the same batches, with a tiny network; a loss "
        "that changes with the epoch falls or not as it was in the first.",
        "batches": options.batches,
        "network": NETWORK,
        "hardware": hardware(device),
        "load": os.getloadavg()[0],
        "versions": {name: version(name) for name in ("torch", "nnunetv2", "numpy")},
    }
    result["trainings"] = _rows_of_others(options, result)
    length = f"_{options.passes}epochs_{options.batches}iters_seed1"
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for part in ("raw", "preprocessed", "results"):
            os.environ[f"nnUNet_{part}"] = str(work / part)
            (work / part).mkdir()
        os.environ |= {"nnUNet_n_proc_DA": "0", "nnUNet_def_n_proc": "1", "OMP_NUM_THREADS": "1"}
        for source in options.datasets:
            with np.errstate(all="ignore"):
                dataset = prepare(source.resolve(), work, options.cases)
                reference = Training(f"{REFERENCE}Trainer{length}", dataset, options.batches, device)
                reference.trainer.on_train_epoch_start()
            for loss, weighting in product(options.losses, ("", "_iw")):
                start = time.perf_counter()
                # another seed, another folder: the reference still holds its own
                name = f"{loss}Trainer{weighting}{length.replace('seed1', 'seed2')}"
                row = measure(name, dataset, reference, options.batches, device)
                result["trainings"].append(row | {"trainer": f"{loss}Trainer{weighting}"})
                write_json(options.out, result)
                with write_atomically(options.out.with_suffix(".md")) as path:
                    path.write_text(markdown(result))
                shown = row.get("error") or f"{row['first']:8.4f} -> {row['last']:8.4f}  {row['ratio']:.2f} x"
                print(f"{dataset} {loss + weighting:28} {shown}  ({time.perf_counter() - start:.0f} s)", flush=True)
    failed = [f"{row['trainer']} ({row['dataset']})" for row in result["trainings"] if not row["finite"]]
    if failed:
        sys.exit(f"{len(failed)} of {len(result['trainings'])} trainings failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
