"""Checkpoints of nnU-Net, read without trusting them."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

from nnunet_losses.base.errors import UserError

FINAL = "checkpoint_final.pth"


def read_checkpoint(path: Path, *, mapped: bool = False) -> dict[str, Any]:
    """Read a checkpoint of nnU-Net without running code that it may hold.

    mapped: leave the tensors on the disk until they are used, so that the log of a large network costs little. The
        file must not change meanwhile.

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
            checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
        except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise UserError(f"{path} cannot be read as a checkpoint ({reason}); remove it and train again.") from None
    return checkpoint
