"""Trainers that are not ours: nnU-Net's own, or those of a user."""

import contextlib
import io

from nnunet_losses.base.errors import UserError


def require_trainer(name: str) -> None:
    """Look a trainer up as nnU-Net does (this imports all of nnU-Net's trainers: seconds).

    Raises:
        UserError: nnU-Net does not find it.
    """
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

    try:
        with contextlib.redirect_stdout(io.StringIO()):
            recursive_find_trainer_class_by_name(name)
    except (RuntimeError, AssertionError):
        raise UserError(
            f"There is no trainer {name}, neither in nnU-Net nor in nnUNet_extTrainer; `nnunet-losses list` names ours."
        ) from None
