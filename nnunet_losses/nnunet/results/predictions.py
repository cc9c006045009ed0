"""The predictions of the cases that a fold did not train on."""

import json
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from nnunet_losses.base.dataset import FINGERPRINT, find_dataset, read_dataset_json
from nnunet_losses.base.disk import on_disk
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import new_folder, write_atomically
from nnunet_losses.base.names import FINAL_CHECKPOINT, PROBABILITIES, SPLITS_JSON, SUMMARY_JSON, VALIDATION_FOLDER
from nnunet_losses.base.splits import read_splits
from nnunet_losses.nnunet.preparation.folders import fold_folder, nnunet_folder
from nnunet_losses.nnunet.results.models import read_model
from nnunet_losses.nnunet.training.checkpoint import DamagedCheckpointError, safe_loading, set_aside
from nnunet_losses.nnunet.training.origin import ForeignModelError, Origin, plans_sha256


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
    """Collect the predictions of the cases that this fold did not train on.

    nnU-Net predicts them at the end of the training. Where these predictions are incomplete or older than the
    checkpoint, its validation runs again. A checkpoint that is damaged or from another training is set aside if there
    is a published one to take its place.

    Args:
        dataset: ``DatasetXXX_Name`` or its number.
        configuration: such as ``3d_fullres``.
        trainer: the trainer's name.
        plans: such as ``nnUNetPlans``.
        fold: of the cross-validation.
        segmentations: folder for ``<case><file ending>``, complete or absent.
        probabilities: folder for ``<case>.npz``, complete or absent.
        model: the published checkpoint, used if that of the training is gone or cannot be used.
        device: where a validation runs.

    Raises:
        UserError: there is no finished training, the splits do not have this fold, or a checkpoint is damaged, from
            another training, or not safe to load.
    """
    preprocessed = find_dataset(nnunet_folder("nnUNet_preprocessed"), dataset)
    dataset = preprocessed.name
    splits = read_splits(preprocessed / SPLITS_JSON, dataset)
    if fold >= len(splits):
        raise UserError(f"{preprocessed / SPLITS_JSON} has {len(splits)} folds; there is no fold {fold}.")
    cases = splits[fold]["val"]
    ending = read_dataset_json(preprocessed, ["file_ending"])["file_ending"]
    folder = fold_folder(dataset, configuration, trainer, plans, fold)
    checkpoint, validation = folder / FINAL_CHECKPOINT, folder / VALIDATION_FOLDER
    published = model if model is not None and model.is_file() else None
    _require_model(checkpoint, published, _expected(preprocessed, configuration, trainer, plans, fold))
    needed = [validation / f"{case}{suffix}" for case in cases for suffix in (ending, PROBABILITIES)]
    if not _complete(needed, validation / SUMMARY_JSON, checkpoint):
        # if this one is stopped, its files and older ones must not be taken for those of a whole validation
        (validation / SUMMARY_JSON).unlink(missing_ok=True)
        _validate_again(dataset, configuration, trainer, plans, fold, device, checkpoint)
    # probabilities are large: moved, so that removing them after the evaluation frees the disk
    for target, suffix, bring in (
        (segmentations, ending, shutil.copyfile),
        (probabilities, PROBABILITIES, shutil.move),
    ):
        with new_folder(target, replace=True) as partial:
            for case in cases:
                bring(validation / f"{case}{suffix}", partial / f"{case}{suffix}")


def _expected(preprocessed: Path, configuration: str, trainer: str, plans: str, fold: int) -> Origin:
    """The training that a checkpoint must be from, as far as the preprocessed data set tells."""
    fingerprint = read_dataset_json(preprocessed).get(FINGERPRINT)
    file = preprocessed / f"{plans}.json"
    planned = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    return Origin(
        trainer,
        preprocessed.name,
        plans,
        configuration,
        str(fold),
        fingerprint=None if fingerprint is None else str(fingerprint),
        plans_sha256=None if planned is None else plans_sha256(planned, configuration),
    )


def _require_model(checkpoint: Path, published: Path | None, expected: Origin) -> None:
    """Make sure that there is a checkpoint of the training, copied from the published one if need be."""
    if published is not None:
        read_model(published, expected)
    if checkpoint.is_file():
        try:
            read_model(checkpoint, expected)
        except (DamagedCheckpointError, ForeignModelError) as error:
            if published is None:
                raise
            aside = set_aside(checkpoint)
            print(
                f"WARNING: {checkpoint} cannot be used: {error.reason}; it is kept as {aside.name}, and {published} "
                f"takes its place.",
                file=sys.stderr,
            )
    if checkpoint.is_file():
        return
    if published is None:
        raise UserError(f"{checkpoint.parent} holds no {FINAL_CHECKPOINT}: train this fold first.")
    with write_atomically(checkpoint) as temporary:
        shutil.copyfile(published, temporary)


def _complete(needed: Iterable[Path], summary: Path, checkpoint: Path) -> bool:
    """Whether a validation of this checkpoint wrote all these files and came to its end, where it writes a summary."""
    if not summary.is_file():
        return False
    trained, ended = checkpoint.stat().st_mtime, summary.stat().st_mtime
    return all(path.is_file() and trained <= path.stat().st_mtime <= ended for path in needed)


def _validate_again(
    dataset: str, configuration: str, trainer: str, plans: str, fold: int, device: str, checkpoint: Path
) -> None:
    import torch
    from nnunetv2.run.run_training import run_training

    # nnU-Net's own trainers load without a check, and do not say that a disk is full
    with on_disk(checkpoint.parent, ask=True), safe_loading(checkpoint):
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
