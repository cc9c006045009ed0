"""The folds of a cross-validation, made once, before any training.

nnU-Net makes them in each fold that starts without them, so that folds that start together write and read the same
file at the same time.
"""

import json
from collections.abc import Collection, Mapping
from pathlib import Path

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import write_atomically
from nnunet_losses.base.locks import alone
from nnunet_losses.base.names import SPLITS_JSON
from nnunet_losses.base.splits import Splits, left_out_values, read_splits


def make_splits(cases: list[str], *, folds: int, seed: int = 12345) -> Splits:
    """Split cases as nnU-Net does (shuffled k-fold; its own default is 5 folds and seed 12345).

    Raises:
        UserError: fewer cases than folds.
    """
    from nnunetv2.utilities.crossval_split import generate_crossval_split

    if len(cases) < folds:
        raise UserError(f"{folds} folds need at least {folds} cases, but there are {len(cases)}; ask for fewer folds.")
    return [
        {part: [str(case) for case in split[part]] for part in ("train", "val")}
        for split in generate_crossval_split(sorted(cases), seed=seed, n_splits=folds)
    ]


def make_balanced_splits(
    cases: list[str],
    *,
    folds: int,
    seed: int = 12345,
    groups: Mapping[str, str] | None = None,
    counts: Mapping[str, int] | None = None,
) -> Splits:
    """Split cases so that groups stay together, or folds are alike in a count, or both.

    Groups are ranked by their mean count. Of each run of ``folds`` groups in that order, every fold gets one; where
    groups differ in size, scikit-learn's ``StratifiedGroupKFold`` decides which one, so that folds are about equally
    large.

    Args:
        cases: names of the cases.
        folds: number of folds.
        seed: of the random choice among equals.
        groups: the group of each case, such as its patient; without it, each case is a group.
        counts: of each case, such as its number of lesions; without it, nothing is balanced but the size of the folds.

    Raises:
        UserError: fewer groups than folds.
    """
    import numpy as np
    from sklearn.model_selection import StratifiedGroupKFold

    names = sorted(cases)
    members: dict[str, list[str]] = {}
    for case in names:
        members.setdefault(case if groups is None else groups[case], []).append(case)
    if len(members) < folds:
        raise UserError(f"{folds} folds need at least {folds} groups of cases, but there are {len(members)}.")
    stratum = dict.fromkeys(members, 0)
    if counts is not None:
        mean = {group: sum(counts[case] for case in those) / len(those) for group, those in members.items()}
        ranked = sorted(members, key=lambda group: (mean[group], group))
        last = len(ranked) // folds - 1  # what is left over joins the last run
        stratum = {group: min(rank // folds, last) for rank, group in enumerate(ranked)}
    group_of = {case: group for group, those in members.items() for case in those}
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    parts = splitter.split(names, [stratum[group_of[case]] for case in names], [group_of[case] for case in names])
    by_name = np.array(names)
    return [{"train": by_name[train].tolist(), "val": by_name[val].tolist()} for train, val in parts]


def leave_out_splits(values: Mapping[str, str], *, column: str, together: Collection[str] = ()) -> Splits:
    """Split cases so that each fold predicts the cases of one value, and trains on all others.

    Args:
        values: of the column, such as the site, by case.
        column: its name, for messages.
        together: values whose cases are predicted together, in the only fold; none: each value in turn.

    Returns:
        The folds, in alphabetical order of the values.

    Raises:
        UserError: the values cannot be left out in turn, as `left_out_values` says; or no case has one of those that
            are left out together, or fewer than 2 cases have another.
    """
    import numpy as np
    from sklearn.model_selection import LeaveOneGroupOut

    if together:
        if missing := sorted(set(together) - set(values.values())):
            raise UserError(
                f"No case has the {column} '{missing[0]}', which is to be left out; there are: "
                f"{', '.join(sorted(set(values.values()))[:20])}."
            )
        test = {case for case, value in values.items() if value in together}
        if len(values) - len(test) < 2:
            raise UserError(
                f"Without the cases of {column} {', '.join(together)}, only {len(values) - len(test)} of {len(values)} "
                "is left to train with, and 2 are needed."
            )
        return [{"train": sorted(set(values) - test), "val": sorted(test)}]
    left_out_values(values, column)
    names = np.array(sorted(values))
    parts = LeaveOneGroupOut().split(names, groups=[values[name] for name in names])
    return [{"train": names[train].tolist(), "val": names[val].tolist()} for train, val in parts]


def write_splits(preprocessed: Path, splits: Splits, cases: list[str]) -> Path:
    """Write ``splits_final.json`` of a preprocessed data set, unless it holds these splits already.

    Raises:
        UserError: the file holds other splits, which trainings may depend on, or a case does not exist.
    """
    known = set(cases)
    for fold, split in enumerate(splits):
        if unknown := sorted(set(split["train"] + split["val"]) - known):
            raise UserError(
                f"Fold {fold} of the splits names {unknown[0]}, which is not a case of {preprocessed.name}."
            )
    path = preprocessed / SPLITS_JSON
    with alone(preprocessed / f".{SPLITS_JSON}.lock"):  # of two that ask for different ones, one is refused
        if path.exists():
            if read_splits(path, preprocessed.name) == splits:
                return path
            raise UserError(
                f"{path} holds other splits than those asked for, and trainings may depend on them; ask for the same "
                f"number of folds and seed, or remove that file and the trainings made with it."
            )
        with write_atomically(path) as temporary:
            temporary.write_text(json.dumps(splits, indent=4), encoding="utf-8")
    return path


def case_names(raw: Path) -> list[str]:
    """The training cases of a raw data set, as nnU-Net names them.

    Raises:
        UserError: it has none.
    """
    from nnunetv2.utilities.utils import get_filenames_of_train_images_and_targets

    cases = sorted(get_filenames_of_train_images_and_targets(str(raw)))
    if not cases:
        raise UserError(f"{raw} holds no training cases.")
    return cases
