"""The command ``nnunet-losses``: a thin face over the package; each rule of the workflow calls what a person could."""

from nnunet_losses.cli import (
    bundle,
    data,
    evidence,
    froc,
    init,
    kept,
    losses,
    papers,
    plan,
    report,
    run,
    status,
    training,
)
from nnunet_losses.cli.app import app

__all__ = [
    "app",
    "bundle",
    "data",
    "evidence",
    "froc",
    "init",
    "kept",
    "losses",
    "papers",
    "plan",
    "report",
    "run",
    "status",
    "training",
]
