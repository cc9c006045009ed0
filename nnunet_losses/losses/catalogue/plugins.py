"""Losses of other packages: the modules that their entry points ``nnunet_losses.losses`` name are imported."""

import warnings
from importlib.metadata import EntryPoint, entry_points

from nnunet_losses.losses.catalogue.registry import CATALOGUE

GROUP = "nnunet_losses.losses"


def load_plugins() -> None:
    """Import the modules of other packages that register losses; a broken one gets one warning and adds nothing."""
    for entry_point in entry_points(group=GROUP):
        before = dict(CATALOGUE)
        try:
            entry_point.load()
        except (Exception, SystemExit) as error:  # whatever is wrong with it, ours must go on
            CATALOGUE.clear()
            CATALOGUE.update(before)
            reason = " ".join(str(error).split()) or "no reason given"
            warnings.warn(
                f"The losses of the package {_package(entry_point)} are left out, because loading "
                f"{entry_point.value} failed: {type(error).__name__}: {reason}.",
                stacklevel=2,
            )


def _package(entry_point: EntryPoint) -> str:
    return entry_point.dist.name if entry_point.dist is not None else entry_point.value.partition(".")[0]
