"""The trainings in a folder ``nnUNet_results``, of any trainer."""

import difflib
import fnmatch
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.names import FINAL_CHECKPOINT, SUMMARY_JSON, VALIDATION_FOLDER, split_model_name


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
        """Whether all epochs were trained; where the checkpoint was removed, the summary of the validation shows it."""
        return (self.folder / FINAL_CHECKPOINT).is_file() or (self.validation / SUMMARY_JSON).is_file()

    @property
    def validation(self) -> Path:
        """Where nnU-Net predicts the cases that this fold did not train on."""
        return self.folder / VALIDATION_FOLDER

    def __str__(self) -> str:
        return f"{self.trainer}, {self.configuration}, fold {self.fold}"


def find_trainings(
    folder: Path, *, trainers: Sequence[str] = (), configurations: Sequence[str] = (), plans: Sequence[str] = ()
) -> list[Training]:
    """The trainings of a data set, sorted by configuration, trainer and fold.

    ``fold_all`` is left out, because it predicts its own training cases. Ensembles are left out, because they belong to
    no single trainer.

    Args:
        folder: ``nnUNet_results/DatasetXXX_Name``.
        trainers: names or patterns (``Tversky*``) of the trainers to take; all if empty.
        configurations: likewise.
        plans: likewise.

    Raises:
        UserError: there is no training, or none has one of the names.
    """
    found = []
    for model in sorted(path for path in folder.iterdir() if path.is_dir()):
        if (names := split_model_name(model.name)) is None:
            continue
        trainer, plan, configuration = names
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
        raise UserError(f"{folder} holds no training that has one of these trainers, configurations and plans.")
    return sorted(found, key=lambda t: (t.plans, t.configuration, t.trainer, t.fold))
