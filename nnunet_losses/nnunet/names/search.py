"""Whether there is a trainer of some name, ours or not: nnU-Net's own search decides."""

import contextlib
import io

from nnunet_losses.base.errors import UserError


def search_trainer(name: str) -> type:
    """The class that nnU-Net would train with. It imports all of nnU-Net's trainers first, which takes seconds.

    Raises:
        Exception: whatever nnU-Net raises if it finds no such trainer or cannot import a module on its way.
        SystemExit: the name begins like one of ours, but is wrong.
    """
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

    with contextlib.redirect_stdout(io.StringIO()):  # it reports every module that it inspects
        found: type = recursive_find_trainer_class_by_name(name)
    return found


def require_trainer(name: str) -> None:
    """Make sure that nnU-Net finds a trainer, before any long work.

    Raises:
        UserError: it does not.
    """
    try:
        search_trainer(name)
    except (RuntimeError, AssertionError):
        raise UserError(
            f"There is no trainer {name}, neither in nnU-Net nor in nnUNet_extTrainer; `nnunet-losses list` shows ours."
        ) from None
