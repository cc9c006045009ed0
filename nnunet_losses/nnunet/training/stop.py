"""The end of a training that must not go on."""

from nnunet_losses.base.errors import UserError


class StopTraining(SystemExit, UserError):  # noqa: N818  # an end, like StopIteration
    """Ends nnU-Net's commands with one sentence and exit code 1, for they know nothing of `UserError`."""
