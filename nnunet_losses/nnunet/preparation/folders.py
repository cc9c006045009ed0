"""nnU-Net's folders, found or explained."""

import os
from pathlib import Path

from nnunet_losses.base.errors import UserError
from nnunet_losses.base.names import fold_name, model_name


def nnunet_folder(variable: str) -> Path:
    """The folder that ``nnUNet_raw``, ``nnUNet_preprocessed`` or ``nnUNet_results`` names.

    Raises:
        UserError: the variable is not set or points nowhere.
    """
    value = os.environ.get(variable)
    if not value:
        raise UserError(f"The environment variable {variable} is not set; set it to nnU-Net's folder of that name.")
    if not Path(value).is_dir():
        raise UserError(f"The environment variable {variable} points to {value}, which is not a folder; create it.")
    return Path(value)


def fold_folder(dataset: str, configuration: str, trainer: str, plans: str, fold: int) -> Path:
    """Where nnU-Net trains this fold, in ``nnUNet_results``; ``dataset`` is ``DatasetXXX_Name``."""
    return nnunet_folder("nnUNet_results") / dataset / model_name(trainer, plans, configuration) / fold_name(fold)
