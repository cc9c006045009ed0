"""Eight processes that ask for the same thing at the same moment: is there one result, and is it whole?

    python benchmarks/eight_processes.py [--repetitions 100] [--real 3]

Asked for are: a data set (made from a phantom), its preprocessing by nnU-Net, its folds, folds that differ from process
to process, and the cached counts of the reference's labels. Every repetition begins in an empty folder; the processes
are forked from this one, wait at a barrier, and begin together. Afterwards every process must have succeeded with the
same result; of those that ask for different folds, one must have won, and all others must have been told.

nnU-Net's own preprocessing takes seconds, most of them to load PyTorch; so `--repetitions` use a stand-in that empties
the folder before it writes, as nnU-Net does, and `--real` repeats with nnU-Net itself.

`benchmarks/results/eight_processes.json` has the figures.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import platform
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sklearn.model_selection  # noqa: F401  # loaded once, not in each process

from nnunet_losses.base.errors import UserError
from nnunet_losses.data.description import load_dataset_description
from nnunet_losses.data.raw import ORIGIN, prepare_raw
from nnunet_losses.nnunet.preparation.calls import call_nnunet
from nnunet_losses.nnunet.preparation.splits import make_splits, write_splits
from nnunet_losses.nnunet.training.class_frequencies import find_class_frequencies

RESULTS = Path(__file__).resolve().parent / "results" / "eight_processes.json"
PROCESSES = 8
DATASET = "Dataset900_Phantom"
PHANTOM = {"name": DATASET, "source": {"phantom": {"cases": 2, "shape": [16, 16, 16], "lesions": [1, 2]}}}
CASES = [f"case_{number}" for number in range(10)]
STAND_IN = """#!/bin/sh
rm -rf "$nnUNet_preprocessed/out"; mkdir "$nnUNet_preprocessed/out" || exit 1
for n in 1 2 3; do sleep 0.01; echo "$n" > "$nnUNet_preprocessed/out/$n" || exit 1; done
"""


class References:
    """What `find_class_frequencies` reads of a preprocessed data set and of its labels."""

    label_dict = {"background": 0, "lesion": 1}  # noqa: RUF012
    has_regions = has_ignore_label = False
    identifiers = CASES

    def __init__(self, folder: Path) -> None:
        self.source_folder = str(folder)

    def load_case(self, case: str) -> tuple[Any, ...]:
        """A segmentation of its own for each case."""
        voxels = np.zeros((1, 8, 8, 8), np.int16)
        voxels[0, : CASES.index(case) % 8] = 1
        return None, voxels, None, None


def raw(folder: Path, _: int) -> object:
    """A data set, made from a phantom."""
    return prepare_raw(load_dataset_description(PHANTOM), folder, workers=1, progress=False).name


def splits(folder: Path, _: int) -> object:
    """The same folds."""
    return write_splits(folder, make_splits(CASES, folds=5), CASES).read_text()


def other_splits(folder: Path, number: int) -> object:
    """Folds that only this process wants."""
    return write_splits(folder, make_splits(CASES, folds=5, seed=number), CASES).read_text()


def counts(folder: Path, _: int) -> object:
    """Counted labels, from the cache or not."""
    return str(find_class_frequencies(folder, References(folder / "data"), References(folder)))


def preprocessing(folder: Path, _: int) -> object:
    """Preprocessed data, by a stand-in."""
    os.environ |= {"nnUNet_preprocessed": str(folder)}
    code = call_nnunet([str(folder / "nnUNetv2_preprocess"), "-d", "900"])
    return code, sorted((folder / "out").iterdir())


def real_preprocessing(folder: Path, _: int) -> object:
    """Preprocessed data, by nnU-Net."""
    for name in ("raw", "preprocessed", "results"):
        os.environ[f"nnUNet_{name}"] = str(folder / name)
    words = ["-d", "900", "-plans_name", "nnUNetPlans", "-c", "3d_fullres", "-np", "1", "--no_pbar"]
    return call_nnunet(["nnUNetv2_preprocess", *words])


def ready(folder: Path, ask: Callable[..., object]) -> None:
    """Lay out what is there before anybody asks."""
    if ask is counts:
        (folder / "data").mkdir()
        (folder / "data" / "case_0").touch()
    elif ask is preprocessing:
        command = folder / "nnUNetv2_preprocess"
        command.write_text(STAND_IN)
        command.chmod(0o755)


def planned(folder: Path) -> None:
    """A phantom that nnU-Net has planned for."""
    for name in ("raw", "preprocessed", "results"):
        (folder / name).mkdir(parents=True)
        os.environ[f"nnUNet_{name}"] = str(folder / name)
    larger = {"phantom": {"cases": 4, "shape": [32, 32, 32], "lesions": [1, 2]}}
    prepare_raw(load_dataset_description(PHANTOM | {"source": larger}), folder / "raw", workers=1, progress=False)
    code = call_nnunet(["nnUNetv2_plan_and_preprocess", "-d", "900", "-npfp", "1", "--clean", "--no_pp", "--no_pbar"])
    assert code == 0


def _noted(file: Path) -> bool:
    """Whether a file is a lock, or notes when others were made."""
    return file.name.startswith(".") or file.name == ORIGIN


def contents(folder: Path) -> str:
    """A digest of all files, but for those of locks and notes, and for times in nnU-Net's."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file() and not _noted(path)):
        digest.update(f"{file.relative_to(folder)}\0".encode() + (b"" if file.suffix == ".pkl" else file.read_bytes()))
    return digest.hexdigest()


def together(ask: Callable[..., object], folder: Path) -> list[tuple[str, Any]]:
    """What each of eight processes got that ask at the same moment."""
    context = multiprocessing.get_context("fork")
    barrier, answers = context.Barrier(PROCESSES), context.Queue()

    def one(number: int) -> None:
        barrier.wait()
        try:
            answers.put(("got", str(ask(folder, number))))
        except UserError as error:
            answers.put(("told", type(error).__name__))
        except BaseException as error:
            answers.put(("failed", repr(error)))

    processes = [context.Process(target=one, args=(number,)) for number in range(PROCESSES)]
    for process in processes:
        process.start()
    found = [answers.get(timeout=600) for _ in processes]
    for process in processes:
        process.join()
    return found


def repeat(ask: Callable[..., object], repetitions: int, template: Path | None = None) -> dict[str, Any]:
    """Let eight processes ask, again and again; count what came of it."""
    outcomes: Counter[str] = Counter()
    results = set()
    begun = time.monotonic()
    for _ in range(repetitions):
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch, "there")
            if template is None:
                folder.mkdir()
            else:
                shutil.copytree(template, folder)
            ready(folder, ask)
            answers = [(kind, text.replace(scratch, "")) for kind, text in together(ask, folder)]
            outcomes.update(kind for kind, _ in answers)
            got = {text for kind, text in answers if kind == "got"}
            kinds = Counter(kind for kind, _ in answers)
            if ask is other_splits:
                winner = next(folder.glob("splits_final.json")).read_text()
                whole = got == {winner} and kinds == {"got": 1, "told": PROCESSES - 1}
            else:
                whole = len(got) == 1 and kinds == {"got": PROCESSES}
                results.add(contents(folder))
            outcomes["one result"] += whole
            if not whole:
                print(ask.__name__, Counter(answers).most_common(3), file=sys.stderr)
    return {
        "asked for": (ask.__doc__ or "").rstrip("."),
        "repetitions": repetitions,
        "with one result": outcomes["one result"],
        "processes": {kind: outcomes[kind] for kind in ("got", "told", "failed")},
        "different contents": len(results) if ask is not other_splits else None,
        "seconds": round(time.monotonic() - begun, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--real", type=int, default=3, help="of nnU-Net's own preprocessing")
    arguments = parser.parse_args()
    rows = [repeat(ask, arguments.repetitions) for ask in (raw, preprocessing, splits, other_splits, counts)]
    if arguments.real:
        with tempfile.TemporaryDirectory() as scratch:
            planned(Path(scratch, "there"))
            rows.append(repeat(real_preprocessing, arguments.real, Path(scratch, "there")))
    for row in rows:
        print(row)
    where = {"hardware": f"{platform.machine()}, {os.cpu_count()} cores", "processes": PROCESSES}
    RESULTS.write_text(json.dumps({**where, "asked": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
