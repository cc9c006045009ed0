"""The folds of a cross-validation, as nnU-Net's ``splits_final.json`` holds them."""

import json
from collections.abc import Mapping
from pathlib import Path

from nnunet_losses.base.errors import UserError

Splits = list[dict[str, list[str]]]
"""A fold each: the cases it trains on ("train") and those it predicts ("val")."""


MOST_LEFT_OUT = 20
"""Values of a column that are left out in turn; more are patients rather than sites, and cost a training each."""


def left_out_values(values: Mapping[str, str], column: str) -> list[str]:
    """The values of a column that are left out in turn, fold by fold: each once, in alphabetical order.

    Args:
        values: of the column, by case.
        column: its name, for messages.

    Raises:
        UserError: there are fewer than 2 values or more than 20, or one is that of so many cases that fewer than 2 are
            left to train with.
    """
    found = sorted(set(values.values()))
    if not 2 <= len(found) <= MOST_LEFT_OUT:
        raise UserError(
            f"To leave out each '{column}' in turn, there must be 2 to {MOST_LEFT_OUT} values of it, but there are "
            f"{len(found)}; group the cases by another column, or use folds.group."
        )
    for value in found:
        if (rest := sum(other != value for other in values.values())) < 2:
            raise UserError(
                f"Without the cases of {column} '{value}', only {rest} of {len(values)} cases is left to train with, "
                "and 2 are needed; choose another column."
            )
    return found


def read_splits(path: Path | str, where: str) -> Splits:
    """Read a ``splits_final.json``: a list of ``{"train": [...], "val": [...]}``, every fold with cases of both.

    Args:
        path: the file.
        where: what asked for it, for messages.

    Raises:
        UserError: the file is missing or is not such a list, or a case is in both parts of a fold.
    """
    try:
        splits = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{where}: the splits file {path} does not exist.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{where}: the splits file {path} cannot be read: {error}.") from None
    if not isinstance(splits, list) or not splits:
        raise UserError(f"{where}: {path} must hold a list of folds, each with 'train' and 'val' case lists.")
    for fold, split in enumerate(splits):
        if not isinstance(split, dict) or not all(
            isinstance(split.get(part), list) and split[part] and all(isinstance(c, str) for c in split[part])
            for part in ("train", "val")
        ):
            raise UserError(f"{where}: fold {fold} of {path} needs non-empty lists 'train' and 'val' of case names.")
        if both := sorted(set(split["train"]) & set(split["val"])):
            raise UserError(f"{where}: fold {fold} of {path} has {both[0]} in both 'train' and 'val'.")
    return splits
