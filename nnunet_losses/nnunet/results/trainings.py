"""What lies in a folder ``nnUNet_results``: trainings of any trainer, and the cases that each predicted out of fold."""

import difflib
import fnmatch
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunet_losses.base.errors import UserError
from nnunet_losses.nnunet.results.history import validated_cases
from nnunet_losses.nnunet.training.checkpoint import FINAL

Splits = Sequence[Mapping[str, Sequence[str]]]


@dataclass(frozen=True)
class Training:
    """A fold that nnU-Net trained, or began to train."""

    dataset: str
    plans: str
    configuration: str
    trainer: str
    fold: int
    folder: Path

    @property
    def finished(self) -> bool:
        """Whether it came to its end; the summary of its validation tells, where the checkpoint was removed."""
        return (self.folder / FINAL).is_file() or (self.validation / "summary.json").is_file()

    @property
    def validation(self) -> Path:
        """Where nnU-Net predicts the cases that this fold did not train on."""
        return self.folder / "validation"

    def __str__(self) -> str:
        return f"{self.trainer}, {self.configuration}, fold {self.fold}"


def find_trainings(
    folder: Path, *, trainers: Sequence[str] = (), configurations: Sequence[str] = (), plans: Sequence[str] = ()
) -> list[Training]:
    """The trainings of a data set, sorted by configuration, trainer and fold.

    ``fold_all`` is left out: it predicts its own training cases. So are ensembles, which are of no single trainer.

    Args:
        folder: ``nnUNet_results/DatasetXXX_Name``.
        trainers: those to take, by name or pattern (``Tversky*``); all if empty.
        configurations: likewise.
        plans: likewise.

    Raises:
        UserError: there is no training, or a name fits none.
    """
    found = []
    for model in sorted(path for path in folder.iterdir() if path.name.count("__") >= 2 and path.is_dir()):
        trainer, plan, configuration = model.name.rsplit("__", 2)
        found += [
            Training(folder.name, plan, configuration, trainer, int(number[1]), path)
            for path in model.glob("fold_*")
            if (number := re.fullmatch(r"fold_(\d+)", path.name))
        ]
    if not found:
        raise UserError(
            f"{folder} holds no training; nnU-Net's are folders <trainer>__<plans>__<configuration>/fold_<number>."
        )
    for word, wanted in (("trainer", trainers), ("configuration", configurations), ("plans", plans)):
        there = sorted({getattr(training, word) for training in found})
        for name in wanted:
            if not fnmatch.filter(there, name):
                near = difflib.get_close_matches(name, there, n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(there)}."
                raise UserError(f"{folder} holds no {word} {name}; {hint}")
        found = [t for t in found if not wanted or any(fnmatch.fnmatchcase(getattr(t, word), name) for name in wanted)]
    if not found:
        raise UserError(f"{folder} holds no training of these trainers, configurations and plans together.")
    return sorted(found, key=lambda t: (t.plans, t.configuration, t.trainer, t.fold))


@dataclass(frozen=True)
class Validation:
    """The out-of-fold predictions of a training, and whatever is odd about them, a sentence each."""

    training: Training
    cases: tuple[str, ...]
    with_probabilities: frozenset[str]
    remarks: tuple[str, ...]


def find_validation(training: Training, ending: str, splits: Splits | None) -> Validation:
    """The cases that a training predicted out of fold, as far as its log, its files and the splits can tell.

    nnU-Net never removes a file from ``validation``, so one may be left from other splits. The training's log names the
    cases of its last validation; without a log, splits that the files cover do; without either, all files count.

    Args:
        training: the fold.
        ending: of the predictions, as in ``dataset.json``.
        splits: the present ``splits_final.json``; None if it is not there.
    """
    files = [path.name for path in training.validation.iterdir()] if training.validation.is_dir() else []
    predicted = {name.removesuffix(ending) for name in files if name.endswith(ending) and not name.startswith(".")}
    split = set(splits[training.fold]["val"]) if splits is not None and training.fold < len(splits) else None
    logged = set(validated_cases(training.folder))
    own = logged or predicted
    if split is not None and (own <= split or (not logged and split <= own)):
        own = split
    remarks = []
    if predicted and own != split and splits is not None:
        remarks.append(f"{training} was trained with other splits than splits_final.json; its own cases are compared.")
    if stale := predicted - own:
        remarks.append(f"{training}: {len(stale)} predictions are not of its last validation and are left out.")
    if training.finished and (missing := own - predicted):
        remarks.append(
            f"{training}: {len(missing)} of {len(own)} predictions are missing; nnUNetv2_train ... --val makes them."
        )
    cases = sorted(own & predicted)
    return Validation(training, tuple(cases), frozenset(c for c in cases if f"{c}.npz" in files), tuple(remarks))


def without_repeats(validations: Sequence[Validation], splits: Splits | None) -> list[Validation]:
    """The same, each case once a trainer, configuration and plans: in the fold that the splits say, or the first.

    Folds that were trained with different splits may predict a case twice.
    """
    home = {case: fold for fold, split in enumerate(splits or []) for case in split["val"]}
    owner: dict[tuple[str, ...], int] = {}
    for validation in validations:
        training = validation.training
        for case in validation.cases:
            key = (training.plans, training.configuration, training.trainer, case)
            if key not in owner or training.fold == home.get(case):
                owner[key] = training.fold
    result = []
    for validation in validations:
        training = validation.training
        run = (training.plans, training.configuration, training.trainer)
        kept = tuple(case for case in validation.cases if owner[(*run, case)] == training.fold)
        remarks = validation.remarks
        if repeated := len(validation.cases) - len(kept):
            remarks += (f"{training}: {repeated} cases count in another fold that predicted them too.",)
        result.append(Validation(training, kept, validation.with_probabilities & set(kept), remarks))
    return result
