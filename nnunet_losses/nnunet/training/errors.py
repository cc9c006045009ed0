"""The error that ends a training."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nnunet_losses.base.disk import DiskFullError, on_disk
from nnunet_losses.base.errors import UserError, line_of


class StopTraining(SystemExit, UserError):  # noqa: N818  # an end, like StopIteration
    """Ends nnU-Net's commands with one sentence and exit code 1; a `UserError` alone would end in a traceback there."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.code = line_of(text)  # Python prints it


@contextmanager
def stop_if_disk_full(folder: Path) -> Iterator[None]:
    """What nnU-Net writes to ``folder``, itself or in its worker processes, ends in one sentence if the disk is full.

    Raises:
        StopTraining: the disk was full.
    """
    try:
        with on_disk(folder, ask=True):
            yield
    except DiskFullError as error:
        raise StopTraining(str(error)) from error
