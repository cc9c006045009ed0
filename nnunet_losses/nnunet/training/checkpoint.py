"""nnU-Net's checkpoints, loaded without running code that they may hold.

A checkpoint is a pickle, and loading a pickle can run anything. nnU-Net loads its checkpoints without a check
(``weights_only=False``). PyTorch can refuse everything but tensors and types that were named before, and what nnU-Net
saves needs no more than a few types of NumPy beside its tensors.
"""

import errno
import hashlib
import os
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from nnunet_losses.base.errors import UserError
from nnunet_losses.nnunet.training.origin import Origin

TRUST = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
"""PyTorch's own variable for people who trust their files."""


class DamagedCheckpointError(UserError):
    """A file is no checkpoint, or not the whole of one."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} cannot be read as a checkpoint ({reason}); remove it, and resume its training with --c."
        )
        self.reason = reason


def read_checkpoint(path: Path, *, mapped: bool = False) -> dict[str, Any]:
    """Read a checkpoint of nnU-Net, after looking whether all of its bytes are as they were written.

    Args:
        path: the checkpoint.
        mapped: leave the tensors on the disk until they are used, which spares memory. The file must not change
            meanwhile.

    Raises:
        DamagedCheckpointError: it is damaged, or no checkpoint.
        UserError: it holds more than tensors, numbers and text.
    """
    import torch

    require_whole(path)
    with safe_loading(path):
        try:
            checkpoint = torch.load(path, map_location="cpu", weights_only=False, mmap=mapped)
        except (RuntimeError, EOFError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise DamagedCheckpointError(path, reason) from None
    if not isinstance(checkpoint, dict):
        raise DamagedCheckpointError(path, f"it holds {type(checkpoint).__name__}")
    return checkpoint


def require_whole(path: Path) -> None:
    """Compare a checkpoint with the checksums in it, which PyTorch writes and does not look at.

    Raises:
        DamagedCheckpointError: it is empty, cut off, or has a wrong bit.
        OSError: it cannot be read at all, which says nothing about its content.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # a wrong offset in a damaged file is an invalid argument
            raise
        raise DamagedCheckpointError(path, "it is damaged") from None
    except Exception:  # whatever Python's reader stumbles over
        reason = "it is damaged" if path.stat().st_size else "it is damaged: an empty file"
        raise DamagedCheckpointError(path, reason) from None
    if broken is not None:
        raise DamagedCheckpointError(path, f"it is damaged: the checksum of {broken} is wrong")


def bytes_in(state: Any) -> int:
    """Bytes of all tensors in nested containers: nearly the size of their checkpoint."""
    if isinstance(state, Mapping):
        return sum(map(bytes_in, state.values()))
    if isinstance(state, list | tuple):
        return sum(map(bytes_in, state))
    return int(state.nbytes) if hasattr(state, "nbytes") else 0


def set_aside(path: Path) -> Path:
    """Rename a checkpoint that cannot be used, to a name that nobody looks for and that is not taken."""
    number, target = 1, path.with_name(f"{path.name}.aside")
    while target.exists():
        number += 1
        target = path.with_name(f"{path.name}.aside{number}")
    return path.rename(target)


def origin_of(checkpoint: Mapping[str, Any], path: Path) -> Origin:
    """The training that a checkpoint is from.

    Args:
        checkpoint: what `read_checkpoint` gave.
        path: of the file, for the message.

    Raises:
        DamagedCheckpointError: it does not say so.
    """
    try:
        return Origin.of(checkpoint["trainer_name"], checkpoint["init_args"])
    except (KeyError, TypeError, AttributeError) as error:
        raise DamagedCheckpointError(path, f"it does not say which training it is from: {error!r}") from None


def weights_sha256(weights: Mapping[str, Any]) -> str:
    """SHA-256 of the tensors of a network: the same for the same weights, whatever else their files hold."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


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
                f"{path} was not loaded, because it holds {what}, which can run code; if you trust the origin of this "
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
