"""Folds and seeds of a given table as whole numbers, so that trainings are told apart."""

import re

import numpy as np
import pandas as pd

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.identity import STUDY
from nnunet_losses.comparison.given.cells import Cells

_NUMBERED = re.compile(r"[^\d-]*(\d{1,10})(?:\.0*)?")


def counted(cells: Cells, role: str, column: str | None) -> np.ndarray:
    """A column of folds or seeds as whole numbers: their own where they have some, else in alphabetical order.

    Without a column, 0.
    """
    if column is None:
        return np.zeros(len(cells.given.frame), dtype=int)
    texts = cells.filled(column, f"every row needs its {role}")
    words = sorted(set(texts))
    found = [_NUMBERED.fullmatch(word) for word in words]
    numbers = [int(match[1]) if match else -1 for match in found]
    if -1 in numbers or len(set(numbers)) < len(words):
        first = 1 if role == "seed" else 0  # seed 0 is unseeded
        numbers = list(range(first, first + len(words)))
        pairs = [f"{word} is {number}" for word, number in zip(words, numbers, strict=True)]
        cells.decisions.append(f"The column '{column}' counts as {role}: {', '.join(pairs[:20])}.")
    else:
        cells.decisions.append(f"The column '{column}' is the {role} ({len(words)} in all).")
    by_word = dict(zip(words, numbers, strict=True))
    return np.array([by_word[text] for text in texts], dtype=int)


def folds_as_trainings(long: pd.DataFrame, decisions: list[str]) -> pd.DataFrame:
    """Folds that all predict the same cases become seeds; folds that differ between models become one.

    long: with data set, configuration, model, fold, seed, case, label and metric.

    Raises:
        UserError: some cases of a model are in several folds and others in one.
    """
    here = [*STUDY]
    folds = long.groupby([*here, "model", "seed", "label", "metric", "case"], sort=False)["fold"].nunique()
    if (folds > 1).any():
        several = folds.groupby([*here, "model", "seed"], sort=False).agg(["min", "max"])
        if (several["min"] != several["max"]).any():
            key = dict(zip(folds.index.names, folds[folds > 1].index[0], strict=True))
            raise UserError(
                f"Case {key['case']} of {key['model']} stands in several folds and others in one; a case belongs to "
                "one fold, or, where all folds predict the same test cases, every case to all of them."
            )
        decisions.append("Every fold predicts the same cases: each fold is taken for a repeat (seed) of the training.")
        runs = list(zip(long["seed"], long["fold"], strict=True))
        number = {run: place for place, run in enumerate(sorted(set(runs)), 1)}
        return long.assign(seed=[number[run] for run in runs], fold=0)
    by_case = long.groupby([*here, "seed", "case"], sort=False)["fold"].nunique()
    if (by_case > 1).any():
        case = by_case[by_case > 1].index[0][-1]
        decisions.append(
            f"Models have different folds (case {case}, for one): their trainings cannot be lined up, so folds are "
            "left out of account."
        )
        return long.assign(fold=0)
    return long
