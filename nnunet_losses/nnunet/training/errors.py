"""The error that ends a training."""

from nnunet_losses.base.errors import UserError


class StopTraining(SystemExit, UserError):  # noqa: N818  # an end, like StopIteration
    """Ends nnU-Net's commands with one sentence and exit code 1; a `UserError` alone would end in a traceback there."""
