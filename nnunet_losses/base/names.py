"""Names of files and folders that more than one room knows: nnU-Net's, and those of this package."""

import re
import unicodedata
from pathlib import Path
from typing import Final

# nnU-Net: data sets, raw and preprocessed
DATASET_JSON = "dataset.json"
SPLITS_JSON = "splits_final.json"
IMAGES_FOLDER = "imagesTr"
LABELS_FOLDER = "labelsTr"
REFERENCES_FOLDER = "gt_segmentations"
"""In the preprocessed data set: a copy of the labels of all training cases."""
NIFTI = ".nii.gz"
"""The file ending that this package writes."""

RATERS_DICE = "mean_dice_of_raters"
"""Column of a case table: the mean Dice, over all pairs of raters, of what is not background."""

# nnU-Net: results
PLANS: Final = "nnUNetPlans"
"""The plans that nnU-Net makes unless it is told otherwise."""
PLANS_JSON = "plans.json"
FINAL_CHECKPOINT = "checkpoint_final.pth"
CHECKPOINTS = (FINAL_CHECKPOINT, "checkpoint_latest.pth", "checkpoint_best.pth")
"""In the order in which nnU-Net looks for one to resume from."""
VALIDATION_FOLDER = "validation"
"""In a fold's folder: predictions of the cases that the fold did not train on."""
SUMMARY_JSON = "summary.json"
PROBABILITIES = ".npz"
"""The ending of a file of probabilities."""

# This package
LONGEST_NAME = 200
"""Bytes of a case's name: file systems take 255, and nnU-Net appends channel and ending."""
MODEL_JSON = "model.json"
"""Beside a published or exported model: which training it is from, and its checksum."""
EXPERIMENT_JSON = "experiment.json"
"""In a fold's folder: what the training's result depends on."""
JOBS_JSON = "jobs.json"
"""In a fold's folder: what the training cost and how it ended."""


def name_problem(name: object) -> str | None:
    """Why a name that somebody else chose cannot be part of a file's name; None if it can.

    It must be a name and not a path, so that a file made from it stays in the folder that it is made in.

    >>> name_problem("patient 07")
    >>> name_problem("a/b")
    "holds '/'"
    """
    if not isinstance(name, str):
        return f"is not text but {type(name).__name__}"
    if not name:
        return "is empty"
    if name.startswith("."):
        return "begins with '.'"
    for character in "/\\":
        if character in name:
            return f"holds '{character}'"
    if character := unprintable(name):
        return f"holds the character {character!a}, which cannot be printed"
    if len(name.encode()) > LONGEST_NAME:
        return f"is longer than {LONGEST_NAME} bytes"
    return None


def unprintable(text: str) -> str:
    """The first character that does not show as itself; empty if there is none.

    Control characters, line breaks, halves of characters, and marks that turn the direction of writing do not.
    """
    return next((c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")), "")


def slug(text: str, *, longest: int | None = None, otherwise: str = "part") -> str:
    """A short name of lower-case letters, digits and '-', for an anchor, a file or a study.

    >>> slug("Task04_Hippo campus")
    'task04-hippo-campus'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:longest].rstrip("-") or otherwise


def image_file(folder: Path, case: str, channel: int, ending: str) -> Path:
    """The image of one channel of a case in a raw data set.

    >>> image_file(Path("Dataset004_Hippocampus"), "la_003", 0, ".nii.gz").as_posix()
    'Dataset004_Hippocampus/imagesTr/la_003_0000.nii.gz'
    """
    return folder / IMAGES_FOLDER / f"{case}_{channel:04d}{ending}"


def label_file(folder: Path, case: str, ending: str) -> Path:
    """The label map of a case in a raw data set.

    >>> label_file(Path("Dataset004_Hippocampus"), "la_003", ".nii.gz").as_posix()
    'Dataset004_Hippocampus/labelsTr/la_003.nii.gz'
    """
    return folder / LABELS_FOLDER / f"{case}{ending}"


def model_name(trainer: str, plans: str, configuration: str) -> str:
    """The folder of a trainer in the results of a data set.

    >>> model_name("DiceTrainer", "nnUNetPlans", "3d_fullres")
    'DiceTrainer__nnUNetPlans__3d_fullres'
    """
    return f"{trainer}__{plans}__{configuration}"


def split_model_name(name: str) -> tuple[str, str, str] | None:
    """Trainer, plans and configuration of such a folder; None for any other folder.

    >>> split_model_name("DiceTrainer__nnUNetPlans__3d_fullres")
    ('DiceTrainer', 'nnUNetPlans', '3d_fullres')
    >>> split_model_name("ensembles")
    """
    parts = name.rsplit("__", 2)
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else None


def fold_name(fold: int | str) -> str:
    """The folder of a fold in the folder of a trainer.

    >>> fold_name(3)
    'fold_3'
    """
    return f"fold_{fold}"


def table_name(table: str) -> str:
    """The file of a table in a folder of tables.

    >>> table_name("cases")
    'cases.parquet'
    """
    return f"{table}.parquet"
