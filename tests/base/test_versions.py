"""Versions of software."""

import platform

import numpy as np

from nnunet_losses import __version__
from nnunet_losses.base.versions import package_version, software_versions


def test_versions_are_those_of_the_packages_and_absent_ones_are_left_out() -> None:
    found = software_versions(("numpy", "no-such-package"))
    assert found == {"nnunet-losses": __version__, "python": platform.python_version(), "numpy": np.__version__}
    assert package_version("no-such-package") is None
