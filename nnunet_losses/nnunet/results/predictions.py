"""The predictions of the cases that a fold did not train on."""

import shutil
from pathlib import Path

from nnunet_losses.base.dataset import find_dataset, read_dataset_json
from nnunet_losses.base.errors import UserError
from nnunet_losses.base.files import new_folder, write_atomically
from nnunet_losses.base.names import FINAL_CHECKPOINT, PROBABILITIES, SPLITS_JSON, VALIDATION_FOLDER
from nnunet_losses.base.splits import read_splits
from nnunet_losses.nnunet.preparation.folders import fold_folder, nnunet_folder
from nnunet_losses.nnunet.training.checkpoint import safe_loading


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
    checkpoint, its validation runs again.

    Args:
        dataset: ``DatasetXXX_Name`` or its number.
        configuration: such as ``3d_fullres``.
        trainer: the trainer's name.
        plans: such as ``nnUNetPlans``.
        fold: of the cross-validation.
        segmentations: folder for ``<case><file ending>``, complete or absent.
        probabilities: folder for ``<case>.npz``, complete or absent.
        model: a published checkpoint, used if that of the training is gone.
        device: where a validation runs.

    Raises:
        UserError: there is no finished training, or the splits do not have this fold.
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
    if not checkpoint.is_file():
        if model is None or not model.is_file():
            raise UserError(f"{folder} holds no {FINAL_CHECKPOINT}: train this fold first.")
        with write_atomically(checkpoint) as temporary:
            shutil.copyfile(model, temporary)
    needed = [validation / f"{case}{suffix}" for case in cases for suffix in (ending, PROBABILITIES)]
    trained = checkpoint.stat().st_mtime
    if not all(path.is_file() and path.stat().st_mtime >= trained for path in needed):
        _validate_again(dataset, configuration, trainer, plans, fold, device, checkpoint)
    # probabilities are large: moved, so that removing them after the evaluation frees the disk
    for target, suffix, bring in (
        (segmentations, ending, shutil.copyfile),
        (probabilities, PROBABILITIES, shutil.move),
    ):
        with new_folder(target, replace=True) as partial:
            for case in cases:
                bring(validation / f"{case}{suffix}", partial / f"{case}{suffix}")


def _validate_again(
    dataset: str, configuration: str, trainer: str, plans: str, fold: int, device: str, checkpoint: Path
) -> None:
    import torch
    from nnunetv2.run.run_training import run_training

    with safe_loading(checkpoint):  # nnU-Net's own trainers load without a check
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
