"""What a finished training leaves: its model, its curves, its cost, and its out-of-fold predictions."""

import json
import os
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd

from nnunet_losses.errors import UserError
from nnunet_losses.files import write_atomically
from nnunet_losses.nnunet.folders import dataset_folder, nnunet_folder
from nnunet_losses.nnunet.names import parse_trainer_name

FINAL = "checkpoint_final.pth"


def identity(dataset: str, configuration: str, trainer: str, fold: int) -> dict[str, str | int]:
    """The columns that say which training a row of a table belongs to.

    A seed is a repeat of the same experiment, so it leaves the trainer's name and gets its own column (0: unseeded).
    """
    parsed = parse_trainer_name(trainer)
    seed = parsed.seed if parsed is not None and parsed.seed is not None else 0
    name = trainer if parsed is None else str(parsed.replace(seed=None))
    return {"dataset": dataset, "configuration": configuration, "trainer": name, "fold": fold, "seed": seed}


def fold_folder(dataset: str, configuration: str, trainer: str, plans: str, fold: int) -> Path:
    """Where nnU-Net trains this fold, in ``nnUNet_results``."""
    return nnunet_folder("nnUNet_results") / dataset / f"{trainer}__{plans}__{configuration}" / f"fold_{fold}"


def publish_training(dataset: str, configuration: str, trainer: str, plans: str, fold: int, out: Path) -> None:
    """Copy a finished fold to ``out``: final checkpoint, ``training.parquet``, ``jobs.parquet``, ``experiment.json``.

    Raises:
        UserError: the training is not finished.
    """
    folder = fold_folder(dataset, configuration, trainer, plans, fold)
    if not (folder / FINAL).is_file():
        raise UserError(f"{folder} holds no {FINAL}: this training is not finished; run it (again) with --c.")
    row = identity(dataset, configuration, trainer, fold)
    log = read_checkpoint(folder / FINAL)["logging"]
    curves = _curves(log)
    for name, table in (("training", curves), ("jobs", _job(folder, curves))):
        with write_atomically(out / f"{name}.parquet") as temporary:
            table.assign(**row)[[*row, *table.columns]].to_parquet(temporary, index=False)
    if (folder / "experiment.json").is_file():
        with write_atomically(out / "experiment.json") as temporary:
            shutil.copyfile(folder / "experiment.json", temporary)
    with write_atomically(out / FINAL) as temporary:
        shutil.copyfile(folder / FINAL, temporary)


def predict_out_of_fold(
    dataset: str,
    configuration: str,
    trainer: str,
    plans: str,
    fold: int,
    *,
    segmentations: Path,
    probabilities: Path,
    model: Path | None = None,
    device: str = "cuda",
) -> None:
    """Predict the cases that this fold did not train on: ``<case><file ending>`` and ``<case>.npz``.

    What nnU-Net predicted at the end of the training is used where it is complete; otherwise nnU-Net's validation runs
    again, from ``model`` if the checkpoint in the work folder is gone. Both folders are complete or absent.

    Raises:
        UserError: no finished training, no splits, or a fold that is not in the splits.
    """
    preprocessed = dataset_folder(nnunet_folder("nnUNet_preprocessed"), dataset)
    splits = json.loads((preprocessed / "splits_final.json").read_text())
    if fold >= len(splits):
        raise UserError(f"{preprocessed / 'splits_final.json'} has {len(splits)} folds; there is no fold {fold}.")
    cases = splits[fold]["val"]
    ending = json.loads((preprocessed / "dataset.json").read_text())["file_ending"]
    folder = fold_folder(dataset, configuration, trainer, plans, fold)
    if not (folder / FINAL).is_file():
        if model is None or not model.is_file():
            raise UserError(f"{folder} holds no {FINAL}: train this fold first.")
        with write_atomically(folder / FINAL) as temporary:
            shutil.copyfile(model, temporary)
    validation = folder / "validation"
    needed = [validation / f"{case}{suffix}" for case in cases for suffix in (ending, ".npz")]
    trained = (folder / FINAL).stat().st_mtime
    if not all(path.is_file() and path.stat().st_mtime >= trained for path in needed):
        _validate_again(dataset, configuration, trainer, plans, fold, device)
    for target, suffix, bring in ((segmentations, ending, shutil.copyfile), (probabilities, ".npz", shutil.move)):
        part = target.with_name(f".{target.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for case in cases:
            # probabilities are large: moved, so that removing them after the evaluation frees the disk
            bring(validation / f"{case}{suffix}", part / f"{case}{suffix}")
        shutil.rmtree(target, ignore_errors=True)
        os.replace(part, target)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint of nnU-Net without running code that it may hold.

    Raises:
        UserError: it is damaged, or holds more than tensors, numbers and text.
    """
    import numpy as np
    import torch

    harmless: list[Any] = [np.dtype, *{type(np.dtype(kind)) for kind in "?bBhHiIlLqQefd"}]
    try:
        from numpy._core import multiarray
    except ImportError:  # NumPy 1
        from numpy.core import multiarray  # type: ignore[no-redef]
    harmless += [multiarray.scalar, multiarray._reconstruct, np.ndarray]
    if not zipfile.is_zipfile(path):
        raise UserError(f"{path} cannot be read as a checkpoint (it is damaged); remove it and train again.")
    with torch.serialization.safe_globals(harmless):
        try:
            checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise UserError(f"{path} cannot be read as a checkpoint ({reason}); remove it and train again.") from None
    return checkpoint


def _curves(log: dict[str, list[Any]]) -> pd.DataFrame:
    """The per-epoch table, from what nnU-Net logs."""
    epochs = range(len(log["train_losses"]))
    return pd.DataFrame(
        {
            "epoch": list(epochs),
            "train_loss": [float(v) for v in log["train_losses"]],
            "val_loss": [float(v) for v in log["val_losses"]],
            "pseudo_dice": [float(v) for v in log["mean_fg_dice"]],
            "ema_pseudo_dice": [float(v) for v in log["ema_fg_dice"]],
            "lr": [float(v) for v in log["lrs"]],
            "seconds": [
                end - start
                for start, end in zip(log["epoch_start_timestamps"], log["epoch_end_timestamps"], strict=True)
            ],
        }
    )


def _job(folder: Path, curves: pd.DataFrame) -> pd.DataFrame:
    """One row of cost and outcome; a stock trainer leaves no jobs.json, so its memory and hardware are unknown."""
    job: dict[str, Any] = {
        "seconds": float(curves["seconds"].sum()),
        "peak_memory_mb": float("nan"),
        "device": "",
        "hardware": "",
        "epochs": len(curves),
        "status": "completed",
    }
    path = folder / "jobs.json"
    if path.is_file():
        recorded = json.loads(path.read_text())
        job |= {key: recorded[key] for key in job if key in recorded}
    return pd.DataFrame([job])


def _validate_again(dataset: str, configuration: str, trainer: str, plans: str, fold: int, device: str) -> None:
    import torch
    from nnunetv2.run.run_training import run_training

    run_training(
        dataset,
        configuration,
        fold,
        trainer,
        plans,
        export_validation_probabilities=True,
        only_run_validation=True,
        device=torch.device(device),
    )
