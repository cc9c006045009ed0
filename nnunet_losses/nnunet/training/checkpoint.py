"""nnU-Net's checkpoints, loaded without running code that they may hold.

A checkpoint is a pickle, and loading a pickle can run anything. nnU-Net loads its checkpoints without a check
(``weights_only=False``). PyTorch can refuse everything but tensors and types that were named before, and what nnU-Net
saves needs no more than a few types of NumPy beside its tensors.
"""

import os
import pickle
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from nnunet_losses.base.errors import UserError

TRUST = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
"""PyTorch's own variable for people who trust their files."""


def read_checkpoint(path: Path, *, mapped: bool = False) -> dict[str, Any]:
    """Read a checkpoint of nnU-Net.

    Args:
        path: the checkpoint.
        mapped: leave the tensors on the disk until they are used, so that the log of a large network costs little to
            read. The file must not change meanwhile.

    Raises:
        UserError: the file is damaged, or holds more than tensors, numbers and text.
    """
    import torch

    if not zipfile.is_zipfile(path):
        raise UserError(f"{path} cannot be read as a checkpoint (it is damaged); remove it and train again.")
    with safe_loading(path):
        try:
            checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=False, mmap=mapped)
        except (RuntimeError, EOFError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise UserError(f"{path} cannot be read as a checkpoint ({reason}); remove it and train again.") from None
    return checkpoint


@contextmanager
def safe_loading(path: Path) -> Iterator[None]:
    """Within the block ``torch.load`` refuses whatever could run code, also where nnU-Net calls it.

    Nothing changes if the user has set the environment variable `TRUST` to 1.

    Args:
        path: the checkpoint that the block loads, for the message.

    Raises:
        UserError: it holds more than tensors, numbers and text.
    """
    import torch

    if os.environ.get(TRUST, "").lower() in ("1", "y", "yes", "true"):
        yield
        return
    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, {"TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1"}))
        stack.enter_context(torch.serialization.safe_globals(_numpy_types()))
        try:
            yield
        except pickle.UnpicklingError as error:
            found: list[str] = []
            with suppress(Exception):  # only to say more; the file is refused in any case
                found = torch.serialization.get_unsafe_globals_in_checkpoint(path)
            what = " and ".join(found) or "more than tensors, numbers and text"
            raise UserError(
                f"{path} was not loaded, because it holds {what}, which can run code; if you trust whoever made this "
                f"checkpoint, set the environment variable {TRUST}=1 and repeat the command."
            ) from error


def _numpy_types() -> list[Any]:
    """The types in which NumPy pickles its numbers and arrays, under the names of NumPy 1 and of NumPy 2."""
    makers = {"scalar": np.float64(0).__reduce__()[0], "_reconstruct": np.zeros(0).__reduce__()[0]}
    return [
        np.ndarray,
        np.dtype,
        *{type(np.dtype(kind)) for kind in "?bBhHiIlLqQefd"},
        *((maker, f"numpy.{core}.multiarray.{name}") for name, maker in makers.items() for core in ("core", "_core")),
    ]
