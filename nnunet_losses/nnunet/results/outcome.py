"""What a finished training leaves: its model, its curves, its cost, and its out-of-fold predictions."""

import json
import os
import shutil
from pathlib import Path

import pandas as pd

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import write_atomically
from nnunet_losses.nnunet.names.grammar import TrainerNameError, parse_trainer_name
from nnunet_losses.nnunet.preparation.folders import dataset_folder, nnunet_folder
from nnunet_losses.nnunet.results.history import curves_of, job_row
from nnunet_losses.nnunet.training.checkpoint import FINAL, read_checkpoint


def identity(dataset: str, configuration: str, trainer: str, fold: int) -> dict[str, str | int]:
    """The columns that say which training a row of a table belongs to.

    A seed is a repeat of the same experiment, so it leaves the trainer's name and gets its own column (0: unseeded).
    """
    try:
        parsed = parse_trainer_name(trainer)
    except TrainerNameError:
        parsed = None  # a trainer of somebody's own whose name begins like one of ours
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
    curves = curves_of(read_checkpoint(folder / FINAL)["logging"])
    job = pd.DataFrame([job_row(folder, curves, finished=True)])
    for name, table in (("training", curves), ("jobs", job)):
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
