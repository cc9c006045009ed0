"""The folds of a cross-validation, as nnU-Net's ``splits_final.json`` holds them."""

import json
from pathlib import Path

from nnunet_losses.base.errors import UserError

Splits = list[dict[str, list[str]]]
"""A fold each: the cases it trains on ("train") and those it predicts ("val")."""


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
