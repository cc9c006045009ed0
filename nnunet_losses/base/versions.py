"""Versions of the software that computes a result."""

import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from nnunet_losses import __version__


def software_versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions of this package, of Python, and of those of the ``packages`` that are installed."""
    ours = {"nnunet-losses": __version__, "python": platform.python_version()}
    return ours | {name: found for name in packages if (found := package_version(name))}


def package_version(package: str) -> str | None:
    """The version of an installed package; None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
